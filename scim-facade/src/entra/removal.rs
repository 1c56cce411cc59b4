//! `Remove` with a value: it removes the listed elements, not the attribute. The RFC gives a removal no value.
//!
//! MicrosoftDocs/entra-docs, application-provisioning-config-problem-scim-compatibility (the form without the flag); AzureAD/SCIM-SDK#149,
//! directory-scimple#436: read as "remove the attribute", it empties a group.

use serde_json::Value;

use super::urn::without_core;
use crate::scim::{
    is_urn,
    patch::{Op, Operation},
};

/// One removal `path[value eq "…"]` for each element listed. A list of nothing removes nothing.
pub(super) fn by_value(operations: Vec<Operation>) -> Vec<Operation> {
    let mut removals = Vec::with_capacity(operations.len());
    for operation in operations {
        match operation {
            Operation {
                op: Op::Remove,
                path: Some(path),
                value: Some(value),
            } => remove(&path, value, &mut removals),
            other => removals.push(other),
        }
    }
    removals
}

fn remove(path: &str, value: Value, removals: &mut Vec<Operation>) {
    let mut push = |path: String| {
        removals.push(Operation {
            op: Op::Remove,
            path: Some(path),
            value: None,
        });
    };
    let elements = match value {
        Value::Array(elements) => elements,
        element @ (Value::Object(_) | Value::String(_)) if is_multi_valued(path) => vec![element],
        // A single value says nothing that the path does not.
        _ => return push(path.to_owned()),
    };
    if path.contains('[') {
        return push(path.to_owned());
    }
    elements
        .iter()
        .filter_map(condition)
        .for_each(|condition| push(format!("{path}[{condition}]")));
}

/// The filter that selects a listed element: by its value, else by all that is said of it.
fn condition(element: &Value) -> Option<String> {
    let fields = match element {
        Value::Object(fields) => fields,
        scalar => return equality("value", scalar),
    };
    let by_value = fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("value"));
    if let Some(condition) = by_value.and_then(|(_, value)| equality("value", value)) {
        return Some(condition);
    }
    let terms: Vec<_> = fields
        .iter()
        .filter(|(name, _)| is_name(name))
        .filter_map(|(name, value)| equality(name, value))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" and "))
}

/// SCIM's literals are JSON's, so a quote in the value is escaped as JSON escapes it (RFC 7644 figure 1).
fn equality(name: &str, literal: &Value) -> Option<String> {
    match literal {
        Value::String(_) | Value::Bool(_) | Value::Number(_) => {
            Some(format!("{name} eq {literal}"))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The multi-valued attributes of the RFC's schemas: for them a single value is a list of one.
fn is_multi_valued(path: &str) -> bool {
    const NAMES: [&str; 9] = [
        "emails",
        "phoneNumbers",
        "ims",
        "photos",
        "addresses",
        "entitlements",
        "roles",
        "x509Certificates",
        "members",
    ];
    let path = without_core(path);
    let name = if is_urn(path) {
        path.rsplit(':').next().unwrap_or(path)
    } else {
        path
    };
    NAMES
        .iter()
        .any(|multi_valued| multi_valued.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entra::tests::patch;

    fn removed(path: &str, value: Value) -> Vec<String> {
        let operation = Operation {
            op: Op::Remove,
            path: Some(path.to_owned()),
            value: Some(value),
        };
        let removals = by_value(vec![operation]);
        assert!(
            removals
                .iter()
                .all(|removal| removal.op == Op::Remove && removal.value.is_none())
        );
        removals
            .into_iter()
            .filter_map(|removal| removal.path)
            .collect()
    }

    #[test]
    fn the_listed_members_are_removed_and_no_others() {
        let removals = by_value(patch("group-remove-noflag"));
        assert_eq!(removals.len(), 1);
        assert_eq!(
            removals[0].path.as_deref(),
            Some("members[value eq \"{uid}\"]")
        );
        assert_eq!(removals[0].value, None);
    }

    #[test]
    fn each_element_is_one_removal() {
        let listed = json!([{"value": "a", "display": "A"}, "b", {"type": "work", "primary": true}, {}, null]);
        assert_eq!(
            removed("emails", listed),
            [
                "emails[value eq \"a\"]",
                "emails[value eq \"b\"]",
                "emails[type eq \"work\" and primary eq true]"
            ]
        );
        assert!(removed("emails", json!([])).is_empty());
    }

    #[test]
    fn a_quote_in_a_value_ends_nothing() {
        assert_eq!(
            removed("roles", json!([{"value": "a\"] or value pr\\"}])),
            [r#"roles[value eq "a\"] or value pr\\"]"#]
        );
    }

    #[test]
    fn one_value_is_a_list_of_one_where_the_attribute_has_many() {
        assert_eq!(
            removed("members", json!("id 1")),
            ["members[value eq \"id 1\"]"]
        );
        assert_eq!(
            removed("Roles", json!({"value": "x"})),
            ["Roles[value eq \"x\"]"]
        );
        assert_eq!(removed("displayName", json!("x")), ["displayName"]);
    }

    #[test]
    fn a_value_filter_says_enough() {
        assert_eq!(
            removed("members[value eq \"1\"]", json!([{"value": "1"}])),
            ["members[value eq \"1\"]"]
        );
    }

    #[test]
    fn a_removal_of_all_stays() {
        assert_eq!(
            by_value(patch("group-remove-all")),
            patch("group-remove-all")
        );
    }
}
