//! Reads of accounts. Each is one statement, which answers who calls as well: one round trip a request.

use super::{
    PerEngine, Storage, StorageError,
    columns::{account_columns, account_groups, caller, caller_and_account, caller_columns},
    keyed::keyed_by_identifier,
    read,
};
use crate::{
    accounts::{Account, AccountKey},
    call::{Caller, CallerKey},
    clock::Timestamp,
    ids::AccountId,
    links::object_id_key as key_of,
    tokens::TokenId,
};

/// What a create has to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateCandidates {
    /// The account of that login.
    pub live: Option<Account>,
    /// Another account, which holds that Object ID exclusively.
    pub claimant: Option<Account>,
    /// Another account, which has that Object ID and lets others share it.
    pub sharer: Option<Account>,
    /// The account of that Object ID that was deleted last, if it can still be restored.
    pub tombstone: Option<Account>,
    /// The account of that login that was deleted last.
    pub former: Option<Account>,
}

/// The caller: `$1` is the tenant's identifier and `$2` the token's id, or NULL.
macro_rules! caller_sql {
    () => {
        "FROM tenants t LEFT JOIN scim_tokens k ON k.tenant_id = t.id AND k.id = $2"
    };
}

pub(super) use caller_sql;

const CALLER: &str = concat!(
    "SELECT ",
    caller_columns!(),
    " ",
    caller_sql!(),
    " WHERE t.identifier = $1"
);

/// The caller and the accounts of which a predicate holds.
macro_rules! caller_and_accounts {
    ($predicate:literal, $more:literal) => {
        PerEngine {
            sqlite: caller_and_accounts!(sqlite, $predicate, $more),
            postgres: caller_and_accounts!(postgres, $predicate, $more),
        }
    };
    ($engine:ident, $predicate:literal, $more:literal) => {
        caller_and_accounts!(
            joined $engine,
            concat!("accounts a ON a.tenant_id = t.id AND a.deleted_at IS NULL AND ", $predicate),
            $more
        )
    };
    (joined $engine:ident, $accounts:expr, $more:literal) => {
        concat!(
            "SELECT ",
            caller_columns!(),
            ", ",
            account_columns!(),
            ", ",
            account_groups!($engine),
            " ",
            caller_sql!(),
            " LEFT JOIN ",
            $accounts,
            " WHERE t.identifier = $1",
            $more
        )
    };
}

const BY_ID: PerEngine = caller_and_accounts!("a.id = $3", "");
const BY_USER_NAME: PerEngine = caller_and_accounts!("a.user_name_key = $3", "");
const BY_OBJECT_ID: PerEngine = caller_and_accounts!("a.object_id = $3", " ORDER BY a.id LIMIT 2");

/// The ids come as one JSON array: the statement is one text, however many there are.
const BATCH: PerEngine = PerEngine {
    sqlite: caller_and_accounts!(
        sqlite,
        "a.id IN (SELECT unhex(j.value, '-') FROM json_each($3) j)",
        ""
    ),
    postgres: caller_and_accounts!(
        joined postgres,
        concat!(
            "(",
            keyed_by_identifier!("$3"),
            " n JOIN accounts a ON a.tenant_id = n.tenant_id AND a.id = n.id AND a.deleted_at IS NULL) ON TRUE"
        ),
        ""
    ),
};

/// Each arm has an index of its own.
macro_rules! create_candidates {
    ($engine:ident) => { concat!(
    "SELECT ", caller_columns!(), ", ", account_columns!(), ", ", account_groups!($engine), " ", caller_sql!(), "
     LEFT JOIN (
         SELECT a.*
         FROM accounts a
         WHERE a.tenant_id = (SELECT id FROM tenants WHERE identifier = $1) AND a.user_name_key = $3 AND a.deleted_at IS NULL
         UNION ALL
         SELECT a.*
         FROM accounts a
         WHERE a.tenant_id = (SELECT id FROM tenants WHERE identifier = $1) AND a.object_id_claim = $4 AND a.deleted_at IS NULL
         UNION ALL
         SELECT d.*
         FROM (
             SELECT a.*
             FROM tenants o
             JOIN accounts a ON a.tenant_id = o.id
             WHERE o.identifier = $1 AND a.object_id_key = $4 AND a.deleted_at > $5 - o.tombstone_retention_us
             ORDER BY a.deleted_at DESC, a.id DESC
             LIMIT 1
         ) d
         UNION ALL
         SELECT d.*
         FROM (
             SELECT a.*
             FROM accounts a
             WHERE a.tenant_id = (SELECT id FROM tenants WHERE identifier = $1) AND a.user_name_key = $3 AND a.deleted_at IS NOT NULL
             ORDER BY a.deleted_at DESC, a.id DESC
             LIMIT 1
         ) d
     ) a ON a.tenant_id = t.id
     WHERE t.identifier = $1"
) };
}

const CREATE_CANDIDATES: PerEngine = PerEngine {
    sqlite: create_candidates!(sqlite),
    postgres: create_candidates!(postgres),
};

impl Storage {
    /// Finds the tenant and the token of a call.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_caller"))]
    pub async fn find_caller(&self, key: &CallerKey) -> Result<Option<Caller>, StorageError> {
        let callers = read!(self, caller, CALLER; key.tenant.as_str(), token_id(key))?;
        Ok(callers.into_iter().next())
    }

    /// Finds the caller, and the accounts of that key that are not deleted: at most two, since several may share an Object ID.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_accounts"))]
    pub async fn find_accounts(
        &self,
        key: &CallerKey,
        account: &AccountKey,
    ) -> Result<(Option<Caller>, Vec<Account>), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let rows = match account {
            AccountKey::Id(id) => {
                read!(self, caller_and_account, each(BY_ID; tenant, token, id.uuid()))
            }
            AccountKey::UserName(key) => {
                read!(self, caller_and_account, each(BY_USER_NAME; tenant, token, key))
            }
            AccountKey::ObjectId(id) => {
                read!(self, caller_and_account, each(BY_OBJECT_ID; tenant, token, id))
            }
        }?;
        Ok(split(rows))
    }

    /// Finds the caller, and those of the accounts that are there and not deleted, in no particular order.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "batch_find_accounts"))]
    pub async fn batch_find_accounts(
        &self,
        key: &CallerKey,
        ids: &[AccountId],
    ) -> Result<(Option<Caller>, Vec<Account>), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let texts = ids
            .iter()
            .map(ToString::to_string)
            .collect::<serde_json::Value>()
            .to_string();
        let rows = read!(
            self,
            caller_and_account,
            sqlite(BATCH.sqlite; tenant, token, &texts),
            postgres(BATCH.postgres; tenant, token, ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
        )?;
        Ok(split(rows))
    }

    /// Finds the caller and what a create has to know: the account of that login, the one that holds the Object ID exclusively, the one of that
    /// Object ID that was deleted last and can still be restored at `now`, and the one of that login that was deleted last.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_create_candidates"))]
    pub async fn find_create_candidates(
        &self,
        key: &CallerKey,
        user_name_key: &str,
        object_id_key: Option<&str>,
        now: Timestamp,
    ) -> Result<(Option<Caller>, CreateCandidates), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let rows = read!(self, caller_and_account, each(CREATE_CANDIDATES; tenant, token, user_name_key, object_id_key, now.as_micros()))?;
        let (caller, accounts) = split(rows);
        let Some(caller) = caller else {
            return Ok((None, CreateCandidates::default()));
        };
        let end = now.minus(caller.tenant.settings.tombstone_retention);
        let mut candidates = CreateCandidates::default();
        for account in accounts {
            let Some(deleted_at) = account.deleted_at else {
                if account.user_name_key == user_name_key {
                    candidates.live = Some(account);
                } else if account.object_id_exclusive {
                    candidates.claimant = Some(account);
                } else {
                    candidates.sharer = Some(account);
                }
                continue;
            };
            // One may be both, and of each kind there may be an earlier one that is the other kind's latest.
            let has_object_id = object_id_key.is_some()
                && account.object_id.as_deref().map(key_of).as_deref() == object_id_key;
            if has_object_id && deleted_at > end {
                keep_latest(&mut candidates.tombstone, &account);
            }
            if account.user_name_key == user_name_key {
                keep_latest(&mut candidates.former, &account);
            }
        }
        Ok((Some(caller), candidates))
    }
}

pub(super) fn token_id(key: &CallerKey) -> Option<&str> {
    key.token.as_ref().map(TokenId::as_str)
}

/// Puts the account in the place of one that was deleted before it.
fn keep_latest(latest: &mut Option<Account>, account: &Account) {
    let age = |account: &Account| (account.deleted_at, account.id);
    if latest
        .as_ref()
        .is_none_or(|latest| age(latest) < age(account))
    {
        *latest = Some(account.clone());
    }
}

/// Every row repeats the caller; there is one row without an account when there is no account.
pub(super) fn split(rows: Vec<(Caller, Option<Account>)>) -> (Option<Caller>, Vec<Account>) {
    let mut caller = None;
    let mut accounts = Vec::with_capacity(rows.len());
    for (row_caller, account) in rows {
        caller.get_or_insert(row_caller);
        accounts.extend(account);
    }
    (caller, accounts)
}
