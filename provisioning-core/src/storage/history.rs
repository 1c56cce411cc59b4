//! Removing old history, the same on both engines: by an index, a bounded step at a time, so that it can stop anywhere and go on later.

use super::{Engine, Storage, StorageError, columns, read};
use crate::{
    clock::Timestamp,
    ids::{LogEntryId, TenantId},
};

/// What grows with every mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// The provisioning log.
    Log,
    /// The numbered changes.
    Changes,
}

/// One step of removing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purge {
    pub history: History,
    pub tenant: TenantId,
    pub before: Timestamp,
    pub limit: u32,
}

/// The ids are in the order of time, so their index is that of age.
pub(super) const PURGE_LOG: &str = "
    DELETE FROM log_entries
    WHERE tenant_id = $1
      AND id IN (SELECT id FROM log_entries WHERE tenant_id = $1 AND id < $2 ORDER BY id LIMIT $3)";

/// From the lowest number on, and none behind one that is kept: times follow the numbers only nearly, and what is left must have no gap.
pub(super) const PURGE_CHANGES: &str = "
    DELETE FROM changes
    WHERE tenant_id = $1
      AND number IN (
          SELECT p.number
          FROM (
              SELECT c.number, MAX(c.at) OVER (ORDER BY c.number) AS latest
              FROM (SELECT number, at FROM changes WHERE tenant_id = $1 AND number IS NOT NULL ORDER BY number LIMIT $3) c
          ) p
          WHERE p.latest < $2
      )";

/// Where there is no change any more, the next one will be the first.
const FIRST_CHANGE: &str = "
    SELECT COALESCE(
        (SELECT c.number FROM changes c WHERE c.tenant_id = $1 AND c.number IS NOT NULL ORDER BY c.number LIMIT 1),
        h.head + 1
    )
    FROM change_heads h
    WHERE h.tenant_id = $1";

/// Runs a step on a connection, or on what gives one.
macro_rules! purge {
    ($purge:expr, $executor:expr) => {{
        let purge: $crate::storage::history::Purge = $purge;
        let query = match purge.history {
            $crate::storage::history::History::Log => {
                sqlx::query($crate::storage::history::PURGE_LOG)
                    .bind(purge.tenant.uuid())
                    .bind($crate::storage::history::first_id(purge.before).uuid())
            }
            $crate::storage::history::History::Changes => {
                sqlx::query($crate::storage::history::PURGE_CHANGES)
                    .bind(purge.tenant.uuid())
                    .bind(purge.before.as_micros())
            }
        };
        query
            .bind(i64::from(purge.limit))
            .execute($executor)
            .await
            .map(|done| done.rows_affected())
    }};
}
pub(super) use purge;

/// The least id of an entry of that time.
pub(super) fn first_id(at: Timestamp) -> LogEntryId {
    LogEntryId::derived(at, [0; 10])
}

impl Storage {
    /// Removes a tenant's history from before a time, the oldest first and at most `limit`, and tells how many. Zero means that there is no more.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "purge_history"))]
    pub async fn purge_history(
        &self,
        tenant: TenantId,
        history: History,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let purge = Purge {
            history,
            tenant,
            before,
            limit,
        };
        match &*self.engine {
            Engine::Sqlite(database) => database.purge_history(purge).await,
            Engine::Postgres(database) => Ok(purge!(purge, &database.pool)?),
        }
    }

    /// The number of the first change that a follower can still read: whoever has seen less than the one before has missed some. `None` without
    /// such a tenant.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "first_change_number"))]
    pub async fn first_change_number(&self, tenant: TenantId) -> Result<Option<i64>, StorageError> {
        let numbers = read!(self, columns::int, FIRST_CHANGE; tenant.uuid())?;
        Ok(numbers.into_iter().next())
    }
}
