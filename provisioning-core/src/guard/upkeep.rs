//! What the guard forgets, and which items there is nothing to do about any more.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{DECISION_LIFETIME, DeprovisionAction, DeprovisionGuard, ITEM_SILENCE_MAX};
use crate::{
    Core,
    storage::{DroppedItems, StorageError},
    tenants::Tenant,
};

/// Rows in one step, so that no step holds the writer or the tenant's lock for long.
const BATCH: u32 = 500;

impl Core {
    /// Removes what counts no longer and decisions that have outlived their lifetime, and drops items that there is nothing to do about, in steps.
    pub(crate) async fn purge_guard(
        &self,
        tenant: &Tenant,
        cancel: &CancellationToken,
    ) -> Result<(), StorageError> {
        let now = self.now();
        let guard = tenant.settings.deprovision_guard.as_ref();
        let window = guard.map_or(DeprovisionGuard::WINDOW_MAX, |guard| guard.window);
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
        while !cancel.is_cancelled() && self.drop_moot_items(tenant).await? {}
        Ok(())
    }

    /// One step; whether there may be more.
    async fn drop_moot_items(&self, tenant: &Tenant) -> Result<bool, StorageError> {
        let silent_since = self.now().minus(ITEM_SILENCE_MAX);
        let moot = self
            .storage()
            .find_moot_items(tenant.id, silent_since, BATCH)
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
            self.storage().drop_items(tenant.id, &dropped).await?;
        }
        Ok(more)
    }
}
