//! The writes of findings on PostgreSQL, within the transaction of their mutation. Only a mutation that has findings has such a
//! transaction: the others stay one statement.

use sqlx::{
    PgConnection, Postgres,
    postgres::{PgArguments, PgQueryResult},
    query::Query,
};
use uuid::Uuid;

use super::Database;
use crate::{
    clock::Timestamp,
    findings::Finding,
    ids::TenantId,
    storage::{
        FindingWrite, Mutation, StorageError,
        findings::{
            CLOSE, CLOSE_KEYS, PURGE, bind_closure, bind_finding, finding_found, finding_seen,
            in_order, keys, says_guid,
        },
    },
};

const SEEN: &str = finding_seen!();
const FOUND: &str = finding_found!();
/// The keys `$3` of a finding in place of those that it had.
const KEYS: &str = "
    WITH gone AS (
        DELETE FROM finding_keys
        WHERE tenant_id = $1 AND finding_id = $2 AND NOT key = ANY($3)
    )
    INSERT INTO finding_keys (tenant_id, finding_id, key, closed)
    SELECT $1::UUID, $2::UUID, n.key, FALSE
    FROM UNNEST($3::TEXT[]) n (key)
    ON CONFLICT (tenant_id, finding_id, key) DO NOTHING";

/// Writes the findings of a mutation.
pub(super) async fn write(
    connection: &mut PgConnection,
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
    connection: &mut PgConnection,
    tenant: TenantId,
    finding: &Finding,
    stored: Option<(Uuid, String)>,
) -> Result<(), sqlx::Error> {
    let Some((id, object_id)) = stored else {
        return Ok(());
    };
    sqlx::query(KEYS)
        .bind(tenant.uuid())
        .bind(id)
        .bind(keys(finding, object_id))
        .execute(&mut *connection)
        .await?;
    Ok(())
}

impl Database {
    /// Runs the one statement of a mutation, and writes its findings with it when it has written anything.
    pub(super) async fn execute_with_findings(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        mutation: &Mutation,
    ) -> Result<PgQueryResult, sqlx::Error> {
        if mutation.findings.is_empty() {
            return query.execute(&self.pool).await;
        }
        let mut transaction = self.pool.begin().await?;
        let done = query.execute(&mut *transaction).await?;
        if done.rows_affected() > 0 {
            write(&mut transaction, mutation.tenant_id, &mutation.findings).await?;
        }
        transaction.commit().await?;
        Ok(done)
    }

    pub async fn purge_findings(
        &self,
        tenant: TenantId,
        closed_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let mut transaction = self.pool.begin().await?;
        let mut rows = 0;
        for sql in PURGE {
            let purge = sqlx::query(sql)
                .bind(tenant.uuid())
                .bind(closed_before.as_micros())
                .bind(i64::from(limit));
            rows = purge.execute(&mut *transaction).await?.rows_affected();
        }
        transaction.commit().await?;
        Ok(rows)
    }
}
