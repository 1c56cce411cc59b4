//! The writes of groups on PostgreSQL: one statement each, so one round trip and one flush.
//!
//! A change of members locks one of the group's slots, so that up to [`SLOTS`] of them are under way at once; it counts there when it has changed
//! anything. Were the group's own row counted up instead, its lock would be held across the flush, and one change would commit at a time. A change
//! of attributes locks the group's row. Whoever needs the group as it stands, to compare its version or to remove all members, locks the row and
//! all slots, in this order, and looks in a statement of its own after that.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{Database, findings, guard};
use crate::{
    ids::{GroupId, TenantId},
    storage::{
        Commit, GroupDocument, GroupWrite, Mutation, NewMember, StorageError,
        binds::{
            bind_change, bind_group, bind_log_entry, bind_receipt, conflict, group_columns,
            log_entry_insert,
        },
        columns::group_version,
    },
};

/// Changes of one group's members that can be under way at once: about as many as a process has connections.
const SLOTS: u32 = 16;

/// What belongs to a write of the group `$1`, `$2`, behind a CTE `base` with its tenant and id where it was found, and a CTE `done` with the same
/// where it has changed. `$3` to `$8` are the change, `$9` to `$30` the log entry, `$31` to `$36` the receipt.
macro_rules! with_companions {
    ($write:expr) => {
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
                SELECT tenant_id, $31, $32, $33, $34, $35, $36 FROM base WHERE $31 IS NOT NULL
             )
             SELECT EXISTS (SELECT FROM done) FROM base"
        )
    };
}

/// Members of the group in `base` go and come, at `$37`: `$38` are those who go, `$39` and `$40` those who come, with their types. In order of
/// ids, so that two changes do not wait for each other.
macro_rules! members {
    ($gone:literal) => {
        concat!(
            "removed AS (
                DELETE FROM group_members m
                USING base b
                WHERE m.tenant_id = b.tenant_id AND m.group_id = b.group_id AND ", $gone, "
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

/// The slot `$41` of a group that is not deleted. It is locked first, and looked at again when somebody else held it.
macro_rules! slot_base {
    () => {
        "base AS MATERIALIZED (
            SELECT v.tenant_id, v.group_id
            FROM group_versions v
            WHERE v.tenant_id = $1 AND v.group_id = $2 AND v.slot = $41 AND NOT v.closed
            FOR UPDATE
         ), "
    };
}

/// The attributes `$42` to `$50` of a group that has the own version `$41`.
macro_rules! document_base {
    () => {
        concat!(
            "base AS (
                UPDATE groups
                SET (",
            group_columns!(),
            ") = ($42, $43, $44, $45, $46, $47, $48, $49, CAST($50 AS JSONB))
                WHERE tenant_id = $1 AND id = $2 AND version = $41 AND deleted_at IS NULL
                RETURNING tenant_id, id AS group_id
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
        members!("m.member_id = ANY($38)")
    };
}

macro_rules! all_but_added {
    () => {
        members!("NOT m.member_id = ANY($39)")
    };
}

const MEMBERS: &str = with_companions!(concat!(slot_base!(), listed!(), counted!()));
const MEMBERS_CLEAR: &str = with_companions!(concat!(slot_base!(), all_but_added!(), counted!()));
const DOCUMENT: &str = with_companions!(concat!(document_base!(), listed!(), document_done!()));
const DOCUMENT_CLEAR: &str = with_companions!(concat!(
    document_base!(),
    all_but_added!(),
    document_done!()
));

/// `$41` is the number of slots.
const CREATE: &str = with_companions!(concat!(
    "base AS (
        INSERT INTO groups (tenant_id, id, ",
    group_columns!(),
    "   )
        VALUES ($1, $2, $42, $43, $44, $45, $46, $47, $48, $49, CAST($50 AS JSONB))
        RETURNING tenant_id, id AS group_id
     ),
     slots AS (
        INSERT INTO group_versions (tenant_id, group_id, slot, version, updated_at, closed)
        SELECT tenant_id, group_id, GENERATE_SERIES(0, $41 - 1), 0, $37, FALSE FROM base
     ), ",
    listed!(),
    document_done!()
));

/// The group's row comes first: whoever changes it is waited for, and then whoever changes its members.
const DELETE: &str = with_companions!(
    "base AS (
        UPDATE groups
        SET deleted_at = $37, updated_at = $37, version = version + 1
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
        RETURNING tenant_id, id AS group_id
     ),
     closed AS (
        UPDATE group_versions v
        SET closed = TRUE
        FROM base b
        WHERE v.tenant_id = b.tenant_id AND v.group_id = b.group_id
     ),
     done AS (SELECT tenant_id, group_id FROM base)"
);

const LOCK_GROUP: &str =
    "SELECT FROM groups WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE";
const LOCK_SLOTS: &str =
    "SELECT FROM group_versions WHERE tenant_id = $1 AND group_id = $2 ORDER BY slot FOR UPDATE";
const VERSION: &str = concat!(
    "SELECT ",
    group_version!(),
    " FROM groups a WHERE a.tenant_id = $1 AND a.id = $2"
);

/// Of deleted groups: their members, and their own memberships; then themselves.
const PURGE_MEMBERS: &str = "
    DELETE FROM group_members
    WHERE (tenant_id, group_id, member_id) IN (
        SELECT m.tenant_id, m.group_id, m.member_id
        FROM groups g
        JOIN group_members m ON m.tenant_id = g.tenant_id AND m.group_id = g.id
        WHERE g.tenant_id = $1 AND g.deleted_at IS NOT NULL
        LIMIT $2
    )";
const PURGE_MEMBERSHIPS: &str = "
    DELETE FROM group_members
    WHERE (tenant_id, group_id, member_id) IN (
        SELECT m.tenant_id, m.group_id, m.member_id
        FROM groups g
        JOIN group_members m ON m.tenant_id = g.tenant_id AND m.member_id = g.id
        WHERE g.tenant_id = $1 AND g.deleted_at IS NOT NULL
        LIMIT $2
    )";
const PURGE_GROUPS: &str = "
    WITH gone AS (
        DELETE FROM groups
        WHERE tenant_id = $1
          AND id IN (
              SELECT g.id
              FROM groups g
              WHERE g.tenant_id = $1 AND g.deleted_at IS NOT NULL
                AND NOT EXISTS (SELECT FROM group_members m WHERE m.tenant_id = g.tenant_id AND m.group_id = g.id)
                AND NOT EXISTS (SELECT FROM group_members m WHERE m.tenant_id = g.tenant_id AND m.member_id = g.id)
              LIMIT $2
          )
        RETURNING tenant_id, id
    ),
    slots AS (
        DELETE FROM group_versions v
        USING gone g
        WHERE v.tenant_id = g.tenant_id AND v.group_id = g.id
    )
    SELECT FROM gone";

impl Database {
    pub(super) async fn write_group(
        &self,
        mutation: &Mutation,
        write: &GroupWrite,
    ) -> Result<Commit, sqlx::Error> {
        let tenant = mutation.tenant_id;
        let (id, expected_version, alone) = match write {
            GroupWrite::Create { document, .. } => (document.id, None, false),
            GroupWrite::Change {
                id,
                expected_version,
                clear,
                ..
            } => (*id, *expected_version, *clear || expected_version.is_some()),
            GroupWrite::Delete {
                id,
                expected_version,
                ..
            } => (*id, *expected_version, expected_version.is_some()),
        };
        if let Some(check) = &mutation.guard {
            let mut guarded = match guard::begin(self, tenant, check).await? {
                Ok(guarded) => guarded,
                Err(held) => return Ok(Commit::Held(held)),
            };
            let transaction = &mut guarded.transaction;
            let mut commit = Commit::Done;
            if alone {
                commit = lock(transaction, tenant, id, expected_version).await?;
            }
            if commit == Commit::Done {
                commit = run(transaction, mutation, write).await?;
            }
            return guarded.end(commit, &mutation.findings).await;
        }
        if !alone && mutation.findings.is_empty() {
            let mut connection = self.pool.acquire().await?;
            return run(&mut connection, mutation, write).await;
        }
        let mut transaction = self.pool.begin().await?;
        let mut commit = if alone {
            lock(&mut transaction, tenant, id, expected_version).await?
        } else {
            Commit::Done
        };
        if commit == Commit::Done {
            commit = run(&mut transaction, mutation, write).await?;
        }
        if commit == Commit::Done {
            findings::write(&mut transaction, tenant, &mutation.findings).await?;
        }
        match commit {
            Commit::Done | Commit::Unchanged => transaction.commit().await?,
            _ => transaction.rollback().await?,
        }
        Ok(commit)
    }

    pub async fn purge_groups(&self, tenant: TenantId, limit: u32) -> Result<u64, StorageError> {
        let mut rows = 0;
        for sql in [PURGE_MEMBERS, PURGE_MEMBERSHIPS, PURGE_GROUPS] {
            let purge = sqlx::query(sql).bind(tenant.uuid()).bind(i64::from(limit));
            rows += purge.execute(&self.pool).await?.rows_affected();
        }
        Ok(rows)
    }
}

/// Keeps everybody else away from a group until the end of the transaction, and compares its version where one is expected.
async fn lock(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: GroupId,
    expected_version: Option<i64>,
) -> Result<Commit, sqlx::Error> {
    let keyed = |sql| sqlx::query(sql).bind(tenant.uuid()).bind(id.uuid());
    if keyed(LOCK_GROUP)
        .fetch_optional(&mut *connection)
        .await?
        .is_none()
    {
        return Ok(Commit::VersionMismatch);
    }
    keyed(LOCK_SLOTS).execute(&mut *connection).await?;
    let Some(expected) = expected_version else {
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
    let (sql, parts) = match write {
        GroupWrite::Create { document, members } => {
            let parts = Parts {
                id: document.id,
                at: document.created_at.as_micros(),
                remove: &[],
                add: members,
                number: SLOTS.into(),
                document: Some(document),
            };
            (CREATE, parts)
        }
        GroupWrite::Change {
            id,
            document,
            clear,
            remove,
            add,
            at,
            ..
        } => {
            let sql = match (document, clear) {
                (None, false) => MEMBERS,
                (None, true) => MEMBERS_CLEAR,
                (Some(_), false) => DOCUMENT,
                (Some(_), true) => DOCUMENT_CLEAR,
            };
            let parts = Parts {
                id: *id,
                at: at.as_micros(),
                remove,
                add,
                number: document
                    .as_ref()
                    .map_or_else(next_slot, |(_, own_version)| *own_version),
                document: document.as_ref().map(|(document, _)| document),
            };
            (sql, parts)
        }
        GroupWrite::Delete { id, at, .. } => {
            let parts = Parts {
                id: *id,
                at: at.as_micros(),
                remove: &[],
                add: &[],
                number: 0,
                document: None,
            };
            (DELETE, parts)
        }
    };
    match parts.fetch(connection, sql, mutation).await {
        Ok(Some(row)) if row.try_get(0)? => Ok(Commit::Done),
        Ok(Some(_)) => Ok(Commit::Unchanged),
        Ok(None) => Ok(Commit::VersionMismatch),
        Err(error) => conflict(&error).ok_or(error),
    }
}

/// What the statements are about, beside the companions.
struct Parts<'w> {
    id: GroupId,
    at: i64,
    remove: &'w [Uuid],
    add: &'w [NewMember],
    /// A slot, an own version or the number of slots.
    number: i64,
    document: Option<&'w GroupDocument>,
}

impl Parts<'_> {
    async fn fetch(
        &self,
        connection: &mut PgConnection,
        sql: &'static str,
        mutation: &Mutation,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        let query = sqlx::query(sql)
            .bind(mutation.tenant_id.uuid())
            .bind(self.id.uuid());
        let query = bind_change!(query, mutation.change.as_ref());
        let query = bind_log_entry!(query, mutation.log.as_ref());
        let query = bind_receipt!(query, mutation.receipt.as_ref());
        let ids: Vec<Uuid> = self.add.iter().map(|member| member.id).collect();
        let kinds: Vec<&str> = self.add.iter().map(|member| member.kind.as_str()).collect();
        let query = query
            .bind(self.at)
            .bind(self.remove)
            .bind(ids)
            .bind(kinds)
            .bind(self.number);
        match self.document {
            Some(document) => {
                bind_group!(query, document)
                    .fetch_optional(connection)
                    .await
            }
            None => query.fetch_optional(connection).await,
        }
    }
}

/// In turn, so that changes at once take different slots.
fn next_slot() -> i64 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS).into()
}
