//! The planner's statistics while a table grows fast.
//!
//! The server makes them by itself, but looks for what needs them once a minute. Until then a young table seems to have one row a tenant, and every
//! index that begins with the tenant seems as good as the right one: a first synchronisation would read all of the tenant at each request.

use sqlx::AssertSqlSafe;

use super::Database;
use crate::storage::StorageError;

/// How to make them for each table of which as many rows have changed as it had when they were made; fifty at least, as autovacuum has it. Only the
/// owner may.
const STALE: &str = "
    SELECT format('ANALYZE %I.%I', s.schemaname, s.relname)
    FROM pg_stat_user_tables s
    JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = CURRENT_SCHEMA() AND s.n_mod_since_analyze >= GREATEST(50, c.reltuples) AND pg_has_role(c.relowner, 'USAGE')
    ORDER BY s.relname";

impl Database {
    pub async fn refresh_statistics(&self) -> Result<(), StorageError> {
        let stale: Vec<String> = sqlx::query_scalar(STALE).fetch_all(&self.pool).await?;
        for analyze in stale {
            // The server has quoted the names.
            sqlx::query(AssertSqlSafe(analyze))
                .persistent(false)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }
}
