//! Which attributes a client names: in `attributes`, or by writing them. It is what attributes that are `returned: request` wait for, RFC 7643
//! section 7.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::scim::is_urn;

/// The paths of what was named, in small letters. A colon and a dot are one separator here: which of them stands where depends on where a
/// URN ends, and that only its schema knows.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeSet<String>);

impl Asked {
    /// Adds what `attributes` names.
    pub(super) fn add(&mut self, path: &str) {
        self.0.insert(folded(path));
    }

    /// Adds the attributes of extensions that the body of a POST, PUT or PATCH writes.
    pub(super) fn add_written(&mut self, body: &Map<String, Value>) {
        let operations = body
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("Operations"));
        match operations {
            Some((_, Value::Array(operations))) => {
                operations
                    .iter()
                    .filter_map(Value::as_object)
                    .for_each(|operation| self.add_operation(operation));
            }
            _ => self.add_resource(body),
        }
    }

    fn add_operation(&mut self, operation: &Map<String, Value>) {
        let field = |name: &str| {
            let mut fields = operation.iter();
            let found = fields.find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value)
        };
        match (field("path").and_then(Value::as_str), field("value")) {
            (Some(path), value) if is_urn(path) => {
                self.add_value(&unfiltered(path), value.unwrap_or(&Value::Null));
            }
            (None | Some(""), Some(Value::Object(resource))) => self.add_resource(resource),
            _ => {}
        }
    }

    fn add_resource(&mut self, resource: &Map<String, Value>) {
        for (name, value) in resource.iter().filter(|(name, _)| is_urn(name)) {
            self.add_value(&unfiltered(name), value);
        }
    }

    fn add_value(&mut self, path: &str, value: &Value) {
        self.add(path);
        match value {
            Value::Object(parts) => parts
                .iter()
                .for_each(|(name, value)| self.add_value(&format!("{path}.{name}"), value)),
            Value::Array(elements) => elements
                .iter()
                .filter(|element| element.is_object())
                .for_each(|element| self.add_value(path, element)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Whether this attribute was named, or a part of it.
    pub(super) fn names(&self, path: &str) -> bool {
        let path = folded(path);
        let part = format!("{path}.");
        let mut from = self.0.range(part.clone()..);
        self.0.contains(&path) || from.next().is_some_and(|name| name.starts_with(&part))
    }
}

fn folded(path: &str) -> String {
    path.to_ascii_lowercase().replace(':', ".")
}

/// A path without its value filter.
fn unfiltered(path: &str) -> String {
    match (path.split_once('['), path.rsplit_once(']')) {
        (Some((attribute, _)), Some((_, part))) => format!("{attribute}{part}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URN: &str = "urn:x:Desk:2.0:User";

    fn written(body: Value) -> Asked {
        let Value::Object(body) = body else {
            unreachable!("a body is an object")
        };
        let mut asked = Asked::default();
        asked.add_written(&body);
        asked
    }

    #[test]
    fn a_resource_names_what_it_has() {
        for body in [
            json!({"userName": "a", URN: {"Key": {"Value": 1}}}),
            json!({URN: {"key": [{"value": 1}]}}),
            json!({"urn:x:Desk:2.0:User:key.value": 1}),
            json!({"urn:x:Desk:2.0:User:key": {"value": 1}}),
        ] {
            let asked = written(body);
            assert!(asked.names(&format!("{URN}:key")), "{asked:?}");
            assert!(asked.names(&format!("{URN}:key.value")), "{asked:?}");
            assert!(!asked.names(&format!("{URN}:ke")), "{asked:?}");
            assert!(!asked.names(&format!("{URN}:key.other")), "{asked:?}");
        }
        assert!(!written(json!({"key": 1})).names(&format!("{URN}:key")));
        assert!(!written(json!({URN: {"key-1": 1}})).names(&format!("{URN}:key")));
    }

    #[test]
    fn an_operation_names_what_it_changes() {
        for operation in [
            json!({"op": "add", "path": format!("{URN}:key.value"), "value": 1}),
            json!({"op": "add", "Path": format!("{URN}:key[type eq \"a.b\"].value"), "value": 1}),
            json!({"op": "add", "path": format!("{URN}:key"), "value": [{"value": 1}]}),
            json!({"op": "add", "path": URN, "value": {"key": {"value": 1}}}),
            json!({"op": "add", "value": {URN: {"key": {"value": 1}}}}),
            json!({"op": "add", "path": null, "Value": {"urn:x:Desk:2.0:User:key.value": 1}}),
        ] {
            let asked = written(json!({"operations": [operation, 1]}));
            assert!(asked.names(&format!("{URN}:key.value")), "{operation}");
        }
        let removed = written(json!({"Operations": [{"op": "remove", "path": URN}]}));
        assert!(!removed.names(&format!("{URN}:key")));
    }
}
