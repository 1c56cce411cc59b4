//! How findings are written beside a mutation: the same on both engines, but for the form of lists.

use uuid::Uuid;

use super::ExaminationPlace;
use crate::{
    findings::{Closure, Finding, FindingKind, LOG_ENTRIES_MAX, OPEN_OF_KIND_MAX},
    links::parse_guid,
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
        /// Of which kind it is.
        kind: FindingKind,
        /// Why.
        closure: Closure,
    },
    /// An examination has come to here.
    Examined(ExaminationPlace),
}

/// In one order, so that two mutations that write the same findings do not wait for each other.
pub(in crate::storage) fn in_order(writes: &[FindingWrite]) -> Vec<&FindingWrite> {
    let mut ordered: Vec<&FindingWrite> = writes.iter().collect();
    ordered.sort_by_key(|write| match write {
        FindingWrite::Closed { id, .. } => (0, "", id.to_string()),
        FindingWrite::Seen(finding) | FindingWrite::Found(finding) => {
            (1, finding.kind.as_str(), finding.subject.clone())
        }
        FindingWrite::Examined(_) => (2, "", String::new()),
    });
    ordered
}

/// An id and the comma behind it.
const ID_CHARS: usize = 37;

/// Opens a finding, with the values of [`bind_finding`] behind the tenant, `$1` to `$15`. Where the tenant has [`OPEN_OF_KIND_MAX`] open ones of the
/// kind, only what is open already is counted; requests at once may open a few more.
macro_rules! finding_insert {
    ($open:literal) => {
        concat!(
            "INSERT INTO findings AS f (
                 tenant_id, id, kind, subject, severity, first_seen_at, last_seen_at, count, log_entry_ids, object_id, user_name,
                 display_name, scim_id, account_ids, group_id
             )
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
             WHERE EXISTS (SELECT 1 FROM findings o WHERE o.tenant_id = $1 AND o.kind = $3 AND o.subject = $4 AND o.closed_at IS NULL)
                OR (
                    SELECT COUNT(*)
                    FROM (SELECT 1 FROM findings o WHERE o.tenant_id = $1 AND o.kind = $3 AND o.closed_at IS NULL LIMIT 1000) n
                ) < 1000
             ON CONFLICT (tenant_id, kind, subject) WHERE closed_at IS NULL ",
            $open,
            " RETURNING id, object_id"
        )
    };
}
const _: () = assert!(OPEN_OF_KIND_MAX == 1000);

/// Opens a finding, or counts it: the newest ids of log entries are as many as [`LOG_ENTRIES_MAX`] in 369 characters. A GUID that the directory said
/// stays when this request says none (`$16` is whether it does): it is by the GUID that an admin mends it. Not of groups: each time, another one may
/// want the name. The pattern is a GUID as Entra spells it.
pub(in crate::storage) const SEEN: &str = finding_insert!(
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
         scim_id = EXCLUDED.scim_id, account_ids = EXCLUDED.account_ids, group_id = EXCLUDED.group_id"
);
const _: () = assert!(LOG_ENTRIES_MAX * ID_CHARS - 1 == 369);

/// Opens a finding unless it is open.
pub(in crate::storage) const FOUND: &str = finding_insert!("DO NOTHING");

/// Closes the finding `$1`, `$2`.
pub(in crate::storage) const CLOSE: &str = "
    UPDATE findings
    SET closed_at = $3, closure_detail = $4, closure_request_id = $5, closure_log_entry_id = $6, closure_actor = $7
    WHERE tenant_id = $1 AND id = $2 AND closed_at IS NULL";
pub(in crate::storage) const CLOSE_KEYS: &str =
    "UPDATE finding_keys SET closed = TRUE WHERE tenant_id = $1 AND finding_id = $2";

/// Of the oldest closed findings of the tenant `$1` from before `$2`, at most `$3`: first their keys, then themselves.
pub(in crate::storage) const PURGE: [&str; 2] = [
    "DELETE FROM finding_keys
     WHERE tenant_id = $1
       AND finding_id IN (SELECT id FROM findings WHERE tenant_id = $1 AND closed_at < $2 ORDER BY closed_at, id LIMIT $3)",
    "DELETE FROM findings
     WHERE tenant_id = $1
       AND id IN (SELECT id FROM findings WHERE tenant_id = $1 AND closed_at < $2 ORDER BY closed_at, id LIMIT $3)",
];

/// The 15 values of a finding that is opened.
macro_rules! bind_finding {
    ($query:expr, $tenant:expr, $finding:expr) => {{
        let finding: &$crate::findings::Finding = $finding;
        $query
            .bind($tenant.uuid())
            .bind(finding.id)
            .bind(finding.kind.as_str())
            .bind(&finding.subject)
            .bind($crate::storage::findings::rank(finding.kind.severity()))
            .bind(finding.first_seen_at.as_micros())
            .bind(finding.last_seen_at.as_micros())
            .bind(finding.count)
            .bind(writes::ids(
                finding.log_entry_ids.iter().map(|id| id.uuid()),
            ))
            .bind(&finding.directory.object_id)
            .bind(&finding.directory.user_name)
            .bind(&finding.directory.display_name)
            .bind(&finding.directory.scim_id)
            .bind(writes::ids(finding.accounts.iter().map(|id| id.uuid())))
            .bind(finding.group.map(|id| id.uuid()))
    }};
}
pub(in crate::storage) use bind_finding;

/// The functions that write findings on a connection of an engine within a transaction. `$keys` are the statements that put the keys `$3` of a finding
/// in place of those that it had, and `$list` makes of texts what they take for it.
macro_rules! findings_on {
    ($connection:ty, $keys:expr, $list:expr) => {
        use $crate::{
            clock::Timestamp,
            findings::Finding,
            ids::TenantId,
            storage::{
                FindingWrite,
                findings::{
                    examinations,
                    writes::{self, bind_finding},
                },
            },
        };

        /// Writes the findings of a mutation that was written.
        pub(super) async fn write(
            connection: &mut $connection,
            tenant: TenantId,
            findings: &[FindingWrite],
        ) -> Result<(), sqlx::Error> {
            for write in writes::in_order(findings) {
                match write {
                    FindingWrite::Seen(finding) => {
                        let stored = bind_finding!(sqlx::query_as(writes::SEEN), tenant, finding)
                            .bind(writes::says_guid(finding))
                            .fetch_optional(&mut *connection)
                            .await?;
                        write_keys(connection, tenant, finding, stored).await?;
                    }
                    FindingWrite::Found(finding) => {
                        let stored = bind_finding!(sqlx::query_as(writes::FOUND), tenant, finding)
                            .fetch_optional(&mut *connection)
                            .await?;
                        write_keys(connection, tenant, finding, stored).await?;
                    }
                    FindingWrite::Closed { id, closure, .. } => {
                        sqlx::query(writes::CLOSE)
                            .bind(tenant.uuid())
                            .bind(id)
                            .bind(closure.at.as_micros())
                            .bind(&closure.detail)
                            .bind(&closure.request_id)
                            .bind(closure.log_entry_id.map(|id| id.uuid()))
                            .bind(&closure.actor)
                            .execute(&mut *connection)
                            .await?;
                        sqlx::query(writes::CLOSE_KEYS)
                            .bind(tenant.uuid())
                            .bind(id)
                            .execute(&mut *connection)
                            .await?;
                    }
                    FindingWrite::Examined(place) => {
                        sqlx::query(examinations::EXAMINED)
                            .bind(tenant.uuid())
                            .bind(place.finding_text())
                            .bind(&place.object_id_key)
                            .execute(&mut *connection)
                            .await?;
                    }
                }
            }
            Ok(())
        }

        /// Writes the keys of a finding that was stored: with its id, and the Object ID that it has now.
        async fn write_keys(
            connection: &mut $connection,
            tenant: TenantId,
            finding: &Finding,
            stored: Option<(uuid::Uuid, String)>,
        ) -> Result<(), sqlx::Error> {
            let Some((id, object_id)) = stored else {
                return Ok(());
            };
            let keys = $list(writes::keys(finding, object_id));
            for sql in $keys {
                sqlx::query(sql)
                    .bind(tenant.uuid())
                    .bind(id)
                    .bind(&keys)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        }

        /// Removes findings that were closed before a time, at most `limit`, and tells how many.
        pub(super) async fn purge(
            connection: &mut $connection,
            tenant: TenantId,
            closed_before: Timestamp,
            limit: u32,
        ) -> Result<u64, sqlx::Error> {
            let mut rows = 0;
            for sql in writes::PURGE {
                let purge = sqlx::query(sql)
                    .bind(tenant.uuid())
                    .bind(closed_before.as_micros())
                    .bind(i64::from(limit));
                rows = purge.execute(&mut *connection).await?.rows_affected();
            }
            Ok(rows)
        }
    };
}
pub(in crate::storage) use findings_on;

/// Ids as one text, as they are stored.
pub(in crate::storage) fn ids(ids: impl Iterator<Item = Uuid>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// Whether the directory said a GUID.
pub(in crate::storage) fn says_guid(finding: &Finding) -> bool {
    parse_guid(&finding.directory.object_id).is_some()
}

/// The keys of a finding, as they are stored, with the Object ID that it was stored with.
pub(in crate::storage) fn keys(finding: &Finding, object_id: String) -> Vec<String> {
    let mut stored = finding.clone();
    stored.directory.object_id = object_id;
    stored.keys().iter().map(ToString::to_string).collect()
}
