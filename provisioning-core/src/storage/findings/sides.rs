//! What DragOnce has on its side of a finding: the accounts and groups that it is about, and what the log tells of them.

use uuid::Uuid;

use crate::{
    accounts::Account,
    groups::Group,
    ids::{AccountId, GroupId, TenantId},
    log::{LogEntry, Operation},
    storage::{
        PerEngine, Storage, StorageError,
        columns::{self, account, account_columns, group_columns, log_entry_columns},
        groups::json_ids,
        keyed::keyed,
        read,
    },
};

/// Deleted ones as well.
const ACCOUNTS: PerEngine = PerEngine {
    sqlite: concat!(
        "SELECT ",
        account_columns!(),
        ", NULL FROM accounts a WHERE a.tenant_id = $1 AND a.id IN (SELECT unhex(j.value, '-') FROM json_each($2) j)"
    ),
    postgres: concat!(
        "SELECT ",
        account_columns!(),
        ", NULL FROM ",
        keyed!("$1::UUID", "$2"),
        " k JOIN accounts a ON a.tenant_id = k.tenant_id AND a.id = k.id"
    ),
};
const GROUPS: PerEngine = PerEngine {
    sqlite: concat!(
        "SELECT ",
        group_columns!(),
        " FROM groups a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL AND a.id IN (SELECT unhex(j.value, '-') FROM json_each($2) j)"
    ),
    postgres: concat!(
        "SELECT ",
        group_columns!(),
        " FROM ",
        keyed!("$1::UUID", "$2"),
        " k JOIN groups a ON a.tenant_id = k.tenant_id AND a.id = k.id WHERE a.deleted_at IS NULL"
    ),
};

/// Among the newest entries of a login account: it has as many as requests were logged of it, so the look has an end.
const NEWEST_OF_ACCOUNT: &str = concat!(
    "SELECT ",
    log_entry_columns!(),
    "
     FROM (
         SELECT *
         FROM log_entries
         WHERE tenant_id = $1 AND user_name_key = $2
         ORDER BY id DESC
         LIMIT 1000
     ) e
     WHERE e.resource_id = $3 AND e.outcome = 'success' AND ($4 = '' OR e.operation = $4)
     ORDER BY e.id DESC
     LIMIT 1"
);

impl Storage {
    /// Finds accounts by id, deleted ones too, in no particular order. Without their groups.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_accounts_and_tombstones"))]
    pub async fn find_accounts_and_tombstones(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<Account>, StorageError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        read!(
            self,
            account,
            sqlite(ACCOUNTS.sqlite; tenant.uuid(), json_ids(&ids)),
            postgres(ACCOUNTS.postgres; tenant.uuid(), &ids)
        )
    }

    /// Finds groups by id, in no particular order. Without members.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_groups_by_ids"))]
    pub async fn find_groups_by_ids(
        &self,
        tenant: TenantId,
        ids: &[GroupId],
    ) -> Result<Vec<Group>, StorageError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        read!(
            self,
            columns::group,
            sqlite(GROUPS.sqlite; tenant.uuid(), json_ids(&ids)),
            postgres(GROUPS.postgres; tenant.uuid(), &ids)
        )
    }

    /// Finds the newest successful log entry of an account under a login account that it has or had, of an operation where one is given. Looks at
    /// the newest 1,000 entries of that login.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_newest_of_account"))]
    pub async fn find_newest_of_account(
        &self,
        tenant: TenantId,
        user_name_key: &str,
        account: AccountId,
        operation: Option<Operation>,
    ) -> Result<Option<LogEntry>, StorageError> {
        let operation = operation.map_or("", Operation::as_str);
        let account = account.to_string();
        let entries = read!(
            self,
            columns::log_entry,
            NEWEST_OF_ACCOUNT; tenant.uuid(), user_name_key, &account, operation
        )?;
        Ok(entries.into_iter().next())
    }
}
