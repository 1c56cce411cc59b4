//! What admins' decisions come to.

use provisioning_core::{clock::Timestamp, error::Reason};

use super::{Account, Answer, RETENTION, Tenant, guid, key};

impl Tenant {
    pub fn link(&mut self, index: Option<usize>, text: &str) -> Answer {
        let asked = guid(text).ok_or(Reason::InvalidValue)?;
        self.link_as(index, &asked, canonical(&asked))
    }

    fn link_as(&mut self, index: Option<usize>, asked: &str, spelled: String) -> Answer {
        let index = self.find_live(index)?;
        if !self.holders(asked, Some(index)).is_empty() {
            return Err(Reason::Uniqueness);
        }
        let account = &mut self.accounts[index];
        if account.key().as_deref() != Some(asked) {
            account.set_object_id(Some(spelled));
        }
        account.exclusive = true;
        account.pinned = true;
        Ok(())
    }

    /// A line of a bulk link: the account is found by its login.
    pub fn link_line(&mut self, user_name: &str, text: &str) -> Answer {
        self.link(self.by_login(user_name), text)
    }

    pub fn unlink(&mut self, index: Option<usize>) -> Answer {
        let index = self.find_live(index)?;
        if self.accounts[index].object_id.is_none() {
            return Err(Reason::NotLinked);
        }
        self.take_off(index);
        Ok(())
    }

    fn take_off(&mut self, index: usize) {
        let account = &mut self.accounts[index];
        if account.object_id.is_some() {
            account.set_object_id(None);
            account.exclusive = false;
            account.pinned = false;
        }
    }

    /// The account has again what it had before a step.
    pub fn revert(&mut self, index: Option<usize>, before: Option<&str>) -> Answer {
        let index = self.find_live(index)?;
        let Some(before) = before else {
            self.take_off(index);
            return Ok(());
        };
        if let Some(asked) = guid(before) {
            return self.link_as(Some(index), &asked, before.to_owned());
        }
        let unique = self.settings.unique;
        let is_so = self.accounts[index].object_id.as_deref() == Some(before);
        if is_so && !self.accounts[index].pinned {
            return Ok(());
        }
        if unique && !self.holders(&key(before), Some(index)).is_empty() {
            return Err(Reason::Uniqueness);
        }
        let account = &mut self.accounts[index];
        account.set_object_id(Some(before.to_owned()));
        account.exclusive = unique;
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
        let exclusive = account.exclusive || self.settings.unique;
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
}

fn canonical(digits: &str) -> String {
    let (one, rest) = digits.split_at(8);
    let (two, rest) = rest.split_at(4);
    let (three, rest) = rest.split_at(4);
    let (four, five) = rest.split_at(4);
    format!("{one}-{two}-{three}-{four}-{five}")
}
