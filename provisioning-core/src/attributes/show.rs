//! The only place that decides what of a tenant's extension is shown: attributes that are never returned are left out, and what was written
//! before its definition gets the names that are defined now.

use serde_json::Value;

use super::{
    Map,
    schema::{Attribute, ResourceSchema},
};

/// Makes the attributes fit to be shown, and tells whether that changed anything.
pub fn show(document: &mut Map, schema: &ResourceSchema) -> bool {
    let defined = |key: &str| {
        schema
            .extension(key)
            .filter(|extension| !extension.built_in)
    };
    let mut changed = false;
    let mut shown = Map::with_capacity(document.len());
    for (key, value) in std::mem::take(document) {
        match (defined(&key), value) {
            (Some(extension), Value::Object(mut object)) => {
                changed |= key != extension.id;
                changed |= show_object(&mut object, &extension.attributes);
                if object.is_empty() {
                    changed = true;
                } else {
                    shown.insert(extension.id.clone(), Value::Object(object));
                }
            }
            (_, value) => {
                shown.insert(key, value);
            }
        }
    }
    *document = shown;
    changed
}

fn show_object(object: &mut Map, attributes: &[Attribute]) -> bool {
    let mut changed = false;
    let mut shown = Map::with_capacity(object.len());
    for (key, mut value) in std::mem::take(object) {
        let attribute = attributes
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(&key));
        match attribute {
            Some(attribute) if attribute.is_hidden() => changed = true,
            Some(attribute) => {
                changed |= key != attribute.name;
                changed |= show_parts(&mut value, attribute);
                shown.insert(attribute.name.clone(), value);
            }
            None => {
                shown.insert(key, value);
            }
        }
    }
    *object = shown;
    changed
}

fn show_parts(value: &mut Value, attribute: &Attribute) -> bool {
    match value {
        Value::Object(parts) => show_object(parts, &attribute.sub_attributes),
        Value::Array(elements) => {
            let mut changed = false;
            for element in elements.iter_mut().filter_map(Value::as_object_mut) {
                changed |= show_object(element, &attribute.sub_attributes);
            }
            changed
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
