//! The deprovision guard: what its writes share, and its reads.
//!
//! A guarded write begins by locking the tenant's row in `deprovision_guards`, looks at what has passed and what is held, lets
//! [`decide`](crate::guard::decide) say what becomes of it, and is committed with that. So the guarded writes of a tenant are made one after the other,
//! on however many replicas. Nobody else touches that row.

use uuid::Uuid;

use super::{
    PerEngine, Storage, StorageError,
    columns::{self, Columns},
    groups::json_ids,
    read,
};
use crate::{
    clock::Timestamp,
    guard::{
        BATCH_ITEMS_MAX, Batch, BatchItem, BatchState, DeprovisionAction, GuardCheck, Held,
        ItemKey, OpenItem, Verdict, decide, group_key,
    },
    ids::{BatchId, TenantId},
};

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

/// Of how many accounts a share is taken, and when they were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardBase {
    /// When they were counted.
    pub began_at: Timestamp,
    /// Managed, active, not deleted.
    pub base: i64,
}

macro_rules! batch_columns {
    () => {
        "b.id, b.state, b.created_at, b.updated_at, b.suspends, b.deletes, b.member_removals, b.passed, b.decided_by, b.decided_at, b.reason, \
         b.version"
    };
}

/// The ids `$3`, as what follows a column.
macro_rules! in_ids {
    (sqlite) => {
        " IN (SELECT unhex(j.value, '-') FROM json_each($3) j)"
    };
    (postgres) => {
        " = ANY($3)"
    };
}

/// The statements in which the engines differ, each with the ids `$3` of items of the tenant `$1`.
pub(super) struct GuardSql {
    /// Takes the tenant's row, which is there.
    pub lock: &'static str,
    /// The items of the group `$2` that have not passed.
    pub open: &'static str,
    /// New items in the batch `$2`: `$4` is the action, `$5` the group, `$6` the time.
    pub insert: &'static str,
    /// The items of the action `$4` and the group `$5` that have not passed were asked for again, at `$6`.
    pub seen: &'static str,
    /// Those of the batch `$2` pass, at `$6`.
    pub pass: &'static str,
    /// The items of the action `$2` and the group `$4` that have not passed are dropped.
    pub drop: &'static str,
}

macro_rules! guard_sql {
    ($engine:ident, $for_update:literal, $ids:literal) => {
        GuardSql {
            lock: concat!(
                "SELECT began_at, base FROM deprovision_guards WHERE tenant_id = $1",
                $for_update
            ),
            open: guard_sql!(open $engine),
            insert: concat!(
                "INSERT INTO deprovision_items (
                     tenant_id, batch_id, account_id, action, group_id, first_seen_at, last_seen_at, count, passed_at
                 )
                 SELECT $1, $2, n.id, $4, $5, $6, $6, 1, NULL
                 FROM ", $ids, " n"
            ),
            seen: concat!(
                "UPDATE deprovision_items
                 SET last_seen_at = $6, count = count + 1
                 WHERE tenant_id = $1 AND action = $4 AND group_id = $5 AND passed_at IS NULL AND batch_id = $2 AND account_id",
                in_ids!($engine)
            ),
            pass: concat!(
                "UPDATE deprovision_items
                 SET last_seen_at = $6, count = count + 1, passed_at = $6
                 WHERE tenant_id = $1 AND action = $4 AND group_id = $5 AND passed_at IS NULL AND batch_id = $2 AND account_id",
                in_ids!($engine)
            ),
            drop: concat!(
                "DELETE FROM deprovision_items
                 WHERE tenant_id = $1 AND action = $2 AND group_id = $4 AND passed_at IS NULL AND account_id",
                in_ids!($engine),
                " RETURNING batch_id"
            ),
        }
    };
    (open $engine:ident) => {
        concat!(
            "SELECT i.account_id, i.action, i.batch_id, b.state
             FROM deprovision_items i
             JOIN deprovision_batches b ON b.tenant_id = i.tenant_id AND b.id = i.batch_id
             WHERE i.tenant_id = $1 AND i.group_id = $2 AND i.passed_at IS NULL AND i.account_id",
            in_ids!($engine)
        )
    };
}

/// The writer is alone, so its row needs no lock.
pub(super) const SQLITE: GuardSql = guard_sql!(
    sqlite,
    "",
    "(SELECT unhex(j.value, '-') AS id FROM json_each($3) j)"
);
pub(super) const POSTGRES: GuardSql =
    guard_sql!(postgres, " FOR UPDATE", "(SELECT UNNEST($3::UUID[]) AS id)");

const OPEN: PerEngine = PerEngine {
    sqlite: SQLITE.open,
    postgres: POSTGRES.open,
};

pub(super) const GUARD_INSERT: &str = "
    INSERT INTO deprovision_guards (tenant_id, began_at, base)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id) DO NOTHING";
pub(super) const GUARD_UPDATE: &str =
    "UPDATE deprovision_guards SET began_at = $2, base = $3 WHERE tenant_id = $1";
const GUARD: &str = "SELECT began_at, base FROM deprovision_guards WHERE tenant_id = $1";

/// What has passed behind the time `$2`.
macro_rules! used {
    () => {
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT)
         FROM deprovision_events
         WHERE tenant_id = $1 AND at > $2"
    };
}

pub(super) const USED: &str = used!();
pub(super) const EVENT_INSERT: &str =
    "INSERT INTO deprovision_events (tenant_id, at, id, amount) VALUES ($1, $2, $3, $4)";

const BASE: &str = "
    SELECT COUNT(*)
    FROM accounts
    WHERE tenant_id = $1 AND managed AND directory_active AND deleted_at IS NULL";

pub(super) const PENDING: &str = "
    SELECT id, suspends + deletes + member_removals
    FROM deprovision_batches
    WHERE tenant_id = $1 AND pending";
pub(super) const BATCH_INSERT: &str = "
    INSERT INTO deprovision_batches (
        tenant_id, id, state, pending, created_at, updated_at, suspends, deletes, member_removals, passed, decided_by, decided_at, reason, version
    )
    VALUES ($1, $2, 'pending', TRUE, $3, $3, 0, 0, 0, 0, '', NULL, '', 1)";
/// Adds to the counts of the batch `$2`.
pub(super) const BATCH_COUNT: &str = "
    UPDATE deprovision_batches
    SET suspends = suspends + $3, deletes = deletes + $4, member_removals = member_removals + $5, passed = passed + $6, updated_at = $7
    WHERE tenant_id = $1 AND id = $2";
/// Items that are dropped leave no trace: `updated_at` stays.
pub(super) const BATCH_UNCOUNT: &str = "
    UPDATE deprovision_batches
    SET suspends = suspends - $3, deletes = deletes - $4, member_removals = member_removals - $5
    WHERE tenant_id = $1 AND id = $2";
/// There is nothing to decide of a batch without items.
pub(super) const BATCH_DELETE_EMPTY: &str = "
    DELETE FROM deprovision_batches
    WHERE tenant_id = $1 AND id = $2 AND pending AND suspends + deletes + member_removals = 0";
/// The decision about the batch `$2` if it is at the version `$3`.
pub(super) const BATCH_DECIDE: &str = "
    UPDATE deprovision_batches
    SET state = $4, pending = NULL, decided_by = $5, decided_at = $6, reason = $7, version = $8
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(super) const PURGE_EVENTS: &str = "
    DELETE FROM deprovision_events
    WHERE (tenant_id, at, id) IN (
        SELECT tenant_id, at, id
        FROM deprovision_events
        WHERE tenant_id = $1 AND at <= $2
        LIMIT $3
    )";
/// Of batches that were decided before `$2`; then the batches that have no item any more.
pub(super) const PURGE_ITEMS: &str = "
    DELETE FROM deprovision_items
    WHERE (tenant_id, batch_id, account_id, action, group_id) IN (
        SELECT i.tenant_id, i.batch_id, i.account_id, i.action, i.group_id
        FROM deprovision_batches b
        JOIN deprovision_items i ON i.tenant_id = b.tenant_id AND i.batch_id = b.id
        WHERE b.tenant_id = $1 AND b.decided_at < $2
        LIMIT $3
    )";
pub(super) const PURGE_BATCHES: &str = "
    DELETE FROM deprovision_batches
    WHERE (tenant_id, id) IN (
        SELECT b.tenant_id, b.id
        FROM deprovision_batches b
        WHERE b.tenant_id = $1 AND b.decided_at < $2
          AND NOT EXISTS (SELECT 1 FROM deprovision_items i WHERE i.tenant_id = b.tenant_id AND i.batch_id = b.id)
        LIMIT $3
    )";

const BATCHES: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 ORDER BY b.id DESC LIMIT $2"
);
const BATCHES_BEFORE: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 AND b.id < $2 ORDER BY b.id DESC LIMIT $3"
);
const BATCH: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 AND b.id = $2"
);
const PENDING_BATCH: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 AND b.pending"
);

/// Items of the batch `$2` with the names of what they are about, deleted or not; a member may be an account or a group.
macro_rules! items {
    ($behind:literal, $limit:literal) => {
        concat!(
            "SELECT i.account_id, i.action, i.group_id, COALESCE(a.user_name, m.display_name, ''), COALESCE(a.object_id, m.object_id, ''),
                    COALESCE(g.display_name, ''), i.first_seen_at, i.last_seen_at, i.count, i.passed_at
             FROM deprovision_items i
             LEFT JOIN accounts a ON a.tenant_id = i.tenant_id AND a.id = i.account_id
             LEFT JOIN groups m ON m.tenant_id = i.tenant_id AND m.id = i.account_id
             LEFT JOIN groups g ON g.tenant_id = i.tenant_id AND g.id = i.group_id
             WHERE i.tenant_id = $1 AND i.batch_id = $2",
            $behind,
            " ORDER BY i.account_id, i.action, i.group_id LIMIT ",
            $limit
        )
    };
}

const ITEMS: &str = items!("", "$3");
const ITEMS_AFTER: &str = items!(
    " AND (i.account_id, i.action, i.group_id) > ($3, $4, $5)",
    "$6"
);

/// What there is nothing to do about any more: the account is gone or suspended, the member or the group is gone, or nobody has asked for it since
/// `$2`.
macro_rules! moot {
    () => {
        "SELECT i.account_id, i.action, i.group_id
         FROM deprovision_items i
         LEFT JOIN accounts a ON a.tenant_id = i.tenant_id AND a.id = i.account_id AND a.deleted_at IS NULL
         LEFT JOIN group_members m ON m.tenant_id = i.tenant_id AND m.group_id = i.group_id AND m.member_id = i.account_id
         LEFT JOIN groups g ON g.tenant_id = i.tenant_id AND g.id = i.group_id AND g.deleted_at IS NULL
         WHERE i.tenant_id = $1 AND i.passed_at IS NULL
           AND (i.last_seen_at <= $2 OR CASE i.action
                   WHEN 'suspend' THEN a.id IS NULL OR NOT a.directory_active
                   WHEN 'delete' THEN a.id IS NULL
                   ELSE m.member_id IS NULL OR g.id IS NULL
               END)
         LIMIT $3"
    };
}

const MOOT: &str = moot!();

/// The reads that must stay quick however much there is, with the engine's word before them.
macro_rules! explained {
    ($word:literal, $engine:ident) => {
        [
            concat!($word, guard_sql!(open $engine)),
            concat!($word, items!(" AND (i.account_id, i.action, i.group_id) > ($3, $4, $5)", "$6")),
            concat!($word, moot!()),
            concat!($word, used!()),
        ]
    };
}

const EXPLAINED_SQLITE: [&str; 4] = explained!("EXPLAIN QUERY PLAN ", sqlite);
const EXPLAINED_POSTGRES: [&str; 4] = explained!("EXPLAIN ", postgres);

/// What the decision is made on.
pub(super) fn base_of(check: &GuardCheck, stored: GuardBase) -> GuardBase {
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
            guard::{GuardCheck, Held, Verdict, decide, group_key},
            ids::{BatchId, TenantId},
            storage::{
                Commit,
                guard::{self, BatchDecision, DroppedItems, GuardBase, GuardSql},
            },
        };

        const SQL: GuardSql = guard::$sql;

        /// Decides under the tenant's lock, and records what is held. `Err` in the result: it is held, and that is to be committed.
        pub(super) async fn check(
            connection: &mut $connection,
            tenant: TenantId,
            check: &GuardCheck,
        ) -> Result<Result<Verdict, Held>, sqlx::Error> {
            let base = lock(connection, tenant, check).await?;
            let limit = check.limits.limit(base.base);
            let used: i64 = sqlx::query_scalar(guard::USED)
                .bind(tenant.uuid())
                .bind(check.at.minus(check.limits.window).as_micros())
                .fetch_one(&mut *connection)
                .await?;
            let asked = &check.asked;
            let rows: Vec<guard::OpenRow> = sqlx::query_as(SQL.open)
                .bind(tenant.uuid())
                .bind(group_key(asked.group_id))
                .bind($ids(&asked.ids))
                .fetch_all(&mut *connection)
                .await?;
            let open = guard::open_items(rows)?;
            let verdict = decide(asked, &open, used, limit);
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

        /// Takes the tenant's row, which is made where there is none.
        async fn lock(
            connection: &mut $connection,
            tenant: TenantId,
            check: &GuardCheck,
        ) -> Result<GuardBase, sqlx::Error> {
            let stored = lock_row(connection, tenant).await?;
            let base = guard::base_of(check, stored);
            if base != stored {
                sqlx::query(guard::GUARD_UPDATE)
                    .bind(tenant.uuid())
                    .bind(base.began_at.as_micros())
                    .bind(base.base)
                    .execute(connection)
                    .await?;
            }
            Ok(base)
        }

        async fn lock_row(
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
                sqlx::query(guard::GUARD_INSERT)
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
            let pending: Option<(uuid::Uuid, i64)> = sqlx::query_as(guard::PENDING)
                .bind(tenant.uuid())
                .fetch_optional(&mut *connection)
                .await?;
            let (mut batch_id, mut waiting) =
                pending.map_or((None, 0), |(id, waiting)| (Some(id), waiting));
            let new = guard::that_fit(new, waiting);
            if !new.is_empty() {
                let id = match batch_id {
                    Some(id) => id,
                    None => {
                        sqlx::query(guard::BATCH_INSERT)
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
            for (id, ids) in guard::by_batch(known) {
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

        /// Writes down that a request has passed.
        pub(super) async fn pass(
            connection: &mut $connection,
            tenant: TenantId,
            check: &GuardCheck,
            verdict: &Verdict,
        ) -> Result<(), sqlx::Error> {
            let Verdict::Passes { approved, counted } = verdict else {
                return Ok(());
            };
            if *counted > 0 {
                sqlx::query(guard::EVENT_INSERT)
                    .bind(tenant.uuid())
                    .bind(check.at.as_micros())
                    .bind(check.id.uuid())
                    .bind(*counted)
                    .execute(&mut *connection)
                    .await?;
            }
            for (id, ids) in guard::by_batch(approved) {
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
                .bind(check.asked.action.as_str())
                .bind(group_key(check.asked.group_id))
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
            let [suspends, deletes, removals] = guard::by_action(check.asked.action, added);
            sqlx::query(guard::BATCH_COUNT)
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
            lock_row(connection, tenant).await?;
            let batch = &decision.batch;
            let decided = sqlx::query(guard::BATCH_DECIDE)
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
            lock_row(connection, tenant).await?;
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
            for (id, dropped_of_it) in guard::by_batch(&batches) {
                let count = i64::try_from(dropped_of_it.len()).unwrap_or(i64::MAX);
                let [suspends, deletes, removals] = guard::by_action(dropped.action, count);
                sqlx::query(guard::BATCH_UNCOUNT)
                    .bind(tenant.uuid())
                    .bind(id)
                    .bind(suspends)
                    .bind(deletes)
                    .bind(removals)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(guard::BATCH_DELETE_EMPTY)
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
            purge: &guard::GuardPurge,
        ) -> Result<u64, sqlx::Error> {
            let mut rows = 0;
            for (sql, before) in [
                (guard::PURGE_EVENTS, purge.events_until),
                (guard::PURGE_ITEMS, purge.decided_before),
                (guard::PURGE_BATCHES, purge.decided_before),
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
pub(super) use guarded_on;

/// One step of removing.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuardPurge {
    pub tenant: TenantId,
    pub events_until: Timestamp,
    pub decided_before: Timestamp,
    pub limit: u32,
}

/// A row of [`GuardSql::open`].
pub(super) type OpenRow = (Uuid, String, Uuid, String);

pub(super) fn open_items(rows: Vec<OpenRow>) -> Result<Vec<OpenItem>, sqlx::Error> {
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
pub(super) fn that_fit(new: &[Uuid], waiting: i64) -> &[Uuid] {
    let room = usize::try_from(BATCH_ITEMS_MAX - waiting).unwrap_or(0);
    &new[..new.len().min(room)]
}

/// The accounts of each batch.
pub(super) fn by_batch(items: &[(Uuid, BatchId)]) -> Vec<(Uuid, Vec<Uuid>)> {
    let mut batches: std::collections::BTreeMap<Uuid, Vec<Uuid>> =
        std::collections::BTreeMap::new();
    for (id, batch) in items {
        batches.entry(batch.uuid()).or_default().push(*id);
    }
    batches.into_iter().collect()
}

/// A number of items as suspensions, deletions and removals.
pub(super) const fn by_action(action: DeprovisionAction, count: i64) -> [i64; 3] {
    match action {
        DeprovisionAction::Suspend => [count, 0, 0],
        DeprovisionAction::Delete => [0, count, 0],
        DeprovisionAction::RemoveMember => [0, 0, count],
    }
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

    /// Counts the managed accounts that are active and not deleted. Reads all of the tenant's accounts: once a window.
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
        let group = group_key(check.asked.group_id);
        let open = self
            .find_open_items(tenant, group, &check.asked.ids)
            .await?;
        let Verdict::Held { new, dismissed, .. } = decide(&check.asked, &open, used, limit) else {
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

    /// How the engine would read items, in its own words: those of accounts, a page of a batch, and those of which there is nothing to do.
    pub async fn explain_items(
        &self,
        tenant: TenantId,
        batch: BatchId,
        id: Uuid,
    ) -> Result<Vec<String>, StorageError> {
        let (tenant, batch, nil) = (tenant.uuid(), batch.uuid(), Uuid::nil());
        let ([open, page, moot, used], [open_p, page_p, moot_p, used_p]) =
            (EXPLAINED_SQLITE, EXPLAINED_POSTGRES);
        let mut plan = read!(
            self,
            columns::plan_step,
            sqlite(open; tenant, nil, json_ids(&[id])),
            postgres(open_p; tenant, nil, vec![id])
        )?;
        plan.extend(read!(
            self,
            columns::plan_step,
            sqlite(page; tenant, batch, id, "suspend", nil, 100_i64),
            postgres(page_p; tenant, batch, id, "suspend", nil, 100_i64)
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
        Ok(plan)
    }
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
