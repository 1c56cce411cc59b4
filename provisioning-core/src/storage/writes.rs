//! Writes: each engine has its own way, so here is only which one.

use super::{
    Commit, DroppedItems, Engine, Mutation, Storage, StorageError, guard::behind::GuardPurge,
};
use crate::{clock::Timestamp, ids::TenantId, log::LogEntry, tokens::TokenId};

/// That a token was used.
#[derive(Clone, Debug)]
pub struct TokenUse {
    /// Whose token.
    pub tenant_id: TenantId,
    /// Which.
    pub token_id: TokenId,
    /// When.
    pub at: Timestamp,
    /// From where, where known.
    pub from: Option<String>,
}

impl Storage {
    /// Writes a mutation with all that belongs to it, or nothing. `Done` means durable.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "commit"))]
    pub async fn commit(&self, mutation: Mutation) -> Result<Commit, StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.commit(mutation).await,
            Engine::Postgres(database) => database.commit(mutation).await,
        }
    }

    /// Records when tokens were last used. An older use never takes the place of a newer one.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "touch_tokens"))]
    pub async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.touch_tokens(uses).await,
            Engine::Postgres(database) => database.touch_tokens(uses).await,
        }
    }

    /// Writes a log entry, unless there is one of that id.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "append_log_once"))]
    pub async fn append_log_once(
        &self,
        tenant: TenantId,
        entry: LogEntry,
    ) -> Result<(), StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.append_log_once(tenant, entry).await,
            Engine::Postgres(database) => database.append_log_once(tenant, &entry).await,
        }
    }

    /// Numbers committed changes, at most `limit`, and tells how many. Several processes may do so at once. Does nothing on SQLite, where
    /// the writer numbers each change as it records it.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "number_changes"))]
    pub async fn number_changes(&self, limit: u32) -> Result<u64, StorageError> {
        match &*self.engine {
            Engine::Sqlite(_) => Ok(0),
            Engine::Postgres(database) => database.number_changes(limit).await,
        }
    }

    /// Makes the planner's statistics anew for tables that have grown much. Does nothing on SQLite, which needs none to take the right index.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "refresh_statistics"))]
    pub async fn refresh_statistics(&self) -> Result<(), StorageError> {
        match &*self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(database) => database.refresh_statistics().await,
        }
    }

    /// Removes accounts deleted before a time, at most `limit`, and tells how many.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "purge_tombstones"))]
    pub async fn purge_tombstones(
        &self,
        tenant: TenantId,
        deleted_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => {
                database
                    .purge_tombstones(tenant, deleted_before, limit)
                    .await
            }
            Engine::Postgres(database) => {
                database
                    .purge_tombstones(tenant, deleted_before, limit)
                    .await
            }
        }
    }

    /// Removes what is left of deleted groups, at most `limit` rows of a kind, and tells how many.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "purge_groups"))]
    pub async fn purge_groups(&self, tenant: TenantId, limit: u32) -> Result<u64, StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.purge_groups(tenant, limit).await,
            Engine::Postgres(database) => database.purge_groups(tenant, limit).await,
        }
    }

    /// Removes receipts of all tenants from before a time, at most `limit`, and tells how many.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "purge_receipts"))]
    pub async fn purge_receipts(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.purge_receipts(before, limit).await,
            Engine::Postgres(database) => database.purge_receipts(before, limit).await,
        }
    }

    /// Takes items that are not wanted any more out of the batches of the deprovision guard, and tells how many.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "drop_items"))]
    pub async fn drop_items(
        &self,
        tenant: TenantId,
        dropped: &DroppedItems,
    ) -> Result<u64, StorageError> {
        match &*self.engine {
            Engine::Sqlite(database) => database.drop_items(tenant, dropped).await,
            Engine::Postgres(database) => database.drop_items(tenant, dropped).await,
        }
    }

    /// Removes what counts for no window of the deprovision guard any more, and what was decided before a time, at most `limit` rows of a kind,
    /// and tells how many.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "purge_guard"))]
    pub async fn purge_guard(
        &self,
        tenant: TenantId,
        events_until: Timestamp,
        decided_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let purge = GuardPurge {
            tenant,
            events_until,
            decided_before,
            limit,
        };
        match &*self.engine {
            Engine::Sqlite(database) => database.purge_guard(&purge).await,
            Engine::Postgres(database) => database.purge_guard(&purge).await,
        }
    }
}
