//! What Entra sends last, and what it is answered, in each state of both sides.

use uuid::Uuid;

use super::{writes::held, *};
use crate::{
    accounts::{Hold, examples::account},
    guard::{BatchState, DeprovisionAction, ItemKey},
    ids::{BatchId, TenantId},
    tenants::{Identifier, Tenant, TenantSettings},
};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";
const ALICE: &str = "alice@contoso.com";

fn tenant() -> Tenant {
    Tenant {
        id: TenantId::from_uuid(Uuid::from_u128(1)),
        identifier: Identifier::parse("contoso").expect("it is one"),
        display_name: String::new(),
        provisioning_enabled: true,
        settings: TenantSettings::default(),
        version: 1,
        schema_version: 0,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

/// What comes last when Entra has the login of alice and the GUID.
fn last(accounts: &[Account], not_matched_by: NotMatchedBy) -> ExpectedRequest {
    let tenant = tenant();
    let mut requests = expected_requests(Scene {
        tenant: &tenant,
        now: Timestamp::from_micros(10),
        user_name: Some(ALICE),
        object_id: Some(GUID),
        not_matched_by,
        unknown_id: None,
        accounts,
        held: &[],
    });
    requests.pop().expect("something is sent")
}

/// What the guard holds of the account 2.
fn held_back(action: DeprovisionAction, state: BatchState) -> (BatchItem, Batch) {
    let group = match action {
        DeprovisionAction::RemoveMember => Uuid::from_u128(20),
        DeprovisionAction::Suspend | DeprovisionAction::Delete => Uuid::nil(),
    };
    let at = Timestamp::from_micros(5);
    let item = BatchItem {
        key: ItemKey {
            account_id: Uuid::from_u128(2),
            action,
            group_id: group,
        },
        user_name: ALICE.to_owned(),
        object_id: GUID.to_owned(),
        group_display_name: "Engineering".to_owned(),
        first_seen_at: at,
        last_seen_at: at,
        count: 1,
        passed_at: None,
    };
    let batch = Batch {
        id: BatchId::from_uuid(Uuid::from_u128(30)),
        state,
        created_at: at,
        updated_at: at,
        suspends: 1,
        deletes: 0,
        member_removals: 0,
        passed: 0,
        decided_by: String::new(),
        decided_at: None,
        reason: String::new(),
        version: 1,
    };
    (item, batch)
}

/// What is written of alice, with what comes of it.
fn written(account: Account, held: &[(BatchItem, Batch)]) -> Vec<(String, u16)> {
    let tenant = tenant();
    let requests = expected_requests(Scene {
        tenant: &tenant,
        now: Timestamp::from_micros(10),
        user_name: Some(ALICE),
        object_id: Some(GUID),
        not_matched_by: NotMatchedBy::default(),
        unknown_id: None,
        accounts: &[account],
        held,
    });
    requests
        .into_iter()
        .filter(|expected| !expected.request.starts_with("GET "))
        .map(|expected| (expected.request, expected.http_status))
        .collect()
}

fn found(account: Account) -> ExpectedRequest {
    last(&[account], NotMatchedBy::default())
}

const BY_OBJECT_ID: NotMatchedBy = NotMatchedBy {
    login: true,
    object_id: false,
};
const BY_LOGIN: NotMatchedBy = NotMatchedBy {
    login: false,
    object_id: true,
};

#[test]
fn a_protected_account_is_never_written() {
    let expected = found(Account {
        protected: true,
        ..account(2, ALICE, None)
    });
    assert_eq!(expected.http_status, 403);
    assert!(expected.because.contains("UnprotectAccount"));
}

#[test]
fn what_the_guard_holds_is_refused_until_its_batch_is_approved() {
    let alice = || account(2, ALICE, Some(GUID));
    let user = format!("/Users/{}", Uuid::from_u128(2));
    let group = format!("/Groups/{}", Uuid::from_u128(20));
    for state in [BatchState::Pending, BatchState::Dismissed] {
        let suspension = held_back(DeprovisionAction::Suspend, state);
        let deletion = held_back(DeprovisionAction::Delete, state);
        let removal = held_back(DeprovisionAction::RemoveMember, state);
        assert_eq!(
            written(alice(), std::slice::from_ref(&removal)),
            [
                (format!("PATCH {group}"), 429),
                (format!("PATCH {user}"), 204)
            ],
            "the user stays otherwise"
        );
        assert_eq!(
            written(alice(), &[suspension.clone(), removal, deletion]),
            [
                (format!("PATCH {user}"), 429),
                (format!("DELETE {user}"), 429)
            ]
        );
        let suspended = Account {
            directory_active: false,
            ..alice()
        };
        assert_eq!(
            written(suspended, &[suspension]),
            [(format!("PATCH {user}"), 204)],
            "there is nothing to suspend any more"
        );
    }
}

#[test]
fn who_reads_that_the_guard_holds_it_knows_the_batch_and_what_to_do() {
    let alice = account(2, ALICE, Some(GUID));
    for (state, parts) in [
        (
            BatchState::Pending,
            ["waits for a decision", "guard dismiss"],
        ),
        (
            BatchState::Dismissed,
            ["was dismissed", "back into the scope"],
        ),
    ] {
        let (item, batch) = held_back(DeprovisionAction::Suspend, state);
        let because = held(&tenant(), &alice, &item, &batch).because;
        let approve = format!("provisiond guard approve contoso {}", batch.id);
        for part in parts.into_iter().chain([approve.as_str()]) {
            assert!(because.contains(part), "{part}: {because}");
        }
        assert!(
            because.contains(&item.first_seen_at.to_string()),
            "{because}"
        );
    }
}

#[test]
fn a_hold_outlasts_what_entra_says() {
    let expected = found(Account {
        hold: Some(Hold {
            reason: String::new(),
            at: Timestamp::from_micros(0),
        }),
        ..account(2, ALICE, Some(GUID))
    });
    assert_eq!(expected.http_status, 204);
    assert!(expected.outcome.contains("stays suspended"));
    assert!(expected.because.contains("ReleaseAccount"));
}

#[test]
fn a_suspension_of_entra_ends_with_entra() {
    let expected = found(Account {
        directory_active: false,
        ..account(2, ALICE, Some(GUID))
    });
    assert!(
        expected
            .outcome
            .contains("until Microsoft Entra sends active=true")
    );
}

#[test]
fn an_object_id_that_nobody_linked_gives_way() {
    let expected = found(account(2, ALICE, Some(OTHER_GUID)));
    assert_eq!(expected.http_status, 204);
    assert!(
        expected
            .outcome
            .contains(&format!("gets the Object ID \"{GUID}\""))
    );
}

#[test]
fn a_link_of_an_admin_is_kept() {
    let expected = found(Account {
        object_id_exclusive: true,
        object_id_pinned: true,
        ..account(2, ALICE, Some(OTHER_GUID))
    });
    assert_eq!(expected.http_status, 204);
    assert!(
        expected
            .outcome
            .contains(&format!("stays \"{OTHER_GUID}\""))
    );
}

#[test]
fn the_account_of_the_object_id_gets_the_login_when_it_is_free() {
    let bob = account(3, "bob@contoso.com", Some(GUID));
    let renamed = last(std::slice::from_ref(&bob), BY_OBJECT_ID);
    assert_eq!(renamed.http_status, 204);
    assert!(renamed.outcome.contains("login account becomes"));
    let taken = last(&[bob, account(2, ALICE, None)], BY_OBJECT_ID);
    assert_eq!(
        (taken.request.as_str(), taken.http_status),
        (format!("PATCH /Users/{}", Uuid::from_u128(3)).as_str(), 409)
    );
}

#[test]
fn two_accounts_of_one_object_id_end_the_search() {
    let accounts = [
        account(3, "bob@contoso.com", Some(GUID)),
        account(4, "carol@contoso.com", Some(GUID)),
    ];
    let expected = last(&accounts, NotMatchedBy::default());
    assert!(expected.request.starts_with("GET /Users?filter=externalId"));
    assert!(expected.outcome.contains("DuplicateTargetEntries"));
}

#[test]
fn a_second_account_shares_an_object_id_that_is_not_exclusive() {
    let bob = account(3, "bob@contoso.com", Some(GUID));
    let shared = last(std::slice::from_ref(&bob), BY_LOGIN);
    assert_eq!(shared.http_status, 201);
    assert!(shared.outcome.contains("same Object ID"));
    let exclusive = Account {
        object_id_exclusive: true,
        ..bob
    };
    assert_eq!(last(&[exclusive], BY_LOGIN).http_status, 409);
}

#[test]
fn only_a_guid_within_its_retention_brings_an_account_back() {
    let deleted = Account {
        deleted_at: Some(Timestamp::from_micros(5)),
        ..account(2, ALICE, Some(GUID))
    };
    assert!(found(deleted.clone()).outcome.contains("comes back"));
    let protected = Account {
        protected: true,
        ..deleted.clone()
    };
    assert_eq!(found(protected).http_status, 403);
    let on_hold = Account {
        hold: Some(Hold {
            reason: String::new(),
            at: Timestamp::from_micros(0),
        }),
        object_id: None,
        ..deleted.clone()
    };
    let anew = found(on_hold);
    assert!(
        anew.outcome
            .contains("A new account is created. It is on hold"),
        "{}",
        anew.outcome
    );
    let taken = last(&[deleted, account(3, ALICE, None)], BY_OBJECT_ID);
    assert_eq!(taken.http_status, 409);
    assert!(taken.because.contains("cannot be restored"));
}

#[test]
fn what_is_asked_for_is_quoted_as_a_filter_wants_it() {
    assert_eq!(
        filter("userName", "a\"b\\c"),
        "GET /Users?filter=userName eq \"a\\\"b\\\\c\""
    );
}
