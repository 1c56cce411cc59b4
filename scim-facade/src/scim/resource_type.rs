//! The types of resources: the only place for what tells users and groups apart by name.

use crate::scim::{CORE_GROUP, CORE_USER};

/// A type of resource, RFC 7643 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceType {
    User,
    Group,
}

impl ResourceType {
    /// In the order in which they are published.
    pub(crate) const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The type of that name, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|resource_type| resource_type.name().eq_ignore_ascii_case(name))
    }

    /// `meta.resourceType`, and the name of the type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Where the resources are below the endpoint.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// The URN of its own schema.
    pub(crate) fn schema(self) -> &'static str {
        match self {
            Self::User => CORE_USER,
            Self::Group => CORE_GROUP,
        }
    }

    /// The word for one in a text.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}
