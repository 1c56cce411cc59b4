//! The writes of findings on the embedded engine, within the writer's transaction.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    findings::Finding,
    ids::TenantId,
    storage::{
        FindingWrite,
        findings::{
            CLOSE, CLOSE_KEYS, PURGE, bind_closure, bind_finding, finding_found, finding_seen,
            in_order, keys, says_guid,
        },
    },
};

const SEEN: &str = finding_seen!();
const FOUND: &str = finding_found!();
const KEYS_DELETE: &str = "
    DELETE FROM finding_keys
    WHERE tenant_id = $1 AND finding_id = $2 AND key NOT IN (SELECT j.value FROM json_each($3) j)";
const KEYS_INSERT: &str = "
    INSERT INTO finding_keys (tenant_id, finding_id, key, closed)
    SELECT $1, $2, j.value, FALSE
    FROM json_each($3) j
    WHERE TRUE
    ON CONFLICT (tenant_id, finding_id, key) DO NOTHING";

/// Writes the findings of a mutation that was written.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    writes: &[FindingWrite],
) -> Result<(), sqlx::Error> {
    for write in in_order(writes) {
        match write {
            FindingWrite::Seen(finding) => {
                let stored = bind_finding!(sqlx::query_as(SEEN), tenant, finding)
                    .bind(says_guid(finding))
                    .fetch_optional(&mut *connection)
                    .await?;
                write_keys(connection, tenant, finding, stored).await?;
            }
            FindingWrite::Found(finding) => {
                let stored = bind_finding!(sqlx::query_as(FOUND), tenant, finding)
                    .fetch_optional(&mut *connection)
                    .await?;
                write_keys(connection, tenant, finding, stored).await?;
            }
            FindingWrite::Closed { id, closure } => {
                bind_closure!(sqlx::query(CLOSE), tenant, id, closure)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(CLOSE_KEYS)
                    .bind(tenant.uuid())
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
            }
        }
    }
    Ok(())
}

/// Writes the keys of a finding that was stored: with its id, and the Object ID that it has now.
async fn write_keys(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    finding: &Finding,
    stored: Option<(Uuid, String)>,
) -> Result<(), sqlx::Error> {
    let Some((id, object_id)) = stored else {
        return Ok(());
    };
    let keys = serde_json::to_string(&keys(finding, object_id)).expect("texts have a JSON form");
    for sql in [KEYS_DELETE, KEYS_INSERT] {
        sqlx::query(sql)
            .bind(tenant.uuid())
            .bind(id)
            .bind(&keys)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn purge(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    closed_before: Timestamp,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    for sql in PURGE {
        let purge = sqlx::query(sql)
            .bind(tenant.uuid())
            .bind(closed_before.as_micros())
            .bind(i64::from(limit));
        rows = purge.execute(&mut *connection).await?.rows_affected();
    }
    Ok(rows)
}
