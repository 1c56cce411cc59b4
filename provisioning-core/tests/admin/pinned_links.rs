//! A link that an admin set: SCIM leaves it as it is and loses nothing else by it; delete and restore keep it.

use provisioning_core::{
    accounts::{Account, CreateOutcome, Patched, Precondition},
    attributes::patch::{Op, Operation as PatchOperation},
    call::Call,
    error::{Error, Reason},
    log::{Operation, Outcome},
    receipts::{Answer, Once},
    tenants::TenantChanges,
};
use serde_json::{Map, Value, json};

use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, once, operator, reason};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

fn set(path: &str, value: Value) -> PatchOperation {
    PatchOperation {
        op: Op::Replace,
        path: Some(path.to_owned()),
        value: Some(value),
    }
}

fn remove(path: &str) -> PatchOperation {
    PatchOperation {
        op: Op::Remove,
        path: Some(path.to_owned()),
        value: None,
    }
}

async fn patch(
    world: &World,
    call: &Call,
    account: &Account,
    operations: &[PatchOperation],
) -> Result<Patched, Error> {
    world.tick();
    let none = Precondition::default();
    let patched = world
        .core
        .patch_account(call, account.id, operations, &none, None);
    Ok(fresh(Ok(patched.await?)))
}

async fn create(
    world: &World,
    call: &Call,
    user_name: &str,
    object_id: &str,
) -> Result<(CreateOutcome, Account), Error> {
    let attributes = json!({"userName": user_name, "externalId": object_id});
    let attributes: Map<String, Value> =
        serde_json::from_value(attributes).expect("it is an object");
    let created = world.core.create_account(call, &attributes, false, None);
    let created = fresh(Ok(created.await?));
    Ok((created.outcome, created.account))
}

async fn delete(world: &World, call: &Call, account: &Account) {
    let none = Precondition::default();
    fresh(
        world
            .core
            .delete_account(call, account.id, &none, None)
            .await,
    );
}

/// Alice, linked by an admin and known to Entra.
async fn linked(world: &World, entra: &Call) -> Account {
    let (_, alice) = create(world, entra, "alice@contoso.com", OTHER_GUID)
        .await
        .expect("it is made");
    world.link(alice.id, GUID).await.expect("it is linked");
    world.account(alice.id).await
}

on_every_engine! {
    async fn a_suspension_is_not_lost_by_the_object_id_beside_it(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        let wished = [set("externalId", json!(OTHER_GUID)), set("active", json!(false)), set("title", json!("Engineer"))];
        let patched = patch(&world, &entra, &alice, &wished).await.expect("it is taken");
        assert!(patched.changed && !patched.account.directory_active && patched.account.document.contains("Engineer"));
        assert_eq!((patched.account.object_id.as_deref(), patched.account.object_id_exclusive, patched.account.object_id_pinned), (Some(GUID), true, true));
        assert!(patched.account.document.contains(GUID) && !patched.account.document.contains(OTHER_GUID));
        let logged = world.log(CONTOSO, "operation eq \"suspend\"").await.remove(0);
        assert_eq!(logged.outcome, Outcome::Success);
        for told in [GUID, OTHER_GUID, "LinkObjectId"] {
            assert!(logged.detail.contains(told), "{}", logged.detail);
        }
        assert!(logged.link_step.is_none() && logged.changes.iter().all(|change| change.attribute != "externalId"));
    }

    async fn a_wish_for_nothing_but_another_object_id_changes_nothing_and_is_told(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        let changes = world.changes(CONTOSO).await.len();
        for (number, wish) in [set("externalId", json!(OTHER_GUID)), set("externalId", json!("alice")), remove("externalId")].into_iter().enumerate() {
            let patched = patch(&world, &entra, &alice, &[wish]).await.expect("it is taken");
            assert!(!patched.changed);
            assert_eq!(patched.account, alice);
            let entries = world.log(CONTOSO, "operation eq \"patch\"").await;
            assert_eq!((entries.len(), entries[0].outcome, entries[0].http_status), (number + 1, Outcome::Success, 204));
            assert!(entries[0].detail.contains(GUID) && entries[0].changes.is_empty(), "{}", entries[0].detail);
            assert_eq!(entries[0].resource_id, alice.id.to_string());
        }
        assert_eq!(world.changes(CONTOSO).await.len(), changes);

        // Only to look does not tell, and the same request twice tells once.
        let wish = [set("externalId", json!(OTHER_GUID))];
        let dry = Precondition { etag: None, validate_only: true };
        fresh(world.core.patch_account(&entra, alice.id, &wish, &dry, None).await);
        let (encode, mut replayed) = (|_: &Patched| vec![1], Vec::new());
        for _ in 0..2 {
            let once = Once { encode: &encode, ..once(7, 7) };
            let answer = world.core.patch_account(&entra, alice.id, &wish, &Precondition::default(), Some(once)).await;
            replayed.push(matches!(answer.expect("it is taken"), Answer::Replayed(_)));
        }
        assert_eq!(replayed, [false, true]);
        assert_eq!(world.log(CONTOSO, "operation eq \"patch\"").await.len(), 4);
    }

    async fn a_put_leaves_the_link_as_well(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        for attributes in [json!({"userName": "alice@contoso.com", "title": "A"}), json!({"userName": "alice@contoso.com", "externalId": OTHER_GUID, "title": "B"})] {
            let attributes: Map<String, Value> = serde_json::from_value(attributes).expect("it is an object");
            let replaced = fresh(world.core.replace_account(&entra, alice.id, &attributes, &Precondition::default(), None).await);
            assert!(replaced.changed);
            assert_eq!(replaced.account.object_id.as_deref(), Some(GUID));
        }
        assert!(world.log(CONTOSO, "operation eq \"replace\"").await.iter().all(|entry| entry.detail.contains("was kept")));
    }

    async fn the_same_guid_in_another_spelling_is_the_same_link(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        let upper = GUID.to_uppercase();
        let patched = patch(&world, &entra, &alice, &[set("externalId", json!(upper))]).await.expect("it is taken");
        assert_eq!((patched.account.object_id.as_deref(), patched.account.object_id_pinned), (Some(upper.as_str()), true), "Entra finds what it wrote");
        let logged = world.log(CONTOSO, "operation eq \"patch\"").await.remove(0);
        assert_eq!((logged.detail.as_str(), logged.link_step), ("", None));
    }

    async fn other_callers_are_told_who_may_change_it(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        let writer = admin(CONTOSO);
        for wish in [set("externalId", json!(OTHER_GUID)), remove("externalId")] {
            let Err(Error::Refused(refusal)) = patch(&world, &writer, &alice, &[set("title", json!("Engineer")), wish]).await else { panic!("it is an admin's") };
            assert_eq!(refusal.reason, Reason::Mutability);
            assert!(refusal.detail.contains("UnlinkObjectId"), "{}", refusal.detail);
        }
        assert_eq!(world.account(alice.id).await, alice);
        patch(&world, &writer, &alice, &[set("title", json!("Engineer"))]).await.expect("that is theirs");
    }

    async fn what_scim_or_a_setting_made_exclusive_is_no_admins_link(world: World) {
        let unique = TenantChanges { object_id_unique: Some(true), ..TenantChanges::default() };
        fresh(world.core.update_tenant(&operator(CONTOSO), &unique, &Precondition::default(), None).await);
        let entra = world.entra().await;
        let (_, alice) = create(&world, &entra, "alice@contoso.com", GUID).await.expect("it is made");
        assert!(alice.object_id_exclusive && !alice.object_id_pinned);
        let patched = patch(&world, &entra, &alice, &[set("externalId", json!(OTHER_GUID))]).await.expect("it is taken");
        assert_eq!(patched.account.object_id.as_deref(), Some(OTHER_GUID));

        // Once an admin says so, it is.
        world.link(alice.id, OTHER_GUID).await.expect("it is hers");
        patch(&world, &entra, &alice, &[set("externalId", json!(GUID))]).await.expect("it is taken");
        assert_eq!(world.account(alice.id).await.object_id.as_deref(), Some(OTHER_GUID));
        // Until one takes it off.
        world.unlink(alice.id).await;
        patch(&world, &entra, &alice, &[set("externalId", json!(GUID))]).await.expect("it is taken");
        assert_eq!(world.account(alice.id).await.object_id.as_deref(), Some(GUID));
    }

    async fn a_restored_account_has_its_link_again(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        delete(&world, &entra, &alice).await;
        let (outcome, restored) = create(&world, &entra, "alice@contoso.com", GUID).await.expect("it comes back");
        assert_eq!((outcome, restored.id), (CreateOutcome::Restored, alice.id));
        assert!(restored.object_id_exclusive && restored.object_id_pinned);
        assert_eq!(world.account(alice.id).await, restored);
        let bob = world.try_create_account("bob@contoso.com", Some(GUID)).await;
        assert_eq!(reason(bob), Reason::Uniqueness, "it is hers alone");
        patch(&world, &entra, &restored, &[set("externalId", json!(OTHER_GUID))]).await.expect("it is taken");
        assert_eq!(world.account(alice.id).await.object_id.as_deref(), Some(GUID), "and an admin's");
    }

    async fn a_link_is_lost_where_another_has_the_object_id_by_now(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        delete(&world, &entra, &alice).await;
        // Bob gets it by a PATCH, so that nobody is restored.
        let bob = world.create_account("bob@contoso.com", None).await;
        patch(&world, &entra, &bob, &[set("externalId", json!(GUID))]).await.expect("nobody holds it");
        let (outcome, restored) = create(&world, &entra, "alice@contoso.com", GUID).await.expect("it comes back");
        assert_eq!((outcome, restored.id), (CreateOutcome::Restored, alice.id));
        assert!(!restored.object_id_exclusive && !restored.object_id_pinned, "they share it");

        // And where it is another's alone, she does not come back at all.
        delete(&world, &entra, &restored).await;
        world.link(bob.id, GUID).await.expect("it is his alone");
        assert_eq!(reason(create(&world, &entra, "alice@contoso.com", GUID).await), Reason::Uniqueness);
    }

    async fn a_login_that_was_taken_since_the_deletion_is_told_with_both_accounts(world: World) {
        let entra = world.entra().await;
        let alice = linked(&world, &entra).await;
        delete(&world, &entra, &alice).await;
        let other = world.create_account("ALICE@contoso.com", None).await;
        let Err(Error::Refused(refusal)) = create(&world, &entra, "alice@contoso.com", GUID).await else { panic!("the login is taken") };
        assert_eq!(refusal.reason, Reason::Uniqueness);
        for told in [&alice.id.to_string(), &other.id.to_string(), GUID, "deleted", "restored"] {
            assert!(refusal.detail.contains(told), "{told}: {}", refusal.detail);
        }
        assert!(refusal.metadata.contains(&("deleted_account_id", alice.id.to_string())));
        let logged = world.log(CONTOSO, "outcome eq \"failure\"").await.remove(0);
        assert_eq!((logged.operation, logged.http_status, logged.scim_type.as_str()), (Operation::Create, 409, "uniqueness"));

        // The remedy it tells: it is the same person.
        world.link(other.id, GUID).await.expect("it is free");
        let Err(Error::Refused(refusal)) = create(&world, &entra, "alice@contoso.com", GUID).await else { panic!("the login is taken") };
        assert!(!refusal.detail.contains("deleted"), "there is nothing to restore any more: {}", refusal.detail);
    }
}
