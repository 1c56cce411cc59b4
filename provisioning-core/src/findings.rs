//! Findings: mismatches between Object ID, login account and what Entra asks for. The doctor of the links.
//!
//! A finding is opened by the request that shows the mismatch, in the transaction that logs it, and closed by the request that shows the cure.
//! What is stored is what the directory said and which accounts or groups it is about; how they stand now, what is to be said about it and what
//! can be done is made when it is read.

mod access;
mod case;
mod cure;
mod describe;
mod diagnose;
mod examine;
mod forecast;
mod key;
mod not_guid;
mod observe;
mod remedies;
mod side;
mod sighting;
#[cfg(test)]
mod tests;
mod use_cases;

use uuid::Uuid;

pub(crate) use self::{
    cure::{Act, Reached},
    not_guid::NotGuidSeen,
    observe::{AccountWritten, matched_by},
    sighting::Person,
};
pub use self::{
    describe::summary,
    diagnose::{Diagnosis, Subject},
    forecast::ExpectedRequest,
    key::FindingKey,
    remedies::remedies,
    side::Side,
    sighting::Sighting,
    use_cases::{FindingPage, ListFindings, Presented},
};
use crate::{
    clock::Timestamp,
    ids::{AccountId, GroupId, LogEntryId},
    log::texts,
};

texts! {
    /// What is wrong: `FindingKind` of the contract. The texts are in storage: never change one.
    FindingKind {
        /// Entra sends Object IDs that are no GUIDs.
        ObjectIdNotGuid = "object_id_not_guid",
        /// Entra gives one person the Object ID that an admin linked to another account.
        ObjectIdOnAnotherAccount = "object_id_on_another_account",
        /// Two or more accounts have one Object ID.
        ObjectIdShared = "object_id_shared",
        /// An account is known by its login but has no Object ID, and Entra posts it again and again.
        LoginNotLinked = "login_not_linked",
        /// The login account is one account's, the Object ID another's.
        LoginAndObjectIdOnTwoAccounts = "login_and_object_id_on_two_accounts",
        /// The account of the login has another Object ID than Entra says.
        ObjectIdMismatch = "object_id_mismatch",
        /// Entra calls an account by a SCIM id that is gone.
        StaleScimId = "stale_scim_id",
        /// The login account of a linked account was renamed on one side.
        LoginRenamed = "login_renamed",
        /// The login account is the name that Entra gives to a deleted user.
        TombstoneLogin = "tombstone_login",
        /// The account was deleted in DragOnce and Entra posted it again.
        DeletedAndPostedAgain = "deleted_and_posted_again",
        /// Entra says active, an admin's hold says suspended.
        ActiveOnHold = "active_on_hold",
        /// A deleted account cannot be restored: its login account was given to another meanwhile.
        LoginTakenSinceDeletion = "login_taken_since_deletion",
        /// Entra wants a group to have a name that another group has.
        GroupNameTaken = "group_name_taken",
        /// Entra wants to write a protected account.
        ProtectedAccount = "protected_account",
    }
}

/// How much depends on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody is kept from anything; good to know.
    Info,
    /// It works, but not as somebody wants.
    Warning,
    /// A person or group is not provisioned until it is mended.
    Error,
}

impl FindingKind {
    /// How much depends on it.
    pub const fn severity(self) -> Severity {
        match self {
            Self::LoginRenamed
            | Self::ObjectIdOnAnotherAccount
            | Self::LoginNotLinked
            | Self::LoginAndObjectIdOnTwoAccounts
            | Self::StaleScimId
            | Self::LoginTakenSinceDeletion
            | Self::GroupNameTaken
            | Self::ObjectIdMismatch => Severity::Error,
            Self::ObjectIdNotGuid
            | Self::ObjectIdShared
            | Self::DeletedAndPostedAgain
            | Self::ActiveOnHold
            | Self::ProtectedAccount => Severity::Warning,
            Self::TombstoneLogin => Severity::Info,
        }
    }
}

/// A mismatch, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Ordered by the time of opening.
    pub id: Uuid,
    /// What is wrong.
    pub kind: FindingKind,
    /// What makes it one finding and not two: a tenant has at most one open finding of a kind and subject. The id of an account or group, the key
    /// of an Object ID, or nothing where the tenant as a whole is meant.
    pub subject: String,
    /// When it was first seen since it opened.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
    /// How many requests showed it.
    pub count: i64,
    /// The newest log entries that show it, newest first, at most [`LOG_ENTRIES_MAX`].
    pub log_entry_ids: Vec<LogEntryId>,
    /// What Entra says.
    pub directory: DirectorySide,
    /// The accounts it is about, the one that Entra means first.
    pub accounts: Vec<AccountId>,
    /// The group it is about.
    pub group: Option<GroupId>,
    /// Set when it is closed.
    pub closure: Option<Closure>,
}

/// Open findings of one kind that a tenant has at most. What more requests show is in the provisioning log alone, until some of these are closed and it
/// is shown again: whoever has a thousand of a kind has one cause to mend.
pub const OPEN_OF_KIND_MAX: usize = 1_000;

/// How many log entries a finding names.
pub const LOG_ENTRIES_MAX: usize = 10;

/// What Entra says of the person or group; empty where it was not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectorySide {
    /// `externalId`.
    pub object_id: String,
    /// `userName`.
    pub user_name: String,
    /// `displayName` of a group.
    pub display_name: String,
    /// The SCIM id that was called.
    pub scim_id: String,
}

/// Why a finding is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// When.
    pub at: Timestamp,
    /// What showed it, or why it was dismissed.
    pub detail: String,
    /// The request.
    pub request_id: String,
    /// Its log entry; reads have none.
    pub log_entry_id: Option<LogEntryId>,
    /// Who: "scim" or the subject of the JWT.
    pub actor: String,
}

/// One way to mend a finding: its steps in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// For whom this is the right one.
    pub title: String,
    /// What to do.
    pub steps: Vec<RemedyStep>,
}

/// One step of a remedy.
#[derive(Clone, Debug, PartialEq)]
pub struct RemedyStep {
    /// What to send or do.
    pub call: RemedyCall,
    /// What it will do.
    pub effect: String,
}

/// What to send or do. Everything known is filled in; what only the admin knows stands in angle brackets.
#[derive(Clone, Debug, PartialEq)]
pub enum RemedyCall {
    /// A call of this service.
    Rpc {
        /// Full name: `package.Service/Method`.
        method: &'static str,
        /// The request as protobuf JSON.
        request: serde_json::Value,
    },
    /// A call of Microsoft Graph.
    Graph {
        /// The HTTP method.
        http_method: &'static str,
        /// The whole URL.
        url: String,
        /// The body, when there is one.
        body: Option<serde_json::Value>,
    },
    /// Something to be done by hand.
    Portal {
        /// Which portal.
        portal: &'static str,
        /// Where to go and what to do there.
        instruction: String,
    },
}
