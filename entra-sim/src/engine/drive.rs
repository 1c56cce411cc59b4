//! The only place that exports many objects at once and counts and logs what came of each.

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::{Engine, Observer};
use crate::connection::Escrow;
use crate::connections::Object;
use crate::directory::ObjectId;
use crate::error_code::{ErrorCode, Refusal, Stop};
use crate::event::{Event, Phase};
use crate::export::{Effect, Exported};
use crate::report::{ProvisioningLogEntry, Status};

/// One export, not begun.
pub(super) struct Task<'a, K> {
    /// By which the phase knows it; the log is in its order.
    pub(super) key: K,
    pub(super) object_id: ObjectId,
    pub(super) export: BoxFuture<'a, Exported>,
}

/// The exports of one phase.
pub(super) struct Results<K> {
    /// With the time of their end.
    done: Vec<(K, Timestamp, Exported)>,
    /// So many were not begun because the cycle is to end.
    not_attempted: usize,
}

/// What was taken over of one export.
pub(super) struct Taken {
    pub(super) object: Object,
    /// The account or group that it was about, also when it is gone by now.
    pub(super) target_id: Option<String>,
    /// The escrow that it came into.
    pub(super) escrow: Option<Escrow>,
}

impl Engine {
    /// Runs exports, so many at a time, and tells of each when it is through. Begins none once the cycle is to end.
    pub(super) async fn drive<'a, K: Copy + Ord>(
        &'a self,
        tasks: impl Iterator<Item = Task<'a, K>> + Send,
        count: usize,
        phase: Phase,
        observer: Observer<'_>,
    ) -> Results<K>
    where
        K: Send + Sync,
    {
        let cycle = self.number();
        observer(&Event::PhaseStarted {
            cycle,
            phase,
            objects: count,
        });
        let mut tasks = tasks;
        let mut running = FuturesUnordered::new();
        let mut done = Vec::with_capacity(count);
        let mut is_over = false;
        loop {
            while !is_over && running.len() < self.concurrency() {
                let Some(task) = tasks.next() else {
                    break;
                };
                running.push(async move { (task.key, task.object_id, task.export.await) });
            }
            let Some((key, object_id, exported)) = running.next().await else {
                break;
            };
            is_over |= exported.stop.is_some() || self.client.seems_down();
            observer(&Event::ObjectDone {
                cycle,
                phase,
                object_id,
                action: exported.action,
                status: exported.status,
                error_code: exported.error_code,
            });
            done.push((key, self.now(), exported));
        }
        // The log is read by object, and must not depend on who answered first.
        done.sort_by_key(|(key, ..)| *key);
        Results {
            not_attempted: count - done.len(),
            done,
        }
    }

    /// Takes over what the exports learnt, counts and logs them. `take` keeps what one has learnt. An error ends
    /// the cycle.
    pub(super) fn book<K>(
        &mut self,
        results: Results<K>,
        observer: Observer<'_>,
        take: impl Fn(&mut Self, K, &Exported) -> Taken,
    ) -> Result<(), Refusal> {
        let mut stop = None;
        for (key, time, mut exported) in results.done {
            if let (Some(reason), None) = (&exported.stop, &stop) {
                stop = Some(Refusal {
                    code: exported
                        .error_code
                        .unwrap_or(ErrorCode::WebExceptionProtocolError),
                    detail: exported.detail.clone(),
                    stop: Some(reason.clone()),
                    ambiguous: false,
                });
            }
            self.count(&exported);
            let writes = std::mem::take(&mut exported.writes);
            self.report.ledger.writes.extend(writes);
            let taken = take(self, key, &exported);
            self.tell_of_retry(&taken, observer);
            self.log(taken, time, exported);
        }
        self.current().not_attempted += results.not_attempted;
        if stop.is_none() && results.not_attempted > 0 {
            stop = Some(Refusal {
                stop: Some(Stop::Unavailable),
                ..Refusal::of(
                    ErrorCode::WebExceptionProtocolError,
                    "the server is unreachable",
                )
            });
        }
        stop.map_or(Ok(()), Err)
    }

    fn tell_of_retry(&self, taken: &Taken, observer: Observer<'_>) {
        if let Some(escrow) = taken.escrow {
            observer(&Event::RetryScheduled {
                cycle: self.number(),
                object_id: self.source(taken.object).object_id,
                attempts: escrow.attempts,
                after_cycles: escrow.due_tick - self.tick,
            });
        }
    }

    fn log(&mut self, taken: Taken, time: Timestamp, exported: Exported) {
        let source = self.source(taken.object);
        let entry = ProvisioningLogEntry {
            time,
            cycle: self.number(),
            action: exported.action,
            source_type: Some(source.object_type),
            source_id: Some(source.object_id),
            source_name: Some(source.name),
            target_id: taken.target_id,
            status: exported.status,
            error_code: exported.error_code,
            detail: exported.detail,
            changed_properties: exported.changed,
        };
        self.report.log.push(entry);
    }

    fn count(&mut self, exported: &Exported) {
        let cycle = self.current();
        match exported.status {
            Status::Success => {}
            Status::Failure => cycle.errors += 1,
            Status::Skipped => cycle.skipped += 1,
        }
        match exported.effect {
            Some(Effect::Created) => cycle.created += 1,
            Some(Effect::Updated) => cycle.updated += 1,
            Some(Effect::Disabled) => cycle.disabled += 1,
            Some(Effect::Enabled) => cycle.enabled += 1,
            Some(Effect::Deleted) => cycle.deleted += 1,
            Some(Effect::Referenced) => cycle.references += 1,
            Some(Effect::MemberChanged) => cycle.memberships += 1,
            None => {}
        }
        cycle.matched += usize::from(exported.matched);
        cycle.patches += usize::from(exported.patched);
        cycle.repeated_patches += usize::from(exported.repeated);
    }
}
