//! The only place for the rules that put a provisioning job into quarantine (Microsoft's
//! `application-provisioning-quarantine-status`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a job is in quarantine. The names are Microsoft's and are written into reports: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quarantine {
    /// Credentials refused, or the endpoint is not SCIM compliant: at once.
    EncounteredQuarantineException,
    /// Too many objects in escrow.
    EncounteredEscrowProportionThreshold,
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variants are the written names.
        fmt::Debug::fmt(self, f)
    }
}

/// Below this many objects in escrow no proportion matters.
const ESCROWS_MIN: usize = 5_000;
/// Share of all objects in escrow, in hundredths, references not counted.
const ESCROWS_PERCENT_MAX: usize = 40;
/// Objects in escrow whatever the share, references not counted.
const ESCROWS_MAX: usize = 40_000;
/// Objects and references in escrow.
const ESCROWS_WITH_REFERENCES_MAX: usize = 60_000;

/// The verdict after a cycle.
pub(crate) fn judge(
    escrows: usize,
    reference_escrows: usize,
    objects: usize,
) -> Option<Quarantine> {
    let many = escrows >= ESCROWS_MIN
        && (escrows * 100 > objects * ESCROWS_PERCENT_MAX || escrows > ESCROWS_MAX);
    let many_with_references = escrows + reference_escrows > ESCROWS_WITH_REFERENCES_MAX;
    (many || many_with_references).then_some(Quarantine::EncounteredEscrowProportionThreshold)
}

/// Hours until a quarantined job is tried again, after the given number of tries.
pub(crate) fn hours_until_next_try(tries: u32) -> u32 {
    match tries {
        0 => 6,
        1 => 12,
        _ => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_quarantined_by_number_and_share() {
        let threshold = Some(Quarantine::EncounteredEscrowProportionThreshold);
        for (escrows, references, objects, expected) in [
            (4_999, 0, 4_999, None),
            (5_000, 0, 12_500, None),
            (5_001, 0, 12_500, threshold),
            (40_000, 0, 1_000_000, None),
            (40_001, 0, 1_000_000, threshold),
            (0, 60_000, 1_000_000, None),
            (1, 60_000, 1_000_000, threshold),
        ] {
            assert_eq!(
                judge(escrows, references, objects),
                expected,
                "{escrows} {references}"
            );
        }
    }

    #[test]
    fn tries_become_rare() {
        let hours: Vec<_> = (0..4).map(hours_until_next_try).collect();
        assert_eq!(hours, [6, 12, 24, 24]);
    }
}
