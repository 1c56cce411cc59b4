//! Deleted accounts: the reads that see them, and the statements that remove one for good.

use uuid::Uuid;

use super::{
    PerEngine, Storage, StorageError,
    accounts::{caller_sql, split, token_id},
    columns::{account, account_columns, account_groups, caller_and_account, caller_columns},
    read,
};
use crate::{
    accounts::Account,
    call::{Caller, CallerKey},
    clock::Timestamp,
    ids::{AccountId, TenantId},
};

/// The caller, and the account of an id, deleted or not.
macro_rules! by_id {
    ($engine:ident) => {
        concat!(
            "SELECT ",
            caller_columns!(),
            ", ",
            account_columns!(),
            ", ",
            account_groups!($engine),
            " ",
            caller_sql!(),
            " LEFT JOIN accounts a ON a.tenant_id = t.id AND a.id = $3
              WHERE t.identifier = $1"
        )
    };
}

const BY_ID: PerEngine = PerEngine {
    sqlite: by_id!(sqlite),
    postgres: by_id!(postgres),
};

/// The deleted accounts of the tenant `$1`, the latest first, behind that of the time `$2` and the id `$3`.
macro_rules! deleted {
    ($engine:ident) => {
        concat!(
            "SELECT ",
            account_columns!(),
            ", ",
            account_groups!($engine),
            "
             FROM accounts a
             WHERE a.tenant_id = $1 AND a.deleted_at IS NOT NULL AND (a.deleted_at, a.id) < ($2, $3)
             ORDER BY a.deleted_at DESC, a.id DESC
             LIMIT $4"
        )
    };
}

const DELETED: PerEngine = PerEngine {
    sqlite: deleted!(sqlite),
    postgres: deleted!(postgres),
};

/// Removes the account `$2` of the tenant `$1`, if it is deleted and at the version `$3`.
pub(super) const PURGE_ACCOUNT: &str = "DELETE FROM accounts WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NOT NULL";
/// What belongs to the account `$2` of the tenant `$1` in other tables.
pub(super) const PURGE_COMPANIONS: [&str; 2] = [
    "DELETE FROM account_emails WHERE tenant_id = $1 AND account_id = $2",
    "DELETE FROM group_members WHERE tenant_id = $1 AND member_id = $2",
];

impl Storage {
    /// Finds the caller, and the account of an id, also when it is deleted.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_account_or_tombstone"))]
    pub async fn find_account_or_tombstone(
        &self,
        key: &CallerKey,
        id: AccountId,
    ) -> Result<(Option<Caller>, Option<Account>), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let rows = read!(self, caller_and_account, each(BY_ID; tenant, token, id.uuid()))?;
        let (caller, mut accounts) = split(rows);
        Ok((caller, accounts.pop()))
    }

    /// Lists deleted accounts, the latest deletion first, behind a place or from the first on.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_deleted_accounts"))]
    pub async fn list_deleted_accounts(
        &self,
        tenant: TenantId,
        limit: u32,
        after: Option<(Timestamp, AccountId)>,
    ) -> Result<Vec<Account>, StorageError> {
        let (at, id) = after.map_or((i64::MAX, Uuid::max()), |(at, id)| {
            (at.as_micros(), id.uuid())
        });
        read!(self, account, each(DELETED; tenant.uuid(), at, id, i64::from(limit)))
    }
}
