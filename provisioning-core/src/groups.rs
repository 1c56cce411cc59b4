//! Groups: what one is, who is in it, and what may be done with it.

mod create;
mod delta;
mod draft;
mod list;
mod logged;
mod members;
mod plan;
mod protection;
mod read;
mod refusals;
mod write;

use uuid::Uuid;

pub use delta::Delta;
pub use draft::Draft;
pub use list::{GroupPage, ListMembersQuery, MemberPage};
pub(crate) use logged::{Moved, telling_members};
pub use write::Written;

pub use crate::listing::ListQuery;

use crate::{attributes::show::Shows, clock::Timestamp, ids::GroupId, log::texts};

/// A group of accounts and other groups of one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Also the SCIM `id`.
    pub id: GroupId,
    /// Its name, as it was given.
    pub display_name: String,
    /// The name folded ([`crate::attributes::fold`]).
    pub display_name_key: String,
    /// SCIM `externalId`, as it was given; several groups may share one.
    pub object_id: Option<String>,
    /// Grows by one with every change of its own attributes.
    pub own_version: i64,
    /// Grows by one with every change of its own attributes or of its members: two states of a group never have the same.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it or its members last changed; never goes back.
    pub updated_at: Timestamp,
    /// The attributes as SCIM JSON with canonical names: everything but `id`, `schemas`, `meta` and `members`.
    pub document: String,
    /// Its direct members that are not deleted, by id; absent where they were not asked for.
    pub members: Option<Vec<Member>>,
    /// What of its extensions is not shown by default. Known when it is shown, and not written with it.
    pub shows: Shows,
}

impl Group {
    /// The strong entity tag of this version, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// A direct member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of an account or of a group.
    pub id: Uuid,
    /// Which of the two.
    pub kind: MemberType,
    /// The member's display name, or else an account's login; empty where the tenant's dialect does not show it.
    pub display: String,
}

texts! {
    /// What a member is: SCIM's `type`.
    MemberType {
        /// An account.
        User = "User",
        /// A group.
        Group = "Group",
    }
}

/// A group that an account is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group_id: GroupId,
    /// Its name.
    pub display: String,
    /// Whether the account itself is a member, rather than a group that it is in.
    pub direct: bool,
}

/// By what one group is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKey {
    /// By id.
    Id(GroupId),
    /// By folded name; several groups may share one where the tenant's settings let them.
    DisplayName(String),
    /// By Object ID; several groups may share one.
    ObjectId(String),
}

/// How much of a group is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Without members: membership is not touched.
    #[default]
    Basic,
    /// With all direct members, at most [`MEMBERS_MAX`].
    Full,
}

/// Members in one answer, of all its groups together: more would be a message that no caller waits for.
pub const MEMBERS_MAX: u32 = 10_000;
/// Ids of members in one request: what a body of 1 MiB holds of them.
pub const MEMBERS_IN_REQUEST_MAX: usize = 20_000;

/// An id of a member in a request, and what the tenant has of that id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The id.
    pub id: Uuid,
    /// What stands behind it; none when there is no account or group of that id, or it is deleted.
    pub member: Option<Member>,
    /// Whether it is a member now, also when it is deleted.
    pub is_member: bool,
    /// Whether it is an account that provisioning may not write, also when it is deleted.
    pub protected: bool,
}
