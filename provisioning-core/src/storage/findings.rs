//! Findings as they are stored, and the reads that find and list them.

pub(super) mod examinations;
mod sides;
mod state;
pub(super) mod writes;

use uuid::Uuid;

pub use self::{examinations::ExaminationPlace, writes::FindingWrite};
use super::{
    Engine, Storage, StorageError,
    columns::{self, Columns},
    filter::Bind,
    read,
    statement::Statement,
};
use crate::{
    clock::Timestamp,
    findings::{Closure, DirectorySide, Finding, FindingKey, FindingKind, Severity},
    ids::{AccountId, GroupId, LogEntryId, TenantId},
};

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

const FINDING: &str = "SELECT f.id, f.kind, f.subject, f.first_seen_at, f.last_seen_at, f.count, f.log_entry_ids, f.object_id, f.user_name, \
     f.display_name, f.scim_id, f.account_ids, f.group_id, f.closed_at, f.closure_detail, f.closure_request_id, f.closure_log_entry_id, \
     f.closure_actor FROM findings f WHERE f.tenant_id = $1";

/// Open findings in one look-up: what one request can touch is about few.
const OPEN_MAX: i64 = 50;

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
