//! Remedies where the two sides disagree on whether a person has an account and may use it.

use super::{
    calls::{Calls, unassign},
    meant, person, remedy,
};
use crate::{
    accounts::Account,
    findings::{Remedy, case::Case},
    links::parse_linkable,
};

pub(super) fn stale_scim_id(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let tombstone = case.tombstone();
    let object_id = case.object_id().or_else(|| {
        tombstone
            .and_then(|tombstone| tombstone.object_id.as_deref())
            .and_then(parse_linkable)
    });
    let login_is_free = tombstone.is_some_and(|tombstone| {
        !case
            .live()
            .any(|account| account.user_name_key == tombstone.user_name_key)
    });
    let mut remedies = Vec::new();
    if let Some(tombstone) = tombstone.filter(|_| login_is_free) {
        remedies.push(remedy(
            "The account was deleted by mistake",
            vec![calls.restore(
                tombstone,
                "Brings the account back with its id, its groups and its data: Microsoft Entra's next request finds it as if nothing had happened.",
            )],
        ));
    }
    remedies.push(remedy(
        "The account is gone, and Microsoft Entra is to match or create this one user anew",
        calls.match_anew(object_id),
    ));
    remedies.push(remedy(
        "Many users have this, for example after DragOnce was moved or restored from a backup",
        vec![calls.restart(
            "Full",
            "Microsoft Entra forgets all links and matches every user and group anew. Nothing is deleted; the cycle is as long as the first one.",
        )],
    ));
    remedies.push(remedy(
        "The person is not to have an account",
        calls.take_out_of_scope(&person(case), object_id),
    ));
    remedies
}

pub(super) fn deleted_and_posted_again(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(account) = case.meant().or_else(|| case.live().next()) else {
        return Vec::new();
    };
    vec![
        remedy(
            "The person is not to use DragOnce, whatever Microsoft Entra says",
            vec![calls.hold(
                account,
                "Suspends the account until an admin releases it. Microsoft Entra goes on updating it and cannot lift this.",
            )],
        ),
        remedy(
            "The person is not to have an account",
            vec![unassign(&person(case))],
        ),
        meant(calls),
    ]
}

pub(super) fn active_on_hold(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(account) = case.live().find(|account| account.hold.is_some()) else {
        return Vec::new();
    };
    vec![
        remedy(
            "The person may use DragOnce again",
            vec![calls.release(
                account,
                "Ends the hold: the account is as active as Microsoft Entra says.",
            )],
        ),
        remedy(
            "The person is not to use DragOnce, and Microsoft Entra is to know it",
            vec![unassign(&person(case))],
        ),
        meant(calls),
    ]
}

pub(super) fn protected_account(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(account) = case.live().find(|account| account.protected) else {
        return case.tombstone().map_or_else(Vec::new, |tombstone| {
            protected_tombstone(case, calls, tombstone)
        });
    };
    vec![
        remedy(
            "Provisioning may write the account",
            vec![calls.unprotect(
                account,
                "Ends the protection: Microsoft Entra's next request changes the account, and may suspend or delete it later.",
            )],
        ),
        remedy(
            "The account is to stay protected",
            calls.take_out_of_scope(&person(case), case.object_id()),
        ),
        meant(calls),
    ]
}

/// Only an admin may bring back a protected account.
fn protected_tombstone(case: Case<'_>, calls: Calls<'_>, tombstone: &Account) -> Vec<Remedy> {
    let restored = Account {
        version: tombstone.version + 1,
        ..tombstone.clone()
    };
    vec![
        remedy(
            "The person is to have the deleted account back",
            vec![
                calls.restore(
                    tombstone,
                    "Brings the account back with its id, its groups and its data. It is still protected.",
                ),
                calls.unprotect(
                    &restored,
                    "Ends the protection: Microsoft Entra finds the account and may write it. Leave this out, and unassign the user there, if it is to \
                     stay protected.",
                ),
            ],
        ),
        remedy(
            "The person is to have a new account",
            calls.then_provision(calls.purge(
                    tombstone,
                    "Removes the deleted account for good. This cannot be undone. Microsoft Entra's next request creates a new one.",
                ), case.object_id()),
        ),
        remedy(
            "The person is not to have an account",
            calls.take_out_of_scope(&person(case), case.object_id()),
        ),
    ]
}
