//! Mutations on PostgreSQL: which way each goes, and those that are too rare to be one statement.

use sqlx::{PgConnection, postgres::PgQueryResult};

use super::{Database, findings, guard, tokens, tries::Tries};
use crate::{
    ids::{AccountId, TenantId},
    log::LogEntry,
    receipts::Receipt,
    storage::{
        Commit, Mutation, SchemaWrite, StorageError, Write,
        binds::{
            CLAIM_DISPLAY_NAMES, CLAIM_OBJECT_IDS, HEAD_INSERT, RELEASE_DISPLAY_NAMES,
            SCHEMA_VERSION, TENANT_INSERT, TENANT_UPDATE, bind_log_entry, bind_receipt,
            bind_tenant, conflict, log_entry_insert, schema_query,
        },
        deleted::{PURGE_ACCOUNT, PURGE_COMPANIONS},
    },
    tenants::Tenant,
};

const LOG_ENTRY_INSERT: &str = concat!(
    log_entry_insert!(),
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"
);

const RECEIPT_INSERT: &str = "
    INSERT INTO receipts (tenant_id, caller, method, request_id, body_sha256, response, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const RECEIPT_EXISTS: &str = "SELECT EXISTS (SELECT FROM receipts WHERE tenant_id = $1 AND caller = $2 AND method = $3 AND request_id = $4)";

impl Database {
    pub async fn commit(&self, mutation: Mutation) -> Result<Commit, StorageError> {
        let mut tries = Tries::default();
        let commit = loop {
            match self.write(&mutation).await {
                Err(error) if tries.again(&error).await => {}
                result => break result?,
            }
        };
        match &mutation.receipt {
            // The same request, answered meanwhile, is the reason behind whatever stood in the way.
            Some(receipt) if commit != Commit::Done => {
                let mut connection = self.pool.acquire().await?;
                let answered = receipt_exists(&mut connection, mutation.tenant_id, receipt).await?;
                Ok(if answered {
                    Commit::RequestIdUsed
                } else {
                    commit
                })
            }
            _ => Ok(commit),
        }
    }

    async fn write(&self, mutation: &Mutation) -> Result<Commit, sqlx::Error> {
        let tenant = mutation.tenant_id;
        match &mutation.write {
            Write::Account(write) => return self.write_account(mutation, write).await,
            Write::Link(write) => return self.write_link(mutation, write).await,
            Write::Group(write) => return self.write_group(mutation, write).await,
            Write::Nothing
                if mutation.guard.is_none()
                    && mutation.receipt.is_none()
                    && (mutation.log.is_some() || mutation.findings.is_empty()) =>
            {
                return match &mutation.log {
                    Some(entry) => {
                        let query = sqlx::query(LOG_ENTRY_INSERT).bind(tenant.uuid());
                        let query = bind_log_entry!(query, Some(entry));
                        self.execute_with_findings(query, mutation)
                            .await
                            .map(|_| Commit::Done)
                    }
                    None => Ok(Commit::Done),
                };
            }
            _ => {}
        }
        if let Some(part) = &mutation.guard {
            let Some(mut guarded) = guard::begin(self, mutation, part).await? else {
                return Ok(Commit::RequestIdUsed);
            };
            let written = write_in(&mut guarded.transaction, mutation).await;
            return guarded.end(or_conflict(written)?).await;
        }
        let _leave = match &mutation.write {
            Write::DecideBatch(_) => Some(self.leave_to_wait().await?),
            _ => None,
        };
        let mut transaction = self.pool.begin().await?;
        let written = or_conflict(write_in(&mut transaction, mutation).await)?;
        if written == Commit::Done {
            findings::write(&mut transaction, tenant, &mutation.findings).await?;
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(written)
    }
}

/// Whether a request was answered.
pub(super) async fn receipt_exists(
    connection: &mut PgConnection,
    tenant: TenantId,
    receipt: &Receipt,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar(RECEIPT_EXISTS)
        .bind(tenant.uuid())
        .bind(&receipt.key.caller)
        .bind(&receipt.key.method)
        .bind(receipt.key.request_id);
    query.fetch_one(connection).await
}

/// What the deciding statement of a mutation found.
pub(super) fn decide(
    result: Result<PgQueryResult, sqlx::Error>,
    no_row: Commit,
) -> Result<Commit, sqlx::Error> {
    match result {
        Ok(done) if done.rows_affected() == 0 => Ok(no_row),
        Ok(_) => Ok(Commit::Done),
        Err(error) => conflict(&error).ok_or(error),
    }
}

/// A violated constraint as the conflict that it stands for.
fn or_conflict(written: Result<Commit, sqlx::Error>) -> Result<Commit, sqlx::Error> {
    written.or_else(|error| conflict(&error).ok_or(error))
}

/// The writes that are too rare to be one statement. A violated constraint comes back as the error.
async fn write_in(
    connection: &mut PgConnection,
    mutation: &Mutation,
) -> Result<Commit, sqlx::Error> {
    let tenant = mutation.tenant_id;
    // First, so that a second request of the same id meets its receipt and nothing else.
    if mutation.receipt.is_some() {
        let query = sqlx::query(RECEIPT_INSERT).bind(tenant.uuid());
        bind_receipt!(query, mutation.receipt.as_ref())
            .execute(&mut *connection)
            .await?;
    }
    let written = match &mutation.write {
        Write::Nothing | Write::Account(_) | Write::Link(_) | Write::Group(_) => Commit::Done,
        Write::PurgeAccount {
            id,
            expected_version,
        } => purge_account(connection, tenant, *id, *expected_version).await?,
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
    if let (Commit::Done, Some(entry)) = (written, &mutation.log) {
        insert_log_entry(connection, tenant, entry).await?;
    }
    Ok(written)
}

pub(super) async fn insert_log_entry(
    connection: &mut PgConnection,
    tenant: TenantId,
    entry: &LogEntry,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(LOG_ENTRY_INSERT).bind(tenant.uuid());
    bind_log_entry!(query, Some(entry))
        .execute(connection)
        .await
        .map(drop)
}

async fn purge_account(
    connection: &mut PgConnection,
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
        for sql in PURGE_COMPANIONS {
            sqlx::query(sql)
                .bind(tenant.uuid())
                .bind(id.uuid())
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(purged)
}

async fn write_schema(
    connection: &mut PgConnection,
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
    connection: &mut PgConnection,
    tenant: &Tenant,
) -> Result<Commit, sqlx::Error> {
    bind_tenant!(sqlx::query(TENANT_INSERT), tenant)
        .execute(&mut *connection)
        .await?;
    sqlx::query(HEAD_INSERT)
        .bind(tenant.id.uuid())
        .execute(connection)
        .await?;
    Ok(Commit::Done)
}

async fn update_tenant(
    connection: &mut PgConnection,
    tenant: &Tenant,
    expected_version: i64,
) -> Result<Commit, sqlx::Error> {
    let update = bind_tenant!(sqlx::query(TENANT_UPDATE), tenant).bind(expected_version);
    let updated = decide(
        update.execute(&mut *connection).await,
        Commit::VersionMismatch,
    )?;
    if updated != Commit::Done {
        return Ok(updated);
    }
    if tenant.settings.object_id_unique {
        sqlx::query(CLAIM_OBJECT_IDS)
            .bind(tenant.id.uuid())
            .bind(true)
            .execute(&mut *connection)
            .await?;
    }
    let names = if tenant.settings.rules().group_display_name_unique {
        CLAIM_DISPLAY_NAMES
    } else {
        RELEASE_DISPLAY_NAMES
    };
    sqlx::query(names)
        .bind(tenant.id.uuid())
        .execute(connection)
        .await?;
    Ok(updated)
}
