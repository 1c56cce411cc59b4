//! The writes of findings on PostgreSQL, within the transaction of their mutation. Only a mutation that has findings has such a
//! transaction: the others stay one statement.

use std::convert::identity;

use sqlx::{
    PgConnection, Postgres,
    postgres::{PgArguments, PgQueryResult},
    query::Query,
};
use uuid::Uuid;

use super::Database;
use crate::storage::{
    Mutation, StorageError,
    findings::{
        examinations::{CLAIM_POSTGRES, Claimed},
        writes::findings_on,
    },
};

/// The keys `$3` of a finding in place of those that it had.
const KEYS: [&str; 1] = ["
    WITH gone AS (
        DELETE FROM finding_keys
        WHERE tenant_id = $1 AND finding_id = $2 AND NOT key = ANY($3)
    )
    INSERT INTO finding_keys (tenant_id, finding_id, key, closed)
    SELECT $1::UUID, $2::UUID, n.key, FALSE
    FROM UNNEST($3::TEXT[]) n (key)
    ON CONFLICT (tenant_id, finding_id, key) DO NOTHING"];

findings_on!(PgConnection, KEYS, identity::<Vec<String>>);

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
        let rows = purge(&mut transaction, tenant, closed_before, limit).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    pub async fn claim_examinations(
        &self,
        tenants: Vec<Uuid>,
        now: Timestamp,
        examined_until: Timestamp,
    ) -> Result<Vec<Claimed>, StorageError> {
        let claim = sqlx::query_as(CLAIM_POSTGRES)
            .bind(tenants)
            .bind(now.as_micros())
            .bind(examined_until.as_micros());
        Ok(claim.fetch_all(&self.pool).await?)
    }
}
