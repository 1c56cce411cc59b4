//! The plain model of one tenant: what each step answers and leaves. It shares no code with the service.

use std::{collections::BTreeSet, time::Duration};

use provisioning_core::{clock::Timestamp, error::Reason, ids::AccountId};

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
}

/// What the directory says of a user.
#[derive(Clone, Debug)]
pub struct Said {
    pub user_name: String,
    pub object_id: Option<String>,
    pub active: Option<bool>,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// No two accounts may share an Object ID.
    pub unique: bool,
    /// All that there ever were, in order.
    pub accounts: Vec<Account>,
    /// The members of its group by place in `accounts`, deleted ones too.
    pub members: BTreeSet<usize>,
}

/// What a step answers.
pub type Answer = Result<(), Reason>;

/// What a create comes to.
#[derive(Debug, PartialEq, Eq)]
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

    fn key(&self) -> Option<String> {
        self.object_id.as_deref().map(key)
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
    pub const fn new(unique: bool) -> Self {
        Self {
            unique,
            accounts: Vec::new(),
            members: BTreeSet::new(),
        }
    }

    fn live(&self) -> impl Iterator<Item = (usize, &Account)> {
        let accounts = self.accounts.iter().enumerate();
        accounts.filter(|(_, account)| account.is_live())
    }

    fn by_login(&self, user_name: &str) -> Option<usize> {
        self.live()
            .find(|(_, account)| account.user_name.eq_ignore_ascii_case(user_name))
            .map(|(index, _)| index)
    }

    fn holders(&self, key: &str, but: Option<usize>) -> Vec<&Account> {
        self.live()
            .filter(|(index, account)| Some(*index) != but && account.key().as_deref() == Some(key))
            .map(|(_, account)| account)
            .collect()
    }

    /// The one of these that was deleted last.
    fn latest(&self, is_meant: impl Fn(&Account) -> bool) -> Option<usize> {
        (0..self.accounts.len())
            .filter(|index| {
                self.accounts[*index].is_tombstone() && is_meant(&self.accounts[*index])
            })
            .max_by_key(|index| self.accounts[*index].deleted_at)
    }

    pub fn create(&mut self, said: &Said, now: Timestamp) -> Result<Created, Reason> {
        if self.by_login(&said.user_name).is_some() {
            return Err(Reason::Uniqueness);
        }
        let key = said.object_id.as_deref().map(key);
        let holders = key.as_deref().map(|key| self.holders(key, None));
        let holders = holders.unwrap_or_default();
        if holders.iter().any(|holder| holder.exclusive) {
            return Err(Reason::Uniqueness);
        }
        let is_free = holders.is_empty();
        let tombstone = said.object_id.as_deref().and_then(guid).and_then(|guid| {
            self.latest(|account| {
                account.key().as_deref() == Some(&guid)
                    && account.deleted_at > Some(now.minus(RETENTION))
            })
        });
        let former = self.latest(|account| account.user_name.eq_ignore_ascii_case(&said.user_name));
        let inherited = former.and_then(|former| self.accounts[former].hold.clone());
        let Some(index) = tombstone else {
            self.accounts.push(Account {
                id: AccountId::generate(now),
                user_name: said.user_name.clone(),
                object_id: said.object_id.clone(),
                exclusive: self.unique,
                pinned: false,
                active: said.active.unwrap_or(true),
                hold: inherited,
                protected: false,
                deleted_at: None,
                purged: false,
            });
            return Ok(Created::New);
        };
        if self.accounts[index].protected {
            return Err(Reason::AccountProtected);
        }
        let unique = self.unique;
        let account = &mut self.accounts[index];
        let keeps_link = account.exclusive && is_free;
        account.user_name.clone_from(&said.user_name);
        account.object_id.clone_from(&said.object_id);
        account.exclusive = keeps_link || unique;
        account.pinned &= keeps_link;
        account.active = said.active.unwrap_or(true);
        account.hold = account.hold.take().or(inherited);
        account.deleted_at = None;
        Ok(Created::Restored(index))
    }

    fn find_live(&self, index: Option<usize>) -> Result<usize, Reason> {
        index
            .filter(|index| self.accounts[*index].is_live())
            .ok_or(Reason::AccountNotFound)
    }

    fn find_writable(&self, index: Option<usize>) -> Result<usize, Reason> {
        let index = self.find_live(index)?;
        if self.accounts[index].protected {
            return Err(Reason::AccountProtected);
        }
        Ok(index)
    }

    /// A write of the directory: `change` makes of what is there what it shall be.
    pub fn write(&mut self, index: Option<usize>, change: impl FnOnce(&mut Said)) -> Answer {
        let index = self.find_writable(index)?;
        let account = &self.accounts[index];
        let mut said = Said {
            user_name: account.user_name.clone(),
            object_id: account.object_id.clone(),
            active: None,
        };
        change(&mut said);
        let old_key = account.key();
        if account.pinned && said.object_id.as_deref().map(key) != old_key {
            said.object_id.clone_from(&account.object_id);
        }
        let new_key = said.object_id.as_deref().map(key);
        if new_key != old_key
            && let Some(key) = &new_key
            && self
                .holders(key, Some(index))
                .iter()
                .any(|holder| self.unique || holder.exclusive)
        {
            return Err(Reason::Uniqueness);
        }
        if self
            .by_login(&said.user_name)
            .is_some_and(|holder| holder != index)
        {
            return Err(Reason::Uniqueness);
        }
        let unique = self.unique;
        let account = &mut self.accounts[index];
        let is_the_same = account.user_name == said.user_name
            && account.object_id == said.object_id
            && said.active.is_none_or(|active| active == account.active);
        if !is_the_same {
            account.exclusive = (account.exclusive && new_key == old_key) || unique;
        }
        account.user_name = said.user_name;
        account.object_id = said.object_id;
        account.active = said.active.unwrap_or(account.active);
        Ok(())
    }

    pub fn delete(&mut self, index: Option<usize>, by_scim: bool, now: Timestamp) -> Answer {
        let index = if by_scim {
            self.find_writable(index)?
        } else {
            self.find_live(index)?
        };
        self.accounts[index].deleted_at = Some(now);
        Ok(())
    }

    /// What the directory asks of members: those not protected come and go.
    pub fn change_members(&mut self, clear: bool, remove: &[usize], add: &[usize]) {
        let is_free = |index: &usize| !self.accounts[*index].protected;
        let mut members = self.members.clone();
        if clear {
            members.retain(|index| !is_free(index));
        }
        for index in remove.iter().filter(|index| is_free(index)) {
            members.remove(index);
        }
        let come = add
            .iter()
            .filter(|index| is_free(index) && self.accounts[**index].is_live());
        members.extend(come);
        self.members = members;
    }

    pub fn link(&mut self, index: Option<usize>, text: &str) -> Answer {
        let asked = guid(text).ok_or(Reason::InvalidValue)?;
        let index = self.find_live(index)?;
        if !self.holders(&asked, Some(index)).is_empty() {
            return Err(Reason::Uniqueness);
        }
        let account = &mut self.accounts[index];
        if account.key().as_deref() != Some(&asked) {
            account.object_id = Some(canonical(&asked));
        }
        account.exclusive = true;
        account.pinned = true;
        Ok(())
    }

    pub fn unlink(&mut self, index: Option<usize>) -> Answer {
        let index = self.find_live(index)?;
        let account = &mut self.accounts[index];
        if account.object_id.take().is_none() {
            return Err(Reason::NotLinked);
        }
        account.exclusive = false;
        account.pinned = false;
        Ok(())
    }

    /// An admin's decision about a living account.
    pub fn settle(&mut self, index: Option<usize>, decide: impl FnOnce(&mut Account)) -> Answer {
        let index = self.find_live(index)?;
        decide(&mut self.accounts[index]);
        Ok(())
    }

    pub fn restore(&mut self, index: Option<usize>, now: Timestamp) -> Answer {
        let index = index
            .filter(|index| !self.accounts[*index].purged)
            .ok_or(Reason::AccountNotFound)?;
        let account = &self.accounts[index];
        let Some(deleted_at) = account.deleted_at else {
            return Ok(());
        };
        if deleted_at <= now.minus(RETENTION) {
            return Err(Reason::RetentionEnded);
        }
        let exclusive = account.exclusive || self.unique;
        let is_taken = account.key().is_some_and(|key| {
            self.holders(&key, None)
                .iter()
                .any(|holder| exclusive || holder.exclusive)
        });
        if is_taken || self.by_login(&account.user_name).is_some() {
            return Err(Reason::Uniqueness);
        }
        let account = &mut self.accounts[index];
        account.deleted_at = None;
        account.exclusive = exclusive;
        Ok(())
    }

    pub fn purge(&mut self, index: Option<usize>) -> Answer {
        let index = index
            .filter(|index| self.accounts[*index].is_tombstone())
            .ok_or(Reason::AccountNotFound)?;
        self.forget(index);
        Ok(())
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

fn canonical(digits: &str) -> String {
    let (one, rest) = digits.split_at(8);
    let (two, rest) = rest.split_at(4);
    let (three, rest) = rest.split_at(4);
    let (four, five) = rest.split_at(4);
    format!("{one}-{two}-{three}-{four}-{five}")
}
