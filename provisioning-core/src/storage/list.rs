//! Listings of accounts and log entries: statements put together from a filter, an order and a page.

use super::{
    AccountPage, Engine, PageKey, RowQuery, Storage, StorageError,
    accounts::{caller_sql, token_id},
    columns::{self, account_columns, account_groups, caller_columns, log_entry_columns},
    filter::{self, Bind, Columns},
    read,
    sort::Sorting,
    statement::Statement,
};
use uuid::Uuid;

use crate::{
    attributes::filter::Filter,
    call::{Caller, CallerKey},
    ids::{LogEntryId, TenantId},
    log::LogEntry,
    page_token::cut,
};

/// The tenant of the identifier `$1`, found once.
macro_rules! tenant_sql {
    () => {
        "(SELECT id FROM tenants WHERE identifier = $1)"
    };
}
pub(super) use tenant_sql;

const fn accounts(engine: filter::Engine) -> Listing {
    Listing {
        inner: account_columns!(),
        outer: match engine {
            filter::Engine::Sqlite => concat!(account_columns!(), ", ", account_groups!(sqlite)),
            filter::Engine::Postgres => {
                concat!(account_columns!(), ", ", account_groups!(postgres))
            }
        },
        table: "accounts",
        columns: Columns::accounts(tenant_sql!()),
    }
}

impl Engine {
    pub const fn dialect(&self) -> filter::Engine {
        match self {
            Self::Sqlite(_) => filter::Engine::Sqlite,
            Self::Postgres(_) => filter::Engine::Postgres,
        }
    }
}

impl Storage {
    /// Finds the caller, and a page of the accounts that are not deleted.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_accounts"))]
    pub async fn list_accounts(
        &self,
        key: &CallerKey,
        query: &RowQuery<'_>,
    ) -> Result<(Option<Caller>, AccountPage), StorageError> {
        let statement = list_statement(
            self.engine.dialect(),
            key,
            &accounts(self.engine.dialect()),
            query,
        );
        let rows = read!(
            self,
            columns::listed,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        let mut caller = None;
        let mut listed = Vec::with_capacity(rows.len());
        for (row_caller, account) in rows {
            caller.get_or_insert(row_caller);
            listed.extend(account);
        }
        let (accounts, next) = page(listed, query.limit, |account| account.id.uuid());
        Ok((caller, AccountPage { accounts, next }))
    }

    /// How the engine would answer [`list_accounts`](Self::list_accounts), in its own words: which indexes it would use.
    pub async fn explain_list_accounts(
        &self,
        key: &CallerKey,
        query: &RowQuery<'_>,
    ) -> Result<Vec<String>, StorageError> {
        self.explain(key, &accounts(self.engine.dialect()), query)
            .await
    }

    /// Counts the accounts that are not deleted and match.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "count_accounts"))]
    pub async fn count_accounts(
        &self,
        tenant: TenantId,
        filter: Option<&Filter>,
    ) -> Result<i64, StorageError> {
        let rows = "accounts a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL";
        self.count(tenant, rows, &Columns::accounts("$1"), filter)
            .await
    }

    /// The plan of a listing's statement.
    pub(super) async fn explain(
        &self,
        key: &CallerKey,
        listing: &Listing,
        query: &RowQuery<'_>,
    ) -> Result<Vec<String>, StorageError> {
        let dialect = self.engine.dialect();
        let statement = list_statement(dialect, key, listing, query).explained(dialect);
        read!(
            self,
            columns::plan_step,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// Counts the rows that match; `$1` is the tenant's id.
    pub(super) async fn count(
        &self,
        tenant: TenantId,
        rows: &'static str,
        columns: &Columns,
        filter: Option<&Filter>,
    ) -> Result<i64, StorageError> {
        let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
        statement
            .push("SELECT COUNT(*) FROM ")
            .push(rows)
            .and_filter(filter, self.engine.dialect(), columns);
        let counts = read!(
            self,
            columns::int,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        Ok(counts.into_iter().sum())
    }

    /// Lists log entries, the newest first, older than `before`.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_log_entries"))]
    pub async fn list_log_entries(
        &self,
        tenant: TenantId,
        filter: Option<&Filter>,
        limit: u32,
        before: Option<LogEntryId>,
    ) -> Result<Vec<LogEntry>, StorageError> {
        let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
        statement
            .push(concat!(
                "SELECT ",
                log_entry_columns!(),
                " FROM log_entries e WHERE e.tenant_id = $1"
            ))
            .and_filter(filter, self.engine.dialect(), &Columns::log_entries());
        if let Some(before) = before {
            statement
                .push(" AND e.id < ")
                .bind(Bind::Uuid(before.uuid()));
        }
        statement
            .push(" ORDER BY e.id DESC LIMIT ")
            .bind(Bind::Int(limit.into()));
        read!(
            self,
            columns::log_entry,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }
}

/// What is listed of a table `a`.
pub(super) struct Listing {
    /// The columns that are read of the table.
    pub inner: &'static str,
    /// The columns of the answer, behind those of the caller.
    pub outer: &'static str,
    /// The table.
    pub table: &'static str,
    pub columns: Columns,
}

/// The page is cut in a subquery, so that it is read in the order of an index where there is one; the outer query repeats the order, which
/// a join does not promise to keep.
pub(super) fn list_statement(
    engine: filter::Engine,
    key: &CallerKey,
    listing: &Listing,
    query: &RowQuery<'_>,
) -> Statement {
    // No token has an empty id.
    let texts = [key.tenant.as_str(), token_id(key).unwrap_or_default()];
    let mut statement = Statement::with(texts.map(|text| Bind::Text(text.to_owned())));
    statement
        .push(concat!("SELECT ", caller_columns!(), ", "))
        .push(listing.outer)
        .push(concat!(
            ", CAST(a.sort_value AS TEXT) ",
            caller_sql!(),
            " LEFT JOIN (SELECT a.tenant_id, "
        ))
        .push(listing.inner)
        .push(", ");
    let sorting = Sorting::new(engine, &listing.columns, &query.order);
    sorting
        .push_value(&mut statement)
        .push(" AS sort_value FROM ")
        .push(listing.table)
        .push(concat!(
            " a WHERE a.tenant_id = ",
            tenant_sql!(),
            " AND a.deleted_at IS NULL"
        ))
        .and_filter(query.filter, engine, &listing.columns);
    if let Some(after) = &query.after {
        sorting.push_after(&mut statement, after);
    }
    sorting.push_order(&mut statement);
    statement
        .push(" LIMIT ")
        // One more, which tells whether there is a next page.
        .bind(Bind::Int(i64::from(query.limit) + 1));
    statement
        .push(" OFFSET ")
        .bind(Bind::Int(query.skip.into()));
    statement.push(") a ON a.tenant_id = t.id WHERE t.identifier = $1");
    sorting.push_order(&mut statement);
    statement
}

/// The rows of a page with the place behind it, out of rows with what they are sorted by.
pub(super) fn page<T>(
    mut listed: Vec<(T, Option<String>)>,
    limit: u32,
    id: impl Fn(&T) -> Uuid,
) -> (Vec<T>, Option<PageKey>) {
    let next = cut(&mut listed, limit).map(|(row, value)| PageKey {
        value: value.clone(),
        id: id(row),
    });
    (listed.into_iter().map(|(row, _)| row).collect(), next)
}
