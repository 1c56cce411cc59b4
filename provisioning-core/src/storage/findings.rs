//! Findings: the statements that write them beside a mutation, which the engines share but for the form of lists, and the reads.

use uuid::Uuid;

use super::{
    Engine, PerEngine, Storage, StorageError,
    columns::{self, Columns, account, account_columns, group_columns, log_entry_columns},
    filter::Bind,
    groups::json_ids,
    read,
    statement::Statement,
};
use crate::{
    accounts::Account,
    clock::Timestamp,
    findings::{
        Closure, DirectorySide, Finding, FindingKey, FindingKind, LOG_ENTRIES_MAX, Severity,
    },
    groups::Group,
    ids::{AccountId, GroupId, LogEntryId, TenantId},
    links::parse_guid,
    log::{LogEntry, Operation},
};

/// What becomes of a finding together with a mutation.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingWrite {
    /// A request shows it: it opens, or is counted once more with what this one says.
    Seen(Finding),
    /// The state of the data shows it: it opens unless it is open.
    Found(Finding),
    /// It is closed if it is open.
    Closed {
        /// Which.
        id: Uuid,
        /// Why.
        closure: Closure,
    },
}

/// In one order, so that two mutations that write the same findings do not wait for each other.
pub(super) fn in_order(writes: &[FindingWrite]) -> Vec<&FindingWrite> {
    let mut ordered: Vec<&FindingWrite> = writes.iter().collect();
    ordered.sort_by_key(|write| match write {
        FindingWrite::Seen(finding) | FindingWrite::Found(finding) => {
            (1, finding.kind.as_str(), finding.subject.clone())
        }
        FindingWrite::Closed { id, .. } => (0, "", id.to_string()),
    });
    ordered
}

/// Which findings to list.
#[derive(Clone, Copy, Debug)]
pub struct FindingQuery<'a> {
    /// Closed ones rather than open ones.
    pub closed: bool,
    /// Of these kinds; empty: of all.
    pub kinds: &'a [FindingKind],
    /// About this account.
    pub account: Option<AccountId>,
    /// At most this many.
    pub limit: u32,
    /// Behind this place.
    pub after: Option<FindingPlace>,
}

/// A place between two findings of a list: the most severe come first, then the ones seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FindingPlace {
    severity: i64,
    last_seen_at: i64,
    id: Uuid,
}

impl FindingPlace {
    /// The place behind a finding.
    pub const fn behind(finding: &Finding) -> Self {
        Self {
            severity: rank(finding.kind.severity()),
            last_seen_at: finding.last_seen_at.as_micros(),
            id: finding.id,
        }
    }
}

/// The number of a severity in storage: never change one.
pub(super) const fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Error => 3,
    }
}

/// An id and the comma behind it.
const ID_CHARS: usize = 37;

/// The columns of a finding that is opened, in the order of [`bind_finding`] behind the tenant: `$1` to `$15`.
macro_rules! finding_insert {
    () => {
        "INSERT INTO findings AS f (
             tenant_id, id, kind, subject, severity, first_seen_at, last_seen_at, count, log_entry_ids, object_id, user_name, display_name,
             scim_id, account_ids, group_id
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (tenant_id, kind, subject) WHERE closed_at IS NULL "
    };
}

/// Opens a finding, or counts it: the newest ids of log entries are as many as [`LOG_ENTRIES_MAX`] in 369 characters. A GUID that the directory said
/// stays when this request says none (`$16` is whether it does): it is by the GUID that an admin mends it. Not of groups: each time, another one may
/// want the name. The pattern is a GUID as Entra spells it.
macro_rules! finding_seen {
    () => {
        concat!(
            $crate::storage::findings::finding_insert!(),
            "DO UPDATE
             SET count = f.count + EXCLUDED.count,
                 last_seen_at = CASE WHEN EXCLUDED.last_seen_at > f.last_seen_at THEN EXCLUDED.last_seen_at ELSE f.last_seen_at END,
                 log_entry_ids = CASE
                     WHEN f.log_entry_ids = '' THEN EXCLUDED.log_entry_ids
                     WHEN EXCLUDED.log_entry_ids = '' THEN f.log_entry_ids
                     ELSE SUBSTR(EXCLUDED.log_entry_ids || ',' || f.log_entry_ids, 1, 369)
                 END,
                 object_id = CASE
                     WHEN NOT $16 AND EXCLUDED.group_id IS NULL AND f.object_id LIKE '________-____-____-____-____________' THEN f.object_id
                     ELSE EXCLUDED.object_id
                 END,
                 user_name = EXCLUDED.user_name, display_name = EXCLUDED.display_name,
                 scim_id = EXCLUDED.scim_id, account_ids = EXCLUDED.account_ids, group_id = EXCLUDED.group_id
             RETURNING id, object_id"
        )
    };
}
const _: () = assert!(LOG_ENTRIES_MAX * ID_CHARS - 1 == 369);

/// Opens a finding unless it is open.
macro_rules! finding_found {
    () => {
        concat!(
            $crate::storage::findings::finding_insert!(),
            "DO NOTHING RETURNING id, object_id"
        )
    };
}

/// The 15 values of a finding that is opened.
macro_rules! bind_finding {
    ($query:expr, $tenant:expr, $finding:expr) => {{
        let finding: &crate::findings::Finding = $finding;
        $query
            .bind($tenant.uuid())
            .bind(finding.id)
            .bind(finding.kind.as_str())
            .bind(&finding.subject)
            .bind($crate::storage::findings::rank(finding.kind.severity()))
            .bind(finding.first_seen_at.as_micros())
            .bind(finding.last_seen_at.as_micros())
            .bind(finding.count)
            .bind($crate::storage::findings::ids(
                finding.log_entry_ids.iter().map(|id| id.uuid()),
            ))
            .bind(&finding.directory.object_id)
            .bind(&finding.directory.user_name)
            .bind(&finding.directory.display_name)
            .bind(&finding.directory.scim_id)
            .bind($crate::storage::findings::ids(
                finding.accounts.iter().map(|id| id.uuid()),
            ))
            .bind(finding.group.map(|id| id.uuid()))
    }};
}

/// Closes the finding `$1`, `$2`.
pub(super) const CLOSE: &str = "
    UPDATE findings
    SET closed_at = $3, closure_detail = $4, closure_request_id = $5, closure_log_entry_id = $6, closure_actor = $7
    WHERE tenant_id = $1 AND id = $2 AND closed_at IS NULL";
pub(super) const CLOSE_KEYS: &str =
    "UPDATE finding_keys SET closed = TRUE WHERE tenant_id = $1 AND finding_id = $2";

macro_rules! bind_closure {
    ($query:expr, $tenant:expr, $id:expr, $closure:expr) => {{
        let closure: &crate::findings::Closure = $closure;
        $query
            .bind($tenant.uuid())
            .bind($id)
            .bind(closure.at.as_micros())
            .bind(&closure.detail)
            .bind(&closure.request_id)
            .bind(closure.log_entry_id.map(|id| id.uuid()))
            .bind(&closure.actor)
    }};
}

/// Of the oldest closed findings of the tenant `$1` from before `$2`, at most `$3`: first their keys, then themselves.
pub(super) const PURGE: [&str; 2] = [
    "DELETE FROM finding_keys
     WHERE tenant_id = $1
       AND finding_id IN (SELECT id FROM findings WHERE tenant_id = $1 AND closed_at < $2 ORDER BY closed_at, id LIMIT $3)",
    "DELETE FROM findings
     WHERE tenant_id = $1
       AND id IN (SELECT id FROM findings WHERE tenant_id = $1 AND closed_at < $2 ORDER BY closed_at, id LIMIT $3)",
];

pub(super) use {bind_closure, bind_finding, finding_found, finding_insert, finding_seen};

/// Ids as one text, as they are stored.
pub(super) fn ids(ids: impl Iterator<Item = Uuid>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// Whether the directory said a GUID.
pub(super) fn says_guid(finding: &Finding) -> bool {
    parse_guid(&finding.directory.object_id).is_some()
}

/// The keys of a finding, as they are stored, with the Object ID that it was stored with.
pub(super) fn keys(finding: &Finding, object_id: String) -> Vec<String> {
    let mut stored = finding.clone();
    stored.directory.object_id = object_id;
    stored.keys().iter().map(ToString::to_string).collect()
}

const FINDING: &str = "SELECT f.id, f.kind, f.subject, f.first_seen_at, f.last_seen_at, f.count, f.log_entry_ids, f.object_id, f.user_name, \
     f.display_name, f.scim_id, f.account_ids, f.group_id, f.closed_at, f.closure_detail, f.closure_request_id, f.closure_log_entry_id, \
     f.closure_actor FROM findings f WHERE f.tenant_id = $1";

/// Open findings in one look-up: what one request can touch is about few.
const OPEN_MAX: i64 = 50;

/// Whether an account `a` of provisioning has an Object ID that is no GUID: the words of its index.
macro_rules! not_guid {
    (sqlite) => {
        "a.managed AND a.deleted_at IS NULL AND a.object_id_key NOT GLOB \
         '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'"
    };
    (postgres) => {
        "a.managed AND a.deleted_at IS NULL AND a.object_id_key !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'"
    };
}

/// That the finding of a kind and subject is open, or was closed by an admin: an admin's word stands until a request shows the mismatch again.
macro_rules! known {
    ($kind:literal, $subject:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM findings f WHERE f.tenant_id = $1 AND f.kind = '",
            $kind,
            "' AND f.subject = ",
            $subject,
            "         AND f.closed_at IS NULL)
              OR EXISTS (SELECT 1 FROM findings f WHERE f.tenant_id = $1 AND f.kind = '",
            $kind,
            "' AND f.subject = ",
            $subject,
            "            AND f.closed_at IS NOT NULL AND f.closure_actor NOT IN ('', 'scim')))"
        )
    };
}

/// Accounts whose Object ID is no GUID, unless that is known.
macro_rules! unknown_not_guid {
    ($engine:ident) => {
        concat!(
            "SELECT ",
            account_columns!(),
            ", NULL
             FROM accounts a
             WHERE a.tenant_id = $1 AND ",
            not_guid!($engine),
            " AND NOT ",
            known!("object_id_not_guid", "''"),
            " ORDER BY a.id
             LIMIT $2"
        )
    };
}
const UNKNOWN_NOT_GUID: PerEngine = PerEngine {
    sqlite: unknown_not_guid!(sqlite),
    postgres: unknown_not_guid!(postgres),
};

/// The open finding, when no other account than `$2` is left that it is about.
macro_rules! cured_not_guid {
    ($engine:ident) => {
        concat!(
            "SELECT f.id
             FROM findings f
             WHERE f.tenant_id = $1 AND f.kind = 'object_id_not_guid' AND f.subject = '' AND f.closed_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.tenant_id = $1 AND a.id <> $2 AND ",
            not_guid!($engine),
            ")"
        )
    };
}
const CURED_NOT_GUID: PerEngine = PerEngine {
    sqlite: cured_not_guid!(sqlite),
    postgres: cured_not_guid!(postgres),
};

/// The next Object ID that an account has without its claim.
macro_rules! next_unclaimed {
    ($after:literal) => {
        concat!(
            "(SELECT a.object_id_key
              FROM accounts a
              WHERE a.tenant_id = $1 AND a.object_id_key IS NOT NULL AND a.object_id_claim IS NULL AND a.deleted_at IS NULL",
            $after,
            " ORDER BY a.object_id_key
              LIMIT 1)"
        )
    };
}

/// An account that has the Object ID of `s` without its claim.
macro_rules! unclaimed_holder {
    ($offset:literal) => {
        concat!(
            "(SELECT a.id
              FROM accounts a
              WHERE a.tenant_id = $1 AND a.object_id_key = s.object_id_key AND a.object_id_claim IS NULL AND a.deleted_at IS NULL
              LIMIT 1 OFFSET ",
            $offset,
            ")"
        )
    };
}

/// Of Object IDs `s`, three of the accounts that have one: who has its claim, and two of the others.
macro_rules! sharers {
    () => {
        concat!(
            "SELECT s.object_id_key,
                 (SELECT a.id
                  FROM accounts a
                  WHERE a.tenant_id = $1 AND a.object_id_claim = s.object_id_key AND a.deleted_at IS NULL) AS claimant,
                 ", unclaimed_holder!("0"), " AS one, ", unclaimed_holder!("1"), " AS another"
        )
    };
}

/// Object IDs that more than one account has, unless that is known. Whoever shares one has not its claim, but for the first. From one to the next
/// by the index, whatever the number of accounts that share one, and a thousand steps far.
const UNKNOWN_SHARED: &str = concat!(
    "WITH RECURSIVE unclaimed (object_id_key, step) AS (
         SELECT ",
    next_unclaimed!(""),
    ", 1
         UNION ALL
         SELECT ",
    next_unclaimed!(" AND a.object_id_key > u.object_id_key"),
    ", u.step + 1
         FROM unclaimed u
         WHERE u.object_id_key IS NOT NULL AND u.step < 1000
     )
     SELECT x.object_id_key, x.claimant, x.one, x.another
     FROM (",
    sharers!(),
    "    FROM unclaimed s
          WHERE s.object_id_key IS NOT NULL AND NOT ",
    known!("object_id_shared", "s.object_id_key"),
    ") x
     WHERE x.claimant IS NOT NULL OR x.another IS NOT NULL
     LIMIT $2"
);

/// The keys come as one list: the statement is one text, however many there are.
const SHARERS: PerEngine = PerEngine {
    sqlite: concat!(
        sharers!(),
        " FROM (SELECT j.value AS object_id_key FROM json_each($2) j) s"
    ),
    postgres: concat!(sharers!(), " FROM UNNEST($2::TEXT[]) s (object_id_key)"),
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
        ", NULL FROM accounts a WHERE a.tenant_id = $1 AND a.id = ANY($2)"
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
        " FROM groups a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL AND a.id = ANY($2)"
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
    /// Lists findings, the most severe first, then the ones seen last.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_findings"))]
    pub async fn list_findings(
        &self,
        tenant: TenantId,
        query: &FindingQuery<'_>,
    ) -> Result<Vec<Finding>, StorageError> {
        let statement = list_statement(tenant, query);
        read!(
            self,
            finding,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// How the engine would answer [`list_findings`](Self::list_findings), in its own words: which indexes it would use.
    pub async fn explain_list_findings(
        &self,
        tenant: TenantId,
        query: &FindingQuery<'_>,
    ) -> Result<Vec<String>, StorageError> {
        self.explain_statement(list_statement(tenant, query)).await
    }

    /// Finds one finding.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_finding"))]
    pub async fn find_finding(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<Finding>, StorageError> {
        let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
        statement
            .push(FINDING)
            .push(" AND f.id = ")
            .bind(Bind::Uuid(id));
        let findings = read!(
            self,
            finding,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        Ok(findings.into_iter().next())
    }

    /// Finds the open findings that are about any of the keys, at most 50.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_open_findings"))]
    pub async fn find_open_findings(
        &self,
        tenant: TenantId,
        keys: &[FindingKey],
    ) -> Result<Vec<Finding>, StorageError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let statement = open_statement(tenant, keys);
        read!(
            self,
            finding,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// How the engine would answer [`find_open_findings`](Self::find_open_findings), in its own words.
    pub async fn explain_find_open_findings(
        &self,
        tenant: TenantId,
        keys: &[FindingKey],
    ) -> Result<Vec<String>, StorageError> {
        self.explain_statement(open_statement(tenant, keys)).await
    }

    async fn explain_statement(&self, statement: Statement) -> Result<Vec<String>, StorageError> {
        let statement = statement.explained(self.engine.dialect());
        read!(
            self,
            columns::plan_step,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }

    /// Finds accounts of provisioning whose Object ID is no GUID, at most `limit`; none when the tenant's finding of it is open, or an admin
    /// closed it.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_unknown_not_guid"))]
    pub async fn find_unknown_not_guid(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<Account>, StorageError> {
        read!(self, account, each(UNKNOWN_NOT_GUID; tenant.uuid(), i64::from(limit)))
    }

    /// Finds the open finding of Object IDs that are no GUIDs, when no account but `except` has such a one.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_cured_not_guid"))]
    pub async fn find_cured_not_guid(
        &self,
        tenant: TenantId,
        except: Option<AccountId>,
    ) -> Result<Option<Uuid>, StorageError> {
        let except = except.map_or(Uuid::nil(), AccountId::uuid);
        let ids = read!(self, columns::uuid, each(CURED_NOT_GUID; tenant.uuid(), except))?;
        Ok(ids.into_iter().next())
    }

    /// How the engine would answer [`find_unknown_not_guid`](Self::find_unknown_not_guid), in its own words.
    pub async fn explain_find_unknown_not_guid(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<String>, StorageError> {
        const EXPLAIN: PerEngine = PerEngine {
            sqlite: concat!("EXPLAIN QUERY PLAN ", unknown_not_guid!(sqlite)),
            postgres: concat!("EXPLAIN ", unknown_not_guid!(postgres)),
        };
        read!(self, columns::plan_step, each(EXPLAIN; tenant.uuid(), 3_i64))
    }

    /// Finds Object IDs, by their keys, that several accounts have and of which no finding is known, with up to three of those accounts; at most
    /// `limit` Object IDs.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_unknown_shared"))]
    pub async fn find_unknown_shared(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<(String, Vec<AccountId>)>, StorageError> {
        read!(self, sharers, UNKNOWN_SHARED; tenant.uuid(), i64::from(limit))
    }

    /// Finds who has Object IDs, by their keys: of each up to three accounts that are not deleted.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_object_id_sharers"))]
    pub async fn find_object_id_sharers(
        &self,
        tenant: TenantId,
        object_id_keys: &[String],
    ) -> Result<Vec<(String, Vec<AccountId>)>, StorageError> {
        let json = serde_json::to_string(object_id_keys).expect("texts have a JSON form");
        read!(
            self,
            sharers,
            sqlite(SHARERS.sqlite; tenant.uuid(), &json),
            postgres(SHARERS.postgres; tenant.uuid(), object_id_keys)
        )
    }

    /// How the engine would answer [`find_object_id_sharers`](Self::find_object_id_sharers), in its own words.
    pub async fn explain_find_object_id_sharers(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<String>, StorageError> {
        const SQLITE: &str = concat!(
            "EXPLAIN QUERY PLAN ",
            sharers!(),
            " FROM (SELECT j.value AS object_id_key FROM json_each($2) j) s"
        );
        const POSTGRES: &str = concat!(
            "EXPLAIN ",
            sharers!(),
            " FROM UNNEST($2::TEXT[]) s (object_id_key)"
        );
        let none: [String; 0] = [];
        read!(
            self,
            columns::plan_step,
            sqlite(SQLITE; tenant.uuid(), "[]"),
            postgres(POSTGRES; tenant.uuid(), &none[..])
        )
    }

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

    /// Removes findings that were closed before a time, at most `limit`, and tells how many.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "purge_findings"))]
    pub async fn purge_findings(
        &self,
        tenant: TenantId,
        closed_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.purge_findings(tenant, closed_before, limit).await,
            Engine::Postgres(database) => {
                database.purge_findings(tenant, closed_before, limit).await
            }
        }
    }
}

fn list_statement(tenant: TenantId, query: &FindingQuery<'_>) -> Statement {
    let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
    statement.push(FINDING).push(if query.closed {
        " AND f.closed_at IS NOT NULL"
    } else {
        " AND f.closed_at IS NULL"
    });
    if let Some((first, rest)) = query.kinds.split_first() {
        statement
            .push(" AND f.kind IN (")
            .bind(Bind::Text(first.as_str().to_owned()));
        for kind in rest {
            statement
                .push(", ")
                .bind(Bind::Text(kind.as_str().to_owned()));
        }
        statement.push(")");
    }
    if let Some(account) = query.account {
        let key = FindingKey::Account(account).to_string();
        statement
            .push(" AND f.id IN (SELECT k.finding_id FROM finding_keys k WHERE k.tenant_id = $1 AND k.closed = ")
            .bind(Bind::Bool(query.closed))
            .push(" AND k.key = ")
            .bind(Bind::Text(key))
            .push(")");
    }
    if let Some(after) = query.after {
        statement
            .push(" AND (f.severity, f.last_seen_at, f.id) < (")
            .bind(Bind::Int(after.severity))
            .push(", ")
            .bind(Bind::Int(after.last_seen_at))
            .push(", ")
            .bind(Bind::Uuid(after.id))
            .push(")");
    }
    statement
        .push(" ORDER BY f.severity DESC, f.last_seen_at DESC, f.id DESC LIMIT ")
        .bind(Bind::Int(query.limit.into()));
    statement
}

fn open_statement(tenant: TenantId, keys: &[FindingKey]) -> Statement {
    let mut statement = Statement::with([Bind::Uuid(tenant.uuid())]);
    statement.push(FINDING).push(
        " AND f.closed_at IS NULL AND f.id IN (
              SELECT k.finding_id FROM finding_keys k WHERE k.tenant_id = $1 AND k.closed = ",
    );
    statement.bind(Bind::Bool(false)).push(" AND k.key IN (");
    for (number, key) in keys.iter().enumerate() {
        statement
            .push(if number == 0 { "" } else { ", " })
            .bind(Bind::Text(key.to_string()));
    }
    statement.push(")) LIMIT ").bind(Bind::Int(OPEN_MAX));
    statement
}

fn finding(columns: &mut impl Columns) -> Result<Finding, StorageError> {
    let inconsistent = |column| StorageError::inconsistent("findings", column);
    Ok(Finding {
        id: columns.uuid()?,
        kind: FindingKind::from_text(&columns.text()?).ok_or_else(|| inconsistent("kind"))?,
        subject: columns.text()?,
        first_seen_at: columns.time()?,
        last_seen_at: columns.time()?,
        count: columns.int()?,
        log_entry_ids: parse_ids(&columns.text()?, "log_entry_ids")?
            .into_iter()
            .map(LogEntryId::from_uuid)
            .collect(),
        directory: DirectorySide {
            object_id: columns.text()?,
            user_name: columns.text()?,
            display_name: columns.text()?,
            scim_id: columns.text()?,
        },
        accounts: parse_ids(&columns.text()?, "account_ids")?
            .into_iter()
            .map(AccountId::from_uuid)
            .collect(),
        group: columns.uuid_or_null()?.map(GroupId::from_uuid),
        closure: match columns.time_or_null()? {
            None => None,
            Some(at) => Some(Closure {
                at,
                detail: columns.text()?,
                request_id: columns.text()?,
                log_entry_id: columns.uuid_or_null()?.map(LogEntryId::from_uuid),
                actor: columns.text()?,
            }),
        },
    })
}

fn parse_ids(text: &str, column: &'static str) -> Result<Vec<Uuid>, StorageError> {
    text.split(',')
        .filter(|id| !id.is_empty())
        .map(|id| Uuid::try_parse(id).map_err(|_| StorageError::inconsistent("findings", column)))
        .collect()
}

/// The key of an Object ID, and the accounts that have it.
fn sharers(columns: &mut impl Columns) -> Result<(String, Vec<AccountId>), StorageError> {
    let key = columns.text()?;
    let holders = [
        columns.uuid_or_null()?,
        columns.uuid_or_null()?,
        columns.uuid_or_null()?,
    ];
    let holders = holders.into_iter().flatten().map(AccountId::from_uuid);
    Ok((key, holders.collect()))
}
