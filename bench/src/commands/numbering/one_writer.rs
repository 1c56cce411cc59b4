//! One task that writes for all: what waits is one transaction, so one flush and one step of the head.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::statements::{HEAD_LOCK, HEAD_SET, UPDATE, UPDATE_BATCH};
use super::tenant::Tenant;

/// Mutations in one transaction at most.
const BATCH_MAX: usize = 256;

/// A mutation that waits.
pub struct Job {
    /// Whose update.
    pub account: Uuid,
    /// The id of its change.
    pub change: Uuid,
    /// Told when it is durable.
    pub done: oneshot::Sender<()>,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// A transaction with a statement for each mutation.
    Statements,
    /// One statement for all of them.
    OneStatement,
}

/// Writes until nobody can send any more.
pub async fn run(
    pool: &PgPool,
    tenant: &Tenant,
    batch: Batch,
    mut queue: mpsc::Receiver<Job>,
) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() && queue.recv_many(&mut waiting, BATCH_MAX).await == 0 {
            return Ok(());
        }
        while waiting.len() < BATCH_MAX
            && let Ok(job) = queue.try_recv()
        {
            waiting.push(job);
        }
        let (jobs, later) = distinct(waiting);
        match batch {
            Batch::Statements => write_each(&mut connection, tenant, &jobs).await?,
            Batch::OneStatement => write_all(&mut connection, tenant, &jobs).await?,
        }
        for job in jobs {
            // A writer that has gone does not want to know.
            let _ = job.done.send(());
        }
        waiting = later;
    }
}

/// The second update of an account has to wait for the next batch: a statement sees a row once.
fn distinct(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let mut accounts = HashSet::new();
    jobs.into_iter()
        .partition(|job| accounts.insert(job.account))
}

async fn write_each(connection: &mut PgConnection, tenant: &Tenant, jobs: &[Job]) -> Result<()> {
    let mut transaction = connection.begin().await?;
    let mut head: i64 = sqlx::query_scalar(HEAD_LOCK)
        .bind(tenant.id)
        .fetch_one(&mut *transaction)
        .await?;
    for job in jobs {
        head += 1;
        let update = sqlx::query(UPDATE)
            .bind(tenant.id)
            .bind(job.account)
            .bind(tenant.ids.now_us())
            .bind(tenant.ids.id())
            .bind(job.change)
            .bind(head);
        ensure!(
            update.execute(&mut *transaction).await?.rows_affected() == 1,
            "the account exists"
        );
    }
    sqlx::query(HEAD_SET)
        .bind(tenant.id)
        .bind(head)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn write_all(connection: &mut PgConnection, tenant: &Tenant, jobs: &[Job]) -> Result<()> {
    let update = sqlx::query(UPDATE_BATCH)
        .bind(tenant.id)
        .bind(jobs.iter().map(|job| job.account).collect::<Vec<_>>())
        .bind(tenant.ids.now_us())
        .bind(jobs.iter().map(|_| tenant.ids.id()).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.change).collect::<Vec<_>>());
    let written = update.execute(connection).await?.rows_affected();
    ensure!(
        usize::try_from(written) == Ok(jobs.len()),
        "the accounts exist"
    );
    Ok(())
}
