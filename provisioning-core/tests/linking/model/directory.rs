//! What writes of accounts come to: those of the directory, and those of services, who may more.

use provisioning_core::{clock::Timestamp, error::Reason, ids::AccountId};

use super::{
    Account, Answer, By, Created, RETENTION, Tenant,
    guard::{Action, Deprovision},
    guid, key,
};
use crate::linking::asked::{Change, Said};

impl Tenant {
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
        let former = self.latest(|account| account.has_login(&said.user_name));
        let inherited = former.and_then(|former| self.accounts[former].hold.clone());
        let unique = self.settings.unique;
        let Some(index) = tombstone else {
            let mut account = Account {
                id: AccountId::generate(now),
                user_name: said.user_name.clone(),
                object_id: None,
                exclusive: unique,
                pinned: false,
                active: said.active.unwrap_or(true),
                hold: inherited,
                protected: false,
                deleted_at: None,
                purged: false,
                steps: Vec::new(),
            };
            account.set_object_id(said.object_id.clone());
            self.accounts.push(account);
            return Ok(Created::New);
        };
        if self.accounts[index].protected {
            return Err(Reason::AccountProtected);
        }
        let account = &mut self.accounts[index];
        let keeps_link = account.exclusive && is_free;
        account.user_name.clone_from(&said.user_name);
        account.set_object_id(said.object_id.clone());
        account.exclusive = keeps_link || unique;
        account.pinned &= keeps_link;
        account.active = said.active.unwrap_or(true);
        account.hold = account.hold.take().or(inherited);
        account.deleted_at = None;
        Ok(Created::Restored(index))
    }

    fn find_writable(&self, index: Option<usize>, by: By) -> Result<usize, Reason> {
        let index = self.find_live(index)?;
        if self.accounts[index].protected && by == By::Scim {
            return Err(Reason::AccountProtected);
        }
        Ok(index)
    }

    pub fn replace(&mut self, index: Option<usize>, said: &Said, by: By, now: Timestamp) -> Answer {
        self.write(index, by, now, |there| *there = said.clone())
    }

    pub fn patch(
        &mut self,
        index: Option<usize>,
        change: &Change,
        by: By,
        now: Timestamp,
    ) -> Answer {
        self.write(index, by, now, |said| match change {
            Change::UserName(user_name) => said.user_name.clone_from(user_name),
            Change::ObjectId(object_id) => said.object_id.clone_from(object_id),
            Change::Active(active) => said.active = Some(*active),
        })
    }

    /// `change` makes of what is there what it shall be.
    fn write(
        &mut self,
        index: Option<usize>,
        by: By,
        now: Timestamp,
        change: impl FnOnce(&mut Said),
    ) -> Answer {
        let index = self.find_writable(index, by)?;
        let account = &self.accounts[index];
        let mut said = Said {
            user_name: account.user_name.clone(),
            object_id: account.object_id.clone(),
            active: None,
        };
        change(&mut said);
        let old_key = account.key();
        if account.pinned && said.object_id.as_deref().map(key) != old_key {
            if by == By::Jwt {
                return Err(Reason::Mutability);
            }
            said.object_id.clone_from(&account.object_id);
        }
        let new_key = said.object_id.as_deref().map(key);
        if new_key != old_key
            && let Some(key) = &new_key
            && self
                .holders(key, Some(index))
                .iter()
                .any(|holder| self.settings.unique || holder.exclusive)
        {
            return Err(Reason::Uniqueness);
        }
        let suspends = account.active && said.active == Some(false) && by == By::Scim;
        let suspended = suspends.then(|| Deprovision::of_account(index, Action::Suspend));
        self.guard.check(suspended.as_ref(), now)?;
        if self
            .by_login(&said.user_name)
            .is_some_and(|holder| holder != index)
        {
            return Err(Reason::Uniqueness);
        }
        self.guard.pass(suspended.as_ref(), now);
        let account = &mut self.accounts[index];
        let is_the_same = account.user_name == said.user_name
            && account.object_id == said.object_id
            && said.active.is_none_or(|active| active == account.active);
        if !is_the_same {
            account.exclusive = (account.exclusive && new_key == old_key) || self.settings.unique;
        }
        account.user_name = said.user_name;
        account.set_object_id(said.object_id);
        account.active = said.active.unwrap_or(account.active);
        if said.active == Some(true) && by == By::Scim {
            self.guard.let_account_stay(index);
        }
        Ok(())
    }

    pub fn delete(&mut self, index: Option<usize>, by: By, now: Timestamp) -> Answer {
        let index = self.find_writable(index, by)?;
        let deleted = (by == By::Scim).then(|| Deprovision::of_account(index, Action::Delete));
        self.guard.check(deleted.as_ref(), now)?;
        self.guard.pass(deleted.as_ref(), now);
        self.accounts[index].deleted_at = Some(now);
        Ok(())
    }
}
