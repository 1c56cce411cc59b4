//! The writes of findings on PostgreSQL, each one statement within the transaction of its mutation. Only a mutation that has findings has such a
//! transaction: the others stay one statement.

use sqlx::{
    PgConnection, Postgres,
    postgres::{PgArguments, PgQueryResult},
    query::Query,
};

use super::Database;
use crate::{
    clock::Timestamp,
    ids::TenantId,
    storage::{
        FindingWrite, Mutation, StorageError,
        findings::{
            CLOSE, CLOSE_KEYS, PURGE, bind_closure, bind_finding, finding_found, finding_seen,
            in_order, keys,
        },
    },
};

/// The finding, and its keys `$16` in place of those that it had.
macro_rules! with_keys {
    ($finding:expr) => {
        concat!(
            "WITH finding AS (",
            $finding,
            "),
             gone AS (
                 DELETE FROM finding_keys k
                 USING finding f
                 WHERE k.tenant_id = f.tenant_id AND k.finding_id = f.id AND NOT k.key = ANY($16)
             )
             INSERT INTO finding_keys (tenant_id, finding_id, key, closed)
             SELECT f.tenant_id, f.id, n.key, FALSE
             FROM finding f, UNNEST($16::TEXT[]) n (key)
             ON CONFLICT (tenant_id, finding_id, key) DO NOTHING"
        )
    };
}

const SEEN: &str = with_keys!(finding_seen!());
const FOUND: &str = with_keys!(finding_found!());

/// Writes the findings of a mutation.
pub(super) async fn write(
    connection: &mut PgConnection,
    tenant: TenantId,
    writes: &[FindingWrite],
) -> Result<(), sqlx::Error> {
    for write in in_order(writes) {
        match write {
            FindingWrite::Seen(finding) => {
                bind_finding!(sqlx::query(SEEN), tenant, finding)
                    .bind(keys(finding))
                    .execute(&mut *connection)
                    .await?;
            }
            FindingWrite::Found(finding) => {
                bind_finding!(sqlx::query(FOUND), tenant, finding)
                    .bind(keys(finding))
                    .execute(&mut *connection)
                    .await?;
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
