//! Changes: what happened to which account, numbered per tenant in commit order without gaps.
//!
//! The number is not taken inside the mutating transaction on PostgreSQL: a counter row locked across the commit's flush would let one
//! mutation of a tenant commit at a time. The change is recorded with the mutation, and a sequencer numbers what has been committed
//! (see [`crate::storage`]). SQLite has one writer, which is the commit order itself, and numbers at once.

use crate::{
    clock::Timestamp,
    ids::{AccountId, ChangeId},
    log::texts,
};

/// One entry of the change stream, recorded with the mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Names the change before it has its number.
    pub id: ChangeId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: ChangeKind,
    /// To which account.
    pub account_id: AccountId,
    /// The account's version after it.
    pub version: i64,
}

texts! {
    /// What happened to an account.
    ChangeKind {
        /// It was created or restored.
        Created = "created",
        /// Its attributes changed.
        Updated = "updated",
        /// It was deleted.
        Deleted = "deleted",
    }
}
