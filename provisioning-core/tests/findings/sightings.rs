//! What opens a finding, and what Entra and DragOnce say in it.

use provisioning_core::findings::{DirectorySide, FindingKind, Severity};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    Entra, GUID, OTHER_GUID, delete, link, list, object, only, open, open_kinds, post, rename,
    settle,
};
use crate::world::{CONTOSO, World, admin, on_every_engine, reason, scim};

fn said(object_id: &str, user_name: &str) -> DirectorySide {
    DirectorySide {
        object_id: object_id.to_owned(),
        user_name: user_name.to_owned(),
        ..DirectorySide::default()
    }
}

on_every_engine! {
    async fn a_login_that_is_known_without_an_object_id_and_posted_again_and_again(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        for _ in 0..2 {
            entra.refused("Alice@contoso.com", Some(GUID)).await;
        }
        let found = only(open(&world).await, FindingKind::LoginNotLinked);
        assert_eq!(found.finding.count, 2);
        assert_eq!(found.finding.kind.severity(), Severity::Error);
        assert_eq!(found.finding.directory, said(GUID, "Alice@contoso.com"));
        assert_eq!(found.finding.accounts, [alice.id]);
        assert_eq!(found.sides.len(), 1);
        assert!(found.finding.last_seen_at > found.finding.first_seen_at);
        assert!(found.summary.contains("alice@contoso.com") && !found.remedies.is_empty());
        let refusals = world.log(CONTOSO, "outcome eq \"failure\"").await;
        let refusals: Vec<_> = refusals.iter().map(|entry| entry.id).collect();
        assert_eq!(found.finding.log_entry_ids, refusals, "the newest first");
    }

    async fn what_others_than_entra_are_refused_is_no_finding(world: World) {
        world.create_account("alice@contoso.com", None).await;
        let refused = post(&world, &admin(CONTOSO), "alice@contoso.com", Some(GUID)).await;
        reason(refused);
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn the_same_person_posted_once_more_is_no_finding(world: World) {
        let entra = Entra::new(&world).await;
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        entra.refused("alice@contoso.com", Some(&GUID.to_uppercase())).await;
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn a_login_whose_account_has_another_object_id(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", Some(OTHER_GUID)).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let found = only(open(&world).await, FindingKind::ObjectIdMismatch);
        assert_eq!(found.finding.accounts, [alice.id]);
        assert_eq!(found.finding.directory, said(GUID, "alice@contoso.com"));
    }

    async fn a_login_of_one_account_and_an_object_id_of_another(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        let bob = world.create_account("bob@contoso.com", Some(GUID)).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let refused = entra.patch(&bob, "userName", json!("alice@contoso.com")).await;
        reason(refused);
        let found = only(open(&world).await, FindingKind::LoginAndObjectIdOnTwoAccounts);
        assert_eq!(found.finding.count, 2, "a create and a rename show the same");
        assert_eq!(found.finding.accounts, [bob.id, alice.id]);
        let called = DirectorySide { scim_id: bob.id.to_string(), ..said(GUID, "alice@contoso.com") };
        assert_eq!(found.finding.directory, called, "as it was said last");
    }

    async fn an_object_id_that_an_admin_linked_to_another_account(world: World) {
        let entra = Entra::new(&world).await;
        let bob = world.create_account("bob@contoso.com", None).await;
        link(&world, &bob, GUID).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let found = only(open(&world).await, FindingKind::ObjectIdOnAnotherAccount);
        assert_eq!(found.finding.accounts, [bob.id]);

        let (carol, _) = entra.post("carol@contoso.com", None).await.expect("it is created");
        let refused = entra.patch(&carol, "externalId", json!(GUID)).await;
        reason(refused);
        let found = only(open(&world).await, FindingKind::ObjectIdOnAnotherAccount);
        assert_eq!(found.finding.accounts, [carol.id, bob.id], "the one that Entra means first");
        assert_eq!(found.finding.directory.scim_id, carol.id.to_string());
    }

    async fn a_linked_account_that_was_renamed_here(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        link(&world, &alice, GUID).await;
        rename(&world, &alice, "alice.miller@contoso.com").await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let found = only(open(&world).await, FindingKind::LoginRenamed);
        assert_eq!(found.finding.accounts, [alice.id]);
        assert_eq!(found.finding.directory, said(GUID, "alice@contoso.com"));
    }

    async fn two_accounts_with_one_object_id(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let (bob, _) = entra.post("bob@contoso.com", Some(&GUID.to_uppercase())).await.expect("it is created");
        let found = only(open(&world).await, FindingKind::ObjectIdShared);
        assert_eq!((found.finding.subject.as_str(), found.finding.count), (GUID, 1));
        assert_eq!(found.finding.accounts, [bob.id, alice.id]);
        let newest = &world.log(CONTOSO, "operation eq \"create\"").await[0];
        assert_eq!(found.finding.log_entry_ids, [newest.id]);

        let (carol, _) = entra.post("carol@contoso.com", None).await.expect("it is created");
        entra.patch(&carol, "externalId", json!(GUID)).await.expect("it is shared");
        assert_eq!(only(open(&world).await, FindingKind::ObjectIdShared).finding.count, 2);
    }

    async fn what_a_service_shares_is_found_without_a_request_of_entra(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        let bob = world.create_account("bob@contoso.com", Some(GUID)).await;
        let found = only(open(&world).await, FindingKind::ObjectIdShared);
        assert_eq!((found.finding.count, found.finding.log_entry_ids.len()), (0, 0));
        assert_eq!(found.finding.accounts, [alice.id, bob.id]);
        let id = found.finding.id;
        assert_eq!(only(open(&world).await, FindingKind::ObjectIdShared).finding.id, id, "it is found once");
    }

    async fn a_scim_id_that_is_gone(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        delete(&world, &admin(CONTOSO), &alice).await;
        reason(entra.get(&alice).await);
        reason(entra.patch(&alice, "title", json!("Engineer")).await);
        let found = only(open(&world).await, FindingKind::StaleScimId);
        assert_eq!((found.finding.subject.clone(), found.finding.count), (alice.id.to_string(), 2));
        let tombstone = DirectorySide { scim_id: alice.id.to_string(), ..said(GUID, "alice@contoso.com") };
        assert_eq!((found.finding.directory, found.finding.accounts), (tombstone, vec![alice.id]));

        // What this service has not given out is no id that Entra has kept.
        world.core.refuse_account_id(&entra.call(), provisioning_core::log::Operation::Get, "4711").await;
        only(open(&world).await, FindingKind::StaleScimId);
    }

    async fn a_delete_of_what_is_gone_is_no_finding(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        entra.delete(&alice).await;
        let again = world.core.delete_account(&entra.call(), alice.id, &provisioning_core::accounts::Precondition::default(), None).await;
        reason(again);
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn the_login_of_a_user_whom_entra_deletes(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let tombstone = format!("{}alice@contoso.com", GUID.replace('-', ""));
        entra.patch(&alice, "userName", json!(tombstone)).await.expect("it is renamed");
        let found = only(open(&world).await, FindingKind::TombstoneLogin);
        assert_eq!((found.finding.accounts, found.finding.directory.user_name), (vec![alice.id], tombstone));
        entra.patch(&alice, "title", json!("Engineer")).await.expect("it is changed");
        assert_eq!(only(open(&world).await, FindingKind::TombstoneLogin).finding.count, 1, "only what says it counts");
    }

    async fn what_was_deleted_here_and_is_posted_again(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        delete(&world, &admin(CONTOSO), &alice).await;
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is restored");
        let found = only(open(&world).await, FindingKind::DeletedAndPostedAgain);
        assert_eq!(found.finding.accounts, [alice.id]);
    }

    async fn what_entra_deleted_itself_may_come_back(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        entra.delete(&alice).await;
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is restored");
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn an_account_on_hold_of_which_entra_says_that_it_is_active(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let hold = provisioning_core::accounts::Hold { reason: "Investigation".to_owned(), at: world.core.now() };
        settle(&world, &alice, |account| account.hold = Some(hold)).await;
        entra.patch(&alice, "title", json!("Engineer")).await.expect("it is changed");
        assert_eq!(open_kinds(&world).await, [], "it says nothing of active");
        entra.patch(&alice, "active", json!(true)).await.expect("it is so already");
        assert_eq!(only(open(&world).await, FindingKind::ActiveOnHold).finding.count, 1);
        entra.patch(&alice, "active", json!(false)).await.expect("it is suspended");
        assert_eq!(open_kinds(&world).await, []);
        entra.patch(&alice, "active", json!(true)).await.expect("it is activated");
        let found = only(open(&world).await, FindingKind::ActiveOnHold);
        assert_eq!((found.finding.accounts, found.finding.log_entry_ids.len()), (vec![alice.id], 1));
    }

    async fn a_login_that_was_taken_since_the_deletion(world: World) {
        let entra = Entra::new(&world).await;
        let (old, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        entra.delete(&old).await;
        let new = world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let found = only(open(&world).await, FindingKind::LoginTakenSinceDeletion);
        assert_eq!(found.finding.accounts, [old.id, new.id]);
        assert_eq!(found.sides.len(), 2, "the deleted one too");
    }

    async fn a_group_whose_name_is_another_groups(world: World) {
        let entra = Entra::new(&world).await;
        let sales = crate::groups::create(&world, json!({"displayName": "Sales"})).await;
        let wanted = object(json!({"displayName": "SALES", "externalId": GUID}));
        reason(world.core.create_group(&entra.call(), &wanted, false, None).await);
        let found = only(open(&world).await, FindingKind::GroupNameTaken);
        assert_eq!((found.finding.group, found.sides.len()), (Some(sales.id), 1));
        let said = DirectorySide { object_id: GUID.to_owned(), display_name: "SALES".to_owned(), ..DirectorySide::default() };
        assert_eq!(found.finding.directory, said);

        let other = crate::groups::create(&world, json!({"displayName": "Sales 2"})).await;
        let rename = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "displayName", json!("Sales"));
        reason(crate::groups::patch(&world, &entra.call(), other.id, &[rename]).await);
        let found = only(open(&world).await, FindingKind::GroupNameTaken);
        assert_eq!((found.finding.count, found.finding.directory.scim_id), (2, other.id.to_string()));
    }

    async fn a_protected_account_that_entra_wants_to_write(world: World) {
        let entra = Entra::new(&world).await;
        let root = world.create_account("root@contoso.com", None).await;
        settle(&world, &root, |account| account.protected = true).await;
        assert_eq!(entra.find("userName eq \"root@contoso.com\"").await, 1);
        assert_eq!(open_kinds(&world).await, [], "to read it is no finding");
        reason(entra.patch(&root, "active", json!(false)).await);
        assert_eq!(only(open(&world).await, FindingKind::ProtectedAccount).finding.accounts, [root.id]);
    }

    async fn object_ids_that_are_no_guids_are_one_finding_counted_once_a_minute(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some("alice")).await.expect("it is created");
        entra.post("bob@contoso.com", Some("bob")).await.expect("it is created");
        let found = only(open(&world).await, FindingKind::ObjectIdNotGuid);
        assert_eq!((found.finding.count, found.finding.subject.as_str()), (1, ""));
        assert_eq!((found.finding.accounts, found.finding.directory), (vec![alice.id], said("alice", "alice@contoso.com")));
        world.clock.advance(std::time::Duration::from_mins(1));
        entra.post("carol@contoso.com", Some("carol")).await.expect("it is created");
        assert_eq!(only(open(&world).await, FindingKind::ObjectIdNotGuid).finding.count, 2);
    }

    async fn a_clean_life_leaves_no_finding(world: World) {
        let entra = Entra::new(&world).await;
        assert_eq!(entra.find("userName eq \"alice@contoso.com\"").await, 0);
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let (bob, _) = entra.post("bob@contoso.com", Some(OTHER_GUID)).await.expect("it is created");
        for (path, value) in [("title", json!("Engineer")), ("active", json!(false)), ("active", json!(true)), ("userName", json!("alice.miller@contoso.com"))] {
            entra.get(&alice).await.expect("it is there");
            entra.patch(&alice, path, value).await.expect("it is changed");
        }
        assert_eq!(entra.find(&format!("externalId eq \"{GUID}\"")).await, 1);
        entra.delete(&bob).await;
        entra.post("bob@contoso.com", Some(OTHER_GUID)).await.expect("it is restored");
        entra.delete(&alice).await;
        let group = object(json!({"displayName": "Sales", "members": [{"value": bob.id.to_string()}]}));
        crate::world::fresh(world.core.create_group(&entra.call(), &group, false, None).await);
        assert_eq!((open_kinds(&world).await, list(&world, true).await.len()), (vec![], 0));
    }

    async fn sixteen_refusals_at_once_are_one_finding_counted_sixteen_times(world: World) {
        let entra = Entra::new(&world).await;
        world.create_account("alice@contoso.com", None).await;
        let mut posts = JoinSet::new();
        for _ in 0..16 {
            let (core, call) = (world.core.clone(), scim(CONTOSO, &entra.token));
            posts.spawn(async move {
                let attributes = object(json!({"userName": "alice@contoso.com", "externalId": GUID}));
                core.create_account(&call, &attributes, false, None).await.map(drop)
            });
        }
        for refused in posts.join_all().await {
            reason(refused);
        }
        let found = only(open(&world).await, FindingKind::LoginNotLinked);
        assert_eq!((found.finding.count, found.finding.log_entry_ids.len()), (16, 10));
    }
}
