//! Paths as keys of a resource of POST or PUT: `{"name.givenName": …, "urn:…:User:department": …}`, understood as in a PATCH without a path.
//!
//! RIPAGlobal/scimitar#123 and AzureAD/SCIMReferenceCode have the keys in a PATCH; jobs that map to such names send them in a create too.

use serde_json::{Map, Value};

use super::urn::{is_schema, split};
use crate::scim::{is_core, is_urn, projection::equality, without_core};

/// Puts each value where its key's path leads. A key that leads nowhere stays, and means nothing.
pub(super) fn unfold(resource: &mut Map<String, Value>) {
    if !resource.keys().any(|key| is_path(key)) {
        return;
    }
    let (paths, plain): (Vec<_>, Vec<_>) = std::mem::take(resource)
        .into_iter()
        .partition(|(key, _)| is_path(key));
    resource.extend(plain);
    for (key, value) in paths {
        place(resource, &key, value);
    }
}

fn is_path(key: &str) -> bool {
    let path = without_core(key);
    if is_urn(path) {
        is_core(path) || !is_schema(path) && split(path).is_some()
    } else {
        path.len() < key.len() || path.contains(['.', '['])
    }
}

fn place(resource: &mut Map<String, Value>, key: &str, value: Value) {
    let path = without_core(key);
    let unplaced = match (split(path), value) {
        (None, Value::Object(attributes)) if is_core(path) => {
            for (name, value) in attributes {
                put(resource, &name, value);
            }
            None
        }
        (Some((schema, attribute)), value) if is_urn(path) => match entry(resource, schema) {
            Some(extension) => put(extension, attribute, value),
            None => Some(value),
        },
        (_, value) => put(resource, path, value),
    };
    if let Some(value) = unplaced {
        resource.insert(key.to_owned(), value);
    }
}

/// Puts a value at `name`, `name.sub` or `name[type eq "x"].sub`; gives it back when there is no such place.
fn put(attributes: &mut Map<String, Value>, path: &str, value: Value) -> Option<Value> {
    if let Some((name, rest)) = path.split_once('[') {
        let step = rest.rsplit_once("].").and_then(|(filter, sub)| {
            let (key, literal) = equality(filter)?;
            let are_names = [name, sub, &key].into_iter().all(is_name);
            are_names.then_some((key, literal, sub))
        });
        let Some((key, literal, sub)) = step else {
            return Some(value);
        };
        return match element(attributes, name, &key, literal) {
            Some(element) => put(element, sub, value),
            None => Some(value),
        };
    }
    match path.split_once('.') {
        None if is_name(path) => {
            let key = key_of(attributes, path);
            attributes.insert(key, value);
            None
        }
        Some((name, sub)) if is_name(name) && is_name(sub) => match entry(attributes, name) {
            Some(complex) => put(complex, sub, value),
            None => Some(value),
        },
        _ => Some(value),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['.', ':', '[', ']'])
}

/// The element of a list that the filter names, made if it is not there.
fn element<'a>(
    attributes: &'a mut Map<String, Value>,
    name: &str,
    key: &str,
    literal: Value,
) -> Option<&'a mut Map<String, Value>> {
    let name = key_of(attributes, name);
    let list = attributes
        .entry(name)
        .or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(elements) = list else {
        return None;
    };
    let is_meant = |element: &Value| {
        let fields = element.as_object().into_iter().flatten();
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(key))
            .any(|(_, value)| *value == literal)
    };
    let at = elements.iter().position(is_meant).unwrap_or_else(|| {
        elements.push(Map::from_iter([(key.to_owned(), literal)]).into());
        elements.len() - 1
    });
    elements[at].as_object_mut()
}

/// The object under a name, made if it is not there or null; `None` when something else is there.
fn entry<'a>(
    attributes: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    let name = key_of(attributes, name);
    let value = attributes.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = Map::new().into();
    }
    value.as_object_mut()
}

/// The key as it is there already, in whatever case.
fn key_of(attributes: &Map<String, Value>, name: &str) -> String {
    let mut keys = attributes.keys();
    let key = keys.find(|key| key.eq_ignore_ascii_case(name));
    key.map_or_else(|| name.to_owned(), String::clone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{CORE_USER, ENTERPRISE_USER};

    fn unfolded(mut body: Value) -> Value {
        unfold(body.as_object_mut().unwrap());
        body
    }

    #[test]
    fn a_dotted_key_is_a_sub_attribute() {
        assert_eq!(
            unfolded(
                json!({"name.givenName": "A", "Name": {"familyName": "E"}, "name.formatted": "A E", "title": "T"})
            ),
            json!({"Name": {"familyName": "E", "givenName": "A", "formatted": "A E"}, "title": "T"})
        );
        assert_eq!(
            unfolded(json!({"name": null, "name.givenName": "A"})),
            json!({"name": {"givenName": "A"}})
        );
    }

    #[test]
    fn a_urn_is_the_way_to_an_extension() {
        assert_eq!(
            unfolded(json!({
                format!("{ENTERPRISE_USER}:department"): "R&D", format!("{ENTERPRISE_USER}:manager.value"): "m",
                ENTERPRISE_USER: {"division": "d"}, "urn:x:Custom:2.0:User:a.b": 1, "urn:x:Custom:2.0:User:c": {"d": 2},
            })),
            json!({ENTERPRISE_USER: {"division": "d", "department": "R&D", "manager": {"value": "m"}},
                "urn:x:Custom:2.0:User": {"a": {"b": 1}, "c": {"d": 2}}})
        );
    }

    #[test]
    fn a_core_urn_adds_nothing() {
        assert_eq!(
            unfolded(
                json!({format!("{CORE_USER}:title"): "T", format!("{CORE_USER}.name.givenName"): "A", CORE_USER: {"nickName": "N"}})
            ),
            json!({"title": "T", "name": {"givenName": "A"}, "nickName": "N"})
        );
    }

    #[test]
    fn a_value_path_makes_its_element() {
        assert_eq!(
            unfolded(json!({
                "emails[type eq \"work\"].value": "a@b.c", "emails[type eq \"work\"].primary": true, "roles[primary eq true].value": "r",
            })),
            json!({"emails": [{"type": "work", "value": "a@b.c", "primary": true}], "roles": [{"primary": true, "value": "r"}]})
        );
    }

    #[test]
    fn what_leads_nowhere_stays() {
        for body in [
            json!({"a.b.c": 1}),
            json!({".a": 1, "a.": 2, "[": 3, "emails[type": 4}),
            json!({"title": "T", "title.x": 1}),
            json!({"emails[type ne \"work\"].value": 1, "emails[type eq \"work\"]": 2}),
            json!({"urn:x:attr": 1, "urn:x:2.0:User": {"a": 1}, "urn:x": {"b": 2}}),
        ] {
            assert_eq!(unfolded(body.clone()), body);
        }
    }
}
