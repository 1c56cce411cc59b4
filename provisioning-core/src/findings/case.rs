//! Which of the accounts and groups of a finding is which, as they are now.

use uuid::Uuid;

use super::{Finding, Side};
use crate::{
    accounts::Account,
    attributes::fold::fold,
    groups::Group,
    links::{object_id_key, parse_linkable},
};

/// A finding beside what DragOnce has.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub finding: &'a Finding,
    sides: &'a [Side],
}

impl<'a> Case<'a> {
    pub const fn new(finding: &'a Finding, sides: &'a [Side]) -> Self {
        Self { finding, sides }
    }

    fn accounts(self) -> impl Iterator<Item = &'a Account> {
        self.sides.iter().filter_map(Side::account)
    }

    /// The accounts that are not deleted, in the order of the finding.
    pub fn live(self) -> impl Iterator<Item = &'a Account> {
        self.accounts()
            .filter(|account| account.deleted_at.is_none())
    }

    /// The deleted account.
    pub fn tombstone(self) -> Option<&'a Account> {
        self.accounts().find(|account| account.deleted_at.is_some())
    }

    /// The account whose SCIM id Entra used.
    pub fn addressed(self) -> Option<&'a Account> {
        let id = Uuid::try_parse(&self.finding.directory.scim_id).ok()?;
        self.live().find(|account| account.id.uuid() == id)
    }

    /// The account that has the login account Entra says.
    pub fn login_holder(self) -> Option<&'a Account> {
        let key = fold(&self.finding.directory.user_name);
        self.live().find(|account| account.user_name_key == key)
    }

    /// The accounts that have the Object ID Entra says.
    pub fn object_id_holders(self) -> impl Iterator<Item = &'a Account> {
        let key = object_id_key(&self.finding.directory.object_id);
        self.live().filter(move |account| {
            account.object_id.as_deref().map(object_id_key).as_ref() == Some(&key)
        })
    }

    /// The account that Entra means, by its id or else by its login.
    pub fn meant(self) -> Option<&'a Account> {
        self.addressed().or_else(|| self.login_holder())
    }

    /// The account of the Object ID, and of no other claim of Entra.
    pub fn other_holder(self, than: Option<&Account>) -> Option<&'a Account> {
        self.object_id_holders()
            .find(|account| than.is_none_or(|than| than.id != account.id))
    }

    /// The Object ID that Entra says, when it is a GUID that can be a user's: only such a one names an object of the directory.
    pub fn object_id(self) -> Option<Uuid> {
        parse_linkable(&self.finding.directory.object_id)
    }

    /// The group that has the name Entra wants for another one.
    pub fn name_holder(self) -> Option<&'a Group> {
        let key = fold(&self.finding.directory.display_name);
        let other = Uuid::try_parse(&self.finding.directory.scim_id).ok();
        let mut groups = self.sides.iter().filter_map(Side::group);
        groups.find(|group| group.display_name_key == key && Some(group.id.uuid()) != other)
    }
}
