//! Everybody at the same time: two connections of Entra, an admin and an internal service. Who comes first nobody knows, so that there is no model;
//! what holds in every order is checked after each round.

use std::{collections::BTreeSet, time::Duration};

use provisioning_core::{accounts, accounts::Account, ids::AccountId};

use super::{
    asked::{Asked, Change, Said, Target},
    model::{self, By},
    play::{
        Accounts, Side, Stage,
        admin::{act_of, bulk_line},
        checks::but_groups,
    },
    steps::{Act, Crowd, Round},
};

/// What was done in a round, in no order, that rules speak of.
#[derive(Debug, Default)]
struct Deeds {
    /// Whom a request was about by the id, or by the login in a bulk link.
    targets: BTreeSet<AccountId>,
    /// Of them, who is touched by others than the directory.
    decided: BTreeSet<AccountId>,
    /// Of them, whose link may have changed by an admin, or who was deleted.
    unpinned: BTreeSet<AccountId>,
    /// Object IDs that were posted.
    posted: BTreeSet<String>,
    /// Logins are given to accounts that are there.
    renames: bool,
    /// Holds, links that an admin was told of: the last one of each account.
    held: Vec<(AccountId, String)>,
    linked: Vec<(AccountId, String)>,
}

impl Stage {
    /// Plays the rounds to their end. What is wrong panics.
    pub async fn play_crowd(&self, crowd: &Crowd) {
        let [mut mine, mut other] = self.sides(crowd.settings).await;
        for side in [&mut mine, &mut other] {
            for (user_name, object_id) in &crowd.people {
                self.world.clock.advance(Duration::from_secs(1));
                let pool = side.pool(side);
                let said = Said {
                    user_name: pool.text(user_name),
                    object_id: Some(pool.text(object_id)),
                    active: None,
                };
                let call = side.entra();
                self.send(&Asked::Create(said), &call, side.group).await;
                self.look(side).await;
            }
        }
        for (turn, round) in crowd.rounds.iter().enumerate() {
            for act in &round.before {
                self.world.clock.advance(Duration::from_secs(1));
                self.decide_one(act, &mine, &other, &mut Deeds::default())
                    .await;
            }
            self.world.clock.advance(Duration::from_secs(1));
            self.look(&mut mine).await;
            let before = mine.read.clone();
            let deeds = Box::pin(self.round(round, &mut mine, &other)).await;
            self.look(&mut mine).await;
            check(&mine, &before, &deeds);
            assert_eq!(self.read(&other).await, other.read, "another tenant");
            self.check_guard(&mine).await;
            for account in mine.read.values() {
                let id = account.id.to_string();
                for text in [&id, &account.user_name]
                    .into_iter()
                    .chain(&account.object_id)
                {
                    self.look_up(turn, text, &mine).await;
                }
            }
        }
    }

    /// Reads what there is, for steps to pick from.
    async fn look(&self, side: &mut Side) {
        side.read = self.read(side).await;
        side.model.accounts = side.read.values().map(model::Account::from).collect();
    }

    async fn round(&self, round: &Round, mine: &mut Side, other: &Side) -> Deeds {
        let [one, two] = &round.directory;
        let side = &*mine;
        let (one, two, admin, service) = Box::pin(async {
            tokio::join!(
                self.requests(one, By::Scim, side, other),
                self.requests(two, By::Scim, side, other),
                self.decisions(&round.admin, side, other),
                self.requests(&round.service, By::Jwt, side, other),
            )
        })
        .await;
        let mut deeds = admin;
        for (requests, by_directory) in [(one, true), (two, true), (service, false)] {
            for asked in requests {
                deeds.note(&asked, by_directory);
            }
        }
        deeds
    }

    /// Sends one after the other.
    async fn requests(&self, acts: &[Act], by: By, side: &Side, other: &Side) -> Vec<Asked> {
        let mut sent = Vec::new();
        for act in acts {
            let (Act::Directory(wish) | Act::Service(wish)) = act else {
                panic!("{act:?} is no request");
            };
            let asked = side.pool(other).asked(wish);
            let call = side.call(by);
            Box::pin(self.send(&asked, &call, side.group)).await;
            sent.push(asked);
        }
        sent
    }

    async fn decisions(&self, acts: &[Act], side: &Side, other: &Side) -> Deeds {
        let mut deeds = Deeds::default();
        for act in acts {
            self.decide_one(act, side, other, &mut deeds).await;
        }
        deeds
    }

    async fn decide_one(&self, act: &Act, side: &Side, other: &Side, deeds: &mut Deeds) {
        let pool = side.pool(other);
        match act {
            Act::Link(who, text) => {
                let (target, text) = (pool.pick(*who), pool.text(text));
                let answer = self.link(side, target, &text).await;
                deeds.note_link(target, answer.is_ok().then_some(&text));
            }
            Act::Unlink(who) => {
                let target = pool.pick(*who);
                let _ = self.unlink(side, target).await;
                deeds.note_link(target, None);
            }
            Act::Revert(who, step) => {
                let target = pool.pick(*who);
                let history = self.history(side, target.id).await;
                if let Some((id, _)) = history.get(usize::from(*step)) {
                    let _ = self.revert_step(side, target, &id.to_string()).await;
                }
                deeds.note_link(target, None);
            }
            Act::BulkLink { lines, dry_run } => {
                let lines: Vec<_> = lines.iter().map(|line| bulk_line(&pool, line)).collect();
                let reports = self.send_bulk_link(side, &lines, *dry_run).await;
                for (line, report) in lines.iter().zip(reports).filter(|_| !*dry_run) {
                    if let Some(id) = report.account_id {
                        let linked = report.outcome.is_ok().then_some(&line.object_id);
                        deeds.note_link(Target { place: None, id }, linked);
                    }
                }
            }
            Act::Decide { approve } => {
                let _ = self.decide(side, *approve).await;
            }
            _ => {
                let (who, (act, reason)) = act_of(act).expect("it is an admin's");
                let target = pool.pick(who);
                let answer = self.act_on(side, target, (act, reason)).await;
                deeds.targets.insert(target.id);
                deeds.decided.insert(target.id);
                if act == accounts::Act::Hold && answer.is_ok() {
                    deeds.held.retain(|(id, _)| *id != target.id);
                    deeds.held.push((target.id, reason.to_owned()));
                }
            }
        }
    }

    async fn check_guard(&self, side: &Side) {
        let status = self.core().get_deprovision_guard(&side.admin()).await;
        let status = status.expect("it is answered");
        if status.guard.is_some() {
            assert!(status.used <= status.limit, "{status:?}");
        }
    }
}

impl Deeds {
    fn note(&mut self, asked: &Asked, by_directory: bool) {
        if let Some(target) = asked.target() {
            self.targets.insert(target.id);
            if !by_directory {
                self.decided.insert(target.id);
            }
        }
        match asked {
            Asked::Create(said) => {
                self.posted
                    .extend(said.object_id.as_deref().map(model::key));
            }
            Asked::Delete(target) => {
                self.unpinned.insert(target.id);
            }
            Asked::Replace(..) | Asked::Patch(_, Change::UserName(_)) => self.renames = true,
            Asked::Patch(..) | Asked::Members(_) | Asked::CreateGroup(_) | Asked::DeleteGroup => {}
        }
    }

    /// An admin's act about a link, and to what it was set.
    fn note_link(&mut self, target: Target, linked: Option<&String>) {
        self.targets.insert(target.id);
        self.decided.insert(target.id);
        self.unpinned.insert(target.id);
        self.linked.retain(|(id, _)| *id != target.id);
        self.linked
            .extend(linked.map(|text| (target.id, model::key(text))));
    }
}

fn key(account: &Account) -> Option<String> {
    account.object_id.as_deref().map(model::key)
}

fn check(side: &Side, before: &Accounts, deeds: &Deeds) {
    let after = &side.read;
    check_unique(side, after);
    for (id, old) in before {
        let new = after.get(id).expect("nobody was purged");
        check_account(old, new, deeds);
    }
    for (id, reason) in &deeds.held {
        let hold = after[id].hold.as_ref().map(|hold| &hold.reason);
        assert_eq!(hold, Some(reason), "a hold that was answered is there");
    }
    for (id, linked) in &deeds.linked {
        let account = &after[id];
        if account.deleted_at.is_none() && account.object_id_pinned {
            assert_eq!(key(account).as_ref(), Some(linked), "the last link holds");
        }
    }
    for (id, new) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
        assert!(!new.protected && !new.object_id_pinned || deeds.decided.contains(id));
        let of_login = before
            .values()
            .filter(|old| old.user_name_key == new.user_name_key);
        let holds: Vec<_> = of_login.map(|old| old.hold.is_some()).collect();
        if !holds.is_empty() && holds.iter().all(|on_hold| *on_hold) && !deeds.renames {
            assert!(new.hold.is_some(), "to create again lifts no hold");
        }
    }
}

/// Logins, and Object IDs where one is exclusive, are of one account each.
fn check_unique(side: &Side, after: &Accounts) {
    let live: Vec<_> = after
        .values()
        .filter(|account| account.deleted_at.is_none())
        .collect();
    for account in &live {
        let others = || live.iter().filter(|other| other.id != account.id);
        assert!(others().all(|other| other.user_name_key != account.user_name_key));
        if account.object_id.is_some()
            && (account.object_id_exclusive || side.model.settings.unique)
        {
            assert!(
                others().all(|other| key(other) != key(account)),
                "the Object ID of {} is another's as well",
                account.id
            );
        }
    }
}

fn check_account(old: &Account, new: &Account, deeds: &Deeds) {
    let id = &old.id;
    let came_back = old.deleted_at.is_some() && new.deleted_at.is_none();
    if !deeds.targets.contains(id) {
        if came_back {
            let key = key(new).expect("by its Object ID");
            assert!(deeds.posted.contains(&key), "by a post of its Object ID");
        } else {
            assert_eq!(but_groups(new), but_groups(old), "nobody asked for it");
        }
    }
    if old.protected && !deeds.decided.contains(id) {
        assert_eq!(new, old, "a protected account was written");
    }
    if let Some(hold) = &old.hold {
        let new = new.hold.as_ref().expect("a hold was lifted");
        assert!(deeds.decided.contains(id) || new == hold, "it was changed");
    }
    if old.object_id_pinned && !deeds.unpinned.contains(id) {
        let is_kept = new.object_id_pinned && key(new) == key(old);
        // To bring back an account whose Object ID others have by now is to lose the link.
        assert!(
            is_kept || old.deleted_at.is_some(),
            "an admin's link was taken over: {old:?} {new:?}"
        );
    }
    if came_back && new.object_id_pinned && !deeds.decided.contains(id) {
        assert_eq!(key(new), key(old), "it came back as another's");
    }
}
