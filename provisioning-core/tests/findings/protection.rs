//! When the finding about a protected account ends: Entra reaches an account that is not protected any more, or there is none that it asks for.

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, Act, ActTarget, Precondition},
    attributes::patch::Op,
    error::Reason,
    findings::{Closure, FindingKind},
};
use serde_json::json;

use super::{Entra, GUID, delete, link, list, only, open, open_kinds, patch, post};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, reason};

const KIND: FindingKind = FindingKind::ProtectedAccount;

async fn act(world: &World, act: Act, account: &Account) {
    world.clock.advance(Duration::from_secs(1));
    let target = ActTarget {
        account_id: account.id,
        precondition: Precondition::default(),
        reason: String::new(),
    };
    fresh(
        world
            .core
            .act_on_account(&admin(CONTOSO), act, &target, None)
            .await,
    );
}

/// A protected account with an Object ID.
async fn protected(world: &World) -> Account {
    let root = world.create_account("root@contoso.com", None).await;
    link(world, &root, GUID).await;
    act(world, Act::Protect, &root).await;
    root
}

/// An admin deletes the account a second after what was before.
async fn delete_by_admin(world: &World, account: &Account) {
    world.clock.advance(Duration::from_secs(1));
    delete(world, &admin(CONTOSO), account).await;
}

/// The directory wants to write the account, and is refused.
async fn written_in_vain(entra: &Entra<'_>, account: &Account) {
    let refused = entra.patch(account, "title", json!("Admin")).await;
    assert_eq!(reason(refused), Reason::AccountProtected);
}

/// The directory wants the account back, and is refused.
async fn posted_in_vain(entra: &Entra<'_>) {
    let refused = entra.post("root@contoso.com", Some(GUID)).await;
    assert_eq!(reason(refused), Reason::AccountProtected);
}

/// How the one finding was closed.
async fn closure(world: &World) -> Closure {
    assert_eq!(open_kinds(world).await, [], "it is closed");
    let found = only(list(world, true).await, KIND);
    found.finding.closure.expect("it is closed")
}

on_every_engine! {
    async fn the_first_list_that_finds_it_unprotected_ends_it(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        let other = world.create_account("other@contoso.com", None).await;
        written_in_vain(&entra, &root).await;
        assert_eq!(entra.find("userName eq \"root@contoso.com\"").await, 1);
        entra.get(&root).await.expect("it is there");
        only(open(&world).await, KIND);

        act(&world, Act::Unprotect, &root).await;
        only(open(&world).await, KIND);
        entra.get(&other).await.expect("it is there");
        assert_eq!(entra.find("userName eq \"nobody@contoso.com\"").await, 0);
        only(open(&world).await, KIND);
        let call = entra.call();
        assert_eq!(entra.find_as(&call, "userName eq \"root@contoso.com\"").await, 1);
        let closure = closure(&world).await;
        assert_eq!((closure.request_id.as_str(), closure.actor.as_str(), closure.log_entry_id), (call.request_id.as_str(), "scim", None));
    }

    async fn a_get_and_a_match_by_the_object_id_end_it_as_well(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        for by_id in [true, false] {
            written_in_vain(&entra, &root).await;
            only(open(&world).await, KIND);
            act(&world, Act::Unprotect, &root).await;
            if by_id {
                entra.get(&root).await.expect("it is there");
            } else {
                assert_eq!(entra.find(&format!("externalId eq \"{GUID}\"")).await, 1);
            }
            assert_eq!(open_kinds(&world).await, []);
            act(&world, Act::Protect, &root).await;
        }
    }

    async fn protected_once_more_it_opens_anew(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        written_in_vain(&entra, &root).await;
        act(&world, Act::Unprotect, &root).await;
        entra.get(&root).await.expect("it is there");
        assert_eq!(open_kinds(&world).await, []);
        act(&world, Act::Protect, &root).await;
        entra.get(&root).await.expect("it is there");
        assert_eq!(open_kinds(&world).await, [], "to read it is no finding");
        written_in_vain(&entra, &root).await;
        assert_eq!(only(open(&world).await, KIND).finding.count, 1);
    }

    async fn an_account_that_is_deleted_after_entra_asked_for_it_is_over(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        written_in_vain(&entra, &root).await;
        delete_by_admin(&world, &root).await;
        let closure = closure(&world).await;
        assert_eq!((closure.detail.as_str(), closure.actor.as_str()), ("The account is gone.", ""));
    }

    async fn a_deleted_account_that_entra_asks_for_is_not_over(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        delete_by_admin(&world, &root).await;
        posted_in_vain(&entra).await;
        only(open(&world).await, KIND);
        only(open(&world).await, KIND);

        // Restored, but still protected; then nobody's request has reached it.
        act(&world, Act::Restore, &root).await;
        only(open(&world).await, KIND);
        act(&world, Act::Unprotect, &root).await;
        only(open(&world).await, KIND);
        entra.get(&root).await.expect("it is there");
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn what_was_deleted_in_the_very_moment_of_the_request_is_not_over(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        let call = entra.call();
        delete(&world, &admin(CONTOSO), &root).await;
        let refused = post(&world, &call, "root@contoso.com", Some(GUID)).await;
        assert_eq!(reason(refused), Reason::AccountProtected);
        only(open(&world).await, KIND);
    }

    async fn restored_and_deleted_again_it_is_over_until_entra_asks_again(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        delete_by_admin(&world, &root).await;
        posted_in_vain(&entra).await;
        act(&world, Act::Restore, &root).await;
        delete_by_admin(&world, &root).await;
        assert_eq!(closure(&world).await.detail, "The account is gone.");
        posted_in_vain(&entra).await;
        assert_eq!(only(open(&world).await, KIND).finding.count, 1);
    }

    async fn an_account_that_is_purged_is_over(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        delete_by_admin(&world, &root).await;
        posted_in_vain(&entra).await;
        act(&world, Act::Purge, &root).await;
        assert_eq!(closure(&world).await.detail, "The account is gone.");
    }

    async fn what_an_admin_writes_ends_nothing(world: World) {
        let entra = Entra::new(&world).await;
        let root = protected(&world).await;
        written_in_vain(&entra, &root).await;
        act(&world, Act::Unprotect, &root).await;
        let operation = crate::groups::operation(Op::Replace, "title", json!("Admin"));
        patch(&world, &admin(CONTOSO), &root, operation).await.expect("it is changed");
        only(open(&world).await, KIND);
    }
}
