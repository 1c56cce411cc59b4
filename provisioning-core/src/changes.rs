//! Changes: what happened to which account or group, numbered per tenant in commit order without gaps.
//!
//! The number is not taken inside the mutating transaction on PostgreSQL: a counter row locked across the commit's flush would let one
//! mutation of a tenant commit at a time. The change is recorded with the mutation, and a sequencer numbers what has been committed
//! (see [`crate::storage`]). SQLite has one writer, which is the commit order itself, and numbers at once.

use uuid::Uuid;

use crate::{
    clock::Timestamp,
    ids::{AccountId, ChangeId, GroupId},
    log::texts,
};

/// One entry of the change stream, recorded with the mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Names the change before it has its number.
    pub id: ChangeId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: ChangeKind,
    /// To what.
    pub resource: Resource,
    /// The version after it. Members of a group may change at the same time: each such change tells the version that it saw and made the next
    /// one of, so that two may tell the same.
    pub version: i64,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// An account.
    Account(AccountId),
    /// A group, or who is in it.
    Group(GroupId),
}

impl Resource {
    /// SCIM's name of its type, which storage keeps beside the id; never change one.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Account(_) => "User",
            Self::Group(_) => "Group",
        }
    }

    /// The id for storage.
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::Account(id) => id.uuid(),
            Self::Group(id) => id.uuid(),
        }
    }

    /// Reads [`type_name`](Self::type_name) and [`uuid`](Self::uuid).
    pub fn from_parts(type_name: &str, id: Uuid) -> Option<Self> {
        [
            Self::Account(AccountId::from_uuid(id)),
            Self::Group(GroupId::from_uuid(id)),
        ]
        .into_iter()
        .find(|resource| resource.type_name() == type_name)
    }
}

texts! {
    /// What happened.
    ChangeKind {
        /// It was created or restored.
        Created = "created",
        /// Its attributes or members changed.
        Updated = "updated",
        /// It was deleted.
        Deleted = "deleted",
    }
}
