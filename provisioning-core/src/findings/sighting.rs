//! What one request shows: which kind of mismatch, of what, and what Entra said. Pure.

use uuid::Uuid;

use super::{DirectorySide, Finding, FindingKind};
use crate::{
    accounts::Account,
    clock::Timestamp,
    groups::Group,
    ids::{AccountId, GroupId, LogEntryId},
    links::{KeptLink, object_id_key},
};

/// The most accounts that a finding names.
const ACCOUNTS_MAX: usize = 3;
/// The hexadecimal digits that Entra puts before the login account of a user whom it deletes: the Object ID without hyphens.
const TOMBSTONE_DIGITS: usize = 32;

/// A mismatch that a request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What is wrong.
    pub kind: FindingKind,
    /// What makes it one finding with others of the kind.
    pub subject: String,
    /// What Entra said.
    pub directory: DirectorySide,
    /// The accounts it is about, the one that Entra means first.
    pub accounts: Vec<AccountId>,
    /// The group it is about.
    pub group: Option<GroupId>,
}

/// What Entra says of a person: with which Object ID and login account it came, and which SCIM id it called.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    /// `externalId`.
    pub object_id: Option<&'a str>,
    /// `userName`.
    pub user_name: &'a str,
    /// The account called by its SCIM id.
    pub called: Option<AccountId>,
}

impl Person<'_> {
    fn side(self) -> DirectorySide {
        DirectorySide {
            object_id: self.object_id.unwrap_or_default().to_owned(),
            user_name: self.user_name.to_owned(),
            display_name: String::new(),
            scim_id: self.called.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

impl Sighting {
    /// As a finding that opens with it. Without a log entry it is the state of the data that shows it, and no request.
    pub fn finding(self, now: Timestamp, log_entry: Option<LogEntryId>) -> Finding {
        let mut accounts = self.accounts;
        accounts.truncate(ACCOUNTS_MAX);
        Finding {
            id: crate::ids::finding_id(now),
            kind: self.kind,
            subject: self.subject,
            first_seen_at: now,
            last_seen_at: now,
            count: i64::from(log_entry.is_some()),
            log_entry_ids: log_entry.into_iter().collect(),
            directory: self.directory,
            accounts,
            group: self.group,
            closure: None,
        }
    }

    fn of_accounts(
        kind: FindingKind,
        subject: String,
        person: Person<'_>,
        accounts: impl Into<Vec<AccountId>>,
    ) -> Self {
        Self {
            kind,
            subject,
            directory: person.side(),
            accounts: accounts.into(),
            group: None,
        }
    }

    /// A finding of the account itself.
    fn of_account(kind: FindingKind, account: AccountId, person: Person<'_>) -> Self {
        Self::of_accounts(kind, account.to_string(), person, [account])
    }

    /// A new person was refused because `holder` has the login account. `other` has the Object ID, and `tombstone` would else be restored.
    /// Nothing is wrong when it is the same person, posted once more.
    pub fn login_taken(
        person: Person<'_>,
        holder: &Account,
        other: Option<&Account>,
        tombstone: Option<&Account>,
    ) -> Option<Self> {
        let posted = person.object_id.map(object_id_key);
        let held = holder.object_id.as_deref().map(object_id_key);
        if posted.is_some() && posted == held {
            return None;
        }
        if let Some(other) = other.filter(|other| other.id != holder.id) {
            return Some(Self::two_accounts(person, other, holder));
        }
        if let Some(tombstone) = tombstone {
            return Some(Self::of_accounts(
                FindingKind::LoginTakenSinceDeletion,
                tombstone.id.to_string(),
                person,
                [tombstone.id, holder.id],
            ));
        }
        Some(match held {
            None => Self::of_account(FindingKind::LoginNotLinked, holder.id, person),
            Some(_) => Self::of_account(FindingKind::ObjectIdMismatch, holder.id, person),
        })
    }

    /// The account `linked` of the Object ID cannot have the login account, which is `holder`'s.
    pub fn two_accounts(person: Person<'_>, linked: &Account, holder: &Account) -> Self {
        Self::of_accounts(
            FindingKind::LoginAndObjectIdOnTwoAccounts,
            linked.id.to_string(),
            person,
            [linked.id, holder.id],
        )
    }

    /// The Object ID is `holder`'s, exclusively. `meant` is the account that was to have it, when there is one.
    pub fn object_id_taken(
        person: Person<'_>,
        meant: Option<AccountId>,
        holder: AccountId,
    ) -> Self {
        let accounts: Vec<AccountId> = meant.into_iter().chain([holder]).collect();
        Self::of_accounts(
            FindingKind::ObjectIdOnAnotherAccount,
            person.object_id.map(object_id_key).unwrap_or_default(),
            person,
            accounts,
        )
    }

    /// The same, where the holder had the login account that was posted before it was renamed.
    pub fn login_renamed(person: Person<'_>, holder: AccountId) -> Self {
        Self::of_account(FindingKind::LoginRenamed, holder, person)
    }

    /// The Object ID that an admin linked to the account was kept against the one that Entra says. Nothing is at odds where it says none.
    pub(crate) fn link_kept(account: &Account, link: &KeptLink) -> Option<Self> {
        let person = Person {
            object_id: Some(link.wanted.as_deref()?),
            user_name: &account.user_name,
            called: Some(account.id),
        };
        Some(Self::of_account(
            FindingKind::ObjectIdMismatch,
            account.id,
            person,
        ))
    }

    /// Several accounts have one Object ID.
    pub fn object_id_shared(person: Person<'_>, holders: impl Into<Vec<AccountId>>) -> Self {
        Self::of_accounts(
            FindingKind::ObjectIdShared,
            person.object_id.map(object_id_key).unwrap_or_default(),
            person,
            holders,
        )
    }

    /// Accounts have Object IDs that are no GUIDs.
    pub fn object_id_not_guid(person: Person<'_>, accounts: impl Into<Vec<AccountId>>) -> Self {
        Self::of_accounts(
            FindingKind::ObjectIdNotGuid,
            String::new(),
            person,
            accounts,
        )
    }

    /// Entra called an account that is not there; `tombstone` is what is left of it, and `person` whose it was.
    pub fn stale_scim_id(id: AccountId, person: Person<'_>, tombstone: Option<&Account>) -> Self {
        let left: Vec<AccountId> = tombstone.into_iter().map(|account| account.id).collect();
        Self::of_accounts(FindingKind::StaleScimId, id.to_string(), person, left)
    }

    /// The login account that an account was given is that of a deleted user.
    pub fn tombstone_login(account: &Account) -> Self {
        Self::of_account(FindingKind::TombstoneLogin, account.id, said_of(account))
    }

    /// The account came back, or one for the same person, after it was deleted in DragOnce.
    pub fn deleted_and_posted_again(account: &Account) -> Self {
        Self::of_account(
            FindingKind::DeletedAndPostedAgain,
            account.id,
            said_of(account),
        )
    }

    /// Entra says that an account on hold is active.
    pub fn active_on_hold(account: &Account) -> Self {
        Self::of_account(FindingKind::ActiveOnHold, account.id, said_of(account))
    }

    /// Entra wanted to write a protected account.
    pub fn protected_account(account: &Account) -> Self {
        Self::of_account(FindingKind::ProtectedAccount, account.id, said_of(account))
    }

    /// The name that Entra wants for a group is `holder`'s. `renamed` is the group that was to have it; none when it was a new one.
    pub fn group_name_taken(
        display_name: &str,
        object_id: Option<&str>,
        renamed: Option<GroupId>,
        holder: &Group,
    ) -> Self {
        Self {
            kind: FindingKind::GroupNameTaken,
            subject: holder.id.to_string(),
            directory: DirectorySide {
                object_id: object_id.unwrap_or_default().to_owned(),
                user_name: String::new(),
                display_name: display_name.to_owned(),
                scim_id: renamed.map(|id| id.to_string()).unwrap_or_default(),
            },
            accounts: Vec::new(),
            group: Some(holder.id),
        }
    }
}

/// What Entra said when it wrote the account as it is now.
fn said_of(account: &Account) -> Person<'_> {
    Person {
        object_id: account.object_id.as_deref(),
        user_name: &account.user_name,
        called: Some(account.id),
    }
}

/// Whether a login account is the one that Entra gives to a user whom it deletes: the Object ID without hyphens before the old name.
pub fn is_tombstone_login(user_name: &str) -> bool {
    user_name
        .get(..TOMBSTONE_DIGITS)
        .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        && user_name.len() > TOMBSTONE_DIGITS
}

/// Whether an Object ID is no GUID.
pub fn is_not_guid(object_id: Option<&str>) -> bool {
    object_id.is_some_and(|object_id| Uuid::try_parse(object_id.trim()).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_login_is_32_hex_digits_before_a_name() {
        for tombstone in [
            "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com",
            "0A21F0F28D2A4F8EBF987363C4AED4EFalice@contoso.com",
        ] {
            assert!(is_tombstone_login(tombstone), "{tombstone}");
        }
        for other in [
            "",
            "alice@contoso.com",
            "0a21f0f28d2a4f8ebf987363c4aed4ef",
            "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4efalice@contoso.com",
            "deadbeefalice@contoso.com",
            "ä1234567890123456789012345678901234567890@contoso.com",
        ] {
            assert!(!is_tombstone_login(other), "{other}");
        }
    }

    #[test]
    fn an_object_id_is_a_guid_in_any_spelling_or_is_not() {
        for guid in [
            None,
            Some("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"),
            Some("{0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF}"),
            Some("0a21f0f28d2a4f8ebf987363c4aed4ef"),
        ] {
            assert!(!is_not_guid(guid), "{guid:?}");
        }
        for other in ["", "alice", "0a21f0f2"] {
            assert!(is_not_guid(Some(other)), "{other}");
        }
    }
}
