//! The only place for what the server promised: each write it acknowledged, and each that it may have done without saying so.
//!
//! After a crash the ledger is what must be found again ([`crate::Engine::verify_acknowledged`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::directory::{ObjectId, ObjectType};

/// What a write was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Verb {
    Create,
    Patch,
    Delete,
}

/// How a write ended. A refused one (4xx, or never sent) changes nothing and is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 2xx: must be found from now on.
    Acknowledged,
    /// No answer, or 5xx: may be found.
    Ambiguous,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// What it is.
    pub object_type: ObjectType,
    /// The directory's object.
    pub object_id: ObjectId,
    /// The account or group; unknown for a create without an answer.
    pub scim_id: Option<String>,
    /// What was asked for.
    pub verb: Verb,
    /// The attributes it set, by path; null takes one away.
    pub set: Vec<(String, Value)>,
    /// How it ended.
    pub outcome: Outcome,
}

/// All writes, those of one object in their order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub(crate) writes: Vec<Write>,
}

/// What may be found of one account or group.
#[derive(Debug, Default)]
pub(crate) struct Promise {
    pub(crate) object_id: Option<ObjectId>,
    pub(crate) must_exist: bool,
    pub(crate) must_be_gone: bool,
    /// For each path the values that may be found.
    pub(crate) values: BTreeMap<String, Vec<Value>>,
}

impl Ledger {
    /// The writes, those of one object in their order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.writes
            .iter()
            .filter(|write| write.outcome == Outcome::Acknowledged)
            .count()
    }

    /// Folds the writes into what each account and group, by SCIM id, may look like.
    pub(crate) fn promises(&self) -> BTreeMap<(ObjectType, &str), Promise> {
        let mut promises: BTreeMap<(ObjectType, &str), Promise> = BTreeMap::new();
        for write in &self.writes {
            let Some(scim_id) = &write.scim_id else {
                continue;
            };
            let promise = promises.entry((write.object_type, scim_id)).or_default();
            promise.object_id = Some(write.object_id);
            match (write.verb, write.outcome) {
                (Verb::Delete, Outcome::Acknowledged) => {
                    promise.must_exist = false;
                    promise.must_be_gone = true;
                }
                (Verb::Delete, Outcome::Ambiguous) => promise.must_exist = false,
                (Verb::Create | Verb::Patch, Outcome::Acknowledged) => {
                    promise.must_exist = true;
                    for (path, value) in &write.set {
                        promise.values.insert(path.clone(), vec![value.clone()]);
                    }
                }
                (Verb::Create | Verb::Patch, Outcome::Ambiguous) => {
                    for (path, value) in &write.set {
                        // Without an earlier promise the old value is unknown, so anything may be found.
                        if let Some(values) = promise.values.get_mut(path) {
                            values.push(value.clone());
                        }
                    }
                }
            }
        }
        promises
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const ALICE: (ObjectType, &str) = (ObjectType::User, "7");

    fn write(verb: Verb, title: Option<&str>, outcome: Outcome) -> Write {
        Write {
            object_type: ObjectType::User,
            object_id: ObjectId(Uuid::from_u128(1)),
            scim_id: Some("7".to_owned()),
            verb,
            set: title
                .map(|title| ("title".to_owned(), json!(title)))
                .into_iter()
                .collect(),
            outcome,
        }
    }

    #[test]
    fn an_ambiguous_write_allows_both_values_until_the_next_clear_answer() {
        let mut ledger = Ledger {
            writes: vec![
                write(Verb::Create, Some("a"), Outcome::Acknowledged),
                write(Verb::Patch, Some("b"), Outcome::Ambiguous),
            ],
        };
        let promises = ledger.promises();
        assert!(promises[&ALICE].must_exist);
        assert_eq!(promises[&ALICE].values["title"], [json!("a"), json!("b")]);
        ledger
            .writes
            .push(write(Verb::Patch, Some("c"), Outcome::Acknowledged));
        assert_eq!(ledger.promises()[&ALICE].values["title"], [json!("c")]);
        assert_eq!(ledger.acknowledged(), 2);
    }

    #[test]
    fn an_ambiguous_delete_promises_nothing() {
        let ledger = Ledger {
            writes: vec![
                write(Verb::Create, None, Outcome::Acknowledged),
                write(Verb::Delete, None, Outcome::Ambiguous),
            ],
        };
        let promises = ledger.promises();
        assert!(!promises[&ALICE].must_exist && !promises[&ALICE].must_be_gone);
    }
}
