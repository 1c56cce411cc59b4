//! Accounts: what one is, and what may be done with it.

mod acts;
mod attempt;
mod conflict;
mod create;
mod deleted;
mod draft;
#[cfg(test)]
pub(crate) mod examples;
mod read;
pub(crate) mod refusals;
mod write;

pub use acts::{Act, ActTarget};
pub use create::{CreateOutcome, Created};
pub(crate) use create::{restorable, unexpected};
pub use deleted::DeletedPage;
pub use draft::{Draft, Unsaid, next_version};
pub(crate) use draft::{check_size, parse_document};
pub use read::AccountPage;
pub use write::{Patched, Precondition};

pub use crate::listing::ListQuery;

use crate::{
    attributes::{schema::ResourceSchema, show::Shows},
    clock::Timestamp,
    groups::Membership,
    ids::AccountId,
    schemas,
};

/// Groups that an account shows: with more, a page of accounts would be a message that no caller waits for. Windows lets nobody log on who is in more
/// than about as many. To fail would take the account from Entra, which always reads it whole; so the answer says that there are more, and filters find
/// it by all of its groups.
pub const GROUPS_MAX: usize = 1_000;

/// A DragOnce user account of one tenant.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five facts that do not exclude each other; each is a column"
)]
pub struct Account {
    /// Also the SCIM `id`.
    pub id: AccountId,
    /// The login account, as it was given.
    pub user_name: String,
    /// Its folded form ([`crate::attributes::fold`]): unique among the tenant's accounts that are not deleted.
    pub user_name_key: String,
    /// The link to the Entra object (SCIM `externalId`), as it was given.
    pub object_id: Option<String>,
    /// No other account of the tenant may hold the same Object ID: an admin linked it, or the tenant's settings say so.
    pub object_id_exclusive: bool,
    /// A DragOnce admin set the Object ID, so SCIM leaves it as it is. Then it is exclusive as well. Both are kept over delete and restore.
    pub object_id_pinned: bool,
    /// Entra's `active` flag.
    pub directory_active: bool,
    /// A suspension set by a DragOnce admin. SCIM cannot lift it.
    pub hold: Option<Hold>,
    /// Provisioning may read the account but never write it.
    pub protected: bool,
    /// Provisioning has written it: created or adopted it.
    pub managed: bool,
    /// Grows by one with every change; never goes back, also over delete and restore.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed; later than any change of it before.
    pub updated_at: Timestamp,
    /// Set on a tombstone.
    pub deleted_at: Option<Timestamp>,
    /// The attributes as SCIM JSON with canonical names: everything but `id`, `schemas` and `meta`. `userName` and `externalId` are
    /// in it too, and `active` unless it is unassigned.
    pub document: String,
    /// The groups it is in: direct memberships first, then by name and id; one more than [`GROUPS_MAX`] tells that there are more. Not written
    /// with it.
    pub groups: Vec<Membership>,
    /// What of its extensions is not shown by default. Known when it is shown, and not written with it.
    pub shows: Shows,
}

/// A suspension set by a DragOnce admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

impl Account {
    /// Whether the person may use DragOnce.
    pub fn effectively_active(&self) -> bool {
        self.directory_active && self.hold.is_none() && self.deleted_at.is_none()
    }

    /// The account as it may be shown to whoever may read it.
    pub(crate) fn shown(self, schema: &ResourceSchema) -> Self {
        let (document, shows) = schemas::shown(self.document, schema);
        Self {
            document,
            shows,
            ..self
        }
    }

    /// The strong entity tag of this version, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// By what one account is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountKey {
    /// By id.
    Id(AccountId),
    /// By the folded login account.
    UserName(String),
    /// By Object ID; several accounts may share one.
    ObjectId(String),
}
