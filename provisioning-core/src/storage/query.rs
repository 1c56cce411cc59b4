//! What a listing of accounts asks for: a filter, an order, a page.

use uuid::Uuid;

use crate::{accounts::Account, attributes::filter::Filter};

/// Which accounts, in which order, from where on.
#[derive(Clone, Debug)]
pub struct AccountQuery<'a> {
    /// Which; absent: all that are not deleted.
    pub filter: Option<&'a Filter>,
    /// In which order.
    pub order: AccountOrder,
    /// At most this many.
    pub limit: u32,
    /// Leave out this many at first; the caller bounds it, since its cost grows with it.
    pub skip: u32,
    /// Behind this place.
    pub after: Option<PageKey>,
}

/// An order of accounts. Accounts without the attribute come last, or first when descending (RFC 7644 section 3.4.2.3); equal ones by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountOrder {
    /// By which attribute; absent: by id, which is the order of creation.
    pub attribute: Option<SortAttribute>,
    /// Backwards.
    pub descending: bool,
}

/// What accounts can be sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortAttribute {
    /// `userName`, folded.
    UserName,
    /// `displayName`, folded.
    DisplayName,
    /// `meta.created`.
    CreatedAt,
    /// `meta.lastModified`.
    UpdatedAt,
    /// Any other with one value, by the keys that lead to it in the search document.
    Search(Vec<String>),
}

/// A place between two accounts of a sorted listing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageKey {
    /// The sort value of the account before the place.
    pub value: SortValue,
    /// Its id.
    pub id: Uuid,
}

impl PageKey {
    /// Whether it can be a place in this order: a page token may be anything that a caller made up.
    pub fn fits(&self, order: &AccountOrder) -> bool {
        match (&order.attribute, &self.value) {
            (None, value) => *value == SortValue::None,
            (Some(SortAttribute::CreatedAt | SortAttribute::UpdatedAt), SortValue::Int(_)) => true,
            (Some(SortAttribute::UserName), SortValue::Text(text)) => !text.contains('\0'),
            (
                Some(SortAttribute::CreatedAt | SortAttribute::UpdatedAt | SortAttribute::UserName),
                _,
            ) => false,
            (Some(SortAttribute::DisplayName | SortAttribute::Search(_)), value) => match value {
                SortValue::None => true,
                SortValue::Text(text) => !text.contains('\0'),
                SortValue::Int(_) => false,
            },
        }
    }
}

/// What an account is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SortValue {
    /// The id alone, or the account has no such attribute.
    None,
    /// A time in microseconds.
    Int(i64),
    /// A folded text.
    Text(String),
}

/// A page of a listing.
#[derive(Clone, Debug, Default)]
pub struct AccountPage {
    /// In order.
    pub accounts: Vec<Account>,
    /// The place behind the last account; absent when no account that matches is behind it.
    pub next: Option<PageKey>,
}
