//! The only place that makes the normalised copy of a resource which filters run against, in memory and in SQL alike.
//!
//! The copy differs from the attributes document so:
//! * texts are folded unless the attribute is `caseExact`; times are in their canonical form; null, empty texts, empty lists and
//!   empty objects are left out: an absent key is the only form of "no value";
//! * every list is a list of objects: a plain value is `{"value": …}`;
//! * an extension that is not built in has the form of [`open`], which needs no schema;
//! * `schemas` and `meta.resourceType` are added.
//!
//! What storage keeps in columns of its own (`id` and the rest of `meta`) is not part of the stored copy. SQL takes it from the
//! columns; in memory [`with_record`] adds it, in the form that filters compare with.

use serde_json::Value;

use super::{
    Map,
    fold::fold,
    open,
    resolve::is_urn,
    schema::{Attribute, ResourceSchema, Schema, Type},
    time::DateTime,
};

/// What storage keeps beside the attributes document.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// SCIM `id`.
    pub id: &'a str,
    /// `meta.created`, microseconds since 1970.
    pub created_micros: i64,
    /// `meta.lastModified`, microseconds since 1970.
    pub updated_micros: i64,
    /// `meta.version` without its quotes.
    pub version: i64,
}

/// The search document of a [canonical](super::validate::canonical) attributes document.
pub fn search_document(document: &Map, schema: &ResourceSchema) -> Map {
    let mut search = Map::new();
    let mut urns = vec![schema.core.id.as_str()];
    for (key, value) in document {
        if let Some(attribute) = schema.attribute(key) {
            insert(
                &mut search,
                attribute.name.clone(),
                attribute_value(attribute, value),
            );
        } else if let Some(extension) = schema.extension(key).filter(|schema| schema.built_in) {
            let object = value
                .as_object()
                .map(|object| extension_object(extension, object));
            if insert(&mut search, extension.id.clone(), object.map(Value::Object)) {
                urns.push(&extension.id);
            }
        } else if let (true, Value::Object(object)) = (is_urn(key), value)
            && insert(
                &mut search,
                key.to_ascii_lowercase(),
                Some(Value::Object(open::object(object))),
            )
        {
            urns.push(key);
        }
    }
    if schema.attribute("schemas").is_some() {
        let urns = urns
            .into_iter()
            .map(|urn| element("value", Value::String(fold(urn))))
            .collect();
        search.insert("schemas".to_owned(), Value::Array(urns));
        search.insert(
            "meta".to_owned(),
            element("resourceType", Value::String(schema.resource_type.clone())),
        );
    }
    search
}

/// Adds what stands in columns, so that the whole resource can be filtered in memory.
pub fn with_record(mut search: Map, record: &Record<'_>) -> Map {
    search.insert("id".to_owned(), record.id.into());
    if let Some(Value::Object(meta)) = search.get_mut("meta") {
        let time =
            |micros| DateTime::from_micros(micros).map(|time| Value::String(time.to_string()));
        insert(meta, "created".to_owned(), time(record.created_micros));
        insert(meta, "lastModified".to_owned(), time(record.updated_micros));
        meta.insert(
            "version".to_owned(),
            format!("\"{}\"", record.version).into(),
        );
    }
    search
}

/// The mail addresses of a search document with their types, in order: what storage keeps in an index of its own.
pub fn emails(search: &Map) -> impl Iterator<Item = (&str, Option<&str>)> {
    let elements = search
        .get("emails")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    elements.filter_map(|element| {
        Some((
            element.get("value")?.as_str()?,
            element.get("type").and_then(Value::as_str),
        ))
    })
}

/// One element of a built-in list in the form that [`matches_element`](super::filter::matches_element) takes.
pub(super) fn search_element(attribute: &Attribute, value: &Value) -> Option<Map> {
    match list_element(attribute, value) {
        Some(Value::Object(object)) => Some(object),
        _ => None,
    }
}

fn insert(map: &mut Map, key: String, value: Option<Value>) -> bool {
    let value = value.filter(|value| !is_empty(value));
    let found = value.is_some();
    if let Some(value) = value {
        map.insert(key, value);
    }
    found
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn element(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

fn attribute_value(attribute: &Attribute, value: &Value) -> Option<Value> {
    // What is never shown must not be found out by filters either.
    if attribute.is_hidden() {
        None
    } else if attribute.multi_valued {
        let elements = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        Some(
            elements
                .iter()
                .filter_map(|value| list_element(attribute, value))
                .collect(),
        )
    } else {
        single_value(attribute, value)
    }
}

fn list_element(attribute: &Attribute, value: &Value) -> Option<Value> {
    let value = single_value(attribute, value).filter(|value| !is_empty(value))?;
    if attribute.kind == Type::Complex {
        Some(value)
    } else {
        Some(element("value", value))
    }
}

fn single_value(attribute: &Attribute, value: &Value) -> Option<Value> {
    match (attribute.kind, value) {
        (Type::Complex, Value::Object(object)) => {
            let mut search = Map::new();
            for (key, value) in object {
                if let Some(sub) = attribute.sub_attribute(key) {
                    insert(&mut search, sub.name.clone(), attribute_value(sub, value));
                }
            }
            Some(Value::Object(search))
        }
        (Type::Complex, _) => None,
        (Type::DateTime, Value::String(text)) => {
            DateTime::parse(text).map(|time| Value::String(time.to_string()))
        }
        (Type::String, Value::String(text)) if attribute.folds() => Some(Value::String(fold(text))),
        _ => Some(value.clone()),
    }
}

fn extension_object(schema: &Schema, object: &Map) -> Map {
    let mut search = Map::new();
    for (key, value) in object {
        if let Some(attribute) = schema.attribute(key) {
            insert(
                &mut search,
                attribute.name.clone(),
                attribute_value(attribute, value),
            );
        }
    }
    search
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn search(document: Value) -> Value {
        let Value::Object(document) = document else {
            panic!("an object")
        };
        Value::Object(search_document(&document, ResourceSchema::user()))
    }

    #[test]
    fn texts_are_folded_where_case_does_not_matter_and_nothing_empty_is_left() {
        let found = search(json!({
            "userName": "Alice@Contoso.COM",
            "externalId": "ABC",
            "active": false,
            "title": "",
            "nickName": null,
            "name": {"familyName": "Éx", "givenName": ""},
            "emails": [{"value": "A@B.c", "type": "Work", "primary": true}, {"value": ""}],
            "roles": [],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "ID"}},
            "urn:x:Custom:2.0:User": {"Tag": "X", "List": [1, {"Value": "Y"}, null], "On": true, "None": ""},
        }));
        assert_eq!(
            found,
            json!({
                "userName": "alice@contoso.com",
                "externalId": "ABC",
                "active": false,
                "name": {"familyName": "éx"},
                "emails": [{"value": "a@b.c", "type": "work", "primary": true}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "r&d", "manager": {"value": "ID"}},
                "urn:x:custom:2.0:user": {
                    "tag": [{"value": "x", "value=": "X"}],
                    "list": [{"value": 1, "value#": "bff00000000000008000"}, {"value": "y", "value=": "Y"}],
                    "on": [{"value": true}],
                },
                "schemas": [
                    {"value": "urn:ietf:params:scim:schemas:core:2.0:user"},
                    {"value": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"},
                    {"value": "urn:x:custom:2.0:user"},
                ],
                "meta": {"resourceType": "User"},
            })
        );
    }

    #[test]
    fn the_record_is_added_in_the_form_filters_compare_with() {
        let record = Record {
            id: "x",
            created_micros: 0,
            updated_micros: 1_500_000,
            version: 7,
        };
        let found = with_record(
            search_document(&Map::new(), ResourceSchema::user()),
            &record,
        );
        assert_eq!(found["id"], "x");
        assert_eq!(
            found["meta"],
            json!({"resourceType": "User", "created": "1970-01-01T00:00:00.000000Z", "lastModified": "1970-01-01T00:00:01.500000Z", "version": "\"7\""})
        );
    }

    #[test]
    fn a_password_is_never_searchable() {
        assert_eq!(search(json!({"password": "x"})).get("password"), None);
    }
}
