//! What is wrong, in words for the customer's admin: the only place for the texts of findings.

use super::{Finding, FindingKind, Side, case::Case};
use crate::{accounts::Account, attributes::error::excerpt};

/// What is wrong, with the values of both sides.
pub fn summary(finding: &Finding, sides: &[Side]) -> String {
    let case = Case::new(finding, sides);
    match finding.kind {
        FindingKind::ObjectIdNotGuid => object_id_not_guid(case),
        FindingKind::ObjectIdOnAnotherAccount => object_id_on_another_account(case),
        FindingKind::ObjectIdShared => object_id_shared(case),
        FindingKind::LoginNotLinked => login_not_linked(case),
        FindingKind::LoginAndObjectIdOnTwoAccounts => login_and_object_id_on_two_accounts(case),
        FindingKind::ObjectIdMismatch => object_id_mismatch(case),
        FindingKind::StaleScimId => stale_scim_id(case),
        FindingKind::LoginRenamed => login_renamed(case),
        FindingKind::TombstoneLogin => tombstone_login(case),
        FindingKind::DeletedAndPostedAgain => deleted_and_posted_again(case),
        FindingKind::ActiveOnHold => active_on_hold(case),
        FindingKind::LoginTakenSinceDeletion => login_taken_since_deletion(case),
        FindingKind::GroupNameTaken => group_name_taken(case),
        FindingKind::ProtectedAccount => protected_account(case),
    }
}

fn object_id_not_guid(case: Case<'_>) -> String {
    let at = case
        .live()
        .next()
        .map(|account| {
            format!(
                " {} {}.",
                capital(&the_account(account)),
                has_object_id(account)
            )
        })
        .unwrap_or_default();
    format!(
        "Microsoft Entra sends {} as the Object ID (externalId) of a user, which is not a GUID: mailNickname is still mapped to externalId.{at} \
         Such a value changes when a user is renamed, two users can have the same, and a deleted account is not restored by it.",
        excerpt(&case.finding.directory.object_id)
    )
}

fn object_id_on_another_account(case: Case<'_>) -> String {
    let meant = case.meant();
    let holder = case
        .other_holder(meant)
        .map_or_else(|| "another account".to_owned(), the_account);
    format!(
        "Microsoft Entra gives {} the Object ID {}, but a DragOnce admin linked that Object ID to {holder}. The link was kept, and what Entra asked \
         for was refused.",
        the_person(case),
        excerpt(&case.finding.directory.object_id),
    )
}

fn object_id_shared(case: Case<'_>) -> String {
    let shared = case
        .live()
        .next()
        .and_then(|account| account.object_id.as_deref());
    format!(
        "The Object ID {} is that of several accounts: {}. When Microsoft Entra looks for it, it finds more than one account and changes none \
         (DuplicateTargetEntries).",
        excerpt(shared.unwrap_or(&case.finding.directory.object_id)),
        list(case),
    )
}

fn login_not_linked(case: Case<'_>) -> String {
    let account = case.meant().or_else(|| case.live().next());
    let account = account.map_or_else(|| "an account".to_owned(), the_account);
    format!(
        "Microsoft Entra wants to create {} with the Object ID {}, but {account} has that login account already and no Object ID. Each attempt \
         is refused with 409, and Entra tries again in later cycles.",
        the_person(case),
        excerpt(&case.finding.directory.object_id),
    )
}

fn login_and_object_id_on_two_accounts(case: Case<'_>) -> String {
    let login = case.login_holder();
    let linked = case.other_holder(login).or_else(|| case.addressed());
    format!(
        "Microsoft Entra says that {} has the Object ID {}. In DragOnce that login account is {}'s and that Object ID {}'s, so Entra finds one \
         account by the login and another by the Object ID.",
        the_person(case),
        excerpt(&case.finding.directory.object_id),
        login.map_or_else(|| "one account".to_owned(), the_account),
        linked.map_or_else(|| "another account".to_owned(), the_account),
    )
}

fn object_id_mismatch(case: Case<'_>) -> String {
    let account = case.meant().or_else(|| case.live().next());
    let has = account.map_or_else(
        || "the account has another one".to_owned(),
        |account| format!("{} {}", the_account(account), has_object_id(account)),
    );
    let kept = if account.is_some_and(|account| account.object_id_pinned) {
        " A DragOnce admin set it, so it was kept."
    } else {
        ""
    };
    format!(
        "Microsoft Entra says that {} has the Object ID {}, but {has}.{kept}",
        the_person(case),
        excerpt(&case.finding.directory.object_id),
    )
}

fn stale_scim_id(case: Case<'_>) -> String {
    let what = case.tombstone().map_or_else(
        || "no account has it".to_owned(),
        |tombstone| {
            format!(
                "that is {}, which was deleted in DragOnce",
                the_account(tombstone)
            )
        },
    );
    let now = case.live().next().map_or_else(String::new, |account| {
        format!(" The person's account is now {}.", the_account(account))
    });
    format!(
        "Microsoft Entra still calls {} by the id {}, but {what}.{now} Entra logs InvalidAnchor and does not mend that by itself.",
        the_person(case),
        excerpt(&case.finding.directory.scim_id),
    )
}

fn login_renamed(case: Case<'_>) -> String {
    let holder = case.other_holder(None).or_else(|| case.live().next());
    format!(
        "Microsoft Entra posts the login account {} with the Object ID {}. That Object ID is linked to {}: the person was renamed on one side only, \
         and Entra does not find the account under the other name.",
        excerpt(&case.finding.directory.user_name),
        excerpt(&case.finding.directory.object_id),
        holder.map_or_else(|| "an account with another login".to_owned(), the_account),
    )
}

fn tombstone_login(case: Case<'_>) -> String {
    let account = case.live().next();
    let login = account.map_or(case.finding.directory.user_name.as_str(), |account| {
        account.user_name.as_str()
    });
    format!(
        "The login account {} is the name that Microsoft Entra gives to a user who was deleted there: 32 hex digits before the old name. {} keeps \
         it until the user is restored in Entra, or deleted there for good 30 days later.",
        excerpt(login),
        account.map_or_else(
            || "The account".to_owned(),
            |account| capital(&the_account(account))
        ),
    )
}

fn deleted_and_posted_again(case: Case<'_>) -> String {
    let account = case.live().next().or_else(|| case.tombstone());
    format!(
        "{} was deleted in DragOnce, and Microsoft Entra posted it again as {}: the user is still assigned to the enterprise application, so Entra \
         brings back what is deleted here.",
        account.map_or_else(
            || "An account".to_owned(),
            |account| capital(&the_account(account))
        ),
        the_person(case),
    )
}

fn active_on_hold(case: Case<'_>) -> String {
    let account = case
        .live()
        .find(|account| account.hold.is_some())
        .or_else(|| case.live().next());
    let reason = account
        .and_then(|account| account.hold.as_ref())
        .map(|hold| format!(" (reason: {})", excerpt(&hold.reason)))
        .unwrap_or_default();
    format!(
        "Microsoft Entra says that {} is active, but a DragOnce admin suspended {}{reason}. The hold counts: the person cannot use DragOnce, and \
         no request of Entra lifts it.",
        the_person(case),
        account.map_or_else(|| "the account".to_owned(), the_account),
    )
}

fn login_taken_since_deletion(case: Case<'_>) -> String {
    format!(
        "Microsoft Entra wants {} with the Object ID {} back. {} was deleted and cannot be restored, because its login account was given to {} \
         meanwhile.",
        the_person(case),
        excerpt(&case.finding.directory.object_id),
        case.tombstone().map_or_else(
            || "The account".to_owned(),
            |tombstone| capital(&the_account(tombstone))
        ),
        case.meant()
            .or_else(|| case.live().next())
            .map_or_else(|| "another account".to_owned(), the_account),
    )
}

fn group_name_taken(case: Case<'_>) -> String {
    let directory = &case.finding.directory;
    let holder = case.name_holder().map_or_else(
        || "another group".to_owned(),
        |group| {
            let object_id = group.object_id.as_deref().map_or_else(
                || "no Object ID".to_owned(),
                |object_id| format!("the Object ID {}", excerpt(object_id)),
            );
            format!("the group {} with {object_id}", group.id)
        },
    );
    let wish = if directory.scim_id.is_empty() {
        "create a group called".to_owned()
    } else {
        format!("rename the group {} to", excerpt(&directory.scim_id))
    };
    let object_id = if directory.object_id.is_empty() {
        String::new()
    } else {
        format!(" (Object ID {})", excerpt(&directory.object_id))
    };
    format!(
        "Microsoft Entra wants to {wish} {}{object_id}, but {holder} has that name, and two groups of this tenant cannot have the same.",
        excerpt(&directory.display_name),
    )
}

fn protected_account(case: Case<'_>) -> String {
    if let (None, Some(tombstone)) = (case.live().next(), case.tombstone()) {
        return format!(
            "Microsoft Entra wants {} back. {} was deleted, and a DragOnce admin protected it: provisioning may not bring it back. Every such request \
             is refused with 403.",
            the_person(case),
            capital(&the_account(tombstone)),
        );
    }
    let account = case
        .live()
        .find(|account| account.protected)
        .or_else(|| case.live().next());
    format!(
        "Microsoft Entra wants to change {} as {}, but a DragOnce admin protected it: provisioning may read it and never change it. Every such \
         request is refused with 403.",
        account.map_or_else(|| "an account".to_owned(), the_account),
        the_person(case),
    )
}

/// The person as Entra names them.
fn the_person(case: Case<'_>) -> String {
    let directory = &case.finding.directory;
    if !directory.user_name.is_empty() {
        format!("the user {}", excerpt(&directory.user_name))
    } else if !directory.object_id.is_empty() {
        format!(
            "the user with the Object ID {}",
            excerpt(&directory.object_id)
        )
    } else {
        "a user".to_owned()
    }
}

fn the_account(account: &Account) -> String {
    format!(
        "the account {} ({})",
        excerpt(&account.user_name),
        account.id
    )
}

fn has_object_id(account: &Account) -> String {
    account.object_id.as_deref().map_or_else(
        || "has no Object ID".to_owned(),
        |object_id| format!("has the Object ID {}", excerpt(object_id)),
    )
}

fn list(case: Case<'_>) -> String {
    let names: Vec<_> = case
        .live()
        .map(|account| format!("{} ({})", excerpt(&account.user_name), account.id))
        .collect();
    names.join(", ")
}

/// At the start of a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
