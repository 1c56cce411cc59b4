//! What a mutation changed, or would change -> messages.

use provisioning_proto::v1;
use serde_json::Value;

use crate::log::{AttributeChange, DryRun, Operation};

/// The message of one attribute that changed.
pub fn attribute_change(change: AttributeChange) -> v1::AttributeChange {
    let text = |value: Option<Value>| value.map(|value| value.to_string()).unwrap_or_default();
    v1::AttributeChange {
        attribute: change.attribute,
        old_value: text(change.old),
        new_value: text(change.new),
    }
}

/// The message of what a dry run would have done.
pub fn dry_run(dry_run: DryRun) -> v1::DryRun {
    v1::DryRun {
        operation: dry_run
            .operation
            .map(Operation::as_str)
            .unwrap_or_default()
            .to_owned(),
        changes: dry_run.changes.into_iter().map(attribute_change).collect(),
    }
}
