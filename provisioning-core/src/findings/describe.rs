//! What is wrong, in words for the customer's admin.

use super::{Finding, Side};

/// What is wrong, with the values of both sides.
pub fn summary(finding: &Finding, _sides: &[Side]) -> String {
    finding.kind.as_str().to_owned()
}
