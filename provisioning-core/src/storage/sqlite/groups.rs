//! The writes of groups on the embedded engine, within the writer's transaction. There is one writer, so a group has one slot, and what was looked
//! at stays so until the transaction ends.

use sqlx::{Row as _, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};
use uuid::Uuid;

use super::statements::{decide, insert_receipt};
use crate::{
    clock::Timestamp,
    groups::{Moved, telling_members},
    ids::{GroupId, TenantId},
    storage::{
        Commit, GroupDocument, GroupWrite, Mutation, NewMember,
        binds::{bind_change, bind_group, bind_log_entry, group_columns, log_entry_insert},
        columns::group_version,
        groups::{json_ids, purge_members},
        members::OTHER_MEMBERS_SQLITE,
    },
};

/// As many as a log entry lists of those who go.
const LISTED_MAX: i64 = 100;

const INSERT: &str = concat!(
    "INSERT INTO groups (tenant_id, id, ",
    group_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const UPDATE: &str = concat!(
    "UPDATE groups SET (",
    group_columns!(),
    ") = ($3, $4, $5, $6, $7, $8, $9, $10, $11)
     WHERE tenant_id = $1 AND id = $2 AND version = $12 AND deleted_at IS NULL"
);
const SLOT_INSERT: &str = "
    INSERT INTO group_versions (tenant_id, group_id, slot, version, updated_at, closed)
    VALUES ($1, $2, 0, 0, $3, FALSE)";
const SLOT_COUNT: &str = "
    UPDATE group_versions
    SET version = version + 1, updated_at = MAX(updated_at, $3)
    WHERE tenant_id = $1 AND group_id = $2";

const VERSION: &str = concat!(
    "SELECT ",
    group_version!(),
    " FROM groups a WHERE a.tenant_id = $1 AND a.id = $2 AND a.deleted_at IS NULL"
);

/// `$3` is a JSON array of ids.
const MEMBERS_DELETE: &str = "
    DELETE FROM group_members
    WHERE tenant_id = $1 AND group_id = $2 AND member_id IN (SELECT unhex(j.value, '-') FROM json_each($3) j)";
const MEMBERS_KEEP: &str = "
    DELETE FROM group_members
    WHERE tenant_id = $1 AND group_id = $2 AND member_id NOT IN (SELECT unhex(j.value, '-') FROM json_each($3) j)";
/// `$3` is a JSON array of pairs of an id and a type.
const MEMBERS_INSERT: &str = "
    INSERT INTO group_members (tenant_id, group_id, member_id, member_type, added_at)
    SELECT $1, $2, unhex(j.value ->> 0, '-'), j.value ->> 1, $4
    FROM json_each($3) j
    WHERE TRUE
    ON CONFLICT (tenant_id, group_id, member_id) DO NOTHING
    RETURNING member_id";

/// Whether one of the accounts `$2` is protected.
const PROTECTED_NAMED: &str = "
    SELECT EXISTS (
        SELECT 1
        FROM json_each($2) j
        CROSS JOIN accounts a ON a.tenant_id = $1 AND a.id = unhex(j.value, '-') AND a.protected
    )";
/// Whether the membership of a protected account would change when all members go but those of `$3`, who come or stay.
const PROTECTED_TOUCHED: &str = "
    SELECT EXISTS (
        SELECT 1
        FROM accounts a
        LEFT JOIN group_members m ON m.tenant_id = $1 AND m.group_id = $2 AND m.member_id = a.id
        WHERE a.tenant_id = $1 AND a.protected
          AND (a.id IN (SELECT unhex(j.value, '-') FROM json_each($3) j)) <> (m.member_id IS NOT NULL)
    )";

const DELETE: &str = "
    UPDATE groups
    SET deleted_at = $3, updated_at = $3, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
const SLOTS_CLOSE: &str =
    "UPDATE group_versions SET closed = TRUE WHERE tenant_id = $1 AND group_id = $2";

/// The log entry (`$2` to `$23`) and the change (`$24` to `$29`), where there are such.
const COMPANIONS: &str = concat!(
    "UPDATE change_heads SET head = head + 1 WHERE tenant_id = $1 AND $24 IS NOT NULL;
     INSERT INTO changes (tenant_id, id, number, at, kind, resource_type, resource_id, version)
     SELECT $1, $24, (SELECT head FROM change_heads WHERE tenant_id = $1), $25, $26, $27, $28, $29
     WHERE $24 IS NOT NULL;",
    log_entry_insert!(),
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23
      WHERE $2 IS NOT NULL"
);

/// Of a deleted group: its members, and its own memberships; then itself.
const PURGE_MEMBERS: &str = purge_members!("CROSS JOIN", "group_id");
const PURGE_MEMBERSHIPS: &str = purge_members!("CROSS JOIN", "member_id");
const PURGE_GROUPS: &str = "
    DELETE FROM groups
    WHERE tenant_id = $1
      AND id IN (
          SELECT g.id
          FROM groups g
          WHERE g.tenant_id = $1 AND g.deleted_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.tenant_id = g.tenant_id AND m.group_id = g.id)
            AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.tenant_id = g.tenant_id AND m.member_id = g.id)
          LIMIT $2
      )
    RETURNING id";
const PURGE_SLOTS: &str = "DELETE FROM group_versions WHERE tenant_id = $1 AND group_id = $2";

pub(super) async fn write(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
    write: &GroupWrite,
) -> Result<Commit, sqlx::Error> {
    let tenant = mutation.tenant_id;
    let mut moved = None;
    let written = match write {
        _ if touches_protected(connection, tenant, write).await? => Commit::VersionMismatch,
        GroupWrite::Create {
            document, members, ..
        } => create(connection, tenant, document, members).await?,
        GroupWrite::Change { .. } => change(connection, tenant, write, &mut moved).await?,
        GroupWrite::Delete {
            id,
            expected_version,
            at,
            ..
        } => delete(connection, tenant, *id, *expected_version, *at).await?,
    };
    if written == Commit::Done {
        let planned = mutation.log.as_ref();
        let told = planned
            .zip(moved)
            .map(|(entry, (gone, come))| telling_members(entry, &gone, &come));
        let companions = bind_log_entry!(
            sqlx::query(COMPANIONS).bind(tenant.uuid()),
            told.as_ref().or(planned)
        );
        bind_change!(companions, mutation.change.as_ref())
            .execute(&mut *connection)
            .await?;
        insert_receipt(connection, tenant, mutation.receipt.as_ref()).await?;
    }
    Ok(written)
}

/// Whether a write that spares protected accounts would change the membership of one, or names one that was not known to be protected.
async fn touches_protected(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    write: &GroupWrite,
) -> Result<bool, sqlx::Error> {
    if !write.spares_protected() {
        return Ok(false);
    }
    let come = write.named_come();
    let touched = if write.takes_out_others() {
        keyed(PROTECTED_TOUCHED, tenant, write.id()).bind(json_ids(&come))
    } else {
        let named = [write.named_gone(), &come].concat();
        sqlx::query(PROTECTED_NAMED)
            .bind(tenant.uuid())
            .bind(json_ids(&named))
    };
    touched.fetch_one(connection).await?.try_get(0)
}

async fn create(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    document: &GroupDocument,
    members: &[NewMember],
) -> Result<Commit, sqlx::Error> {
    let inserted = decide(
        bind_group!(keyed(INSERT, tenant, document.id), document)
            .execute(&mut *connection)
            .await,
        Commit::VersionMismatch,
    )?;
    if inserted == Commit::Done {
        keyed(SLOT_INSERT, tenant, document.id)
            .bind(document.created_at.as_micros())
            .execute(&mut *connection)
            .await?;
        insert_members(
            connection,
            tenant,
            document.id,
            members,
            document.created_at,
        )
        .await?;
    }
    Ok(inserted)
}

/// Tells in `moved` who went and who came, where all go that are not named.
async fn change(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    write: &GroupWrite,
    moved: &mut Option<(Moved, Moved)>,
) -> Result<Commit, sqlx::Error> {
    let GroupWrite::Change {
        id,
        expected_version,
        document,
        clear,
        remove,
        add,
        at,
        ..
    } = write
    else {
        return Ok(Commit::VersionMismatch);
    };
    if !is_at(connection, tenant, *id, *expected_version).await? {
        return Ok(Commit::VersionMismatch);
    }
    if let Some((document, own_version)) = document {
        let updated = bind_group!(keyed(UPDATE, tenant, document.id), document).bind(own_version);
        let updated = decide(
            updated.execute(&mut *connection).await,
            Commit::VersionMismatch,
        )?;
        if updated != Commit::Done {
            return Ok(updated);
        }
    }
    let gone = if *clear {
        clear_members(connection, tenant, *id, &write.named_come()).await?
    } else {
        let count = delete_members(connection, MEMBERS_DELETE, tenant, *id, remove).await?;
        Moved {
            count,
            ..Moved::default()
        }
    };
    let come = insert_members(connection, tenant, *id, add, *at).await?;
    let changed = gone.count + come.count > 0;
    if *clear {
        *moved = Some((gone, come));
    }
    if document.is_some() {
        return Ok(Commit::Done);
    }
    if !changed {
        return Ok(Commit::VersionMismatch);
    }
    keyed(SLOT_COUNT, tenant, *id)
        .bind(at.as_micros())
        .execute(connection)
        .await?;
    Ok(Commit::Done)
}

async fn delete(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: GroupId,
    expected_version: Option<i64>,
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    if !is_at(connection, tenant, id, expected_version).await? {
        return Ok(Commit::VersionMismatch);
    }
    keyed(DELETE, tenant, id)
        .bind(at.as_micros())
        .execute(&mut *connection)
        .await?;
    keyed(SLOTS_CLOSE, tenant, id).execute(connection).await?;
    Ok(Commit::Done)
}

/// A statement about a group: `$1` is the tenant, `$2` the group.
fn keyed(
    sql: &'static str,
    tenant: TenantId,
    id: GroupId,
) -> Query<'static, Sqlite, SqliteArguments> {
    sqlx::query(sql).bind(tenant.uuid()).bind(id.uuid())
}

/// Whether a write still meets the group that it was made for.
pub(super) async fn is_current(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    write: &GroupWrite,
) -> Result<bool, sqlx::Error> {
    is_at(connection, tenant, write.id(), write.expected_version()).await
}

/// Whether the group is there, and at the version where one is expected.
async fn is_at(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: GroupId,
    expected_version: Option<i64>,
) -> Result<bool, sqlx::Error> {
    let version: Option<i64> = sqlx::query_scalar(VERSION)
        .bind(tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(connection)
        .await?;
    Ok(version.is_some_and(|version| expected_version.is_none_or(|expected| expected == version)))
}

async fn delete_members(
    connection: &mut SqliteConnection,
    sql: &'static str,
    tenant: TenantId,
    id: GroupId,
    ids: &[Uuid],
) -> Result<usize, sqlx::Error> {
    let delete = keyed(sql, tenant, id).bind(json_ids(ids));
    let rows = delete.execute(connection).await?.rows_affected();
    Ok(usize::try_from(rows).unwrap_or(usize::MAX))
}

/// Takes out all but some, and tells who went.
async fn clear_members(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: GroupId,
    kept: &[Uuid],
) -> Result<Moved, sqlx::Error> {
    let listed = sqlx::query_scalar(OTHER_MEMBERS_SQLITE)
        .bind(tenant.uuid())
        .bind(id.uuid())
        .bind(json_ids(kept))
        .bind(LISTED_MAX)
        .fetch_all(&mut *connection)
        .await?;
    let count = delete_members(connection, MEMBERS_KEEP, tenant, id, kept).await?;
    Ok(Moved {
        listed,
        count,
        open: false,
    })
}

async fn insert_members(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: GroupId,
    members: &[NewMember],
    at: Timestamp,
) -> Result<Moved, sqlx::Error> {
    if members.is_empty() {
        return Ok(Moved::default());
    }
    let pairs: Vec<_> = members
        .iter()
        .map(|member| (member.id.to_string(), member.kind.as_str()))
        .collect();
    let pairs = serde_json::to_string(&pairs).expect("pairs of texts have a JSON form");
    let mut come: Vec<Uuid> = sqlx::query_scalar(MEMBERS_INSERT)
        .bind(tenant.uuid())
        .bind(id.uuid())
        .bind(pairs)
        .bind(at.as_micros())
        .fetch_all(connection)
        .await?;
    come.sort_unstable();
    Ok(Moved::of(&come))
}

pub(super) async fn purge(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    for sql in [PURGE_MEMBERS, PURGE_MEMBERSHIPS] {
        let purge = sqlx::query(sql).bind(tenant.uuid()).bind(i64::from(limit));
        rows += purge.execute(&mut *connection).await?.rows_affected();
    }
    let purge = sqlx::query_scalar(PURGE_GROUPS)
        .bind(tenant.uuid())
        .bind(i64::from(limit));
    let ids: Vec<Uuid> = purge.fetch_all(&mut *connection).await?;
    for id in &ids {
        sqlx::query(PURGE_SLOTS)
            .bind(tenant.uuid())
            .bind(id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(rows + ids.len() as u64)
}
