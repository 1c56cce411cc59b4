//! The only place for what a run is made of: how many users, which cycles, which changes, which limits.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::matching::Mapping;

/// The two forms of a PATCH body that Entra knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagMode {
    /// Entra's default: `Add`/`Replace`/`Remove`, one operation for each attribute, booleans as words.
    #[default]
    Off,
    /// With `?aadOptscim062020`: lower case, real booleans, plain attributes in one operation without a path.
    On,
}

/// What to do when a server answers 429 with `Retry-After`. Reports about Entra differ, so both can be played. Nothing says
/// that it looks at the header of any other answer, so no other is obeyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Wait as told (bounded) and ask again within the cycle.
    #[default]
    Honour,
    /// Put the object into escrow at once.
    Ignore,
}

/// Which objects a cycle looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleKind {
    /// Every object in scope: the first cycle, and each cycle after an edit of the mapping. Links stay.
    Full,
    /// What changed since the last cycle, and what waits in escrow.
    Incremental,
}

/// One cycle of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CyclePlan {
    /// Which objects are looked at.
    pub kind: CycleKind,
    /// What happens in the directory before the cycle.
    pub changes: Changes,
    /// How many of the users who changed are provisioned on demand before the cycle.
    pub on_demand: usize,
}

/// Shares of the directory that change before a cycle, in thousandths of all users. A share above zero changes at least one
/// user when there is one it can apply to. A user changes in one way in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// New users are assigned.
    pub create: u32,
    /// Attributes of active users change.
    pub update: u32,
    /// Users are blocked from signing in.
    pub disable: u32,
    /// Blocked users are allowed again.
    pub enable: u32,
    /// Users are deleted softly; Entra puts the object id before their name.
    pub soft_delete: u32,
    /// Softly deleted users come back under their old name.
    pub restore: u32,
    /// Softly deleted users are gone for good.
    pub purge: u32,
    /// Users lose their assignment and leave Entra's management.
    pub unassign: u32,
    /// Unassigned users are assigned again.
    pub assign: u32,
    /// Users get another manager, or none.
    pub manager: u32,
    /// New groups are assigned, with members. A share of all groups, as the next two.
    pub group_create: u32,
    /// Groups get another name.
    pub group_rename: u32,
    /// Groups are deleted.
    pub group_delete: u32,
    /// Users come into a group or leave one: a share of all users, for each group.
    pub member: u32,
}

impl Changes {
    /// No change at all.
    pub const NONE: Self = Self {
        create: 0,
        update: 0,
        disable: 0,
        enable: 0,
        soft_delete: 0,
        restore: 0,
        purge: 0,
        unassign: 0,
        assign: 0,
        manager: 0,
        group_create: 0,
        group_rename: 0,
        group_delete: 0,
        member: 0,
    };

    /// A busy day: every kind of change.
    pub const BUSY: Self = Self {
        create: 50,
        update: 100,
        disable: 50,
        enable: 25,
        soft_delete: 50,
        restore: 20,
        purge: 20,
        unassign: 20,
        assign: 10,
        manager: 50,
        group_create: 100,
        group_rename: 100,
        group_delete: 50,
        member: 50,
    };
}

impl CyclePlan {
    /// A full cycle without changes. Played last, it proves that nothing drifts: it must send no PATCH.
    pub const QUIET: Self = Self {
        kind: CycleKind::Full,
        changes: Changes::NONE,
        on_demand: 0,
    };

    /// An incremental cycle after a busy day, one user of it provisioned on demand.
    pub const BUSY: Self = Self {
        kind: CycleKind::Incremental,
        changes: Changes::BUSY,
        on_demand: 1,
    };

    pub(crate) fn is_quiet(&self) -> bool {
        *self == Self::QUIET
    }
}

/// A whole run, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Users in the directory before the first cycle.
    pub users: usize,
    /// Groups in the directory before the first cycle.
    pub groups: usize,
    /// What objects are matched on, and what becomes `externalId`.
    pub mapping: Mapping,
    /// Same seed, same directory, same changes, same requests for each object in the same order.
    pub seed: u64,
    /// The form of PATCH bodies. `?aadOptscim062020` on the target's URL sets it too.
    pub flag: FlagMode,
    /// Objects exported at the same time, at least one.
    pub concurrency: usize,
    /// The cycles, in order.
    pub cycles: Vec<CyclePlan>,
    /// How many more cycles may follow to empty the escrow. Entra never stops; a run must.
    pub settle_cycles_max: u32,
    /// Whether `Retry-After` is obeyed.
    pub retry_after: RetryAfter,
    /// How long one request may take before it counts as a time-out.
    pub request_timeout: Duration,
    /// How long a cycle waits for a server that answered before and does not now. Entra's cycles are 40 minutes apart, so an
    /// outage mostly passes between them; here they follow each other at once.
    pub outage_patience: Duration,
    /// The mail domain of the users.
    pub domain: String,
    /// The time of the first log entry; later ones add what has really passed.
    pub started_at: Timestamp,
}

impl Scenario {
    /// The default story, without groups: an initial cycle, busy cycles up to `cycles`, and one more without changes.
    pub fn new(users: usize, cycles: usize) -> Self {
        let mut plan = vec![CyclePlan::QUIET];
        plan.extend((1..cycles.max(1)).map(|_| CyclePlan::BUSY));
        plan.push(CyclePlan::QUIET);
        Self {
            users,
            groups: 0,
            mapping: Mapping::default(),
            seed: 1,
            flag: FlagMode::Off,
            concurrency: 8,
            cycles: plan,
            settle_cycles_max: 20,
            retry_after: RetryAfter::Honour,
            request_timeout: Duration::from_secs(30),
            outage_patience: Duration::from_secs(30),
            domain: "contoso.com".to_owned(),
            started_at: Timestamp::constant(1_767_225_600, 0), // 2026-01-01T00:00:00Z
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_story_ends_with_a_cycle_without_changes() {
        let kinds = |cycles| {
            Scenario::new(10, cycles)
                .cycles
                .iter()
                .map(CyclePlan::is_quiet)
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds(3), [true, false, false, true]);
        assert_eq!(kinds(1), [true, true]);
        assert_eq!(kinds(0), [true, true]);
    }
}
