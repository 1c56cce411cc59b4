//! Tenants: the DragOnce subscribers and their provisioning settings.

mod use_cases;

use std::{fmt, time::Duration};

pub use self::use_cases::{NewTenant, TenantChanges, TenantPage};
use crate::{attributes::patch::PatchRules, clock::Timestamp, ids::TenantId};

/// The Subscriber Identifier: a slug, part of the SCIM endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

impl Identifier {
    /// 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends; `None` otherwise. 63 is the length of a DNS label.
    pub fn parse(text: &str) -> Option<Self> {
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = text.len() <= 63
            && edge(text.chars().next())
            && edge(text.chars().last())
            && text.chars().all(inner);
        fits.then(|| Self(text.to_owned()))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A DragOnce subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Stable id.
    pub id: TenantId,
    /// The Subscriber Identifier.
    pub identifier: Identifier,
    /// For people.
    pub display_name: String,
    /// Whether the paid feature is on.
    pub provisioning_enabled: bool,
    /// What the tenant decides for itself.
    pub settings: TenantSettings,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a tenant decides for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// How to answer where the RFC and clients differ.
    pub dialect: Dialect,
    /// Whether two accounts may not share one Object ID.
    pub object_id_unique: bool,
    /// How long a deleted account can be restored.
    pub tombstone_retention: Duration,
}

impl TenantSettings {
    /// 30 days: as long as Entra itself keeps a deleted user.
    pub const TOMBSTONE_RETENTION_DEFAULT: Duration = Duration::from_hours(30 * 24);
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            dialect: Dialect::Entra,
            object_id_unique: false,
            tombstone_retention: Self::TOMBSTONE_RETENTION_DEFAULT,
        }
    }
}

/// A set of answers to the questions on which the RFC and clients differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// What Microsoft Entra ID needs.
    Entra,
    /// RFC 7644 to the letter.
    Rfc,
}

impl Dialect {
    /// How a PATCH treats a value path that selects nothing, and what DragOnce has no attribute for.
    pub const fn patch_rules(self) -> PatchRules {
        match self {
            Self::Entra => PatchRules::ENTRA,
            Self::Rfc => PatchRules::RFC,
        }
    }

    /// The text in storage; never change one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Rfc => "rfc",
        }
    }

    /// Reads [`as_str`](Self::as_str).
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Entra, Self::Rfc]
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_dns_label_in_lower_case() {
        for good in ["a", "contoso", "a-1", "1a", &"x".repeat(63)] {
            assert!(Identifier::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "é",
            "a/b",
            &"x".repeat(64),
        ] {
            assert!(Identifier::parse(bad).is_none(), "{bad}");
        }
    }
}
