//! The only place that says which objects the parts of a cycle export, and takes over what came of each.

use futures_util::future::FutureExt;

use super::drive::{Taken, Task};
use super::{Engine, Observer};
use crate::connection::{Escrow, Memberships};
use crate::connections::Object;
use crate::directory::ObjectType;
use crate::error_code::Refusal;
use crate::event::Phase;
use crate::export::{self, Exported, Job, ReadBy};
use crate::membership::{self, MemberChange, MemberJob};
use crate::reference::{self, ReferenceJob};
use crate::scenario::{CycleKind, FlagMode};

impl Engine {
    /// Exports the users, or the groups, that the cycle looks at; bounded concurrency, one request at a time for each. An error
    /// ends the cycle.
    pub(super) async fn export_objects(
        &mut self,
        object_type: ObjectType,
        kind: CycleKind,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let selected = self.select(object_type, kind);
        let read_by = match kind {
            CycleKind::Full => ReadBy::Match,
            CycleKind::Incremental => ReadBy::Id,
        };
        self.current().objects += selected.len();
        let phase = match object_type {
            ObjectType::User => Phase::Users,
            ObjectType::Group => Phase::Groups,
        };
        self.export_selected(&selected, phase, read_by, self.flag, observer)
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
        let users: Vec<Object> = selected.iter().copied().map(Object::user).collect();
        self.export_selected(&users, phase, ReadBy::Match, FlagMode::Off, observer)
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
        let everybody: Vec<usize> = (0..self.connections.users.len()).collect();
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

    /// Exports the members that differ.
    pub(super) async fn export_members(
        &mut self,
        kind: CycleKind,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let needed = self.select_members(kind);
        let this = &*self;
        let tasks = needed.iter().enumerate().map(|(key, (group, _, change))| {
            let job = MemberJob {
                group: &this.directory.groups()[*group],
                connection: &this.connections.groups[*group],
                change: change.clone(),
                flag: this.flag,
            };
            let object_id = job.group.object_id;
            let export = async move { membership::export(&this.client, &job).await };
            Task {
                key,
                object_id,
                export: export.boxed(),
            }
        });
        let count = needed.len();
        let results = this.drive(tasks, count, Phase::Members, observer).await;
        let tick = self.tick;
        self.book(results, observer, |engine, key, exported| {
            let (group, user, change) = &needed[key];
            let memberships = &mut engine.connections.memberships[*group];
            let escrow = memberships.book(*user, change, exported, tick);
            Taken {
                object: Object::group(*group),
                target_id: Some(memberships.group_id.clone()),
                escrow,
            }
        })
    }

    /// Which objects the cycle looks at. What is of no interest any more leaves the escrow.
    fn select(&mut self, object_type: ObjectType, kind: CycleKind) -> Vec<Object> {
        let mut selected = Vec::new();
        for object in self.connections.objects() {
            if object.object_type != object_type {
                continue;
            }
            if !self.is_relevant(object) {
                let connection = self.connections.get_mut(object);
                connection.escrow = None;
                connection.reference_escrow = None;
                connection.last_error = None;
                continue;
            }
            let connection = self.connections.get(object);
            let changed = connection.seen_revision != Some(self.revision(object));
            let due = connection
                .escrow
                .is_some_and(|escrow| escrow.is_due(self.tick));
            if kind == CycleKind::Full || changed || due {
                selected.push(object);
            }
        }
        selected
    }

    async fn export_selected(
        &mut self,
        selected: &[Object],
        phase: Phase,
        read_by: ReadBy,
        flag: FlagMode,
        observer: Observer<'_>,
    ) -> Result<(), Refusal> {
        let this = &*self;
        let tasks = selected.iter().copied().map(|object| {
            let job = Job {
                source: this.source(object),
                connection: this.connections.get(object),
                read_by,
                flag,
                tick: this.tick,
            };
            let object_id = job.source.object_id;
            let export = async move { export::export(&this.client, &job).await };
            Task {
                key: object,
                object_id,
                export: export.boxed(),
            }
        });
        let results = this.drive(tasks, selected.len(), phase, observer).await;
        self.book(results, observer, store)
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
            let connection = &self.connections.users[index];
            if connection.reference_escrow.is_some_and(waits) {
                continue;
            }
            let user = &self.directory.users()[index];
            let wanted = reference::wanted(user, &self.connections.users);
            match reference::needed(user, connection, wanted) {
                Some(change) => needed.push((index, change)),
                None => self.connections.users[index].forget_reference_failure(),
            }
        }
        let this = &*self;
        let count = needed.len();
        let tasks = needed.into_iter().map(|(index, change)| {
            let job = ReferenceJob {
                user: &this.directory.users()[index],
                connection: &this.connections.users[index],
                change,
                flag,
                tick,
            };
            let object_id = job.user.object_id;
            let export = async move { reference::export(&this.client, &job).await };
            Task {
                key: Object::user(index),
                object_id,
                export: export.boxed(),
            }
        });
        let results = this.drive(tasks, count, phase, observer).await;
        self.book(results, observer, store)
    }

    /// Which members differ: the group, the user, the change. A group that is made anew has none.
    fn select_members(&mut self, kind: CycleKind) -> Vec<(usize, usize, MemberChange)> {
        let mut selected = Vec::new();
        for (index, group) in self.directory.groups().iter().enumerate() {
            let linked = self.connections.groups[index].managed_link();
            let memberships = &mut self.connections.memberships[index];
            let Some(link) = linked.filter(|_| group.is_in_scope()) else {
                *memberships = Memberships::default();
                continue;
            };
            if memberships.group_id != link.scim_id {
                *memberships = Memberships {
                    group_id: link.scim_id.clone(),
                    ..Memberships::default()
                };
            }
            let known: Vec<usize> = memberships.members.keys().copied().collect();
            let users = group.members.iter().copied();
            let left = known
                .into_iter()
                .filter(|user| !group.members.contains(user));
            for user in users.chain(left) {
                let membership = memberships.members.get(&user);
                let account = &self.connections.users[user];
                let is_member = group.members.contains(&user);
                let Some(change) = membership::needed(is_member, account, membership) else {
                    memberships.settle(user);
                    continue;
                };
                let escrow = membership.and_then(|membership| membership.escrow);
                let waits = escrow.is_some_and(|escrow| !escrow.is_due(self.tick));
                if kind == CycleKind::Full || !waits {
                    selected.push((index, user, change));
                }
            }
        }
        selected
    }
}

/// Keeps what the export of an object has learnt.
fn store(engine: &mut Engine, object: Object, exported: &Exported) -> Taken {
    let before = std::mem::replace(
        engine.connections.get_mut(object),
        exported.connection.clone(),
    );
    let after = &exported.connection;
    let escrow = [
        (before.escrow, after.escrow),
        (before.reference_escrow, after.reference_escrow),
    ]
    .into_iter()
    .find_map(|(before, after)| after.filter(|_| before != after));
    let linked = after.link.as_ref().or(before.link.as_ref());
    Taken {
        object,
        target_id: linked.map(|link| link.scim_id.clone()),
        escrow,
    }
}
