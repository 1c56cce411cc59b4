//! What the directory's writes of the group come to.

use std::collections::BTreeSet;

use provisioning_core::{clock::Timestamp, error::Reason};

use super::{Answer, Tenant, guard::Deprovision};
use crate::linking::asked::{Members, Target};

impl Tenant {
    pub fn change_members(&mut self, change: &Members, now: Timestamp) -> Answer {
        let group = self.group.ok_or(Reason::GroupNotFound)?;
        let (clears, removed, added): (_, &[Target], &[Target]) = match change {
            Members::Add(people) => (false, &[], people),
            Members::Remove(people) => (false, people, &[]),
            Members::Replace(people) => (true, &[], people),
            Members::Clear => (true, &[], &[]),
        };
        let mut wanted = self.members.clone();
        if clears {
            wanted.clear();
        }
        for place in removed.iter().filter_map(|target| target.place) {
            wanted.remove(&place);
        }
        wanted.extend(self.known(added));
        let spared = self.spare_protected(&mut wanted);
        self.refuse_strangers(!spared.is_empty(), added)?;

        let leaving: Vec<usize> = self.members.difference(&wanted).copied().collect();
        let left = Deprovision::of_members(group, leaving);
        self.guard.check(Some(&left), now)?;
        self.guard.pass(Some(&left), now);
        let named = self.known(added);
        for place in named.intersection(&self.members) {
            self.guard.let_member_stay(group, *place);
        }
        self.members = wanted;
        Ok(())
    }

    pub fn create_group(&mut self, people: &[Target]) -> Answer {
        if self.group.is_some() {
            return Err(Reason::Uniqueness);
        }
        let mut wanted = self.known(people);
        let spared = self.spare_protected(&mut wanted);
        self.refuse_strangers(!spared.is_empty(), people)?;
        self.group = Some(self.groups_ended);
        self.members = wanted;
        Ok(())
    }

    pub fn delete_group(&mut self, now: Timestamp) -> Answer {
        let group = self.group.ok_or(Reason::GroupNotFound)?;
        if self
            .members
            .iter()
            .any(|place| self.accounts[*place].protected)
        {
            return Err(Reason::AccountProtected);
        }
        let left = Deprovision::of_members(group, self.members.iter().copied().collect());
        self.guard.check(Some(&left), now)?;
        self.guard.pass(Some(&left), now);
        self.members.clear();
        self.group = None;
        self.groups_ended += 1;
        Ok(())
    }

    /// Those who are accounts of the tenant.
    fn known(&self, people: &[Target]) -> BTreeSet<usize> {
        let places = people.iter().filter_map(|target| target.place);
        places
            .filter(|place| self.accounts[*place].is_live())
            .collect()
    }

    /// Who is protected is the member that it is, or is not.
    fn spare_protected(&self, wanted: &mut BTreeSet<usize>) -> BTreeSet<usize> {
        let differ: BTreeSet<usize> = self.members.symmetric_difference(wanted).copied().collect();
        let spared: BTreeSet<usize> = differ
            .into_iter()
            .filter(|place| self.accounts[*place].protected)
            .collect();
        for place in &spared {
            if !wanted.remove(place) {
                wanted.insert(*place);
            }
        }
        spared
    }

    /// The dialect of the RFC passes over nobody.
    fn refuse_strangers(&self, spares_some: bool, added: &[Target]) -> Answer {
        if !self.settings.rfc {
            return Ok(());
        }
        if spares_some {
            return Err(Reason::AccountProtected);
        }
        let is_known = |target: &Target| {
            target
                .place
                .is_some_and(|place| self.accounts[place].is_live())
        };
        if added.iter().all(is_known) {
            Ok(())
        } else {
            Err(Reason::UnknownMember)
        }
    }
}
