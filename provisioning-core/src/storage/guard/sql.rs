//! The statements of the deprovision guard.

use crate::storage::PerEngine;

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
pub(in crate::storage) struct GuardSql {
    /// Takes the tenant's row, which is there.
    pub lock: &'static str,
    /// Those of `$3` that are members of the group `$2` and not protected; at most `$4`.
    pub members: &'static str,
    /// The others that are, but for `$3`.
    pub other_members: &'static str,
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
            members: guard_sql!(members $engine),
            other_members: guard_sql!(others $engine),
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
    (members sqlite) => {
        guard_sql!(among concat!("m.member_id", in_ids!(sqlite)))
    };
    // Each member by its own key, as with `keyed`: of a young group the other form would read all members, and compare each with each id.
    (members postgres) => {
        concat!(
            "SELECT m.member_id
             FROM (SELECT $1::UUID AS tenant_id, $2::UUID AS group_id, x.id FROM UNNEST($3::UUID[]) x (id) OFFSET 0) k
             JOIN groups g ON g.tenant_id = $1 AND g.id = $2
             JOIN group_members m ON m.tenant_id = k.tenant_id AND m.group_id = k.group_id AND m.member_id = k.id
             WHERE ",
            guard_sql!(removable)
        )
    };
    (others sqlite) => {
        guard_sql!(among concat!("NOT m.member_id", in_ids!(sqlite)))
    };
    // All members are read, and the ids are hashed whatever the server expects of either.
    (others postgres) => {
        guard_sql!(among "m.member_id NOT IN (SELECT k.id FROM UNNEST($3::UUID[]) k (id))")
    };
    (among $which:expr) => {
        concat!(
            "SELECT m.member_id
             FROM groups g
             JOIN group_members m ON m.tenant_id = g.tenant_id AND m.group_id = g.id
             WHERE g.tenant_id = $1 AND g.id = $2 AND ",
            $which,
            " AND ",
            guard_sql!(removable)
        )
    };
    // A deleted group keeps its members until they are purged.
    (removable) => {
        "g.deleted_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.tenant_id = $1 AND a.id = m.member_id AND a.protected)
         LIMIT $4"
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
pub(in crate::storage) const SQLITE: GuardSql = guard_sql!(
    sqlite,
    "",
    "(SELECT unhex(j.value, '-') AS id FROM json_each($3) j)"
);
pub(in crate::storage) const POSTGRES: GuardSql =
    guard_sql!(postgres, " FOR UPDATE", "(SELECT UNNEST($3::UUID[]) AS id)");

pub(super) const MEMBERS: PerEngine = PerEngine {
    sqlite: SQLITE.members,
    postgres: POSTGRES.members,
};
pub(super) const OTHER_MEMBERS: PerEngine = PerEngine {
    sqlite: SQLITE.other_members,
    postgres: POSTGRES.other_members,
};
pub(super) const OPEN: PerEngine = PerEngine {
    sqlite: SQLITE.open,
    postgres: POSTGRES.open,
};

pub(in crate::storage) const GUARD_INSERT: &str = "
    INSERT INTO deprovision_guards (tenant_id, began_at, base)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id) DO NOTHING";
pub(in crate::storage) const GUARD_UPDATE: &str =
    "UPDATE deprovision_guards SET began_at = $2, base = $3 WHERE tenant_id = $1";
pub(super) const GUARD: &str = "SELECT began_at, base FROM deprovision_guards WHERE tenant_id = $1";
/// Tenants of whose guard something is kept, behind `$1`.
pub(super) const GUARDS: &str = "
    SELECT t.id, t.guard_window_us
    FROM deprovision_guards g
    JOIN tenants t ON t.id = g.tenant_id
    WHERE g.tenant_id > $1
    ORDER BY g.tenant_id
    LIMIT $2";

/// What has passed behind the time `$2`: a row holds what did within a step of time, at its end.
macro_rules! used {
    () => {
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT)
         FROM deprovision_events
         WHERE tenant_id = $1 AND at > $2"
    };
}

pub(in crate::storage) const USED: &str = used!();
/// `$3` more have passed, until `$2` at the latest.
pub(in crate::storage) const EVENT_COUNT: &str = "
    INSERT INTO deprovision_events AS e (tenant_id, at, amount)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id, at) DO UPDATE
    SET amount = e.amount + EXCLUDED.amount";

/// In the words of the partial index that it is counted by.
macro_rules! base {
    () => {
        "SELECT COUNT(*)
         FROM accounts
         WHERE tenant_id = $1 AND managed AND directory_active AND deleted_at IS NULL"
    };
}

pub(super) const BASE: &str = base!();

pub(in crate::storage) const PENDING: &str = "
    SELECT id, suspends + deletes + member_removals
    FROM deprovision_batches
    WHERE tenant_id = $1 AND pending";
pub(in crate::storage) const BATCH_INSERT: &str = "
    INSERT INTO deprovision_batches (
        tenant_id, id, state, pending, created_at, updated_at, suspends, deletes, member_removals, passed, decided_by, decided_at, reason, version
    )
    VALUES ($1, $2, 'pending', TRUE, $3, $3, 0, 0, 0, 0, '', NULL, '', 1)";
/// Adds to the counts of the batch `$2`.
pub(in crate::storage) const BATCH_COUNT: &str = "
    UPDATE deprovision_batches
    SET suspends = suspends + $3, deletes = deletes + $4, member_removals = member_removals + $5, passed = passed + $6, updated_at = $7
    WHERE tenant_id = $1 AND id = $2";
/// Items that are dropped leave no trace: `updated_at` stays.
pub(in crate::storage) const BATCH_UNCOUNT: &str = "
    UPDATE deprovision_batches
    SET suspends = suspends - $3, deletes = deletes - $4, member_removals = member_removals - $5
    WHERE tenant_id = $1 AND id = $2";
/// There is nothing to decide of a batch without items.
pub(in crate::storage) const BATCH_DELETE_EMPTY: &str = "
    DELETE FROM deprovision_batches
    WHERE tenant_id = $1 AND id = $2 AND pending AND suspends + deletes + member_removals = 0";
/// The decision about the batch `$2` if it is at the version `$3`.
pub(in crate::storage) const BATCH_DECIDE: &str = "
    UPDATE deprovision_batches
    SET state = $4, pending = NULL, decided_by = $5, decided_at = $6, reason = $7, version = $8
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(in crate::storage) const PURGE_EVENTS: &str = "
    DELETE FROM deprovision_events
    WHERE (tenant_id, at) IN (
        SELECT tenant_id, at
        FROM deprovision_events
        WHERE tenant_id = $1 AND at <= $2
        LIMIT $3
    )";
/// Of batches that were decided before `$2`; then the batches that have no item any more.
pub(in crate::storage) const PURGE_ITEMS: &str = "
    DELETE FROM deprovision_items
    WHERE (tenant_id, batch_id, account_id, action, group_id) IN (
        SELECT i.tenant_id, i.batch_id, i.account_id, i.action, i.group_id
        FROM deprovision_batches b
        JOIN deprovision_items i ON i.tenant_id = b.tenant_id AND i.batch_id = b.id
        WHERE b.tenant_id = $1 AND b.decided_at < $2
        LIMIT $3
    )";
pub(in crate::storage) const PURGE_BATCHES: &str = "
    DELETE FROM deprovision_batches
    WHERE (tenant_id, id) IN (
        SELECT b.tenant_id, b.id
        FROM deprovision_batches b
        WHERE b.tenant_id = $1 AND b.decided_at < $2
          AND NOT EXISTS (SELECT 1 FROM deprovision_items i WHERE i.tenant_id = b.tenant_id AND i.batch_id = b.id)
        LIMIT $3
    )";

pub(super) const BATCHES: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 ORDER BY b.id DESC LIMIT $2"
);
pub(super) const BATCHES_BEFORE: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 AND b.id < $2 ORDER BY b.id DESC LIMIT $3"
);
pub(super) const BATCH: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 AND b.id = $2"
);
pub(super) const PENDING_BATCH: &str = concat!(
    "SELECT ",
    batch_columns!(),
    " FROM deprovision_batches b WHERE b.tenant_id = $1 AND b.pending"
);

macro_rules! item_columns {
    () => {
        "i.account_id, i.action, i.group_id, COALESCE(a.user_name, m.display_name, ''), COALESCE(a.object_id, m.object_id, ''),
         COALESCE(g.display_name, ''), i.first_seen_at, i.last_seen_at, i.count, i.passed_at"
    };
}

/// What items are about, deleted or not; a member may be an account or a group.
macro_rules! item_names {
    () => {
        "LEFT JOIN accounts a ON a.tenant_id = i.tenant_id AND a.id = i.account_id
         LEFT JOIN groups m ON m.tenant_id = i.tenant_id AND m.id = i.account_id
         LEFT JOIN groups g ON g.tenant_id = i.tenant_id AND g.id = i.group_id"
    };
}

/// Items of the batch `$2` with the names of what they are about.
macro_rules! items {
    ($behind:literal, $limit:literal) => {
        concat!(
            "SELECT ",
            item_columns!(),
            " FROM deprovision_items i ",
            item_names!(),
            " WHERE i.tenant_id = $1 AND i.batch_id = $2",
            $behind,
            " ORDER BY i.account_id, i.action, i.group_id LIMIT ",
            $limit
        )
    };
}

pub(super) const ITEMS: &str = items!("", "$3");
pub(super) const ITEMS_AFTER: &str = items!(
    " AND (i.account_id, i.action, i.group_id) > ($3, $4, $5)",
    "$6"
);

/// Items of the accounts `$3` that have not passed, whatever they ask for, each with its batch, but for those in a batch of the state `$2`.
///
/// The index is named to the embedded engine, which knows nothing of how many items a tenant has and would else read them all.
macro_rules! held {
    (sqlite) => {
        held!(sqlite, " INDEXED BY deprovision_items_open_key")
    };
    (postgres) => {
        held!(postgres, "")
    };
    ($engine:ident, $index:literal) => {
        concat!(
            "SELECT ",
            item_columns!(),
            ", ",
            batch_columns!(),
            " FROM deprovision_items i",
            $index,
            " JOIN deprovision_batches b ON b.tenant_id = i.tenant_id AND b.id = i.batch_id ",
            item_names!(),
            " WHERE i.tenant_id = $1 AND i.passed_at IS NULL AND b.state <> $2 AND i.account_id",
            in_ids!($engine),
            " LIMIT $4"
        )
    };
}

pub(super) const HELD: PerEngine = PerEngine {
    sqlite: held!(sqlite),
    postgres: held!(postgres),
};

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

pub(super) const MOOT: &str = moot!();

/// The reads that must stay quick however much there is, with the engine's word before them.
macro_rules! explained {
    ($word:literal, $engine:ident) => {
        [
            concat!($word, guard_sql!(open $engine)),
            concat!($word, items!(" AND (i.account_id, i.action, i.group_id) > ($3, $4, $5)", "$6")),
            concat!($word, moot!()),
            concat!($word, used!()),
            concat!($word, held!($engine)),
            concat!($word, base!()),
            concat!($word, guard_sql!(members $engine)),
            concat!($word, guard_sql!(others $engine)),
        ]
    };
}

pub(super) const EXPLAINED_SQLITE: [&str; 8] = explained!("EXPLAIN QUERY PLAN ", sqlite);
pub(super) const EXPLAINED_POSTGRES: [&str; 8] = explained!("EXPLAIN ", postgres);
