//! Links: a GUID, held by one account, set and taken off by an admin.

use provisioning_core::{
    accounts::{Account, AccountKey, Precondition},
    changes::{ChangeKind, Resource},
    error::{Error, Reason},
    links::{HandOver, LinkTarget, Linked, MatchPreview},
    receipts::{Answer, Once},
};
use serde_json::{Map, Value, json};

use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, reason};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

fn target(account: &Account) -> LinkTarget {
    LinkTarget {
        account: AccountKey::Id(account.id),
        precondition: Precondition {
            etag: Some(account.etag()),
            validate_only: false,
        },
        reason: String::new(),
    }
}

fn document(account: &Account) -> Map<String, Value> {
    serde_json::from_str(&account.document).expect("it is JSON")
}

async fn link(world: &World, account: &Account, object_id: &str) -> Result<Linked, Error> {
    world.link(account.id, object_id).await
}

on_every_engine! {
    async fn an_account_is_linked_and_found_by_its_object_id(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let spelled = format!("{{{}}}", GUID.to_uppercase());
        let by_name = LinkTarget {
            account: provisioning_core::Core::user_name_key("ALICE@contoso.com"),
            reason: "Joined from the old directory".to_owned(),
            ..target(&alice)
        };
        let linked = fresh(world.core.link_object_id(&admin(CONTOSO), &by_name, &spelled, None).await);
        assert_eq!((linked.account.id, linked.previous_object_id), (alice.id, None));
        assert_eq!(linked.account.object_id.as_deref(), Some(GUID), "it is kept in its canonical spelling");
        assert!(linked.account.object_id_exclusive && linked.account.object_id_pinned && linked.account.updated_at > alice.updated_at);
        assert_eq!(linked.account.version, alice.version + 1);
        assert_eq!(document(&linked.account)["externalId"], GUID);

        let found = world.core.get_account(&admin(CONTOSO), &AccountKey::ObjectId(GUID.to_owned())).await;
        assert_eq!(found.expect("it is found"), linked.account);
        let entries = world.log(CONTOSO, "operation eq \"link\"").await;
        assert_eq!((entries[0].justification.as_str(), entries[0].detail.as_str()), ("Joined from the old directory", ""));
        assert_eq!(world.log(CONTOSO, "justification co \"old directory\"").await, entries);
        assert_eq!((entries[0].changes[0].attribute.as_str(), &entries[0].changes[0].new), ("externalId", &Some(json!(GUID))));
        assert_eq!(world.changes(CONTOSO).await.last(), Some(&(ChangeKind::Updated, Resource::Account(alice.id), alice.version + 1)));
    }

    async fn the_same_object_id_again_changes_nothing(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let first = link(&world, &alice, GUID).await.expect("it is linked");
        let again = link(&world, &alice, &GUID.to_uppercase()).await.expect("it is linked already");
        assert_eq!(again.account, first.account);
        assert_eq!(world.log(CONTOSO, "operation eq \"link\"").await.len(), 1);
    }

    async fn an_object_id_of_another_account_is_refused_by_name(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(&GUID.to_uppercase())).await;
        let bob = world.create_account("bob@contoso.com", None).await;
        let Err(Error::Refused(refusal)) = link(&world, &bob, GUID).await else { panic!("it is taken") };
        assert_eq!(refusal.reason, Reason::Uniqueness);
        assert!(refusal.metadata.contains(&("account_id", alice.id.to_string())));
        assert!(refusal.metadata.contains(&("user_name", "alice@contoso.com".to_owned())));
        let entries = world.log(CONTOSO, "operation eq \"link\" and outcome eq \"failure\"").await;
        assert_eq!((entries[0].http_status, entries[0].scim_type.as_str()), (409, "uniqueness"));
        assert_eq!(entries[0].user_name, "bob@contoso.com");

        world.unlink(alice.id).await;
        link(&world, &bob, GUID).await.expect("it is free now");
    }

    async fn the_object_id_of_a_foreign_tenant_does_not_matter(world: World) {
        world.create_tenant(FABRIKAM).await;
        let theirs = world.create_account_in(FABRIKAM, "alice@contoso.com", Some(GUID)).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        link(&world, &alice, GUID).await.expect("it is free here");
        let foreign = world.core.link_object_id(&admin(CONTOSO), &target(&theirs), OTHER_GUID, None).await;
        assert_eq!(reason(foreign), Reason::AccountNotFound);
    }

    async fn only_a_guid_is_an_object_id(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        assert_eq!(reason(link(&world, &alice, "alice@contoso.com").await), Reason::InvalidValue);
        for nobodys in ["00000000-0000-0000-0000-000000000000", "{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}"] {
            assert_eq!(reason(link(&world, &alice, nobodys).await), Reason::InvalidValue, "{nobodys}");
        }
        assert_eq!(world.log(CONTOSO, "operation eq \"link\" and reason eq \"INVALID_VALUE\"").await.len(), 3);
    }

    async fn validating_shows_the_account_as_it_would_be(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let mut preview = target(&alice);
        preview.precondition = Precondition { etag: None, validate_only: true };
        let linked = fresh(world.core.link_object_id(&admin(CONTOSO), &preview, GUID, None).await);
        assert_eq!((linked.account.object_id.as_deref(), linked.account.etag()), (Some(GUID), alice.etag()), "with the etag that a link needs");
        let kept = world.core.get_account(&admin(CONTOSO), &AccountKey::Id(alice.id)).await.expect("it is there");
        assert_eq!(kept, alice);
        assert!(world.log(CONTOSO, "operation eq \"link\"").await.is_empty());
    }

    async fn an_old_etag_is_refused(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        link(&world, &alice, GUID).await.expect("it is linked");
        let refused = world.core.link_object_id(&admin(CONTOSO), &target(&alice), OTHER_GUID, None).await;
        assert_eq!(reason(refused), Reason::EtagMismatch);
    }

    async fn an_etag_is_demanded_and_the_text_says_where_to_get_it(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        let unseen = LinkTarget { precondition: Precondition::default(), ..target(&alice) };
        for refused in [
            world.core.link_object_id(&admin(CONTOSO), &unseen, OTHER_GUID, None).await.map(drop),
            world.core.unlink_object_id(&admin(CONTOSO), &unseen, None).await.map(drop),
        ] {
            let Err(Error::Refused(refusal)) = refused else { panic!("nobody has looked") };
            assert_eq!((refusal.reason, refusal.field.as_deref()), (Reason::InvalidRequest, Some("etag")));
            assert!(refusal.detail.contains("validate_only") && refusal.detail.contains("GetAccount"), "{}", refusal.detail);
        }
        assert_eq!(world.account(alice.id).await, alice);
    }

    async fn a_login_that_no_account_can_have_is_not_found(world: World) {
        let unnamed = |name: &str| LinkTarget { account: provisioning_core::Core::user_name_key(name), precondition: Precondition::default(), reason: String::new() };
        for name in ["", "a\0b", &"x".repeat(10_000)] {
            let refused = world.core.link_object_id(&admin(CONTOSO), &unnamed(name), GUID, None).await;
            assert_eq!(reason(refused), Reason::AccountNotFound);
        }
    }

    async fn a_preview_tells_what_entra_finds_and_who_changes_hands(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        world.tick();
        let bob = world.create_account("bob@contoso.com", Some(GUID)).await;
        let found = |filter: &str, before: &[&Account], after: &[&Account]| MatchPreview {
            filter: filter.to_owned(),
            before: before.iter().map(|account| account.id).collect(),
            after: after.iter().map(|account| account.id).collect(),
        };
        let handed = |account: &Account, before: Option<&str>, after: Option<&str>| HandOver {
            account_id: account.id,
            user_name: account.user_name.clone(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let dry = |account: &Account| LinkTarget { precondition: Precondition { etag: None, validate_only: true }, ..target(account) };
        let shown = fresh(world.core.link_object_id(&admin(CONTOSO), &dry(&alice), OTHER_GUID, None).await).preview.expect("it is asked for");
        assert_eq!(shown.matches, [
            found(&format!("externalId eq \"{OTHER_GUID}\""), &[], &[&alice]),
            found(&format!("externalId eq \"{GUID}\""), &[&alice, &bob], &[&bob]),
            found("userName eq \"alice@contoso.com\"", &[&alice], &[&alice]),
        ]);
        assert_eq!(shown.hand_overs, [handed(&alice, None, Some(OTHER_GUID)), handed(&bob, None, Some(GUID))], "two of one Object ID are reached by none");

        // What is previewed is what comes.
        link(&world, &alice, OTHER_GUID).await.expect("it is linked");
        let by = |object_id: &str| AccountKey::ObjectId(object_id.to_owned());
        for (object_id, account) in [(OTHER_GUID, &alice), (GUID, &bob)] {
            assert_eq!(world.core.get_account(&admin(CONTOSO), &by(object_id)).await.expect("it is found").id, account.id);
        }

        let shown = fresh(world.core.unlink_object_id(&admin(CONTOSO), &dry(&alice), None).await).preview.expect("it is asked for");
        assert_eq!(shown.matches, [
            found(&format!("externalId eq \"{OTHER_GUID}\""), &[&alice], &[]),
            found("userName eq \"alice@contoso.com\"", &[&alice], &[&alice]),
        ]);
        assert_eq!(shown.hand_overs, [handed(&alice, Some(OTHER_GUID), None)]);

        let shown = fresh(world.core.link_object_id(&admin(CONTOSO), &dry(&alice), OTHER_GUID, None).await).preview.expect("it is asked for");
        assert_eq!((shown.matches.len(), shown.hand_overs), (2, Vec::new()), "it has it already");
    }

    async fn unlinking_takes_the_object_id_off(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        link(&world, &alice, GUID).await.expect("it is linked");
        let alice = world.account(alice.id).await;
        let unlinked = fresh(world.core.unlink_object_id(&admin(CONTOSO), &target(&alice), None).await);
        assert_eq!(unlinked.previous_object_id.as_deref(), Some(GUID));
        assert_eq!((unlinked.account.object_id.clone(), unlinked.account.object_id_exclusive, unlinked.account.object_id_pinned), (None, false, false));
        assert!(!document(&unlinked.account).contains_key("externalId"));
        let entries = world.log(CONTOSO, "operation eq \"unlink\"").await;
        assert_eq!((&entries[0].changes[0].old, &entries[0].changes[0].new), (&Some(json!(GUID)), &None));
        let again = world.core.unlink_object_id(&admin(CONTOSO), &target(&unlinked.account), None).await;
        assert_eq!(reason(again), Reason::NotLinked);
    }

    async fn a_repeated_link_is_answered_as_the_first_time(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let encode = |linked: &Linked| linked.account.etag().into_bytes();
        let once = || Some(Once { encode: &encode, ..once(1, 1) });
        let admin = admin(CONTOSO);
        let linked = fresh(world.core.link_object_id(&admin, &target(&alice), GUID, once()).await);
        world.unlink(alice.id).await;
        match world.core.link_object_id(&admin, &target(&alice), GUID, once()).await.expect("it is answered") {
            Answer::Replayed(bytes) => assert_eq!(bytes, linked.account.etag().into_bytes()),
            Answer::Fresh(_) => panic!("it was linked again"),
        }
    }

    async fn a_linked_object_id_is_refused_to_every_other_account(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let bob = world.create_account("bob@contoso.com", Some(OTHER_GUID)).await;
        link(&world, &alice, GUID).await.expect("nobody holds it");
        assert_eq!(reason(world.try_create_account("carol@contoso.com", Some(GUID)).await), Reason::Uniqueness);
        let mut attributes = document(&bob);
        attributes.insert("externalId".to_owned(), json!(GUID));
        let writer = admin(CONTOSO);
        let replaced = world.core.replace_account(&writer, bob.id, &attributes, &Precondition::default(), None).await;
        assert_eq!(reason(replaced), Reason::Uniqueness);
        let shared = world.try_create_account("dave@contoso.com", Some(OTHER_GUID)).await;
        assert!(shared.is_ok(), "an Object ID that no admin linked may be shared");
    }

    async fn the_spelling_of_a_guid_makes_it_no_other(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(&GUID.to_uppercase())).await;
        let linked = link(&world, &alice, GUID).await.expect("it is hers").account;
        assert_eq!(linked.object_id.as_deref(), Some(&*GUID.to_uppercase()), "Entra sees what it sent");
        let braces = format!("{{{GUID}}}");
        assert_eq!(reason(world.try_create_account("carol@contoso.com", Some(&braces)).await), Reason::Uniqueness);
        let bob = world.create_account("bob@contoso.com", None).await;
        let mut attributes = document(&bob);
        attributes.insert("externalId".to_owned(), json!(braces));
        let writer = admin(CONTOSO);
        let replaced = world.core.replace_account(&writer, bob.id, &attributes, &Precondition::default(), None).await;
        assert_eq!(reason(replaced), Reason::Uniqueness);

        // Her own account keeps the link when Entra spells it another way.
        let mut attributes = document(&linked);
        attributes.insert("externalId".to_owned(), json!(GUID));
        let respelled = fresh(world.core.replace_account(&writer, alice.id, &attributes, &Precondition::default(), None).await).account;
        assert_eq!((respelled.object_id.as_deref(), respelled.object_id_exclusive, respelled.object_id_pinned), (Some(GUID), true, true));

        fresh(world.core.delete_account(&writer, alice.id, &Precondition::default(), None).await);
        let restored = world.create_account("alice@contoso.com", Some(&GUID.to_uppercase())).await;
        assert_eq!((restored.id, restored.object_id.as_deref()), (alice.id, Some(&*GUID.to_uppercase())));
        assert!(restored.object_id_exclusive && restored.object_id_pinned, "it comes back with its link");
        let found = |object_id: &str| AccountKey::ObjectId(object_id.to_owned());
        assert_eq!(reason(world.core.get_account(&writer, &found(GUID)).await), Reason::AccountNotFound, "it is looked up as it was sent");
    }

    async fn a_link_and_a_create_of_one_object_id_at_once_do_not_both_succeed(world: World) {
        for round in 0..10 {
            let object_id = GUID.replace("0a21f0f2", &format!("{round:08x}"));
            let alice = world.create_account(&format!("alice{round}@contoso.com"), None).await;
            let bob = format!("bob{round}@contoso.com");
            let (linked, created) = tokio::join!(link(&world, &alice, &object_id), world.try_create_account(&bob, Some(&object_id)));
            let refused = [linked.err(), created.err()].into_iter().flatten().collect::<Vec<_>>();
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert_eq!(reason::<()>(Err(refused.into_iter().next().expect("there is one"))), Reason::Uniqueness);
        }
    }

    async fn admins_who_link_one_object_id_at_once_do_not_both_succeed(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let bob = world.create_account("bob@contoso.com", None).await;
        let (first, second) = tokio::join!(link(&world, &alice, GUID), link(&world, &bob, GUID));
        let refused = [first, second].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert_eq!(refused.len(), 1);
        assert_eq!(reason::<()>(Err(refused.into_iter().next().expect("there is one"))), Reason::Uniqueness);
    }
}
