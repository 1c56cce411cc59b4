//! An empty text or a null that is added or put in place of a value: the attribute is cleared.
//!
//! AzureAD/SCIMReferenceCode, `SCIMTests_Workflow`, `SCIM_Null_Update_Test`, both phases.
//!
//! `active` is cleared in a PATCH only, where the core decides what that means: in no dialect does it let a suspended person in.

use serde_json::{Map, Value};

use crate::scim::{
    patch::{Op, Operation},
    without_core,
};

/// In a resource of POST or PUT: an `active` that says nothing is left out, and the core keeps what it has.
pub(super) fn in_resource(resource: &mut Map<String, Value>) {
    resource.retain(|name, value| !(is_active(name) && says_nothing(value)));
}

/// Clearing becomes a removal. `userName` stays as it is sent: it cannot be cleared, and the
/// core says so.
pub(super) fn as_removal(operations: Vec<Operation>) -> Vec<Operation> {
    let mut cleared = Vec::with_capacity(operations.len());
    for operation in operations {
        match operation {
            Operation {
                op: op @ (Op::Add | Op::Replace),
                path: Some(path),
                value: Some(value),
            } if !without_core(&path).eq_ignore_ascii_case("userName") => {
                at(op, path, value, &mut cleared);
            }
            other => cleared.push(other),
        }
    }
    for operation in cleared
        .iter_mut()
        .filter(|operation| clears_active(operation))
    {
        operation.op = Op::Remove;
        operation.value = None;
    }
    cleared
}

fn at(op: Op, path: String, value: Value, cleared: &mut Vec<Operation>) {
    let remove = |path: String| Operation {
        op: Op::Remove,
        path: Some(path),
        value: None,
    };
    match value {
        value if is_nothing(&value) => cleared.push(remove(path)),
        Value::Object(mut fields) if !fields.is_empty() => {
            let clears = |name: &str, value: &Value| is_nothing(value) && is_name(name);
            let names = fields
                .iter()
                .filter(|(name, value)| clears(name, value))
                .map(|(name, _)| name);
            cleared.extend(names.map(|name| remove(format!("{path}.{name}"))));
            fields.retain(|name, value| !clears(name, value));
            if !fields.is_empty() {
                cleared.push(Operation {
                    op,
                    path: Some(path),
                    value: Some(Value::Object(fields)),
                });
            }
        }
        value => cleared.push(Operation {
            op,
            path: Some(path),
            value: Some(value),
        }),
    }
}

fn clears_active(operation: &Operation) -> bool {
    operation.path.as_deref().is_some_and(is_active)
        && match operation.op {
            Op::Remove => true,
            Op::Add | Op::Replace => operation.value.as_ref().is_some_and(says_nothing),
        }
}

fn is_active(path: &str) -> bool {
    without_core(path).eq_ignore_ascii_case("active")
}

/// Whether a value for one thing says nothing, whatever stands around it.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().all(says_nothing),
        Value::Object(fields) => fields.is_empty(),
        other => is_nothing(other),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entra::{no_path, tests::patch};

    fn removed(operations: &[Operation]) -> Vec<&str> {
        assert!(
            operations
                .iter()
                .all(|operation| operation.op == Op::Remove && operation.value.is_none())
        );
        operations
            .iter()
            .filter_map(|operation| operation.path.as_deref())
            .collect()
    }

    const DEPARTMENT: &str =
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

    #[test]
    fn an_empty_text_clears() {
        let operations = as_removal(patch("patch-null-phase1"));
        assert_eq!(
            removed(&operations),
            [
                "displayName",
                "name.givenName",
                "phoneNumbers[type eq \"work\"].value",
                DEPARTMENT
            ]
        );
    }

    #[test]
    fn a_null_clears() {
        assert_eq!(
            removed(&as_removal(patch("patch-null-phase2"))),
            ["displayName", "name.givenName", DEPARTMENT]
        );
    }

    #[test]
    fn a_null_without_a_path_clears() {
        let operations = as_removal(no_path::split(patch("patch-null-nonverbose")));
        assert_eq!(
            removed(&operations),
            [
                "phoneNumbers[type eq \"work\"].value",
                "displayName",
                "name.givenName",
                DEPARTMENT
            ]
        );
    }

    #[test]
    fn the_login_account_cannot_be_cleared() {
        for path in [
            "userName",
            "USERNAME",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
        ] {
            let operation = Operation {
                op: Op::Replace,
                path: Some(path.to_owned()),
                value: Some(json!("")),
            };
            assert_eq!(as_removal(vec![operation.clone()]), [operation]);
        }
    }

    #[test]
    fn clearing_active_is_a_removal() {
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        let replace = |path: Option<&str>, value| Operation {
            op: Op::Replace,
            path: path.map(str::to_owned),
            value: Some(value),
        };
        for nothing in [json!(""), json!(null), json!([]), json!([null]), json!({})] {
            for operation in [
                replace(Some("active"), nothing.clone()),
                replace(Some("Active"), nothing.clone()),
                replace(Some(&format!("{core}:active")), nothing.clone()),
                replace(Some(&format!("{core}.active")), nothing.clone()),
                replace(None, json!({"active": nothing})),
                replace(Some(core), json!({"active": nothing})),
                replace(None, json!({core: {"active": nothing}})),
                replace(None, json!({format!("{core}:active"): nothing})),
            ] {
                let operations = as_removal(no_path::split(vec![operation.clone()]));
                assert!(
                    removed(&operations).into_iter().all(is_active),
                    "{operation:?}"
                );
            }
        }
        for value in [None, Some(json!(false)), Some(json!([true]))] {
            let removal = Operation {
                op: Op::Remove,
                path: Some("ACTIVE".to_owned()),
                value,
            };
            assert_eq!(removed(&as_removal(vec![removal])), ["ACTIVE"]);
        }
    }

    #[test]
    fn an_active_that_says_something_stays() {
        let operation = Operation {
            op: Op::Replace,
            path: Some("active".to_owned()),
            value: Some(json!("False")),
        };
        assert_eq!(as_removal(vec![operation.clone()]), [operation]);
        for value in [json!(false), json!("False"), json!(" ")] {
            let mut body = json!({"Active": value});
            in_resource(body.as_object_mut().unwrap());
            assert_eq!(body, json!({"Active": value}));
        }
    }

    #[test]
    fn an_empty_active_of_a_resource_is_absent() {
        for nothing in [json!(""), json!(null), json!([""])] {
            let mut body = json!({"userName": "a", "ACTIVE": nothing, "title": ""});
            in_resource(body.as_object_mut().unwrap());
            assert_eq!(body, json!({"userName": "a", "title": ""}));
        }
    }

    #[test]
    fn a_part_of_an_object_is_cleared_alone() {
        let value = json!({"givenName": "", "familyName": "E"});
        let operations = as_removal(vec![Operation {
            op: Op::Replace,
            path: Some("name".to_owned()),
            value: Some(value),
        }]);
        assert_eq!(removed(&operations[..1]), ["name.givenName"]);
        assert_eq!(operations[1].value, Some(json!({"familyName": "E"})));
        assert_eq!(operations.len(), 2);
    }

    #[test]
    fn a_missing_value_is_not_null() {
        let operation = Operation {
            op: Op::Replace,
            path: Some("title".to_owned()),
            value: None,
        };
        assert_eq!(as_removal(vec![operation.clone()]), [operation]);
    }
}
