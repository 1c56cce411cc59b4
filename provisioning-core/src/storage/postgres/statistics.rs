//! The planner's statistics while a table grows fast.
//!
//! The server makes them by itself, but looks for what needs them once a minute. Until then a young table seems to have one row a tenant, and every
//! index that begins with the tenant seems as good as the right one: a first synchronisation would read all of the tenant at each request.

use sqlx::{AssertSqlSafe, PgConnection};

use super::Database;
use crate::storage::StorageError;

/// The tables that grow while a directory synchronises.
macro_rules! growing {
    () => {
        "('accounts', 'account_emails', 'changes', 'group_members', 'group_versions', 'groups', 'log_entries')"
    };
}

/// How to make them for each table that has doubled since they were made; from 50 rows on, as autovacuum has it, up to a size where the server's own
/// are never far off. Nobody is waited for: whoever holds the table makes them, or works on it. Only the owner may.
const DOUBLED: &str = concat!(
    "SELECT format('ANALYZE (SKIP_LOCKED) %I.%I', s.schemaname, s.relname)
     FROM pg_stat_user_tables s
     JOIN pg_class c ON c.oid = s.relid
     WHERE s.schemaname = CURRENT_SCHEMA() AND s.relname IN ",
    growing!(),
    " AND s.n_mod_since_analyze >= 50 AND s.n_live_tup >= 2 * GREATEST(c.reltuples, 25)
       AND pg_relation_size(c.oid) < 1073741824 AND pg_has_role(c.relowner, 'USAGE')
     ORDER BY s.relname"
);

const ALL_OWNED: &str = concat!(
    "SELECT NOT EXISTS (
         SELECT
         FROM pg_class c
         WHERE c.relnamespace = CURRENT_SCHEMA()::REGNAMESPACE AND c.relname IN ",
    growing!(),
    " AND NOT pg_has_role(c.relowner, 'USAGE')
     )"
);

impl Database {
    pub async fn refresh_statistics(&self) -> Result<(), StorageError> {
        let doubled: Vec<String> = sqlx::query_scalar(DOUBLED).fetch_all(&self.pool).await?;
        let mut result = Ok(());
        for analyze in doubled {
            // The server has quoted the names.
            let made = sqlx::query(AssertSqlSafe(analyze))
                .persistent(false)
                .execute(&self.pool)
                .await;
            if let Err(error) = made {
                result = Err(error.into());
            }
        }
        result
    }
}

/// Whether the session's user may make them.
pub(super) async fn may_be_made(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(ALL_OWNED).fetch_one(connection).await
}
