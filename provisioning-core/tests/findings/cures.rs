//! What closes a finding: the request of Entra that shows that it is cured, or the state of the data.

use std::time::Duration;

use provisioning_core::{
    accounts::Hold,
    call::Call,
    findings::{Finding, FindingKind},
};
use serde_json::json;

use super::{
    Entra, GUID, OTHER_GUID, delete, link, list, object, only, open, open_kinds, patch, post,
    rename, settle,
};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, reason};

/// The one closed finding, closed by this request: a read, or one with the newest log entry.
async fn closed_by(world: &World, kind: FindingKind, call: &Call, logged: bool) -> Finding {
    assert_eq!(open_kinds(world).await, [], "it is closed");
    let found = only(list(world, true).await, kind);
    assert!(found.remedies.is_empty(), "there is nothing left to do");
    let closure = found.finding.closure.clone().expect("it is closed");
    assert_eq!(
        (closure.request_id.as_str(), closure.actor.as_str()),
        (call.request_id.as_str(), "scim")
    );
    let newest = world.log(CONTOSO, "").await[0].id;
    assert_eq!(closure.log_entry_id, logged.then_some(newest));
    assert!(!closure.detail.is_empty());
    found.finding
}

on_every_engine! {
    async fn a_login_is_linked_and_the_next_match_finds_it(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        assert_eq!(entra.find("userName eq \"alice@contoso.com\"").await, 1);
        entra.get(&alice).await.expect("it is there");
        only(open(&world).await, FindingKind::LoginNotLinked);

        link(&world, &alice, GUID).await;
        only(open(&world).await, FindingKind::LoginNotLinked);
        world.core.list_accounts(&admin(CONTOSO), &provisioning_core::accounts::ListQuery {
            filter: format!("externalId eq \"{GUID}\""), page_size: 10, ..Default::default()
        }).await.expect("it is answered");
        only(open(&world).await, FindingKind::LoginNotLinked);
        let call = entra.call();
        assert_eq!(entra.find_as(&call, &format!("externalId eq \"{GUID}\"")).await, 1);
        closed_by(&world, FindingKind::LoginNotLinked, &call, false).await;
    }

    async fn what_was_no_object_id_is_mended_by_the_one_that_takes_its_place(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some("alice")).await;
        assert_eq!(entra.find("userName eq \"alice@contoso.com\"").await, 1);
        only(open(&world).await, FindingKind::LoginNotLinked);
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "externalId", json!(GUID));
        patch(&world, &call, &alice, operation).await.expect("it is changed");
        closed_by(&world, FindingKind::LoginNotLinked, &call, true).await;
    }

    async fn a_person_without_an_object_id_gets_an_account_of_their_own(world: World) {
        let entra = Entra::new(&world).await;
        let other = world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", None).await;
        rename(&world, &other, "alice.b@contoso.com").await;
        entra.get(&other).await.expect("it is there");
        only(open(&world).await, FindingKind::LoginNotLinked);
        let call = entra.call();
        post(&world, &call, "alice@contoso.com", None).await.expect("it is created");
        closed_by(&world, FindingKind::LoginNotLinked, &call, true).await;
    }

    async fn a_finding_opens_anew_when_it_is_shown_again(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        link(&world, &alice, GUID).await;
        entra.get(&alice).await.expect("it is there");
        assert_eq!(open_kinds(&world).await, []);
        world.unlink(alice.id).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let again = only(open(&world).await, FindingKind::LoginNotLinked);
        let before = only(list(&world, true).await, FindingKind::LoginNotLinked);
        assert_ne!(again.finding.id, before.finding.id);
        assert_eq!(again.finding.count, 1);
    }

    async fn a_mismatch_is_mended_on_either_side(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", Some(OTHER_GUID)).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        entra.patch(&alice, "title", json!("Engineer")).await.expect("it is changed");
        only(open(&world).await, FindingKind::ObjectIdMismatch);
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "externalId", json!(GUID));
        patch(&world, &call, &alice, operation).await.expect("it is changed");
        closed_by(&world, FindingKind::ObjectIdMismatch, &call, true).await;
    }

    async fn entra_takes_back_the_object_id_that_was_not_taken_from_it(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", None).await.expect("it is created");
        link(&world, &alice, OTHER_GUID).await;
        entra.patch(&alice, "externalId", json!(GUID)).await.expect("the link is kept");
        let found = only(open(&world).await, FindingKind::ObjectIdMismatch);
        assert_eq!((found.finding.directory.object_id.as_str(), found.finding.accounts.as_slice()), (GUID, [alice.id].as_slice()));
        entra.patch(&alice, "title", json!("Engineer")).await.expect("it is changed");
        only(open(&world).await, FindingKind::ObjectIdMismatch);
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "externalId", json!(OTHER_GUID));
        patch(&world, &call, &alice, operation).await.expect("it is so already");
        closed_by(&world, FindingKind::ObjectIdMismatch, &call, false).await;
    }

    async fn two_accounts_are_put_right(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        let bob = world.create_account("bob@contoso.com", Some(GUID)).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        assert_eq!(entra.find(&format!("externalId eq \"{GUID}\"")).await, 1);
        only(open(&world).await, FindingKind::LoginAndObjectIdOnTwoAccounts);
        world.unlink(bob.id).await;
        link(&world, &alice, GUID).await;
        let call = entra.call();
        assert_eq!(entra.find_as(&call, "userName eq \"alice@contoso.com\"").await, 1);
        closed_by(&world, FindingKind::LoginAndObjectIdOnTwoAccounts, &call, false).await;
    }

    async fn an_object_id_is_set_free_and_the_next_post_is_taken(world: World) {
        let entra = Entra::new(&world).await;
        let bob = world.create_account("bob@contoso.com", None).await;
        link(&world, &bob, GUID).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        world.unlink(bob.id).await;
        let call = entra.call();
        post(&world, &call, "alice@contoso.com", Some(GUID)).await.expect("it is created");
        closed_by(&world, FindingKind::ObjectIdOnAnotherAccount, &call, true).await;
    }

    async fn a_renamed_account_is_found_by_the_name_that_both_sides_have(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        link(&world, &alice, GUID).await;
        rename(&world, &alice, "alice.miller@contoso.com").await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        entra.get(&alice).await.expect("it is there");
        only(open(&world).await, FindingKind::LoginRenamed);
        let call = entra.call();
        assert_eq!(entra.find_as(&call, "userName eq \"alice.miller@contoso.com\"").await, 1);
        closed_by(&world, FindingKind::LoginRenamed, &call, false).await;

        entra.refused("alice@contoso.com", Some(GUID)).await;
        only(open(&world).await, FindingKind::LoginRenamed);
        rename(&world, &alice, "alice@contoso.com").await;
        entra.get(&alice).await.expect("it is there");
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn the_last_but_one_lets_go_of_a_shared_object_id(world: World) {
        let entra = Entra::new(&world).await;
        let mut accounts = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let (account, _) = entra.post(&format!("{name}@contoso.com"), Some(GUID)).await.expect("it is created");
            accounts.push(account);
        }
        entra.delete(&accounts[0]).await;
        entra.get(&accounts[1]).await.expect("it is there");
        only(open(&world).await, FindingKind::ObjectIdShared);
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "externalId", json!(OTHER_GUID));
        patch(&world, &call, &accounts[2], operation).await.expect("it is changed");
        closed_by(&world, FindingKind::ObjectIdShared, &call, true).await;
    }

    async fn what_an_admin_puts_right_is_closed_by_the_state(world: World) {
        let entra = Entra::new(&world).await;
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let (bob, _) = entra.post("bob@contoso.com", Some(GUID)).await.expect("it is created");
        let (carol, _) = entra.post("carol@contoso.com", Some("carol")).await.expect("it is created");
        assert_eq!(open_kinds(&world).await.len(), 2);
        world.unlink(bob.id).await;
        link(&world, &carol, OTHER_GUID).await;
        assert_eq!(open_kinds(&world).await, []);
        for found in list(&world, true).await {
            let closure = found.finding.closure.expect("it is closed");
            assert_eq!((closure.actor.as_str(), closure.request_id.as_str(), closure.log_entry_id), ("", "", None));
        }
    }

    async fn a_stale_id_answers_again(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        entra.delete(&alice).await;
        reason(entra.get(&alice).await);
        only(open(&world).await, FindingKind::StaleScimId);
        let call = entra.call();
        post(&world, &call, "alice@contoso.com", Some(GUID)).await.expect("it is restored");
        closed_by(&world, FindingKind::StaleScimId, &call, true).await;
    }

    async fn the_person_of_a_stale_id_has_another_account(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        delete(&world, &admin(CONTOSO), &alice).await;
        reason(entra.get(&alice).await);
        let new = world.create_account("alice.miller@contoso.com", None).await;
        link(&world, &new, GUID).await;
        let call = entra.call();
        assert_eq!(entra.find_as(&call, &format!("externalId eq \"{GUID}\"")).await, 1);
        closed_by(&world, FindingKind::StaleScimId, &call, false).await;
    }

    async fn a_deleted_users_login_ends_with_the_account(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let tombstone = format!("{}alice@contoso.com", GUID.replace('-', ""));
        entra.patch(&alice, "userName", json!(tombstone)).await.expect("it is renamed");
        let call = entra.call();
        delete(&world, &call, &alice).await;
        closed_by(&world, FindingKind::TombstoneLogin, &call, true).await;
    }

    async fn a_deleted_users_login_ends_when_the_user_comes_back(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let tombstone = format!("{}alice@contoso.com", GUID.replace('-', ""));
        entra.patch(&alice, "userName", json!(tombstone)).await.expect("it is renamed");
        entra.patch(&alice, "userName", json!("alice@contoso.com")).await.expect("it is renamed");
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn what_was_posted_again_is_suspended(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        delete(&world, &admin(CONTOSO), &alice).await;
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is restored");
        entra.get(&alice).await.expect("it is there");
        only(open(&world).await, FindingKind::DeletedAndPostedAgain);
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "active", json!(false));
        patch(&world, &call, &alice, operation).await.expect("it is suspended");
        closed_by(&world, FindingKind::DeletedAndPostedAgain, &call, true).await;
    }

    async fn a_hold_ends_and_the_next_read_shows_it(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let hold = Hold { reason: "Investigation".to_owned(), at: world.core.now() };
        settle(&world, &alice, |account| account.hold = Some(hold)).await;
        entra.patch(&alice, "active", json!(true)).await.expect("it is so already");
        entra.get(&alice).await.expect("it is there");
        only(open(&world).await, FindingKind::ActiveOnHold);
        settle(&world, &alice, |account| account.hold = None).await;
        let call = entra.call();
        let key = provisioning_core::accounts::AccountKey::Id(alice.id);
        world.core.get_account(&call, &key).await.expect("it is there");
        closed_by(&world, FindingKind::ActiveOnHold, &call, false).await;
    }

    async fn a_taken_login_is_given_back_and_the_account_restored(world: World) {
        let entra = Entra::new(&world).await;
        let (old, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        entra.delete(&old).await;
        let new = world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        rename(&world, &new, "alice.b@contoso.com").await;
        let call = entra.call();
        let (restored, _) = post(&world, &call, "alice@contoso.com", Some(GUID)).await.expect("it is restored");
        assert_eq!(restored.id, old.id);
        closed_by(&world, FindingKind::LoginTakenSinceDeletion, &call, true).await;
    }

    async fn a_group_gets_its_name(world: World) {
        let entra = Entra::new(&world).await;
        let sales = crate::groups::create(&world, json!({"displayName": "Sales"})).await;
        let wanted = object(json!({"displayName": "Sales", "externalId": GUID}));
        reason(world.core.create_group(&entra.call(), &wanted, false, None).await);
        let rename = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "displayName", json!("Old sales"));
        crate::groups::patch(&world, &admin(CONTOSO), sales.id, &[rename]).await.expect("it is renamed");
        only(open(&world).await, FindingKind::GroupNameTaken);
        let call = entra.call();
        fresh(world.core.create_group(&call, &wanted, false, None).await);
        closed_by(&world, FindingKind::GroupNameTaken, &call, true).await;
    }

    async fn a_protection_is_lifted(world: World) {
        let entra = Entra::new(&world).await;
        let root = world.create_account("root@contoso.com", None).await;
        settle(&world, &root, |account| account.protected = true).await;
        reason(entra.patch(&root, "title", json!("Admin")).await);
        entra.get(&root).await.expect("it is there");
        only(open(&world).await, FindingKind::ProtectedAccount);
        settle(&world, &root, |account| account.protected = false).await;
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "title", json!("Admin"));
        patch(&world, &call, &root, operation).await.expect("it is changed");
        closed_by(&world, FindingKind::ProtectedAccount, &call, true).await;
    }

    async fn the_last_object_id_becomes_a_guid(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some("alice")).await.expect("it is created");
        let (bob, _) = entra.post("bob@contoso.com", Some("bob")).await.expect("it is created");
        entra.patch(&alice, "externalId", json!(GUID)).await.expect("it is changed");
        only(open(&world).await, FindingKind::ObjectIdNotGuid);
        let call = entra.call();
        let operation = crate::groups::operation(provisioning_core::attributes::patch::Op::Replace, "externalId", json!(OTHER_GUID));
        patch(&world, &call, &bob, operation).await.expect("it is changed");
        closed_by(&world, FindingKind::ObjectIdNotGuid, &call, true).await;
        entra.post("carol@contoso.com", Some("carol")).await.expect("it is created");
        only(open(&world).await, FindingKind::ObjectIdNotGuid);
    }

    async fn a_finding_ends_with_its_accounts_or_when_it_is_not_shown_any_more(world: World) {
        let entra = Entra::new(&world).await;
        let alice = world.create_account("alice@contoso.com", None).await;
        world.create_account("bob@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        entra.refused("bob@contoso.com", Some(OTHER_GUID)).await;
        delete(&world, &admin(CONTOSO), &alice).await;
        let left = only(open(&world).await, FindingKind::LoginNotLinked);
        assert_eq!(left.finding.directory.user_name, "bob@contoso.com");
        world.clock.advance(Duration::from_hours(24 * 31));
        assert_eq!(open_kinds(&world).await, []);
        let got = world.core.get_finding(&admin(CONTOSO), &left.finding.id.to_string()).await;
        let closure = got.expect("it is there").finding.closure.expect("it is closed");
        assert!(closure.detail.contains("30 days"), "{}", closure.detail);
    }
}
