//! The only place for what a run leaves behind: counts by cycle, and the log Entra's admin would read.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::directory::{ObjectId, ObjectType};
use crate::error_code::ErrorCode;
use crate::ledger::Ledger;
use crate::quarantine::Quarantine;
use crate::scenario::CycleKind;

/// What the provisioning log calls an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Microsoft's")]
pub enum Action {
    Create,
    Update,
    Disable,
    Delete,
    Other,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variants are the written names.
        fmt::Debug::fmt(self, f)
    }
}

/// How an export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Microsoft's")]
pub enum Status {
    Success,
    Failure,
    Skipped,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One line of the provisioning log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningLogEntry {
    /// When the export ended.
    pub time: Timestamp,
    /// In which cycle, counted from 1.
    pub cycle: u32,
    /// What was done.
    pub action: Action,
    /// What the object is; none for the credential check.
    pub source_type: Option<ObjectType>,
    /// The object in Entra; none for the credential check.
    pub source_id: Option<ObjectId>,
    /// Its login or group name in Entra; none for the credential check.
    pub source_name: Option<String>,
    /// The account or group on the server, when known.
    pub target_id: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Why, unless it succeeded.
    pub error_code: Option<ErrorCode>,
    /// The server's text, or the engine's where no server was asked.
    pub detail: String,
    /// The attributes that were sent.
    pub changed_properties: Vec<String>,
}

/// Counts of one cycle. An object counts once for what happened to it; its manager or members count apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleReport {
    /// Counted from 1.
    pub number: u32,
    /// Which objects were looked at.
    pub kind: Option<CycleKind>,
    /// Objects looked at.
    pub objects: usize,
    /// Accounts and groups made.
    pub created: usize,
    /// Accounts changed, other than by their `active`, and groups.
    pub updated: usize,
    /// Accounts set inactive.
    pub disabled: usize,
    /// Accounts set active again.
    pub enabled: usize,
    /// Accounts and groups deleted, or found gone when they were to be.
    pub deleted: usize,
    /// Accounts and groups found by a matching attribute and linked.
    pub matched: usize,
    /// Managers set or taken away.
    pub references: usize,
    /// Members put into groups or taken out.
    pub memberships: usize,
    /// Objects with nothing to send.
    pub skipped: usize,
    /// Objects and references that failed, and a failed probe.
    pub errors: usize,
    /// Updates sent for objects that had not changed since their last successful export: drift.
    pub repeated_patches: usize,
    /// Objects left for the next cycle because the server was gone.
    pub not_attempted: usize,
    /// Objects and references that wait in escrow after the cycle.
    pub escrowed: usize,
    /// Users provisioned on demand before the cycle; they are in the other counts too.
    pub on_demand: usize,
    /// HTTP requests sent.
    pub requests: u64,
    /// PATCH requests that succeeded.
    pub patches: usize,
    /// Real time taken.
    pub duration_ms: u64,
    /// Why the cycle ended early.
    pub stopped: Option<String>,
}

/// An object whose last state is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInError {
    /// What it is.
    pub object_type: ObjectType,
    /// The object in Entra.
    pub object_id: ObjectId,
    /// The account or group on the server, when known.
    pub target_id: Option<String>,
    /// What went wrong last.
    pub error_code: ErrorCode,
    /// The server's text.
    pub detail: String,
    /// Tries so far.
    pub attempts: u32,
}

/// What a whole run did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// By cycle, in order.
    pub cycles: Vec<CycleReport>,
    /// The provisioning log, in the order of cycles and objects.
    pub log: Vec<ProvisioningLogEntry>,
    /// Set while the job is in quarantine.
    pub quarantined: Option<Quarantine>,
    /// Objects whose last state is an error.
    pub in_error: Vec<ObjectInError>,
    /// What the server promised; for tests of crashes, not for people.
    #[serde(skip)]
    pub ledger: Ledger,
}

impl Report {
    /// Whether everything ended well: a cycle ran to its end, no object is in error, nothing drifts.
    pub fn exit_ok(&self) -> bool {
        let finished = self
            .cycles
            .last()
            .is_some_and(|cycle| cycle.stopped.is_none());
        finished
            && self.in_error.is_empty()
            && self.quarantined.is_none()
            && self.repeated_patches() == 0
    }

    /// Updates without a change, over all cycles.
    pub fn repeated_patches(&self) -> usize {
        self.cycles.iter().map(|cycle| cycle.repeated_patches).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_well_only_when_nothing_is_wrong() {
        let good = Report {
            cycles: vec![CycleReport::default()],
            ..Report::default()
        };
        assert!(good.exit_ok());
        assert!(!Report::default().exit_ok(), "nothing ran");
        let with_cycle = |cycle| Report {
            cycles: vec![cycle],
            ..Report::default()
        };
        assert!(
            !with_cycle(CycleReport {
                repeated_patches: 1,
                ..CycleReport::default()
            })
            .exit_ok()
        );
        assert!(
            !with_cycle(CycleReport {
                stopped: Some(String::new()),
                ..CycleReport::default()
            })
            .exit_ok()
        );
        let quarantined = Report {
            quarantined: Some(Quarantine::EncounteredQuarantineException),
            ..good
        };
        assert!(!quarantined.exit_ok());
    }
}
