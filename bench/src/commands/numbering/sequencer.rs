//! Numbers what has been committed, beside the writers.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::sleep;
use uuid::Uuid;

use super::statements::{NUMBER, PENDING};
use super::tenant::Tenant;
use crate::measure::Latencies;

/// Changes numbered in one step at most.
const STEP_MAX: i64 = 1000;

/// What writers tell the sequencer.
#[derive(Default)]
pub struct Sequencer {
    /// When each mutation without a number was begun, by its change.
    begun: Mutex<HashMap<Uuid, Instant>>,
    written: Notify,
    finished: AtomicBool,
}

impl Sequencer {
    /// A mutation begins.
    pub fn begin(&self, change: Uuid) {
        self.begun
            .lock()
            .expect("no holder panics")
            .insert(change, Instant::now());
    }

    /// A mutation has been answered.
    pub fn written(&self) {
        self.written.notify_one();
    }

    /// There will be no more mutations.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::Release);
        self.written.notify_one();
    }

    /// Numbers step after step until all is numbered and nothing more comes; tells how long each change waited.
    pub async fn run(&self, pool: &PgPool, tenant: &Tenant, pause: Duration) -> Result<Latencies> {
        let mut waited = Latencies::new();
        loop {
            // Read before the step, which then sees all that was written before.
            let finished = self.finished.load(Ordering::Acquire);
            let numbered = step(pool, tenant).await?;
            for change in &numbered {
                if let Some(begun) = self.begun.lock().expect("no holder panics").remove(change) {
                    waited.record(begun.elapsed());
                }
            }
            if !numbered.is_empty() {
                sleep(pause).await;
            } else if finished {
                return Ok(waited);
            } else {
                self.written.notified().await;
            }
        }
    }
}

/// Numbers what is pending now.
async fn step(pool: &PgPool, tenant: &Tenant) -> Result<Vec<Uuid>> {
    let pending: Vec<(Uuid, i64)> = sqlx::query_as(PENDING)
        .bind(tenant.id)
        .bind(STEP_MAX)
        .fetch_all(pool)
        .await?;
    let Some((_, head)) = pending.first().copied() else {
        return Ok(Vec::new());
    };
    let ids: Vec<Uuid> = pending.into_iter().map(|(id, _)| id).collect();
    let numbered = sqlx::query(NUMBER)
        .bind(tenant.id)
        .bind(head)
        .bind(&ids)
        .execute(pool)
        .await?
        .rows_affected();
    ensure!(
        usize::try_from(numbered) == Ok(ids.len()),
        "nobody else numbers the changes of this tenant"
    );
    Ok(ids)
}
