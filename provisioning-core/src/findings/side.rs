//! What DragOnce has on its side of a finding, as it is now.

use uuid::Uuid;

use crate::{accounts::Account, groups::Group};

/// One account or group that a finding is about, a deleted one too.
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    /// An account.
    Account(Account),
    /// A group.
    Group(Group),
}

impl Side {
    /// The id of the account or group.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Account(account) => account.id.uuid(),
            Self::Group(group) => group.id.uuid(),
        }
    }

    /// The account, where it is one.
    pub const fn account(&self) -> Option<&Account> {
        match self {
            Self::Account(account) => Some(account),
            Self::Group(_) => None,
        }
    }

    /// The group, where it is one.
    pub const fn group(&self) -> Option<&Group> {
        match self {
            Self::Account(_) => None,
            Self::Group(group) => Some(group),
        }
    }
}
