//! Tenants: the DragOnce subscribers and their provisioning settings.

mod dialect;
mod entra_job;
mod use_cases;

use std::{fmt, time::Duration};

pub use self::{
    dialect::{Dialect, Rules, UnknownMembers, UnknownSchemas},
    entra_job::EntraJob,
    use_cases::{NewTenant, TenantChanges, TenantPage},
};
use crate::{
    attributes::patch::PatchRules, clock::Timestamp, guard::DeprovisionGuard, ids::TenantId,
};

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
    /// Grows by one with every change of the schemas that the tenant defines.
    pub schema_version: i64,
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
    /// What happens to ids of members that the tenant does not have; absent: what the dialect says.
    pub unknown_members: Option<UnknownMembers>,
    /// Whether two groups may not share one display name; absent: what the dialect says.
    pub group_display_name_unique: Option<bool>,
    /// What happens to attributes of schemas that the tenant has not defined; absent: what the dialect says.
    pub unknown_schemas: Option<UnknownSchemas>,
    /// Where its provisioning job is in Entra, so that remedies name it.
    pub entra_job: Option<EntraJob>,
    /// How many suspensions, deletions and removals from groups pass by themselves; absent: all.
    pub deprovision_guard: Option<DeprovisionGuard>,
}

impl TenantSettings {
    /// 30 days: as long as Entra itself keeps a deleted user.
    pub const TOMBSTONE_RETENTION_DEFAULT: Duration = Duration::from_hours(30 * 24);

    /// The answers that hold for the tenant: those of its dialect, but for what it has settled otherwise.
    pub fn rules(&self) -> Rules {
        let preset = *self.dialect.rules();
        let keep_unknown_schemas = match self.unknown_schemas {
            None => preset.patch.keep_unknown_schemas,
            Some(UnknownSchemas::Keep) => true,
            Some(UnknownSchemas::Ignore) => false,
        };
        Rules {
            patch: PatchRules {
                keep_unknown_schemas,
                ..preset.patch
            },
            unknown_members: self.unknown_members.unwrap_or(preset.unknown_members),
            group_display_name_unique: self
                .group_display_name_unique
                .unwrap_or(preset.group_display_name_unique),
            ..preset
        }
    }
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            dialect: Dialect::Entra,
            object_id_unique: false,
            tombstone_retention: Self::TOMBSTONE_RETENTION_DEFAULT,
            unknown_members: None,
            group_display_name_unique: None,
            unknown_schemas: None,
            entra_job: None,
            deprovision_guard: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_may_settle_otherwise_than_its_dialect() {
        let mut settings = TenantSettings::default();
        assert_eq!(settings.rules(), *Dialect::Entra.rules());
        settings.unknown_members = Some(UnknownMembers::Reject);
        settings.group_display_name_unique = Some(false);
        let rules = settings.rules();
        assert_eq!(
            (rules.unknown_members, rules.group_display_name_unique),
            (UnknownMembers::Reject, false)
        );
        assert_eq!(rules.patch, Dialect::Entra.rules().patch);
        settings.unknown_schemas = Some(UnknownSchemas::Ignore);
        assert!(!settings.rules().patch.keep_unknown_schemas);
    }

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
