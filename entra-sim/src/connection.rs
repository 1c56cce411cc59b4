//! The only place for what Entra remembers of one object: its link, its last export, its escrows; of a group also its members.

use std::collections::BTreeMap;

use crate::error_code::ErrorCode;
use crate::mapping::Observed;
use crate::reference::Manager;

/// Longest gap between two tries of a failed object, in cycles. Entra's gaps grow; their numbers are not documented.
const GAP_CYCLES_MAX: u32 = 8;

/// Everything the engine knows of one object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) link: Option<Link>,
    /// The directory's revision when it was last exported with success; `None` before the first time.
    pub(crate) exported_revision: Option<u64>,
    /// The directory's revision when the object was last looked at, with whatever end.
    pub(crate) seen_revision: Option<u64>,
    /// The manager that was last exported with success; `None` before the first time.
    pub(crate) exported_manager: Option<Manager>,
    /// A create got no clear answer: an account or group may exist without a link.
    pub(crate) ambiguous_create: bool,
    pub(crate) escrow: Option<Escrow>,
    pub(crate) reference_escrow: Option<Escrow>,
    /// How the last export ended, for the report's "in error".
    pub(crate) last_error: Option<(ErrorCode, String)>,
}

/// The account or group that belongs to an object.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) scim_id: String,
    pub(crate) observed: Observed,
    /// False once the object lost its assignment: Entra then neither updates nor deletes the account.
    pub(crate) managed: bool,
}

/// What Entra remembers of a group's members, by the users' positions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memberships {
    /// The group on the server that this is about.
    pub(crate) group_id: String,
    pub(crate) members: BTreeMap<usize, Membership>,
}

/// One member of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    /// The account that was put into the group with success.
    pub(crate) sent: Option<String>,
    pub(crate) escrow: Option<Escrow>,
    pub(crate) last_error: Option<(ErrorCode, String)>,
}

/// An object that failed and is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escrow {
    pub(crate) attempts: u32,
    pub(crate) due_tick: u32,
}

impl Escrow {
    /// The escrow after one more failure at the given tick: again after 1, 2, 4, 8, 8… cycles.
    pub(crate) fn after_failure(before: Option<Self>, tick: u32) -> Self {
        let attempts = before.map_or(0, |escrow| escrow.attempts) + 1;
        let gap = 1_u32
            .checked_shl(attempts - 1)
            .map_or(GAP_CYCLES_MAX, |gap| gap.min(GAP_CYCLES_MAX));
        Self {
            attempts,
            due_tick: tick + gap,
        }
    }

    pub(crate) fn is_due(self, tick: u32) -> bool {
        self.due_tick <= tick
    }
}

impl Memberships {
    /// Forgets what failed.
    pub(crate) fn forget_escrows(&mut self) {
        for membership in self.members.values_mut() {
            membership.escrow = None;
            membership.last_error = None;
        }
    }
}

impl Connection {
    /// The account Entra still looks after.
    pub(crate) fn managed_link(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.managed)
    }

    /// Forgets what failed, as `resetScope` `Escrows` does.
    pub(crate) fn forget_escrows(&mut self) {
        self.escrow = None;
        self.reference_escrow = None;
        self.last_error = None;
        self.ambiguous_create = false;
    }

    /// The reference that failed is not wanted any more.
    pub(crate) fn forget_reference_failure(&mut self) {
        if self.reference_escrow.take().is_some() && self.escrow.is_none() {
            self.last_error = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_of_an_escrow_grow_up_to_a_bound() {
        let mut escrow = None;
        let mut gaps = Vec::new();
        for _ in 0..6 {
            let next = Escrow::after_failure(escrow, 10);
            gaps.push(next.due_tick - 10);
            escrow = Some(next);
        }
        assert_eq!(gaps, [1, 2, 4, 8, 8, 8]);
        let old = Escrow {
            attempts: 200,
            due_tick: 0,
        };
        assert_eq!(Escrow::after_failure(Some(old), 0).due_tick, 8);
    }
}
