//! Plays a sequence on two tenants of a real storage, and compares after each step.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use proptest::test_runner::TestCaseResult;
use provisioning_core::{
    Core,
    accounts::{self, AccountKey, ActTarget, CreateOutcome, ListQuery, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    clock::{Clock as _, Timestamp},
    error::{Error, Reason},
    ids::{AccountId, GroupId},
    links::LinkTarget,
    receipts::Answer,
    tenants::{NewTenant, TenantSettings},
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    model::{self, Created, RETENTION, Said, Tenant},
    steps::{Act, FIXED, GUIDS, LOGINS, Spelling, Step, Text, Who},
};
use crate::{
    storage::Fixture,
    world::{World, admin, fresh, operator, scim},
};

const REASONS: [&str; 3] = ["Left the company", "Account stolen", "On leave"];
/// More than a sequence makes accounts.
const PAGE: u32 = 200;
/// Accounts that one step of upkeep removes.
const PURGE_BATCH: u32 = 2;

/// A storage on which sequences are played one after the other, each on tenants of its own.
pub struct Stage {
    world: World,
    played: AtomicU32,
}

/// One of the two tenants.
struct Side {
    name: String,
    token: SecretString,
    group: GroupId,
    model: Tenant,
    /// As it was read last.
    read: Accounts,
}

/// What storage has of a tenant, deleted accounts too.
type Accounts = BTreeMap<AccountId, accounts::Account>;

/// What a step came to.
struct Done {
    expected: model::Answer,
    answered: model::Answer,
    /// The accounts that it was about.
    about: BTreeSet<AccountId>,
}

impl Side {
    fn admin(&self) -> Call {
        admin(&self.name)
    }

    fn entra(&self) -> Call {
        scim(&self.name, &self.token)
    }

    /// The account that is meant: its place in the model, where it is one of this tenant, and its id.
    fn pick(&self, other: &Self, who: Who) -> (Option<usize>, AccountId) {
        let accounts = if who.foreign {
            &other.model.accounts
        } else {
            &self.model.accounts
        };
        // The latest first: there is more to be done to them.
        let Some(index) = accounts
            .len()
            .checked_sub(1 + usize::from(who.index) % accounts.len().max(1))
        else {
            return (None, AccountId::from_uuid(Uuid::from_u128(1)));
        };
        ((!who.foreign).then_some(index), accounts[index].id)
    }

    fn text(&self, other: &Self, text: &Text) -> String {
        let account = |who: Who| {
            let accounts = if who.foreign {
                &other.model.accounts
            } else {
                &self.model.accounts
            };
            accounts.iter().rev().cycle().nth(usize::from(who.index))
        };
        match text {
            Text::Fixed(index) => FIXED[usize::from(*index)].to_owned(),
            Text::Guid { which, spelling } => spelled(GUIDS[usize::from(*which)], *spelling),
            Text::Login { which, upper: true } => LOGINS[usize::from(*which)].to_ascii_uppercase(),
            Text::Login {
                which,
                upper: false,
            } => LOGINS[usize::from(*which)].to_owned(),
            Text::IdOf { who, spelling } => account(*who).map_or_else(
                || FIXED[0].to_owned(),
                |account| spelled(&account.id.to_string(), *spelling),
            ),
            Text::LoginOf(who) => account(*who)
                .map_or_else(|| LOGINS[0].to_owned(), |account| account.user_name.clone()),
            Text::ObjectIdOf(who) => account(*who)
                .and_then(|account| account.object_id.clone())
                .unwrap_or_else(|| GUIDS[0].to_owned()),
            Text::TombstoneName(who) => account(*who)
                .filter(|account| account.user_name.len() < 64)
                .map_or_else(
                    || LOGINS[1].to_owned(),
                    |account| {
                        let object_id = account.object_id.as_deref().unwrap_or(GUIDS[0]);
                        format!(
                            "{}{}",
                            object_id.replace(['-', '{', '}'], ""),
                            account.user_name
                        )
                    },
                ),
        }
    }
}

fn spelled(guid: &str, spelling: Spelling) -> String {
    match spelling {
        Spelling::Canonical => guid.to_owned(),
        Spelling::Upper => guid.to_ascii_uppercase(),
        Spelling::Braces => format!("{{{guid}}}"),
        Spelling::Simple => guid.replace('-', ""),
    }
}

/// What the directory says of a user, in texts from the pool.
fn said(
    mine: &Side,
    other: &Side,
    user_name: &Text,
    object_id: Option<&Text>,
    active: Option<bool>,
) -> Said {
    Said {
        user_name: mine.text(other, user_name),
        object_id: object_id.map(|text| mine.text(other, text)),
        active,
    }
}

fn attributes(said: &Said) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("userName".to_owned(), json!(said.user_name));
    if let Some(object_id) = &said.object_id {
        attributes.insert("externalId".to_owned(), json!(object_id));
    }
    if let Some(active) = said.active {
        attributes.insert("active".to_owned(), json!(active));
    }
    attributes
}

fn operation(op: Op, path: &str, value: Option<Value>) -> Operation {
    Operation {
        op,
        path: Some(path.to_owned()),
        value,
    }
}

fn values(ids: &[AccountId]) -> Value {
    ids.iter()
        .map(|id| json!({"value": id.to_string()}))
        .collect()
}

/// How it was answered; a fault is a failure of the test.
fn answer<T>(result: Result<T, Error>) -> model::Answer {
    match result {
        Ok(_) => Ok(()),
        Err(Error::Refused(refusal)) => Err(refusal.reason),
        Err(error) => panic!("it failed: {error:?}"),
    }
}

impl Stage {
    pub async fn new(fixture: Fixture) -> Self {
        Self {
            world: World::new(fixture).await,
            played: AtomicU32::new(0),
        }
    }

    /// Plays a sequence to its end. What is wrong panics.
    pub async fn play(&self, steps: &[Step]) -> TestCaseResult {
        let number = self.played.fetch_add(1, Ordering::Relaxed);
        let mut first = self.side(&format!("first{number}"), false).await;
        let mut second = self.side(&format!("second{number}"), true).await;
        for (turn, step) in steps.iter().enumerate() {
            self.world.clock.advance(Duration::from_secs(1));
            if step.tenant {
                Box::pin(self.step(turn, step, &mut second, &mut first)).await;
            } else {
                Box::pin(self.step(turn, step, &mut first, &mut second)).await;
            }
        }
        Ok(())
    }

    async fn side(&self, name: &str, unique: bool) -> Side {
        let new = NewTenant {
            display_name: String::new(),
            provisioning_enabled: true,
            settings: TenantSettings {
                object_id_unique: unique,
                ..TenantSettings::default()
            },
        };
        fresh(
            self.core()
                .create_tenant(&operator(name), new, false, None)
                .await,
        );
        let token = self.world.generate(name).await.text;
        let group = json!({"displayName": "Group"});
        let group = group.as_object().expect("it is an object");
        let group = fresh(
            self.core()
                .create_group(&admin(name), group, false, None)
                .await,
        );
        Side {
            name: name.to_owned(),
            token,
            group: group.group.id,
            model: Tenant::new(unique),
            read: Accounts::new(),
        }
    }

    const fn core(&self) -> &Core {
        &self.world.core
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    async fn read(&self, side: &Side) -> Accounts {
        let query = ListQuery {
            page_size: PAGE,
            ..ListQuery::default()
        };
        let live = self.core().list_accounts(&side.admin(), &query).await;
        let deleted = self
            .core()
            .list_deleted_accounts(&side.admin(), PAGE, "")
            .await;
        let live = live.expect("they are listed").accounts;
        let deleted = deleted.expect("they are listed").accounts;
        live.into_iter()
            .chain(deleted)
            .map(|account| (account.id, account))
            .collect()
    }

    async fn step(&self, turn: usize, step: &Step, mine: &mut Side, other: &mut Side) {
        let done = Box::pin(self.act(&step.act, mine, other)).await;
        assert_eq!(done.answered, done.expected, "{step:?}");
        let (after, theirs) = (self.read(mine).await, self.read(other).await);
        compare(mine, &after);
        if matches!(step.act, Act::Wait(_)) {
            compare(other, &theirs);
        } else {
            assert_eq!(theirs, other.read, "the other tenant is as it was");
            check_untouched(step, &done, &mine.read, &after);
        }
        if step.act.is_scim() {
            check_directory(&mine.read, &after);
        }
        (mine.read, other.read) = (after, theirs);
        self.look_up(turn, &mine.text(other, &step.probe), mine)
            .await;
    }

    async fn act(&self, act: &Act, mine: &mut Side, other: &mut Side) -> Done {
        match act {
            Act::Create {
                user_name,
                object_id,
                active,
            } => {
                let said = said(mine, other, user_name, object_id.as_ref(), *active);
                self.create(mine, &said).await
            }
            Act::Repost(who, active) => {
                let (index, _) = mine.pick(other, *who);
                let said = index.map_or_else(
                    || said(mine, other, &Text::LoginOf(*who), None, *active),
                    |index| Said {
                        user_name: mine.model.accounts[index].user_name.clone(),
                        object_id: mine.model.accounts[index].object_id.clone(),
                        active: *active,
                    },
                );
                self.create(mine, &said).await
            }
            Act::Replace {
                who,
                user_name,
                object_id,
                active,
            } => {
                let said = said(mine, other, user_name, object_id.as_ref(), *active);
                let (index, id) = mine.pick(other, *who);
                let body = attributes(&said);
                let none = Precondition::default();
                let answered = self
                    .core()
                    .replace_account(&mine.entra(), id, &body, &none, None)
                    .await;
                let expected = mine.model.write(index, |there| *there = said);
                Done::about(id, expected, answer(answered))
            }
            Act::PatchUserName(who, text) => {
                let text = mine.text(other, text);
                let operation = operation(Op::Replace, "userName", Some(json!(text)));
                self.patch(mine, other, *who, operation, |said| said.user_name = text)
                    .await
            }
            Act::PatchObjectId(who, text) => {
                let text = text.as_ref().map(|text| mine.text(other, text));
                let op = if text.is_some() {
                    Op::Replace
                } else {
                    Op::Remove
                };
                let operation = operation(op, "externalId", text.as_ref().map(|text| json!(text)));
                self.patch(mine, other, *who, operation, |said| said.object_id = text)
                    .await
            }
            Act::PatchActive(who, active) => {
                let operation = operation(Op::Replace, "active", Some(json!(active)));
                self.patch(mine, other, *who, operation, |said| {
                    said.active = Some(*active);
                })
                .await
            }
            Act::Delete(who) => self.delete(mine, other, *who, true).await,
            Act::AdminDelete(who) => self.delete(mine, other, *who, false).await,
            Act::AddMembers(_)
            | Act::RemoveMembers(_)
            | Act::ReplaceMembers(_)
            | Act::ClearMembers => Box::pin(self.change_members(act, mine, other)).await,
            Act::Link(..)
            | Act::Unlink(_)
            | Act::Hold(..)
            | Act::Release(_)
            | Act::Protect(_)
            | Act::Unprotect(_)
            | Act::Restore(_)
            | Act::Purge(_) => self.administer(act, mine, other).await,
            Act::Wait(days) => {
                self.world
                    .clock
                    .advance(Duration::from_hours(u64::from(*days) * 24));
                for side in [mine, other] {
                    side.model.purge_expired(self.now());
                    while self
                        .world
                        .purge_tombstones(&side.name, RETENTION, PURGE_BATCH)
                        .await
                        > 0
                    {}
                }
                Done::about_groups(Ok(()))
            }
        }
    }

    async fn change_members(&self, act: &Act, mine: &mut Side, other: &Side) -> Done {
        match act {
            Act::AddMembers(people) => {
                let (places, ids) = all(mine, other, people);
                mine.model.change_members(false, &[], &places);
                let operation = operation(Op::Add, "members", Some(values(&ids)));
                Box::pin(self.patch_group(mine, operation)).await
            }
            Act::RemoveMembers(people) => {
                let (places, ids) = all(mine, other, people);
                mine.model.change_members(false, &places, &[]);
                let operation = operation(Op::Remove, "members", Some(values(&ids)));
                Box::pin(self.patch_group(mine, operation)).await
            }
            Act::ClearMembers => {
                mine.model.change_members(true, &[], &[]);
                Box::pin(self.patch_group(mine, operation(Op::Remove, "members", None))).await
            }
            Act::ReplaceMembers(people) => {
                let (places, ids) = all(mine, other, people);
                mine.model.change_members(true, &[], &places);
                let body = json!({"displayName": "Group", "members": values(&ids)});
                let body = body.as_object().expect("it is an object");
                let answered = self
                    .core()
                    .replace_group(
                        &mine.entra(),
                        mine.group,
                        body,
                        &Precondition::default(),
                        None,
                    )
                    .await;
                Done::about_groups(answer(answered))
            }
            _ => panic!("no group is changed by {act:?}"),
        }
    }

    async fn create(&self, mine: &mut Side, said: &Said) -> Done {
        let expected = mine.model.create(said, self.now());
        let answered = self
            .core()
            .create_account(&mine.entra(), &attributes(said), false, None)
            .await;
        let mut about = BTreeSet::new();
        if let (Ok(created), Ok(Answer::Fresh(answered))) = (&expected, &answered) {
            let id = answered.account.id;
            about.insert(id);
            match created {
                Created::New => {
                    assert_eq!(answered.outcome, CreateOutcome::Created, "{said:?}");
                    let known = mine.model.accounts.iter().any(|account| account.id == id);
                    assert!(!known, "an id is never used again");
                    let new = mine.model.accounts.last_mut().expect("it was added");
                    new.id = id;
                }
                Created::Restored(index) => {
                    assert_eq!(answered.outcome, CreateOutcome::Restored, "{said:?}");
                    assert_eq!(id, mine.model.accounts[*index].id);
                }
            }
        }
        Done {
            expected: expected.map(drop),
            answered: answer(answered),
            about,
        }
    }

    async fn patch(
        &self,
        mine: &mut Side,
        other: &Side,
        who: Who,
        operation: Operation,
        change: impl FnOnce(&mut Said),
    ) -> Done {
        let (index, id) = mine.pick(other, who);
        let answered = self
            .core()
            .patch_account(
                &mine.entra(),
                id,
                &[operation],
                &Precondition::default(),
                None,
            )
            .await;
        Done::about(id, mine.model.write(index, change), answer(answered))
    }

    async fn delete(&self, mine: &mut Side, other: &Side, who: Who, by_scim: bool) -> Done {
        let (index, id) = mine.pick(other, who);
        let call = if by_scim { mine.entra() } else { mine.admin() };
        let expected = mine.model.delete(index, by_scim, self.now());
        let answered = self
            .core()
            .delete_account(&call, id, &Precondition::default(), None)
            .await;
        Done::about(id, expected, answer(answered))
    }

    async fn patch_group(&self, mine: &Side, operation: Operation) -> Done {
        let answered = self
            .core()
            .patch_group(
                &mine.entra(),
                mine.group,
                &[operation],
                &Precondition::default(),
                None,
            )
            .await;
        Done::about_groups(answer(answered))
    }

    async fn administer(&self, act: &Act, mine: &mut Side, other: &Side) -> Done {
        let (who, reason) = match act {
            Act::Hold(who, reason) => (*who, REASONS[usize::from(*reason)]),
            Act::Link(who, _)
            | Act::Unlink(who)
            | Act::Release(who)
            | Act::Protect(who)
            | Act::Unprotect(who)
            | Act::Restore(who)
            | Act::Purge(who) => (*who, ""),
            _ => panic!("no admin does {act:?}"),
        };
        let (index, id) = mine.pick(other, who);
        let admin = &mine.admin();
        let does = |act| async move {
            let target = ActTarget {
                account_id: id,
                precondition: Precondition::default(),
                reason: reason.to_owned(),
            };
            answer(self.core().act_on_account(admin, act, &target, None).await)
        };
        let link_target = || LinkTarget {
            account: AccountKey::Id(id),
            precondition: Precondition {
                etag: Some(
                    mine.read
                        .get(&id)
                        .map_or_else(|| "\"1\"".to_owned(), accounts::Account::etag),
                ),
                validate_only: false,
            },
            reason: String::new(),
        };
        let (answered, expected) = match act {
            Act::Link(_, text) => {
                let text = mine.text(other, text);
                let linked = self
                    .core()
                    .link_object_id(&mine.admin(), &link_target(), &text, None)
                    .await;
                (answer(linked), mine.model.link(index, &text))
            }
            Act::Unlink(_) => {
                let unlinked = self
                    .core()
                    .unlink_object_id(&mine.admin(), &link_target(), None)
                    .await;
                (answer(unlinked), mine.model.unlink(index))
            }
            Act::Hold(..) => {
                let answered = does(accounts::Act::Hold).await;
                let expected = mine
                    .model
                    .settle(index, |account| account.hold = Some(reason.to_owned()));
                (answered, expected)
            }
            Act::Release(_) => {
                let answered = does(accounts::Act::Release).await;
                (
                    answered,
                    mine.model.settle(index, |account| account.hold = None),
                )
            }
            Act::Protect(_) => {
                let answered = does(accounts::Act::Protect).await;
                (
                    answered,
                    mine.model.settle(index, |account| account.protected = true),
                )
            }
            Act::Unprotect(_) => {
                let answered = does(accounts::Act::Unprotect).await;
                (
                    answered,
                    mine.model
                        .settle(index, |account| account.protected = false),
                )
            }
            Act::Restore(_) => {
                let answered = does(accounts::Act::Restore).await;
                (answered, mine.model.restore(index, self.now()))
            }
            Act::Purge(_) => {
                let answered = does(accounts::Act::Purge).await;
                (answered, mine.model.purge(index))
            }
            _ => panic!("no admin does {act:?}"),
        };
        Done::about(id, expected, answered)
    }

    /// Every way in which a text from outside looks for an account.
    async fn look_up(&self, turn: usize, text: &str, mine: &Side) {
        let having = |is_meant: &dyn Fn(&accounts::Account) -> bool| -> Vec<AccountId> {
            let live = mine
                .read
                .values()
                .filter(|account| account.deleted_at.is_none());
            live.filter(|account| is_meant(account))
                .map(|account| account.id)
                .collect()
        };
        let by_object_id = having(&|account| account.object_id.as_deref() == Some(text));
        let by_login = having(&|account| account.user_name.eq_ignore_ascii_case(text));
        for (attribute, expected) in [("externalId", &by_object_id), ("userName", &by_login)] {
            let query = ListQuery {
                filter: format!("{attribute} eq \"{text}\""),
                page_size: PAGE,
                ..ListQuery::default()
            };
            let found = self
                .core()
                .list_accounts(&mine.entra(), &query)
                .await
                .expect("they are listed");
            let mut found: Vec<_> = found.accounts.iter().map(|account| account.id).collect();
            found.sort();
            assert_eq!(found, *expected, "{}", query.filter);
        }
        // What is not found is logged, so that one of these a step is enough.
        let by_id = AccountId::parse(text);
        let (key, expected) = match (turn % 3, by_id) {
            (0, _) => (AccountKey::ObjectId(text.to_owned()), by_object_id),
            (1, Some(id)) => (AccountKey::Id(id), having(&|account| account.id == id)),
            _ => (Core::user_name_key(text), by_login),
        };
        let found = self.core().get_account(&mine.entra(), &key).await;
        match expected.as_slice() {
            [id] => assert_eq!(found.expect("it is found").id, *id, "{key:?}"),
            [] => assert_eq!(answer(found), Err(Reason::AccountNotFound), "{key:?}"),
            _ => assert_eq!(answer(found), Err(Reason::InvalidValue), "{key:?}"),
        }
    }
}

impl Done {
    fn about(id: AccountId, expected: model::Answer, answered: model::Answer) -> Self {
        Self {
            expected,
            answered,
            about: BTreeSet::from([id]),
        }
    }

    const fn about_groups(answered: model::Answer) -> Self {
        Self {
            expected: Ok(()),
            answered,
            about: BTreeSet::new(),
        }
    }
}

/// The places of those who are of the tenant, and the ids of all.
fn all(mine: &Side, other: &Side, people: &[Who]) -> (Vec<usize>, Vec<AccountId>) {
    let picked: Vec<_> = people.iter().map(|who| mine.pick(other, *who)).collect();
    let places = picked.iter().filter_map(|(place, _)| *place).collect();
    (places, picked.iter().map(|(_, id)| *id).collect())
}

/// What storage has is what the model says.
fn compare(side: &Side, read: &Accounts) {
    let there = side.model.accounts.iter().filter(|account| !account.purged);
    assert_eq!(
        there.count(),
        read.len(),
        "no account is missing or too many"
    );
    for (place, account) in side.model.accounts.iter().enumerate() {
        if account.purged {
            assert!(!read.contains_key(&account.id), "what is purged is gone");
            continue;
        }
        let found = &read[&account.id];
        let facts = (
            &found.user_name,
            &found.object_id,
            (found.object_id_exclusive, found.object_id_pinned),
            (found.directory_active, found.protected),
            found.hold.as_ref().map(|hold| &hold.reason),
            found.deleted_at.is_some(),
            !found.groups.is_empty(),
        );
        let expected = (
            &account.user_name,
            &account.object_id,
            (account.exclusive, account.pinned),
            (account.active, account.protected),
            account.hold.as_ref(),
            account.deleted_at.is_some(),
            side.model.members.contains(&place),
        );
        assert_eq!(facts, expected, "{}", account.id);
    }
}

/// Whoever a step is not about is as before, but for the groups that a step about a group changes.
fn check_untouched(step: &Step, done: &Done, before: &Accounts, after: &Accounts) {
    let about_groups = matches!(
        step.act,
        Act::AddMembers(_) | Act::RemoveMembers(_) | Act::ReplaceMembers(_) | Act::ClearMembers
    );
    for (id, old) in before {
        if done.about.contains(id) && done.answered.is_ok() {
            continue;
        }
        let new = after.get(id).expect("it is still there");
        if about_groups {
            let new = accounts::Account {
                groups: old.groups.clone(),
                ..new.clone()
            };
            assert_eq!(new, *old, "a group is no part of an account");
        } else {
            assert_eq!(new, old, "{step:?} is not about it");
        }
    }
}

/// What the directory can do to no account, in whatever order it asks.
fn check_directory(before: &Accounts, after: &Accounts) {
    for (id, old) in before {
        let new = after.get(id).expect("the directory purges nobody");
        if let Some(hold) = &old.hold {
            assert_eq!(
                new.hold.as_ref(),
                Some(hold),
                "a hold was lifted or has lost its reason"
            );
            assert!(!new.effectively_active());
        }
        if old.protected {
            assert_eq!(new, old, "a protected account was written");
        }
        let key = |account: &accounts::Account| account.object_id.as_deref().map(model::key);
        if old.object_id_pinned && old.deleted_at.is_none() {
            assert_eq!(key(new), key(old), "an admin's link was taken over");
        }
        if old.deleted_at.is_some() && new.deleted_at.is_none() {
            assert!(
                key(old).is_some() && key(new) == key(old),
                "it came back as another's"
            );
        }
    }
}
