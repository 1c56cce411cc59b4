//! `bulkId:` references (RFC 7644 section 3.7.2): finding them in an operation's data, and putting ids in their place.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Operation, Verb, paths};
use crate::scim::is_urn;

/// The bulkId that a text refers to.
pub(crate) fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("bulkId:").filter(|id| !id.is_empty())
}

impl Operation {
    /// The bulkIds that the operation's data refer to.
    pub(crate) fn references(&self) -> Vec<Cow<'_, str>> {
        let mut found = Vec::new();
        for (name, value) in &self.data {
            match value {
                Value::Array(changes) if self.holds_changes(name) => {
                    for change in changes {
                        in_change(change, &mut found);
                    }
                }
                value => in_value(value, &mut found),
            }
        }
        found
    }

    /// Puts the id of what was made in place of each reference in `data`, which are the operation's. The first that has none is the error.
    pub(crate) fn substitute<E>(
        &self,
        data: &mut Map<String, Value>,
        id_of: &impl Fn(&str) -> Result<String, E>,
    ) -> Result<(), E> {
        data.iter_mut().try_for_each(|(name, value)| match value {
            Value::Array(changes) if self.holds_changes(name) => changes
                .iter_mut()
                .try_for_each(|change| substitute_in_change(change, id_of)),
            value => substitute_in(value, id_of),
        })
    }

    /// Whether the value under this name is the operations of a PATCH, which have paths.
    fn holds_changes(&self, name: &str) -> bool {
        self.verb == Verb::Patch && name.eq_ignore_ascii_case("Operations")
    }
}

fn is_path(name: &str) -> bool {
    name.eq_ignore_ascii_case("path")
}

fn in_change<'a>(change: &'a Value, found: &mut Vec<Cow<'a, str>>) {
    let Value::Object(fields) = change else {
        return in_value(change, found);
    };
    for (name, value) in fields {
        match value {
            Value::String(path) if is_path(name) => found.extend(paths::references(path)),
            value => in_value(value, found),
        }
    }
}

fn in_value<'a>(value: &'a Value, found: &mut Vec<Cow<'a, str>>) {
    match value {
        Value::String(text) => found.extend(reference(text).map(Cow::Borrowed)),
        Value::Array(elements) => elements.iter().for_each(|element| in_value(element, found)),
        Value::Object(fields) => fields.values().for_each(|value| in_value(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn substitute_in_change<E>(
    change: &mut Value,
    id_of: &impl Fn(&str) -> Result<String, E>,
) -> Result<(), E> {
    let Value::Object(fields) = change else {
        return substitute_in(change, id_of);
    };
    fields.iter_mut().try_for_each(|(name, value)| match value {
        Value::String(path) if is_path(name) => paths::substitute(path, id_of),
        value => substitute_in(value, id_of),
    })
}

/// Puts the id of what was made in place of each reference in the attributes of a resource.
pub(crate) fn substitute<E>(
    attributes: &mut Map<String, Value>,
    id_of: &impl Fn(&str) -> Result<String, E>,
) -> Result<(), E> {
    attributes
        .values_mut()
        .try_for_each(|value| substitute_in(value, id_of))
}

fn substitute_in<E>(
    value: &mut Value,
    id_of: &impl Fn(&str) -> Result<String, E>,
) -> Result<(), E> {
    match value {
        Value::String(text) => {
            if let Some(bulk_id) = reference(text) {
                *text = id_of(bulk_id)?;
            }
            Ok(())
        }
        Value::Array(elements) => elements
            .iter_mut()
            .try_for_each(|element| substitute_in(element, id_of)),
        Value::Object(fields) => substitute(fields, id_of),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Takes out of a resource the attributes that refer to one of `later`, to be added when those are made. Of an extension only what refers is
/// taken.
pub(crate) fn defer(data: &mut Map<String, Value>, later: &[String]) -> Map<String, Value> {
    let mut deferred = Map::new();
    let names: Vec<_> = data.keys().cloned().collect();
    for name in names {
        let value = &mut data[&name];
        let mut references = Vec::new();
        in_value(value, &mut references);
        let refers = references
            .iter()
            .any(|bulk_id| later.iter().any(|other| other == bulk_id));
        if !refers {
            continue;
        }
        if let Value::Object(extension) = value
            && is_urn(&name)
        {
            deferred.insert(name, defer(extension, later).into());
        } else {
            deferred.extend(data.shift_remove(&name).map(|value| (name, value)));
        }
    }
    deferred
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{ENTERPRISE_USER, resource_type::ResourceType};

    fn object(json: Value) -> Map<String, Value> {
        let Value::Object(object) = json else {
            panic!("data are an object")
        };
        object
    }

    fn operation(verb: Verb, data: Value) -> Operation {
        Operation {
            verb,
            resource_type: ResourceType::Group,
            id: "g".to_owned(),
            version: None,
            data: object(data),
        }
    }

    #[test]
    fn a_reference_is_a_whole_text() {
        assert_eq!(reference("bulkId:qwerty"), Some("qwerty"));
        for text in ["bulkId:", "bulkid:a", " bulkId:a", "x"] {
            assert_eq!(reference(text), None, "{text}");
        }
        let data = json!({"a": "bulkId:1", "b": [{"value": "bulkId:2"}, "bulkId:3", "x", 1], "bulkId:4": null});
        assert_eq!(operation(Verb::Create, data).references(), ["1", "2", "3"]);
    }

    #[test]
    fn every_reference_becomes_an_id() {
        let mut data =
            object(json!({"members": [{"value": "bulkId:1"}, "bulkId:2"], "displayName": "x"}));
        let id_of = |bulk_id: &str| Ok::<_, ()>(format!("id-{bulk_id}"));
        substitute(&mut data, &id_of).unwrap();
        let expected = json!({"members": [{"value": "id-1"}, "id-2"], "displayName": "x"});
        assert_eq!(Value::from(data.clone()), expected);
        let mut data = object(json!({"a": "bulkId:1"}));
        let unknown = |bulk_id: &str| Err(bulk_id.to_owned());
        assert_eq!(substitute(&mut data, &unknown), Err("1".to_owned()));
    }

    #[test]
    fn the_paths_of_a_patch_are_read() {
        let data = json!({"operations": [
            {"op": "remove", "Path": "members[value eq \"bulkId:1\"]"},
            {"op": "add", "path": "members", "value": [{"value": "bulkId:2", "path": "x[y eq \"bulkId:3\"]"}]}]});
        let patch = operation(Verb::Patch, data.clone());
        assert_eq!(patch.references(), ["1", "2"]);
        let mut substituted = patch.data.clone();
        let id_of = |bulk_id: &str| Ok::<_, ()>(format!("id-{bulk_id}"));
        patch.substitute(&mut substituted, &id_of).unwrap();
        let expected = json!({"operations": [
            {"op": "remove", "Path": "members[value eq \"id-1\"]"},
            {"op": "add", "path": "members", "value": [{"value": "id-2", "path": "x[y eq \"bulkId:3\"]"}]}]});
        assert_eq!(Value::from(substituted), expected);
        let other = operation(Verb::Replace, data);
        assert_eq!(other.references(), ["2"], "only a PATCH has paths");
    }

    #[test]
    fn only_what_refers_is_put_off() {
        let mut data = object(json!({"userName": "a", "x": "bulkId:1",
            ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "bulkId:2"}}}));
        let deferred = defer(&mut data, &["2".to_owned()]);
        assert_eq!(
            Value::from(deferred),
            json!({ENTERPRISE_USER: {"manager": {"value": "bulkId:2"}}})
        );
        assert_eq!(
            Value::from(data.clone()),
            json!({"userName": "a", "x": "bulkId:1", ENTERPRISE_USER: {"department": "R&D"}})
        );
        let deferred = defer(&mut data, &["1".to_owned()]);
        assert_eq!(Value::from(deferred), json!({"x": "bulkId:1"}));
    }
}
