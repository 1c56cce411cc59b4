//! Whether a resource holds what was sent: every value that was sent is there. What a server adds is its own affair.

use serde_json::Value;

use super::body::ENTERPRISE;
use super::probe::{Failed, demand};

/// Fails at the first value that was sent and is not there.
pub(super) fn holds(sent: &Value, found: &Value) -> Result<(), Failed> {
    match missing(sent, found, "") {
        None => Ok(()),
        Some(what) => Err(Failed::new(what)),
    }
}

/// The first difference.
fn missing(sent: &Value, found: &Value, path: &str) -> Option<String> {
    match (sent, found) {
        (Value::Object(sent), Value::Object(found)) => sent.iter().find_map(|(name, value)| {
            let at = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            missing(value, found.get(name).unwrap_or(&Value::Null), &at)
        }),
        (Value::Array(sent), Value::Array(found)) => {
            let lost = sent.iter().find(|sent| {
                !found
                    .iter()
                    .any(|found| missing(sent, found, path).is_none())
            });
            lost.map(|lost| format!("{path} lacks {lost}: {}", Value::Array(found.clone())))
        }
        _ if same(sent, found) => None,
        _ => Some(format!("{path} was sent as {sent} and is {found}")),
    }
}

/// A boolean may have been sent as a word.
fn same(sent: &Value, found: &Value) -> bool {
    match (sent, found) {
        (Value::String(word), Value::Bool(found)) => {
            word.parse() == Ok(*found) || word.to_lowercase().parse() == Ok(*found)
        }
        _ => sent == found,
    }
}

/// Reads an attribute of a resource by the path that a PATCH names it by; null where there is none.
pub(super) fn read<'v>(resource: &'v Value, path: &str) -> Result<&'v Value, Failed> {
    if let Some(attribute) = path.strip_prefix(ENTERPRISE) {
        return Ok(&resource[ENTERPRISE][attribute.trim_start_matches(':')]);
    }
    let Some((attribute, rest)) = path.split_once('[') else {
        return Ok(path.split('.').fold(resource, |value, name| &value[name]));
    };
    let (filter, sub) = rest
        .split_once("].")
        .expect("the paths of this module select and then name");
    let (key, literal) = filter
        .split_once(" eq ")
        .expect("the paths of this module compare");
    let wanted = literal.trim_matches('"');
    let selects = |element: &&Value| match &element[key] {
        Value::Bool(flag) => wanted.eq_ignore_ascii_case(&flag.to_string()),
        Value::String(text) => text == wanted,
        _ => false,
    };
    let elements = resource[attribute].as_array().into_iter().flatten();
    let mut selected = elements.filter(selects);
    let (element, more) = (selected.next(), selected.next());
    demand(more.is_none(), || {
        format!(
            "{path} selects more than one element: {}",
            resource[attribute]
        )
    })?;
    Ok(element.map_or(&Value::Null, |element| &element[sub]))
}

/// Whether nothing is there: absent, null, or an empty text, which some servers keep.
pub(super) fn is_empty(value: &Value) -> bool {
    value.is_null() || value == "" || value == &Value::Object(serde_json::Map::new())
}

/// The ids of a group's members, in order.
pub(super) fn member_ids(group: &Value) -> Vec<&str> {
    let members = group["members"].as_array().into_iter().flatten();
    let mut ids: Vec<&str> = members
        .filter_map(|member| member["value"].as_str())
        .collect();
    ids.sort_unstable();
    ids
}

/// That a group has these members and no other.
pub(super) fn has_members(group: &Value, wanted: &[&str]) -> Result<(), Failed> {
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    let found = member_ids(group);
    demand(found == wanted, || {
        format!("the members must be {wanted:?}, and are {found:?}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_must_be_there_and_more_may_be() {
        let sent = json!({"a": {"b": 1}, "list": [{"type": "work", "primary": "True"}], "n": null});
        let found = json!({"a": {"b": 1, "c": 2}, "list": [{"type": "home"}, {"type": "work", "primary": true, "x": 1}], "more": 1});
        assert!(holds(&sent, &found).is_ok());
        for (sent, found) in [
            (json!({"a": 1}), json!({})),
            (json!({"a": 1}), json!({"a": "1"})),
            (json!({"a": true}), json!({"a": "true"})),
            (json!({"a": [{"b": 1}]}), json!({"a": []})),
            (json!({"a": {"b": 1}}), json!({"a": 1})),
        ] {
            assert!(holds(&sent, &found).is_err(), "{sent} in {found}");
        }
    }

    #[test]
    fn paths_are_read_as_a_patch_writes_them() {
        let user = json!({"name": {"givenName": "A"}, "emails": [{"type": "work", "value": "m"}, {"type": "home"}],
            "roles": [{"primary": true, "value": "r"}], ENTERPRISE: {"department": "D"}});
        for (path, value) in [
            ("name.givenName", json!("A")),
            ("emails[type eq \"work\"].value", json!("m")),
            ("emails[type eq \"other\"].value", json!(null)),
            ("roles[primary eq \"True\"].value", json!("r")),
            (&format!("{ENTERPRISE}:department"), json!("D")),
            ("title", json!(null)),
        ] {
            assert_eq!(read(&user, path).unwrap(), &value, "{path}");
        }
        let twice = json!({"emails": [{"type": "work"}, {"type": "work"}]});
        assert!(read(&twice, "emails[type eq \"work\"].value").is_err());
    }
}
