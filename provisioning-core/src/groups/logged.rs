//! What the log says of members that are many: who came and went, and who was passed over.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{MEMBERS_MAX, refusals};
use crate::{
    attributes::diff::AttributeChange,
    error::Refusal,
    tenants::{Rules, UnknownMembers},
};

/// Ids that one log entry lists; of more it tells how many they are.
const LOGGED_IDS_MAX: usize = 100;
/// How much of an id that is none is repeated.
const LOGGED_ID_CHARS_MAX: usize = 60;

/// Ids within a sentence.
pub(super) fn listed(ids: impl ExactSizeIterator<Item = String>) -> String {
    let more = ids.len().saturating_sub(LOGGED_IDS_MAX);
    let named: Vec<String> = ids.take(LOGGED_IDS_MAX).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What the tenant's settings say of ids that name nothing: a refusal, or what the log shall say.
pub(super) fn settle_unknown(unknown: &BTreeSet<String>, rules: Rules) -> Result<String, Refusal> {
    let Some(first) = unknown.first() else {
        return Ok(String::new());
    };
    match rules.unknown_members {
        UnknownMembers::Reject => Err(refusals::unknown_member(first)),
        UnknownMembers::Ignore => {
            let shown = |id: &String| -> String {
                id.chars()
                    .filter(|character| *character != '\0')
                    .take(LOGGED_ID_CHARS_MAX)
                    .collect()
            };
            Ok(format!(
                "Passed over, because the tenant has neither an account nor another group with this id: {}.",
                listed(unknown.iter().map(shown))
            ))
        }
    }
}

/// What the log says of members who went and who came.
pub(super) fn log_members(gone: &[Uuid], come: &[Uuid]) -> Option<AttributeChange> {
    let listed = |ids: &[Uuid]| {
        let mut values: Vec<Value> = ids
            .iter()
            .take(LOGGED_IDS_MAX)
            .map(|id| json!(id.to_string()))
            .collect();
        if ids.len() > LOGGED_IDS_MAX {
            // Of those that a PUT removes no more are looked at.
            let open = if ids.len() > MEMBERS_MAX as usize {
                "at least "
            } else {
                ""
            };
            values.push(json!(format!(
                "and {open}{} more",
                ids.len() - LOGGED_IDS_MAX
            )));
        }
        (!values.is_empty()).then_some(Value::Array(values))
    };
    let (old, new) = (listed(gone), listed(come));
    (old.is_some() || new.is_some()).then(|| AttributeChange {
        attribute: "members".to_owned(),
        old,
        new,
    })
}
