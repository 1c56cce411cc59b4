//! What the guard forgets by itself.

use std::time::Duration;

use provisioning_core::{
    accounts::Precondition,
    error::Reason,
    guard::{DECISION_LIFETIME, ITEM_SILENCE_MAX},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{HOUR, batches, decide, guarded, items, pending, people, suspend, used};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, reason};

/// Longer than any upkeep takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets upkeep run until something is so.
async fn upkeep_until(world: &World, is_so: impl AsyncFn() -> bool) {
    let cancel = CancellationToken::new();
    let (core, cancelled) = (world.core.clone(), cancel.clone());
    let mut upkeep = JoinSet::new();
    upkeep.spawn(async move { core.run_upkeep(cancelled).await });
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("upkeep does its work");
    cancel.cancel();
    while let Some(ended) = upkeep.join_next().await {
        ended.expect("upkeep ends");
    }
}

on_every_engine! {
    async fn what_has_come_about_otherwise_waits_no_longer(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        for account in &people[1..] {
            reason(suspend(&world, &call, account).await);
        }
        suspend(&world, &admin(CONTOSO), &people[1]).await.expect("an admin knows");
        fresh(world.core.delete_account(&admin(CONTOSO), people[2].id, &Precondition::default(), None).await);
        upkeep_until(&world, async || pending(&world).await.is_some_and(|batch| batch.suspends == 1)).await;
        let batch = pending(&world).await.expect("one waits");
        let left: Vec<_> = items(&world, &batch).await.into_iter().map(|item| item.user_name).collect();
        assert_eq!(left, ["user3@contoso.com"]);
    }

    async fn a_decision_ends_after_its_time(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        reason(suspend(&world, &call, &people[1]).await);
        let first = pending(&world).await.expect("it waits");
        decide(&world, &first, false).await;
        world.clock.advance(DECISION_LIFETIME / 2);
        suspend(&world, &call, &people[2]).await.expect("the window is empty");
        reason(suspend(&world, &call, &people[3]).await);
        let second = pending(&world).await.expect("it waits");
        decide(&world, &second, false).await;
        world.clock.advance(DECISION_LIFETIME / 2 + HOUR);
        upkeep_until(&world, async || batches(&world).await.len() == 1).await;
        assert_eq!(batches(&world).await[0].id, second.id);
        suspend(&world, &call, &people[1]).await.expect("nobody knows of it any more, and the window is empty");
        assert_eq!(reason(suspend(&world, &call, &people[3]).await), Reason::DeprovisionHeld);
        assert_eq!(used(&world).await, 1);
    }

    async fn what_is_not_sent_for_a_week_waits_no_longer(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        for account in &people[1..3] {
            reason(suspend(&world, &call, account).await);
        }
        let first = pending(&world).await.expect("two wait");
        decide(&world, &first, false).await;
        reason(suspend(&world, &call, &people[3]).await);
        world.clock.advance(ITEM_SILENCE_MAX.saturating_sub(HOUR));
        assert_eq!(reason(suspend(&world, &call, &people[1]).await), Reason::DeprovisionHeld);
        world.clock.advance(2 * HOUR);
        upkeep_until(&world, async || pending(&world).await.is_none()).await;
        let left: Vec<_> = items(&world, &first).await.into_iter().map(|item| item.user_name).collect();
        assert_eq!(left, ["user1@contoso.com"], "it was sent again");
        assert_eq!(reason(suspend(&world, &call, &people[1]).await), Reason::DeprovisionHeld);
        suspend(&world, &call, &people[2]).await.expect("the mistake is long mended, and this is another matter");
    }
}
