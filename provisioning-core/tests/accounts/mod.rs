//! The use cases of accounts, on every engine: what SCIM may and may not do to one, and what the log and the changes say of it.

mod extensions;
mod pages;
mod sorting;

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, AccountKey, CreateOutcome, ListQuery, Patched, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    changes::{ChangeKind, Resource},
    error::{Error, Reason},
    log::{self, Outcome},
    receipts::{Answer, Once},
    tenants::{Dialect, TenantChanges},
    tokens::{NewToken, TokenId},
};
use serde_json::{Map, Value, json};

use crate::world::{
    CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, operator, reason, scim,
};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

fn operation(op: Op, path: &str, value: Value) -> Operation {
    Operation {
        op,
        path: Some(path.to_owned()),
        value: Some(value),
    }
}

async fn patch(
    world: &World,
    call: &Call,
    account: &Account,
    operations: &[Operation],
) -> Result<Patched, Error> {
    let precondition = Precondition::default();
    world.clock.advance(Duration::from_micros(1));
    match world
        .core
        .patch_account(call, account.id, operations, &precondition, None)
        .await?
    {
        Answer::Fresh(patched) => Ok(patched),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn entra(world: &World, tenant: &str) -> Call {
    let generated = world.generate(tenant).await;
    scim(tenant, &generated.text)
}

async fn read(world: &World, account: &Account) -> Account {
    world
        .core
        .get_account(&admin(CONTOSO), &AccountKey::Id(account.id))
        .await
        .expect("it is there")
}

fn attributes(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(attributes) => attributes,
        other => panic!("{other} is no object"),
    }
}

on_every_engine! {
    async fn to_leave_active_out_or_to_clear_it_lifts_no_suspension(world: World) {
        let entra = entra(&world, CONTOSO).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        assert!(alice.directory_active, "a new account is active when nothing says otherwise");
        patch(&world, &entra, &alice, &[operation(Op::Replace, "active", json!(false))]).await.expect("it is suspended");

        let clearings = [
            operation(Op::Replace, "active", json!("")),
            operation(Op::Add, "active", Value::Null),
            Operation { op: Op::Remove, path: Some("active".to_owned()), value: None },
            Operation { op: Op::Replace, path: None, value: Some(json!({"active": ""})) },
        ];
        for clearing in clearings {
            patch(&world, &entra, &alice, std::slice::from_ref(&clearing)).await.expect("it is taken");
            assert!(!read(&world, &alice).await.directory_active, "{clearing:?}");
        }
        let replaced = attributes(json!({"userName": "alice@contoso.com", "title": "Engineer"}));
        fresh(world.core.replace_account(&entra, alice.id, &replaced, &Precondition::default(), None).await);
        let after = read(&world, &alice).await;
        assert!(!after.directory_active && after.document.contains("Engineer"));
    }

    async fn in_the_rfcs_dialect_active_is_cleared_and_lifts_no_suspension(world: World) {
        let rfc = TenantChanges { dialect: Some(Dialect::Rfc), ..TenantChanges::default() };
        fresh(world.core.update_tenant(&operator(CONTOSO), &rfc, &Precondition::default(), None).await);
        let entra = entra(&world, CONTOSO).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        patch(&world, &entra, &alice, &[operation(Op::Replace, "active", json!(false))]).await.expect("it is suspended");
        let clearing = Operation { op: Op::Remove, path: Some("active".to_owned()), value: None };
        for next in [clearing, operation(Op::Replace, "title", json!("Engineer"))] {
            patch(&world, &entra, &alice, &[next]).await.expect("it is taken");
            let after = read(&world, &alice).await;
            assert!(!after.directory_active && !after.document.contains("active"), "{}", after.document);
        }
        world.link(alice.id, GUID).await.expect("it is linked");
        let after = read(&world, &alice).await;
        assert!(!after.directory_active && !after.document.contains("active"), "{}", after.document);
    }

    async fn the_first_write_of_provisioning_adopts_an_account(world: World) {
        let entra = entra(&world, CONTOSO).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        assert!(!alice.managed);
        let title = |text: &str| [operation(Op::Replace, "title", json!(text))];
        patch(&world, &entra, &alice, &title("A")).await.expect("it is taken");
        patch(&world, &entra, &alice, &title("B")).await.expect("it is taken");
        assert!(read(&world, &alice).await.managed);
        let operations = world.log(CONTOSO, "resourceType eq \"User\"").await.into_iter().map(|entry| entry.operation).collect::<Vec<_>>();
        assert_eq!(operations, [log::Operation::Patch, log::Operation::Adopt, log::Operation::Create]);
    }

    async fn a_write_that_finds_everything_as_it_asks_adopts_an_account_once(world: World) {
        let entra = entra(&world, CONTOSO).await;
        let same = |name: &str| [operation(Op::Replace, "userName", json!(name))];
        let alice = world.create_account("alice@contoso.com", None).await;
        let by_admin = patch(&world, &admin(CONTOSO), &alice, &same("alice@contoso.com")).await.expect("it is taken");
        assert!(!by_admin.changed && !read(&world, &alice).await.managed, "an admin is not provisioning");

        let adopted = patch(&world, &entra, &alice, &same("alice@contoso.com")).await.expect("it is taken");
        let after = read(&world, &alice).await;
        assert!(adopted.changed && after.managed);
        assert_eq!((&after.document, after.version), (&alice.document, alice.version + 1), "nothing else has changed");
        let newest = world.log(CONTOSO, "resourceType eq \"User\"").await.remove(0);
        assert_eq!((newest.operation, newest.changes), (log::Operation::Adopt, Vec::new()));
        assert_eq!(newest.resource_id, alice.id.to_string());
        let change = (ChangeKind::Updated, Resource::Account(alice.id), after.version);
        assert_eq!(world.changes(CONTOSO).await.last(), Some(&change));
        let again = patch(&world, &entra, &alice, &same("alice@contoso.com")).await.expect("it is taken");
        assert!(!again.changed);
        assert_eq!(read(&world, &alice).await, after);

        let bob = world.create_account("bob@contoso.com", None).await;
        let whole = attributes(json!({"userName": "bob@contoso.com"}));
        fresh(world.core.replace_account(&entra, bob.id, &whole, &Precondition::default(), None).await);
        assert!(read(&world, &bob).await.managed, "a PUT does the same");
    }

    async fn a_deleted_account_comes_back_with_its_id_for_the_same_guid_only(world: World) {
        let entra = entra(&world, CONTOSO).await;
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        let shared = world.create_account("shared@contoso.com", Some("jyoung")).await;
        for account in [&alice, &shared] {
            fresh(world.core.delete_account(&entra, account.id, &Precondition::default(), None).await);
            assert_eq!(reason(world.core.get_account(&entra, &AccountKey::Id(account.id)).await), Reason::AccountNotFound);
        }
        let restored = fresh(world.try_create_account("alice.new@contoso.com", Some(GUID)).await);
        assert_eq!((restored.outcome, restored.account.id), (CreateOutcome::Restored, alice.id));
        assert!(restored.account.version > alice.version + 1, "versions never go back");
        let other = fresh(world.try_create_account("shared@contoso.com", Some("jyoung")).await);
        assert_eq!(other.outcome, CreateOutcome::Created);
        assert_ne!(other.account.id, shared.id, "an Object ID that is no GUID may be another person's");
    }

    async fn a_deleted_account_is_not_restored_after_its_retention(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        fresh(world.core.delete_account(&admin(CONTOSO), alice.id, &Precondition::default(), None).await);
        world.clock.advance(Duration::from_hours(30 * 24 + 1));
        let created = fresh(world.try_create_account("alice@contoso.com", Some(GUID)).await);
        assert_eq!(created.outcome, CreateOutcome::Created);
        assert_ne!(created.account.id, alice.id);
    }

    async fn patches_at_once_lose_nothing(world: World) {
        const WRITERS: usize = 24;
        let alice = world.create_account("alice@contoso.com", None).await;
        let admin = admin(CONTOSO);
        let operations: Vec<_> = (0..WRITERS)
            .map(|writer| [operation(Op::Add, "emails", json!([{"value": format!("{writer}@contoso.com"), "type": "other"}]))])
            .collect();
        let writes = operations.iter().map(|operations| patch(&world, &admin, &alice, operations));
        let results = futures_util::future::join_all(writes).await;
        let written = results.iter().filter(|result| result.is_ok()).count();
        let after = read(&world, &alice).await;
        let document: Value = serde_json::from_str(&after.document).expect("it is JSON");
        assert_eq!(document["emails"].as_array().map_or(0, Vec::len), written, "every acknowledged write is there");
        assert_eq!(after.version, alice.version + i64::try_from(written).expect("it fits"));
        assert!(written >= WRITERS / 2, "{written} of {WRITERS} were written; the others were told to try again");
        for result in results {
            if let Err(Error::Refused(refusal)) = result {
                assert_eq!(refusal.reason, Reason::Contention);
            }
        }
    }

    async fn a_patch_that_changes_nothing_leaves_no_trace(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let (entries, changes) = (world.log(CONTOSO, "").await, world.changes(CONTOSO).await);
        let same = [operation(Op::Replace, "userName", json!("alice@contoso.com")), operation(Op::Replace, "active", json!("True"))];
        let patched = patch(&world, &admin(CONTOSO), &alice, &same).await.expect("it is taken");
        assert!(!patched.changed);
        assert_eq!(read(&world, &alice).await, alice);
        assert_eq!((world.log(CONTOSO, "").await, world.changes(CONTOSO).await), (entries, changes));
    }

    async fn a_dry_run_checks_everything_and_changes_nothing(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        world.create_account("bob@contoso.com", None).await;
        let before = (world.log(CONTOSO, "outcome eq \"success\"").await, world.changes(CONTOSO).await);
        let dry = Precondition { etag: None, validate_only: true };
        let admin = admin(CONTOSO);
        let rename = |name: &str| [operation(Op::Replace, "userName", json!(name))];
        let renamed = world.core.patch_account(&admin, alice.id, &rename("carol@contoso.com"), &dry, None).await;
        assert_eq!(fresh(renamed).account.user_name, "carol@contoso.com");
        let taken = world.core.patch_account(&admin, alice.id, &rename("BOB@contoso.com"), &dry, None).await;
        assert_eq!(reason(taken), Reason::Uniqueness);
        let created = world.core.create_account(&admin, &attributes(json!({"userName": "dave@contoso.com"})), true, None).await;
        assert_eq!(fresh(created).account.user_name, "dave@contoso.com");
        fresh(world.core.delete_account(&admin, alice.id, &dry, None).await);
        assert_eq!(read(&world, &alice).await, alice);
        assert_eq!((world.log(CONTOSO, "outcome eq \"success\"").await, world.changes(CONTOSO).await), before);
    }

    async fn a_refusal_is_logged_with_what_the_admin_was_told(world: World) {
        let entra = entra(&world, CONTOSO).await;
        world.create_account("alice@contoso.com", None).await;
        let taken = attributes(json!({"userName": "ALICE@contoso.com", "externalId": GUID}));
        let Err(Error::Refused(told)) = world.core.create_account(&entra, &taken, false, None).await else {
            panic!("the login account is taken");
        };
        let logged = world.log(CONTOSO, "outcome eq \"failure\"").await.remove(0);
        assert_eq!((logged.outcome, logged.http_status, logged.scim_type.as_str()), (Outcome::Failure, 409, "uniqueness"));
        assert_eq!((logged.detail.as_str(), logged.reason.as_str()), (told.detail.as_str(), "UNIQUENESS"));
        assert_eq!((logged.user_name.as_str(), logged.object_id.as_str()), ("ALICE@contoso.com", GUID));
        assert_eq!(logged.request_id, entra.request_id.as_str());
        assert!(logged.changes.is_empty());
    }

    async fn the_log_the_changes_and_the_account_tell_one_story(world: World) {
        let entra = entra(&world, CONTOSO).await;
        let attributes = attributes(json!({"userName": "alice@contoso.com", "title": "A"}));
        let alice = fresh(world.core.create_account(&entra, &attributes, false, None).await).account;
        patch(&world, &entra, &alice, &[operation(Op::Replace, "active", json!(false))]).await.expect("it is taken");
        patch(&world, &entra, &alice, &[operation(Op::Replace, "active", json!(true)), operation(Op::Replace, "title", json!("B"))])
            .await
            .expect("it is taken");
        world.clock.advance(Duration::from_micros(1));
        fresh(world.core.delete_account(&entra, alice.id, &Precondition::default(), None).await);
        let kinds = [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Updated, ChangeKind::Deleted];
        let expected: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, version)| (kind, Resource::Account(alice.id), version)).collect();
        assert_eq!(world.changes(CONTOSO).await, expected);
        let entries = world.log(CONTOSO, &format!("resourceId eq \"{}\"", alice.id)).await;
        let operations: Vec<_> = entries.iter().rev().map(|entry| entry.operation).collect();
        assert_eq!(operations, [log::Operation::Create, log::Operation::Suspend, log::Operation::Activate, log::Operation::Delete]);
        let activation = &entries[1].changes;
        assert!(activation.iter().any(|change| change.attribute == "title" && change.old == Some(json!("A")) && change.new == Some(json!("B"))));
    }

    async fn values_that_an_index_serves_are_bounded_and_every_engine_takes_the_longest(world: World) {
        // Of all characters this one grows most when it is brought into its normal form: to three times its bytes.
        let longest = "\u{1d160}".repeat(200);
        let too_long = format!("{longest}x");
        let with = |name: &str, long: &str| match name {
            "userName" => json!({"userName": long}),
            "externalId" => json!({"userName": "a", "externalId": long}),
            "emails" => json!({"userName": "a", "emails": [{"value": long, "type": long}]}),
            _ => json!({"userName": "a", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": long}}),
        };
        for name in ["userName", "externalId", "emails", "employeeNumber"] {
            let refused = world.core.create_account(&admin(CONTOSO), &attributes(with(name, &too_long)), false, None).await;
            assert_eq!(reason(refused), Reason::InvalidValue, "{name}");
            let created = fresh(world.core.create_account(&admin(CONTOSO), &attributes(with(name, &longest)), false, None).await);
            fresh(world.core.delete_account(&admin(CONTOSO), created.account.id, &Precondition::default(), None).await);
        }
    }

    async fn a_person_has_no_more_values_than_are_kept(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let emails = |range: std::ops::Range<usize>| json!(range.map(|n| json!({"value": format!("{n}@x.y"), "type": "other"})).collect::<Vec<_>>());
        let add = |range| [operation(Op::Add, "emails", emails(range))];
        let admin = admin(CONTOSO);
        patch(&world, &admin, &alice, &add(0..250)).await.expect("so many are kept");
        assert_eq!(reason(patch(&world, &admin, &alice, &add(0..70_000)).await), Reason::TooMany);
        assert_eq!(reason(patch(&world, &admin, &alice, &add(250..251)).await), Reason::TooMany);
        let large = "x".repeat(40_000);
        let own = |number: u32| [operation(Op::Add, &format!("urn:example:own:2.0:User:a{number}"), json!(large))];
        let mut written = 0;
        while patch(&world, &admin, &alice, &own(written)).await.is_ok() {
            written += 1;
            assert!(written < 10, "the document is bounded");
        }
        assert!(written > 1);
    }

    async fn a_repeated_patch_that_changed_nothing_still_changes_nothing(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let admin = admin(CONTOSO);
        let active = |value: bool| [operation(Op::Replace, "active", json!(value))];
        patch(&world, &admin, &alice, &active(false)).await.expect("it is taken");
        let encode = |patched: &Patched| vec![u8::from(patched.changed) + 1];
        let again = || Some(Once { encode: &encode, ..once(1, 1) });
        let suspended = world.core.patch_account(&admin, alice.id, &active(false), &Precondition::default(), again()).await;
        assert!(!fresh(suspended).changed);
        patch(&world, &admin, &alice, &active(true)).await.expect("it is taken");
        match world.core.patch_account(&admin, alice.id, &active(false), &Precondition::default(), again()).await.expect("it is answered") {
            Answer::Replayed(bytes) => assert_eq!(bytes, [1]),
            Answer::Fresh(_) => panic!("it was done again"),
        }
        assert!(read(&world, &alice).await.directory_active);
    }

    async fn an_unknown_token_makes_the_storage_look_for_nothing(world: World) {
        world.create_account("alice@contoso.com", None).await;
        world.generate(CONTOSO).await;
        let unknown = scim(CONTOSO, &NewToken::generate().text);
        let queries = [
            ListQuery { filter: "nickName co \"x\"".to_owned(), page_size: 10, ..ListQuery::default() },
            ListQuery { filter: "userName eq \"alice@contoso.com\"".to_owned(), page_size: 10, ..ListQuery::default() },
            ListQuery { order_by: "title".to_owned(), skip: 1_000, page_size: 10, ..ListQuery::default() },
        ];
        for query in queries {
            assert_eq!(reason(world.core.list_accounts(&unknown, &query).await), Reason::InvalidCredential);
        }
    }

    async fn texts_that_no_engine_keeps_are_answered_as_unknown(world: World) {
        let admin = admin(CONTOSO);
        for odd in ["a\0b".to_owned(), "x".repeat(100_000)] {
            for key in [AccountKey::ObjectId(odd.clone()), provisioning_core::Core::user_name_key(&odd)] {
                assert_eq!(reason(world.core.get_account(&admin, &key).await), Reason::AccountNotFound);
            }
            let token = TokenId::from_text(odd);
            assert_eq!(reason(world.core.revoke_token(&admin, Some(&token), None).await), Reason::TokenNotFound);
        }
    }

    async fn tenants_do_not_meet(world: World) {
        world.create_tenant(FABRIKAM).await;
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        let entra = entra(&world, FABRIKAM).await;
        assert_eq!(reason(world.core.get_account(&entra, &AccountKey::Id(alice.id)).await), Reason::AccountNotFound);
        assert_eq!(reason(patch(&world, &entra, &alice, &[operation(Op::Remove, "title", Value::Null)]).await), Reason::AccountNotFound);
        assert_eq!(reason(world.core.delete_account(&entra, alice.id, &Precondition::default(), None).await), Reason::AccountNotFound);
        let same = attributes(json!({"userName": "alice@contoso.com", "externalId": GUID}));
        let other = fresh(world.core.create_account(&entra, &same, false, None).await);
        assert_eq!(other.outcome, CreateOutcome::Created);
        assert_eq!(read(&world, &alice).await, alice);
    }
}
