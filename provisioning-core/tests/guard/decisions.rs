//! Approving and dismissing.

use provisioning_core::{
    accounts::{Account, Precondition},
    call::Call,
    error::Reason,
    guard::{Batch, BatchState, DecisionWish},
    receipts::{Answer, Once},
};

use super::{
    HOUR, batches, decide, guarded, items, pending, people, read, set_active, suspend, used, wish,
};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, once, reason};

/// One of them has passed, the others wait.
async fn wave(world: &World, count: usize) -> (Call, Vec<Account>, Batch) {
    let call = guarded(world, 1).await;
    let mut people = people(world, &call, count).await;
    let first = people.remove(0);
    suspend(world, &call, &first)
        .await
        .expect("it is within the limit");
    for account in &people {
        assert_eq!(
            reason(suspend(world, &call, account).await),
            Reason::DeprovisionHeld
        );
    }
    let batch = pending(world).await.expect("it waits");
    (call, people, batch)
}

on_every_engine! {
    async fn what_is_approved_passes_when_it_is_sent_again_and_does_not_count(world: World) {
        let (call, people, batch) = wave(&world, 4).await;
        let approved = decide(&world, &batch, true).await;
        assert_eq!((approved.state, approved.version), (BatchState::Approved, 2));
        assert_eq!((approved.decided_by.as_str(), approved.suspends, approved.passed), ("admin", 3, 0));
        assert!(read(&world, &people[0]).await.directory_active, "nothing happens before it is sent again");
        for account in &people {
            suspend(&world, &call, account).await.expect("it was approved");
            assert!(!read(&world, account).await.directory_active);
        }
        assert_eq!(used(&world).await, 1);
        let batch = batches(&world).await.remove(0);
        assert_eq!((batch.suspends, batch.passed), (3, 3));
        assert!(items(&world, &batch).await.iter().all(|item| item.passed_at.is_some() && item.count == 2));
    }

    async fn an_approval_is_good_for_one_time(world: World) {
        let (call, people, batch) = wave(&world, 2).await;
        decide(&world, &batch, true).await;
        suspend(&world, &call, &people[0]).await.expect("it was approved");
        set_active(&world.core, &call, people[0].id, true).await.expect("it comes back");
        assert_eq!(reason(suspend(&world, &call, &people[0]).await), Reason::DeprovisionHeld);
        let next = pending(&world).await.expect("it waits in a new batch");
        assert_ne!(next.id, batch.id);
        assert_eq!(next.suspends, 1);
        let of_both: Vec<_> = batches(&world).await.iter().map(|batch| batch.id).collect();
        assert_eq!(of_both, [next.id, batch.id], "newest first");
    }

    async fn what_is_dismissed_stays_whatever_may_pass(world: World) {
        let (call, people, batch) = wave(&world, 3).await;
        let dismissed = decide(&world, &batch, false).await;
        assert_eq!(dismissed.state, BatchState::Dismissed);
        for _ in 0..3 {
            world.clock.advance(2 * HOUR);
            for account in &people {
                assert_eq!(reason(suspend(&world, &call, account).await), Reason::DeprovisionHeld);
                assert!(read(&world, account).await.directory_active);
            }
        }
        assert_eq!((pending(&world).await, used(&world).await), (None, 0));
        assert!(items(&world, &batch).await.iter().all(|item| item.count == 4));
        let entries = world.log(CONTOSO, "reason eq \"DEPROVISION_HELD\"").await;
        assert!(entries[0].detail.contains("was dismissed"), "{}", entries[0].detail);

        decide(&world, &batch, true).await;
        for account in &people {
            suspend(&world, &call, account).await.expect("an admin has changed their mind");
        }
    }

    async fn an_approval_can_be_taken_back_from_what_has_not_passed(world: World) {
        let (call, people, batch) = wave(&world, 3).await;
        decide(&world, &batch, true).await;
        suspend(&world, &call, &people[0]).await.expect("it was approved");
        let dismissed = decide(&world, &batch, false).await;
        assert_eq!((dismissed.version, dismissed.passed), (3, 1));
        assert_eq!(reason(suspend(&world, &call, &people[1]).await), Reason::DeprovisionHeld);
    }

    async fn what_comes_after_a_decision_waits_in_another_batch(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        reason(suspend(&world, &call, &people[1]).await);
        let first = pending(&world).await.expect("it waits");
        decide(&world, &first, false).await;
        reason(suspend(&world, &call, &people[2]).await);
        let second = pending(&world).await.expect("it waits");
        assert_ne!(second.id, first.id);
        decide(&world, &second, true).await;
        suspend(&world, &call, &people[2]).await.expect("it was approved");
        assert_eq!(reason(suspend(&world, &call, &people[1]).await), Reason::DeprovisionHeld);
    }

    async fn decisions_are_logged_with_their_reason(world: World) {
        let (_, _, batch) = wave(&world, 3).await;
        let wish = DecisionWish { reason: "The group was emptied by mistake".to_owned(), ..wish(&batch, false) };
        let dismissed = fresh(world.core.decide_deprovision_batch(&admin(CONTOSO), &wish, None).await);
        assert_eq!(dismissed.reason, wish.reason);
        let entries = world.log(CONTOSO, "operation eq \"deprovision_dismiss\"").await;
        assert_eq!((entries.len(), entries[0].actor.as_str()), (1, "admin"));
        for part in ["2 suspensions", &wish.reason, &batch.id.to_string()] {
            assert!(entries[0].detail.contains(part), "{part}: {}", entries[0].detail);
        }
        assert_eq!(entries[0].changes[0].attribute, "state");
        decide(&world, &batch, true).await;
        assert_eq!(world.log(CONTOSO, "operation eq \"deprovision_approve\"").await.len(), 1);
    }

    async fn nobody_overrules_unseen(world: World) {
        let (_, _, batch) = wave(&world, 2).await;
        let with_etag = |approve| DecisionWish {
            precondition: Precondition { etag: Some(batch.etag()), validate_only: false },
            ..wish(&batch, approve)
        };
        fresh(world.core.decide_deprovision_batch(&admin(CONTOSO), &with_etag(false), None).await);
        let late = world.core.decide_deprovision_batch(&admin(CONTOSO), &with_etag(true), None).await;
        assert_eq!(reason(late), Reason::EtagMismatch);
        let entries = world.log(CONTOSO, "operation eq \"deprovision_approve\" and outcome eq \"failure\"").await;
        assert_eq!(entries.len(), 1);
    }

    async fn the_etag_stays_when_more_items_come(world: World) {
        let (call, people, batch) = wave(&world, 3).await;
        reason(suspend(&world, &call, &people[0]).await);
        assert_eq!(pending(&world).await.expect("it waits").etag(), batch.etag());
    }

    async fn a_decision_is_checked_without_being_made(world: World) {
        let (call, people, batch) = wave(&world, 2).await;
        let only_ask = DecisionWish {
            precondition: Precondition { etag: None, validate_only: true },
            ..wish(&batch, true)
        };
        let would = fresh(world.core.decide_deprovision_batch(&admin(CONTOSO), &only_ask, None).await);
        assert_eq!(would.state, BatchState::Approved);
        assert_eq!(pending(&world).await, Some(batch));
        assert_eq!(reason(suspend(&world, &call, &people[0]).await), Reason::DeprovisionHeld);
    }

    async fn the_same_decision_again_changes_nothing(world: World) {
        let (_, _, batch) = wave(&world, 2).await;
        let encode = |batch: &Batch| batch.etag().into_bytes();
        let once = || Some(Once { encode: &encode, ..once(7, 7) });
        let call = admin(CONTOSO);
        let first = fresh(world.core.decide_deprovision_batch(&call, &wish(&batch, true), once()).await);
        match world.core.decide_deprovision_batch(&call, &wish(&batch, true), once()).await.expect("it is answered") {
            Answer::Replayed(bytes) => assert_eq!(bytes, first.etag().into_bytes()),
            Answer::Fresh(_) => panic!("it was decided twice"),
        }
        assert_eq!(decide(&world, &batch, true).await, first);
        assert_eq!(world.log(CONTOSO, "operation eq \"deprovision_approve\"").await.len(), 1);
    }

    async fn another_tenants_batch_is_not_there(world: World) {
        let (_, _, batch) = wave(&world, 2).await;
        world.create_tenant("fabrikam").await;
        let foreign = admin("fabrikam");
        let decided = world.core.decide_deprovision_batch(&foreign, &wish(&batch, true), None).await;
        assert_eq!(reason(decided), Reason::DeprovisionBatchNotFound);
        let listed = world.core.list_deprovision_batch_items(&foreign, &batch.id.to_string(), 10, "").await;
        assert_eq!(reason(listed), Reason::DeprovisionBatchNotFound);
        let nonsense = world.core.list_deprovision_batch_items(&admin(CONTOSO), "x", 10, "").await;
        assert_eq!(reason(nonsense), Reason::DeprovisionBatchNotFound);
    }

    async fn batches_and_items_are_listed_page_by_page(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 6).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        for pair in people[1..5].chunks(2) {
            for account in pair {
                reason(suspend(&world, &call, account).await);
            }
            let batch = pending(&world).await.expect("it waits");
            decide(&world, &batch, false).await;
            world.clock.advance(HOUR / 100);
        }
        reason(suspend(&world, &call, &people[5]).await);
        let admin = admin(CONTOSO);
        let mut ids = Vec::new();
        let mut token = String::new();
        loop {
            let page = world.core.list_deprovision_batches(&admin, 2, &token).await.expect("it is a page");
            assert!(page.batches.len() <= 2);
            ids.extend(page.batches.iter().map(|batch| batch.id));
            match page.next_page_token {
                Some(next) => token = next,
                None => break,
            }
        }
        assert_eq!(ids, batches(&world).await.iter().map(|batch| batch.id).collect::<Vec<_>>());
        assert_eq!(ids.len(), 3);
        let batch = ids[1].to_string();
        let first = world.core.list_deprovision_batch_items(&admin, &batch, 1, "").await.expect("it is a page");
        let next = first.next_page_token.expect("there is another");
        let second = world.core.list_deprovision_batch_items(&admin, &batch, 1, &next).await.expect("it is a page");
        assert_eq!((first.items.len(), second.items.len(), second.next_page_token), (1, 1, None));
        assert!(first.items[0].key.account_id < second.items[0].key.account_id);
        let foreign = world.core.list_deprovision_batch_items(&admin, &ids[0].to_string(), 1, &next).await;
        assert_eq!(reason(foreign), Reason::InvalidPageToken);
    }
}
