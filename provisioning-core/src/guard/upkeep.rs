//! What the guard forgets, and which items there is nothing to do about any more.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{DECISION_LIFETIME, DeprovisionAction, DeprovisionGuard, ITEM_SILENCE_MAX};
use crate::{
    Core,
    ids::TenantId,
    storage::{DroppedItems, GuardedTenant, StorageError},
};

/// Rows in one step, so that no step holds the writer or the tenant's lock for long.
const BATCH: u32 = 500;

impl Core {
    /// Removes what counts no longer and decisions that have outlived their lifetime, and drops items that there is nothing to do about, in steps. Looks
    /// only at tenants whose guard has ever had something to decide.
    pub(crate) async fn purge_guards(
        &self,
        cancel: &CancellationToken,
    ) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let tenants = self.storage().list_guarded_tenants(BATCH, after).await?;
            for tenant in &tenants {
                self.purge_guard(*tenant, cancel).await?;
            }
            match tenants.last() {
                Some(last) if !cancel.is_cancelled() => after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    async fn purge_guard(
        &self,
        tenant: GuardedTenant,
        cancel: &CancellationToken,
    ) -> Result<(), StorageError> {
        let now = self.now();
        let window = tenant.window.unwrap_or(DeprovisionGuard::WINDOW_MAX);
        while !cancel.is_cancelled()
            && self
                .storage()
                .purge_guard(
                    tenant.id,
                    now.minus(window),
                    now.minus(DECISION_LIFETIME),
                    BATCH,
                )
                .await?
                > 0
        {}
        while !cancel.is_cancelled() && self.drop_moot_items(tenant.id).await? {}
        Ok(())
    }

    /// One step; whether there may be more.
    async fn drop_moot_items(&self, tenant: TenantId) -> Result<bool, StorageError> {
        let silent_since = self.now().minus(ITEM_SILENCE_MAX);
        let moot = self
            .storage()
            .find_moot_items(tenant, silent_since, BATCH)
            .await?;
        let more = moot.len() == BATCH as usize;
        let mut groups: BTreeMap<(&str, Uuid), (DeprovisionAction, Vec<Uuid>)> = BTreeMap::new();
        for item in moot {
            groups
                .entry((item.action.as_str(), item.group_id))
                .or_insert_with(|| (item.action, Vec::new()))
                .1
                .push(item.account_id);
        }
        for ((_, group_id), (action, ids)) in groups {
            let dropped = DroppedItems {
                action,
                group_id,
                ids,
            };
            self.storage().drop_items(tenant, &dropped).await?;
        }
        Ok(more)
    }
}
