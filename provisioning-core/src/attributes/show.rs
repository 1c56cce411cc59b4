//! The only place that decides what of a tenant's extension is shown: attributes that are never returned are left out, and what was written
//! before its definition gets the names that are defined now.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Map,
    schema::{Attribute, ResourceSchema, Returned},
};

/// When those attributes of a resource's extensions, and their parts, are shown that are not shown by default; by path.
pub type Shows = BTreeMap<String, Returned>;

/// Makes the attributes fit to be shown. Tells whether that changed anything, and what of them is not shown by default.
pub fn show(document: &mut Map, schema: &ResourceSchema) -> (bool, Shows) {
    let defined = |key: &str| {
        schema
            .extension(key)
            .filter(|extension| !extension.built_in)
    };
    let mut seen = Seen::default();
    let mut shown = Map::with_capacity(document.len());
    for (key, value) in std::mem::take(document) {
        match (defined(&key), value) {
            (Some(extension), Value::Object(mut object)) => {
                seen.changed |= key != extension.id;
                let path = |name: &str| format!("{}:{name}", extension.id);
                seen.object(&mut object, &extension.attributes, &path);
                if object.is_empty() {
                    seen.changed = true;
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
    (seen.changed, seen.shows)
}

/// What was seen on the way through a document.
#[derive(Default)]
struct Seen {
    changed: bool,
    shows: Shows,
}

impl Seen {
    fn object(
        &mut self,
        object: &mut Map,
        attributes: &[Attribute],
        path: &dyn Fn(&str) -> String,
    ) {
        let mut shown = Map::with_capacity(object.len());
        for (key, mut value) in std::mem::take(object) {
            let attribute = attributes
                .iter()
                .find(|attribute| attribute.name.eq_ignore_ascii_case(&key));
            match attribute {
                Some(attribute) if attribute.is_hidden() => self.changed = true,
                Some(attribute) => {
                    self.changed |= key != attribute.name;
                    if attribute.returned != Returned::Default {
                        self.shows.insert(path(&attribute.name), attribute.returned);
                    }
                    let part = |name: &str| format!("{}.{name}", path(&attribute.name));
                    self.parts(&mut value, attribute, &part);
                    shown.insert(attribute.name.clone(), value);
                }
                None => {
                    shown.insert(key, value);
                }
            }
        }
        *object = shown;
    }

    fn parts(&mut self, value: &mut Value, attribute: &Attribute, path: &dyn Fn(&str) -> String) {
        match value {
            Value::Object(parts) => self.object(parts, &attribute.sub_attributes, path),
            Value::Array(elements) => {
                for element in elements.iter_mut().filter_map(Value::as_object_mut) {
                    self.object(element, &attribute.sub_attributes, path);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
