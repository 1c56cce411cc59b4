//! Plays a sequence on two tenants of a real storage, and compares after each step.

pub mod admin;
mod bulk;
pub mod checks;
mod directory;
mod lookups;
mod stage;

use std::{collections::BTreeSet, time::Duration};

use provisioning_core::ids::AccountId;

pub use self::stage::{Accounts, Side, Stage};
use super::{
    model::{self, By, RETENTION},
    steps::{Act, Sequence, Step},
};

/// Accounts that one step of upkeep removes.
const PURGE_BATCH: u32 = 2;

/// What a step came to.
struct Done {
    expected: model::Answer,
    answered: model::Answer,
    /// The accounts that it was about.
    about: BTreeSet<AccountId>,
}

impl Done {
    fn about(id: AccountId, expected: model::Answer, answered: model::Answer) -> Self {
        Self {
            expected,
            answered,
            about: BTreeSet::from([id]),
        }
    }

    const fn about_nobody(expected: model::Answer, answered: model::Answer) -> Self {
        Self {
            expected,
            answered,
            about: BTreeSet::new(),
        }
    }
}

impl Stage {
    /// Plays a sequence to its end. What is wrong panics.
    pub async fn play(&self, sequence: &Sequence) {
        let [mut first, mut second] = self.sides(sequence.settings).await;
        for (turn, step) in sequence.steps.iter().enumerate() {
            self.world.clock.advance(Duration::from_secs(1));
            if step.tenant {
                Box::pin(self.step(turn, step, &mut second, &mut first)).await;
            } else {
                Box::pin(self.step(turn, step, &mut first, &mut second)).await;
            }
        }
    }

    async fn step(&self, turn: usize, step: &Step, mine: &mut Side, other: &mut Side) {
        let done = Box::pin(self.act(&step.act, mine, other)).await;
        assert_eq!(done.answered, done.expected, "{step:?}");
        let (after, theirs) = (self.read(mine).await, self.read(other).await);
        checks::compare(mine, &after);
        self.compare_guard(mine).await;
        if matches!(step.act, Act::Wait(_)) {
            checks::compare(other, &theirs);
        } else {
            assert_eq!(theirs, other.read, "the other tenant is as it was");
            checks::check_untouched(step, &done, &mine.read, &after);
        }
        self.compare_history(mine, &done).await;
        if matches!(step.act, Act::Directory(_) | Act::Bulk(_)) {
            let several = matches!(step.act, Act::Bulk(_));
            checks::check_directory(&mine.read, &after, several);
        }
        (mine.read, other.read) = (after, theirs);
        let probe = mine.pool(other).text(&step.probe);
        self.look_up(turn, &probe, mine).await;
    }

    async fn act(&self, act: &Act, mine: &mut Side, other: &mut Side) -> Done {
        match act {
            Act::Directory(wish) => {
                let asked = mine.pool(other).asked(wish);
                self.direct(&asked, By::Scim, mine).await
            }
            Act::Service(wish) => {
                let asked = mine.pool(other).asked(wish);
                self.direct(&asked, By::Jwt, mine).await
            }
            Act::Bulk(wishes) => self.bulk(wishes, mine, other).await,
            Act::Wait(days) => {
                // More than the guard's window, and the step of time in which it counts.
                let hours = 2 + u64::from(*days) * 24;
                self.world.clock.advance(Duration::from_hours(hours));
                self.purge_expired(mine).await;
                self.purge_expired(other).await;
                Done::about_nobody(Ok(()), Ok(()))
            }
            Act::Link(..)
            | Act::Unlink(_)
            | Act::Revert(..)
            | Act::BulkLink { .. }
            | Act::Hold(..)
            | Act::Release(_)
            | Act::Protect(_)
            | Act::Unprotect(_)
            | Act::Restore(_)
            | Act::Purge(_)
            | Act::Decide { .. } => Box::pin(self.administer(act, mine, other)).await,
        }
    }

    async fn purge_expired(&self, side: &mut Side) {
        side.model.purge_expired(self.now());
        while self
            .world
            .purge_tombstones(&side.name, RETENTION, PURGE_BATCH)
            .await
            > 0
        {}
    }
}
