//! The one writer: takes what is waiting, writes it in one transaction, and makes it durable with one flush.
//!
//! It never waits for more to come: while one group is being flushed, the next one gathers by itself.

use std::{sync::Arc, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{Database, findings, groups, guard, statements, tokens};
use crate::{
    clock::Timestamp,
    ids::TenantId,
    log::LogEntry,
    storage::{
        Commit, Mutation, StorageError, TokenUse,
        error::is_outage,
        findings::examinations::Claimed,
        guard::{DroppedItems, behind::GuardPurge},
        history::{self, Purge},
    },
};

/// Writes in one transaction: ten to twenty times as many a second as one by one; more gain little and make the first of them wait.
const GROUP_MAX: usize = 256;
/// Writes that may wait: a few groups. Behind that, callers wait for room, and at last are told that storage is unavailable.
const QUEUE_MAX: usize = 1024;

/// The writer is not there any more.
#[derive(Debug, thiserror::Error)]
#[error("the database is closed")]
pub(super) struct Stopped;

/// The queue is full.
#[derive(Debug, thiserror::Error)]
#[error("more writes are waiting than can be taken in time")]
struct Overloaded;

/// The engine failed while the group was being written, so nothing of it was.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the group of writes was rolled back")]
struct RolledBack(#[source] Arc<sqlx::Error>);

enum Work {
    Commit(Box<Mutation>),
    TouchTokens(Vec<TokenUse>),
    AppendLogOnce(TenantId, Box<LogEntry>),
    PurgeTombstones(TenantId, Timestamp, u32),
    PurgeGroups(TenantId, u32),
    PurgeReceipts(Timestamp, u32),
    PurgeHistory(Purge),
    PurgeFindings(TenantId, Timestamp, u32),
    ClaimExaminations(Vec<Uuid>, Timestamp, Timestamp),
    DropItems(TenantId, DroppedItems),
    PurgeGuard(GuardPurge),
}

/// How a write ended.
enum Written {
    Commit(Commit),
    Rows(u64),
    Claimed(Vec<Claimed>),
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Result<Written, StorageError>>,
}

/// The writer's queue and its task.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    wait_max: Duration,
    stop: CancellationToken,
    task: TaskTracker,
}

impl Writer {
    pub fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        wait_max: Duration,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let (stop, task) = (CancellationToken::new(), TaskTracker::new());
        task.spawn(run(
            jobs,
            stop.clone(),
            Connection {
                open: Some(connection),
                options,
            },
        ));
        task.close();
        Self {
            queue,
            wait_max,
            stop,
            task,
        }
    }

    /// Takes no more, writes what was taken, and ends.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.task.wait().await;
    }

    async fn write(&self, work: Work) -> Result<Written, StorageError> {
        let (answer, answered) = oneshot::channel();
        match self
            .queue
            .send_timeout(Job { work, answer }, self.wait_max)
            .await
        {
            Ok(()) => answered.await.map_err(|_| StorageError::from(Stopped))?,
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                Err(StorageError::Unavailable(Overloaded.into()))
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(Stopped.into()),
        }
    }

    async fn rows(&self, work: Work) -> Result<u64, StorageError> {
        Ok(match self.write(work).await? {
            Written::Rows(rows) => rows,
            Written::Commit(_) | Written::Claimed(_) => 0,
        })
    }
}

impl Database {
    pub async fn commit(&self, mutation: Mutation) -> Result<Commit, StorageError> {
        Ok(
            match self.writer.write(Work::Commit(mutation.into())).await? {
                Written::Commit(commit) => commit,
                Written::Rows(_) | Written::Claimed(_) => Commit::Done,
            },
        )
    }

    pub async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StorageError> {
        self.writer
            .rows(Work::TouchTokens(uses.to_vec()))
            .await
            .map(drop)
    }

    pub async fn append_log_once(
        &self,
        tenant: TenantId,
        entry: LogEntry,
    ) -> Result<(), StorageError> {
        self.writer
            .rows(Work::AppendLogOnce(tenant, entry.into()))
            .await
            .map(drop)
    }

    pub async fn purge_tombstones(
        &self,
        tenant: TenantId,
        deleted_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        self.writer
            .rows(Work::PurgeTombstones(tenant, deleted_before, limit))
            .await
    }

    pub async fn purge_groups(&self, tenant: TenantId, limit: u32) -> Result<u64, StorageError> {
        self.writer.rows(Work::PurgeGroups(tenant, limit)).await
    }

    pub async fn purge_receipts(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.writer.rows(Work::PurgeReceipts(before, limit)).await
    }

    pub async fn purge_history(&self, purge: Purge) -> Result<u64, StorageError> {
        self.writer.rows(Work::PurgeHistory(purge)).await
    }

    pub async fn purge_findings(
        &self,
        tenant: TenantId,
        closed_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        self.writer
            .rows(Work::PurgeFindings(tenant, closed_before, limit))
            .await
    }

    pub async fn claim_examinations(
        &self,
        tenants: Vec<Uuid>,
        now: Timestamp,
        examined_until: Timestamp,
    ) -> Result<Vec<Claimed>, StorageError> {
        let work = Work::ClaimExaminations(tenants, now, examined_until);
        Ok(match self.writer.write(work).await? {
            Written::Claimed(claimed) => claimed,
            Written::Commit(_) | Written::Rows(_) => Vec::new(),
        })
    }

    pub async fn drop_items(
        &self,
        tenant: TenantId,
        dropped: &DroppedItems,
    ) -> Result<u64, StorageError> {
        self.writer
            .rows(Work::DropItems(tenant, dropped.clone()))
            .await
    }

    pub async fn purge_guard(&self, purge: &GuardPurge) -> Result<u64, StorageError> {
        self.writer.rows(Work::PurgeGuard(*purge)).await
    }
}

/// The writer's connection, opened anew after an error that leaves its state in doubt.
struct Connection {
    open: Option<SqliteConnection>,
    options: SqliteConnectOptions,
}

async fn run(mut jobs: mpsc::Receiver<Job>, stop: CancellationToken, mut connection: Connection) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    loop {
        tokio::select! {
            () = stop.cancelled(), if !jobs.is_closed() => jobs.close(),
            taken = jobs.recv_many(&mut group, GROUP_MAX) => match taken {
                0 => break,
                _ => write_group(&mut connection, &mut group).await,
            },
        }
    }
    if let Some(connection) = connection.open {
        // Closing checkpoints the WAL; if that fails, the next opening does.
        let _ = connection.close().await;
    }
}

/// Writes a group and answers each of it once the whole is durable. A fault of one write is that one's answer: the group is written again, with
/// each apart from the others. As long as there is none, that costs nothing.
async fn write_group(connection: &mut Connection, group: &mut Vec<Job>) {
    let mut written = connection.transaction(group, Isolation::None).await;
    if let Err(error) = &written
        && !is_outage(error)
    {
        tracing::debug!(
            writes = group.len(),
            "a write was refused, so its group is written again"
        );
        written = connection.transaction(group, Isolation::Savepoints).await;
    }
    match written {
        Ok(results) => {
            for (job, result) in group.drain(..).zip(results) {
                // A caller that went away has no use for the answer.
                let _ = job.answer.send(result.map_err(StorageError::from));
            }
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                writes = group.len(),
                "a group of writes was rolled back"
            );
            let error = RolledBack(error.into());
            for job in group.drain(..) {
                let _ = job
                    .answer
                    .send(Err(StorageError::Unavailable(error.clone().into())));
            }
        }
    }
}

/// What becomes of the others of a group when one write is refused.
#[derive(Clone, Copy)]
enum Isolation {
    /// All are rolled back.
    None,
    /// They are written.
    Savepoints,
}

/// How each write of a group ended.
type Results = Vec<Result<Written, sqlx::Error>>;

impl Connection {
    async fn transaction(
        &mut self,
        group: &[Job],
        isolation: Isolation,
    ) -> Result<Results, sqlx::Error> {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let results = transaction(&mut connection, group, isolation).await;
        // Kept only when its state is known: else, closing the connection rolls back.
        let known = match &results {
            Ok(_) => true,
            Err(error) if is_outage(error) => false,
            Err(_) => execute(&mut connection, "ROLLBACK").await.is_ok(),
        };
        if known {
            self.open = Some(connection);
        }
        results
    }
}

/// IMMEDIATE takes the write lock at once; a transaction that begins by reading could be refused it later.
async fn transaction(
    connection: &mut SqliteConnection,
    group: &[Job],
    isolation: Isolation,
) -> Result<Results, sqlx::Error> {
    execute(connection, "BEGIN IMMEDIATE").await?;
    let mut results = Vec::with_capacity(group.len());
    for job in group {
        results.push(match isolation {
            Isolation::None => Ok(apply(connection, &job.work).await?),
            Isolation::Savepoints => apply_apart(connection, &job.work).await?,
        });
    }
    execute(connection, "COMMIT").await?;
    Ok(results)
}

/// Applies a write or, when it is refused, nothing of it. The outer error is the engine's.
async fn apply_apart(
    connection: &mut SqliteConnection,
    work: &Work,
) -> Result<Result<Written, sqlx::Error>, sqlx::Error> {
    execute(connection, "SAVEPOINT work").await?;
    let result = apply(connection, work).await;
    match &result {
        Ok(_) => {}
        Err(error) if is_outage(error) => return result.map(Ok),
        Err(_) => execute(connection, "ROLLBACK TO work").await?,
    }
    execute(connection, "RELEASE work").await?;
    Ok(result)
}

async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

async fn apply(connection: &mut SqliteConnection, work: &Work) -> Result<Written, sqlx::Error> {
    Ok(match work {
        Work::Commit(mutation) => Written::Commit(statements::apply(connection, mutation).await?),
        Work::TouchTokens(uses) => tokens::touch(connection, uses)
            .await
            .map(|()| Written::Rows(0))?,
        Work::AppendLogOnce(tenant, entry) => {
            statements::append_log_once(connection, *tenant, entry)
                .await
                .map(|()| Written::Rows(0))?
        }
        Work::PurgeTombstones(tenant, before, limit) => {
            Written::Rows(statements::purge_tombstones(connection, *tenant, *before, *limit).await?)
        }
        Work::DropItems(tenant, dropped) => {
            Written::Rows(guard::drop_items(connection, *tenant, dropped).await?)
        }
        Work::PurgeGuard(purge) => Written::Rows(guard::purge(connection, purge).await?),
        Work::PurgeHistory(purge) => Written::Rows(history::purge!(*purge, connection)?),
        Work::PurgeFindings(tenant, before, limit) => {
            Written::Rows(findings::purge(connection, *tenant, *before, *limit).await?)
        }
        Work::ClaimExaminations(tenants, now, examined_until) => Written::Claimed(
            findings::claim_examinations(connection, tenants, *now, *examined_until).await?,
        ),
        Work::PurgeGroups(tenant, limit) => {
            Written::Rows(groups::purge(connection, *tenant, *limit).await?)
        }
        Work::PurgeReceipts(before, limit) => {
            Written::Rows(statements::purge_receipts(connection, *before, *limit).await?)
        }
    })
}
