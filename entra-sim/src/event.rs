//! The only place for what a run tells while it goes on, so that a program can draw a progress bar.

use serde::Serialize;

use crate::directory::ObjectId;
use crate::error_code::ErrorCode;
use crate::quarantine::Quarantine;
use crate::report::{Action, CycleReport, Status};
use crate::scenario::CycleKind;

/// A part of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The check of URL and token.
    Probe,
    /// Users provisioned on demand.
    OnDemand,
    /// Users are created, changed, deleted.
    Users,
    /// Groups are created, renamed, deleted.
    Groups,
    /// Managers are set, once both ends exist.
    References,
    /// Members are put into groups and taken out.
    Members,
}

/// Something happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A cycle begins.
    CycleStarted {
        /// Counted from 1.
        cycle: u32,
        /// Cycles the scenario plans; more may follow to empty the escrow.
        planned: usize,
        /// Which objects it looks at.
        kind: CycleKind,
    },
    /// A part of a cycle begins.
    PhaseStarted {
        /// Counted from 1.
        cycle: u32,
        /// Which part.
        phase: Phase,
        /// How many [`Event::ObjectDone`] will follow, unless the cycle stops early.
        objects: usize,
    },
    /// An object, or the reference of one, is through.
    ObjectDone {
        /// Counted from 1.
        cycle: u32,
        /// In which part.
        phase: Phase,
        /// The object in Entra.
        object_id: ObjectId,
        /// What was done.
        action: Action,
        /// How it ended.
        status: Status,
        /// Why, unless it succeeded.
        error_code: Option<ErrorCode>,
    },
    /// A failed object will be tried again.
    RetryScheduled {
        /// Counted from 1.
        cycle: u32,
        /// The object in Entra.
        object_id: ObjectId,
        /// Tries so far.
        attempts: u32,
        /// How many cycles later.
        after_cycles: u32,
    },
    /// The server is gone; the cycle waits for it.
    Waiting {
        /// Counted from 1.
        cycle: u32,
    },
    /// The job entered quarantine or is still in it.
    Quarantined {
        /// Why.
        reason: Quarantine,
        /// When Entra would try again.
        next_try_hours: u32,
    },
    /// A clean cycle lifted the quarantine.
    QuarantineLifted,
    /// A cycle is over, early or not.
    CycleFinished(CycleReport),
}
