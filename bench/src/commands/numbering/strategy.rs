//! The ways of numbering, and one turn of each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use super::one_writer::{self, Batch, Job};
use super::sequencer::Sequencer;
use super::statements::{UPDATE, UPDATE_COUNTED};
use super::tenant::Tenant;
use crate::measure::{self, Latencies, Sample};

/// Mutations that wait for the one writer at most.
const QUEUE_MAX: usize = 1024;
/// What is left when the writers stop must be done within this time.
const DRAIN_MAX: Duration = Duration::from_mins(1);
/// Between two steps of a sequencer that takes its time. The longer one is the service's.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];

/// A way of numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The mutation's own statement counts up the tenant's row.
    Counter,
    /// The change is written without a number; one task numbers what is committed, with a pause between its steps.
    Sequencer(Duration),
    /// One writer takes the numbers for all that wait.
    OneWriter(Batch),
}

impl Strategy {
    /// In the order of a round; the first is what the others are compared with.
    pub const ALL: [Self; 6] = [
        Self::Counter,
        Self::Sequencer(Duration::ZERO),
        Self::Sequencer(PAUSES[0]),
        Self::Sequencer(PAUSES[1]),
        Self::OneWriter(Batch::Statements),
        Self::OneWriter(Batch::OneStatement),
    ];

    /// What it is called in the table.
    pub fn name(self) -> String {
        match self {
            Self::Counter => "counter row in the statement".to_owned(),
            Self::Sequencer(Duration::ZERO) => "sequencer, step after step".to_owned(),
            Self::Sequencer(pause) => format!("sequencer, {pause:?} between steps"),
            Self::OneWriter(Batch::Statements) => "one writer, statement by statement".to_owned(),
            Self::OneWriter(Batch::OneStatement) => "one writer, one statement a batch".to_owned(),
        }
    }
}

/// What a turn gave.
pub struct Turn {
    /// From a request to its durable answer.
    pub answered: Sample,
    /// From a request until its change has a number.
    pub numbered: Latencies,
}

/// Lets the writers work for a time, and then the numbering come to its end.
pub async fn turn(
    strategy: Strategy,
    pool: &PgPool,
    tenant: &Tenant,
    writers: u32,
    duration: Duration,
) -> Result<Turn> {
    let mut background = JoinSet::new();
    let (turn, numbered) = match strategy {
        Strategy::Counter => (
            write(Writer::Counting(pool.clone()), tenant, writers, duration).await?,
            None,
        ),
        Strategy::Sequencer(pause) => {
            let sequencer = Arc::new(Sequencer::default());
            let (its_pool, its_tenant, its) =
                (pool.clone(), tenant.clone(), Arc::clone(&sequencer));
            background.spawn(async move { its.run(&its_pool, &its_tenant, pause).await.map(Some) });
            let answered = write(
                Writer::Unnumbered(pool.clone(), Arc::clone(&sequencer)),
                tenant,
                writers,
                duration,
            )
            .await?;
            sequencer.finish();
            (answered, finish(background).await?)
        }
        Strategy::OneWriter(batch) => {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            let (its_pool, its_tenant) = (pool.clone(), tenant.clone());
            background.spawn(async move {
                one_writer::run(&its_pool, &its_tenant, batch, jobs)
                    .await
                    .map(|()| None)
            });
            let answered = write(Writer::Queued(queue), tenant, writers, duration).await?;
            (answered, finish(background).await?)
        }
    };
    let numbered = numbered.unwrap_or_else(|| turn.latencies.clone());
    ensure!(
        numbered.count() == turn.latencies.count(),
        "each answered mutation is numbered once"
    );
    Ok(Turn {
        answered: turn,
        numbered,
    })
}

async fn finish(mut background: JoinSet<Result<Option<Latencies>>>) -> Result<Option<Latencies>> {
    let joined = timeout(DRAIN_MAX, background.join_next())
        .await
        .context("the numbering does not keep up")?;
    joined.expect("one task was spawned")?
}

async fn write(
    writer: Writer,
    tenant: &Tenant,
    writers: u32,
    duration: Duration,
) -> Result<Sample> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let (writer, tenant) = (writer.clone(), tenant.clone());
        tasks.spawn(async move {
            let mut answered = Latencies::new();
            while started.elapsed() < duration {
                let account = tenant.random_account();
                let begun = Instant::now();
                writer.update(&tenant, account).await?;
                answered.record(begun.elapsed());
            }
            anyhow::Ok(answered)
        });
    }
    // The one writer ends when the last of its senders is gone.
    drop(writer);
    let parts = timeout(duration + DRAIN_MAX, tasks.join_all())
        .await
        .context("the writers hang")?;
    Ok(measure::sample(
        started,
        parts.into_iter().collect::<Result<Vec<_>>>()?,
    ))
}

/// A writer's way to the database.
#[derive(Clone)]
enum Writer {
    Counting(PgPool),
    Unnumbered(PgPool, Arc<Sequencer>),
    Queued(mpsc::Sender<Job>),
}

impl Writer {
    async fn update(&self, tenant: &Tenant, account: Uuid) -> Result<()> {
        let change = tenant.ids.id();
        match self {
            Self::Counting(pool) => {
                let update = sqlx::query(UPDATE_COUNTED)
                    .bind(tenant.id)
                    .bind(account)
                    .bind(tenant.ids.now_us());
                update
                    .bind(tenant.ids.id())
                    .bind(change)
                    .execute(pool)
                    .await?;
            }
            Self::Unnumbered(pool, sequencer) => {
                sequencer.begin(change);
                let update = sqlx::query(UPDATE)
                    .bind(tenant.id)
                    .bind(account)
                    .bind(tenant.ids.now_us());
                update
                    .bind(tenant.ids.id())
                    .bind(change)
                    .bind(None::<i64>)
                    .execute(pool)
                    .await?;
                sequencer.written();
            }
            Self::Queued(queue) => {
                let (done, answer) = oneshot::channel();
                queue
                    .send(Job {
                        account,
                        change,
                        done,
                    })
                    .await
                    .context("the one writer has ended")?;
                answer.await.context("the one writer has ended")?;
            }
        }
        Ok(())
    }
}
