//! The only place for what an admin can change in the mapping: the attributes that objects are matched on, and what becomes
//! `externalId`.

use serde::{Deserialize, Serialize};

use crate::directory::ObjectType;

/// The changeable part of the attribute mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// What users have as `externalId`. Groups have their object id, as in Entra's default mapping.
    pub external_id: ExternalId,
    /// Matching attributes by precedence, at least one: each is asked in turn, and the first that hits wins.
    pub matching: Vec<Matching>,
}

/// Source of a user's `externalId`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalId {
    /// What vendors advise: it never changes.
    #[default]
    ObjectId,
    /// What Entra's template has: it changes and need not be unique.
    MailNickname,
}

/// An attribute that finds an object on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// `userName` of users, `displayName` of groups.
    Name,
    /// `externalId` of both.
    ExternalId,
}

impl Default for Mapping {
    /// `objectId` to `externalId`, found by name.
    fn default() -> Self {
        Self::matching_on(&[Matching::Name])
    }
}

impl Mapping {
    /// `objectId` to `externalId`, found by these attributes.
    pub fn matching_on(matching: &[Matching]) -> Self {
        Self {
            external_id: ExternalId::ObjectId,
            matching: matching.to_vec(),
        }
    }

    /// The attribute that "Test Connection" asks for.
    pub(crate) fn first(&self) -> Matching {
        self.matching.first().copied().unwrap_or(Matching::Name)
    }
}

impl Matching {
    /// The SCIM attribute.
    pub(crate) fn attribute(self, object_type: ObjectType) -> &'static str {
        match (self, object_type) {
            (Self::Name, ObjectType::User) => "userName",
            (Self::Name, ObjectType::Group) => "displayName",
            (Self::ExternalId, _) => "externalId",
        }
    }

    /// Whether a value that the server shows is the one that was asked for. Names are compared without regard to case.
    pub(crate) fn is_same(self, asked: &str, shown: &str) -> bool {
        match self {
            Self::Name => asked.to_lowercase() == shown.to_lowercase(),
            Self::ExternalId => asked == shown,
        }
    }
}
