//! The one place that knows in what the dialects differ: where the RFC, Entra and other clients want different answers, a tenant's dialect gives
//! the preset, and some of its settings may say otherwise.

use crate::{attributes::patch::PatchRules, log::texts};

/// A set of answers to the questions on which the RFC and clients differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// What Microsoft Entra ID needs.
    Entra,
    /// RFC 7644 to the letter.
    Rfc,
}

/// The answers of one dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How a PATCH treats a value path that selects nothing, and what DragOnce has no attribute for.
    pub patch: PatchRules,
    /// Whether a PATCH may leave `active` unassigned. In any case the account stays suspended, or not, as it was.
    pub active_unassigned: bool,
    /// What SCIM answers to a PATCH of an account: 200 with the resource, or 204.
    pub account_patch_status: u16,
    /// What happens to ids of members that the tenant does not have.
    pub unknown_members: UnknownMembers,
    /// Whether a group shows the names of its members beside their ids: RFC 7643 section 8.7.1 has none, and clients that take a schema at its
    /// word compare what they wrote with what they read.
    pub member_display: bool,
    /// Whether two groups may not share one display name.
    pub group_display_name_unique: bool,
}

const ENTRA: Rules = Rules {
    patch: PatchRules {
        replace_creates: true,
        ignore_unknown: true,
        keep_unknown_schemas: true,
    },
    active_unassigned: false,
    account_patch_status: 204,
    unknown_members: UnknownMembers::Ignore,
    member_display: true,
    group_display_name_unique: true,
};

const RFC: Rules = Rules {
    patch: PatchRules {
        replace_creates: false,
        ignore_unknown: false,
        keep_unknown_schemas: true,
    },
    active_unassigned: true,
    account_patch_status: 200,
    unknown_members: UnknownMembers::Reject,
    member_display: false,
    group_display_name_unique: false,
};

impl Dialect {
    /// Its answers.
    pub const fn rules(self) -> &'static Rules {
        match self {
            Self::Entra => &ENTRA,
            Self::Rfc => &RFC,
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

texts! {
    /// What happens when a group is to get a member that the tenant does not have.
    UnknownMembers {
        /// It is passed over, and named in the log entry.
        Ignore = "ignore",
        /// The request is refused.
        Reject = "reject",
    }
}

texts! {
    /// What happens to attributes of schemas that the tenant has not defined.
    UnknownSchemas {
        /// They are kept, and come back as they were given.
        Keep = "keep",
        /// They are passed over, and named in the log entry.
        Ignore = "ignore",
    }
}
