//! Whether a request of Entra shows that a finding is cured. Pure.
//!
//! One rule for the kinds in which Entra and DragOnce say different things of a person: the request reached an account that has the Object ID and
//! the login account that Entra said. The others are about one account or group, and look at that.

use super::{DirectorySide, Finding, FindingKind, sighting::is_tombstone_login};
use crate::{
    accounts::Account,
    attributes::fold::fold,
    groups::Group,
    ids::AccountId,
    links::{object_id_key, parse_guid},
};

/// What a successful request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It read a resource by its id, or wrote what was so already.
    Read,
    /// It looked for a resource by the login account or name, and found this one alone.
    MatchedByName,
    /// By the Object ID.
    MatchedByObjectId,
    /// It made it, or brought it back.
    Created,
    /// It changed it.
    Written,
    /// It said the Object ID that the account has, and perhaps more.
    SaidObjectId,
    /// It deleted it.
    Deleted,
}

impl Act {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::MatchedByName => "found by its name",
            Self::MatchedByObjectId => "found by its Object ID",
            Self::Created => "created",
            Self::Written => "changed",
            Self::SaidObjectId => "given the Object ID that it has",
            Self::Deleted => "deleted",
        }
    }
}

/// What a successful request of Entra reached, as it is after it.
#[derive(Clone, Copy, Debug)]
pub enum Reached<'a> {
    /// An account.
    Account(Act, &'a Account),
    /// A group.
    Group {
        /// What was done.
        act: Act,
        /// The group.
        group: &'a Group,
        /// Its name was said by the request.
        named: bool,
    },
}

/// What a request says of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Open,
    /// That it is cured, and how.
    Cured(String),
    /// That it is cured when at most this many other accounts have the Object ID.
    CuredWithOthers(usize, String),
}

/// What the request says of the finding.
pub fn verdict(finding: &Finding, reached: Reached<'_>) -> Verdict {
    let cured = match reached {
        Reached::Account(act, account) => match finding.kind {
            FindingKind::ObjectIdShared => {
                return shared(finding, act, account);
            }
            _ => of_account(finding, act, account),
        },
        Reached::Group { act, group, named } => of_group(finding, act, group, named),
    };
    cured.map_or(Verdict::Open, Verdict::Cured)
}

fn of_account(finding: &Finding, act: Act, account: &Account) -> Option<String> {
    let done = act.as_str();
    let live = account.deleted_at.is_none();
    let about = finding.accounts.contains(&account.id);
    let name = &account.user_name;
    match finding.kind {
        FindingKind::LoginNotLinked
        | FindingKind::ObjectIdOnAnotherAccount
        | FindingKind::LoginAndObjectIdOnTwoAccounts
        | FindingKind::LoginTakenSinceDeletion => person(finding, act, account),
        FindingKind::ObjectIdMismatch => {
            // Of an account that Entra calls by its id, it has taken back what it said before.
            let taken_back = act == Act::SaidObjectId
                && finding.directory.scim_id == account.id.to_string();
            person(finding, act, account).or_else(|| {
                taken_back.then(|| {
                    format!("Microsoft Entra says the Object ID of the account {name} as DragOnce has it.")
                })
            })
        }
        FindingKind::LoginRenamed => {
            // Entra looks the account up by the name that it has now: both sides have it.
            let same_name = act == Act::MatchedByName
                && about
                && has_object_id(account, &finding.directory);
            person(finding, act, account).or_else(|| {
                same_name.then(|| format!("Microsoft Entra found the account {name} by its present login account."))
            })
        }
        FindingKind::StaleScimId if !live => None,
        FindingKind::StaleScimId if account.id.to_string() == finding.directory.scim_id => Some(format!(
            "Microsoft Entra's request reached the account {name} under this id: it was {done}."
        )),
        FindingKind::StaleScimId => same_person(account, &finding.directory).then(|| {
            format!("The account of this person is {name} now, with another id: Microsoft Entra's request reached it, and it was {done}.")
        }),
        FindingKind::TombstoneLogin | FindingKind::DeletedAndPostedAgain if about && !live => {
            Some(format!("Microsoft Entra deleted the account {name}."))
        }
        FindingKind::TombstoneLogin => (about && !is_tombstone_login(name))
            .then(|| format!("The login account is {name} now: the account was {done}.")),
        FindingKind::DeletedAndPostedAgain => (about && !account.effectively_active())
            .then(|| format!("The account {name} is suspended now: it was {done}.")),
        FindingKind::ActiveOnHold => (about && !(live && account.directory_active && account.hold.is_some()))
            .then(|| format!("Microsoft Entra and DragOnce agree about the account {name} now: it was {done}.")),
        FindingKind::ProtectedAccount => (about && live && !account.protected)
            .then(|| format!("The account {name} is not protected any more: it was {done}.")),
        FindingKind::ObjectIdNotGuid | FindingKind::ObjectIdShared | FindingKind::GroupNameTaken => None,
    }
}

/// The rule of the kinds in which the two sides say different things of a person.
fn person(finding: &Finding, act: Act, account: &Account) -> Option<String> {
    let directory = &finding.directory;
    if act == Act::Deleted {
        let gone = !directory.object_id.is_empty() && has_object_id(account, directory);
        return gone.then(|| {
            format!(
                "Microsoft Entra deleted the account {} with this Object ID.",
                account.user_name
            )
        });
    }
    let is_linked = account.object_id.as_deref().and_then(parse_guid).is_some();
    let agrees = if directory.object_id.is_empty() {
        // Or the person has got an account of their own: nobody else has the login account.
        finding.accounts.first() == Some(&account.id) || act == Act::Created
    } else {
        // What was no Object ID is never that of the account that gets one.
        has_object_id(account, directory)
            || (is_linked && parse_guid(&directory.object_id).is_none())
    };
    (account.deleted_at.is_none() && agrees && has_user_name(account, directory)).then(|| {
        format!(
            "The account {} has the Object ID and the login account that Microsoft Entra says: it was {}.",
            account.user_name,
            act.as_str()
        )
    })
}

/// Cured when one account is left with the Object ID.
fn shared(finding: &Finding, act: Act, account: &Account) -> Verdict {
    let key = account.object_id.as_deref().map(object_id_key);
    let holds = account.deleted_at.is_none() && key.as_ref() == Some(&finding.subject);
    Verdict::CuredWithOthers(
        usize::from(!holds),
        format!(
            "No two accounts have the Object ID any more: the account {} was {}.",
            account.user_name,
            act.as_str()
        ),
    )
}

fn of_group(finding: &Finding, act: Act, group: &Group, named: bool) -> Option<String> {
    let directory = &finding.directory;
    if finding.kind != FindingKind::GroupNameTaken {
        return None;
    }
    let same = if !directory.scim_id.is_empty() {
        group.id.to_string() == directory.scim_id
    } else if !directory.object_id.is_empty() {
        group.object_id.as_deref().map(object_id_key) == Some(object_id_key(&directory.object_id))
    } else {
        true
    };
    let settled =
        act == Act::Deleted || named || group.display_name_key == fold(&directory.display_name);
    (same && settled).then(|| {
        format!(
            "Microsoft Entra's request reached the group {}: it was {}.",
            group.display_name,
            act.as_str()
        )
    })
}

fn has_object_id(account: &Account, directory: &DirectorySide) -> bool {
    account.object_id.as_deref().map(object_id_key) == Some(object_id_key(&directory.object_id))
}

fn has_user_name(account: &Account, directory: &DirectorySide) -> bool {
    directory.user_name.is_empty() || account.user_name_key == fold(&directory.user_name)
}

/// By the Object ID where it was known, else by the login account.
fn same_person(account: &Account, directory: &DirectorySide) -> bool {
    if directory.object_id.is_empty() {
        !directory.user_name.is_empty() && has_user_name(account, directory)
    } else {
        has_object_id(account, directory)
    }
}

/// Why the state of the data alone says that the finding is over: `accounts` are those of its accounts that are there, deleted ones too. `None` when
/// it does not say so: what Entra says of a person is known from its requests only.
pub fn over_by_state(finding: &Finding, accounts: &[Account]) -> Option<String> {
    let find = |id: &AccountId| accounts.iter().find(|account| account.id == *id);
    let live = |account: &&Account| account.deleted_at.is_none();
    let first = finding.accounts.first().and_then(find);
    let gone = "The account is gone.".to_owned();
    match finding.kind {
        FindingKind::LoginNotLinked
        | FindingKind::ObjectIdMismatch
        | FindingKind::ObjectIdOnAnotherAccount
        | FindingKind::LoginAndObjectIdOnTwoAccounts
        | FindingKind::LoginTakenSinceDeletion
        | FindingKind::LoginRenamed => {
            let any = finding
                .accounts
                .iter()
                .filter_map(find)
                .any(|account| live(&account));
            (!any).then(|| "The accounts are gone.".to_owned())
        }
        FindingKind::ProtectedAccount => {
            // Entra may ask for a deleted one: it cannot bring that back.
            let asked_for = |account: &Account| {
                account
                    .deleted_at
                    .is_none_or(|deleted_at| deleted_at <= finding.last_seen_at)
            };
            (!first.is_some_and(asked_for)).then_some(gone)
        }
        FindingKind::TombstoneLogin => match first.filter(live) {
            None => Some(gone),
            Some(account) => (!is_tombstone_login(&account.user_name))
                .then(|| format!("The login account is {} now.", account.user_name)),
        },
        FindingKind::DeletedAndPostedAgain => match first.filter(live) {
            None => Some(gone),
            Some(account) => {
                (!account.effectively_active()).then(|| "The account is suspended now.".to_owned())
            }
        },
        FindingKind::ActiveOnHold => match first.filter(live) {
            None => Some(gone),
            Some(account) if account.hold.is_none() => Some("The hold has ended.".to_owned()),
            Some(account) => (!account.directory_active)
                .then(|| "The account is suspended in Microsoft Entra as well.".to_owned()),
        },
        FindingKind::ObjectIdNotGuid
        | FindingKind::ObjectIdShared
        | FindingKind::StaleScimId
        | FindingKind::GroupNameTaken => None,
    }
}
