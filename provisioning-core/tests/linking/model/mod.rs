//! The plain model of one tenant: what each step answers and leaves. It shares no code with the service.

mod admin;
mod directory;
mod group;
mod guard;

use std::{collections::BTreeSet, time::Duration};

use provisioning_core::{clock::Timestamp, error::Reason, ids::AccountId};

pub use self::guard::{Guard, WINDOW};
use super::steps::Settings;

/// The service's default.
pub const RETENTION: Duration = Duration::from_hours(30 * 24);

/// An account that the tenant has or had.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not exclude each other"
)]
pub struct Account {
    pub id: AccountId,
    pub user_name: String,
    pub object_id: Option<String>,
    /// Nobody else may have its Object ID.
    pub exclusive: bool,
    /// An admin linked it.
    pub pinned: bool,
    pub active: bool,
    pub hold: Option<String>,
    pub protected: bool,
    pub deleted_at: Option<Timestamp>,
    pub purged: bool,
    /// How it came to its Object ID: what it had before each step, and after it.
    pub steps: Vec<LinkStep>,
}

/// The Object ID before a step and after it.
pub type LinkStep = (Option<String>, Option<String>);

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub settings: Settings,
    /// All that there ever were, in order.
    pub accounts: Vec<Account>,
    /// The members of its group by place in `accounts`, deleted ones too.
    pub members: BTreeSet<usize>,
    /// How many groups it had before the present one; none while there is none.
    pub group: Option<usize>,
    pub groups_ended: usize,
    pub guard: Guard,
}

/// What a step answers.
pub type Answer = Result<(), Reason>;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The directory, with a SCIM token.
    Scim,
    /// An internal service or an admin, with a JWT.
    Jwt,
}

/// What a create comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is to be told the id.
    New,
    Restored(usize),
}

impl Account {
    pub fn is_live(&self) -> bool {
        self.deleted_at.is_none() && !self.purged
    }

    pub fn is_tombstone(&self) -> bool {
        self.deleted_at.is_some() && !self.purged
    }

    pub fn key(&self) -> Option<String> {
        self.object_id.as_deref().map(key)
    }

    pub fn has_login(&self, user_name: &str) -> bool {
        self.user_name.eq_ignore_ascii_case(user_name)
    }

    /// Another spelling of the same is no step.
    fn set_object_id(&mut self, object_id: Option<String>) {
        let before = std::mem::replace(&mut self.object_id, object_id);
        if before.as_deref().map(key) != self.key() {
            self.steps.push((before, self.object_id.clone()));
        }
    }
}

/// By what Object IDs are the same.
pub fn key(text: &str) -> String {
    guid(text).unwrap_or_else(|| text.to_owned())
}

/// The 32 digits of a GUID in any spelling of the pool.
pub fn guid(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap_or(text);
    let digits: String = bare.chars().filter(|c| *c != '-').collect();
    (digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| digits.to_ascii_lowercase())
}

impl Tenant {
    /// With a group that nobody is in.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            accounts: Vec::new(),
            members: BTreeSet::new(),
            group: Some(0),
            groups_ended: 0,
            guard: Guard::new(settings.guard),
        }
    }

    fn live(&self) -> impl Iterator<Item = (usize, &Account)> {
        let accounts = self.accounts.iter().enumerate();
        accounts.filter(|(_, account)| account.is_live())
    }

    fn by_login(&self, user_name: &str) -> Option<usize> {
        self.live()
            .find(|(_, account)| account.has_login(user_name))
            .map(|(index, _)| index)
    }

    fn holders(&self, key: &str, but: Option<usize>) -> Vec<&Account> {
        self.live()
            .filter(|(index, account)| Some(*index) != but && account.key().as_deref() == Some(key))
            .map(|(_, account)| account)
            .collect()
    }

    fn find_live(&self, index: Option<usize>) -> Result<usize, Reason> {
        index
            .filter(|index| self.accounts[*index].is_live())
            .ok_or(Reason::AccountNotFound)
    }

    /// What upkeep removes.
    pub fn purge_expired(&mut self, now: Timestamp) {
        for index in 0..self.accounts.len() {
            let account = &self.accounts[index];
            if account.is_tombstone() && account.deleted_at < Some(now.minus(RETENTION)) {
                self.forget(index);
            }
        }
    }

    fn forget(&mut self, index: usize) {
        self.accounts[index].purged = true;
        self.members.remove(&index);
    }
}
