//! The members of a group in other shapes than a list of objects: a bare id, a list of ids, one object.
//!
//! AzureAD/SCIMReferenceCode, Postman collection, requests 67 and 68. `Remove` with the members to remove stays as it is: the core takes
//! it in every shape.

use serde_json::{Map, Value, json};

use crate::scim::{
    patch::{Op, Operation},
    without_core,
};

const MEMBERS: &str = "members";

/// In a resource of POST or PUT.
pub(super) fn in_resource(resource: &mut Map<String, Value>) {
    for (name, members) in resource {
        if name.eq_ignore_ascii_case(MEMBERS) {
            *members = list(members.take());
        }
    }
}

/// In a PATCH. To add nothing is nothing to do: were it taken for clearing, as it is with other attributes, the group would be emptied.
pub(super) fn in_operations(operations: Vec<Operation>) -> Vec<Operation> {
    operations.into_iter().filter_map(in_operation).collect()
}

fn in_operation(mut operation: Operation) -> Option<Operation> {
    let path = operation.path.as_deref().map(without_core);
    if !path.is_some_and(|path| path.eq_ignore_ascii_case(MEMBERS)) || operation.op == Op::Remove {
        return Some(operation);
    }
    let is_nothing = |value: &Value| value.is_null() || value.as_str().is_some_and(str::is_empty);
    if operation.op == Op::Add && operation.value.as_ref().is_some_and(is_nothing) {
        return None;
    }
    operation.value = operation.value.map(list);
    Some(operation)
}

fn list(value: Value) -> Value {
    match value {
        Value::Array(elements) => elements.into_iter().map(member).collect(),
        one @ (Value::String(_) | Value::Object(_)) => match member(one) {
            member @ Value::Object(_) => json!([member]),
            other => other,
        },
        other => other,
    }
}

fn member(value: Value) -> Value {
    match value {
        Value::String(id) if !id.is_empty() => json!({ "value": id }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entra::tests::{fixture, patch, paths_and_values},
        scim::CORE_GROUP,
    };

    fn of(op: Op, path: &str, value: Value) -> Vec<Operation> {
        in_operations(vec![Operation {
            op,
            path: Some(path.to_owned()),
            value: Some(value),
        }])
    }

    #[test]
    fn a_bare_id_is_a_list_of_one() {
        assert_eq!(
            paths_and_values(in_operations(patch("group-add-string-member"))),
            [("members".to_owned(), json!([{"value": "string id 1"}]))]
        );
    }

    #[test]
    fn every_shape_is_a_list_of_objects() {
        let expected = json!([{"value": "a"}]);
        let urn = format!("{CORE_GROUP}:members");
        for shape in [
            json!("a"),
            json!(["a"]),
            json!({"value": "a"}),
            json!([{"value": "a"}]),
        ] {
            for path in ["members", "MEMBERS", &urn] {
                for op in [Op::Add, Op::Replace] {
                    let operations = of(op, path, shape.clone());
                    assert_eq!(operations[0].value.as_ref(), Some(&expected));
                }
            }
            let mut body = json!({"displayName": "E", "Members": shape});
            in_resource(body.as_object_mut().unwrap());
            assert_eq!(body["Members"], expected);
        }
        let mut body = fixture("group-create");
        let before = body.clone();
        in_resource(&mut body);
        assert_eq!(body, before);
    }

    #[test]
    fn to_add_nothing_empties_no_group() {
        for nothing in [json!(null), json!("")] {
            assert!(of(Op::Add, "members", nothing.clone()).is_empty());
            assert_eq!(of(Op::Replace, "members", nothing).len(), 1);
        }
        assert_eq!(
            of(Op::Add, "members", json!([""]))[0].value,
            Some(json!([""]))
        );
    }

    #[test]
    fn other_keys_of_operations_and_members_do_not_matter() {
        let operations = in_operations(patch("group-add-extra-keys"));
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].value.as_ref().unwrap()[0]["value"], "{uid}");
    }

    #[test]
    fn what_is_to_remove_and_other_attributes_stay() {
        for (op, path) in [
            (Op::Remove, "members"),
            (Op::Add, "emails"),
            (Op::Replace, "members[value eq \"a\"]"),
        ] {
            let operations = of(op, path, json!("a"));
            assert_eq!(operations[0].value, Some(json!("a")), "{op:?} {path}");
        }
    }
}
