//! The one place that decides whether a request passes the guard. Pure: the storage calls it between looking and writing, and once more to tell
//! without writing.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{BATCH_ITEMS_MAX, BatchState, DeprovisionAction};
use crate::ids::{BatchId, GroupId};

/// Whom a write affects. Who leaves a group is known only when nobody else can come to it or go: the storage looks under its locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// These accounts are suspended or deleted, each named once.
    Accounts(DeprovisionAction, Vec<Uuid>),
    /// Those of these leave the group that are members and not protected.
    Members(GroupId, Vec<Uuid>),
    /// All members leave the group but these and protected ones.
    OtherMembers(GroupId, Vec<Uuid>),
}

impl Affected {
    /// What is done to each of them.
    pub const fn action(&self) -> DeprovisionAction {
        match self {
            Self::Accounts(action, _) => *action,
            Self::Members(..) | Self::OtherMembers(..) => DeprovisionAction::RemoveMember,
        }
    }

    /// The group that they leave, as items store it; else nil.
    pub const fn group_key(&self) -> Uuid {
        match self {
            Self::Accounts(..) => Uuid::nil(),
            Self::Members(group, _) | Self::OtherMembers(group, _) => group.uuid(),
        }
    }
}

/// What a request asks for, as the guard counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is done to each of them.
    pub action: DeprovisionAction,
    /// The accounts, or of removals the members, each once.
    pub ids: Vec<Uuid>,
}

/// An item that has not passed, of an account that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenItem {
    /// Which account or member.
    pub account_id: Uuid,
    /// What was asked for.
    pub action: DeprovisionAction,
    /// In which batch it is.
    pub batch_id: BatchId,
    /// What was decided of that.
    pub state: BatchState,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Passes {
        /// Of what was approved: who, and in which batch. They pass once and do not count.
        approved: Vec<(Uuid, BatchId)>,
        /// How many count.
        counted: i64,
    },
    /// Nothing of it is done.
    Held {
        /// Who joins the pending batch.
        new: Vec<Uuid>,
        /// Who is in a batch already, and in which.
        known: Vec<(Uuid, BatchId)>,
        /// A dismissed batch that is in the way.
        dismissed: Option<BatchId>,
    },
}

/// That a request was held back, as its sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The batch that an admin has to decide, or has dismissed; none where one would be opened.
    pub batch_id: Option<BatchId>,
    /// It was dismissed.
    pub dismissed: bool,
    /// How many wait in the pending batch.
    pub waiting: i64,
    /// How many may pass within a window.
    pub limit: i64,
}

/// Decides. What waits or was dismissed is refused whatever else may pass: otherwise retries would trickle through window by window. A request is
/// done as a whole or not at all.
pub fn decide(asked: &Asked, open: &[OpenItem], used: i64, limit: i64) -> Verdict {
    let wanted: HashSet<Uuid> = asked.ids.iter().copied().collect();
    let same: HashMap<Uuid, &OpenItem> = open
        .iter()
        .filter(|item| item.action == asked.action && wanted.contains(&item.account_id))
        .map(|item| (item.account_id, item))
        .collect();
    let is_approved = |id: &Uuid| {
        same.get(id)
            .is_some_and(|item| item.state == BatchState::Approved)
    };
    let blocks = |item: &&OpenItem| {
        item.state != BatchState::Approved
            // Who may not be suspended may not be deleted either, unless an admin has said so of the deletion itself.
            && (item.action == asked.action
                || (asked.action == DeprovisionAction::Delete && !is_approved(&item.account_id)))
    };
    // Whom a batch has no room for could not be approved.
    let too_many = asked.ids.len() > BATCH_ITEMS_MAX as usize;
    let blocked = too_many || open.iter().any(|item| blocks(&item));
    let new: Vec<Uuid> = asked
        .ids
        .iter()
        .filter(|id| !same.contains_key(id))
        .copied()
        .collect();
    let known = asked.ids.iter().filter_map(|id| same.get(id).copied());
    let counted = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let known: Vec<_> = known.map(|item| (item.account_id, item.batch_id)).collect();
    // The limit may have been lowered since: what does not count passes all the same.
    if !blocked && (counted == 0 || used.saturating_add(counted) <= limit) {
        return Verdict::Passes {
            approved: known,
            counted,
        };
    }
    let dismissed = open
        .iter()
        .find(|item| blocks(item) && item.state == BatchState::Dismissed)
        .map(|item| item.batch_id);
    Verdict::Held {
        new,
        known,
        dismissed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PENDING: BatchId = BatchId::from_uuid(Uuid::from_u128(1));
    const OTHER: BatchId = BatchId::from_uuid(Uuid::from_u128(2));

    fn id(number: u8) -> Uuid {
        Uuid::from_u128(number.into())
    }

    fn asked(action: DeprovisionAction, ids: &[u8]) -> Asked {
        Asked {
            action,
            ids: ids.iter().copied().map(id).collect(),
        }
    }

    fn item(account: u8, action: DeprovisionAction, state: BatchState) -> OpenItem {
        OpenItem {
            account_id: id(account),
            action,
            batch_id: if state == BatchState::Pending {
                PENDING
            } else {
                OTHER
            },
            state,
        }
    }

    #[test]
    fn what_fits_passes_and_counts() {
        let verdict = decide(&asked(DeprovisionAction::Suspend, &[1]), &[], 9, 10);
        assert_eq!(
            verdict,
            Verdict::Passes {
                approved: vec![],
                counted: 1
            }
        );
    }

    #[test]
    fn what_does_not_fit_is_held_as_a_whole() {
        let verdict = decide(
            &asked(DeprovisionAction::RemoveMember, &[1, 2, 3]),
            &[],
            8,
            10,
        );
        let held = Verdict::Held {
            new: vec![id(1), id(2), id(3)],
            known: vec![],
            dismissed: None,
        };
        assert_eq!(verdict, held);
    }

    #[test]
    fn an_approved_deletion_passes_although_the_suspension_was_dismissed() {
        let open = [
            item(1, DeprovisionAction::Suspend, BatchState::Dismissed),
            item(1, DeprovisionAction::Delete, BatchState::Approved),
        ];
        let verdict = decide(&asked(DeprovisionAction::Delete, &[1]), &open, 10, 10);
        let passes = Verdict::Passes {
            approved: vec![(id(1), OTHER)],
            counted: 0,
        };
        assert_eq!(verdict, passes);
    }

    #[test]
    fn what_waits_does_not_pass_in_the_next_window() {
        let open = [item(1, DeprovisionAction::Suspend, BatchState::Pending)];
        let verdict = decide(&asked(DeprovisionAction::Suspend, &[1]), &open, 0, 10);
        assert_eq!(
            verdict,
            Verdict::Held {
                new: vec![],
                known: vec![(id(1), PENDING)],
                dismissed: None
            }
        );
    }

    #[test]
    fn what_was_approved_passes_beyond_the_limit_and_does_not_count() {
        let open = [item(1, DeprovisionAction::Suspend, BatchState::Approved)];
        let verdict = decide(&asked(DeprovisionAction::Suspend, &[1]), &open, 10, 10);
        assert_eq!(
            verdict,
            Verdict::Passes {
                approved: vec![(id(1), OTHER)],
                counted: 0
            }
        );
    }

    #[test]
    fn a_deletion_does_not_go_round_a_suspension_that_is_held() {
        let delete = asked(DeprovisionAction::Delete, &[1]);
        let open = [item(1, DeprovisionAction::Suspend, BatchState::Dismissed)];
        let verdict = decide(&delete, &open, 0, 10);
        assert_eq!(
            verdict,
            Verdict::Held {
                new: vec![id(1)],
                known: vec![],
                dismissed: Some(OTHER)
            }
        );
        let open = [item(1, DeprovisionAction::Suspend, BatchState::Approved)];
        let verdict = decide(&delete, &open, 10, 10);
        assert!(
            matches!(verdict, Verdict::Held { .. }),
            "the deletion itself was not approved"
        );
    }

    #[test]
    fn one_dismissed_removal_holds_the_whole_request() {
        let remove = asked(DeprovisionAction::RemoveMember, &[1, 2]);
        let open = [item(
            1,
            DeprovisionAction::RemoveMember,
            BatchState::Dismissed,
        )];
        let verdict = decide(&remove, &open, 0, 10);
        assert_eq!(
            verdict,
            Verdict::Held {
                new: vec![id(2)],
                known: vec![(id(1), OTHER)],
                dismissed: Some(OTHER)
            }
        );
    }

    #[test]
    fn whom_no_batch_has_room_for_is_held_whatever_was_approved() {
        let ids: Vec<Uuid> = (0..=u128::from(BATCH_ITEMS_MAX))
            .map(Uuid::from_u128)
            .collect();
        let approved = |account_id: &Uuid| OpenItem {
            account_id: *account_id,
            action: DeprovisionAction::RemoveMember,
            batch_id: OTHER,
            state: BatchState::Approved,
        };
        for count in [ids.len() - 1, ids.len()] {
            let open: Vec<_> = ids[..count]
                .iter()
                .take(ids.len() - 1)
                .map(approved)
                .collect();
            let asked = Asked {
                action: DeprovisionAction::RemoveMember,
                ids: ids[..count].to_vec(),
            };
            let passes = matches!(decide(&asked, &open, 0, 1), Verdict::Passes { .. });
            assert_eq!(passes, count < ids.len(), "{count}");
        }
    }

    proptest! {
        /// Whatever comes: no more than the limit is counted, and nothing passes that an admin has not let pass.
        #[test]
        fn no_more_than_the_limit_passes_uncalled_for(
            ids in prop::collection::btree_set(0..6_u8, 1..6),
            states in prop::collection::btree_map(0..6_u8, 0..3_usize, 0..6),
            (used, limit) in (0..12_i64, 1..12_i64),
        ) {
            let ids: Vec<u8> = ids.into_iter().collect();
            let open: Vec<_> = states.iter().map(|(account, state)| item(*account, DeprovisionAction::Suspend, BatchState::ALL[*state])).collect();
            let mine: Vec<_> = open.iter().filter(|item| ids.iter().any(|one| id(*one) == item.account_id)).copied().collect();
            match decide(&asked(DeprovisionAction::Suspend, &ids), &mine, used, limit) {
                Verdict::Passes { approved, counted } => {
                    prop_assert!(counted == 0 || used + counted <= limit);
                    prop_assert_eq!(approved.len() + usize::try_from(counted).unwrap(), ids.len());
                    prop_assert!(mine.iter().all(|item| item.state == BatchState::Approved));
                }
                Verdict::Held { new, known, dismissed } => {
                    prop_assert_eq!(new.len() + known.len(), ids.len());
                    prop_assert_eq!(known.len(), mine.len());
                    prop_assert_eq!(dismissed.is_some(), mine.iter().any(|item| item.state == BatchState::Dismissed));
                }
            }
        }
    }
}
