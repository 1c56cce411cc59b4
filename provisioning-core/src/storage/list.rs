//! Listings of accounts and log entries: statements put together from a filter, an order and a page.

use super::{
    AccountOrder, AccountPage, AccountQuery, Engine, PageKey, SortAttribute, SortValue, Storage,
    StorageError,
    accounts::{caller_sql, token_id},
    columns::{self, account_columns, log_entry_columns, tenant_columns, token_columns},
    filter::{self, Bind, Columns},
    read,
    statement::Statement,
};
use crate::{
    accounts::Account,
    attributes::filter::Filter,
    call::{Caller, CallerKey},
    ids::{LogEntryId, TenantId},
    log::LogEntry,
    page_token::cut,
};

impl Engine {
    const fn dialect(&self) -> filter::Engine {
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
        query: &AccountQuery<'_>,
    ) -> Result<(Option<Caller>, AccountPage), StorageError> {
        let statement = list_statement(self.engine.dialect(), key, query);
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
        let next = cut(&mut listed, query.limit)
            .map(|(account, sort_text)| page_key(&query.order, account, sort_text.clone()));
        let accounts = listed.into_iter().map(|(account, _)| account).collect();
        Ok((caller, AccountPage { accounts, next }))
    }

    /// How the engine would answer [`list_accounts`](Self::list_accounts), in its own words: which indexes it would use.
    pub async fn explain_list_accounts(
        &self,
        key: &CallerKey,
        query: &AccountQuery<'_>,
    ) -> Result<Vec<String>, StorageError> {
        let statement =
            list_statement(self.engine.dialect(), key, query).explained(self.engine.dialect());
        read!(
            self,
            columns::plan_step,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// Counts the accounts that are not deleted and match.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "count_accounts"))]
    pub async fn count_accounts(
        &self,
        tenant: TenantId,
        filter: Option<&Filter>,
    ) -> Result<i64, StorageError> {
        let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
        statement
            .push("SELECT COUNT(*) FROM accounts a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL")
            .and_filter(filter, self.engine.dialect(), &Columns::accounts("$1"));
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

/// The tenant of the identifier `$1`, found once.
macro_rules! tenant_sql {
    () => {
        "(SELECT id FROM tenants WHERE identifier = $1)"
    };
}

/// The page is cut in a subquery, so that it is read in the order of an index where there is one; the outer query repeats the order, which
/// a join does not promise to keep.
fn list_statement(engine: filter::Engine, key: &CallerKey, query: &AccountQuery<'_>) -> Statement {
    // No token has an empty id.
    let texts = [key.tenant.as_str(), token_id(key).unwrap_or_default()];
    let mut statement = Statement::with(texts.map(|text| Bind::Text(text.to_owned())));
    statement.push(concat!(
        "SELECT ",
        tenant_columns!(),
        ", ",
        token_columns!(),
        ", ",
        account_columns!(),
        ", a.sort_text ",
        caller_sql!(),
        " LEFT JOIN (SELECT a.tenant_id, ",
        account_columns!(),
        ", "
    ));
    match &query.order.attribute {
        Some(attribute @ (SortAttribute::DisplayName | SortAttribute::Search(_))) => {
            push_sort_value(&mut statement, attribute, engine)
        }
        _ => statement.push("CAST(NULL AS TEXT)"),
    }
    .push(concat!(
        " AS sort_text FROM accounts a WHERE a.tenant_id = ",
        tenant_sql!(),
        " AND a.deleted_at IS NULL"
    ))
    .and_filter(query.filter, engine, &Columns::accounts(tenant_sql!()));
    if let Some(after) = &query.after {
        push_after(&mut statement, &query.order, after, engine);
    }
    statement
        .push(order_by(&query.order))
        .push(" LIMIT ")
        // One more, which tells whether there is a next page.
        .bind(Bind::Int(i64::from(query.limit) + 1));
    statement
        .push(" OFFSET ")
        .bind(Bind::Int(query.skip.into()));
    statement
        .push(") a ON a.tenant_id = t.id WHERE t.identifier = $1")
        .push(order_by(&query.order));
    statement
}

/// The same in the subquery and around it. The engines agree on where NULL stands only when told, and where there is none, telling it
/// keeps SQLite from using an index.
const fn order_by(order: &AccountOrder) -> &'static str {
    match (&order.attribute, order.descending) {
        (None, false) => " ORDER BY a.id",
        (None, true) => " ORDER BY a.id DESC",
        (Some(SortAttribute::UserName), false) => " ORDER BY a.user_name_key, a.id",
        (Some(SortAttribute::UserName), true) => " ORDER BY a.user_name_key DESC, a.id DESC",
        (Some(SortAttribute::CreatedAt), false) => " ORDER BY a.created_at, a.id",
        (Some(SortAttribute::CreatedAt), true) => " ORDER BY a.created_at DESC, a.id DESC",
        (Some(SortAttribute::UpdatedAt), false) => " ORDER BY a.updated_at, a.id",
        (Some(SortAttribute::UpdatedAt), true) => " ORDER BY a.updated_at DESC, a.id DESC",
        (Some(SortAttribute::DisplayName | SortAttribute::Search(_)), false) => {
            " ORDER BY sort_text ASC NULLS LAST, a.id"
        }
        (Some(SortAttribute::DisplayName | SortAttribute::Search(_)), true) => {
            " ORDER BY sort_text DESC NULLS FIRST, a.id DESC"
        }
    }
}

/// The value of an account that it is sorted by.
fn push_sort_value<'s>(
    statement: &'s mut Statement,
    attribute: &SortAttribute,
    engine: filter::Engine,
) -> &'s mut Statement {
    match attribute {
        SortAttribute::UserName => statement.push("a.user_name_key"),
        SortAttribute::DisplayName => statement.push("a.display_name_key"),
        SortAttribute::CreatedAt => statement.push("a.created_at"),
        SortAttribute::UpdatedAt => statement.push("a.updated_at"),
        SortAttribute::Search(keys) => {
            statement.push("CAST(a.search");
            for (index, key) in keys.iter().enumerate() {
                let last = index + 1 == keys.len();
                statement
                    .push(if last { " ->> " } else { " -> " })
                    .bind(Bind::Text(key.clone()));
            }
            statement.push(" AS TEXT)");
            match engine {
                filter::Engine::Sqlite => statement,
                // SQLite compares bytes anyway; here the column's collation does not reach into its JSON.
                filter::Engine::Postgres => statement.push(" COLLATE \"C\""),
            }
        }
    }
}

/// The accounts behind a place.
fn push_after(
    statement: &mut Statement,
    order: &AccountOrder,
    after: &PageKey,
    engine: filter::Engine,
) {
    let id = Bind::Uuid(after.id);
    let beyond = if order.descending { " < " } else { " > " };
    let Some(attribute) = &order.attribute else {
        statement.push(" AND a.id").push(beyond).bind(id);
        return;
    };
    let value = match &after.value {
        SortValue::Int(value) => Bind::Int(*value),
        SortValue::Text(value) => Bind::Text(value.clone()),
        // Behind the last value come the accounts without one when ascending, and all with one when descending.
        SortValue::None => {
            statement.push(" AND (");
            push_sort_value(statement, attribute, engine)
                .push(" IS NULL AND a.id")
                .push(beyond)
                .bind(id);
            if order.descending {
                statement.push(" OR ");
                push_sort_value(statement, attribute, engine).push(" IS NOT NULL");
            }
            statement.push(")");
            return;
        }
    };
    statement.push(" AND ((");
    push_sort_value(statement, attribute, engine)
        .push(", a.id)")
        .push(beyond)
        .push("(")
        .bind(value)
        .push(", ")
        .bind(id)
        .push(")");
    if !order.descending
        && matches!(
            attribute,
            SortAttribute::DisplayName | SortAttribute::Search(_)
        )
    {
        statement.push(" OR ");
        push_sort_value(statement, attribute, engine).push(" IS NULL");
    }
    statement.push(")");
}

/// Where the listing goes on behind `account`.
fn page_key(order: &AccountOrder, account: &Account, sort_text: Option<String>) -> PageKey {
    let value = match &order.attribute {
        None => SortValue::None,
        Some(SortAttribute::UserName) => SortValue::Text(account.user_name_key.clone()),
        Some(SortAttribute::CreatedAt) => SortValue::Int(account.created_at.as_micros()),
        Some(SortAttribute::UpdatedAt) => SortValue::Int(account.updated_at.as_micros()),
        Some(SortAttribute::DisplayName | SortAttribute::Search(_)) => {
            sort_text.map_or(SortValue::None, SortValue::Text)
        }
    };
    PageKey {
        value,
        id: account.id.uuid(),
    }
}
