//! What a listing of accounts, groups or members asks for: a filter, an order, a page.

use uuid::Uuid;

use crate::{
    accounts::Account,
    attributes::{filter::Filter, order::Order},
    groups::{Group, Member},
};

/// Which rows, in which order, from where on.
#[derive(Clone, Debug)]
pub struct RowQuery<'a> {
    /// Which; absent: all that are not deleted.
    pub filter: Option<&'a Filter>,
    /// In which order.
    pub order: Order,
    /// At most this many.
    pub limit: u32,
    /// Leave out this many at first; the caller bounds it, since its cost grows with it.
    pub skip: u32,
    /// Behind this place.
    pub after: Option<PageKey>,
}

/// A place between two rows of a sorted listing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageKey {
    /// What the row before the place is sorted by, as text; absent when it has no value, or when only ids order.
    pub value: Option<String>,
    /// Its id.
    pub id: Uuid,
}

/// A page of members of a group.
#[derive(Clone, Debug, Default)]
pub struct MemberPage {
    /// In order.
    pub members: Vec<Member>,
    /// The place behind the last member; absent when no member that matches is behind it.
    pub next: Option<PageKey>,
}

/// A page of groups, without members.
#[derive(Clone, Debug, Default)]
pub struct GroupPage {
    /// In order.
    pub groups: Vec<Group>,
    /// The place behind the last group; absent when no group that matches is behind it.
    pub next: Option<PageKey>,
}

/// A page of a listing.
#[derive(Clone, Debug, Default)]
pub struct AccountPage {
    /// In order.
    pub accounts: Vec<Account>,
    /// The place behind the last account; absent when no account that matches is behind it.
    pub next: Option<PageKey>,
}
