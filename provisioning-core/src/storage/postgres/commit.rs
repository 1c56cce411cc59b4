//! Mutations on PostgreSQL. An account's is one statement, so one round trip and one flush; a conflict is a violated constraint or a row that
//! is not found, and then the statement has written nothing.

use sqlx::{
    PgConnection, Postgres,
    postgres::{PgArguments, PgQueryResult},
    query::{Query, QueryScalar},
};

use super::{Database, findings, guard, tries::Tries};
use crate::{
    accounts::Account,
    clock::Timestamp,
    ids::{AccountId, TenantId},
    links::object_id_key,
    receipts::Receipt,
    storage::{
        AccountWrite, Commit, Mutation, SchemaWrite, StorageError, Write,
        binds::{
            CLAIM_DISPLAY_NAMES, CLAIM_OBJECT_IDS, HEAD_INSERT, OBJECT_ID_IS_SHARED,
            RELEASE_DISPLAY_NAMES, SCHEMA_VERSION, TENANT_INSERT, TENANT_UPDATE, TOKEN_INSERT,
            TOKEN_RETIRE, TOKEN_REVOKE, account_insert, account_update, bind_account, bind_change,
            bind_log_entry, bind_receipt, bind_tenant, bind_token, conflict, log_entry_insert,
            schema_query,
        },
        deleted::{PURGE_ACCOUNT, PURGE_COMPANIONS},
    },
    tenants::Tenant,
    tokens::{Token, TokenId},
};

/// The write of an account with all that belongs to it. `$23` is the expected version, `$24` and `$25` are the mail addresses, `$26` to `$31` the
/// change, `$32` to `$53` the log entry, `$54` to `$59` the receipt. Every part takes its row from `account`, so without it there is none.
/// The change has no number yet: a count locked until the commit would let one mutation of a tenant commit at a time.
macro_rules! account_mutation {
    ($before:expr, $account:expr, $emails:expr) => {
        concat!(
            "WITH ", $before, "account AS (", $account, " RETURNING tenant_id, id), ",
            $emails,
            " change AS (
                INSERT INTO changes (tenant_id, id, at, kind, resource_type, resource_id, version)
                SELECT tenant_id, $26, $27, $28, $29, $30, $31 FROM account WHERE $26 IS NOT NULL
             ),
             entry AS (",
            log_entry_insert!(),
            "   SELECT tenant_id, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53
                FROM account WHERE $32 IS NOT NULL
             ),
             receipt AS (
                INSERT INTO receipts (tenant_id, caller, method, request_id, body_sha256, response, at)
                SELECT tenant_id, $54, $55, $56, $57, $58, $59 FROM account WHERE $54 IS NOT NULL
             )
             SELECT FROM account"
        )
    };
}

/// Another account holds the claim of the Object ID and shares it. Locked until the commit, so that it cannot become exclusive or let go of it
/// before: an exclusive holder then finds this account.
macro_rules! owner {
    () => {
        "owner AS (
             SELECT id
             FROM accounts
             WHERE tenant_id = $1 AND object_id_claim = $7 AND id <> $2 AND NOT object_id_exclusive AND deleted_at IS NULL
             FOR SHARE
         ), "
    };
}

macro_rules! emails_insert {
    () => {
        "emails AS (
             INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key)
             SELECT a.tenant_id, a.id, e.position - 1, e.value_key, e.type_key
             FROM account a, UNNEST($24::TEXT[], $25::TEXT[]) WITH ORDINALITY e (value_key, type_key, position)
         ),"
    };
}

const ACCOUNT_INSERT: &str =
    account_mutation!("", account_insert!("CAST($22 AS JSONB)"), emails_insert!());
const ACCOUNT_INSERT_SHARED: &str = account_mutation!(
    owner!(),
    account_insert!("CAST($22 AS JSONB)", shared from " FROM owner"),
    emails_insert!()
);

/// Of the mail addresses, only what differs is written; a row cannot be deleted and inserted by one statement.
macro_rules! emails_update {
    () => {
        "emails_gone AS (
             DELETE FROM account_emails e
             USING account a
             WHERE e.tenant_id = a.tenant_id AND e.account_id = a.id AND e.position >= CARDINALITY($24::TEXT[])
         ),
         emails AS (
             INSERT INTO account_emails AS old (tenant_id, account_id, position, value_key, type_key)
             SELECT a.tenant_id, a.id, e.position - 1, e.value_key, e.type_key
             FROM account a, UNNEST($24::TEXT[], $25::TEXT[]) WITH ORDINALITY e (value_key, type_key, position)
             ON CONFLICT (tenant_id, account_id, position) DO UPDATE
             SET value_key = EXCLUDED.value_key, type_key = EXCLUDED.type_key
             WHERE (old.value_key, old.type_key) IS DISTINCT FROM (EXCLUDED.value_key, EXCLUDED.type_key)
         ),"
    };
}

const ACCOUNT_UPDATE: &str =
    account_mutation!("", account_update!("CAST($22 AS JSONB)"), emails_update!());
const ACCOUNT_UPDATE_SHARED: &str = account_mutation!(
    owner!(),
    account_update!("CAST($22 AS JSONB)", shared if " AND EXISTS (SELECT FROM owner)"),
    emails_update!()
);

const OBJECT_ID_IS_EXCLUSIVE: &str = "
    SELECT EXISTS (
        SELECT FROM accounts
        WHERE tenant_id = $1 AND id <> $2 AND object_id_claim = $3 AND object_id_exclusive AND deleted_at IS NULL
    )";

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
            Some(receipt)
                if !matches!(commit, Commit::Done | Commit::Unchanged)
                    && self.receipt_exists(mutation.tenant_id, receipt).await? =>
            {
                Ok(Commit::RequestIdUsed)
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
                if mutation.receipt.is_none()
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
        let mut transaction = self.pool.begin().await?;
        let written = match write_in(&mut transaction, mutation).await {
            Ok(commit) => commit,
            Err(error) => conflict(&error).ok_or(error)?,
        };
        if written == Commit::Done {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(written)
    }

    /// The first holder of an Object ID takes its claim; where another has it and shares it, the account goes without.
    async fn write_account(
        &self,
        mutation: &Mutation,
        write: &AccountWrite,
    ) -> Result<Commit, sqlx::Error> {
        let (own, shared) = match write.expected_version {
            None => (ACCOUNT_INSERT, ACCOUNT_INSERT_SHARED),
            Some(_) => (ACCOUNT_UPDATE, ACCOUNT_UPDATE_SHARED),
        };
        let owned = self.run_account(own, mutation, write).await?;
        if owned != Commit::ObjectIdTaken || write.account.object_id_exclusive {
            return Ok(owned);
        }
        let shared = self.run_account(shared, mutation, write).await?;
        // Whoever held the claim may hold it exclusively, or has let go of it since: then the account is to be read again.
        let exclusive = sqlx::query_scalar(OBJECT_ID_IS_EXCLUSIVE);
        if shared == Commit::VersionMismatch
            && bind_holder(exclusive, mutation.tenant_id, &write.account)
                .fetch_one(&self.pool)
                .await?
        {
            return Ok(Commit::ObjectIdTaken);
        }
        Ok(shared)
    }

    /// Runs the one statement of an account, behind the guard where it is guarded.
    async fn run_account(
        &self,
        sql: &'static str,
        mutation: &Mutation,
        write: &AccountWrite,
    ) -> Result<Commit, sqlx::Error> {
        let query = account_query(sql, mutation, write);
        let Some(check) = &mutation.guard else {
            let written = self.execute_with_findings(query, mutation).await;
            return decide(written, Commit::VersionMismatch);
        };
        let mut guarded = match guard::begin(self, mutation.tenant_id, check).await? {
            Ok(guarded) => guarded,
            Err(held) => return Ok(Commit::Held(held)),
        };
        let written = query.execute(&mut *guarded.transaction).await;
        let written = decide(written, Commit::VersionMismatch)?;
        guarded.end(written, &mutation.findings).await
    }

    /// Takes the claim first, and looks for others with a statement that begins after: whoever shares the Object ID was there before the claim could
    /// be taken, and whoever comes later meets it.
    async fn write_link(
        &self,
        mutation: &Mutation,
        write: &AccountWrite,
    ) -> Result<Commit, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let link = account_query(ACCOUNT_UPDATE, mutation, write)
            .execute(&mut *transaction)
            .await;
        let linked = decide(link, Commit::VersionMismatch)?;
        if linked != Commit::Done {
            return Ok(linked);
        }
        let shared = sqlx::query_scalar(OBJECT_ID_IS_SHARED);
        if bind_holder(shared, mutation.tenant_id, &write.account)
            .fetch_one(&mut *transaction)
            .await?
        {
            transaction.rollback().await?;
            return Ok(Commit::ObjectIdTaken);
        }
        findings::write(&mut transaction, mutation.tenant_id, &mutation.findings).await?;
        transaction.commit().await?;
        Ok(Commit::Done)
    }

    async fn receipt_exists(
        &self,
        tenant: TenantId,
        receipt: &Receipt,
    ) -> Result<bool, StorageError> {
        let query = sqlx::query_scalar(RECEIPT_EXISTS)
            .bind(tenant.uuid())
            .bind(&receipt.key.caller)
            .bind(&receipt.key.method)
            .bind(receipt.key.request_id);
        Ok(query.fetch_one(&self.pool).await?)
    }
}

fn account_query<'q>(
    sql: &'static str,
    mutation: &'q Mutation,
    write: &'q AccountWrite,
) -> Query<'q, Postgres, PgArguments> {
    let emails = &write.index.emails;
    let query = bind_account!(sqlx::query(sql), mutation.tenant_id, write)
        .bind(write.expected_version)
        .bind(
            emails
                .iter()
                .map(|email| email.value_key.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            emails
                .iter()
                .map(|email| email.type_key.as_deref())
                .collect::<Vec<_>>(),
        );
    let query = bind_change!(query, mutation.change.as_ref());
    let query = bind_log_entry!(query, mutation.log.as_ref());
    bind_receipt!(query, mutation.receipt.as_ref())
}

/// The tenant, the account and the key of its Object ID.
fn bind_holder<'q>(
    query: QueryScalar<'q, Postgres, bool, PgArguments>,
    tenant: TenantId,
    account: &Account,
) -> QueryScalar<'q, Postgres, bool, PgArguments> {
    query
        .bind(tenant.uuid())
        .bind(account.id.uuid())
        .bind(account.object_id.as_deref().map(object_id_key))
}

/// What the deciding statement of a mutation found.
fn decide(
    result: Result<PgQueryResult, sqlx::Error>,
    no_row: Commit,
) -> Result<Commit, sqlx::Error> {
    match result {
        Ok(done) if done.rows_affected() == 0 => Ok(no_row),
        Ok(_) => Ok(Commit::Done),
        Err(error) => conflict(&error).ok_or(error),
    }
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
        Write::InsertToken(token) => insert_token(connection, tenant, token).await?,
        Write::ReplaceToken {
            old,
            new,
            expires_at,
            ended,
        } => match replace_token(connection, tenant, old, new, *expires_at).await? {
            Commit::Done => revoke_tokens(connection, tenant, ended, new.created_at).await?,
            conflict => conflict,
        },
        Write::RevokeTokens { ids, at } => revoke_tokens(connection, tenant, ids, *at).await?,
        Write::ExtensionSchema(write) => write_schema(connection, tenant, write).await?,
        Write::DecideBatch(decision) => guard::decide_batch(connection, tenant, decision).await?,
        Write::InsertTenant(tenant) => insert_tenant(connection, tenant).await?,
        Write::UpdateTenant {
            tenant,
            expected_version,
        } => update_tenant(connection, tenant, *expected_version).await?,
    };
    if let (Commit::Done, Some(entry)) = (written, &mutation.log) {
        let query = sqlx::query(LOG_ENTRY_INSERT).bind(tenant.uuid());
        bind_log_entry!(query, Some(entry))
            .execute(&mut *connection)
            .await?;
    }
    if written == Commit::Done {
        findings::write(connection, tenant, &mutation.findings).await?;
    }
    Ok(written)
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

async fn insert_token(
    connection: &mut PgConnection,
    tenant: TenantId,
    token: &Token,
) -> Result<Commit, sqlx::Error> {
    bind_token!(sqlx::query(TOKEN_INSERT), tenant, token)
        .execute(connection)
        .await?;
    Ok(Commit::Done)
}

async fn replace_token(
    connection: &mut PgConnection,
    tenant: TenantId,
    old: &TokenId,
    new: &Token,
    expires_at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    let retire = sqlx::query(TOKEN_RETIRE)
        .bind(tenant.uuid())
        .bind(old.as_str())
        .bind(new.id.as_str())
        .bind(new.created_at.as_micros())
        .bind(expires_at.as_micros());
    match decide(
        retire.execute(&mut *connection).await,
        Commit::NoCurrentToken,
    )? {
        Commit::Done => insert_token(connection, tenant, new).await,
        conflict => Ok(conflict),
    }
}

async fn revoke_tokens(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[TokenId],
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    for id in ids {
        let revoke = sqlx::query(TOKEN_REVOKE)
            .bind(tenant.uuid())
            .bind(id.as_str())
            .bind(at.as_micros());
        revoke.execute(&mut *connection).await?;
    }
    Ok(Commit::Done)
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
