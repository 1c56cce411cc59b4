//! SQLite: a few readers, and one writer that commits what is waiting as a group.

use std::path::Path;

use anyhow::{Context as _, Result};
use sqlx::{Connection as _, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Account, Mutation};
use crate::database;
use crate::ids::Ids;
use crate::people;

/// Mutations in one transaction at most.
const GROUP_MAX: usize = 256;
/// Mutations that wait at most.
const QUEUE_MAX: usize = 1024;

/// Inserts the accounts number `$3` to `$4` of the tenant `$1` at the time `$2`. `$5` and `$6` are document and search document.
const PRELOAD: &str = "
    WITH RECURSIVE person (n) AS (SELECT $3 UNION ALL SELECT n + 1 FROM person WHERE n < $4)
    INSERT INTO accounts (
        tenant_id, id, user_name, user_name_key, object_id, object_id_exclusive, directory_active, protected, managed, version, created_at,
        updated_at, document, search
    )
    SELECT $1, UNHEX('0190000000007000' || '8000' || PRINTF('%012x', n)), PRINTF('user%08d@bench.example', n),
        PRINTF('user%08d@bench.example', n), PRINTF('c0de0000-0000-7000-8000-%012x', n), FALSE, TRUE, FALSE, TRUE, 1, $2, $2, $5, $6
    FROM person";
const PRELOAD_EMAILS: &str = "
    INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key)
    SELECT tenant_id, id, 0, user_name_key, 'work'
    FROM accounts
    WHERE tenant_id = $1";

/// `$1` is the tenant, `$2` the id, `$3` the time, `$4` the login, `$5` the Object ID, `$6` the document, `$7` the search document.
const CREATE: &str = "
    INSERT INTO accounts (
        tenant_id, id, user_name, user_name_key, object_id, object_id_exclusive, directory_active, protected, managed, version, created_at,
        updated_at, document, search
    )
    VALUES ($1, $2, $4, LOWER($4), $5, FALSE, TRUE, FALSE, TRUE, 1, $3, $3, $6, $7)
    RETURNING id, user_name, object_id, directory_active, version, document";
/// `$1` is the tenant, `$2` the id, `$3` the time, `$4` what `active` shall be.
const SET_ACTIVE: &str = "
    UPDATE accounts
    SET directory_active = $4, version = version + 1, updated_at = $3
    WHERE tenant_id = $1 AND id = $2
    RETURNING id, user_name, object_id, directory_active, version, document";

/// What belongs to a mutation: `$1` is the tenant, `$2` the account, `$3` the time, `$4` the log entry, `$5` the change.
macro_rules! log_and_change {
    ($more:literal, $operation:literal, $request:literal, $kind:literal, $status:literal, $changes:literal) => {
        concat!(
            $more,
            "INSERT INTO log_entries (
                tenant_id, id, at, operation, request, outcome, resource_type, resource_id, object_id, user_name, user_name_key, http_status,
                scim_type, reason, detail, request_id, token_id, actor, changes, duration_us
            )
            SELECT tenant_id, $4, $3, '", $operation, "', '", $request, "', 'success', 'User', HEX(id), object_id, user_name, user_name_key,
                ", $status, ", '', '', '', '', 'benchtoken00', 'scim', '", $changes, "', 900
            FROM accounts
            WHERE tenant_id = $1 AND id = $2;
            UPDATE change_heads SET head = head + 1 WHERE tenant_id = $1;
            INSERT INTO changes (tenant_id, id, number, at, kind, resource_type, resource_id, version)
            SELECT $1, $5, h.head, $3, '", $kind, "', 'User', a.id, a.version
            FROM accounts a
            JOIN change_heads h ON h.tenant_id = a.tenant_id
            WHERE a.tenant_id = $1 AND a.id = $2"
        )
    };
}

const CREATED: &str = log_and_change!(
    "INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key)
    SELECT tenant_id, id, 0, user_name_key, 'work' FROM accounts WHERE tenant_id = $1 AND id = $2;",
    "create",
    "POST",
    "created",
    "201",
    "[{\"path\":\"userName\",\"new\":\"somebody@bench.example\"},{\"path\":\"active\",\"new\":true}]"
);
const UPDATED: &str = log_and_change!(
    "",
    "update",
    "PATCH",
    "updated",
    "200",
    "[{\"path\":\"active\",\"old\":true,\"new\":false}]"
);

/// A file with the service's tables.
pub struct Database {
    /// Four connections.
    pub(super) readers: SqlitePool,
    queue: mpsc::Sender<Job>,
    /// Ends with the database.
    _writer: JoinSet<Result<()>>,
}

/// A mutation that waits.
struct Job {
    mutation: Mutation,
    done: oneshot::Sender<Account>,
}

impl Database {
    /// Opens the file and starts its writer.
    pub async fn open(path: &Path) -> Result<Self> {
        let readers = database::sqlite_readers(path).await?;
        let connection = database::sqlite_writer(path).await?;
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let mut writer = JoinSet::new();
        writer.spawn(write_groups(connection, jobs));
        Ok(Self {
            readers,
            queue,
            _writer: writer,
        })
    }

    /// Waits for its group, durable when it is answered.
    pub(super) async fn write(&self, mutation: Mutation) -> Result<Account> {
        let (done, answer) = oneshot::channel();
        self.queue
            .send(Job { mutation, done })
            .await
            .context("the writer has failed")?;
        answer.await.context("the writer has failed")
    }
}

async fn write_groups(
    mut connection: SqliteConnection,
    mut jobs: mpsc::Receiver<Job>,
) -> Result<()> {
    let ids = Ids::new();
    let mut group = Vec::with_capacity(GROUP_MAX);
    while jobs.recv_many(&mut group, GROUP_MAX).await > 0 {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut answers = Vec::with_capacity(group.len());
        for Job { mutation, done } in group.drain(..) {
            answers.push((done, apply(&mut transaction, &ids, mutation).await?));
        }
        transaction.commit().await?;
        for (done, account) in answers {
            // A client that has gone does not want to know.
            let _ = done.send(account);
        }
    }
    Ok(())
}

async fn apply(
    connection: &mut SqliteConnection,
    ids: &Ids,
    mutation: Mutation,
) -> Result<Account> {
    let now_us = ids.now_us();
    let (sql, companions, id) = match &mutation {
        Mutation::Create(account) => (CREATE, CREATED, account.id),
        Mutation::SetActive { id, .. } => (SET_ACTIVE, UPDATED, *id),
    };
    let query = sqlx::query_as(sql)
        .bind(super::tenant_id())
        .bind(id)
        .bind(now_us);
    let query = match mutation {
        Mutation::Create(account) => {
            let search = people::search(&account.user_name);
            query
                .bind(account.user_name)
                .bind(account.object_id)
                .bind(account.document)
                .bind(search)
        }
        Mutation::SetActive { active, .. } => query.bind(active),
    };
    let account = query.fetch_one(&mut *connection).await?;
    sqlx::query(companions)
        .bind(super::tenant_id())
        .bind(id)
        .bind(now_us)
        .bind(ids.id())
        .bind(ids.id())
        .execute(connection)
        .await?;
    Ok(account)
}

/// Inserts the accounts 0 to `accounts` of a tenant.
pub async fn preload(pool: &SqlitePool, tenant: Uuid, accounts: u32) -> Result<()> {
    let person = people::user_name(0);
    sqlx::query(PRELOAD)
        .bind(tenant)
        .bind(Ids::new().now_us())
        .bind(0_i64)
        .bind(i64::from(accounts) - 1)
        .bind(people::document(&person))
        .bind(people::search(&person))
        .execute(pool)
        .await?;
    sqlx::query(PRELOAD_EMAILS)
        .bind(tenant)
        .execute(pool)
        .await?;
    Ok(())
}
