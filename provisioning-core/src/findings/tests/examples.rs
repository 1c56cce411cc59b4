//! One finding of every kind.

use uuid::Uuid;

use super::super::{DirectorySide, Finding, FindingKind, Side};
use crate::{
    accounts::{Account, Hold, examples::account},
    attributes::{fold::fold, show::Shows},
    clock::Timestamp,
    groups::Group,
    ids::{GroupId, TenantId},
    tenants::{EntraJob, Identifier, Tenant, TenantSettings},
};

/// What Entra sends.
pub(super) const POSTED: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
/// What DragOnce has instead.
const OTHER: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";
pub(super) const SERVICE_PRINCIPAL: &str = "5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11";
pub(super) const JOB: &str = "scim.9a21f0f28d2a4f8ebf987363c4aed4ef.1";

pub(super) fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(super) fn tenant(entra_job: Option<EntraJob>) -> Tenant {
    Tenant {
        id: TenantId::from_uuid(Uuid::from_u128(1)),
        identifier: Identifier::parse("contoso").expect("it is one"),
        display_name: String::new(),
        provisioning_enabled: true,
        settings: TenantSettings {
            entra_job,
            ..TenantSettings::default()
        },
        version: 1,
        schema_version: 0,
        created_at: time(0),
        updated_at: time(0),
    }
}

pub(super) fn job() -> EntraJob {
    EntraJob::parse(SERVICE_PRINCIPAL, JOB).expect("it is one")
}

pub(super) fn group(number: u128, display_name: &str) -> Group {
    Group {
        id: GroupId::from_uuid(Uuid::from_u128(number)),
        display_name: display_name.to_owned(),
        display_name_key: fold(display_name),
        object_id: Some(OTHER.to_owned()),
        own_version: 1,
        version: 9,
        created_at: time(0),
        updated_at: time(0),
        document: "{}".to_owned(),
        members: None,
        shows: Shows::new(),
    }
}

pub(super) fn finding(kind: FindingKind, directory: DirectorySide) -> Finding {
    Finding {
        id: Uuid::from_u128(77),
        kind,
        subject: String::new(),
        first_seen_at: time(1),
        last_seen_at: time(2),
        count: 3,
        log_entry_ids: Vec::new(),
        directory,
        accounts: Vec::new(),
        group: None,
        closure: None,
    }
}

pub(super) fn says(user_name: &str, object_id: &str) -> DirectorySide {
    DirectorySide {
        object_id: object_id.to_owned(),
        user_name: user_name.to_owned(),
        ..DirectorySide::default()
    }
}

/// A finding of the kind, what DragOnce has, and what its summary must name.
#[expect(clippy::too_many_lines, reason = "a table with a row for each kind")]
pub(super) fn example(kind: FindingKind) -> (Finding, Vec<Side>, Vec<&'static str>) {
    let alice = "alice@contoso.com";
    let deleted = |mut account: Account| {
        account.deleted_at = Some(time(5));
        account
    };
    let (directory, accounts, names): (_, Vec<Account>, Vec<&str>) = match kind {
        FindingKind::ObjectIdNotGuid => (
            says(alice, "alice"),
            vec![account(10, alice, None)],
            vec!["\"alice\"", "mailNickname", "has no Object ID"],
        ),
        FindingKind::ObjectIdOnAnotherAccount => (
            says(alice, POSTED),
            vec![account(11, "bob@contoso.com", Some(POSTED))],
            vec![alice, POSTED, "bob@contoso.com"],
        ),
        FindingKind::ObjectIdShared => (
            says(alice, POSTED),
            vec![
                account(10, alice, Some(POSTED)),
                account(11, "bob@contoso.com", Some(POSTED)),
            ],
            vec![POSTED, alice, "bob@contoso.com"],
        ),
        FindingKind::LoginNotLinked => (
            says("Alice@contoso.com", POSTED),
            vec![account(10, alice, None)],
            vec!["Alice@contoso.com", POSTED, alice],
        ),
        FindingKind::LoginAndObjectIdOnTwoAccounts => (
            says(alice, POSTED),
            vec![
                account(10, alice, None),
                account(11, "bob@contoso.com", Some(POSTED)),
            ],
            vec![alice, POSTED, "bob@contoso.com"],
        ),
        FindingKind::ObjectIdMismatch => (
            says(alice, POSTED),
            vec![Account {
                object_id_exclusive: true,
                object_id_pinned: true,
                ..account(10, alice, Some(OTHER))
            }],
            vec![alice, POSTED, OTHER, "it was kept"],
        ),
        FindingKind::StaleScimId => (
            DirectorySide {
                scim_id: Uuid::from_u128(10).to_string(),
                ..says(alice, "")
            },
            vec![deleted(account(10, alice, Some(POSTED)))],
            vec![alice, "00000000-0000-0000-0000-00000000000a", "was deleted"],
        ),
        FindingKind::LoginRenamed => (
            says("alice.new@contoso.com", POSTED),
            vec![account(10, alice, Some(POSTED))],
            vec!["alice.new@contoso.com", POSTED, alice],
        ),
        FindingKind::TombstoneLogin => (
            says("0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com", POSTED),
            vec![account(
                10,
                "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com",
                Some(POSTED),
            )],
            vec!["0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com"],
        ),
        FindingKind::DeletedAndPostedAgain => (
            says(alice, POSTED),
            vec![account(10, alice, Some(POSTED))],
            vec![alice, "was deleted in DragOnce"],
        ),
        FindingKind::ActiveOnHold => (
            says(alice, POSTED),
            vec![Account {
                hold: Some(Hold {
                    reason: "On leave".to_owned(),
                    at: time(3),
                }),
                ..account(10, alice, Some(POSTED))
            }],
            vec![alice, "On leave"],
        ),
        FindingKind::LoginTakenSinceDeletion => (
            says(alice, POSTED),
            vec![
                deleted(account(10, alice, Some(POSTED))),
                account(11, alice, None),
            ],
            vec![
                alice,
                POSTED,
                "00000000-0000-0000-0000-00000000000a",
                "00000000-0000-0000-0000-00000000000b",
            ],
        ),
        FindingKind::GroupNameTaken => (
            DirectorySide {
                display_name: "engineering".to_owned(),
                object_id: POSTED.to_owned(),
                ..DirectorySide::default()
            },
            Vec::new(),
            vec!["\"engineering\"", POSTED, OTHER],
        ),
        FindingKind::ProtectedAccount => (
            says(alice, POSTED),
            vec![Account {
                protected: true,
                ..account(10, alice, None)
            }],
            vec![alice, "403"],
        ),
    };
    let mut sides: Vec<_> = accounts.into_iter().map(Side::Account).collect();
    if kind == FindingKind::GroupNameTaken {
        sides.push(Side::Group(group(20, "Engineering")));
    }
    (finding(kind, directory), sides, names)
}

pub(super) fn every_example() -> impl Iterator<Item = (Finding, Vec<Side>, Vec<&'static str>)> {
    FindingKind::ALL.iter().map(|kind| example(*kind))
}
