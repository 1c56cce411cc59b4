//! What the deprovision guard lets pass: the directory's suspensions, deletions and removals from the group, so many an hour.

use std::{collections::BTreeMap, time::Duration};

use provisioning_core::{clock::Timestamp, error::Reason};

use super::Answer;

/// In which so many pass.
pub const WINDOW: Duration = Duration::from_hours(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Suspend,
    Delete,
    Leave,
}

/// What a request does to whom, each by its place; of a group by its number.
#[derive(Clone, Debug)]
pub struct Deprovision {
    action: Action,
    group: Option<usize>,
    places: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Approved,
    Dismissed,
}

/// What was held back, and what has passed.
#[derive(Clone, Debug)]
pub struct Guard {
    limit: Option<usize>,
    passed: Vec<(Timestamp, usize)>,
    held: BTreeMap<(usize, Action, Option<usize>), State>,
}

impl Deprovision {
    pub fn of_account(place: usize, action: Action) -> Self {
        Self {
            action,
            group: None,
            places: vec![place],
        }
    }

    pub const fn of_members(group: usize, places: Vec<usize>) -> Self {
        Self {
            action: Action::Leave,
            group: Some(group),
            places,
        }
    }
}

impl Guard {
    pub fn new(limit: Option<u32>) -> Self {
        Self {
            limit: limit.map(|limit| limit as usize),
            passed: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    /// Those who were not held back before.
    fn new_ones(&self, asked: &Deprovision) -> Vec<usize> {
        let is_new = |place: &usize| {
            let item = (*place, asked.action, asked.group);
            !self.held.contains_key(&item)
        };
        asked.places.iter().copied().filter(is_new).collect()
    }

    /// Whether it passes. What does not joins what waits.
    pub fn check(&mut self, asked: Option<&Deprovision>, now: Timestamp) -> Answer {
        let (Some(asked), Some(limit)) = (asked, self.limit) else {
            return Ok(());
        };
        if asked.places.is_empty() {
            return Ok(());
        }
        let state = |place: usize, action| self.held.get(&(place, action, asked.group)).copied();
        let is_open = |state: Option<State>| state.is_some_and(|state| state != State::Approved);
        let is_blocked = |place: &usize| {
            let own = state(*place, asked.action);
            let of_suspension = asked.action == Action::Delete
                && own != Some(State::Approved)
                && is_open(state(*place, Action::Suspend));
            is_open(own) || of_suspension
        };
        let blocked = asked.places.iter().any(is_blocked);
        let new = self.new_ones(asked);
        if !blocked && (new.is_empty() || self.used(now) + new.len() <= limit) {
            return Ok(());
        }
        for place in new {
            let item = (place, asked.action, asked.group);
            self.held.insert(item, State::Pending);
        }
        Err(Reason::DeprovisionHeld)
    }

    /// It was done: what was approved passes once and does not count.
    pub fn pass(&mut self, asked: Option<&Deprovision>, now: Timestamp) {
        let (Some(asked), Some(_)) = (asked, self.limit) else {
            return;
        };
        self.passed.push((now, self.new_ones(asked).len()));
        for place in &asked.places {
            self.held.remove(&(*place, asked.action, asked.group));
        }
    }

    pub fn let_account_stay(&mut self, place: usize) {
        self.held.remove(&(place, Action::Suspend, None));
        self.held.remove(&(place, Action::Delete, None));
    }

    pub fn let_member_stay(&mut self, group: usize, place: usize) {
        self.held.remove(&(place, Action::Leave, Some(group)));
    }

    /// An admin decides of what waits.
    pub fn decide(&mut self, approve: bool) {
        let decided = if approve {
            State::Approved
        } else {
            State::Dismissed
        };
        let waiting = self.held.values_mut();
        for state in waiting.filter(|state| **state == State::Pending) {
            *state = decided;
        }
    }

    /// How many have passed within the window.
    pub fn used(&self, now: Timestamp) -> usize {
        let since = now.minus(WINDOW);
        let counted = self.passed.iter().filter(|(at, _)| *at > since);
        counted.map(|(_, count)| count).sum()
    }

    /// How many wait for a decision.
    pub fn waiting(&self) -> usize {
        let pending = self.held.values().filter(|state| **state == State::Pending);
        pending.count()
    }
}
