//! What can be done about a finding.

use super::{Finding, Remedy, Side};
use crate::tenants::Tenant;

/// The ways to mend a finding, the best first. Each is complete by itself.
pub fn remedies(_finding: &Finding, _sides: &[Side], _tenant: &Tenant) -> Vec<Remedy> {
    Vec::new()
}
