//! Reads of what is known of one person: every account that an id, a login account or an Object ID names, and the newest log entries about it.

use super::{
    PerEngine, Storage, StorageError,
    columns::{self, account, account_columns, account_groups, log_entry_columns},
    filter::Bind,
    read,
    statement::Statement,
};
use crate::{
    accounts::Account,
    ids::{AccountId, TenantId},
    log::LogEntry,
};

/// By what accounts are looked for; whatever is absent names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By id.
    pub id: Option<AccountId>,
    /// By folded login account.
    pub user_name_key: Option<String>,
    /// By the key of an Object ID ([`object_id_key`](crate::links::object_id_key)).
    pub object_id_key: Option<String>,
}

/// Each arm has an index of its own. Few accounts share an Object ID or have had the same login; of those who do, some are enough to tell how it
/// stands.
macro_rules! named_accounts {
    ($engine:ident) => { concat!(
    "SELECT ",
    account_columns!(),
    ", ",
    account_groups!($engine),
    "
     FROM (
         SELECT a.*
         FROM accounts a
         WHERE a.tenant_id = $1 AND a.id = $2
         UNION ALL
         SELECT a.*
         FROM accounts a
         WHERE a.tenant_id = $1 AND a.user_name_key = $3 AND a.deleted_at IS NULL
         UNION ALL
         SELECT d.*
         FROM (
             SELECT a.*
             FROM accounts a
             WHERE a.tenant_id = $1 AND a.user_name_key = $3 AND a.deleted_at IS NOT NULL
             ORDER BY a.deleted_at DESC
             LIMIT 5
         ) d
         UNION ALL
         SELECT a.*
         FROM accounts a
         WHERE a.tenant_id = $1 AND a.object_id_claim = $4 AND a.deleted_at IS NULL
         UNION ALL
         SELECT s.*
         FROM (
             SELECT a.*
             FROM accounts a
             WHERE a.tenant_id = $1 AND a.object_id_key = $4 AND a.object_id_claim IS NULL AND a.deleted_at IS NULL
             LIMIT 5
         ) s
         UNION ALL
         SELECT d.*
         FROM (
             SELECT a.*
             FROM accounts a
             WHERE a.tenant_id = $1 AND a.object_id_key = $4 AND a.deleted_at IS NOT NULL
             LIMIT 5
         ) d
     ) a
     ORDER BY a.deleted_at IS NOT NULL, a.deleted_at DESC, a.id"
) };
}

const NAMED_ACCOUNTS: PerEngine = PerEngine {
    sqlite: named_accounts!(sqlite),
    postgres: named_accounts!(postgres),
};

/// The text of the operation is that of the index, which holds these entries alone.
macro_rules! refused_authentication {
    () => { concat!(
    "SELECT ",
    log_entry_columns!(),
    " FROM log_entries e WHERE e.tenant_id = $1 AND e.operation = 'authenticate' ORDER BY e.id DESC LIMIT 1"
) };
}

impl Storage {
    /// Finds the accounts that any of the names is of, deleted ones behind the others, the latest deletion first; each once.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_named_accounts"))]
    pub async fn find_named_accounts(
        &self,
        tenant: TenantId,
        names: &Names,
    ) -> Result<Vec<Account>, StorageError> {
        let id = names.id.map(AccountId::uuid);
        let (user_name, object_id) = (
            names.user_name_key.as_deref(),
            names.object_id_key.as_deref(),
        );
        let found: Vec<Account> = read!(
            self,
            account,
            each(NAMED_ACCOUNTS; tenant.uuid(), id, user_name, object_id)
        )?;
        let mut accounts: Vec<Account> = Vec::with_capacity(found.len());
        for account in found {
            if accounts.iter().all(|known| known.id != account.id) {
                accounts.push(account);
            }
        }
        Ok(accounts)
    }

    /// How the engine would answer [`find_named_accounts`](Self::find_named_accounts), in its own words: which indexes it would use.
    pub async fn explain_find_named_accounts(
        &self,
        tenant: TenantId,
        names: &Names,
    ) -> Result<Vec<String>, StorageError> {
        const EXPLAIN: PerEngine = PerEngine {
            sqlite: concat!("EXPLAIN QUERY PLAN ", named_accounts!(sqlite)),
            postgres: concat!("EXPLAIN ", named_accounts!(postgres)),
        };
        let id = names.id.map(AccountId::uuid);
        let (user_name, object_id) = (
            names.user_name_key.as_deref(),
            names.object_id_key.as_deref(),
        );
        read!(
            self,
            columns::plan_step,
            each(EXPLAIN; tenant.uuid(), id, user_name, object_id)
        )
    }

    /// Finds the newest log entries with any of the folded login accounts or Object IDs, as they were sent, newest first; at most `limit`.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_log_entries_about"))]
    pub async fn find_log_entries_about(
        &self,
        tenant: TenantId,
        user_name_keys: &[String],
        object_ids: &[String],
        limit: u32,
    ) -> Result<Vec<LogEntry>, StorageError> {
        let named = user_name_keys
            .iter()
            .map(|key| (" AND e.user_name_key = ", key));
        let linked = object_ids.iter().map(|id| (" AND e.object_id = ", id));
        let mut statement = Statement::with([Bind::Uuid(tenant.uuid()), Bind::Int(limit.into())]);
        statement.push(concat!("SELECT ", log_entry_columns!(), " FROM ("));
        let mut arms = 0;
        for (condition, value) in named.chain(linked) {
            statement
                .push(if arms == 0 { "" } else { " UNION ALL " })
                .push("SELECT n.* FROM (SELECT e.* FROM log_entries e WHERE e.tenant_id = $1")
                .push(condition)
                .bind(Bind::Text(value.clone()))
                .push(" ORDER BY e.id DESC LIMIT $2) n");
            arms += 1;
        }
        if arms == 0 {
            return Ok(Vec::new());
        }
        statement.push(") e ORDER BY e.id DESC");
        let mut entries: Vec<LogEntry> = read!(
            self,
            columns::log_entry,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        entries.dedup_by_key(|entry| entry.id);
        entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(entries)
    }

    /// Finds the newest log entry of a request with a SCIM token that was not let in.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_refused_authentication"))]
    pub async fn find_refused_authentication(
        &self,
        tenant: TenantId,
    ) -> Result<Option<LogEntry>, StorageError> {
        let entries: Vec<LogEntry> =
            read!(self, columns::log_entry, refused_authentication!(); tenant.uuid())?;
        Ok(entries.into_iter().next())
    }

    /// How the engine would answer [`find_refused_authentication`](Self::find_refused_authentication), in its own words.
    pub async fn explain_find_refused_authentication(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<String>, StorageError> {
        const EXPLAIN: PerEngine = PerEngine {
            sqlite: concat!("EXPLAIN QUERY PLAN ", refused_authentication!()),
            postgres: concat!("EXPLAIN ", refused_authentication!()),
        };
        read!(self, columns::plan_step, each(EXPLAIN; tenant.uuid()))
    }

    /// Finds the log entries of the newest link steps of some accounts, newest first; at most `limit` in all.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_link_steps_of"))]
    pub async fn find_link_steps_of(
        &self,
        tenant: TenantId,
        accounts: &[AccountId],
        limit: u32,
    ) -> Result<Vec<LogEntry>, StorageError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::with([Bind::Uuid(tenant.uuid()), Bind::Int(limit.into())]);
        statement.push(concat!("SELECT ", log_entry_columns!(), " FROM ("));
        for (number, account) in accounts.iter().enumerate() {
            statement
                .push(if number == 0 { "" } else { " UNION ALL " })
                .push(
                    "SELECT n.* FROM (SELECT e.* FROM log_entries e WHERE e.tenant_id = $1 AND e.object_id_after IS NOT NULL AND e.resource_id = ",
                )
                .bind(Bind::Text(account.to_string()))
                .push(" ORDER BY e.id DESC LIMIT $2) n");
        }
        statement.push(") e ORDER BY e.id DESC LIMIT $2");
        read!(
            self,
            columns::log_entry,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }
}
