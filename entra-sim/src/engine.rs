//! The only place for the order of things: cycles one after another, and the parts of a cycle.

mod drive;
mod job;
mod phases;

use std::time::{Duration, Instant};

pub use self::job::{JobRunning, ResetScope, UnknownResetScope};

use crate::changes;
use crate::client::ScimClient;
use crate::connections::{Connections, Object};
use crate::directory::{Directory, ObjectType};
use crate::error_code::{ErrorCode, Refusal, Step, Stop};
use crate::event::{Event, Phase};
use crate::export::{expect_success, hits};
use crate::population::{self, Stream};
use crate::quarantine::{self, Quarantine};
use crate::report::{Action, CycleReport, ObjectInError, ProvisioningLogEntry, Report, Status};
use crate::scenario::{Changes, CycleKind, CyclePlan, FlagMode, Scenario};
use crate::source::{Source, Standing};
use crate::target::{Target, TargetError};

/// Who is told of events.
pub(crate) type Observer<'o> = &'o mut (dyn FnMut(&Event) + Send);

/// First pause between two tries to reach a server that is gone; it doubles up to the second.
const OUTAGE_PAUSE: Duration = Duration::from_millis(50);
const OUTAGE_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Entra's provisioning engine, with a directory of its own.
pub struct Engine {
    client: ScimClient,
    flag: FlagMode,
    scenario: Scenario,
    directory: Directory,
    connections: Connections,
    report: Report,
    began: Instant,
    /// Cycles planned by the scenario that have run.
    played: usize,
    /// Counts the intervals of 40 minutes; jumps ahead when nothing is to do but wait for an escrow.
    tick: u32,
    /// A full cycle ended early, or the job was restarted or its mapping changed: the next one is full.
    full_pending: bool,
    is_paused: bool,
    /// The server has answered a probe before: worth waiting for.
    was_up: bool,
    quarantine_tries: u32,
}

impl Engine {
    /// An engine before its first cycle.
    pub fn new(target: Target, scenario: Scenario) -> Result<Self, TargetError> {
        let mut directory = population::populate(scenario.users, &scenario.domain, scenario.seed);
        population::populate_groups(&mut directory, scenario.groups, scenario.seed);
        Self::with_directory(target, scenario, directory)
    }

    /// An engine over a directory made elsewhere; the scenario's `users` and `groups` are not used.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the engine is the target's only user"
    )]
    pub fn with_directory(
        target: Target,
        scenario: Scenario,
        directory: Directory,
    ) -> Result<Self, TargetError> {
        Ok(Self {
            client: ScimClient::new(&target, &scenario)?,
            flag: if target.has_flag() {
                FlagMode::On
            } else {
                scenario.flag
            },
            scenario,
            directory,
            connections: Connections::default(),
            report: Report::default(),
            began: Instant::now(),
            played: 0,
            tick: 0,
            full_pending: false,
            is_paused: false,
            was_up: false,
            quarantine_tries: 0,
        })
    }

    /// Goes on against another URL or token: the server moved, or its token was regenerated. Links stay.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the engine is the target's only user"
    )]
    pub fn retarget(&mut self, target: Target) -> Result<(), TargetError> {
        self.client = ScimClient::new(&target, &self.scenario)?;
        Ok(())
    }

    /// Plays all planned cycles, and more until nothing waits in escrow or the scenario's bound is reached. Ends at once when the
    /// server refuses to be tested before anything was linked: the URL or the token is wrong, and no later cycle would do better.
    pub async fn run(&mut self, observer: Observer<'_>) -> &Report {
        while let Some(plan) = self.scenario.cycles.get(self.played) {
            // A quiet last cycle proves that nothing drifts; what failed before is mended first.
            if plan.is_quiet() && self.played + 1 == self.scenario.cycles.len() && self.played > 0 {
                self.settle(observer).await;
            }
            self.next_cycle(observer).await;
            if self.never_connected() {
                return &self.report;
            }
        }
        self.settle(observer).await;
        &self.report
    }

    /// Whether the last probe failed and no object was ever linked.
    pub fn never_connected(&self) -> bool {
        !self.was_up
            && self
                .connections
                .iter()
                .all(|connection| connection.link.is_none())
    }

    /// Plays the next planned cycle; none when the plan is through.
    pub async fn next_cycle(&mut self, observer: Observer<'_>) -> Option<&CycleReport> {
        let plan = *self.scenario.cycles.get(self.played)?;
        self.played += 1;
        self.cycle(plan, observer).await;
        self.report.cycles.last()
    }

    /// Plays cycles without changes until nothing waits, the bound is reached or the server is gone.
    pub async fn settle(&mut self, observer: Observer<'_>) {
        for _ in 0..self.scenario.settle_cycles_max {
            let Some(due) = self.next_due() else { return };
            // In between Entra would run cycles that send nothing but the probe.
            self.tick = self.tick.max(due.saturating_sub(1));
            let plan = CyclePlan {
                kind: CycleKind::Incremental,
                ..CyclePlan::QUIET
            };
            self.cycle(plan, observer).await;
            if self.report.quarantined.is_some() {
                return;
            }
        }
    }

    /// Plays one cycle that the scenario does not plan.
    pub async fn cycle(&mut self, plan: CyclePlan, observer: Observer<'_>) -> &CycleReport {
        let start = Instant::now();
        let requests = self.client.requests();
        let full = self.full_pending || plan.kind == CycleKind::Full;
        let kind = if full {
            CycleKind::Full
        } else {
            CycleKind::Incremental
        };
        self.tick += 1;
        let number = self.number() + 1;
        self.report.cycles.push(CycleReport {
            number,
            kind: Some(kind),
            ..CycleReport::default()
        });
        let planned = self.scenario.cycles.len();
        observer(&Event::CycleStarted {
            cycle: number,
            planned,
            kind,
        });

        let changed = self.change(&plan.changes, number);
        let ended = self.parts(kind, &changed, plan.on_demand, observer).await;
        let stop = ended.err();
        self.full_pending = full && stop.is_some();
        self.judge(stop.as_ref(), observer);
        self.list_errors();

        let requests = self.client.requests() - requests;
        let escrows = self.connections.escrows();
        let escrowed = escrows.chain(self.connections.reference_escrows()).count();
        let cycle = self.current();
        cycle.requests = requests;
        cycle.escrowed = escrowed;
        cycle.duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        cycle.stopped = stop.map(|refusal| format!("{}: {}", refusal.code, refusal.detail));
        observer(&Event::CycleFinished(cycle.clone()));
        self.current()
    }

    /// The parts of a cycle, in order; an error when it ended early.
    async fn parts(
        &mut self,
        kind: CycleKind,
        changed: &[usize],
        on_demand: usize,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        if self.is_paused {
            return Err(Refusal::paused());
        }
        self.probe(observer).await?;
        let on_demand: Vec<usize> = changed
            .iter()
            .copied()
            // New users come last; restored ones come first, and provision on demand cannot restore.
            .rev()
            .filter(|index| self.directory.users()[*index].is_active())
            .take(on_demand)
            .collect();
        self.export_on_demand(&on_demand, observer).await?;
        self.export_objects(ObjectType::User, kind, observer)
            .await?;
        let has_groups = !self.directory.groups().is_empty();
        if has_groups {
            self.export_objects(ObjectType::Group, kind, observer)
                .await?;
        }
        self.export_references(kind, observer).await?;
        if has_groups {
            self.export_members(kind, observer).await?;
        }
        Ok(())
    }

    /// What happened so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What happened, for good.
    pub fn into_report(self) -> Report {
        self.report
    }

    /// The simulated directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The simulated directory, for changes no scenario makes.
    pub fn directory_mut(&mut self) -> &mut Directory {
        &mut self.directory
    }

    /// The account a user is linked to: its SCIM id.
    pub fn linked(&self, index: usize) -> Option<&str> {
        let link = self.connections.users.get(index)?.link.as_ref()?;
        Some(&link.scim_id)
    }

    /// The group on the server that a group is linked to: its SCIM id.
    pub fn linked_group(&self, index: usize) -> Option<&str> {
        let link = self.connections.groups.get(index)?.link.as_ref()?;
        Some(&link.scim_id)
    }

    pub(crate) fn client(&self) -> &ScimClient {
        &self.client
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// An object as the mapping sees it.
    pub(crate) fn source(&self, object: Object) -> Source {
        let mapping = &self.scenario.mapping;
        match object.object_type {
            ObjectType::User => Source::of_user(&self.directory.users()[object.index], mapping),
            ObjectType::Group => Source::of_group(&self.directory.groups()[object.index], mapping),
        }
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.scenario.concurrency.max(1)
    }

    fn number(&self) -> u32 {
        self.report.cycles.last().map_or(0, |cycle| cycle.number)
    }

    fn current(&mut self) -> &mut CycleReport {
        self.report
            .cycles
            .last_mut()
            .expect("a cycle begins with its report")
    }

    fn change(&mut self, shares: &Changes, number: u32) -> Vec<usize> {
        let Scenario {
            seed, ref domain, ..
        } = self.scenario;
        let changed = changes::apply(&mut self.directory, shares, number, seed, domain);
        changes::groups::apply(&mut self.directory, shares, number, seed);
        self.connections.cover(&self.directory);
        changed
    }

    /// The credential check, repeated while a server that was up before is gone.
    async fn probe(&mut self, observer: Observer<'_>) -> Result<(), Refusal> {
        self.connections.cover(&self.directory);
        let cycle = self.number();
        observer(&Event::PhaseStarted {
            cycle,
            phase: Phase::Probe,
            objects: 1,
        });
        let patience = if self.was_up {
            self.scenario.outage_patience
        } else {
            Duration::ZERO
        };
        let deadline = Instant::now() + patience;
        let mut pause = OUTAGE_PAUSE;
        loop {
            let result = self.probe_once(cycle).await;
            let gone = matches!(&result, Err(refusal) if refusal.stop == Some(Stop::Unavailable));
            if !gone || Instant::now() >= deadline {
                // Once waited for in vain it is not waited for again before it answers.
                self.was_up = result.is_ok();
                return result.inspect_err(|refusal| self.log_probe(refusal));
            }
            observer(&Event::Waiting { cycle });
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(OUTAGE_PAUSE_MAX);
        }
    }

    /// Asks for a user who cannot exist and wants an empty list, as "Test Connection" does; where there are groups, for one, too.
    async fn probe_once(&self, cycle: u32) -> Result<(), Refusal> {
        let mut rng = population::random(self.scenario.seed, Stream::Probe { number: cycle });
        let guid = population::random_guid(&mut rng).to_string();
        self.probe_for(ObjectType::User, &guid).await?;
        if self.directory.groups().is_empty() {
            return Ok(());
        }
        self.probe_for(ObjectType::Group, &guid).await
    }

    async fn probe_for(&self, object_type: ObjectType, guid: &str) -> Result<(), Refusal> {
        let matching = self.scenario.mapping.first();
        let answer = self.client.find(object_type, matching, guid).await;
        let answer = expect_success(answer, Step::Probe)?;
        let refuse = |refusal| Refusal {
            stop: Some(Stop::Refused),
            ..refusal
        };
        match hits(&answer).map_err(refuse)? {
            [] => Ok(()),
            hits => Err(refuse(Refusal::of(
                ErrorCode::SystemForCrossDomainIdentityManagementMultipleEntriesInResponse,
                format!(
                    "the filter is ignored: a random GUID found {} of them",
                    hits.len()
                ),
            ))),
        }
    }

    fn log_probe(&mut self, refusal: &Refusal) {
        let entry = ProvisioningLogEntry {
            time: self.now(),
            cycle: self.number(),
            action: Action::Other,
            source_type: None,
            source_id: None,
            source_name: None,
            target_id: None,
            status: Status::Failure,
            error_code: Some(refusal.code),
            detail: refusal.detail.clone(),
            changed_properties: Vec::new(),
        };
        self.report.log.push(entry);
        self.current().errors += 1;
    }

    fn now(&self) -> jiff::Timestamp {
        let elapsed = self.began.elapsed();
        self.scenario
            .started_at
            .checked_add(elapsed)
            .unwrap_or(self.scenario.started_at)
    }

    /// Enters, keeps or lifts the quarantine.
    fn judge(&mut self, stop: Option<&Refusal>, observer: Observer<'_>) {
        let objects = self.directory.users().len() + self.directory.groups().len();
        let escrows = self.connections.escrows().count();
        let references = self.connections.reference_escrows().count();
        let verdict = match stop.and_then(|refusal| refusal.stop.as_ref()) {
            Some(Stop::Refused) => Some(Quarantine::EncounteredQuarantineException),
            Some(Stop::Unavailable | Stop::Paused) => self.report.quarantined,
            None => quarantine::judge(escrows, references, objects),
        };
        match verdict {
            Some(reason) => {
                let next_try_hours = quarantine::hours_until_next_try(self.quarantine_tries);
                self.quarantine_tries += 1;
                observer(&Event::Quarantined {
                    reason,
                    next_try_hours,
                });
            }
            None if self.report.quarantined.is_some() => {
                self.quarantine_tries = 0;
                observer(&Event::QuarantineLifted);
            }
            None => {}
        }
        self.report.quarantined = verdict;
    }

    /// The tick at which something is to do; none when everything is settled.
    fn next_due(&self) -> Option<u32> {
        let unfinished = self
            .report
            .cycles
            .last()
            .is_some_and(|cycle| cycle.stopped.is_some());
        if unfinished || self.full_pending {
            return Some(self.tick + 1);
        }
        let escrows = self.connections.escrows();
        escrows
            .chain(self.connections.reference_escrows())
            .map(|escrow| escrow.due_tick)
            .min()
    }

    fn list_errors(&mut self) {
        self.report.in_error = self
            .connections
            .objects()
            .filter_map(|object| self.error_of(object))
            .collect();
    }

    /// The last state of an object, if it is an error. That of a member is one of its group.
    fn error_of(&self, object: Object) -> Option<ObjectInError> {
        let connection = self.connections.get(object);
        let members = match object.object_type {
            ObjectType::User => None,
            ObjectType::Group => Some(&self.connections.memberships[object.index].members),
        };
        let members = || members.into_iter().flat_map(|members| members.values());
        let (error_code, detail) = connection
            .last_error
            .clone()
            .or_else(|| members().find_map(|membership| membership.last_error.clone()))?;
        let escrows = [connection.escrow, connection.reference_escrow].into_iter();
        let escrows = escrows.chain(members().map(|membership| membership.escrow));
        Some(ObjectInError {
            object_type: object.object_type,
            object_id: self.source(object).object_id,
            target_id: connection.link.as_ref().map(|link| link.scim_id.clone()),
            error_code,
            detail,
            attempts: escrows
                .flatten()
                .map(|escrow| escrow.attempts)
                .max()
                .unwrap_or(1),
        })
    }

    fn revision(&self, object: Object) -> u64 {
        match object.object_type {
            ObjectType::User => self.directory.users()[object.index].revision,
            ObjectType::Group => self.directory.groups()[object.index].revision,
        }
    }

    /// Whether an object is worth a look at all: Entra has never heard of what it never linked, and forgets what it unassigned.
    fn is_relevant(&self, object: Object) -> bool {
        let connection = self.connections.get(object);
        match self.source(object).standing {
            Standing::Gone => connection.managed_link().is_some(),
            Standing::Entitled => true,
            Standing::NotEntitled => {
                connection.managed_link().is_some()
                    || connection.ambiguous_create
                    || connection.link.is_none()
            }
        }
    }
}
