//! The writes of accounts on PostgreSQL: one statement each, so one round trip and one flush. A conflict is a violated constraint or a row that is not
//! found, and then the statement has written nothing.

use sqlx::{
    Postgres,
    postgres::PgArguments,
    query::{Query, QueryScalar},
};

use super::{Database, commit::decide, findings, guard};
use crate::{
    accounts::Account,
    ids::TenantId,
    links::object_id_key,
    storage::{
        AccountWrite, Commit, Mutation,
        binds::{
            OBJECT_ID_IS_SHARED, account_insert, account_update, bind_account, bind_change,
            bind_log_entry, bind_receipt, log_entry_insert,
        },
    },
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

/// Nobody writes the account from then on, and whoever shares it as a member is in nobody's way.
const ACCOUNT_LOCK_AT_VERSION: &str =
    "SELECT FROM accounts WHERE tenant_id = $1 AND id = $2 AND version = $3 FOR NO KEY UPDATE";

impl Database {
    /// The first holder of an Object ID takes its claim; where another has it and shares it, the account goes without.
    pub(super) async fn write_account(
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
        let Some(part) = &mutation.guard else {
            if write.account.protected {
                return self.execute_protected(query, mutation, write).await;
            }
            let written = self.execute_with_findings(query, mutation).await;
            return decide(written, Commit::VersionMismatch);
        };
        let Some(mut guarded) = guard::begin(self, mutation, part).await? else {
            return Ok(Commit::RequestIdUsed);
        };
        // What cannot be done any more does not wait for an admin either.
        if let (Some(_), Some(version)) = (&part.check, write.expected_version) {
            let current = sqlx::query(ACCOUNT_LOCK_AT_VERSION)
                .bind(mutation.tenant_id.uuid())
                .bind(write.account.id.uuid())
                .bind(version)
                .fetch_optional(&mut *guarded.transaction)
                .await?;
            if current.is_none() {
                return guarded.end(Commit::VersionMismatch).await;
            }
        }
        let mut guarded = match guarded.pass().await? {
            Ok(guarded) => guarded,
            Err(held) => return Ok(Commit::Held(held)),
        };
        let written = query.execute(&mut *guarded.transaction).await;
        let written = decide(written, Commit::VersionMismatch)?;
        guarded.end(written).await
    }

    /// Takes the claim first, and looks for others with a statement that begins after: whoever shares the Object ID was there before the claim could
    /// be taken, and whoever comes later meets it.
    pub(super) async fn write_link(
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
