//! The manager in all its shapes: a text, an object, an array, under the URN with a colon or a dot or under no URN at all, and
//! four ways to clear it.
//!
//! AzureAD/SCIM-SDK#686 and directory-scimple#1242 (text), `SCIM_Inbound` Postman collection, request 12 (dot), older
//! use-scim-to-provision-users-and-groups (bare name, array), scimvalidator.microsoft.com (clearing by an empty value).

use serde_json::{Map, Value, json};

use crate::scim::{
    ENTERPRISE_USER,
    patch::{Op, Operation},
    strip_prefix_ignore_case,
};

const MANAGER: &str = "manager";

/// In a resource of POST or PUT: the reference becomes an object, or is left out when it names nobody.
pub(super) fn in_resource(resource: &mut Map<String, Value>) {
    let enterprise = resource
        .iter_mut()
        .find(|(name, _)| name.eq_ignore_ascii_case(ENTERPRISE_USER));
    let Some((_, Value::Object(enterprise))) = enterprise else {
        return;
    };
    for (name, manager) in enterprise {
        if name.eq_ignore_ascii_case(MANAGER) {
            // Null is absence.
            *manager = reference(manager.take()).unwrap_or_default();
        }
    }
}

/// In a PATCH: the path becomes the URN's, the value an object, and clearing becomes a removal.
pub(super) fn in_operations(operations: Vec<Operation>) -> Vec<Operation> {
    operations.into_iter().map(in_operation).collect()
}

fn in_operation(operation: Operation) -> Operation {
    let Some(sub_attribute) = operation.path.as_deref().and_then(sub_attribute) else {
        return operation;
    };
    let manager = format!("{ENTERPRISE_USER}:{MANAGER}");
    let remove = |path: String| Operation {
        op: Op::Remove,
        path: Some(path),
        value: None,
    };
    match (operation.op, sub_attribute) {
        (Op::Remove, "") => remove(manager),
        (op, "") => match operation.value.map(reference) {
            Some(None) => remove(manager),
            value => Operation {
                op,
                path: Some(manager),
                value: value.flatten(),
            },
        },
        // A reference without a value refers to nobody.
        (Op::Add | Op::Replace, sub)
            if sub.eq_ignore_ascii_case(".value") && is_nothing(operation.value.as_ref()) =>
        {
            remove(manager)
        }
        (op, sub) => Operation {
            op,
            path: Some(format!("{manager}{sub}")),
            value: operation.value,
        },
    }
}

/// What follows the manager in a path, with its dot; `None` when the path is another attribute's.
fn sub_attribute(path: &str) -> Option<&str> {
    let path = match strip_prefix_ignore_case(path, ENTERPRISE_USER) {
        Some(rest) => rest.strip_prefix([':', '.'])?,
        None => path,
    };
    let rest = strip_prefix_ignore_case(path, MANAGER)?;
    (rest.is_empty() || rest.starts_with('.')).then_some(rest)
}

/// The object of a reference in any of its shapes; `None` when it clears.
fn reference(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(id) if id.is_empty() => None,
        Value::String(id) => Some(json!({ "value": id })),
        Value::Array(elements) => reference(elements.into_iter().next()?),
        Value::Object(fields) => {
            let id = fields
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("value"))
                .map(|(_, id)| id);
            let clears = fields.is_empty() || (id.is_some() && is_nothing(id));
            (!clears).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

fn is_nothing(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Null)) || value.and_then(Value::as_str).is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::tests::{fixture, patch};

    fn in_patch(name: &str) -> Operation {
        let [operation] = in_operations(patch(name))
            .try_into()
            .expect("the fixture has one operation");
        operation
    }

    #[test]
    fn a_create_may_give_the_manager_as_text() {
        let mut body = fixture("create-user-default-mapping");
        in_resource(&mut body);
        assert_eq!(body[ENTERPRISE_USER]["manager"], json!({"value": "{mid}"}));
    }

    #[test]
    fn a_create_may_give_the_manager_as_an_object() {
        let mut body = fixture("create-user-string-bools");
        in_resource(&mut body);
        assert_eq!(
            body[ENTERPRISE_USER]["manager"],
            json!({"value": "GZFDHGRKQLCG"})
        );
    }

    #[test]
    fn every_shape_sets_the_same_reference() {
        let shapes = ["1", "2", "3", "4", "5"].map(|number| format!("patch-manager-set-{number}"));
        for name in shapes
            .iter()
            .map(String::as_str)
            .chain(["patch-manager-bare-path", "patch-manager-dot-urn"])
        {
            let operation = in_patch(name);
            assert_ne!(operation.op, Op::Remove, "{name}");
            assert_eq!(
                operation.path.as_deref(),
                Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"),
                "{name}"
            );
            assert_eq!(operation.value.unwrap()["value"], json!("{mid}"), "{name}");
        }
    }

    #[test]
    fn a_reference_keeps_what_it_says_beside_the_id() {
        assert_eq!(
            in_patch("patch-manager-bare-path").value.unwrap()["$ref"],
            json!("http://x/scim/Users/{mid}")
        );
    }

    #[test]
    fn every_clearing_is_a_removal() {
        for number in 1..=5 {
            let operation = in_patch(&format!("patch-manager-clear-{number}"));
            let expected = Operation {
                op: Op::Remove,
                path: Some(format!("{ENTERPRISE_USER}:manager")),
                value: None,
            };
            assert_eq!(operation, expected, "{number}");
        }
    }

    #[test]
    fn a_cleared_value_clears_the_reference() {
        let operation = Operation {
            op: Op::Replace,
            path: Some("Manager.Value".to_owned()),
            value: Some(json!("")),
        };
        assert_eq!(in_operation(operation).op, Op::Remove);
    }

    #[test]
    fn a_sub_attribute_keeps_its_path() {
        let operation = Operation {
            op: Op::Add,
            path: Some("manager.displayName".to_owned()),
            value: Some(json!("Bob")),
        };
        assert_eq!(
            in_operation(operation).path,
            Some(format!("{ENTERPRISE_USER}:manager.displayName"))
        );
    }

    #[test]
    fn other_attributes_are_not_managers() {
        for path in [
            "managers",
            "title",
            "urn:x:2.0:User:manager",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ] {
            let operation = Operation {
                op: Op::Add,
                path: Some(path.to_owned()),
                value: Some(json!("")),
            };
            assert_eq!(in_operation(operation.clone()), operation);
        }
    }
}
