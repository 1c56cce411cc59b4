//! A diagnosis tells what Entra's next request gets, and then it does get that.

use std::time::Duration;

use provisioning_core::{
    accounts::{AccountKey, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    clock::Clock as _,
    error::{Error, Reason},
    findings::{Diagnosis, FindingKind, Subject},
    ids::AccountId,
    links::LinkTarget,
    tokens::mask,
};
use serde_json::json;

use crate::{
    guard,
    world::{CONTOSO, World, admin, fresh, on_every_engine, operator, reason, scim},
};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";
const ALICE: &str = "alice@contoso.com";
const BOB: &str = "bob@contoso.com";

async fn entra(world: &World) -> Call {
    scim(CONTOSO, &world.generate(CONTOSO).await.text)
}

async fn diagnose(world: &World, subject: Subject) -> Diagnosis {
    world
        .core
        .diagnose_account(&admin(CONTOSO), &subject)
        .await
        .expect("it is explained")
}

async fn diagnose_login(world: &World, user_name: &str) -> Diagnosis {
    diagnose(world, Subject::UserName(user_name.to_owned())).await
}

fn http_status<T>(answer: Result<T, Error>, done: u16) -> u16 {
    match answer {
        Ok(_) => done,
        Err(Error::Refused(refusal)) => refusal.reason.http_status(),
        Err(error) => panic!("it failed: {error}"),
    }
}

async fn post(world: &World, entra: &Call, user_name: &str, object_id: Option<&str>) -> u16 {
    let mut attributes = json!({"userName": user_name});
    if let Some(object_id) = object_id {
        attributes["externalId"] = json!(object_id);
    }
    let attributes = attributes.as_object().expect("it is an object");
    let answer = world
        .core
        .create_account(entra, attributes, false, None)
        .await;
    http_status(answer, 201)
}

/// What Entra sends when both attributes are mapped.
async fn patch(world: &World, entra: &Call, id: &str, user_name: &str, object_id: &str) -> u16 {
    let id = AccountId::parse(id).expect("it is an id");
    let replace = |path: &str, value: &str| Operation {
        op: Op::Replace,
        path: Some(path.to_owned()),
        value: Some(json!(value)),
    };
    let operations = [
        replace("userName", user_name),
        replace("externalId", object_id),
    ];
    let answer = world
        .core
        .patch_account(entra, id, &operations, &Precondition::default(), None)
        .await;
    http_status(answer, 204)
}

/// Sends the request that the diagnosis ends with, and compares the answer.
#[track_caller]
fn last(diagnosis: &Diagnosis) -> (String, u16) {
    let last = diagnosis
        .expected_requests
        .last()
        .expect("something is sent");
    (last.request.clone(), last.http_status)
}

async fn comes_true(
    world: &World,
    entra: &Call,
    diagnosis: &Diagnosis,
    user_name: &str,
    object_id: &str,
) -> u16 {
    let (request, expected) = last(diagnosis);
    let status = if let Some(id) = request.strip_prefix("PATCH /Users/") {
        patch(world, entra, id, user_name, object_id).await
    } else {
        assert_eq!(request, "POST /Users");
        post(world, entra, user_name, Some(object_id)).await
    };
    assert_eq!(status, expected, "{request} in {}", diagnosis.summary);
    status
}

async fn link(world: &World, id: AccountId, object_id: &str) {
    let account = world
        .core
        .get_account(&admin(CONTOSO), &AccountKey::Id(id))
        .await
        .expect("it is there");
    let target = LinkTarget {
        account: AccountKey::Id(id),
        precondition: Precondition {
            etag: Some(account.etag()),
            validate_only: false,
        },
        reason: String::new(),
    };
    fresh(
        world
            .core
            .link_object_id(&admin(CONTOSO), &target, object_id, None)
            .await,
    );
}

async fn delete(world: &World, id: AccountId) {
    let answer = world
        .core
        .delete_account(&admin(CONTOSO), id, &Precondition::default(), None)
        .await;
    fresh(answer);
}

on_every_engine! {
    async fn what_nobody_has_is_created(world: World) {
        let entra = entra(&world).await;
        let diagnosis = diagnose_login(&world, ALICE).await;
        assert!(diagnosis.accounts.is_empty() && diagnosis.log_entry_ids.is_empty());
        assert!(diagnosis.summary.contains("DragOnce has no account with the login account \"alice@contoso.com\""), "{}", diagnosis.summary);
        assert_eq!(diagnosis.expected_requests[0].request, "GET /Users?filter=userName eq \"alice@contoso.com\"");
        assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 201);
        let by_object_id = diagnose(&world, Subject::ObjectId(GUID.to_uppercase())).await;
        assert_eq!(by_object_id.accounts.len(), 1, "in any spelling");
        assert_eq!(by_object_id.log_entry_ids.len(), 1);
    }

    async fn an_account_from_before_is_adopted(world: World) {
        let entra = entra(&world).await;
        let alice = world.create_account(ALICE, None).await;
        let diagnosis = diagnose(&world, Subject::AccountId(alice.id.to_string())).await;
        let expected = diagnosis.expected_requests.last().expect("it is sent");
        assert!(expected.outcome.contains("is adopted"), "{}", expected.outcome);
        assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 204);
        let again = diagnose_login(&world, ALICE).await;
        assert!(again.expected_requests.last().expect("it is sent").outcome.contains("only when an attribute differs"));
    }

    async fn a_post_in_vain_is_expected_again_until_the_account_is_linked(world: World) {
        let entra = entra(&world).await;
        let alice = world.create_account(ALICE, None).await;
        assert_eq!(post(&world, &entra, ALICE, Some(GUID)).await, 409);
        let diagnosis = diagnose_login(&world, ALICE).await;
        let requests: Vec<_> = diagnosis.expected_requests.iter().map(|expected| expected.request.as_str()).collect();
        assert_eq!(requests, [format!("GET /Users?filter=externalId eq \"{GUID}\"").as_str(), "POST /Users"]);
        assert_eq!(diagnosis.findings[0].finding.kind, FindingKind::LoginNotLinked);
        assert!(diagnosis.summary.contains("is this person's account"), "the first remedy is told: {}", diagnosis.summary);
        assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 409);
        let by_object_id = diagnose(&world, Subject::ObjectId(GUID.to_owned())).await;
        assert!(by_object_id.accounts.is_empty());
        assert_eq!(last(&by_object_id).1, 409, "the log tells whose Object ID it is");

        link(&world, alice.id, GUID).await;
        let mended = diagnose_login(&world, ALICE).await;
        assert_eq!(last(&mended).0, format!("PATCH /Users/{}", alice.id));
        assert_eq!(mended.link_steps.len(), 1);
        assert_eq!(comes_true(&world, &entra, &mended, ALICE, GUID).await, 204);
    }

    async fn a_link_of_an_admin_is_kept_as_foretold(world: World) {
        let entra = entra(&world).await;
        let alice = world.create_account(ALICE, None).await;
        link(&world, alice.id, OTHER_GUID).await;
        assert_eq!(patch(&world, &entra, &alice.id.to_string(), ALICE, GUID).await, 204);
        let diagnosis = diagnose_login(&world, ALICE).await;
        assert_eq!(diagnosis.findings[0].finding.kind, FindingKind::ObjectIdMismatch);
        let expected = diagnosis.expected_requests.last().expect("it is sent");
        assert!(expected.outcome.contains(&format!("The Object ID stays \"{OTHER_GUID}\"")), "{}", expected.outcome);
        assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 204);
        assert_eq!(diagnose_login(&world, ALICE).await.accounts[0].object_id.as_deref(), Some(OTHER_GUID));
    }

    async fn an_object_id_that_is_anothers_is_refused(world: World) {
        let entra = entra(&world).await;
        let bob = world.create_account(BOB, None).await;
        link(&world, bob.id, GUID).await;
        assert_eq!(post(&world, &entra, ALICE, Some(GUID)).await, 409);
        for subject in [Subject::UserName(ALICE.to_owned()), Subject::ObjectId(GUID.to_owned())] {
            let diagnosis = diagnose(&world, subject).await;
            assert_eq!(last(&diagnosis), ("POST /Users".to_owned(), 409), "{}", diagnosis.summary);
            assert_eq!(diagnosis.findings[0].finding.kind, FindingKind::ObjectIdOnAnotherAccount);
            assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 409);
        }
    }

    async fn a_login_and_an_object_id_on_two_accounts_conflict(world: World) {
        let entra = entra(&world).await;
        world.create_account(ALICE, None).await;
        let bob = world.create_account(BOB, Some(GUID)).await;
        assert_eq!(patch(&world, &entra, &bob.id.to_string(), ALICE, GUID).await, 409);
        let diagnosis = diagnose(&world, Subject::AccountId(bob.id.to_string())).await;
        assert_eq!(diagnosis.findings[0].finding.kind, FindingKind::LoginAndObjectIdOnTwoAccounts);
        assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 409);
    }

    async fn a_deleted_account_is_called_in_vain_and_comes_back_when_it_is_posted(world: World) {
        let entra = entra(&world).await;
        assert_eq!(post(&world, &entra, ALICE, Some(GUID)).await, 201);
        let alice = diagnose_login(&world, ALICE).await.accounts[0].id;
        delete(&world, alice).await;
        let diagnosis = diagnose_login(&world, ALICE).await;
        assert_eq!(diagnosis.accounts[0].id, alice);
        assert!(diagnosis.summary.contains("was deleted on"), "{}", diagnosis.summary);
        let first = &diagnosis.expected_requests[0];
        assert_eq!((first.request.clone(), first.http_status), (format!("PATCH /Users/{alice}"), 404));
        assert_eq!(patch(&world, &entra, &alice.to_string(), ALICE, GUID).await, 404);
        let diagnosis = diagnose_login(&world, ALICE).await;
        assert!(diagnosis.expected_requests.last().expect("it is sent").outcome.contains("comes back"));
        assert_eq!(comes_true(&world, &entra, &diagnosis, ALICE, GUID).await, 201);
        assert_eq!(diagnose_login(&world, ALICE).await.accounts[0].id, alice);
    }

    async fn accounts_that_share_an_object_id_are_all_told(world: World) {
        entra(&world).await;
        for user_name in [ALICE, BOB] {
            world.create_account(user_name, Some(GUID)).await;
        }
        world.create_account("carol@contoso.com", Some(OTHER_GUID)).await;
        let diagnosis = diagnose(&world, Subject::ObjectId(GUID.to_owned())).await;
        assert_eq!(diagnosis.accounts.len(), 2);
        assert!(diagnosis.summary.contains(ALICE) && diagnosis.summary.contains(BOB));
    }

    async fn nothing_gets_past_a_switched_off_tenant_or_a_missing_token(world: World) {
        world.create_account(ALICE, None).await;
        assert_eq!(diagnose_login(&world, ALICE).await.expected_requests[0].http_status, 401);
        entra(&world).await;
        world.core.switch_provisioning(&operator(CONTOSO), false, None).await.expect("it is off");
        let diagnosis = diagnose_login(&world, ALICE).await;
        let statuses: Vec<_> = diagnosis.expected_requests.iter().map(|expected| expected.http_status).collect();
        assert_eq!(statuses, [403]);
    }

    async fn after_a_regeneration_entra_is_refused_until_it_presents_the_new_token(world: World) {
        let old = world.generate(CONTOSO).await;
        let entra = scim(CONTOSO, &old.text);
        assert_eq!(post(&world, &entra, ALICE, Some(GUID)).await, 201);
        assert_eq!(last(&diagnose_login(&world, ALICE).await).1, 204);

        world.tick();
        let new = world.regenerate(CONTOSO, Duration::ZERO).await;
        let (old_mask, new_mask) = (mask(&old.token.id), mask(&new.token.id));
        let foretold = diagnose_login(&world, ALICE).await;
        assert_eq!(last(&foretold).1, 401, "nobody has pasted the new one: {}", foretold.summary);
        assert!(!foretold.summary.contains(", refused"), "{}", foretold.summary);
        world.tick();
        let refused_at = world.clock.now();
        assert_eq!(post(&world, &entra, BOB, None).await, 401);
        let diagnosis = diagnose_login(&world, BOB).await;
        assert_eq!(last(&diagnosis).1, 401);
        for part in [
            "Whatever Microsoft Entra sends for this tenant is answered 401",
            &format!("still presents the SCIM token {old_mask} (last seen on {refused_at}, refused), which was replaced by {new_mask} on {}", new.token.created_at),
            &format!("Paste the one that is valid, {new_mask}"),
            "provisiond token regenerate contoso",
        ] {
            assert!(diagnosis.summary.contains(part), "{part}: {}", diagnosis.summary);
        }
        assert!(diagnosis.summary.starts_with("Whatever"), "it comes before the person: {}", diagnosis.summary);

        world.tick();
        let entra = scim(CONTOSO, &new.text);
        assert_eq!(patch(&world, &entra, &diagnose_login(&world, ALICE).await.accounts[0].id.to_string(), ALICE, GUID).await, 204);
        assert_eq!(last(&diagnose_login(&world, ALICE).await).1, 204, "the new one is pasted");
        assert_eq!(post(&world, &scim(CONTOSO, &old.text), BOB, None).await, 401);
        assert_eq!(last(&diagnose_login(&world, ALICE).await).1, 204, "a minute has one entry, and the use came after it");
        world.clock.advance(Duration::from_mins(2));
        assert_eq!(post(&world, &scim(CONTOSO, &old.text), BOB, None).await, 401);
        assert_eq!(last(&diagnose_login(&world, ALICE).await).1, 401, "the old one is back");
    }

    async fn the_end_of_an_overlap_is_told_before_it_comes(world: World) {
        let old = world.generate(CONTOSO).await;
        let entra = scim(CONTOSO, &old.text);
        assert_eq!(post(&world, &entra, ALICE, Some(GUID)).await, 201);
        let new = world.regenerate(CONTOSO, Duration::from_hours(1)).await;
        let end = new.replaced.expect("it is told").expires_at.expect("it ends");
        let during = diagnose_login(&world, ALICE).await;
        assert_eq!(last(&during).1, 204);
        assert!(during.summary.contains(&format!("is accepted until {end} only; from then on it is answered 401")), "{}", during.summary);
        assert_eq!(patch(&world, &entra, &during.accounts[0].id.to_string(), ALICE, GUID).await, 204);
        world.clock.advance(Duration::from_hours(2));
        assert_eq!(last(&diagnose_login(&world, ALICE).await).1, 401);
        assert_eq!(post(&world, &entra, BOB, None).await, 401);

        // Also where the token of the tenant was revoked meanwhile, and only the older one is left.
        let newer = world.regenerate(CONTOSO, Duration::from_hours(1)).await;
        assert_eq!(post(&world, &scim(CONTOSO, &new.text), BOB, None).await, 201);
        world.core.revoke_token(&admin(CONTOSO), Some(&newer.token.id), None).await.expect("it is revoked");
        let left = diagnose_login(&world, BOB).await;
        assert_eq!(last(&left).1, 204, "{}", left.summary);
        assert!(left.summary.contains("provisiond token generate contoso"), "{}", left.summary);
    }

    async fn a_tenant_without_a_valid_token_is_told_what_became_of_the_last(world: World) {
        let none = diagnose_login(&world, ALICE).await;
        assert!(none.summary.contains("The tenant has no SCIM token. Generate a new one"), "{}", none.summary);
        let token = world.generate(CONTOSO).await;
        world.tick();
        let revoked_at = world.clock.now();
        world.core.revoke_token(&admin(CONTOSO), None, None).await.expect("it is revoked");
        let unused = diagnose_login(&world, ALICE).await;
        let told = format!("the last one, {}, was revoked on {revoked_at}", mask(&token.token.id));
        assert!(unused.summary.contains(&told), "{}", unused.summary);
        assert_eq!(post(&world, &scim(CONTOSO, &token.text), ALICE, None).await, 401);
        world.core.switch_provisioning(&operator(CONTOSO), false, None).await.expect("it is off");
        let both = diagnose_login(&world, ALICE).await;
        assert_eq!(last(&both).1, 401);
        for part in ["was revoked on", "After that it is answered 403: User Provisioning is switched off", "provisiond tenant enable contoso"] {
            assert!(both.summary.contains(part), "{part}: {}", both.summary);
        }
    }

    async fn what_the_guard_holds_is_told_with_its_batch_until_that_is_approved(world: World) {
        let entra = guard::guarded(&world, 1).await;
        let people = guard::people(&world, &entra, 2).await;
        guard::suspend(&world, &entra, &people[0]).await.expect("it is within the limit");
        let held = &people[1];
        assert_eq!(reason(guard::suspend(&world, &entra, held).await), Reason::DeprovisionHeld);
        let batch = guard::pending(&world).await.expect("it waits");
        let since = guard::items(&world, &batch).await[0].first_seen_at;
        let waits = (format!("PATCH /Users/{}", held.id), 429);
        let diagnosis = diagnose_login(&world, &held.user_name).await;
        assert_eq!(last(&diagnosis), waits, "{}", diagnosis.summary);
        let approve = format!("provisiond guard approve contoso {}", batch.id);
        for part in ["deprovision guard", "DeprovisionGuardService/ApproveDeprovisionBatch", &approve, &since.to_string()] {
            assert!(diagnosis.summary.contains(part), "{part}: {}", diagnosis.summary);
        }
        let passed = diagnose_login(&world, &people[0].user_name).await;
        assert_eq!(last(&passed).1, 204, "{}", passed.summary);

        guard::decide(&world, &batch, false).await;
        let dismissed = diagnose_login(&world, &held.user_name).await;
        assert_eq!(last(&dismissed), waits);
        assert!(dismissed.summary.contains("was dismissed"), "{}", dismissed.summary);
        world.tick();
        assert_eq!(reason(guard::delete(&world, &entra, held).await), Reason::DeprovisionHeld);
        let deletion = diagnose(&world, Subject::AccountId(held.id.to_string())).await;
        let told = deletion.expected_requests.iter().filter(|expected| expected.http_status == 429).count();
        assert_eq!((last(&deletion), told), ((format!("DELETE /Users/{}", held.id), 429), 2));

        for batch in guard::batches(&world).await {
            guard::decide(&world, &batch, true).await;
        }
        let approved = diagnose_login(&world, &held.user_name).await;
        assert_eq!(last(&approved).1, 204, "{}", approved.summary);
    }

    async fn an_id_that_is_no_accounts_is_explained_as_well(world: World) {
        entra(&world).await;
        for id in ["0190c0de-0000-7000-8000-000000000000", "17"] {
            let diagnosis = diagnose(&world, Subject::AccountId(id.to_owned())).await;
            assert_eq!(last(&diagnosis), (format!("PATCH /Users/{id}"), 404));
        }
        let nothing = world.core.diagnose_account(&admin(CONTOSO), &Subject::UserName(String::new())).await;
        assert_eq!(reason(nothing), Reason::InvalidRequest);
        let too_much = world.core.diagnose_account(&admin(CONTOSO), &Subject::ObjectId("x".repeat(10_000))).await;
        assert_eq!(reason(too_much), Reason::InvalidRequest);
    }
}
