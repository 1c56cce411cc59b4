//! The deprovision guard: holds back a wave of suspensions, deletions and removals from groups that looks like a mistake in Entra's scoping.
//!
//! Off unless a tenant's settings have limits, and then only for requests with a SCIM token. What is within the limits passes and counts; what is
//! beyond them changes nothing and waits, as an item of the tenant's one pending batch, for an admin. The writes that count are decided one after
//! the other, together with the write itself, so that never more pass than may.

mod batches;
mod decision;
mod hooks;
mod limits;
mod refusals;
mod upkeep;

pub use self::{
    batches::{BatchPage, DecisionWish, GuardStatus, ItemPage},
    decision::{Affected, Asked, Held, OpenItem, Verdict, decide},
    limits::DeprovisionGuard,
};
pub(crate) use self::{
    hooks::{Said, guard_part, held_error, told_moot},
    limits::check_limits,
};

use std::time::Duration;

use uuid::Uuid;

use crate::{clock::Timestamp, ids::BatchId, log::texts};

/// How long a decision holds, and what was decided is kept. Entra drops an object that keeps failing after 28 days.
pub const DECISION_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// For how long an item stays that the directory does not send again, whatever was decided. Entra sends what it could not do at least once a day: what
/// has not come for longer was mended there, and shall neither hold nor let pass what is asked for later.
pub const ITEM_SILENCE_MAX: Duration = Duration::from_hours(7 * 24);
/// Items of one batch. What comes beyond is refused as well, but not listed; and so is a request that alone is about more.
pub const BATCH_ITEMS_MAX: u32 = 100_000;
/// When a client may send again what was held back. An admin decides, whatever the clock says, and Entra comes back with its next cycle; one that
/// pauses its whole job for as long as it is told shall not be stopped for long by each item.
pub const RETRY_AFTER: Duration = Duration::from_mins(1);

texts! {
    /// What a directory asks for.
    DeprovisionAction {
        /// `active` becomes false.
        Suspend = "suspend",
        /// The account is deleted.
        Delete = "delete",
        /// A member leaves a group, or the group goes.
        RemoveMember = "remove_member",
    }
}

texts! {
    /// What an admin has decided of a batch.
    BatchState {
        /// Nothing yet.
        Pending = "pending",
        /// Its items pass.
        Approved = "approved",
        /// Its items stay as they are.
        Dismissed = "dismissed",
    }
}

/// What was held back, as one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Ordered by time.
    pub id: BatchId,
    /// What an admin has decided.
    pub state: BatchState,
    /// When its first item was held back.
    pub created_at: Timestamp,
    /// When an item last came, was sent again or passed.
    pub updated_at: Timestamp,
    /// Suspensions in it.
    pub suspends: i64,
    /// Deletions in it.
    pub deletes: i64,
    /// Removals from groups in it.
    pub member_removals: i64,
    /// How many of them have passed.
    pub passed: i64,
    /// Who decided; empty as long as nobody has.
    pub decided_by: String,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Grows by one with every decision.
    pub version: i64,
}

impl Batch {
    /// The strong entity tag of the last decision, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// What identifies an item within its batch, and its place in the list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemKey {
    /// An account, or of a removal the group that is a member.
    pub account_id: Uuid,
    /// What was asked for.
    pub action: DeprovisionAction,
    /// Of a removal: the group; else nil.
    pub group_id: Uuid,
}

/// One thing that was held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchItem {
    /// What it is.
    pub key: ItemKey,
    /// The login account, or the name of the group that is the member.
    pub user_name: String,
    /// Its Object ID.
    pub object_id: String,
    /// Of a removal: the group's name.
    pub group_display_name: String,
    /// When it was first asked for.
    pub first_seen_at: Timestamp,
    /// When last.
    pub last_seen_at: Timestamp,
    /// How often.
    pub count: i64,
    /// When it passed.
    pub passed_at: Option<Timestamp>,
}

/// What a write has to get past. Without it, a write is not guarded.
#[derive(Clone, Debug)]
pub struct GuardCheck {
    /// The tenant's limits.
    pub limits: DeprovisionGuard,
    /// Whom the write affects.
    pub affected: Affected,
    /// The accounts of which a share may pass, where the stored count has outlived its window.
    pub counted: Option<i64>,
    /// The id of the batch that is opened when it is held back.
    pub id: BatchId,
    /// When.
    pub at: Timestamp,
}
