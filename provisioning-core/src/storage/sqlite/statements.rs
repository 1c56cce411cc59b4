//! The writes of the embedded engine, each within the writer's transaction.
//!
//! The first statement of a mutation decides: it fails on a unique constraint or finds no row, which leaves the transaction as it was, and the
//! rest is left out. The rest is one text of several statements, since each text costs a turn of the connection's thread.

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::{findings, groups, guard, tokens};
use crate::{
    accounts::Account,
    clock::Timestamp,
    ids::{AccountId, TenantId},
    links::object_id_key,
    log::LogEntry,
    receipts::Receipt,
    storage::{
        AccountWrite, Commit, EmailKey, Mutation, SchemaWrite, Write,
        binds::{
            CLAIM_DISPLAY_NAMES, CLAIM_OBJECT_IDS, HEAD_INSERT, OBJECT_ID_IS_SHARED,
            RELEASE_DISPLAY_NAMES, SCHEMA_VERSION, TENANT_INSERT, TENANT_UPDATE, account_insert,
            account_update, bind_account, bind_change, bind_log_entry, bind_receipt, bind_tenant,
            conflict, log_entry_insert, schema_query,
        },
        deleted::{PURGE_ACCOUNT, PURGE_COMPANIONS},
    },
    tenants::Tenant,
};

const ACCOUNT_INSERT: &str = account_insert!("$22");
const ACCOUNT_UPDATE: &str = account_update!("$22");
const ACCOUNT_INSERT_SHARED: &str = account_insert!(
    "$22",
    shared from " WHERE EXISTS (
        SELECT 1
        FROM accounts o
        WHERE o.tenant_id = $1 AND o.object_id_claim = $7 AND o.id <> $2 AND NOT o.object_id_exclusive AND o.deleted_at IS NULL
    )"
);
const ACCOUNT_UPDATE_SHARED: &str = account_update!(
    "$22",
    shared if " AND EXISTS (
        SELECT 1
        FROM accounts o
        WHERE o.tenant_id = $1 AND o.object_id_claim = $7 AND o.id <> $2 AND NOT o.object_id_exclusive AND o.deleted_at IS NULL
    )"
);

const LOG_ENTRY_INSERT: &str = concat!(
    log_entry_insert!(),
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"
);
const LOG_ENTRY_INSERT_ONCE: &str = concat!(
    log_entry_insert!(),
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
      ON CONFLICT (tenant_id, id) DO NOTHING"
);

/// What belongs to the write of an account: its mail addresses (`$25`, a JSON array), the log entry (`$2` to `$23`) and the change (`$26` to
/// `$31`), where there are such. The writer is alone, so its own count is the order of commits.
const ACCOUNT_COMPANIONS: &str = concat!(
    "DELETE FROM account_emails WHERE tenant_id = $1 AND account_id = $24;
     INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key)
     SELECT $1, $24, e.key, e.value ->> 0, e.value ->> 1
     FROM json_each($25) e;
     UPDATE change_heads SET head = head + 1 WHERE tenant_id = $1 AND $26 IS NOT NULL;
     INSERT INTO changes (tenant_id, id, number, at, kind, resource_type, resource_id, version)
     SELECT $1, $26, (SELECT head FROM change_heads WHERE tenant_id = $1), $27, $28, $29, $30, $31
     WHERE $26 IS NOT NULL;",
    log_entry_insert!(),
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23
      WHERE $2 IS NOT NULL"
);

const RECEIPT_EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM receipts WHERE tenant_id = $1 AND caller = $2 AND method = $3 AND request_id = $4)";
const RECEIPT_INSERT: &str = "
    INSERT INTO receipts (tenant_id, caller, method, request_id, body_sha256, response, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const ACCOUNT_AT_VERSION: &str =
    "SELECT EXISTS (SELECT 1 FROM accounts WHERE tenant_id = $1 AND id = $2 AND version = $3)";
const TENANT_AT_VERSION: &str =
    "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = $1 AND identifier = $2 AND version = $3)";

const PURGE_TOMBSTONES: &str = "
    DELETE FROM accounts
    WHERE tenant_id = $1
      AND id IN (SELECT id FROM accounts WHERE tenant_id = $1 AND deleted_at < $2 ORDER BY deleted_at LIMIT $3)
    RETURNING id";

/// Through the tenants, so that each tenant's index is used.
const PURGE_RECEIPTS: &str = "
    DELETE FROM receipts
    WHERE rowid IN (
        SELECT r.rowid
        FROM tenants t
        CROSS JOIN receipts r ON r.tenant_id = t.id AND r.at < $1
        LIMIT $2
    )";

/// Applies a mutation, behind the guard where it is guarded. `Ok` with a conflict has written nothing, and what is held only that; an error leaves the
/// transaction unusable.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
) -> Result<Commit, sqlx::Error> {
    let written = write(connection, mutation).await?;
    if written == Commit::Done {
        findings::write(connection, mutation.tenant_id, &mutation.findings).await?;
    }
    Ok(written)
}

/// The mutation without its findings.
async fn write(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
) -> Result<Commit, sqlx::Error> {
    if let Some(receipt) = &mutation.receipt
        && receipt_exists(connection, mutation.tenant_id, receipt).await?
    {
        return Ok(Commit::RequestIdUsed);
    }
    let Some(part) = &mutation.guard else {
        return apply_unguarded(connection, mutation).await;
    };
    // What cannot be done any more does not wait for an admin either.
    if !is_current(connection, mutation).await? {
        return Ok(Commit::VersionMismatch);
    }
    let base = guard::lock(connection, mutation.tenant_id).await?;
    let verdict = match &part.check {
        Some(check) => match guard::check(connection, mutation.tenant_id, check, base).await? {
            Ok(verdict) => Some(verdict),
            Err(held) => return Ok(Commit::Held(held)),
        },
        None => None,
    };
    let written = apply_unguarded(connection, mutation).await?;
    if written == Commit::Done {
        guard::settle(connection, mutation.tenant_id, part, verdict.as_ref()).await?;
    }
    Ok(written)
}

/// Whether a guarded write still meets what it was decided on.
async fn is_current(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
) -> Result<bool, sqlx::Error> {
    let tenant = mutation.tenant_id;
    match &mutation.write {
        Write::Group(write) => groups::is_current(connection, tenant, write).await,
        Write::Account(write) => match write.expected_version {
            None => Ok(true),
            Some(version) => {
                sqlx::query_scalar(ACCOUNT_AT_VERSION)
                    .bind(tenant.uuid())
                    .bind(write.account.id.uuid())
                    .bind(version)
                    .fetch_one(connection)
                    .await
            }
        },
        _ => Ok(true),
    }
}

async fn apply_unguarded(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
) -> Result<Commit, sqlx::Error> {
    let tenant = mutation.tenant_id;
    let written = match &mutation.write {
        Write::Link(write) if is_shared(connection, tenant, &write.account).await? => {
            return Ok(Commit::ObjectIdTaken);
        }
        Write::Account(write) | Write::Link(write) => {
            return write_account(connection, mutation, write).await;
        }
        Write::Group(write) => return groups::write(connection, mutation, write).await,
        Write::PurgeAccount {
            id,
            expected_version,
        } => purge_account(connection, tenant, *id, *expected_version).await?,
        Write::Nothing => Commit::Done,
        Write::InsertToken(token) => tokens::insert(connection, tenant, token).await?,
        Write::ReplaceToken {
            old,
            new,
            expires_at,
            ended,
        } => match tokens::replace(connection, tenant, old, new, *expires_at).await? {
            Commit::Done => tokens::end_overlaps(connection, tenant, ended, new.created_at).await?,
            conflict => conflict,
        },
        Write::RevokeTokens { revoked, at } => {
            tokens::revoke(connection, tenant, revoked, *at).await?
        }
        Write::ExtensionSchema(write) => write_schema(connection, tenant, write).await?,
        Write::DecideBatch(decision) => guard::decide_batch(connection, tenant, decision).await?,
        Write::InsertTenant(tenant) => insert_tenant(connection, tenant).await?,
        Write::UpdateTenant {
            tenant,
            expected_version,
        } => update_tenant(connection, tenant, *expected_version).await?,
    };
    if written == Commit::Done {
        if let Some(entry) = &mutation.log {
            insert_log_entry(connection, tenant, entry).await?;
        }
        insert_receipt(connection, tenant, mutation.receipt.as_ref()).await?;
    }
    Ok(written)
}

async fn write_account(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
    write: &AccountWrite,
) -> Result<Commit, sqlx::Error> {
    let tenant = mutation.tenant_id;
    let guard = match write.expected_version {
        None => bind_account!(sqlx::query(ACCOUNT_INSERT), tenant, write),
        Some(version) => bind_account!(sqlx::query(ACCOUNT_UPDATE), tenant, write).bind(version),
    };
    let mut guarded = decide(
        guard.execute(&mut *connection).await,
        Commit::VersionMismatch,
    )?;
    if guarded == Commit::ObjectIdTaken && !write.account.object_id_exclusive {
        let guard = match write.expected_version {
            None => bind_account!(sqlx::query(ACCOUNT_INSERT_SHARED), tenant, write),
            Some(version) => {
                bind_account!(sqlx::query(ACCOUNT_UPDATE_SHARED), tenant, write).bind(version)
            }
        };
        guarded = decide(guard.execute(&mut *connection).await, Commit::ObjectIdTaken)?;
    }
    if guarded != Commit::Done {
        return Ok(guarded);
    }
    let companions = bind_log_entry!(
        sqlx::query(ACCOUNT_COMPANIONS).bind(tenant.uuid()),
        mutation.log.as_ref()
    )
    .bind(write.account.id.uuid())
    .bind(emails(&write.index.emails));
    bind_change!(companions, mutation.change.as_ref())
        .execute(&mut *connection)
        .await?;
    insert_receipt(connection, tenant, mutation.receipt.as_ref()).await?;
    Ok(Commit::Done)
}

/// Whether others hold the account's Object ID without its claim. The writer is alone, so nobody joins them meanwhile.
async fn is_shared(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    account: &Account,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(OBJECT_ID_IS_SHARED)
        .bind(tenant.uuid())
        .bind(account.id.uuid())
        .bind(account.object_id.as_deref().map(object_id_key))
        .fetch_one(connection)
        .await
}

/// The addresses as a JSON array of pairs.
fn emails(emails: &[EmailKey]) -> String {
    let pairs: Vec<_> = emails
        .iter()
        .map(|email| (&email.value_key, &email.type_key))
        .collect();
    serde_json::to_string(&pairs).expect("pairs of texts have a JSON form")
}

/// What the first statement of a mutation decided.
pub(super) fn decide(
    result: Result<sqlx::sqlite::SqliteQueryResult, sqlx::Error>,
    no_row: Commit,
) -> Result<Commit, sqlx::Error> {
    match result {
        Ok(done) if done.rows_affected() == 0 => Ok(no_row),
        Ok(_) => Ok(Commit::Done),
        Err(error) => conflict(&error).ok_or(error),
    }
}

async fn receipt_exists(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    receipt: &Receipt,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(RECEIPT_EXISTS)
        .bind(tenant.uuid())
        .bind(&receipt.key.caller)
        .bind(&receipt.key.method)
        .bind(receipt.key.request_id)
        .fetch_one(connection)
        .await
}

pub(super) async fn insert_receipt(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    receipt: Option<&Receipt>,
) -> Result<(), sqlx::Error> {
    if receipt.is_some() {
        let query = sqlx::query(RECEIPT_INSERT).bind(tenant.uuid());
        bind_receipt!(query, receipt).execute(connection).await?;
    }
    Ok(())
}

pub(super) async fn insert_log_entry(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    entry: &LogEntry,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(LOG_ENTRY_INSERT).bind(tenant.uuid());
    bind_log_entry!(query, Some(entry))
        .execute(connection)
        .await
        .map(drop)
}

async fn write_schema(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    write: &SchemaWrite,
) -> Result<Commit, sqlx::Error> {
    let version = sqlx::query(SCHEMA_VERSION)
        .bind(tenant.uuid())
        .bind(write.version)
        .bind(write.expected_version);
    let advanced = decide(
        version.execute(&mut *connection).await,
        Commit::VersionMismatch,
    )?;
    if advanced == Commit::Done {
        schema_query!(tenant, write).execute(connection).await?;
    }
    Ok(advanced)
}

async fn insert_tenant(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
) -> Result<Commit, sqlx::Error> {
    let inserted = decide(
        bind_tenant!(sqlx::query(TENANT_INSERT), tenant)
            .execute(&mut *connection)
            .await,
        Commit::TenantExists,
    )?;
    if inserted == Commit::Done {
        sqlx::query(HEAD_INSERT)
            .bind(tenant.id.uuid())
            .execute(connection)
            .await?;
    }
    Ok(inserted)
}

/// Looks at the version first: claiming may be refused, and then nothing may have been written.
async fn update_tenant(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    expected_version: i64,
) -> Result<Commit, sqlx::Error> {
    let (id, identifier) = (tenant.id.uuid(), tenant.identifier.as_str());
    let at_version = sqlx::query_scalar(TENANT_AT_VERSION)
        .bind(id)
        .bind(identifier)
        .bind(expected_version);
    if !at_version.fetch_one(&mut *connection).await? {
        return Ok(Commit::VersionMismatch);
    }
    sqlx::query("SAVEPOINT claims")
        .execute(&mut *connection)
        .await?;
    let claimed = claim(connection, tenant).await?;
    if claimed != Commit::Done {
        sqlx::query("ROLLBACK TO claims")
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("RELEASE claims")
        .execute(&mut *connection)
        .await?;
    if claimed != Commit::Done {
        return Ok(claimed);
    }
    bind_tenant!(sqlx::query(TENANT_UPDATE), tenant)
        .bind(expected_version)
        .execute(connection)
        .await?;
    Ok(Commit::Done)
}

/// Makes the Object IDs and the names of groups exclusive, or the names shared, as the settings have it.
async fn claim(connection: &mut SqliteConnection, tenant: &Tenant) -> Result<Commit, sqlx::Error> {
    let id = tenant.id.uuid();
    if tenant.settings.object_id_unique {
        let claimed = sqlx::query(CLAIM_OBJECT_IDS)
            .bind(id)
            .bind(true)
            .execute(&mut *connection)
            .await;
        let claimed = decide(claimed, Commit::Done)?;
        if claimed != Commit::Done {
            return Ok(claimed);
        }
    }
    let names = if tenant.settings.rules().group_display_name_unique {
        CLAIM_DISPLAY_NAMES
    } else {
        RELEASE_DISPLAY_NAMES
    };
    decide(
        sqlx::query(names).bind(id).execute(connection).await,
        Commit::Done,
    )
}

pub(super) async fn append_log_once(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    entry: &LogEntry,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(LOG_ENTRY_INSERT_ONCE).bind(tenant.uuid());
    bind_log_entry!(query, Some(entry))
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn purge_tombstones(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    deleted_before: Timestamp,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let purge = sqlx::query_scalar(PURGE_TOMBSTONES)
        .bind(tenant.uuid())
        .bind(deleted_before.as_micros())
        .bind(i64::from(limit));
    let ids: Vec<Uuid> = purge.fetch_all(&mut *connection).await?;
    for id in &ids {
        purge_companions(connection, tenant, *id).await?;
    }
    Ok(ids.len() as u64)
}

async fn purge_account(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: AccountId,
    expected_version: i64,
) -> Result<Commit, sqlx::Error> {
    let purge = sqlx::query(PURGE_ACCOUNT)
        .bind(tenant.uuid())
        .bind(id.uuid())
        .bind(expected_version);
    let purged = decide(
        purge.execute(&mut *connection).await,
        Commit::VersionMismatch,
    )?;
    if purged == Commit::Done {
        purge_companions(connection, tenant, id.uuid()).await?;
    }
    Ok(purged)
}

async fn purge_companions(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    account: Uuid,
) -> Result<(), sqlx::Error> {
    for sql in PURGE_COMPANIONS {
        sqlx::query(sql)
            .bind(tenant.uuid())
            .bind(account)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn purge_receipts(
    connection: &mut SqliteConnection,
    before: Timestamp,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let purge = sqlx::query(PURGE_RECEIPTS)
        .bind(before.as_micros())
        .bind(i64::from(limit));
    Ok(purge.execute(connection).await?.rows_affected())
}
