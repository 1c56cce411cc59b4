//! The history of links: every step is told, and any can be taken back.

use provisioning_core::{
    accounts::{Account, Precondition},
    error::{Error, Reason},
    ids::AccountId,
    links::Linked,
    log::{LinkStep, LogEntry, Operation},
};
use serde_json::{Map, Value, json};

use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, reason};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

async fn history(world: &World, id: AccountId) -> Vec<LogEntry> {
    world
        .core
        .list_link_history(&admin(CONTOSO), Some(&id.to_string()), 100, "")
        .await
        .expect("it is there")
        .entries
}

async fn revert(world: &World, step: &LogEntry) -> Result<Linked, Error> {
    world.tick();
    let id = AccountId::parse(&step.resource_id).expect("it is an account's");
    let precondition = world.link_target(id).await.precondition;
    let step = step.id.to_string();
    let (admin, why) = (admin(CONTOSO), "It was wrong");
    let reverted = world
        .core
        .revert_link_step(&admin, &step, &precondition, why, None);
    Ok(fresh(Ok(reverted.await?)))
}

async fn replace(world: &World, account: &Account, attributes: Value) -> Account {
    world.tick();
    let attributes: Map<String, Value> =
        serde_json::from_value(attributes).expect("it is an object");
    let none = Precondition::default();
    fresh(
        world
            .core
            .replace_account(&admin(CONTOSO), account.id, &attributes, &none, None)
            .await,
    )
    .account
}

fn told(steps: &[LogEntry]) -> Vec<(Operation, Option<&str>, Option<&str>)> {
    steps
        .iter()
        .map(|entry| {
            let LinkStep { before, after } = entry.link_step.as_ref().expect("it is a step");
            (entry.operation, before.as_deref(), after.as_deref())
        })
        .collect()
}

on_every_engine! {
    async fn every_way_to_an_object_id_is_a_step_and_nothing_else_is(world: World) {
        let alice = world.create_account("alice@contoso.com", Some("mail.nickname")).await;
        world.create_account("bob@contoso.com", None).await;
        replace(&world, &alice, json!({"userName": "alice@contoso.com", "externalId": "mail.nickname", "title": "Engineer"})).await;
        replace(&world, &alice, json!({"userName": "alice@contoso.com", "externalId": GUID})).await;
        replace(&world, &alice, json!({"userName": "alice@contoso.com", "externalId": GUID.to_uppercase()})).await;
        world.link(alice.id, GUID).await.expect("it is made hers");
        world.link(alice.id, OTHER_GUID).await.expect("it is linked");
        world.unlink(alice.id).await;
        let refused = world.link(alice.id, "alice").await;
        assert_eq!(reason(refused), Reason::InvalidValue);
        fresh(world.core.delete_account(&admin(CONTOSO), alice.id, &Precondition::default(), None).await);
        let steps = history(&world, alice.id).await;
        let upper = GUID.to_uppercase();
        assert_eq!(told(&steps), [
            (Operation::Unlink, Some(OTHER_GUID), None),
            (Operation::Link, Some(upper.as_str()), Some(OTHER_GUID)),
            (Operation::Replace, Some("mail.nickname"), Some(GUID)),
            (Operation::Create, None, Some("mail.nickname")),
        ]);
        assert!(steps.iter().all(|entry| entry.user_name == "alice@contoso.com" && entry.actor == "admin"));
    }

    async fn a_step_is_taken_back_as_an_admins_link(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(&GUID.to_uppercase())).await;
        world.link(alice.id, OTHER_GUID).await.expect("it is linked");
        let wrong = history(&world, alice.id).await.remove(0);
        let reverted = revert(&world, &wrong).await.expect("it is taken back");
        assert_eq!((reverted.account.object_id.as_deref(), reverted.previous_object_id.as_deref()), (Some(&*GUID.to_uppercase()), Some(OTHER_GUID)), "as it was spelled");
        assert!(reverted.account.object_id_exclusive && reverted.account.object_id_pinned);
        let step = history(&world, alice.id).await.remove(0);
        assert_eq!((step.operation, step.justification.as_str()), (Operation::Link, "It was wrong"));
        assert!(step.detail.contains(&wrong.id.to_string()), "{}", step.detail);

        // The first step made her Object ID: before it she had none.
        let first = history(&world, alice.id).await.pop().expect("there is one");
        let reverted = revert(&world, &first).await.expect("it is taken back");
        assert_eq!((reverted.account.object_id, reverted.account.object_id_pinned), (None, false));
        assert_eq!(history(&world, alice.id).await[0].operation, Operation::Unlink);
        let again = revert(&world, &first).await.expect("it is so already");
        assert!(!again.changed);
        // And the unlinking is a step that can be taken back.
        let unlinking = history(&world, alice.id).await.remove(0);
        assert_eq!(revert(&world, &unlinking).await.expect("it is taken back").account.object_id.as_deref(), Some(&*GUID.to_uppercase()));
    }

    async fn what_cannot_be_taken_back_is_refused_with_the_reason(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        let bob = world.create_account("bob@contoso.com", Some("mail.nickname")).await;
        world.link(alice.id, OTHER_GUID).await.expect("it is linked");
        let step_of_alice = history(&world, alice.id).await.remove(0);
        world.link(bob.id, GUID).await.expect("it is free");
        let step_of_bob = history(&world, bob.id).await.remove(0);
        let Err(Error::Refused(taken)) = revert(&world, &step_of_alice).await else { panic!("bob has it now") };
        assert_eq!(taken.reason, Reason::Uniqueness);
        assert!(taken.detail.contains("bob@contoso.com"), "{}", taken.detail);
        // What was no GUID comes back as it was, and as nobody's link.
        let reverted = revert(&world, &step_of_bob).await.expect("it is taken back").account;
        assert_eq!((reverted.object_id.as_deref(), reverted.object_id_pinned), (Some("mail.nickname"), false));
        assert!(!revert(&world, &step_of_bob).await.expect("it is so already").changed);
        // So does a GUID that is nobody's.
        let nobodys = "00000000-0000-0000-0000-000000000000";
        let carol = world.create_account("carol@contoso.com", Some(nobodys)).await;
        world.link(carol.id, "5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11").await.expect("it is free");
        let step_of_carol = history(&world, carol.id).await.remove(0);
        let reverted = revert(&world, &step_of_carol).await.expect("it is taken back").account;
        assert_eq!((reverted.object_id.as_deref(), reverted.object_id_pinned), (Some(nobodys), false));

        let none = Precondition { etag: Some(alice.etag()), validate_only: false };
        let no_step = world.log(CONTOSO, "resourceType eq \"Tenant\" or reason eq \"UNIQUENESS\"").await.remove(0).id.to_string();
        for unknown in ["", "nonsense", "0190c0de-0000-7000-8000-000000000000", &no_step] {
            let refused = world.core.revert_link_step(&admin(CONTOSO), unknown, &none, "", None).await;
            assert_eq!(reason(refused), Reason::LinkStepNotFound, "{unknown}");
        }
        world.create_tenant(FABRIKAM).await;
        let foreign = world.core.revert_link_step(&admin(FABRIKAM), &step_of_alice.id.to_string(), &none, "", None).await;
        assert_eq!(reason(foreign), Reason::LinkStepNotFound);
        let unseen = world.core.revert_link_step(&admin(CONTOSO), &step_of_alice.id.to_string(), &Precondition::default(), "", None).await;
        assert_eq!(reason(unseen), Reason::InvalidRequest, "nobody has looked");
        let stale = world.core.revert_link_step(&admin(CONTOSO), &step_of_alice.id.to_string(), &none, "", None).await;
        assert_eq!(reason(stale), Reason::EtagMismatch);
        assert_eq!(world.account(alice.id).await.object_id.as_deref(), Some(OTHER_GUID));
        fresh(world.core.delete_account(&admin(CONTOSO), alice.id, &Precondition::default(), None).await);
        let gone = world.core.revert_link_step(&admin(CONTOSO), &step_of_alice.id.to_string(), &none, "", None).await;
        assert_eq!(reason(gone), Reason::AccountNotFound);
    }

    async fn a_taking_back_is_tried_without_doing_it(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        world.link(alice.id, OTHER_GUID).await.expect("it is linked");
        let (step, before) = (history(&world, alice.id).await.remove(0), world.account(alice.id).await);
        let dry = Precondition { etag: None, validate_only: true };
        let shown = fresh(world.core.revert_link_step(&admin(CONTOSO), &step.id.to_string(), &dry, "", None).await);
        assert_eq!((shown.account.object_id.as_deref(), shown.account.etag()), (Some(GUID), before.etag()));
        let preview = shown.preview.expect("it is asked for");
        assert_eq!(preview.hand_overs[0].after.as_deref(), Some(GUID));
        assert_eq!(world.account(alice.id).await, before);
    }

    async fn the_history_is_read_page_by_page_by_its_own_tenant(world: World) {
        world.create_tenant(FABRIKAM).await;
        let theirs = world.create_account_in(FABRIKAM, "alice@contoso.com", Some(GUID)).await;
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        world.tick();
        let bob = world.create_account("bob@contoso.com", None).await;
        for object_id in ["b1", "b2", "b3"] {
            replace(&world, &bob, json!({"userName": "bob@contoso.com", "externalId": object_id})).await;
        }
        let (mut listed, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = world.core.list_link_history(&admin(CONTOSO), None, 3, &page_token).await.expect("it is a page");
            listed.extend(page.entries);
            match page.next_page_token {
                Some(next) => page_token = next,
                None => break,
            }
        }
        assert_eq!(listed.iter().map(|entry| entry.object_id.as_str()).collect::<Vec<_>>(), ["b3", "b2", "b1", GUID]);
        let mixed = world.core.list_link_history(&admin(CONTOSO), Some(&alice.id.to_string()), 3, &page_token).await;
        assert_eq!(reason(mixed), Reason::InvalidPageToken, "the token belongs to the whole tenant's");

        let carol = world.create_account("carol@contoso.com", None).await;
        assert!(history(&world, carol.id).await.is_empty(), "she never had one");
        for nobody in [theirs.id.to_string(), "nonsense".to_owned()] {
            let refused = world.core.list_link_history(&admin(CONTOSO), Some(&nobody), 3, "").await;
            assert_eq!(reason(refused), Reason::AccountNotFound);
        }
    }
}
