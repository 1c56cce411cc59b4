//! The writes of groups on PostgreSQL: one statement each, so one round trip and one flush.
//!
//! A change of members locks one of the group's slots, so that up to [`SLOTS`] of them are under way at once; it counts there when it has changed
//! anything. Were the group's own row counted up instead, its lock would be held across the flush, and one change would commit at a time. A change
//! of attributes locks the group's row. Whoever needs the group as it stands, to compare its version or to remove all members, locks the row and
//! all slots, in this order, and looks in a statement of its own after that. What spares protected accounts shares, before all that, the accounts that it
//! names, and decides by what it reads of them with that lock; see [`protection`](super::protection).

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::{Database, commit::insert_log_entry, findings, guard, protection::share_accounts};
use crate::{
    groups::{Moved, telling_members},
    ids::TenantId,
    storage::{
        Commit, GroupDocument, GroupWrite, Mutation,
        binds::{
            bind_change, bind_group, bind_log_entry, bind_receipt, conflict, group_columns,
            log_entry_insert,
        },
        columns::group_version,
        keyed::keyed,
    },
};

/// Changes of one group's members that can be under way at once: about as many as a process has connections.
const SLOTS: u32 = 16;

/// What belongs to a write of the group `$1`, `$2`, behind a CTE `done` with its tenant and id where it was found and has changed. The answer has a
/// row then. `$3` to `$8` are the change, `$9` to `$30` the log entry, `$31` to `$36` the receipt.
macro_rules! with_companions {
    ($write:expr) => {
        with_companions!($write, "SELECT")
    };
    ($write:expr, $answer:expr) => {
        concat!(
            "WITH ", $write, ",
             change AS (
                INSERT INTO changes (tenant_id, id, at, kind, resource_type, resource_id, version)
                SELECT tenant_id, $3, $4, $5, $6, $7, $8 FROM done WHERE $3 IS NOT NULL
             ),
             entry AS (",
            log_entry_insert!(),
            "   SELECT tenant_id, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30
                FROM done WHERE $9 IS NOT NULL
             ),
             receipt AS (
                INSERT INTO receipts (tenant_id, caller, method, request_id, body_sha256, response, at)
                SELECT tenant_id, $31, $32, $33, $34, $35, $36 FROM done WHERE $31 IS NOT NULL
             ) ",
            $answer, " FROM done"
        )
    };
}

/// Who went and who came, as many as a log entry lists, and how many.
macro_rules! moved {
    () => {
        "SELECT ARRAY(SELECT member_id FROM removed ORDER BY member_id LIMIT 100), (SELECT COUNT(*) FROM removed),
             ARRAY(SELECT member_id FROM added ORDER BY member_id LIMIT 100), (SELECT COUNT(*) FROM added)"
    };
}

/// Members of the group in `base` go and come, at `$37`: those who go are removed by `$removed`, `$39` and `$40` are those who come, with their types.
/// Each list is taken in order of ids as a rule, so that two changes seldom wait for each other. PostgreSQL does not promise it of those who go, and there
/// is no order between the lists: where two changes do wait for each other, it rolls one back, which is tried again ([`tries`](super::tries)).
macro_rules! members {
    ($removed:literal) => {
        concat!(
            $removed, "
                RETURNING m.member_id
             ),
             added AS (
                INSERT INTO group_members (tenant_id, group_id, member_id, member_type, added_at)
                SELECT b.tenant_id, b.group_id, n.id, n.kind, $37
                FROM base b, UNNEST($39::UUID[], $40::TEXT[]) n (id, kind)
                ORDER BY n.id
                ON CONFLICT (tenant_id, group_id, member_id) DO NOTHING
                RETURNING member_id
             )"
        )
    };
}

/// Where `$42` says so, nothing is written that names a protected account: whoever decided did not know of it. Those that are named are shared, so that
/// what is read of them is true until the commit. Who is a member is not asked: that is of the moment in which the statement began, before it waited.
macro_rules! spares_named {
    () => {
        concat!(
            "named AS MATERIALIZED (
                SELECT a.protected
                FROM ",
            keyed!("$1::UUID", "($38::UUID[] || $39::UUID[])"),
            "   k
                JOIN accounts a ON a.tenant_id = k.tenant_id AND a.id = k.id
                WHERE $42
                ORDER BY a.id
                FOR KEY SHARE OF a
             ), "
        )
    };
}

/// Where `$42` says so, nothing is written that would change the membership of a protected account, and all members go but those named: `touched` has a
/// row for it. The group was taken alone before, and those named were shared: nobody of either comes, goes or becomes protected meanwhile.
macro_rules! spares_all {
    () => {
        "touched AS (
            SELECT
            FROM accounts a
            LEFT JOIN group_members m ON m.tenant_id = a.tenant_id AND m.group_id = $2 AND m.member_id = a.id
            WHERE $42 AND a.tenant_id = $1 AND a.protected AND (a.id = ANY($39::UUID[])) <> (m.member_id IS NOT NULL)
         ), "
    };
}

macro_rules! named_spared {
    () => {
        " AND NOT EXISTS (SELECT FROM named WHERE protected)"
    };
}

macro_rules! all_spared {
    () => {
        " AND NOT EXISTS (SELECT FROM touched)"
    };
}

/// The slot `$41` of a group that is not deleted. It is locked first, and looked at again when somebody else held it.
macro_rules! slot_base {
    ($spared:expr) => {
        concat!(
            "base AS MATERIALIZED (
                SELECT v.tenant_id, v.group_id
                FROM group_versions v
                WHERE v.tenant_id = $1 AND v.group_id = $2 AND v.slot = $41 AND NOT v.closed",
            $spared,
            "   FOR UPDATE
             ), "
        )
    };
}

/// The attributes `$43` to `$51` of a group that has the own version `$41`.
macro_rules! document_base {
    ($spared:expr) => {
        concat!(
            "base AS (
                UPDATE groups
                SET (",
            group_columns!(),
            ") = ($43, $44, $45, $46, $47, $48, $49, $50, CAST($51 AS JSONB))
                WHERE tenant_id = $1 AND id = $2 AND version = $41 AND deleted_at IS NULL",
            $spared,
            "   RETURNING tenant_id, id AS group_id
             ), "
        )
    };
}

/// Nothing is counted when nothing has changed.
macro_rules! counted {
    () => {
        ", done AS (
        SELECT tenant_id, group_id FROM base WHERE EXISTS (SELECT FROM removed) OR EXISTS (SELECT FROM added)
    ),
    counted AS (
        UPDATE group_versions v
        SET version = v.version + 1, updated_at = GREATEST(v.updated_at, $37)
        FROM done d
        WHERE v.tenant_id = d.tenant_id AND v.group_id = d.group_id AND v.slot = $41
    )"
    };
}

macro_rules! document_done {
    () => {
        ", done AS (SELECT tenant_id, group_id FROM base)"
    };
}

macro_rules! listed {
    () => {
        members!(
            "gone AS MATERIALIZED (
                SELECT b.tenant_id, b.group_id, g.id
                FROM base b CROSS JOIN UNNEST($38::UUID[]) g (id)
                ORDER BY g.id
             ),
             removed AS (
                DELETE FROM group_members m
                USING gone g
                WHERE m.tenant_id = g.tenant_id AND m.group_id = g.group_id AND m.member_id = g.id"
        )
    };
}

macro_rules! all_but_added {
    () => {
        members!(
            "removed AS (
                DELETE FROM group_members m
                USING base b
                WHERE m.tenant_id = b.tenant_id AND m.group_id = b.group_id
                  AND NOT EXISTS (SELECT FROM UNNEST($39::UUID[]) k (id) WHERE k.id = m.member_id)"
        )
    };
}

const MEMBERS: &str = with_companions!(concat!(
    spares_named!(),
    slot_base!(named_spared!()),
    listed!(),
    counted!()
));
const MEMBERS_CLEAR: &str = with_companions!(
    concat!(
        spares_all!(),
        slot_base!(all_spared!()),
        all_but_added!(),
        counted!()
    ),
    moved!()
);
const DOCUMENT: &str = with_companions!(concat!(
    spares_named!(),
    document_base!(named_spared!()),
    listed!(),
    document_done!()
));
const DOCUMENT_CLEAR: &str = with_companions!(
    concat!(
        spares_all!(),
        document_base!(all_spared!()),
        all_but_added!(),
        document_done!()
    ),
    moved!()
);

/// `$41` is the number of slots.
const CREATE: &str = with_companions!(concat!(
    spares_named!(),
    "base AS (
        INSERT INTO groups (tenant_id, id, ",
    group_columns!(),
    "   )
        SELECT $1, $2, $43, $44, $45, $46, $47, $48, $49, $50, CAST($51 AS JSONB)
        WHERE TRUE",
    named_spared!(),
    "   RETURNING tenant_id, id AS group_id
     ),
     slots AS (
        INSERT INTO group_versions (tenant_id, group_id, slot, version, updated_at, closed)
        SELECT tenant_id, group_id, GENERATE_SERIES(0, $41 - 1), 0, $37, FALSE FROM base
     ), ",
    listed!(),
    document_done!()
));

/// The group's row comes first: whoever changes it is waited for, and then whoever changes its members.
const DELETE: &str = with_companions!(concat!(
    spares_all!(),
    "base AS (
        UPDATE groups
        SET deleted_at = $37, updated_at = $37, version = version + 1
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
    all_spared!(),
    "   RETURNING tenant_id, id AS group_id
     ),
     closed AS (
        UPDATE group_versions v
        SET closed = TRUE
        FROM base b
        WHERE v.tenant_id = b.tenant_id AND v.group_id = b.group_id
     ),
     done AS (SELECT tenant_id, group_id FROM base)"
));

const LOCK_GROUP: &str =
    "SELECT FROM groups WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE";
const LOCK_SLOTS: &str =
    "SELECT FROM group_versions WHERE tenant_id = $1 AND group_id = $2 ORDER BY slot FOR UPDATE";
const VERSION: &str = concat!(
    "SELECT ",
    group_version!(),
    " FROM groups a WHERE a.tenant_id = $1 AND a.id = $2"
);

impl Database {
    pub(super) async fn write_group(
        &self,
        mutation: &Mutation,
        write: &GroupWrite,
    ) -> Result<Commit, sqlx::Error> {
        let tenant = mutation.tenant_id;
        if let Some(part) = &mutation.guard {
            let Some(mut guarded) = guard::begin(self, mutation, part).await? else {
                return Ok(Commit::RequestIdUsed);
            };
            // Who leaves is counted, and nobody comes to it or goes in between.
            let locked = lock(&mut guarded.transaction, tenant, write).await?;
            if locked != Commit::Done {
                return guarded.end(locked).await;
            }
            let mut guarded = match guarded.pass().await? {
                Ok(guarded) => guarded,
                Err(held) => return Ok(Commit::Held(held)),
            };
            let written = run(&mut guarded.transaction, mutation, write).await?;
            return guarded.end(written).await;
        }
        if !is_alone(write) && mutation.findings.is_empty() {
            let mut connection = self.pool.acquire().await?;
            return run(&mut connection, mutation, write).await;
        }
        let mut transaction = self.pool.begin().await?;
        let mut commit = Commit::Done;
        if is_alone(write) {
            commit = lock(&mut transaction, tenant, write).await?;
        }
        if commit == Commit::Done {
            commit = run(&mut transaction, mutation, write).await?;
        }
        if commit == Commit::Done {
            findings::write(&mut transaction, tenant, &mutation.findings).await?;
        }
        match commit {
            Commit::Done => transaction.commit().await?,
            _ => transaction.rollback().await?,
        }
        Ok(commit)
    }
}

/// Whether a write needs the group as it stands.
const fn is_alone(write: &GroupWrite) -> bool {
    match write {
        GroupWrite::Create { .. } => false,
        GroupWrite::Change {
            clear,
            expected_version,
            ..
        } => *clear || expected_version.is_some(),
        GroupWrite::Delete {
            expected_version,
            spares_protected,
            ..
        } => *spares_protected || expected_version.is_some(),
    }
}

/// Keeps everybody else away from a group until the end of the transaction, and compares its version where one is expected.
async fn lock(
    connection: &mut PgConnection,
    tenant: TenantId,
    write: &GroupWrite,
) -> Result<Commit, sqlx::Error> {
    if write.spares_protected() {
        let named = [write.named_gone(), &write.named_come()].concat();
        share_accounts(connection, tenant, &named).await?;
    }
    let id = write.id();
    let keyed = |sql| sqlx::query(sql).bind(tenant.uuid()).bind(id.uuid());
    if keyed(LOCK_GROUP)
        .fetch_optional(&mut *connection)
        .await?
        .is_none()
    {
        return Ok(Commit::VersionMismatch);
    }
    keyed(LOCK_SLOTS).execute(&mut *connection).await?;
    let Some(expected) = write.expected_version() else {
        return Ok(Commit::Done);
    };
    let version: i64 = keyed(VERSION).fetch_one(connection).await?.try_get(0)?;
    Ok(if version == expected {
        Commit::Done
    } else {
        Commit::VersionMismatch
    })
}

/// Runs the one statement of a write.
async fn run(
    connection: &mut PgConnection,
    mutation: &Mutation,
    write: &GroupWrite,
) -> Result<Commit, sqlx::Error> {
    let (sql, document, number) = match write {
        GroupWrite::Create { document, .. } => (CREATE, Some(document), SLOTS.into()),
        GroupWrite::Change {
            document, clear, ..
        } => match document {
            None if *clear => (MEMBERS_CLEAR, None, next_slot()),
            None => (MEMBERS, None, next_slot()),
            Some((document, own_version)) if *clear => {
                (DOCUMENT_CLEAR, Some(document), *own_version)
            }
            Some((document, own_version)) => (DOCUMENT, Some(document), *own_version),
        },
        GroupWrite::Delete { .. } => (DELETE, None, 0),
    };
    match fetch(&mut *connection, sql, mutation, write, document, number).await {
        Ok(Some(row)) => {
            if write.clears() {
                log_moved(connection, mutation, &row).await?;
            }
            Ok(Commit::Done)
        }
        Ok(None) => Ok(Commit::VersionMismatch),
        Err(error) => conflict(&error).ok_or(error),
    }
}

/// `number` is a slot, an own version or the number of slots.
async fn fetch(
    connection: &mut PgConnection,
    sql: &'static str,
    mutation: &Mutation,
    write: &GroupWrite,
    document: Option<&GroupDocument>,
    number: i64,
) -> Result<Option<PgRow>, sqlx::Error> {
    let query = sqlx::query(sql)
        .bind(mutation.tenant_id.uuid())
        .bind(write.id().uuid());
    let query = bind_change!(query, mutation.change.as_ref());
    // Who goes with all others is known only when they are gone.
    let entry = mutation.log.as_ref().filter(|_| !write.clears());
    let query = bind_log_entry!(query, entry);
    let query = bind_receipt!(query, mutation.receipt.as_ref());
    let kinds: Vec<&str> = write
        .come()
        .iter()
        .map(|member| member.kind.as_str())
        .collect();
    let query = query
        .bind(write.at().as_micros())
        .bind(write.named_gone())
        .bind(write.named_come())
        .bind(kinds)
        .bind(number)
        .bind(write.spares_protected());
    match document {
        Some(document) => {
            bind_group!(query, document)
                .fetch_optional(connection)
                .await
        }
        None => query.fetch_optional(connection).await,
    }
}

/// Writes the log entry of what has taken out all others.
async fn log_moved(
    connection: &mut PgConnection,
    mutation: &Mutation,
    row: &PgRow,
) -> Result<(), sqlx::Error> {
    let Some(entry) = &mutation.log else {
        return Ok(());
    };
    let moved = |column: usize| -> Result<Moved, sqlx::Error> {
        let count: i64 = row.try_get(column + 1)?;
        Ok(Moved {
            listed: row.try_get(column)?,
            count: usize::try_from(count).unwrap_or(usize::MAX),
            open: false,
        })
    };
    let entry = telling_members(entry, &moved(0)?, &moved(2)?);
    insert_log_entry(connection, mutation.tenant_id, &entry).await
}

/// In turn, so that changes at once take different slots.
fn next_slot() -> i64 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS).into()
}
