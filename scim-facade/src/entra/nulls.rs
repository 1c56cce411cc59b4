//! Nulls inside the elements of a value, `"$ref": null` above all: they say nothing, and are left out.
//!
//! MicrosoftDocs/entra-docs, use-scim-to-provision-users-and-groups: members are sent as `{"$ref": null, "value": …}`.

use serde_json::Value;

use crate::scim::patch::Operation;

/// Leaves out every `"$ref": null`, and every null in an element of an array (RFC 7643 section 2.5: unassigned). Other nulls clear
/// an attribute and are [`clearing`](super::clearing)'s.
pub(super) fn dropped(operations: &mut [Operation]) {
    operations
        .iter_mut()
        .filter_map(|operation| operation.value.as_mut())
        .for_each(|value| drop_in(value, false));
}

fn drop_in(value: &mut Value, is_element: bool) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                !value.is_null() || !(is_element || name.eq_ignore_ascii_case("$ref"))
            });
            fields.values_mut().for_each(|value| drop_in(value, false));
        }
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|element| drop_in(element, true)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entra::tests::patch;

    #[test]
    fn a_null_reference_says_nothing() {
        let mut operations = patch("group-add-noflag");
        assert!(
            operations[0]
                .value
                .as_ref()
                .unwrap()
                .to_string()
                .contains("null"),
            "the fixture shows the quirk"
        );
        dropped(&mut operations);
        assert!(
            !operations[0]
                .value
                .as_ref()
                .unwrap()
                .to_string()
                .contains("null")
        );
    }

    #[test]
    fn a_null_outside_an_array_clears() {
        let mut value = json!({"displayName": null, "name": {"givenName": null}, "$REF": null, "a": [{"b": null, "c": 1}]});
        drop_in(&mut value, false);
        assert_eq!(
            value,
            json!({"displayName": null, "name": {"givenName": null}, "a": [{"c": 1}]})
        );
    }
}
