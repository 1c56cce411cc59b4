//! The only place for the directory's groups: a name, members, and whether the application has them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Directory, ObjectId};

/// A group of the directory, with the attributes of Entra's default mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Microsoft Graph's")]
pub struct DirectoryGroup {
    pub object_id: ObjectId,
    pub display_name: String,
    /// Positions of the users who are direct members.
    pub members: BTreeSet<usize>,
    /// Assigned to the enterprise application, and so in its scope.
    pub assigned: bool,
    /// Deleted for good.
    pub deleted: bool,
    /// Counts the changes of everything but the members, which are references and travel apart.
    pub revision: u64,
}

impl DirectoryGroup {
    /// An assigned group without members.
    pub fn new(object_id: ObjectId, display_name: impl Into<String>) -> Self {
        Self {
            object_id,
            display_name: display_name.into(),
            members: BTreeSet::new(),
            assigned: true,
            deleted: false,
            revision: 0,
        }
    }

    /// Whether the application should have the group. Groups have no `active`: one that is out of scope is deleted there.
    pub fn is_in_scope(&self) -> bool {
        self.assigned && !self.deleted
    }
}

impl Directory {
    /// Every group there is or was.
    pub fn groups(&self) -> &[DirectoryGroup] {
        &self.groups
    }

    /// Adds a group and says at which position.
    pub fn add_group(&mut self, group: DirectoryGroup) -> usize {
        self.groups.push(group);
        self.groups.len() - 1
    }

    /// Gives a group another name.
    pub fn rename_group(&mut self, index: usize, display_name: impl Into<String>) {
        let group = &mut self.groups[index];
        group.display_name = display_name.into();
        group.revision += 1;
    }

    /// Assigns a group to the application or takes the assignment away.
    pub fn set_group_assigned(&mut self, index: usize, assigned: bool) {
        let group = &mut self.groups[index];
        group.assigned = assigned;
        group.revision += 1;
    }

    /// Deletes a group for good.
    pub fn delete_group(&mut self, index: usize) {
        let group = &mut self.groups[index];
        group.deleted = true;
        group.members.clear();
        group.revision += 1;
    }

    /// Puts a user into a group. It is no revision: references are compared apart.
    pub fn add_member(&mut self, group: usize, user: usize) {
        self.groups[group].members.insert(user);
    }

    /// Takes a user out of a group.
    pub fn remove_member(&mut self, group: usize, user: usize) {
        self.groups[group].members.remove(&user);
    }
}
