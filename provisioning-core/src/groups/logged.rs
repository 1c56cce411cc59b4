//! What the log says of members that are many: who came and went, and who was passed over.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{MEMBERS_MAX, refusals};
use crate::{
    attributes::diff::AttributeChange,
    error::Refusal,
    log::LogEntry,
    tenants::{Rules, UnknownMembers},
};

const MEMBERS: &str = "members";
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

/// Members who came, or who went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved {
    /// The first of them by id, as many as a log entry lists.
    pub listed: Vec<Uuid>,
    /// How many there are.
    pub count: usize,
    /// Whether there may be more.
    pub open: bool,
}

impl Moved {
    /// These and nobody else.
    pub fn of(ids: &[Uuid]) -> Self {
        Self {
            listed: ids.iter().take(LOGGED_IDS_MAX).copied().collect(),
            count: ids.len(),
            open: false,
        }
    }

    /// Those who were found, where no more than [`MEMBERS_MAX`] and one were looked for.
    pub fn found(ids: &[Uuid]) -> Self {
        Self {
            open: ids.len() > MEMBERS_MAX as usize,
            ..Self::of(ids)
        }
    }

    fn logged(&self) -> Option<Value> {
        let named = self.listed.iter().take(LOGGED_IDS_MAX);
        let mut values: Vec<Value> = named.map(|id| json!(id.to_string())).collect();
        let more = self.count - values.len();
        if more > 0 {
            let open = if self.open { "at least " } else { "" };
            values.push(json!(format!("and {open}{more} more")));
        }
        (!values.is_empty()).then_some(Value::Array(values))
    }
}

/// What the log says of members who went and who came.
pub(super) fn log_members(gone: &Moved, come: &Moved) -> Option<AttributeChange> {
    let (old, new) = (gone.logged(), come.logged());
    (old.is_some() || new.is_some()).then(|| AttributeChange {
        attribute: MEMBERS.to_owned(),
        old,
        new,
    })
}

/// The entry with those who went and came in place of those who were to.
pub(crate) fn telling_members(entry: &LogEntry, gone: &Moved, come: &Moved) -> LogEntry {
    let mut entry = entry.clone();
    entry.changes.retain(|change| change.attribute != MEMBERS);
    entry.changes.extend(log_members(gone, come));
    entry
}
