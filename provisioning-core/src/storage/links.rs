//! Reads about links: who holds an Object ID, and how accounts came to theirs.

use super::{
    Storage, StorageError,
    columns::{Columns, int, log_entry, log_entry_columns, plan_step},
    filter::Bind,
    read,
    statement::Statement,
};
use crate::{
    ids::{AccountId, LogEntryId, TenantId},
    log::LogEntry,
};

/// An account with an Object ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectIdHolder {
    /// Which account.
    pub id: AccountId,
    /// Its login account.
    pub user_name: String,
    /// Its Object ID, as it is spelled there.
    pub object_id: String,
    /// No other account may have it as well.
    pub exclusive: bool,
}

/// Each arm has an index of its own.
const HOLDERS: &str = "
    SELECT a.id, a.user_name, a.object_id, a.object_id_exclusive
    FROM (
        SELECT o.id, o.user_name, o.object_id, o.object_id_exclusive, o.object_id_claim
        FROM accounts o
        WHERE o.tenant_id = $1 AND o.object_id_claim = $2 AND o.deleted_at IS NULL
        UNION ALL
        SELECT s.id, s.user_name, s.object_id, s.object_id_exclusive, s.object_id_claim
        FROM accounts s
        WHERE s.tenant_id = $1 AND s.object_id_key = $2 AND s.object_id_claim IS NULL AND s.deleted_at IS NULL
    ) a
    ORDER BY a.object_id_claim IS NULL, a.id
    LIMIT $3";

/// A tombstone counts.
const ACCOUNT_EXISTS: &str = "SELECT COUNT(*) FROM accounts WHERE tenant_id = $1 AND id = $2";

impl Storage {
    /// Lists the accounts with an Object ID, by its key ([`object_id_key`](crate::links::object_id_key)), that are not deleted. One that
    /// has it exclusively comes first, then the order is that of the ids.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_object_id_holders"))]
    pub async fn list_object_id_holders(
        &self,
        tenant: TenantId,
        object_id_key: &str,
        limit: u32,
    ) -> Result<Vec<ObjectIdHolder>, StorageError> {
        read!(self, holder, HOLDERS; tenant.uuid(), object_id_key, i64::from(limit))
    }

    /// How the engine would answer [`list_object_id_holders`](Self::list_object_id_holders), in its own words.
    pub async fn explain_list_object_id_holders(
        &self,
        tenant: TenantId,
        object_id_key: &str,
    ) -> Result<Vec<String>, StorageError> {
        let mut statement = Statement::with([
            Bind::Uuid(tenant.uuid()),
            Bind::Text(object_id_key.to_owned()),
            Bind::Int(20),
        ]);
        statement.push(HOLDERS);
        let statement = statement.explained(self.engine.dialect());
        read!(
            self,
            plan_step,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// Whether the tenant has the account, deleted or not.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "account_exists"))]
    pub async fn account_exists(
        &self,
        tenant: TenantId,
        id: AccountId,
    ) -> Result<bool, StorageError> {
        let counts = read!(self, int, ACCOUNT_EXISTS; tenant.uuid(), id.uuid())?;
        Ok(counts.into_iter().sum::<i64>() > 0)
    }

    /// Lists the log entries of link steps, of one account or of all, the newest first and older than `before`.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_link_steps"))]
    pub async fn list_link_steps(
        &self,
        tenant: TenantId,
        account: Option<AccountId>,
        limit: u32,
        before: Option<LogEntryId>,
    ) -> Result<Vec<LogEntry>, StorageError> {
        let statement = link_steps(tenant, account, limit, before);
        read!(
            self,
            log_entry,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// How the engine would answer [`list_link_steps`](Self::list_link_steps), in its own words: which indexes it would use.
    pub async fn explain_list_link_steps(
        &self,
        tenant: TenantId,
        account: Option<AccountId>,
    ) -> Result<Vec<String>, StorageError> {
        let statement = link_steps(tenant, account, 100, None).explained(self.engine.dialect());
        read!(
            self,
            plan_step,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }
}

fn link_steps(
    tenant: TenantId,
    account: Option<AccountId>,
    limit: u32,
    before: Option<LogEntryId>,
) -> Statement {
    let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
    statement.push(concat!(
        "SELECT ",
        log_entry_columns!(),
        " FROM log_entries e WHERE e.tenant_id = $1 AND e.object_id_after IS NOT NULL"
    ));
    if let Some(account) = account {
        statement
            .push(" AND e.resource_id = ")
            .bind(Bind::Text(account.to_string()));
    }
    if let Some(before) = before {
        statement
            .push(" AND e.id < ")
            .bind(Bind::Uuid(before.uuid()));
    }
    statement
        .push(" ORDER BY e.id DESC LIMIT ")
        .bind(Bind::Int(limit.into()));
    statement
}

fn holder(columns: &mut impl Columns) -> Result<ObjectIdHolder, StorageError> {
    Ok(ObjectIdHolder {
        id: AccountId::from_uuid(columns.uuid()?),
        user_name: columns.text()?,
        object_id: columns.text()?,
        exclusive: columns.bool()?,
    })
}
