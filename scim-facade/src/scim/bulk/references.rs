//! `bulkId:` references (RFC 7644 section 3.7.2): finding them in an operation's data, and putting ids in their place.

use serde_json::{Map, Value};

use crate::scim::is_urn;

/// The bulkId that a text refers to.
pub(crate) fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("bulkId:").filter(|id| !id.is_empty())
}

/// The bulkIds that data refer to.
pub(crate) trait References {
    fn references(&self) -> Vec<&str>;
}

impl References for Map<String, Value> {
    fn references(&self) -> Vec<&str> {
        self.values().flat_map(References::references).collect()
    }
}

impl References for Value {
    fn references(&self) -> Vec<&str> {
        match self {
            Self::String(text) => reference(text).into_iter().collect(),
            Self::Array(elements) => elements.iter().flat_map(Self::references).collect(),
            Self::Object(fields) => fields.references(),
            _ => Vec::new(),
        }
    }
}

/// Puts the id of what was made in place of each reference. The first that has none is the error.
pub(crate) fn substitute<E>(
    data: &mut Map<String, Value>,
    id_of: &impl Fn(&str) -> Result<String, E>,
) -> Result<(), E> {
    data.values_mut()
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
        _ => Ok(()),
    }
}

/// Takes out of a resource the attributes that refer to one of `later`, to be added when those are made. Of an extension only what refers is
/// taken.
pub(crate) fn defer(data: &mut Map<String, Value>, later: &[String]) -> Map<String, Value> {
    let mut deferred = Map::new();
    let names: Vec<_> = data.keys().cloned().collect();
    for name in names {
        let value = &mut data[&name];
        let refers = value
            .references()
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
    use crate::scim::ENTERPRISE_USER;

    fn object(json: Value) -> Map<String, Value> {
        let Value::Object(object) = json else {
            panic!("data are an object")
        };
        object
    }

    #[test]
    fn a_reference_is_a_whole_text() {
        assert_eq!(reference("bulkId:qwerty"), Some("qwerty"));
        for text in ["bulkId:", "bulkid:a", " bulkId:a", "x"] {
            assert_eq!(reference(text), None, "{text}");
        }
        let data = object(
            json!({"a": "bulkId:1", "b": [{"value": "bulkId:2"}, "bulkId:3", "x", 1], "bulkId:4": null}),
        );
        assert_eq!(data.references(), ["1", "2", "3"]);
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
