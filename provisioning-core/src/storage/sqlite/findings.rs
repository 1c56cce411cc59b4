//! The writes of findings on the embedded engine, within the writer's transaction.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::storage::{
    findings::{
        examinations::{CLAIM_SQLITE, Claimed},
        writes::findings_on,
    },
    groups::json_ids,
};

/// The keys `$3` of a finding in place of those that it had.
const KEYS: [&str; 2] = [
    "DELETE FROM finding_keys
     WHERE tenant_id = $1 AND finding_id = $2 AND key NOT IN (SELECT j.value FROM json_each($3) j)",
    "INSERT INTO finding_keys (tenant_id, finding_id, key, closed)
     SELECT $1, $2, j.value, FALSE
     FROM json_each($3) j
     WHERE TRUE
     ON CONFLICT (tenant_id, finding_id, key) DO NOTHING",
];

findings_on!(SqliteConnection, KEYS, |keys: Vec<String>| {
    serde_json::to_string(&keys).expect("texts have a JSON form")
});

/// Claims the examination of tenants.
pub(super) async fn claim_examinations(
    connection: &mut SqliteConnection,
    tenants: &[Uuid],
    now: Timestamp,
    examined_until: Timestamp,
) -> Result<Vec<Claimed>, sqlx::Error> {
    sqlx::query_as(CLAIM_SQLITE)
        .bind(json_ids(tenants))
        .bind(now.as_micros())
        .bind(examined_until.as_micros())
        .fetch_all(connection)
        .await
}
