//! The only place for what a new document of a resource owes to the one before it and to its tenant's schemas: values that were set once
//! stay, values that clients do not write stay, and required ones are there.
//!
//! `required` in an extension means: in a resource that has the extension, and in a value that has the attribute. RFC 7643 section 6 lets the
//! resource type say whether the extension as a whole is required, and here none is: a definition must not make the accounts that Entra
//! manages already impossible to write. What stands in an extension from before its definition is not checked until the extension changes.

use serde_json::Value;

use super::{
    Map,
    error::ScimType,
    schema::{Attribute, Mutability, ResourceSchema, Schema},
};

/// Why a document cannot take the place of the one before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// It was set, and may be set only once.
    #[error(
        "{0} may be set only once; remove it from the attribute mapping, or apply it only when the object is created"
    )]
    Immutable(String),
    /// It was never there.
    #[error("{0} is required: map it and give it a value")]
    Missing(String),
    /// It was there.
    #[error("{0} is required and cannot be removed")]
    Removed(String),
}

impl RevisionError {
    /// SCIM's keyword for it.
    pub const fn scim_type(&self) -> ScimType {
        match self {
            Self::Immutable(_) | Self::Removed(_) => ScimType::Mutability,
            Self::Missing(_) => ScimType::InvalidValue,
        }
    }
}

/// Puts back what a PUT cannot take away: what clients do not write, and what may be set only once and is left out.
pub fn keep(old: &Map, new: &mut Map, schema: &ResourceSchema) {
    keep_those(old, new, schema, |attribute| {
        !attribute.is_writable() || attribute.mutability == Mutability::Immutable
    });
}

/// Puts back what a PATCH cannot take away: what clients do not write.
pub fn keep_unwritable(old: &Map, new: &mut Map, schema: &ResourceSchema) {
    keep_those(old, new, schema, |attribute| !attribute.is_writable());
}

/// Checks the extensions that have changed.
pub fn check(old: &Map, new: &Map, schema: &ResourceSchema) -> Result<(), RevisionError> {
    for extension in defined(schema) {
        let (before, after) = (object(old, &extension.id), object(new, &extension.id));
        if before == after {
            continue;
        }
        for attribute in &extension.attributes {
            let name = || format!("{}:{}", extension.id, attribute.name);
            let before = before.and_then(|object| value(object, &attribute.name));
            let after = after.and_then(|object| value(object, &attribute.name));
            check_once_set(attribute, before, after, &name())?;
        }
        if let Some(name) = after.and_then(|after| missing_in(extension, after).next()) {
            let was_there = before
                .is_some_and(|before| missing_in(extension, before).all(|missing| missing != name));
            return Err(if was_there {
                RevisionError::Removed(name)
            } else {
                RevisionError::Missing(name)
            });
        }
    }
    Ok(())
}

/// The required attributes that the extensions of a document lack.
pub fn missing(document: &Map, schema: &ResourceSchema) -> impl Iterator<Item = String> {
    defined(schema)
        .filter_map(|extension| Some((extension, object(document, &extension.id)?)))
        .flat_map(|(extension, object)| missing_in(extension, object))
}

fn defined(schema: &ResourceSchema) -> impl Iterator<Item = &Schema> {
    schema
        .extensions
        .iter()
        .map(AsRef::as_ref)
        .filter(|extension| !extension.built_in)
}

fn keep_those(
    old: &Map,
    new: &mut Map,
    schema: &ResourceSchema,
    keeps: impl Fn(&Attribute) -> bool,
) {
    for extension in defined(schema) {
        let Some(before) = object(old, &extension.id) else {
            continue;
        };
        for (key, kept) in before {
            let Some(attribute) = extension
                .attribute(key)
                .filter(|attribute| keeps(attribute))
            else {
                continue;
            };
            let object = object_mut(new, &extension.id);
            if value(object, &attribute.name).is_none() {
                object.insert(key.clone(), kept.clone());
            }
        }
    }
}

/// An attribute that may be set once, or the parts of a single value that may.
fn check_once_set(
    attribute: &Attribute,
    before: Option<&Value>,
    after: Option<&Value>,
    name: &str,
) -> Result<(), RevisionError> {
    if before.is_none() || before == after {
        return Ok(());
    }
    if attribute.mutability == Mutability::Immutable {
        return Err(RevisionError::Immutable(name.to_owned()));
    }
    // Of a list the PATCH itself knows which element is which.
    let (Some(Value::Object(before)), Some(Value::Object(after)), false) =
        (before, after, attribute.multi_valued)
    else {
        return Ok(());
    };
    attribute.sub_attributes.iter().try_for_each(|sub| {
        check_once_set(
            sub,
            value(before, &sub.name),
            value(after, &sub.name),
            &format!("{name}.{}", sub.name),
        )
    })
}

fn missing_in(extension: &Schema, object: &Map) -> impl Iterator<Item = String> {
    extension.attributes.iter().flat_map(move |attribute| {
        let found = value(object, &attribute.name);
        let name = format!("{}:{}", extension.id, attribute.name);
        let subs: Vec<_> = attribute
            .sub_attributes
            .iter()
            .filter(|sub| sub.required && found.is_some_and(|found| lacks(found, &sub.name)))
            .map(|sub| format!("{name}.{}", sub.name))
            .collect();
        let whole = (attribute.required && found.is_none()).then_some(name);
        whole.into_iter().chain(subs)
    })
}

/// Whether an element of a complex value has no such part.
fn lacks(found: &Value, sub: &str) -> bool {
    match found {
        Value::Array(elements) => elements.iter().any(|element| lacks(element, sub)),
        Value::Object(object) => value(object, sub).is_none(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The value of a name in any case: what was written before a definition has names as they were written.
fn value<'d>(object: &'d Map, name: &str) -> Option<&'d Value> {
    object.get(name).or_else(|| {
        let mut others = object.iter();
        others
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

fn object<'d>(document: &'d Map, urn: &str) -> Option<&'d Map> {
    value(document, urn).and_then(Value::as_object)
}

fn object_mut<'d>(document: &'d mut Map, urn: &str) -> &'d mut Map {
    let key = document
        .keys()
        .find(|key| key.eq_ignore_ascii_case(urn))
        .map_or(urn, String::as_str)
        .to_owned();
    let entry = document.entry(key).or_insert(Value::Null);
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut().expect("it was made one")
}
