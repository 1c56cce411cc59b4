//! Remedies where the two sides have different login accounts.

use super::{
    calls::{Calls, portal, spare_user_name},
    meant, name, person, remedy,
};
use crate::{
    attributes::error::excerpt,
    findings::{Remedy, case::Case},
};

pub(super) fn login_renamed(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let login = &case.finding.directory.user_name;
    let Some(holder) = case.other_holder(None) else {
        return Vec::new();
    };
    if login.is_empty() {
        return Vec::new();
    }
    vec![
        remedy(
            "Microsoft Entra is right: the person was renamed there",
            calls.then_provision(calls.rename(
                    holder,
                    login,
                    "The account gets the login account that Microsoft Entra says, and is found by it. The person signs in with the new name.",
                ), case.object_id()),
        ),
        remedy(
            "DragOnce is right: the person is to keep the login account",
            vec![portal(
                format!(
                    "Users: open {}, edit User principal name to {}, and save.",
                    excerpt(login),
                    name(holder)
                ),
                "Microsoft Entra's next request finds the account by its login.",
            )],
        ),
        remedy(
            format!(
                "They are two people: {} is to get an account of their own",
                person(case)
            ),
            calls.then_provision(calls.unlink(
                    holder,
                    format!(
                        "Takes the Object ID off {}; Microsoft Entra's next request creates a new account.",
                        name(holder)
                    ),
                ), case.object_id()),
        ),
    ]
}

pub(super) fn tombstone_login(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(account) = case.live().next() else {
        return Vec::new();
    };
    let mut deleted = vec![calls.delete(
        account,
        "Deletes the account. It can be restored for the tenant's retention time.",
    )];
    // Else Entra would look for it when it looks at every user again.
    deleted.extend(calls.forget_connection(case.object_id()));
    vec![
        remedy(
            "The person comes back",
            vec![portal(
                format!(
                    "Users > Deleted users: select the user whose name was {} before, and choose Restore user.",
                    excerpt(without_tombstone_prefix(&account.user_name))
                ),
                "Microsoft Entra gives the user the old name back and sends it to DragOnce, with active=true when the user is assigned.",
            )],
        ),
        remedy(
            "The person is gone for good",
            vec![portal(
                format!(
                    "Users > Deleted users: select the user whose name was {} before, and choose Delete permanently.",
                    excerpt(without_tombstone_prefix(&account.user_name))
                ),
                "Microsoft Entra deletes the account in DragOnce with its next cycle, if the user was still in the scope of provisioning. Without this it \
                 does so 30 days after the deletion.",
            )],
        ),
        remedy(
            "The person is gone, and DragOnce is not to wait for Microsoft Entra",
            deleted,
        ),
        meant(calls),
    ]
}

pub(super) fn login_taken_since_deletion(case: Case<'_>, calls: Calls<'_>) -> Vec<Remedy> {
    let Some(taken_by) = case.meant().or_else(|| case.live().next()) else {
        return Vec::new();
    };
    let mut remedies = vec![remedy(
        format!(
            "{} is another person's account now, and the deleted account is to come back",
            name(taken_by)
        ),
        calls.then_provision(calls.rename(
                taken_by,
                &spare_user_name(taken_by),
                "Frees the login account. The other person signs in with this name from then on; choose another one if you like.",
            ), case.object_id()),
    )];
    if let (Some(object_id), Some(tombstone)) = (case.object_id(), case.tombstone()) {
        remedies.push(remedy(
            format!("{} is the same person's new account", name(taken_by)),
            vec![
                calls.link(
                    taken_by,
                    object_id,
                    format!(
                        "Links {} to the user in Microsoft Entra: Entra's next request finds it and updates it.",
                        name(taken_by)
                    ),
                ),
                calls.purge(
                    tombstone,
                    "Removes the deleted account for good. This cannot be undone; leave it out to let the retention time do it.",
                ),
            ],
        ));
    }
    remedies
}

/// The name behind the 32 hex digits.
fn without_tombstone_prefix(user_name: &str) -> &str {
    match user_name.split_at_checked(32) {
        Some((digits, rest))
            if !rest.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            rest
        }
        _ => user_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_name_stands_behind_32_digits() {
        let digits = "0a21f0f28d2a4f8ebf987363c4aed4ef";
        assert_eq!(
            without_tombstone_prefix(&format!("{digits}alice@contoso.com")),
            "alice@contoso.com"
        );
        for other in ["alice@contoso.com", digits, "ä", ""] {
            assert_eq!(without_tombstone_prefix(other), other);
        }
    }
}
