//! Operations without a path whose value has paths as keys: `{"name.givenName": …, "urn:…:User:department": …}`.
//!
//! The form of the flag `aadOptscim062020` (MicrosoftDocs/entra-docs, application-provisioning-config-problem-scim-compatibility;
//! RIPAGlobal/scimitar#123). Each key becomes an operation with that path; so does each attribute of a schema's object, which is
//! the RFC's own form.

use serde_json::{Map, Value};

use super::urn::{has_version, is_schema, join};
use crate::scim::{
    is_urn,
    patch::{Op, Operation},
};

/// One operation for each key of a value without a path. An empty object is nothing to do.
pub(super) fn split(operations: Vec<Operation>) -> Vec<Operation> {
    let mut split = Vec::with_capacity(operations.len());
    for operation in operations {
        match operation {
            Operation {
                op: op @ (Op::Add | Op::Replace),
                path: None,
                value: Some(Value::Object(attributes)),
            } => {
                attributes
                    .into_iter()
                    .for_each(|(key, value)| at(op, key, value, &mut split));
            }
            Operation {
                op: op @ (Op::Add | Op::Replace),
                path: Some(path),
                value: Some(value),
            } if is_schema(&path) => {
                at(op, path, value, &mut split);
            }
            other => split.push(other),
        }
    }
    split
}

fn at(op: Op, path: String, value: Value, split: &mut Vec<Operation>) {
    match value {
        Value::Object(attributes) if is_schema(&path) => {
            for (name, value) in attributes {
                at(op, join(&path, &name), value, split);
            }
        }
        // Nothing tells here where such a schema ends; the core reads the RFC's form.
        Value::Object(_) if is_urn(&path) && !has_version(&path) => {
            split.push(Operation {
                op,
                path: None,
                value: Some(Value::Object(Map::from_iter([(path, value)]))),
            });
        }
        // An object under a name that is empty names nothing.
        _ if path.is_empty() => {}
        value => split.push(Operation {
            op,
            path: Some(path),
            value: Some(value),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        entra::tests::{patch, paths_and_values},
        scim::ENTERPRISE_USER,
    };

    fn split_of(value: Value) -> Vec<(String, Value)> {
        paths_and_values(split(vec![Operation {
            op: Op::Replace,
            path: None,
            value: Some(value),
        }]))
    }

    fn pairs<const N: usize>(pairs: [(&str, Value); N]) -> Vec<(String, Value)> {
        pairs.map(|(path, value)| (path.to_owned(), value)).into()
    }

    #[test]
    fn each_key_is_a_path() {
        let expected = pairs([
            (
                "emails[type eq \"work\"].value",
                json!("t2@test.microsoft.com"),
            ),
            ("displayName", json!("Bjfe")),
            ("name.givenName", json!("Kkom")),
            ("name.familyName", json!("Unua")),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
                json!("Aklq"),
            ),
        ]);
        assert_eq!(paths_and_values(split(patch("patch-flag-multi"))), expected);
    }

    #[test]
    fn an_add_is_split_too() {
        let operations = split(patch("patch-flag-add-nopath-dotted"));
        assert!(
            operations
                .iter()
                .all(|operation| operation.op == Op::Add && operation.path.is_some())
        );
        assert_eq!(operations.len(), 5);
    }

    #[test]
    fn a_schemas_object_is_its_attributes() {
        let value = json!({
            ENTERPRISE_USER: {"Department": "x", "manager": {"value": "m"}},
            "urn:ietf:params:scim:schemas:core:2.0:User": {"title": "T"},
        });
        let expected = pairs([
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:Department",
                json!("x"),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
                json!({"value": "m"}),
            ),
            ("title", json!("T")),
        ]);
        assert_eq!(split_of(value), expected);
    }

    #[test]
    fn a_custom_urn_may_have_a_sub_attribute() {
        // Microsoft Q&A 1435791.
        let value = json!({"urn:x:Custom:2.0:User:a.b": "1", "urn:x:Custom:2.0:User:c": {"d": 1}, "urn:x:Custom:2.0:User": {"e": 2}});
        let expected = pairs([
            ("urn:x:Custom:2.0:User:a.b", json!("1")),
            ("urn:x:Custom:2.0:User:c", json!({"d": 1})),
            ("urn:x:Custom:2.0:User:e", json!(2)),
        ]);
        assert_eq!(split_of(value), expected);
    }

    #[test]
    fn a_urn_without_a_version_keeps_the_rfcs_form() {
        assert_eq!(
            split_of(json!({"urn:x": {"a": 1}, "title": "T"})),
            pairs([("", json!({"urn:x": {"a": 1}})), ("title", json!("T"))])
        );
    }

    #[test]
    fn the_path_may_be_the_schema() {
        let operation = Operation {
            op: Op::Add,
            path: Some(ENTERPRISE_USER.to_owned()),
            value: Some(json!({"division": "d"})),
        };
        assert_eq!(
            paths_and_values(split(vec![operation])),
            pairs([(&*format!("{ENTERPRISE_USER}:division"), json!("d"))])
        );
    }
}
