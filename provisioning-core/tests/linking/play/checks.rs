//! What must hold after a step: what the model says, and what holds whatever it says.

use provisioning_core::accounts;

use super::{
    Done,
    stage::{Accounts, Side, Stage},
};
use crate::linking::{
    model,
    steps::{Act, Step, Wish},
};

/// What storage has is what the model says.
pub(super) fn compare(side: &Side, read: &Accounts) {
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

impl Stage {
    /// What the guard says.
    pub(super) async fn compare_guard(&self, side: &Side) {
        let status = self.core().get_deprovision_guard(&side.admin()).await;
        let status = status.expect("it is answered");
        let waiting = status.pending.map_or(0, |batch| {
            batch.suspends + batch.deletes + batch.member_removals
        });
        let model = &side.model.guard;
        let expected = (model.used(self.now()), model.waiting());
        let told = |count: i64| usize::try_from(count).expect("it is a count");
        assert_eq!((told(status.used), told(waiting)), expected, "of the guard");
    }

    /// The link history has each step of the accounts of a step, and no other.
    pub(super) async fn compare_history(&self, side: &Side, done: &Done) {
        for id in &done.about {
            let mut history: Vec<_> = self
                .history(side, *id)
                .await
                .into_iter()
                .map(|(_, step)| step)
                .collect();
            let account = side.model.accounts.iter().find(|account| account.id == *id);
            let mut steps = account
                .map(|account| account.steps.clone())
                .unwrap_or_default();
            // Steps of one instant have no order.
            history.sort();
            steps.sort();
            assert_eq!(history, steps, "the link history of {id}");
        }
    }
}

/// Whoever a step is not about is as before, but for the groups that a step about a group changes.
pub(super) fn check_untouched(step: &Step, done: &Done, before: &Accounts, after: &Accounts) {
    let about_groups = match &step.act {
        Act::Directory(wish) => wish.is_about_the_group(),
        Act::Bulk(wishes) => wishes.iter().any(Wish::is_about_the_group),
        _ => false,
    };
    for (id, old) in before {
        if done.about.contains(id) && done.answered.is_ok() {
            continue;
        }
        let new = after.get(id).expect("it is still there");
        if about_groups {
            assert_eq!(
                but_groups(new),
                but_groups(old),
                "a group is no part of an account"
            );
        } else {
            assert_eq!(new, old, "{step:?} is not about it");
        }
    }
}

/// The account without the groups that it is in.
pub fn but_groups(account: &accounts::Account) -> accounts::Account {
    accounts::Account {
        groups: Vec::new(),
        ..account.clone()
    }
}

/// What one request of the directory, or several, can do to no account, in whatever order it asks.
pub(super) fn check_directory(before: &Accounts, after: &Accounts, several: bool) {
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
        // Of several, one may delete an account, and the next create another one with its Object ID: then the link is lost.
        let keeps_link = new.object_id_pinned || (!several && old.deleted_at.is_none());
        if old.object_id_pinned && keeps_link {
            assert_eq!(key(new), key(old), "an admin's link was taken over");
        }
        if old.deleted_at.is_some() && new.deleted_at.is_none() && !several {
            assert!(
                key(old).is_some() && key(new) == key(old),
                "it came back as another's"
            );
        }
    }
}
