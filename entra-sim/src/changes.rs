//! The only place that turns a cycle's shares into changes of named users. Groups have a file of their own.

pub(crate) mod groups;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use crate::directory::{Directory, DirectoryUser, Lifecycle};
use crate::population::{self, Stream};
use crate::scenario::Changes;

/// Changes the directory before the cycle with the given number and says which users changed, in order.
pub(crate) fn apply(
    directory: &mut Directory,
    shares: &Changes,
    cycle: u32,
    seed: u64,
    domain: &str,
) -> Vec<usize> {
    let mut draw = Draw {
        rng: population::random(seed, Stream::Changes { cycle }),
        total: directory.users().len(),
        touched: Vec::new(),
        is_touched: vec![false; directory.users().len()],
    };
    // What undoes an earlier cycle comes first, so that nobody is disabled and enabled within one.
    for index in draw.choose(directory, shares.restore, is_soft_deleted) {
        directory.restore(index);
    }
    for index in draw.choose(directory, shares.purge, is_soft_deleted) {
        directory.purge(index);
    }
    for index in draw.choose(directory, shares.enable, |user| {
        is_live(user) && user.assigned && !user.account_enabled
    }) {
        directory.set_enabled(index, true);
    }
    for index in draw.choose(directory, shares.assign, |user| {
        is_live(user) && !user.assigned
    }) {
        directory.set_assigned(index, true);
    }
    for index in draw.choose(directory, shares.update, DirectoryUser::is_active) {
        directory.update(index, |user| {
            population::change_attribute(&mut draw.rng, user);
        });
    }
    for index in draw.choose(directory, shares.disable, DirectoryUser::is_active) {
        directory.set_enabled(index, false);
    }
    for index in draw.choose(directory, shares.soft_delete, DirectoryUser::is_active) {
        directory.soft_delete(index);
    }
    for index in draw.choose(directory, shares.unassign, DirectoryUser::is_active) {
        directory.set_assigned(index, false);
    }
    for index in draw.choose(directory, shares.manager, DirectoryUser::is_active) {
        let manager = draw.rng.random_range(0..draw.total);
        let eligible = manager != index && directory.users()[manager].is_active();
        directory.set_manager(index, eligible.then_some(manager));
    }
    for _ in 0..share_of(draw.total, shares.create) {
        let number = directory.users().len();
        let user = population::invent(&mut draw.rng, number, domain);
        let index = directory.add(user);
        draw.touched.push(index);
    }
    draw.touched
}

/// Draws users who have not changed yet in this cycle.
struct Draw {
    rng: Xoshiro256PlusPlus,
    total: usize,
    touched: Vec<usize>,
    is_touched: Vec<bool>,
}

impl Draw {
    fn choose(
        &mut self,
        directory: &Directory,
        share: u32,
        eligible: impl Fn(&DirectoryUser) -> bool,
    ) -> Vec<usize> {
        let mut candidates: Vec<usize> = directory
            .users()
            .iter()
            .enumerate()
            .filter(|(index, user)| eligible(user) && !self.is_touched[*index])
            .map(|(index, _)| index)
            .collect();
        let count = share_of(self.total, share).min(candidates.len());
        for slot in 0..count {
            let other = self.rng.random_range(slot..candidates.len());
            candidates.swap(slot, other);
        }
        candidates.truncate(count);
        for index in &candidates {
            self.is_touched[*index] = true;
        }
        self.touched.extend(&candidates);
        candidates
    }
}

fn share_of(total: usize, per_mille: u32) -> usize {
    match per_mille {
        0 => 0,
        share => (total * share as usize / 1000).max(1),
    }
}

fn is_live(user: &DirectoryUser) -> bool {
    user.lifecycle == Lifecycle::Live
}

fn is_soft_deleted(user: &DirectoryUser) -> bool {
    matches!(user.lifecycle, Lifecycle::SoftDeleted { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(seed: u64) -> Directory {
        let mut directory = population::populate(200, "contoso.com", seed);
        for cycle in 1..4 {
            apply(&mut directory, &Changes::BUSY, cycle, seed, "contoso.com");
        }
        directory
    }

    #[test]
    fn the_same_seed_plays_the_same_story() {
        assert_eq!(play(5).users(), play(5).users());
        assert_ne!(play(5).users(), play(6).users());
    }

    #[test]
    fn a_busy_story_leaves_users_in_every_state() {
        let users = play(5).users().to_vec();
        assert!(users.len() > 200);
        assert!(users.iter().any(DirectoryUser::is_purged));
        assert!(users.iter().any(is_soft_deleted));
        assert!(users.iter().any(|user| is_live(user) && !user.assigned));
        assert!(
            users
                .iter()
                .any(|user| is_live(user) && !user.account_enabled)
        );
    }

    #[test]
    fn a_user_changes_in_one_way_in_a_cycle() {
        let mut directory = population::populate(50, "contoso.com", 1);
        let touched = apply(&mut directory, &Changes::BUSY, 1, 1, "contoso.com");
        let mut distinct = touched.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), touched.len());
    }
}
