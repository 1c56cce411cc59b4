//! How long history is kept: the provisioning log and the changes, which would grow for ever.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    Core,
    clock::Timestamp,
    ids::TenantId,
    storage::{History, StorageError},
};

/// Rows removed in one step, so that no step holds the writer for long.
const BATCH: u32 = 500;
/// Tenants looked at in one step.
const TENANTS_BATCH: u32 = 500;

/// How long history is kept. The same for every tenant: it is the operator who has to store it.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Entries of the provisioning log.
    pub log: Duration,
    /// Changes. A follower that has not read for longer has to begin anew.
    pub changes: Duration,
}

impl Default for Retention {
    /// A year's audit with some weeks to spare for whoever does it; and three months for a follower to come back.
    fn default() -> Self {
        Self {
            log: Duration::from_hours(24 * 400),
            changes: Duration::from_hours(24 * 90),
        }
    }
}

impl Core {
    /// Removes the history that has outlived its retention, in steps. Whatever is left when it is cancelled goes the next time.
    pub(crate) async fn purge_history(
        &self,
        cancel: &CancellationToken,
    ) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let tenants = self
                .storage()
                .list_tenants(TENANTS_BATCH, after.as_ref())
                .await?;
            for tenant in &tenants {
                self.purge_history_of(tenant.id, self.now(), cancel).await?;
            }
            match tenants.last() {
                Some(last) if !cancel.is_cancelled() => after = Some(last.identifier.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn purge_history_of(
        &self,
        tenant: TenantId,
        now: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<(), StorageError> {
        let retention = self.retention();
        for (history, kept) in [
            (History::Log, retention.log),
            (History::Changes, retention.changes),
        ] {
            while !cancel.is_cancelled()
                && self
                    .storage()
                    .purge_history(tenant, history, now.minus(kept), BATCH)
                    .await?
                    > 0
            {}
        }
        // As long as the log entries that they name.
        while !cancel.is_cancelled()
            && self
                .storage()
                .purge_findings(tenant, now.minus(retention.log), BATCH)
                .await?
                > 0
        {}
        Ok(())
    }
}
