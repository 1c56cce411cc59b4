//! What can be done about a finding.
//!
//! A remedy is complete by itself: its calls can be sent as they are given. So they carry the etags of the accounts as they are now, and a remedy
//! that was read before somebody else mended the same thing does no harm.

mod calls;
mod groups;
mod life;
mod links;
mod logins;

use self::calls::Calls;
use super::{Finding, FindingKind, Remedy, RemedyStep, Side, case::Case};
use crate::{accounts::Account, attributes::error::excerpt, tenants::Tenant};

/// The ways to mend an open finding, the best first. A closed one needs none.
pub fn remedies(finding: &Finding, sides: &[Side], tenant: &Tenant) -> Vec<Remedy> {
    if finding.closure.is_some() {
        return Vec::new();
    }
    let case = Case::new(finding, sides);
    let calls = Calls::new(finding, tenant);
    let remedies = match finding.kind {
        FindingKind::ObjectIdNotGuid => links::object_id_not_guid(calls),
        FindingKind::ObjectIdOnAnotherAccount => links::object_id_on_another_account(case, calls),
        FindingKind::ObjectIdShared => links::object_id_shared(case, calls),
        FindingKind::LoginNotLinked => links::login_not_linked(case, calls),
        FindingKind::LoginAndObjectIdOnTwoAccounts => links::two_accounts(case, calls),
        FindingKind::ObjectIdMismatch => links::object_id_mismatch(case, calls),
        FindingKind::StaleScimId => life::stale_scim_id(case, calls),
        FindingKind::LoginRenamed => logins::login_renamed(case, calls),
        FindingKind::TombstoneLogin => logins::tombstone_login(case, calls),
        FindingKind::DeletedAndPostedAgain => life::deleted_and_posted_again(case, calls),
        FindingKind::ActiveOnHold => life::active_on_hold(case, calls),
        FindingKind::LoginTakenSinceDeletion => logins::login_taken_since_deletion(case, calls),
        FindingKind::GroupNameTaken => groups::group_name_taken(case, calls),
        FindingKind::ProtectedAccount => life::protected_account(case, calls),
    };
    let mut best: Vec<Remedy> = lacks_object_id(case)
        .then(|| links::not_an_object_id(case))
        .into_iter()
        .collect();
    if remedies.is_empty() {
        best.push(look_again(calls));
    }
    best.extend(remedies);
    best
}

/// Whether what is wrong begins with Entra's mapping: it sends something else as the Object ID, or nothing where it sends all that it has.
fn lacks_object_id(case: Case<'_>) -> bool {
    match case.finding.kind {
        FindingKind::LoginNotLinked | FindingKind::ObjectIdMismatch => case.object_id().is_none(),
        FindingKind::ObjectIdOnAnotherAccount
        | FindingKind::LoginAndObjectIdOnTwoAccounts
        | FindingKind::LoginRenamed => {
            case.object_id().is_none() && !case.finding.directory.object_id.is_empty()
        }
        FindingKind::ObjectIdNotGuid
        | FindingKind::ObjectIdShared
        | FindingKind::StaleScimId
        | FindingKind::TombstoneLogin
        | FindingKind::DeletedAndPostedAgain
        | FindingKind::ActiveOnHold
        | FindingKind::LoginTakenSinceDeletion
        | FindingKind::GroupNameTaken
        | FindingKind::ProtectedAccount => false,
    }
}

fn remedy(title: impl Into<String>, steps: Vec<RemedyStep>) -> Remedy {
    Remedy {
        title: title.into(),
        steps,
    }
}

/// For a finding whose accounts have changed since it was seen.
fn look_again(calls: Calls<'_>) -> Remedy {
    remedy(
        "The accounts or groups have changed since this was seen: look again, and dismiss it when it is mended",
        vec![calls.diagnose(), calls.dismiss()],
    )
}

fn meant(calls: Calls<'_>) -> Remedy {
    remedy("It is meant to be so", vec![calls.dismiss()])
}

fn name(account: &Account) -> String {
    excerpt(&account.user_name)
}

/// The person as Entra names them.
fn person(case: Case<'_>) -> String {
    let directory = &case.finding.directory;
    if !directory.user_name.is_empty() {
        excerpt(&directory.user_name)
    } else if !directory.object_id.is_empty() {
        format!(
            "the user with the Object ID {}",
            excerpt(&directory.object_id)
        )
    } else {
        "the user".to_owned()
    }
}
