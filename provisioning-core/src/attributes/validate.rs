//! The only place where a client's JSON becomes an attributes document: canonical names, checked types, nothing unassigned left.
//!
//! Lenient where Entra needs it: names in any case, booleans and numbers as words, one value where a list or an object is meant and
//! the reverse, unknown attributes. There are no checks of the syntax of mail addresses, languages, time zones, URLs or phone
//! numbers: Entra's validation sends made-up texts for all of them and wants them back.

use serde_json::Value;

use super::{
    Map,
    error::ScimType,
    fold::{TextError, check_text},
    resolve::is_urn,
    revise,
    schema::{Attribute, ResourceSchema, Schema, Type, Uniqueness},
    time::DateTime,
};

/// How many elements a list, and how many members an object, may have: far more than a person has, and few enough that comparing each with
/// each costs nothing.
pub const MEMBERS_MAX: usize = 250;

/// How deep JSON may nest. Attributes need four levels; what no schema describes may need a few more.
pub const JSON_DEPTH_MAX: usize = 32;

/// How much of an unknown name is repeated in a list of ignored attributes.
const IGNORED_NAME_CHARS_MAX: usize = 200;

/// A document and what was left out of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Canonical {
    /// The attributes document.
    pub document: Map,
    /// The attributes that no schema knows, in order. They are not kept.
    pub ignored: Vec<String>,
}

/// A value that does not fit its attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{attribute} {problem}")]
pub struct ValueError {
    /// The attribute's name.
    pub attribute: String,
    /// What is wrong with its value.
    pub problem: ValueProblem,
}

impl ValueError {
    /// SCIM's keyword for it.
    pub const fn scim_type(&self) -> ScimType {
        match self.problem {
            ValueProblem::Duplicate | ValueProblem::TooDeep => ScimType::InvalidSyntax,
            ValueProblem::TooMany => ScimType::TooMany,
            ValueProblem::Type(_)
            | ValueProblem::Nul
            | ValueProblem::Name(_)
            | ValueProblem::Required => ScimType::InvalidValue,
        }
    }
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// Another type.
    #[error("must be {0}")]
    Type(&'static str),
    /// The character NUL.
    #[error("holds the character NUL, which no attribute may hold")]
    Nul,
    /// A text that cannot name a login account.
    #[error("{0}; give it another value")]
    Name(TextError),
    /// Missing.
    #[error("is required: map it and give it a value")]
    Required,
    /// The same name twice, perhaps in another case.
    #[error("is given more than once")]
    Duplicate,
    /// More elements or members than are kept.
    #[error("has more than {MEMBERS_MAX} values; map fewer")]
    TooMany,
    /// Nested too deep.
    #[error("is nested more than {JSON_DEPTH_MAX} deep")]
    TooDeep,
}

/// Checks a whole resource. Null, empty texts, empty lists and empty objects are "no value" (RFC 7643 section 2.5); what clients
/// cannot write (`id`, `meta`, `password`, …) is left out without a word, as RFC 7644 section 3.3 wants; unknown attributes are
/// listed; extensions that no schema describes are kept as they are.
pub fn canonical(input: &Map, schema: &ResourceSchema) -> Result<Canonical, ValueError> {
    let mut found = Canonical::default();
    check_count("the resource", input.len())?;
    check_names(input)?;
    for (key, value) in input {
        check_any(key, value)?;
        if let Some(attribute) = schema.attribute(key) {
            let value = attribute_value(attribute, value, &mut found.ignored)?;
            insert(&mut found.document, attribute.name.clone(), value);
        } else if let Some(extension) = schema.extension(key) {
            let value = extension_value(extension, value, &mut found.ignored)?;
            insert(&mut found.document, extension.id.clone(), value);
        } else if is_urn(key) && !key.eq_ignore_ascii_case(&schema.core.id) && value.is_object() {
            insert(&mut found.document, key.clone(), Some(value.clone()));
        } else {
            ignore(&mut found.ignored, key);
        }
    }
    let missing = schema
        .core
        .attributes
        .iter()
        .find(|attribute| attribute.required && !found.document.contains_key(&attribute.name))
        .map(|attribute| attribute.name.clone())
        .or_else(|| revise::missing(&found.document, schema).next());
    match missing {
        Some(name) => Err(error(&name, ValueProblem::Required)),
        None => Ok(found),
    }
}

impl Canonical {
    /// Leaves out the extensions that no schema describes, as the tenant's settings may want it.
    pub fn pass_over_unknown_schemas(&mut self, schema: &ResourceSchema) {
        let ignored = &mut self.ignored;
        self.document.retain(|key, _| {
            let known = !is_urn(key) || schema.extension(key).is_some();
            if !known {
                ignore(ignored, key);
            }
            known
        });
    }
}

/// Checks the value of one attribute. `None` is "no value".
pub(super) fn attribute_value(
    attribute: &Attribute,
    value: &Value,
    ignored: &mut Vec<String>,
) -> Result<Option<Value>, ValueError> {
    if !attribute.is_writable() {
        return Ok(None);
    }
    if !attribute.multi_valued {
        return single_value(attribute, value, ignored);
    }
    let mut elements = Vec::new();
    for value in value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
    {
        elements.extend(list_element(attribute, value, ignored)?);
    }
    let last = elements.len().saturating_sub(1);
    keep_one_primary(&mut elements, 0..=last);
    Ok(Some(Value::Array(elements)).filter(|value| !is_unassigned(value)))
}

/// Checks one element of a list.
pub(super) fn list_element(
    attribute: &Attribute,
    value: &Value,
    ignored: &mut Vec<String>,
) -> Result<Option<Value>, ValueError> {
    let Some(element) = single_value(attribute, value, ignored)? else {
        return Ok(None);
    };
    // `{"type":"work","value":""}` says that there is no such element.
    let emptied = match (&element, value) {
        (Value::Object(element), Value::Object(given)) => {
            element.len() < given.len() && is_leftover(element)
        }
        _ => false,
    };
    Ok((!emptied).then_some(element))
}

/// Whether an element only says what it would be used for.
pub(super) fn is_leftover(element: &Map) -> bool {
    element
        .keys()
        .all(|key| matches!(key.as_str(), "type" | "primary"))
}

/// At most one element is the primary one (RFC 7643 section 2.4): the last of those just written; the others lose the mark.
pub(super) fn keep_one_primary(
    elements: &mut [Value],
    written: impl DoubleEndedIterator<Item = usize>,
) {
    let is_primary = |element: &Value| element.get("primary") == Some(&Value::Bool(true));
    let Some(kept) = written
        .rev()
        .find(|index| elements.get(*index).is_some_and(is_primary))
    else {
        return;
    };
    for (index, element) in elements.iter_mut().enumerate() {
        if index != kept && is_primary(element) {
            element["primary"] = Value::Bool(false);
        }
    }
}

/// Checks what no schema describes: depth, NUL and names that are the same but for case.
pub(super) fn check_any(name: &str, value: &Value) -> Result<(), ValueError> {
    // Sub-trees are checked with an explicit depth, so that this recursion is bounded as well.
    fn check(value: &Value, depth: usize) -> Result<(), ValueProblem> {
        if depth > JSON_DEPTH_MAX {
            return Err(ValueProblem::TooDeep);
        }
        match value {
            Value::String(text) if text.contains('\0') => Err(ValueProblem::Nul),
            Value::Array(values) if values.len() > MEMBERS_MAX => Err(ValueProblem::TooMany),
            Value::Object(object) if object.len() > MEMBERS_MAX => Err(ValueProblem::TooMany),
            Value::Array(values) => values.iter().try_for_each(|value| check(value, depth + 1)),
            Value::Object(object) => object.iter().try_for_each(|(key, value)| {
                if key.contains('\0') {
                    return Err(ValueProblem::Nul);
                }
                check(value, depth + 1)
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }
    check(value, 1).map_err(|problem| error(name, problem))?;
    match value {
        Value::Object(object) => check_names_within(object),
        Value::Array(values) => values
            .iter()
            .filter_map(Value::as_object)
            .try_for_each(check_names_within),
        _ => Ok(()),
    }
}

/// Checks that a list or object that grew is not too large.
pub(super) fn check_count(name: &str, count: usize) -> Result<(), ValueError> {
    if count > MEMBERS_MAX {
        Err(error(name, ValueProblem::TooMany))
    } else {
        Ok(())
    }
}

fn check_names_within(object: &Map) -> Result<(), ValueError> {
    check_names(object)?;
    object.iter().try_for_each(|(_, value)| match value {
        Value::Object(object) => check_names_within(object),
        Value::Array(values) => values
            .iter()
            .filter_map(Value::as_object)
            .try_for_each(check_names_within),
        _ => Ok(()),
    })
}

/// Refuses names that differ in case only: which one would win?
fn check_names(object: &Map) -> Result<(), ValueError> {
    let mut names: Vec<_> = object.keys().map(|key| key.to_ascii_lowercase()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(error(&pair[0], ValueProblem::Duplicate)),
        None => Ok(()),
    }
}

/// Null, or empty.
pub(super) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Notes an attribute that is not kept, once.
pub(super) fn ignore(ignored: &mut Vec<String>, name: &str) {
    let name: String = name.chars().take(IGNORED_NAME_CHARS_MAX).collect();
    if !ignored.contains(&name) {
        ignored.push(name);
    }
}

fn insert(map: &mut Map, key: String, value: Option<Value>) {
    if let Some(value) = value.filter(|value| !is_unassigned(value)) {
        map.insert(key, value);
    }
}

fn error(attribute: &str, problem: ValueProblem) -> ValueError {
    ValueError {
        attribute: attribute.chars().take(IGNORED_NAME_CHARS_MAX).collect(),
        problem,
    }
}

fn extension_value(
    schema: &Schema,
    value: &Value,
    ignored: &mut Vec<String>,
) -> Result<Option<Value>, ValueError> {
    let object = match value {
        Value::Null => return Ok(None),
        Value::Object(object) => object,
        _ => {
            return Err(error(
                &schema.id,
                ValueProblem::Type("an object of attributes"),
            ));
        }
    };
    let mut found = Map::new();
    for (key, value) in object {
        match schema.attribute(key) {
            Some(attribute) => insert(
                &mut found,
                attribute.name.clone(),
                attribute_value(attribute, value, ignored)?,
            ),
            None => ignore(ignored, &format!("{}:{key}", schema.id)),
        }
    }
    Ok(Some(Value::Object(found)))
}

fn single_value(
    attribute: &Attribute,
    value: &Value,
    ignored: &mut Vec<String>,
) -> Result<Option<Value>, ValueError> {
    let value = match value {
        // Old Entra jobs wrap every value in a list.
        Value::Array(values) if values.len() == 1 => &values[0],
        other => other,
    };
    if is_unassigned(value) {
        return Ok(None);
    }
    let found = if attribute.kind == Type::Complex {
        complex_value(attribute, value, ignored)?
    } else {
        simple_value(attribute, value)?
    };
    Ok(Some(found).filter(|value| !is_unassigned(value)))
}

/// A manager may be given as an id: an attribute with a `value` may be given as that value.
fn complex_value(
    attribute: &Attribute,
    value: &Value,
    ignored: &mut Vec<String>,
) -> Result<Value, ValueError> {
    let mut found = Map::new();
    match (value, attribute.sub_attribute("value")) {
        (Value::Object(object), _) => {
            check_names(object)?;
            for (key, value) in object {
                match attribute.sub_attribute(key) {
                    Some(sub) if sub.is_writable() => insert(
                        &mut found,
                        sub.name.clone(),
                        single_value(sub, value, ignored)?,
                    ),
                    Some(_) => {}
                    None => ignore(ignored, &format!("{}.{key}", attribute.name)),
                }
            }
        }
        (Value::String(_) | Value::Number(_) | Value::Bool(_), Some(sub)) => insert(
            &mut found,
            sub.name.clone(),
            single_value(sub, value, ignored)?,
        ),
        _ => {
            return Err(error(
                &attribute.name,
                ValueProblem::Type("an object of sub-attributes"),
            ));
        }
    }
    Ok(Value::Object(found))
}

fn simple_value(attribute: &Attribute, value: &Value) -> Result<Value, ValueError> {
    // `{"value": x}` stands for x where an attribute has no parts.
    if let Value::Object(object) = value
        && let Some((_, inner)) = object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("value"))
    {
        return if inner.is_object() {
            Err(error(
                &attribute.name,
                ValueProblem::Type(expected(attribute.kind)),
            ))
        } else {
            scalar(attribute, inner)
        };
    }
    scalar(attribute, value)
}

fn scalar(attribute: &Attribute, value: &Value) -> Result<Value, ValueError> {
    let wrong = || {
        error(
            &attribute.name,
            ValueProblem::Type(expected(attribute.kind)),
        )
    };
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Type::String | Type::Binary | Type::Reference, Value::String(text)) => {
            check_string(attribute, text)?;
            Ok(value.clone())
        }
        (Type::Boolean, Value::Bool(_)) | (Type::Decimal, Value::Number(_)) => Ok(value.clone()),
        (Type::Boolean, Value::String(word)) if word.eq_ignore_ascii_case("true") => {
            Ok(Value::Bool(true))
        }
        (Type::Boolean, Value::String(word)) if word.eq_ignore_ascii_case("false") => {
            Ok(Value::Bool(false))
        }
        (Type::Integer, Value::Number(number)) => whole(number.as_i64()).ok_or_else(wrong),
        (Type::Integer, Value::String(text)) => whole(text.trim().parse().ok()).ok_or_else(wrong),
        (Type::Decimal, Value::String(text)) => serde_json::from_str(text.trim())
            .map(Value::Number)
            .map_err(|_| wrong()),
        (Type::DateTime, Value::String(text)) if DateTime::parse(text).is_some() => {
            Ok(value.clone())
        }
        _ => Err(wrong()),
    }
}

/// What the double of a [`Struct`](prost_types::Struct) can hold to its last digit.
fn whole(number: Option<i64>) -> Option<Value> {
    const WHOLE_MAX: u64 = 1 << 53;
    number
        .filter(|number| number.unsigned_abs() <= WHOLE_MAX)
        .map(Value::from)
}

/// A unique text becomes a key, so what a key cannot hold is refused here.
fn check_string(attribute: &Attribute, text: &str) -> Result<(), ValueError> {
    if text.contains('\0') {
        Err(error(&attribute.name, ValueProblem::Nul))
    } else if attribute.uniqueness == Uniqueness::None {
        Ok(())
    } else {
        check_text(text).map_err(|problem| error(&attribute.name, ValueProblem::Name(problem)))
    }
}

const fn expected(kind: Type) -> &'static str {
    match kind {
        Type::String | Type::Reference => "a text",
        Type::Boolean => "true or false",
        Type::Decimal => "a number",
        Type::Integer => "a whole number of at most 2^53",
        Type::DateTime => "a time such as \"2026-01-31T23:59:59Z\"",
        Type::Binary => "a text in base64",
        Type::Complex => "an object of sub-attributes",
    }
}

#[cfg(test)]
mod tests;
