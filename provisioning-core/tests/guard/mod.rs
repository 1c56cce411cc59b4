//! The deprovision guard: what passes, what waits, and what an admin decides.

mod concurrency;
mod decisions;
mod members;
mod upkeep;

use std::time::Duration;

use provisioning_core::{
    Core,
    accounts::{Account, AccountKey, Patched, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    error::{Error, Reason},
    guard::{Batch, BatchItem, DecisionWish, DeprovisionAction, DeprovisionGuard},
    ids::AccountId,
    receipts::Answer,
    tenants::TenantChanges,
};
use serde_json::{Value, json};

use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, operator, reason, scim};

pub const HOUR: Duration = Duration::from_hours(1);
/// What passes within such a step of an hour is counted together, until the whole of it has left the window.
pub const STEP: Duration = Duration::from_secs(6);
pub const TICK: Duration = Duration::from_micros(1);

pub const fn limits(max_count: Option<u32>, max_percent: Option<u32>) -> DeprovisionGuard {
    DeprovisionGuard {
        window: HOUR,
        max_count,
        max_percent,
    }
}

pub async fn set(world: &World, guard: Option<DeprovisionGuard>) {
    let asked = TenantChanges {
        deprovision_guard: Some(guard),
        ..TenantChanges::default()
    };
    let everything = Precondition::default();
    let operator = operator(CONTOSO);
    fresh(
        world
            .core
            .update_tenant(&operator, &asked, &everything, None)
            .await,
    );
}

/// A call of the directory, to a tenant that lets so many pass.
pub async fn guarded(world: &World, max_count: u32) -> Call {
    set(world, Some(limits(Some(max_count), None))).await;
    scim(CONTOSO, &world.generate(CONTOSO).await.text)
}

/// Accounts that the directory has made.
pub async fn people(world: &World, call: &Call, count: usize) -> Vec<Account> {
    let mut people = Vec::new();
    for number in 0..count {
        // Ids are in the order of time.
        world.clock.advance(TICK);
        let attributes = json!({"userName": format!("user{number}@contoso.com"), "externalId": format!("oid{number}")});
        let attributes = attributes.as_object().expect("it is an object");
        let created = world
            .core
            .create_account(call, attributes, false, None)
            .await;
        people.push(fresh(created).account);
    }
    people
}

pub fn replace(path: &str, value: Value) -> Operation {
    Operation {
        op: Op::Replace,
        path: Some(path.to_owned()),
        value: Some(value),
    }
}

pub async fn set_active(
    core: &Core,
    call: &Call,
    id: AccountId,
    active: bool,
) -> Result<Answer<Patched>, Error> {
    let operations = [replace("active", json!(active))];
    core.patch_account(call, id, &operations, &Precondition::default(), None)
        .await
}

pub async fn suspend(world: &World, call: &Call, account: &Account) -> Result<(), Error> {
    world.clock.advance(TICK);
    set_active(&world.core, call, account.id, false)
        .await
        .map(drop)
}

pub async fn delete(world: &World, call: &Call, account: &Account) -> Result<(), Error> {
    world
        .core
        .delete_account(call, account.id, &Precondition::default(), None)
        .await
        .map(drop)
}

pub async fn read(world: &World, account: &Account) -> Account {
    world
        .core
        .get_account(&admin(CONTOSO), &AccountKey::Id(account.id))
        .await
        .expect("it is there")
}

pub async fn pending(world: &World) -> Option<Batch> {
    world
        .core
        .get_deprovision_guard(&admin(CONTOSO))
        .await
        .expect("it is answered")
        .pending
}

pub async fn used(world: &World) -> i64 {
    world
        .core
        .get_deprovision_guard(&admin(CONTOSO))
        .await
        .expect("it is answered")
        .used
}

pub async fn items(world: &World, batch: &Batch) -> Vec<BatchItem> {
    let id = batch.id.to_string();
    world
        .core
        .list_deprovision_batch_items(&admin(CONTOSO), &id, 200, "")
        .await
        .expect("it is a page")
        .items
}

pub async fn batches(world: &World) -> Vec<Batch> {
    world
        .core
        .list_deprovision_batches(&admin(CONTOSO), 200, "")
        .await
        .expect("it is a page")
        .batches
}

pub fn wish(batch: &Batch, approve: bool) -> DecisionWish {
    DecisionWish {
        batch_id: batch.id.to_string(),
        approve,
        reason: String::new(),
        precondition: Precondition::default(),
    }
}

pub async fn decide(world: &World, batch: &Batch, approve: bool) -> Batch {
    fresh(
        world
            .core
            .decide_deprovision_batch(&admin(CONTOSO), &wish(batch, approve), None)
            .await,
    )
}

on_every_engine! {
    async fn what_is_within_the_limit_passes_and_the_rest_waits_in_one_batch(world: World) {
        let call = guarded(&world, 2).await;
        let people = people(&world, &call, 5).await;
        for account in &people[..2] {
            suspend(&world, &call, account).await.expect("it is within the limit");
        }
        for account in &people[2..] {
            assert_eq!(reason(suspend(&world, &call, account).await), Reason::DeprovisionHeld);
            assert_eq!(read(&world, account).await, *account, "nothing has changed");
        }
        let batch = pending(&world).await.expect("it waits");
        assert_eq!((batch.suspends, batch.deletes, batch.member_removals, batch.passed), (3, 0, 0, 0));
        assert_eq!(batches(&world).await, std::slice::from_ref(&batch));
        assert_eq!(used(&world).await, 2);
        let items = items(&world, &batch).await;
        let names: Vec<_> = items.iter().map(|item| (item.user_name.as_str(), item.object_id.as_str(), item.count)).collect();
        assert_eq!(names, [("user2@contoso.com", "oid2", 1), ("user3@contoso.com", "oid3", 1), ("user4@contoso.com", "oid4", 1)]);
        assert!(items.iter().all(|item| item.key.action == DeprovisionAction::Suspend && item.passed_at.is_none()));
    }

    async fn who_is_held_back_reads_how_many_wait_and_where_to_decide(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 3).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        reason(suspend(&world, &call, &people[1]).await);
        let Err(Error::Refused(refusal)) = suspend(&world, &call, &people[2]).await else { panic!("it is held") };
        let batch = pending(&world).await.expect("it waits");
        assert!(refusal.detail.contains("at most 1") && refusal.detail.contains("2 of them wait"), "{}", refusal.detail);
        assert!(refusal.metadata.contains(&("batch_id", batch.id.to_string())));
        let entries = world.log(CONTOSO, "reason eq \"DEPROVISION_HELD\"").await;
        assert_eq!((entries.len(), entries[0].http_status), (2, 429));
        assert_eq!((entries[0].user_name.as_str(), &entries[0].detail), ("user2@contoso.com", &refusal.detail));
    }

    async fn without_limits_and_for_admins_everything_passes(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        suspend(&world, &admin(CONTOSO), &people[1]).await.expect("an admin knows");
        assert_eq!(reason(suspend(&world, &call, &people[2]).await), Reason::DeprovisionHeld);
        set(&world, None).await;
        suspend(&world, &call, &people[2]).await.expect("the guard is off");
        suspend(&world, &call, &people[3]).await.expect("the guard is off");
    }

    async fn retries_do_not_trickle_through_window_by_window(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        for _ in 0..3 {
            for account in &people[1..3] {
                assert_eq!(reason(suspend(&world, &call, account).await), Reason::DeprovisionHeld);
            }
            world.clock.advance(HOUR);
        }
        let batch = pending(&world).await.expect("it waits");
        assert_eq!(batch.suspends, 2, "who is sent again is not another one");
        let items = items(&world, &batch).await;
        assert!(items.iter().all(|item| item.count == 3 && item.last_seen_at > item.first_seen_at), "{items:?}");
        suspend(&world, &call, &people[3]).await.expect("the window is empty, and nobody has sent it before");
        assert_eq!(used(&world).await, 1);
    }

    async fn the_window_slides(world: World) {
        let call = guarded(&world, 2).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is the first");
        world.clock.advance(HOUR / 2);
        suspend(&world, &call, &people[1]).await.expect("it is the second");
        assert_eq!(used(&world).await, 2);
        world.clock.advance(HOUR / 2);
        assert_eq!(used(&world).await, 2, "the step of the first has not left the window as a whole");
        world.clock.advance(STEP);
        assert_eq!(used(&world).await, 1, "the first has left the window");
        suspend(&world, &call, &people[2]).await.expect("there is room for one");
        assert_eq!(reason(suspend(&world, &call, &people[3]).await), Reason::DeprovisionHeld);
    }

    async fn deletions_count_as_well(world: World) {
        let call = guarded(&world, 2).await;
        let people = people(&world, &call, 4).await;
        delete(&world, &call, &people[0]).await.expect("it is the first");
        suspend(&world, &call, &people[1]).await.expect("it is the second");
        assert_eq!(reason(delete(&world, &call, &people[2]).await), Reason::DeprovisionHeld);
        assert_eq!(reason(suspend(&world, &call, &people[3]).await), Reason::DeprovisionHeld);
        let batch = pending(&world).await.expect("it waits");
        assert_eq!((batch.suspends, batch.deletes), (1, 1));
        // Neither does a deletion go round what waits.
        world.clock.advance(HOUR);
        assert_eq!(reason(delete(&world, &call, &people[3]).await), Reason::DeprovisionHeld);
        assert_eq!(pending(&world).await.expect("it waits").deletes, 2);
    }

    async fn a_suspension_by_put_counts_and_other_changes_do_not(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 2).await;
        let everything = Precondition::default();
        let put = |active: bool| json!({"userName": "user0@contoso.com", "externalId": "oid0", "active": active, "title": "x"});
        let put_off = put(false);
        fresh(world.core.replace_account(&call, people[0].id, put_off.as_object().expect("it is one"), &everything, None).await);
        let retitled = [replace("title", json!("Engineer"))];
        fresh(world.core.patch_account(&call, people[1].id, &retitled, &everything, None).await);
        let both = [replace("title", json!("None")), replace("active", json!(false))];
        assert_eq!(reason(world.core.patch_account(&call, people[1].id, &both, &everything, None).await), Reason::DeprovisionHeld);
        let account = read(&world, &people[1]).await;
        assert!(account.directory_active && account.document.contains("Engineer"), "a PATCH is held as a whole");
    }

    async fn what_is_already_so_is_not_counted(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 1).await;
        for _ in 0..3 {
            suspend(&world, &call, &people[0]).await.expect("it is suspended");
        }
        assert_eq!(used(&world).await, 1);
    }

    async fn when_the_directory_wants_an_account_after_all_nothing_waits(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 3).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        for account in &people[1..] {
            reason(suspend(&world, &call, account).await);
        }
        reason(delete(&world, &call, &people[1]).await);
        set_active(&world.core, &call, people[1].id, true).await.expect("it is active already");
        let batch = pending(&world).await.expect("the other one waits");
        assert_eq!((batch.suspends, batch.deletes), (1, 0));
        let entries = world.log(CONTOSO, "operation eq \"patch\" and outcome eq \"success\"").await;
        assert!(entries[0].detail.contains("2 things less") && entries[0].user_name == "user1@contoso.com", "{:?}", entries[0]);
        let put = json!({"userName": "user2@contoso.com", "active": true});
        let put = put.as_object().expect("it is one");
        world.core.replace_account(&call, people[2].id, put, &Precondition::default(), None).await.expect("it is written");
        assert_eq!(pending(&world).await, None, "an empty batch is none");
        assert_eq!(batches(&world).await, []);
    }

    async fn whoever_only_asks_is_told_that_it_would_be_held(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 2).await;
        let ask = async |account: &Account| {
            let only_ask = Precondition { etag: None, validate_only: true };
            world.core.patch_account(&call, account.id, &[replace("active", json!(false))], &only_ask, None).await
        };
        ask(&people[0]).await.expect("it would pass");
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        let Err(Error::Refused(refusal)) = ask(&people[1]).await else { panic!("it would be held") };
        assert_eq!(refusal.reason, Reason::DeprovisionHeld);
        assert!(refusal.detail.contains("1 of them wait"), "{}", refusal.detail);
        assert_eq!((pending(&world).await, used(&world).await), (None, 1));
    }

    async fn a_share_is_taken_of_those_who_were_active_when_the_window_began(world: World) {
        set(&world, Some(limits(None, Some(25)))).await;
        let call = scim(CONTOSO, &world.generate(CONTOSO).await.text);
        let people = people(&world, &call, 8).await;
        // Not the directory's, so not of those of whom the share is taken.
        for number in 0..20 {
            world.create_account(&format!("local{number}"), None).await;
        }
        let limit = async || world.core.get_deprovision_guard(&admin(CONTOSO)).await.expect("it is answered").limit;
        assert_eq!(limit().await, 2);
        suspend(&world, &call, &people[0]).await.expect("it is the first");
        world.clock.advance(HOUR / 2);
        suspend(&world, &call, &people[1]).await.expect("it is the second, of the same eight");
        assert_eq!(reason(suspend(&world, &call, &people[2]).await), Reason::DeprovisionHeld);
        world.clock.advance(HOUR + STEP);
        assert_eq!(limit().await, 2, "as it was counted last");
        suspend(&world, &call, &people[3]).await.expect("it is the first");
        assert_eq!(limit().await, 1, "a quarter of six");
        assert_eq!(reason(suspend(&world, &call, &people[4]).await), Reason::DeprovisionHeld);
        for back in [0, 1, 3] {
            set_active(&world.core, &call, people[back].id, true).await.expect("it comes back");
        }
        world.clock.advance(23 * HOUR);
        assert_eq!(limit().await, 1, "nobody was counted since");
        world.clock.advance(HOUR);
        assert_eq!(limit().await, 2, "of eight, who are counted once a day for those who ask");
    }

    async fn a_request_that_comes_twice_is_counted_once(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 1).await;
        let everything = Precondition::default();
        let off = [replace("active", json!(false))];
        let encode = |_: &Patched| b"done".to_vec();
        let once = || Some(provisioning_core::receipts::Once { encode: &encode, ..crate::world::once(1, 1) });
        fresh(world.core.patch_account(&call, people[0].id, &off, &everything, once()).await);
        let again = world.core.patch_account(&call, people[0].id, &off, &everything, once()).await;
        assert!(matches!(again, Ok(Answer::Replayed(_))));
        assert_eq!((used(&world).await, pending(&world).await), (1, None));
    }

    async fn limits_that_say_nothing_are_refused(world: World) {
        let asked = TenantChanges { deprovision_guard: Some(Some(limits(None, None))), ..TenantChanges::default() };
        let refused = world.core.update_tenant(&operator(CONTOSO), &asked, &Precondition::default(), None).await;
        assert_eq!(reason(refused), Reason::InvalidRequest);
        set(&world, Some(limits(Some(5), None))).await;
        let entries = world.log(CONTOSO, "operation eq \"tenant_update\" and outcome eq \"success\"").await;
        assert_eq!(entries[0].changes[0].attribute, "settings.deprovision_guard");
        assert_eq!(entries[0].changes[0].new, Some(json!({"window": "3600s", "maxCount": 5, "maxPercent": null})));
    }
}
