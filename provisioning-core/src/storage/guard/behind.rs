//! How a write gets past the deprovision guard: the same on both engines, each with its own connection.
//!
//! A guarded write begins by locking the tenant's row in `deprovision_guards`, looks whom it affects, what has passed and what is held, lets
//! [`decide`](crate::guard::decide) say what becomes of it, and is committed with that. So the guarded writes of a tenant are made one after the other,
//! on however many replicas. Decisions about batches, and what drops items from one, take the row as well; nobody else does.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::GuardBase;
use crate::{
    clock::Timestamp,
    guard::{BATCH_ITEMS_MAX, BatchState, DeprovisionAction, GuardCheck, OpenItem},
    ids::{BatchId, TenantId},
};

/// What the decision is made on.
pub(in crate::storage) fn base_of(check: &GuardCheck, stored: GuardBase) -> GuardBase {
    match check.counted {
        // Another replica may have counted meanwhile: then its count holds.
        Some(base) if stored.began_at <= check.at.minus(check.limits.window) => GuardBase {
            began_at: check.at,
            base,
        },
        _ => stored,
    }
}

/// The functions by which an engine's write gets past the guard, on a connection of that engine within a transaction.
macro_rules! guarded_on {
    ($connection:ty, $sql:ident, $ids:expr) => {
        use $crate::{
            guard::{Affected, Asked, BATCH_ITEMS_MAX, GuardCheck, Held, Verdict, decide},
            ids::{BatchId, TenantId},
            storage::{
                Commit,
                guard::{
                    BatchDecision, DroppedItems, GuardBase, GuardPart, behind,
                    sql::{self, GuardSql},
                },
            },
        };

        const SQL: GuardSql = sql::$sql;

        /// Decides under the tenant's lock, and records what is held. `Err` in the result: it is held, and that is to be committed.
        pub(super) async fn check(
            connection: &mut $connection,
            tenant: TenantId,
            check: &GuardCheck,
            stored: GuardBase,
        ) -> Result<Result<Verdict, Held>, sqlx::Error> {
            let base = behind::base_of(check, stored);
            if base != stored {
                sqlx::query(sql::GUARD_UPDATE)
                    .bind(tenant.uuid())
                    .bind(base.began_at.as_micros())
                    .bind(base.base)
                    .execute(&mut *connection)
                    .await?;
            }
            let limit = check.limits.limit(base.base);
            let used: i64 = sqlx::query_scalar(sql::USED)
                .bind(tenant.uuid())
                .bind(check.at.minus(check.limits.window).as_micros())
                .fetch_one(&mut *connection)
                .await?;
            let asked = asked(connection, tenant, &check.affected).await?;
            let rows: Vec<behind::OpenRow> = sqlx::query_as(SQL.open)
                .bind(tenant.uuid())
                .bind(check.affected.group_key())
                .bind($ids(&asked.ids))
                .fetch_all(&mut *connection)
                .await?;
            let open = behind::open_items(rows)?;
            let verdict = decide(&asked, &open, used, limit);
            let Verdict::Held {
                new,
                known,
                dismissed,
            } = &verdict
            else {
                return Ok(Ok(verdict));
            };
            let held = hold(connection, tenant, check, new, known).await?;
            Ok(Err(Held {
                batch_id: dismissed.or(held.batch_id),
                dismissed: dismissed.is_some(),
                limit,
                ..held
            }))
        }

        /// Whom the write affects by now: nobody else comes to the group or goes until it is committed, where that makes a difference.
        async fn asked(
            connection: &mut $connection,
            tenant: TenantId,
            affected: &Affected,
        ) -> Result<Asked, sqlx::Error> {
            let (sql, group, ids) = match affected {
                Affected::Accounts(action, ids) => {
                    let (action, ids) = (*action, ids.clone());
                    return Ok(Asked { action, ids });
                }
                Affected::Members(group, ids) => (SQL.members, group, ids),
                Affected::OtherMembers(group, ids) => (SQL.other_members, group, ids),
            };
            let ids = sqlx::query_scalar(sql)
                .bind(tenant.uuid())
                .bind(group.uuid())
                .bind($ids(ids))
                .bind(i64::from(BATCH_ITEMS_MAX) + 1)
                .fetch_all(connection)
                .await?;
            let action = affected.action();
            Ok(Asked { action, ids })
        }

        /// Takes the tenant's row, which is made where there is none.
        pub(super) async fn lock(
            connection: &mut $connection,
            tenant: TenantId,
        ) -> Result<GuardBase, sqlx::Error> {
            loop {
                let row: Option<(i64, i64)> = sqlx::query_as(SQL.lock)
                    .bind(tenant.uuid())
                    .fetch_optional(&mut *connection)
                    .await?;
                if let Some((began_at, base)) = row {
                    let began_at = $crate::clock::Timestamp::from_micros(began_at);
                    return Ok(GuardBase { began_at, base });
                }
                sqlx::query(sql::GUARD_INSERT)
                    .bind(tenant.uuid())
                    .bind(0_i64)
                    .bind(0_i64)
                    .execute(&mut *connection)
                    .await?;
            }
        }

        /// Writes down what is held: in the pending batch, which is opened where there is none, or as asked for once more.
        async fn hold(
            connection: &mut $connection,
            tenant: TenantId,
            check: &GuardCheck,
            new: &[uuid::Uuid],
            known: &[(uuid::Uuid, BatchId)],
        ) -> Result<Held, sqlx::Error> {
            let pending: Option<(uuid::Uuid, i64)> = sqlx::query_as(sql::PENDING)
                .bind(tenant.uuid())
                .fetch_optional(&mut *connection)
                .await?;
            let (mut batch_id, mut waiting) =
                pending.map_or((None, 0), |(id, waiting)| (Some(id), waiting));
            let new = behind::that_fit(new, waiting);
            if !new.is_empty() {
                let id = match batch_id {
                    Some(id) => id,
                    None => {
                        sqlx::query(sql::BATCH_INSERT)
                            .bind(tenant.uuid())
                            .bind(check.id.uuid())
                            .bind(check.at.as_micros())
                            .execute(&mut *connection)
                            .await?;
                        check.id.uuid()
                    }
                };
                batch_id = Some(id);
                items(SQL.insert, tenant, id, check, new)
                    .execute(&mut *connection)
                    .await?;
                let added = i64::try_from(new.len()).unwrap_or(i64::MAX);
                waiting += added;
                count(connection, tenant, id, check, added, 0).await?;
            }
            for (id, ids) in behind::by_batch(known) {
                items(SQL.seen, tenant, id, check, &ids)
                    .execute(&mut *connection)
                    .await?;
                count(connection, tenant, id, check, 0, 0).await?;
            }
            Ok(Held {
                batch_id: batch_id.map(BatchId::from_uuid),
                dismissed: false,
                waiting,
                limit: 0,
            })
        }

        /// Writes down what a write that was made means for the guard.
        pub(super) async fn settle(
            connection: &mut $connection,
            tenant: TenantId,
            part: &GuardPart,
            verdict: Option<&Verdict>,
        ) -> Result<(), sqlx::Error> {
            if let (Some(check), Some(verdict)) = (&part.check, verdict) {
                pass(connection, tenant, check, verdict).await?;
            }
            for moot in &part.moot {
                drop_locked(connection, tenant, moot).await?;
            }
            Ok(())
        }

        /// Writes down that a request has passed.
        async fn pass(
            connection: &mut $connection,
            tenant: TenantId,
            check: &GuardCheck,
            verdict: &Verdict,
        ) -> Result<(), sqlx::Error> {
            let Verdict::Passes { approved, counted } = verdict else {
                return Ok(());
            };
            if *counted > 0 {
                sqlx::query(sql::EVENT_COUNT)
                    .bind(tenant.uuid())
                    .bind(check.limits.counted_until(check.at).as_micros())
                    .bind(*counted)
                    .execute(&mut *connection)
                    .await?;
            }
            for (id, ids) in behind::by_batch(approved) {
                items(SQL.pass, tenant, id, check, &ids)
                    .execute(&mut *connection)
                    .await?;
                let passed = i64::try_from(ids.len()).unwrap_or(i64::MAX);
                count(connection, tenant, id, check, 0, passed).await?;
            }
            Ok(())
        }

        /// A statement about items of a batch.
        fn items<'q>(
            sql: &'static str,
            tenant: TenantId,
            batch: uuid::Uuid,
            check: &GuardCheck,
            ids: &[uuid::Uuid],
        ) -> sqlx::query::Query<
            'q,
            <$connection as sqlx::Connection>::Database,
            <<$connection as sqlx::Connection>::Database as sqlx::Database>::Arguments,
        > {
            sqlx::query(sql)
                .bind(tenant.uuid())
                .bind(batch)
                .bind($ids(ids))
                .bind(check.affected.action().as_str())
                .bind(check.affected.group_key())
                .bind(check.at.as_micros())
        }

        async fn count(
            connection: &mut $connection,
            tenant: TenantId,
            batch: uuid::Uuid,
            check: &GuardCheck,
            added: i64,
            passed: i64,
        ) -> Result<(), sqlx::Error> {
            let [suspends, deletes, removals] = behind::by_action(check.affected.action(), added);
            sqlx::query(sql::BATCH_COUNT)
                .bind(tenant.uuid())
                .bind(batch)
                .bind(suspends)
                .bind(deletes)
                .bind(removals)
                .bind(passed)
                .bind(check.at.as_micros())
                .execute(connection)
                .await
                .map(drop)
        }

        /// Writes a decision, which waits until no guarded write is under way.
        pub(super) async fn decide_batch(
            connection: &mut $connection,
            tenant: TenantId,
            decision: &BatchDecision,
        ) -> Result<Commit, sqlx::Error> {
            lock(connection, tenant).await?;
            let batch = &decision.batch;
            let decided = sqlx::query(sql::BATCH_DECIDE)
                .bind(tenant.uuid())
                .bind(batch.id.uuid())
                .bind(decision.expected_version)
                .bind(batch.state.as_str())
                .bind(&batch.decided_by)
                .bind(batch.decided_at.map(|at| at.as_micros()))
                .bind(&batch.reason)
                .bind(batch.version)
                .execute(connection)
                .await?;
            Ok(match decided.rows_affected() {
                0 => Commit::VersionMismatch,
                _ => Commit::Done,
            })
        }

        /// Takes items out of their batches.
        pub(super) async fn drop_items(
            connection: &mut $connection,
            tenant: TenantId,
            dropped: &DroppedItems,
        ) -> Result<u64, sqlx::Error> {
            lock(connection, tenant).await?;
            drop_locked(connection, tenant, dropped).await
        }

        async fn drop_locked(
            connection: &mut $connection,
            tenant: TenantId,
            dropped: &DroppedItems,
        ) -> Result<u64, sqlx::Error> {
            let batches: Vec<uuid::Uuid> = sqlx::query_scalar(SQL.drop)
                .bind(tenant.uuid())
                .bind(dropped.action.as_str())
                .bind($ids(&dropped.ids))
                .bind(dropped.group_id)
                .fetch_all(&mut *connection)
                .await?;
            let rows = batches.len() as u64;
            let batches: Vec<_> = batches
                .into_iter()
                .map(|id| (id, BatchId::from_uuid(id)))
                .collect();
            for (id, dropped_of_it) in behind::by_batch(&batches) {
                let count = i64::try_from(dropped_of_it.len()).unwrap_or(i64::MAX);
                let [suspends, deletes, removals] = behind::by_action(dropped.action, count);
                sqlx::query(sql::BATCH_UNCOUNT)
                    .bind(tenant.uuid())
                    .bind(id)
                    .bind(suspends)
                    .bind(deletes)
                    .bind(removals)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(sql::BATCH_DELETE_EMPTY)
                    .bind(tenant.uuid())
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(rows)
        }

        /// Removes what counts and holds no longer, at most `limit` rows of a kind.
        pub(super) async fn purge(
            connection: &mut $connection,
            purge: &behind::GuardPurge,
        ) -> Result<u64, sqlx::Error> {
            let mut rows = 0;
            for (sql, before) in [
                (sql::PURGE_EVENTS, purge.events_until),
                (sql::PURGE_ITEMS, purge.decided_before),
                (sql::PURGE_BATCHES, purge.decided_before),
            ] {
                let step = sqlx::query(sql)
                    .bind(purge.tenant.uuid())
                    .bind(before.as_micros())
                    .bind(i64::from(purge.limit));
                rows += step.execute(&mut *connection).await?.rows_affected();
            }
            Ok(rows)
        }
    };
}
pub(in crate::storage) use guarded_on;

/// One step of removing.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct GuardPurge {
    pub tenant: TenantId,
    pub events_until: Timestamp,
    pub decided_before: Timestamp,
    pub limit: u32,
}

/// A row of [`GuardSql::open`](super::sql::GuardSql::open).
pub(in crate::storage) type OpenRow = (Uuid, String, Uuid, String);

pub(in crate::storage) fn open_items(rows: Vec<OpenRow>) -> Result<Vec<OpenItem>, sqlx::Error> {
    let item = |(account_id, action, batch_id, state): OpenRow| {
        Some(OpenItem {
            account_id,
            action: DeprovisionAction::from_text(&action)?,
            batch_id: BatchId::from_uuid(batch_id),
            state: BatchState::from_text(&state)?,
        })
    };
    let items: Option<Vec<_>> = rows.into_iter().map(item).collect();
    items.ok_or_else(|| sqlx::Error::Decode("deprovision_items have an unknown action".into()))
}

/// As many as there is room for in a batch that has so many.
pub(in crate::storage) fn that_fit(new: &[Uuid], waiting: i64) -> &[Uuid] {
    let room = usize::try_from(i64::from(BATCH_ITEMS_MAX) - waiting).unwrap_or(0);
    &new[..new.len().min(room)]
}

/// The accounts of each batch.
pub(in crate::storage) fn by_batch(items: &[(Uuid, BatchId)]) -> Vec<(Uuid, Vec<Uuid>)> {
    let mut batches: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (id, batch) in items {
        batches.entry(batch.uuid()).or_default().push(*id);
    }
    batches.into_iter().collect()
}

/// A number of items as suspensions, deletions and removals.
pub(in crate::storage) const fn by_action(action: DeprovisionAction, count: i64) -> [i64; 3] {
    match action {
        DeprovisionAction::Suspend => [count, 0, 0],
        DeprovisionAction::Delete => [0, count, 0],
        DeprovisionAction::RemoveMember => [0, 0, count],
    }
}
