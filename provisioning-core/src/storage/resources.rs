//! Listings of accounts and groups in one order. Each type is cut to what the page can need before the two are put together, so that the cost is
//! that of two pages.

use uuid::Uuid;

use super::{
    PageKey, RowQuery, Storage, StorageError, columns,
    filter::{self, Bind, Columns},
    list::page,
    read,
    sort::Sorting,
    statement::Statement,
};
use crate::ids::TenantId;

/// Which table a resource stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// An account.
    Account,
    /// A group.
    Group,
}

/// What is asked of each type: the order, the page and the place are the same, the filter is read by each type's schema.
#[derive(Clone, Debug)]
pub struct ResourceQuery<'a> {
    /// Of accounts.
    pub accounts: RowQuery<'a>,
    /// Of groups.
    pub groups: RowQuery<'a>,
}

/// Which resources are on a page.
#[derive(Clone, Debug, Default)]
pub struct FoundResources {
    /// In order.
    pub found: Vec<(ResourceKind, Uuid)>,
    /// The place behind the last one; absent when none that matches is behind it.
    pub next: Option<PageKey>,
}

/// A row, and what it is sorted by.
pub(super) type Listed = ((ResourceKind, Uuid), Option<String>);

/// `$1` is the tenant.
const ACCOUNTS: (&str, &str, Columns) = (
    "SELECT CAST(0 AS BIGINT) AS kind, a.id, ",
    " AS sort_value FROM accounts a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL",
    Columns::accounts("$1"),
);
const GROUPS: (&str, &str, Columns) = (
    "SELECT CAST(1 AS BIGINT) AS kind, a.id, ",
    " AS sort_value FROM groups a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL",
    Columns::groups("$1"),
);

impl Storage {
    /// Finds a page of the accounts and groups that are not deleted.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_resources"))]
    pub async fn list_resources(
        &self,
        tenant: TenantId,
        query: &ResourceQuery<'_>,
    ) -> Result<FoundResources, StorageError> {
        let statement = list_statement(self.engine.dialect(), tenant, query);
        let rows = read!(
            self,
            columns::listed_resource,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        let (found, next) = page(rows, query.accounts.limit, |(_, id)| *id);
        Ok(FoundResources { found, next })
    }

    /// Counts the accounts and groups that are not deleted and match.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "count_resources"))]
    pub async fn count_resources(
        &self,
        tenant: TenantId,
        query: &ResourceQuery<'_>,
    ) -> Result<i64, StorageError> {
        let accounts = self.count_accounts(tenant, query.accounts.filter).await?;
        Ok(accounts + self.count_groups(tenant, query.groups.filter).await?)
    }
}

fn list_statement(
    engine: filter::Engine,
    tenant: TenantId,
    query: &ResourceQuery<'_>,
) -> Statement {
    let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
    statement.push("SELECT a.kind, a.id, CAST(a.sort_value AS TEXT) FROM (SELECT * FROM (");
    push_type(&mut statement, engine, &ACCOUNTS, &query.accounts);
    statement.push(") a UNION ALL SELECT * FROM (");
    push_type(&mut statement, engine, &GROUPS, &query.groups);
    statement.push(") a) a");
    let RowQuery {
        order, limit, skip, ..
    } = &query.accounts;
    Sorting::new(engine, &ACCOUNTS.2, order).push_common_order(&mut statement);
    statement
        .push(" LIMIT ")
        // One more, which tells whether there is a next page.
        .bind(Bind::Int(i64::from(*limit) + 1));
    statement.push(" OFFSET ").bind(Bind::Int((*skip).into()));
    statement
}

/// As many rows of one type as the page can need.
fn push_type(
    statement: &mut Statement,
    engine: filter::Engine,
    (select, from, columns): &(&'static str, &'static str, Columns),
    query: &RowQuery<'_>,
) {
    let sorting = Sorting::new(engine, columns, &query.order);
    statement.push(select);
    sorting.push_value(statement);
    statement
        .push(from)
        .and_filter(query.filter, engine, columns);
    if let Some(after) = &query.after {
        sorting.push_after(statement, after);
    }
    sorting.push_order(statement);
    statement.push(" LIMIT ").bind(Bind::Int(
        i64::from(query.skip) + i64::from(query.limit) + 1,
    ));
}
