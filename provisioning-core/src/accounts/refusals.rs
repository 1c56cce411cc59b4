//! The refusals of account use cases, worded for the customer's admin who reads them in Entra's provisioning log.

use super::Account;
use crate::{
    attributes::error::excerpt,
    error::{Reason, Refusal},
    ids::AccountId,
    links::{object_id_key, parse_guid, parse_linkable},
};

/// Names of passed-over attributes in one log entry.
const IGNORED_MAX: usize = 50;

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        "There is no DragOnce account with this id. If it was deleted by mistake, restore it (provisiond account restore, or the DragOnce \
         Admin Panel). Otherwise Microsoft Entra still uses the id of an object that is gone: restart provisioning with \"Clear current state \
         and restart\", so that the user is matched again.",
    )
    .with("account_id", id)
}

/// A new account cannot have the login account, which is `holder`'s. `posted` is the externalId that it was to have.
pub(super) fn user_name_taken(holder: &Account, posted: Option<&str>) -> Refusal {
    let held = holder.object_id.as_deref();
    let advice = match (posted, held) {
        (None, _) => "No Object ID came with it as externalId. In the attribute mappings of Microsoft Entra, match by userName, so that this \
             account is found, and map objectId to externalId."
            .to_owned(),
        (Some(posted), _) if parse_linkable(posted).is_none() => format!(
            "Microsoft Entra sends no Object ID as externalId, but {} (often mailNickname is mapped): map objectId to externalId. Then, if it is \
             the same person, set the Object ID of that account in the DragOnce Admin Panel; otherwise rename one of the two.",
            excerpt(posted)
        ),
        (Some(posted), Some(held)) if object_id_key(posted) == object_id_key(held) => {
            format!(
                "It has the Object ID {posted} already, so it is the same person: match by userName or externalId in the attribute mappings \
                 of Microsoft Entra, so that this account is found."
            )
        }
        (Some(posted), Some(held)) => format!(
            "It has the Object ID {} already. Only if it is the same person, change it to {posted} in the DragOnce Admin Panel; otherwise \
             rename one of the two.",
            shown_object_id(held)
        ),
        (Some(posted), None) => format!(
            "If it is the same person, set the Object ID of that account to {posted} in the DragOnce Admin Panel; otherwise rename one of \
             the two."
        ),
    };
    let mut refusal = Refusal::new(
        Reason::Uniqueness,
        format!(
            "userName is already used by the DragOnce account {} ({}). {advice} Nothing was changed.",
            excerpt(&holder.user_name),
            holder.id
        ),
    )
    .field("userName")
    .with("attribute", "userName")
    .with("account_id", holder.id)
    .with("user_name", &holder.user_name);
    if let Some(posted) = posted {
        refusal = refusal.with("object_id", shown_object_id(posted));
    }
    if let Some(held) = held {
        refusal = refusal.with("account_object_id", shown_object_id(held));
    }
    refusal
}

/// An account that was called by its id cannot have the login account, which is `holder`'s. `object_id` is the one it is to have.
pub(super) fn user_name_of_another(
    account: &Account,
    object_id: Option<&str>,
    holder: &Account,
) -> Refusal {
    let guid = object_id.filter(|object_id| parse_linkable(object_id).is_some());
    let same_person = guid.map_or_else(
        || "set the Object ID of that one to the user's".to_owned(),
        |guid| {
            format!(
                "unlink this one ({}, {}) and set the Object ID of that one to {guid}",
                excerpt(&account.user_name),
                account.id
            )
        },
    );
    let mut refusal = Refusal::new(
        Reason::Uniqueness,
        format!(
            "userName is already used by another DragOnce account, {} ({}). Rename one of the two; or, if both are the same person, \
             {same_person} in the DragOnce Admin Panel. Nothing was changed.",
            excerpt(&holder.user_name),
            holder.id
        ),
    )
    .field("userName")
    .with("attribute", "userName")
    .with("account_id", holder.id)
    .with("user_name", &holder.user_name);
    if let Some(guid) = guid {
        refusal = refusal
            .with("object_id", guid)
            .with("called_account_id", account.id)
            .with("called_user_name", &account.user_name);
    }
    refusal
}

/// A GUID as it is, and a bounded copy of anything else.
fn shown_object_id(object_id: &str) -> String {
    if parse_guid(object_id).is_some() {
        object_id.to_owned()
    } else {
        excerpt(object_id)
    }
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

/// Who is to have an Object ID that another account has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claimant {
    /// Microsoft Entra says it of an account, or of a new one.
    Directory,
    /// An admin links an account.
    Link,
    /// An admin restores an account that had it.
    Restore,
}

/// An account cannot have the Object ID, which is the account `id`'s.
pub(crate) fn object_id_taken(
    claimant: Claimant,
    object_id: &str,
    id: AccountId,
    user_name: &str,
) -> Refusal {
    let (field, advice) = match claimant {
        Claimant::Directory => (
            "externalId",
            "In the DragOnce Admin Panel, remove the Object ID in Azure AD from that account first, or link the right one.",
        ),
        Claimant::Link => (
            "object_id",
            "Unlink it there first, if it belongs to this account.",
        ),
        Claimant::Restore => (
            "account_id",
            "Unlink it there, or delete that account if it is the same person, and restore again.",
        ),
    };
    let object_id = shown_object_id(object_id);
    Refusal::new(
        Reason::Uniqueness,
        format!(
            "The Object ID {object_id} is that of the DragOnce account {} ({id}). {advice} Nothing was changed.",
            excerpt(user_name)
        ),
    )
    .field(field)
    .with("attribute", "externalId")
    .with("object_id", object_id)
    .with("account_id", id)
    .with("user_name", user_name)
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::accounts::examples::account;

    const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
    const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

    #[test]
    fn a_taken_login_is_answered_by_what_was_posted_and_what_its_holder_has() {
        let cases: [(Option<&str>, Option<&str>, &[&str]); 7] = [
            (
                Some(GUID),
                None,
                &["same person", "set the Object ID", GUID],
            ),
            (
                Some(GUID),
                Some(OTHER_GUID),
                &["Only if it is the same person", OTHER_GUID, GUID],
            ),
            (
                Some(GUID),
                Some("alice"),
                &["Only if it is the same person", "\"alice\"", GUID],
            ),
            (
                Some(GUID),
                Some("{0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF}"),
                &["it is the same person", "match by userName", GUID],
            ),
            (
                Some("alice"),
                None,
                &["\"alice\"", "mailNickname", "map objectId to externalId"],
            ),
            (
                Some("alice"),
                Some(GUID),
                &["\"alice\"", "mailNickname", "map objectId to externalId"],
            ),
            (None, Some(GUID), &["match by userName"]),
        ];
        for (posted, held, parts) in cases {
            let holder = account(7, "alice@contoso.com", held);
            let refusal = user_name_taken(&holder, posted);
            let id = holder.id.to_string();
            let named = ["\"alice@contoso.com\"", id.as_str(), "Nothing was changed."];
            for part in parts.iter().chain(&named) {
                assert!(
                    refusal.detail.contains(part),
                    "{part} is not in: {}",
                    refusal.detail
                );
            }
            assert!(refusal.metadata.contains(&("account_id", id.clone())));
        }
    }

    #[test]
    fn a_login_of_another_account_is_answered_with_both_accounts() {
        let holder = account(7, "alice@contoso.com", None);
        let called = account(8, "old@contoso.com", Some(GUID));
        let refusal = user_name_of_another(&called, Some(GUID), &holder);
        for part in [
            "\"alice@contoso.com\"",
            &holder.id.to_string(),
            "Rename one of the two",
            "unlink this one (\"old@contoso.com\"",
            &called.id.to_string(),
            GUID,
            "Nothing was changed.",
        ] {
            assert!(
                refusal.detail.contains(part),
                "{part} is not in: {}",
                refusal.detail
            );
        }
        for unlinked in [None, Some("old")] {
            let refusal = user_name_of_another(&called, unlinked, &holder);
            assert!(!refusal.detail.contains("unlink"), "{}", refusal.detail);
        }
    }

    #[test]
    fn a_taken_object_id_is_answered_with_who_has_it_and_what_its_claimant_can_do() {
        for (claimant, field, part) in [
            (
                Claimant::Directory,
                "externalId",
                "In the DragOnce Admin Panel",
            ),
            (Claimant::Link, "object_id", "Unlink it there first"),
            (Claimant::Restore, "account_id", "restore again"),
        ] {
            let id = AccountId::from_uuid(Uuid::from_u128(7));
            let refusal = object_id_taken(claimant, GUID, id, "alice@contoso.com");
            let holder = format!("\"alice@contoso.com\" ({id})");
            for part in [part, GUID, holder.as_str(), "Nothing was changed."] {
                assert!(
                    refusal.detail.contains(part),
                    "{part} is not in: {}",
                    refusal.detail
                );
            }
            assert_eq!(refusal.field.as_deref(), Some(field));
            assert!(refusal.metadata.contains(&("account_id", id.to_string())));
        }
    }

    #[test]
    fn the_texts_of_long_names_stay_readable_in_a_portal() {
        let long = "x".repeat(800);
        let holder = account(7, &long, Some(&long));
        let called = account(8, &long, Some(GUID));
        for refusal in [
            user_name_taken(&holder, None),
            user_name_taken(&holder, Some(&long)),
            user_name_taken(&holder, Some(GUID)),
            user_name_of_another(&called, Some(GUID), &holder),
            object_id_taken(Claimant::Directory, &long, holder.id, &long),
        ] {
            let length = refusal.detail.chars().count();
            assert!(length <= 520, "{length}: {}", refusal.detail);
        }
    }

    #[test]
    fn who_is_gone_is_restored_or_forgotten_by_entra() {
        let refusal = not_found("7");
        for part in [
            "provisiond account restore",
            "Clear current state and restart",
        ] {
            assert!(refusal.detail.contains(part), "{}", refusal.detail);
        }
    }
}
