//! By what a finding is found again: each thing that a request can touch of it.

use std::fmt;

use super::Finding;
use crate::{
    accounts::Account,
    attributes::fold::fold,
    groups::Group,
    ids::{AccountId, GroupId},
    links::object_id_key,
};

/// One thing that a finding is about. The texts are in storage: never change a word of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingKey {
    /// An account.
    Account(AccountId),
    /// A group.
    Group(GroupId),
    /// The key of an Object ID ([`object_id_key`]).
    ObjectId(String),
    /// A folded login account.
    UserName(String),
    /// A folded name of a group.
    DisplayName(String),
    /// A SCIM id that was called.
    ScimId(String),
}

impl fmt::Display for FindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account/{id}"),
            Self::Group(id) => write!(f, "group/{id}"),
            Self::ObjectId(key) => write!(f, "object_id/{key}"),
            Self::UserName(key) => write!(f, "user_name/{key}"),
            Self::DisplayName(key) => write!(f, "display_name/{key}"),
            Self::ScimId(id) => write!(f, "scim_id/{id}"),
        }
    }
}

impl FindingKey {
    /// What a request touches that reaches an account.
    pub fn of_account(account: &Account) -> Vec<Self> {
        let object_id = account.object_id.as_deref().map(object_id_key);
        [
            Self::Account(account.id),
            Self::ScimId(account.id.to_string()),
            Self::UserName(account.user_name_key.clone()),
        ]
        .into_iter()
        .chain(object_id.map(Self::ObjectId))
        .collect()
    }

    /// What a request touches that reaches a group.
    pub fn of_group(group: &Group) -> Vec<Self> {
        let object_id = group.object_id.as_deref().map(object_id_key);
        [
            Self::Group(group.id),
            Self::ScimId(group.id.to_string()),
            Self::DisplayName(group.display_name_key.clone()),
        ]
        .into_iter()
        .chain(object_id.map(Self::ObjectId))
        .collect()
    }
}

impl Finding {
    /// By what it is found.
    pub fn keys(&self) -> Vec<FindingKey> {
        let told = |text: &String| (!text.is_empty()).then(|| text.clone());
        let directory = &self.directory;
        let mut keys: Vec<FindingKey> = self
            .accounts
            .iter()
            .copied()
            .map(FindingKey::Account)
            .collect();
        keys.extend(self.group.map(FindingKey::Group));
        keys.extend(
            told(&directory.object_id).map(|text| FindingKey::ObjectId(object_id_key(&text))),
        );
        keys.extend(told(&directory.user_name).map(|text| FindingKey::UserName(fold(&text))));
        keys.extend(told(&directory.display_name).map(|text| FindingKey::DisplayName(fold(&text))));
        keys.extend(told(&directory.scim_id).map(FindingKey::ScimId));
        keys
    }
}
