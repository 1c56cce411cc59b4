//! The only place for Entra's side of the story: users, what an admin can do to them, and what the engine sees of it. Groups
//! have a file of their own.

mod groups;

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use groups::DirectoryGroup;

/// The id of an object in Entra; a GUID that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(pub Uuid);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an object is; Microsoft Graph's `objectTypeName`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Microsoft's")]
pub enum ObjectType {
    User,
    Group,
}

/// Whether an object exists in Entra.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// In the directory.
    Live,
    /// In the recycle bin for 30 days.
    SoftDeleted {
        /// The name to come back under.
        original_user_principal_name: String,
    },
    /// Gone for good.
    Purged,
}

/// A user of the directory, with the attributes of Entra's default mapping. `None` is Entra's null: it is never sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Microsoft Graph's")]
pub struct DirectoryUser {
    pub object_id: ObjectId,
    pub user_principal_name: String,
    pub account_enabled: bool,
    /// Made of the name at creation; a renamed user keeps it.
    pub mail_nickname: Option<String>,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub surname: Option<String>,
    pub job_title: Option<String>,
    pub mail: Option<String>,
    pub preferred_language: Option<String>,
    pub physical_delivery_office_name: Option<String>,
    pub street_address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub telephone_number: Option<String>,
    pub mobile: Option<String>,
    pub facsimile_telephone_number: Option<String>,
    pub employee_id: Option<String>,
    pub department: Option<String>,
    /// Position of the manager in the directory.
    pub manager: Option<usize>,
    /// Assigned to the enterprise application, and so in its scope.
    pub assigned: bool,
    pub lifecycle: Lifecycle,
    /// Counts the changes of everything but the manager, which is a reference and travels apart.
    pub revision: u64,
}

impl DirectoryUser {
    /// A live, enabled, assigned user with a name and nothing else.
    pub fn new(object_id: ObjectId, user_principal_name: impl Into<String>) -> Self {
        let user_principal_name = user_principal_name.into();
        let mail_nickname = user_principal_name.split('@').next().map(str::to_owned);
        Self {
            object_id,
            user_principal_name,
            account_enabled: true,
            mail_nickname,
            display_name: None,
            given_name: None,
            surname: None,
            job_title: None,
            mail: None,
            preferred_language: None,
            physical_delivery_office_name: None,
            street_address: None,
            city: None,
            state: None,
            postal_code: None,
            country: None,
            telephone_number: None,
            mobile: None,
            facsimile_telephone_number: None,
            employee_id: None,
            department: None,
            manager: None,
            assigned: true,
            lifecycle: Lifecycle::Live,
            revision: 0,
        }
    }

    /// `IsSoftDeleted` of the default mapping is true for four causes: blocked, unassigned, out of scope, softly deleted
    /// (Microsoft's `how-provisioning-works`). This is its opposite, SCIM's `active`.
    pub fn is_active(&self) -> bool {
        self.account_enabled && self.assigned && self.lifecycle == Lifecycle::Live
    }

    /// Whether the object is gone for good.
    pub fn is_purged(&self) -> bool {
        self.lifecycle == Lifecycle::Purged
    }
}

/// All users and groups, at positions that never change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Directory {
    users: Vec<DirectoryUser>,
    #[serde(default)]
    groups: Vec<DirectoryGroup>,
}

impl Directory {
    /// Every user there is or was.
    pub fn users(&self) -> &[DirectoryUser] {
        &self.users
    }

    /// Adds a user and says at which position.
    pub fn add(&mut self, user: DirectoryUser) -> usize {
        self.users.push(user);
        self.users.len() - 1
    }

    /// Changes attributes of a user.
    pub fn update(&mut self, index: usize, change: impl FnOnce(&mut DirectoryUser)) {
        let user = &mut self.users[index];
        change(user);
        user.revision += 1;
    }

    /// Gives a user another login.
    pub fn rename(&mut self, index: usize, user_principal_name: impl Into<String>) {
        self.update(index, |user| {
            user.user_principal_name = user_principal_name.into();
        });
    }

    /// Blocks or allows signing in.
    pub fn set_enabled(&mut self, index: usize, enabled: bool) {
        self.update(index, |user| user.account_enabled = enabled);
    }

    /// Assigns a user to the application or takes the assignment away.
    pub fn set_assigned(&mut self, index: usize, assigned: bool) {
        self.update(index, |user| user.assigned = assigned);
    }

    /// Gives a user another manager or none. It is no revision: references are compared apart.
    pub fn set_manager(&mut self, index: usize, manager: Option<usize>) {
        self.users[index].manager = manager;
    }

    /// Moves a live user to the recycle bin. Entra puts the 32 hex digits of the object id before the name, so that the name is
    /// free.
    pub fn soft_delete(&mut self, index: usize) {
        self.update(index, |user| {
            let tombstone = format!("{}{}", user.object_id.0.simple(), user.user_principal_name);
            let original = std::mem::replace(&mut user.user_principal_name, tombstone);
            user.lifecycle = Lifecycle::SoftDeleted {
                original_user_principal_name: original,
            };
        });
    }

    /// Takes a user out of the recycle bin, under the old name.
    pub fn restore(&mut self, index: usize) {
        self.update(index, |user| {
            if let Lifecycle::SoftDeleted {
                original_user_principal_name,
            } = std::mem::replace(&mut user.lifecycle, Lifecycle::Live)
            {
                user.user_principal_name = original_user_principal_name;
            }
        });
    }

    /// Deletes a user for good; nobody reports to them any more, and no group has them.
    pub fn purge(&mut self, index: usize) {
        self.update(index, |user| user.lifecycle = Lifecycle::Purged);
        for user in &mut self.users {
            if user.manager == Some(index) {
                user.manager = None;
            }
        }
        for group in &mut self.groups {
            group.members.remove(&index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_softly_deleted_user_carries_the_tombstone_name_until_restored() {
        let id = ObjectId(Uuid::from_u128(0x0a21_f0f2_8d2a_4f8e_bf98_7363_c4ae_d4ef));
        let mut directory = Directory::default();
        let alice = directory.add(DirectoryUser::new(id, "alice@contoso.com"));
        directory.soft_delete(alice);
        assert_eq!(
            directory.users()[alice].user_principal_name,
            "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com"
        );
        assert!(!directory.users()[alice].is_active());
        directory.restore(alice);
        assert_eq!(
            directory.users()[alice].user_principal_name,
            "alice@contoso.com"
        );
        assert!(directory.users()[alice].is_active());
        assert_eq!(directory.users()[alice].revision, 2);
    }

    #[test]
    fn nobody_reports_to_a_purged_user_and_no_group_has_them() {
        let mut directory = Directory::default();
        let user = |n| DirectoryUser::new(ObjectId(Uuid::from_u128(n)), "x");
        let manager = directory.add(user(1));
        let report = directory.add(user(2));
        directory.set_manager(report, Some(manager));
        let id = ObjectId(Uuid::from_u128(3));
        let group = directory.add_group(DirectoryGroup::new(id, "Engineering"));
        directory.add_member(group, manager);
        directory.add_member(group, report);
        directory.purge(manager);
        assert_eq!(directory.users()[report].manager, None);
        assert!(directory.groups()[group].members.iter().eq([&report]));
    }
}
