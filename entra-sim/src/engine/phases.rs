//! The only place that exports many objects at once and books what came of each.

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::{Engine, Observer};
use crate::connection::Escrow;
use crate::error_code::{ErrorCode, Refusal, Stop};
use crate::event::{Event, Phase};
use crate::export::{self, Effect, Exported, Job, ReadBy};
use crate::reference::{self, ReferenceJob};
use crate::report::{ProvisioningLogEntry, Status};
use crate::scenario::{CycleKind, FlagMode};

/// The exports of one phase.
struct Results {
    /// By the position of their user, with the time of their end.
    done: Vec<(usize, Timestamp, Exported)>,
    /// So many were not begun because the cycle is to end.
    not_attempted: usize,
}

impl Engine {
    /// Exports users; bounded concurrency, one request at a time for each. An error ends the cycle.
    pub(super) async fn export_users(
        &mut self,
        kind: CycleKind,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let selected = self.select(kind);
        let read_by = match kind {
            CycleKind::Full => ReadBy::Match,
            CycleKind::Incremental => ReadBy::Id,
        };
        let cycle = self.current();
        cycle.objects = selected.len();
        self.export_selected(&selected, Phase::Users, read_by, self.flag, observer)
            .await
    }

    /// Provision on demand: users one after another, their managers at once, always in the form without the flag.
    pub(super) async fn export_on_demand(
        &mut self,
        selected: &[usize],
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        if selected.is_empty() {
            return Ok(());
        }
        self.current().on_demand += selected.len();
        let phase = Phase::OnDemand;
        self.export_selected(selected, phase, ReadBy::Match, FlagMode::Off, observer)
            .await?;
        self.export_selected_references(selected, phase, FlagMode::Off, true, observer)
            .await
    }

    /// Exports the managers that differ.
    pub(super) async fn export_references(
        &mut self,
        kind: CycleKind,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let everybody: Vec<usize> = (0..self.connections.len()).collect();
        let retry_all = kind == CycleKind::Full;
        self.export_selected_references(
            &everybody,
            Phase::References,
            self.flag,
            retry_all,
            observer,
        )
        .await
    }

    /// Which users the cycle looks at. What is of no interest any more leaves the escrow.
    fn select(&mut self, kind: CycleKind) -> Vec<usize> {
        let mut selected = Vec::new();
        for index in 0..self.connections.len() {
            if !self.is_relevant(index) {
                let connection = &mut self.connections[index];
                connection.escrow = None;
                connection.reference_escrow = None;
                connection.last_error = None;
                continue;
            }
            let connection = &self.connections[index];
            let changed = connection.seen_revision != Some(self.directory.users()[index].revision);
            let due = connection
                .escrow
                .is_some_and(|escrow| escrow.is_due(self.tick));
            if kind == CycleKind::Full || changed || due {
                selected.push(index);
            }
        }
        selected
    }

    async fn export_selected(
        &mut self,
        selected: &[usize],
        phase: Phase,
        read_by: ReadBy,
        flag: FlagMode,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let this = &*self;
        let jobs = selected.iter().copied().map(|index| {
            let job = Job {
                user: &this.directory.users()[index],
                connection: &this.connections[index],
                read_by,
                flag,
                tick: this.tick,
            };
            let export = async move { export::export(&this.client, &job).await };
            (index, export.boxed())
        });
        let results = this.drive(jobs, selected.len(), phase, observer).await;
        self.book(results, observer)
    }

    async fn export_selected_references(
        &mut self,
        selected: &[usize],
        phase: Phase,
        flag: FlagMode,
        retry_all: bool,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let tick = self.tick;
        let waits = |escrow: Escrow| !retry_all && !escrow.is_due(tick);
        let mut needed = Vec::new();
        for index in selected.iter().copied() {
            let connection = &self.connections[index];
            if connection.reference_escrow.is_some_and(waits) {
                continue;
            }
            let user = &self.directory.users()[index];
            let wanted = reference::wanted(user, &self.connections);
            match reference::needed(user, connection, wanted) {
                Some(change) => needed.push((index, change)),
                None => self.connections[index].forget_reference_failure(),
            }
        }
        let this = &*self;
        let count = needed.len();
        let jobs = needed.into_iter().map(|(index, change)| {
            let job = ReferenceJob {
                user: &this.directory.users()[index],
                connection: &this.connections[index],
                change,
                flag,
                tick,
            };
            let export = async move { reference::export(&this.client, &job).await };
            (index, export.boxed())
        });
        let results = this.drive(jobs, count, phase, observer).await;
        self.book(results, observer)
    }

    /// Runs exports, so many at a time, and tells of each when it is through. Begins none once the cycle is to end.
    async fn drive<'a>(
        &'a self,
        jobs: impl Iterator<Item = (usize, BoxFuture<'a, Exported>)> + Send,
        count: usize,
        phase: Phase,
        observer: Observer<'_>,
    ) -> Results {
        let cycle = self.number();
        observer(&Event::PhaseStarted {
            cycle,
            phase,
            objects: count,
        });
        let mut jobs = jobs;
        let mut running = FuturesUnordered::new();
        let mut done = Vec::with_capacity(count);
        let mut is_over = false;
        loop {
            while !is_over && running.len() < self.concurrency() {
                let Some((index, export)) = jobs.next() else {
                    break;
                };
                running.push(async move { (index, export.await) });
            }
            let Some((index, exported)) = running.next().await else {
                break;
            };
            is_over |= exported.stop.is_some() || self.client.seems_down();
            observer(&Event::ObjectDone {
                cycle,
                phase,
                object_id: self.directory.users()[index].object_id,
                action: exported.action,
                status: exported.status,
                error_code: exported.error_code,
            });
            done.push((index, self.now(), exported));
        }
        // The log is read by object, and must not depend on who answered first.
        done.sort_by_key(|(index, ..)| *index);
        Results {
            not_attempted: count - done.len(),
            done,
        }
    }

    /// Takes over what the exports learnt, counts and logs them. An error ends the cycle.
    fn book(&mut self, results: Results, observer: Observer<'_>) -> Result<(), Refusal> {
        let mut stop = None;
        for (index, time, exported) in results.done {
            self.tell_of_retry(index, &exported, observer);
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
            let linked = exported
                .connection
                .link
                .as_ref()
                .or(self.connections[index].link.as_ref());
            self.report.log.push(ProvisioningLogEntry {
                time,
                cycle: self.number(),
                action: exported.action,
                source_id: Some(self.directory.users()[index].object_id),
                source_name: Some(self.directory.users()[index].user_principal_name.clone()),
                target_id: linked.map(|link| link.scim_id.clone()),
                status: exported.status,
                error_code: exported.error_code,
                detail: exported.detail,
                changed_properties: exported.changed,
            });
            self.report.ledger.writes.extend(exported.writes);
            self.connections[index] = exported.connection;
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

    fn tell_of_retry(&self, index: usize, exported: &Exported, observer: Observer<'_>) {
        let before = &self.connections[index];
        let after = &exported.connection;
        for (before, after) in [
            (before.escrow, after.escrow),
            (before.reference_escrow, after.reference_escrow),
        ] {
            if let (Some(escrow), true) = (after, before != after) {
                observer(&Event::RetryScheduled {
                    cycle: self.number(),
                    object_id: self.directory.users()[index].object_id,
                    attempts: escrow.attempts,
                    after_cycles: escrow.due_tick - self.tick,
                });
            }
        }
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
            None => {}
        }
        cycle.matched += usize::from(exported.matched);
        cycle.patches += usize::from(exported.patched);
        cycle.repeated_patches += usize::from(exported.repeated);
    }
}
