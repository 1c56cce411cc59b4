//! The deprovision guard: what is asked and told about it. How a write gets past it is in [`behind`].

pub(super) mod behind;
pub(super) mod sql;

use std::time::Duration;

use uuid::Uuid;

use self::{
    behind::{base_of, that_fit},
    sql::{
        BASE, BATCH, BATCHES, BATCHES_BEFORE, EXPLAINED_POSTGRES, EXPLAINED_SQLITE, GUARD, GUARDS,
        HELD, ITEMS, ITEMS_AFTER, MEMBERS, MOOT, OPEN, OTHER_MEMBERS, PENDING_BATCH, USED,
    },
};
use super::{
    Storage, StorageError,
    columns::{self, Columns},
    groups::json_ids,
    read,
};
use crate::{
    clock::Timestamp,
    guard::{
        Affected, Asked, BATCH_ITEMS_MAX, Batch, BatchItem, BatchState, DeprovisionAction,
        GuardCheck, Held, ItemKey, OpenItem, Verdict, decide,
    },
    ids::{BatchId, TenantId},
};

/// What a mutation has to do with the deprovision guard, decided and written with it under the tenant's lock.
#[derive(Clone, Debug)]
pub struct GuardPart {
    /// What it has to get past.
    pub check: Option<GuardCheck>,
    /// What there is nothing to do about any more once it is done.
    pub moot: Vec<DroppedItems>,
}

/// A decision about a batch, to be written if it is at the version that was read.
#[derive(Clone, Debug)]
pub struct BatchDecision {
    /// The batch as it shall be, with its next version.
    pub batch: Batch,
    /// As it was read.
    pub expected_version: i64,
}

/// Items that are not wanted any more: they leave their batch.
#[derive(Clone, Debug)]
pub struct DroppedItems {
    /// What they asked for.
    pub action: DeprovisionAction,
    /// Of removals: the group; else nil.
    pub group_id: Uuid,
    /// The accounts or members.
    pub ids: Vec<Uuid>,
}

/// A tenant of which the guard keeps something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardedTenant {
    /// Which.
    pub id: TenantId,
    /// The length of its window; none: its guard is off.
    pub window: Option<Duration>,
}

/// Of how many accounts a share is taken, and when they were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardBase {
    /// When they were counted.
    pub began_at: Timestamp,
    /// Managed, active, not deleted.
    pub base: i64,
}

impl Storage {
    /// Finds of how many accounts a share was taken last.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_guard_base"))]
    pub async fn find_guard_base(
        &self,
        tenant: TenantId,
    ) -> Result<Option<GuardBase>, StorageError> {
        let rows = read!(self, guard_base, GUARD; tenant.uuid())?;
        Ok(rows.into_iter().next())
    }

    /// Finds the tenants of which the guard keeps something, by id: those behind `after`, at most `limit`.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_guarded_tenants"))]
    pub async fn list_guarded_tenants(
        &self,
        limit: u32,
        after: Option<TenantId>,
    ) -> Result<Vec<GuardedTenant>, StorageError> {
        let after = after.map_or(Uuid::nil(), TenantId::uuid);
        read!(self, guarded_tenant, GUARDS; after, i64::from(limit))
    }

    /// Counts the managed accounts that are active and not deleted, by an index that has no others: once a window.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "count_managed_active"))]
    pub async fn count_managed_active(&self, tenant: TenantId) -> Result<i64, StorageError> {
        let counts = read!(self, columns::int, BASE; tenant.uuid())?;
        Ok(counts.into_iter().next().unwrap_or(0))
    }

    /// Counts what has passed since a time.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "count_deprovisioned"))]
    pub async fn count_deprovisioned(
        &self,
        tenant: TenantId,
        since: Timestamp,
    ) -> Result<i64, StorageError> {
        let used = read!(self, columns::int, USED; tenant.uuid(), since.as_micros())?;
        Ok(used.into_iter().next().unwrap_or(0))
    }

    /// What the guard would say of a write by now, without writing anything; none when it would pass.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "preview_guard"))]
    pub async fn preview_guard(
        &self,
        tenant: TenantId,
        check: &GuardCheck,
    ) -> Result<Option<Held>, StorageError> {
        let stored = self.find_guard_base(tenant).await?.unwrap_or(GuardBase {
            began_at: Timestamp::from_micros(0),
            base: 0,
        });
        let limit = check.limits.limit(base_of(check, stored).base);
        let since = check.at.minus(check.limits.window);
        let used = self.count_deprovisioned(tenant, since).await?;
        let asked = self.find_asked(tenant, &check.affected).await?;
        let group = check.affected.group_key();
        let open = self.find_open_items(tenant, group, &asked.ids).await?;
        let Verdict::Held { new, dismissed, .. } = decide(&asked, &open, used, limit) else {
            return Ok(None);
        };
        let pending = self.find_pending_batch(tenant).await?;
        let waiting = pending.as_ref().map_or(0, |batch| {
            batch.suspends + batch.deletes + batch.member_removals
        });
        let joining = i64::try_from(that_fit(&new, waiting).len()).unwrap_or(i64::MAX);
        Ok(Some(Held {
            batch_id: dismissed.or(pending.map(|batch| batch.id)),
            dismissed: dismissed.is_some(),
            waiting: waiting + joining,
            limit,
        }))
    }

    /// Finds whom a write would affect by now.
    async fn find_asked(
        &self,
        tenant: TenantId,
        affected: &Affected,
    ) -> Result<Asked, StorageError> {
        let limit = i64::from(BATCH_ITEMS_MAX) + 1;
        let (sql, group, ids) = match affected {
            Affected::Accounts(action, ids) => {
                let (action, ids) = (*action, ids.clone());
                return Ok(Asked { action, ids });
            }
            Affected::Members(group, ids) => (MEMBERS, group, ids),
            Affected::OtherMembers(group, ids) => (OTHER_MEMBERS, group, ids),
        };
        let ids = read!(
            self,
            columns::uuid,
            sqlite(sql.sqlite; tenant.uuid(), group.uuid(), json_ids(ids), limit),
            postgres(sql.postgres; tenant.uuid(), group.uuid(), ids, limit)
        )?;
        Ok(Asked {
            action: affected.action(),
            ids,
        })
    }

    /// Finds the items of accounts, or of members of a group, that have not passed.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_open_items"))]
    pub async fn find_open_items(
        &self,
        tenant: TenantId,
        group: Uuid,
        ids: &[Uuid],
    ) -> Result<Vec<OpenItem>, StorageError> {
        read!(
            self,
            open_item,
            sqlite(OPEN.sqlite; tenant.uuid(), group, json_ids(ids)),
            postgres(OPEN.postgres; tenant.uuid(), group, ids)
        )
    }

    /// Finds what is asked for of accounts and is held back, undecided or dismissed, each with its batch, the longest first; at most `limit`.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_held_items"))]
    pub async fn find_held_items(
        &self,
        tenant: TenantId,
        accounts: &[Uuid],
        limit: u32,
    ) -> Result<Vec<(BatchItem, Batch)>, StorageError> {
        let (tenant, passes, limit) = (
            tenant.uuid(),
            BatchState::Approved.as_str(),
            i64::from(limit),
        );
        let mut held: Vec<(BatchItem, Batch)> = read!(
            self,
            held_item,
            sqlite(HELD.sqlite; tenant, passes, json_ids(accounts), limit),
            postgres(HELD.postgres; tenant, passes, accounts, limit)
        )?;
        held.sort_by_key(|(item, _)| item.first_seen_at);
        Ok(held)
    }

    /// Finds items of which there is nothing to do any more, or that nobody has asked for since a time.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_moot_items"))]
    pub async fn find_moot_items(
        &self,
        tenant: TenantId,
        silent_since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ItemKey>, StorageError> {
        let (tenant, since) = (tenant.uuid(), silent_since.as_micros());
        read!(self, item_key, MOOT; tenant, since, i64::from(limit))
    }

    /// Finds the batch that waits for a decision.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_pending_batch"))]
    pub async fn find_pending_batch(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Batch>, StorageError> {
        let batches = read!(self, batch, PENDING_BATCH; tenant.uuid())?;
        Ok(batches.into_iter().next())
    }

    /// Finds a batch.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_batch"))]
    pub async fn find_batch(
        &self,
        tenant: TenantId,
        id: BatchId,
    ) -> Result<Option<Batch>, StorageError> {
        let batches = read!(self, batch, BATCH; tenant.uuid(), id.uuid())?;
        Ok(batches.into_iter().next())
    }

    /// Lists batches, the newest first.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_batches"))]
    pub async fn list_batches(
        &self,
        tenant: TenantId,
        limit: u32,
        before: Option<BatchId>,
    ) -> Result<Vec<Batch>, StorageError> {
        let (tenant, limit) = (tenant.uuid(), i64::from(limit));
        match before {
            None => read!(self, batch, BATCHES; tenant, limit),
            Some(id) => read!(self, batch, BATCHES_BEFORE; tenant, id.uuid(), limit),
        }
    }

    /// Lists the items of a batch, by account.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_batch_items"))]
    pub async fn list_batch_items(
        &self,
        tenant: TenantId,
        batch: BatchId,
        limit: u32,
        after: Option<ItemKey>,
    ) -> Result<Vec<BatchItem>, StorageError> {
        let (tenant, batch, limit) = (tenant.uuid(), batch.uuid(), i64::from(limit));
        match after {
            None => read!(self, batch_item, ITEMS; tenant, batch, limit),
            Some(key) => read!(
                self,
                batch_item,
                ITEMS_AFTER; tenant, batch, key.account_id, key.action.as_str(), key.group_id, limit
            ),
        }
    }

    /// How the engine would read what the guard knows of an item, in its own words: the items of accounts or members, a page of a batch, those of which
    /// there is nothing to do, what has passed, what is held back of an account, of how many accounts a share is taken, and who is affected.
    pub async fn explain_items(
        &self,
        tenant: TenantId,
        batch: BatchId,
        item: ItemKey,
    ) -> Result<Vec<String>, StorageError> {
        let (tenant, batch) = (tenant.uuid(), batch.uuid());
        let (id, action, group) = (item.account_id, item.action.as_str(), item.group_id);
        let (
            [open, page, moot, used, held, base, among, others],
            [
                open_p,
                page_p,
                moot_p,
                used_p,
                held_p,
                base_p,
                among_p,
                others_p,
            ],
        ) = (EXPLAINED_SQLITE, EXPLAINED_POSTGRES);
        let mut plan = read!(
            self,
            columns::plan_step,
            sqlite(open; tenant, group, json_ids(&[id])),
            postgres(open_p; tenant, group, vec![id])
        )?;
        plan.extend(read!(
            self,
            columns::plan_step,
            sqlite(page; tenant, batch, id, action, group, 100_i64),
            postgres(page_p; tenant, batch, id, action, group, 100_i64)
        )?);
        plan.extend(read!(
            self,
            columns::plan_step,
            sqlite(moot; tenant, 1_i64, 100_i64),
            postgres(moot_p; tenant, 1_i64, 100_i64)
        )?);
        plan.extend(read!(
            self,
            columns::plan_step,
            sqlite(used; tenant, 1_i64),
            postgres(used_p; tenant, 1_i64)
        )?);
        plan.extend(read!(
            self,
            columns::plan_step,
            sqlite(held; tenant, "approved", json_ids(&[id]), 20_i64),
            postgres(held_p; tenant, "approved", vec![id], 20_i64)
        )?);
        plan.extend(read!(
            self,
            columns::plan_step,
            sqlite(base; tenant),
            postgres(base_p; tenant)
        )?);
        for (sqlite, postgres) in [(among, among_p), (others, others_p)] {
            plan.extend(read!(
                self,
                columns::plan_step,
                sqlite(sqlite; tenant, group, json_ids(&[id]), 100_i64),
                postgres(postgres; tenant, group, vec![id], 100_i64)
            )?);
        }
        Ok(plan)
    }
}

fn guarded_tenant(columns: &mut impl Columns) -> Result<GuardedTenant, StorageError> {
    let id = TenantId::from_uuid(columns.uuid()?);
    let window = columns.int_or_null()?;
    let window = window.map(|us| Duration::from_micros(us.unsigned_abs()));
    Ok(GuardedTenant { id, window })
}

fn guard_base(columns: &mut impl Columns) -> Result<GuardBase, StorageError> {
    Ok(GuardBase {
        began_at: columns.time()?,
        base: columns.int()?,
    })
}

fn action(columns: &mut impl Columns) -> Result<DeprovisionAction, StorageError> {
    DeprovisionAction::from_text(&columns.text()?)
        .ok_or(StorageError::inconsistent("deprovision_items", "action"))
}

fn state(columns: &mut impl Columns) -> Result<BatchState, StorageError> {
    BatchState::from_text(&columns.text()?)
        .ok_or(StorageError::inconsistent("deprovision_batches", "state"))
}

fn open_item(columns: &mut impl Columns) -> Result<OpenItem, StorageError> {
    Ok(OpenItem {
        account_id: columns.uuid()?,
        action: action(columns)?,
        batch_id: BatchId::from_uuid(columns.uuid()?),
        state: state(columns)?,
    })
}

fn item_key(columns: &mut impl Columns) -> Result<ItemKey, StorageError> {
    Ok(ItemKey {
        account_id: columns.uuid()?,
        action: action(columns)?,
        group_id: columns.uuid()?,
    })
}

fn batch(columns: &mut impl Columns) -> Result<Batch, StorageError> {
    Ok(Batch {
        id: BatchId::from_uuid(columns.uuid()?),
        state: state(columns)?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        suspends: columns.int()?,
        deletes: columns.int()?,
        member_removals: columns.int()?,
        passed: columns.int()?,
        decided_by: columns.text()?,
        decided_at: columns.time_or_null()?,
        reason: columns.text()?,
        version: columns.int()?,
    })
}

fn held_item(columns: &mut impl Columns) -> Result<(BatchItem, Batch), StorageError> {
    Ok((batch_item(columns)?, batch(columns)?))
}

fn batch_item(columns: &mut impl Columns) -> Result<BatchItem, StorageError> {
    Ok(BatchItem {
        key: item_key(columns)?,
        user_name: columns.text()?,
        object_id: columns.text()?,
        group_display_name: columns.text()?,
        first_seen_at: columns.time()?,
        last_seen_at: columns.time()?,
        count: columns.int()?,
        passed_at: columns.time_or_null()?,
    })
}
