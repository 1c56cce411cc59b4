//! The refusals of account use cases, worded for the customer's admin who reads them in Entra's provisioning log.

use super::Account;
use crate::{
    error::{Reason, Refusal},
    ids::AccountId,
};

/// Names of passed-over attributes in one log entry.
const IGNORED_MAX: usize = 50;

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        "There is no DragOnce account with this id: it was deleted or never existed. In Microsoft Entra, provision the user on demand or \
         restart provisioning, so that the account is matched again.",
    )
    .with("account_id", id)
}

pub(super) fn user_name_taken(holder: Option<&Account>, object_id: Option<&str>) -> Refusal {
    let whose = holder.map_or_else(
        || "another DragOnce account".to_owned(),
        |holder| format!("the DragOnce account {}", holder.id),
    );
    let object_id = object_id.unwrap_or("the Object ID of the user in Microsoft Entra");
    let mut refusal = Refusal::new(
        Reason::Uniqueness,
        format!(
            "userName is already used by {whose}. If it is the same person, open that account in the DragOnce Admin Panel and set its \
             Object ID in Azure AD to {object_id}; otherwise change the login account of one of the two. Nothing was changed."
        ),
    )
    .field("userName")
    .with("attribute", "userName")
    .with("object_id", object_id);
    if let Some(holder) = holder {
        refusal = refusal.with("account_id", holder.id);
    }
    refusal
}

/// A deleted account cannot come back, because another has its login.
pub(super) fn login_taken_since_deletion(holder: &Account, tombstone: &Account) -> Refusal {
    let object_id = tombstone.object_id.as_deref().unwrap_or_default();
    Refusal::new(
        Reason::Uniqueness,
        format!(
            "The Object ID {object_id} is that of the deleted DragOnce account {} ({}), which cannot be restored: userName is used by the account {} \
             by now. If that account is the same person, set its Object ID in Azure AD to {object_id} in the DragOnce Admin Panel; otherwise \
             change the login account of one of the two, and provision the user on demand in Microsoft Entra. Nothing was changed.",
            tombstone.user_name, tombstone.id, holder.id
        ),
    )
    .field("userName")
    .with("attribute", "userName")
    .with("object_id", object_id)
    .with("account_id", holder.id)
    .with("user_name", &tombstone.user_name)
    .with("deleted_account_id", tombstone.id)
}

pub(crate) fn object_id_taken(holder: Option<&Account>) -> Refusal {
    let whose = holder.map_or_else(
        || "another DragOnce account".to_owned(),
        |holder| format!("the DragOnce account {}", holder.id),
    );
    let mut refusal = Refusal::new(
        Reason::Uniqueness,
        format!(
            "The Object ID (externalId) is already linked to {whose}. In the DragOnce Admin Panel, remove the Object ID in Azure AD from that \
             account first, or link the right one. Nothing was changed."
        ),
    )
    .field("externalId")
    .with("attribute", "externalId");
    if let Some(holder) = holder {
        refusal = refusal.with("account_id", holder.id);
    }
    refusal
}

/// What the log says of attributes that were passed over; empty when none were.
pub(crate) fn ignored(names: &[String]) -> String {
    let shown = &names[..names.len().min(IGNORED_MAX)];
    match names.len() - shown.len() {
        _ if names.is_empty() => String::new(),
        0 => format!(
            "Ignored, because DragOnce has no such attribute: {}.",
            shown.join(", ")
        ),
        more => format!(
            "Ignored, because DragOnce has no such attribute: {}, and {more} more.",
            shown.join(", ")
        ),
    }
}

pub(super) fn protected(account: &Account) -> Refusal {
    Refusal::new(
        Reason::AccountProtected,
        format!(
            "The DragOnce account {} is protected: provisioning may read it but never change it. Take the user out of the scope of \
             provisioning in Microsoft Entra, or ask a DragOnce admin to lift the protection.",
            account.id
        ),
    )
    .with("account_id", account.id)
}

pub(super) fn protected_tombstone(account: &Account) -> Refusal {
    Refusal::new(
        Reason::AccountProtected,
        format!(
            "The DragOnce account {} with this Object ID is deleted and protected: provisioning may not bring it back. Ask a DragOnce admin to \
             restore it, or to purge it if the person shall have a new account. Nothing was changed.",
            account.id
        ),
    )
    .with("account_id", account.id)
}

pub(crate) fn protected_member(id: AccountId) -> Refusal {
    Refusal::new(
        Reason::AccountProtected,
        format!(
            "The DragOnce account {id} is protected: provisioning may not change which groups it is in. Change this membership in DragOnce, or \
             ask a DragOnce admin to lift the protection. Nothing was changed."
        ),
    )
    .with("account_id", id)
}

pub(crate) fn etag_mismatch(account: &Account) -> Refusal {
    Refusal::new(
        Reason::EtagMismatch,
        format!("The account has changed: its etag is {} now. Read it again, and repeat the change on what you find.", account.etag()),
    )
    .field("etag")
    .with("etag", account.etag())
}

pub(crate) fn contention() -> Refusal {
    Refusal::new(
        Reason::Contention,
        "Many requests change this account at once. Nothing was changed by this one; send it again.",
    )
}
