//! The only place that holds the connections of all objects, by their type and position.

use crate::connection::{Connection, Escrow, Memberships};
use crate::directory::{Directory, ObjectType};

/// An object of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) object_type: ObjectType,
    pub(crate) index: usize,
}

impl Object {
    pub(crate) const fn user(index: usize) -> Self {
        Self {
            object_type: ObjectType::User,
            index,
        }
    }

    pub(crate) const fn group(index: usize) -> Self {
        Self {
            object_type: ObjectType::Group,
            index,
        }
    }
}

/// What Entra remembers of every object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    pub(crate) users: Vec<Connection>,
    pub(crate) groups: Vec<Connection>,
    /// By the position of the group.
    pub(crate) memberships: Vec<Memberships>,
}

impl Connections {
    /// Has room for what was added to the directory.
    pub(crate) fn cover(&mut self, directory: &Directory) {
        let groups = directory.groups().len();
        self.users
            .resize(directory.users().len(), Connection::default());
        self.groups.resize(groups, Connection::default());
        self.memberships.resize(groups, Memberships::default());
    }

    pub(crate) fn get(&self, object: Object) -> &Connection {
        match object.object_type {
            ObjectType::User => &self.users[object.index],
            ObjectType::Group => &self.groups[object.index],
        }
    }

    pub(crate) fn get_mut(&mut self, object: Object) -> &mut Connection {
        match object.object_type {
            ObjectType::User => &mut self.users[object.index],
            ObjectType::Group => &mut self.groups[object.index],
        }
    }

    /// Every object, users first.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Object> + use<> {
        let users = (0..self.users.len()).map(Object::user);
        users.chain((0..self.groups.len()).map(Object::group))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.users.iter().chain(&self.groups)
    }

    /// Objects in escrow, references not counted.
    pub(crate) fn escrows(&self) -> impl Iterator<Item = Escrow> + '_ {
        self.iter().filter_map(|connection| connection.escrow)
    }

    /// References in escrow: managers and members.
    pub(crate) fn reference_escrows(&self) -> impl Iterator<Item = Escrow> + '_ {
        let managers = self
            .iter()
            .filter_map(|connection| connection.reference_escrow);
        let members = self
            .memberships
            .iter()
            .flat_map(|memberships| memberships.members.values())
            .filter_map(|membership| membership.escrow);
        managers.chain(members)
    }

    pub(crate) fn forget_escrows(&mut self) {
        self.users
            .iter_mut()
            .chain(&mut self.groups)
            .for_each(Connection::forget_escrows);
        self.memberships
            .iter_mut()
            .for_each(Memberships::forget_escrows);
    }
}
