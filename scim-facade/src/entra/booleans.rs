//! Booleans as words: `active` and `primary` come as `"True"`, `"False"`, and in small letters.
//!
//! MicrosoftDocs/entra-docs, application-provisioning-config-problem-scim-compatibility; scimmy#86, scim-patch#872.

use serde_json::{Map, Value};

use crate::scim::{is_urn, patch::Operation, without_core};

/// In a resource of POST or PUT (`SCIMReferenceCode`, Postman collection, request 45).
pub(super) fn in_resource(resource: &mut Map<String, Value>) {
    for (name, value) in resource {
        // What an extension's attributes mean is not known here; they come back as they were given.
        if !is_urn(name) {
            in_attribute(name, value);
        }
    }
}

/// In the values of a PATCH.
pub(super) fn in_operations(operations: &mut [Operation]) {
    for operation in operations {
        match (
            operation.path.as_deref().map(without_core),
            &mut operation.value,
        ) {
            (Some(path), Some(value)) if !is_urn(path) => {
                let leaf = path.rsplit('.').next().expect("a text has a last part");
                in_attribute(leaf, value);
            }
            (None, Some(Value::Object(attributes))) => in_resource(attributes),
            _ => {}
        }
    }
}

fn in_attribute(name: &str, value: &mut Value) {
    match value {
        Value::String(word) if is_boolean(name) => {
            if let Some(truth) = parse(word) {
                *value = Value::Bool(truth);
            }
        }
        Value::Object(fields) => in_resource(fields),
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|element| in_attribute("", element)),
        _ => {}
    }
}

fn is_boolean(name: &str) -> bool {
    ["active", "primary"]
        .iter()
        .any(|boolean| boolean.eq_ignore_ascii_case(name))
}

fn parse(word: &str) -> Option<bool> {
    if word.eq_ignore_ascii_case("true") {
        Some(true)
    } else {
        word.eq_ignore_ascii_case("false").then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entra::tests::{fixture, patch};

    #[test]
    fn a_boolean_may_be_a_word() {
        let mut body = fixture("create-user-string-bools");
        in_resource(&mut body);
        assert_eq!(body["active"], json!(true));
        assert_eq!(body["roles"][0]["primary"], json!(true));
    }

    #[test]
    fn only_active_and_primary_are_booleans() {
        // Build_SCIM_User_Body of the gallery's templates makes roles whose type is the text "True".
        let mut body = fixture("create-user-template-roles");
        let before = body.clone();
        in_resource(&mut body);
        assert_eq!(body, before);
    }

    #[test]
    fn a_patch_may_disable_by_a_word() {
        for (name, truth) in [
            ("patch-noflag-disable", false),
            ("patch-noflag-enable", true),
            ("patch-noflag-add-active", true),
        ] {
            let mut operations = patch(name);
            in_operations(&mut operations);
            assert_eq!(operations[0].value, Some(json!(truth)), "{name}");
        }
    }

    #[test]
    fn a_patch_may_make_primary_by_a_word() {
        for name in ["patch-email-primary-string", "patch-email-primary-True"] {
            let mut operations = patch(name);
            in_operations(&mut operations);
            assert_eq!(operations[0].value, Some(json!(true)), "{name}");
        }
    }

    #[test]
    fn other_words_and_extensions_stay() {
        let mut body =
            json!({"active": "yes", "urn:x:2.0:User": {"active": "True"}, "title": "True"});
        let before = body.clone();
        in_resource(body.as_object_mut().unwrap());
        assert_eq!(body, before);
    }
}
