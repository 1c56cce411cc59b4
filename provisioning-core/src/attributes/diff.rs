//! The only place that tells what a mutation changed, for the provisioning log.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Map, resolve::is_urn};

/// One attribute that a mutation changed. The serde form is what the log stores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeChange {
    /// `name`, `name.sub` of a complex attribute, or `URN:name` of an extension's.
    pub attribute: String,
    /// The value before; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The value after; absent when there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// What stands in place of a value that a log must not hold.
pub const REDACTED: &str = "(redacted)";

/// The attributes in which two documents differ, in the order of the new one, then what only the old one has.
pub fn changes(old: Option<&Map>, new: Option<&Map>) -> Vec<AttributeChange> {
    let (old, new) = (flatten(old), flatten(new));
    let before: HashMap<&String, &Value> = old.iter().map(|(name, value)| (name, *value)).collect();
    let after: HashSet<&String> = new.iter().map(|(name, _)| name).collect();
    let mut found = Vec::new();
    for (name, value) in &new {
        let before = before.get(name).copied();
        if before != Some(*value) {
            found.push(AttributeChange {
                attribute: name.clone(),
                old: before.cloned(),
                new: Some((*value).clone()),
            });
        }
    }
    for (name, value) in &old {
        if !after.contains(name) {
            found.push(AttributeChange {
                attribute: name.clone(),
                old: Some((*value).clone()),
                new: None,
            });
        }
    }
    for change in &mut found {
        let secret = change.attribute.split([':', '.']).any(is_sensitive);
        change
            .old
            .iter_mut()
            .chain(&mut change.new)
            .for_each(|value| redact(value, secret));
    }
    found
}

fn flatten(document: Option<&Map>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (key, value) in document.into_iter().flatten() {
        match value {
            Value::Object(object) => {
                let separator = if is_urn(key) { ':' } else { '.' };
                found.extend(
                    object
                        .iter()
                        .map(|(sub, value)| (format!("{key}{separator}{sub}"), value)),
                );
            }
            value => found.push((key.clone(), value)),
        }
    }
    found
}

/// Names whose values a log must not hold: passwords, certificates, and whatever calls itself a secret.
fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "x509certificates" || name.contains("password") || name.contains("secret")
}

fn redact(value: &mut Value, secret: bool) {
    match value {
        _ if secret => *value = REDACTED.into(),
        Value::Object(object) => object
            .iter_mut()
            .for_each(|(key, value)| redact(value, is_sensitive(key))),
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, false)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "tables of json!() read better without borrows"
    )]
    fn shown(old: Value, new: Value) -> Vec<(String, Value, Value)> {
        let found = changes(old.as_object(), new.as_object());
        found
            .into_iter()
            .map(|change| {
                (
                    change.attribute,
                    change.old.unwrap_or_default(),
                    change.new.unwrap_or_default(),
                )
            })
            .collect()
    }

    #[test]
    fn changes_are_named_as_an_admin_would_name_them() {
        let found = shown(
            json!({"active": true, "title": "x", "name": {"givenName": "A", "familyName": "B"}, "urn:e:2.0:User": {"department": "R", "n": 1}}),
            json!({"active": false, "name": {"givenName": "C", "familyName": "B"}, "emails": [{"value": "m"}], "urn:e:2.0:User": {"department": "S", "n": 1}}),
        );
        assert_eq!(
            found,
            [
                ("active".to_owned(), json!(true), json!(false)),
                ("name.givenName".to_owned(), json!("A"), json!("C")),
                ("emails".to_owned(), json!(null), json!([{"value": "m"}])),
                (
                    "urn:e:2.0:User:department".to_owned(),
                    json!("R"),
                    json!("S")
                ),
                ("title".to_owned(), json!("x"), json!(null)),
            ]
        );
    }

    #[test]
    fn nothing_changed_is_no_change() {
        assert_eq!(
            shown(
                json!({"a": {"b": 1}, "c": 2}),
                json!({"c": 2, "a": {"b": 1}})
            ),
            []
        );
        assert_eq!(changes(None, None), []);
    }

    #[test]
    fn secrets_are_seen_to_change_but_not_shown() {
        let found = shown(
            json!({"x509Certificates": [{"value": "AAAA"}]}),
            json!({"password": "p", "urn:e:2.0:User": {"clientSecret": "s", "nested": [{"Secret": "t", "open": 1}]}}),
        );
        assert_eq!(
            found,
            [
                ("password".to_owned(), json!(null), json!(REDACTED)),
                (
                    "urn:e:2.0:User:clientSecret".to_owned(),
                    json!(null),
                    json!(REDACTED)
                ),
                (
                    "urn:e:2.0:User:nested".to_owned(),
                    json!(null),
                    json!([{"Secret": REDACTED, "open": 1}])
                ),
                ("x509Certificates".to_owned(), json!(REDACTED), json!(null)),
            ]
        );
    }
}
