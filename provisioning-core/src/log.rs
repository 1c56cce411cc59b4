//! The provisioning log: one entry for every mutation and for every refused or failed request.

mod rejected;
mod use_cases;

use std::time::Duration;

pub(crate) use self::use_cases::place_from;
pub use self::{rejected::RejectedRequest, use_cases::LogPage};
pub use crate::attributes::diff::AttributeChange;

use crate::{
    attributes::fold::check_text,
    clock::Timestamp,
    error::{Reason, Refusal},
    ids::LogEntryId,
    links::object_id_key,
};

/// One line of the provisioning log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Ordered by time.
    pub id: LogEntryId,
    /// When.
    pub at: Timestamp,
    /// What was asked for.
    pub operation: Operation,
    /// For [`Operation::RequestRejected`], the HTTP method and route, or the RPC.
    pub request: String,
    /// How it ended.
    pub outcome: Outcome,
    /// On what kind of resource.
    pub resource_type: ResourceType,
    /// The id of the account, group, token or tenant, or the URN of the schema; empty when it never came to one.
    pub resource_id: String,
    /// The Object ID of the account or of the request.
    pub object_id: String,
    /// The login account of the account or of the request.
    pub user_name: String,
    /// What SCIM answers.
    pub http_status: u16,
    /// RFC 7644 section 3.12; empty on success.
    pub scim_type: String,
    /// The reason of the refusal; empty on success.
    pub reason: String,
    /// What the caller was told, or what the admin should know.
    pub detail: String,
    /// The inbound request.
    pub request_id: String,
    /// The SCIM token that was presented.
    pub token_id: String,
    /// Who called: "scim" or the subject of the JWT.
    pub actor: String,
    /// What the mutation changed.
    pub changes: Vec<AttributeChange>,
    /// How long the core took until the commit.
    pub duration: Duration,
    /// Why, as an admin told.
    pub justification: String,
    /// Set where the mutation changed the account's Object ID.
    pub link_step: Option<LinkStep>,
}

/// A change of an account's Object ID: what the history of links is made of. Another spelling of a GUID is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStep {
    /// The Object ID before; absent when it had none.
    pub before: Option<String>,
    /// The Object ID after; absent when it has none.
    pub after: Option<String>,
}

impl LinkStep {
    /// The step between two Object IDs; `None` when they are the same.
    pub fn between(before: Option<&str>, after: Option<&str>) -> Option<Self> {
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let step = Self {
            before: filled(before),
            after: filled(after),
        };
        let key = |object_id: &Option<String>| object_id.as_deref().map(object_id_key);
        (key(&step.before) != key(&step.after)).then_some(step)
    }
}

/// What a mutation would do: what a dry run answers instead of writing an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRun {
    /// What the entry would say was done; absent: nothing would change.
    pub operation: Option<Operation>,
    /// What the entry would say had changed.
    pub changes: Vec<AttributeChange>,
}

impl DryRun {
    /// Of the entry that would be written.
    pub(crate) fn of(entry: &LogEntry) -> Self {
        Self {
            operation: Some(entry.operation),
            changes: entry.changes.clone(),
        }
    }

    /// Where everything is as was asked for.
    pub(crate) const fn of_nothing() -> Self {
        Self {
            operation: None,
            changes: Vec::new(),
        }
    }
}

/// Two parts of what the log shall say, either of which may be empty.
pub(crate) fn joined(one: String, other: String) -> String {
    match (one.is_empty(), other.is_empty()) {
        (false, false) => format!("{one} {other}"),
        (true, _) => other,
        (_, true) => one,
    }
}

/// Why an admin does something: one line, which may be missing unless it is `required`.
pub(crate) fn check_reason(reason: &str, required: bool) -> Result<(), Refusal> {
    if reason.is_empty() && !required {
        return Ok(());
    }
    check_text(reason).map_err(|error| {
        Refusal::new(Reason::InvalidRequest, format!("The reason {error}.")).field("reason")
    })
}

/// The longest text taken from a caller.
const TEXT_CHARS_MAX: usize = 1_000;
/// The longest name or id taken from a caller: an index holds it.
const KEY_CHARS_MAX: usize = 256;

/// What storage takes: no NUL, and not without end.
fn bounded(text: &str, chars_max: usize) -> String {
    text.chars()
        .filter(|character| *character != '\0')
        .take(chars_max)
        .collect()
}

impl LogEntry {
    /// Cuts what a caller wrote to what storage takes.
    pub(crate) fn bound(&mut self) {
        for text in [
            &mut self.resource_id,
            &mut self.object_id,
            &mut self.user_name,
            &mut self.actor,
        ] {
            if text.len() > KEY_CHARS_MAX || text.contains('\0') {
                *text = bounded(text, KEY_CHARS_MAX);
            }
        }
        if self.justification.len() > TEXT_CHARS_MAX || self.justification.contains('\0') {
            self.justification = bounded(&self.justification, TEXT_CHARS_MAX);
        }
    }
}

macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The text in storage and in filters; never change one.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Reads [`as_str`](Self::as_str).
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}
pub(crate) use texts;

texts! {
    /// What was asked for.
    Operation {
        /// A new account.
        Create = "create",
        /// A tombstone brought back with its id.
        Restore = "restore",
        /// The first write of provisioning to an account that existed before.
        Adopt = "adopt",
        /// PUT.
        Replace = "replace",
        /// PATCH.
        Patch = "patch",
        /// A PATCH or PUT that set `active` to false.
        Suspend = "suspend",
        /// A PATCH or PUT that set `active` to true.
        Activate = "activate",
        /// DELETE.
        Delete = "delete",
        /// A read of one.
        Get = "get",
        /// A read of many.
        List = "list",
        /// An admin set the Object ID.
        Link = "link",
        /// An admin took it off.
        Unlink = "unlink",
        /// The first token.
        TokenGenerate = "token_generate",
        /// A token in place of another.
        TokenRegenerate = "token_regenerate",
        /// The end of a token.
        TokenRevoke = "token_revoke",
        /// A request with a token that is no longer valid.
        Authenticate = "authenticate",
        /// A request that was refused or failed before or behind the use case.
        RequestRejected = "request_rejected",
        /// Settings, or the feature switch.
        TenantUpdate = "tenant_update",
        /// A tenant's extension schema is defined.
        SchemaCreate = "schema_create",
        /// It is defined anew.
        SchemaUpdate = "schema_update",
        /// Its definition is deleted.
        SchemaDelete = "schema_delete",
        /// An admin suspended an account.
        Hold = "hold",
        /// An admin ended a hold.
        Release = "release",
        /// An admin protected an account.
        Protect = "protect",
        /// An admin ended the protection.
        Unprotect = "unprotect",
        /// A deleted account was removed for good.
        Purge = "purge",
        /// An admin closed a finding.
        FindingDismiss = "finding_dismiss",
        /// An admin let a batch of the deprovision guard pass.
        DeprovisionApprove = "deprovision_approve",
        /// An admin refused it.
        DeprovisionDismiss = "deprovision_dismiss",
    }
}

texts! {
    /// How it ended.
    Outcome {
        /// Done.
        Success = "success",
        /// Refused or failed; nothing was changed.
        Failure = "failure",
    }
}

texts! {
    /// What an entry is about.
    ResourceType {
        /// An account.
        User = "User",
        /// A group.
        Group = "Group",
        /// A SCIM token.
        Token = "Token",
        /// The tenant itself.
        Tenant = "Tenant",
        /// An extension schema of the tenant.
        Schema = "Schema",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_be_missing_but_is_one_line() {
        for good in ["", "Renamed in HR on 3 May"] {
            assert_eq!(check_reason(good, false), Ok(()));
        }
        for bad in ["a\nb", "a\0b", &"x".repeat(5000)] {
            assert_eq!(
                check_reason(bad, false).expect_err("it is refused").reason,
                Reason::InvalidRequest
            );
        }
    }
}
