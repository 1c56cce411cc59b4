//! The only place where PATCH operations change an attributes document, RFC 7644 section 3.5.2.
//!
//! All or nothing: the result is a new document. Two dialects differ only in [`PatchRules`]; leniencies that hurt nobody (a path as a
//! key of a value object, one value for a list, a manager as a bare id, `remove` with the values to remove) hold in both.
//!
//! "No value" is null, an empty text, an empty list or an empty object: setting an attribute to it removes the attribute.

mod list;

use serde_json::Value;

use super::{
    Map,
    error::ScimType,
    path::{self, Path, PathError},
    resolve,
    revise::{self, RevisionError},
    schema::{Attribute, ResourceSchema, Schema},
    validate::{self, ValueError},
};

/// A front takes 100 from its client and may make several of one; the bound keeps a hostile request cheap.
pub const OPERATIONS_MAX: usize = 1_000;

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What to do.
    pub op: Op,
    /// Where. Without it the value is an object whose keys are paths.
    pub path: Option<String>,
    /// With what.
    pub value: Option<Value>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Appends to a list, sets anything else.
    Add,
    /// Sets.
    Replace,
    /// Removes.
    Remove,
}

impl Op {
    /// Reads the word in any case: Entra writes `Add` as well as `add`.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Add, Self::Replace, Self::Remove]
            .into_iter()
            .find(|op| word.eq_ignore_ascii_case(op.as_str()))
    }

    /// The word of RFC 7644.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// Where the dialects want different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchRules {
    /// `replace` through a value path that selects nothing creates the element; else it is `noTarget`.
    pub replace_creates: bool,
    /// What is unknown or read-only is passed over and listed; else it is `invalidPath`, `invalidValue` or `mutability`.
    pub ignore_unknown: bool,
    /// What belongs to an extension that no schema describes is kept; else it is passed over and listed.
    pub keep_unknown_schemas: bool,
}

/// What a PATCH led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// The new document.
    pub document: Map,
    /// Whether it differs from the old one.
    pub changed: bool,
    /// What was passed over, in order.
    pub ignored: Vec<String>,
}

/// Why a PATCH is refused. The text is shown to a customer's admin in Entra's portal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PatchError {
    /// The index of the operation. It is not in the text: a front may have made several operations of one, and its client counts those it sent.
    pub operation: usize,
    /// What is wrong with it.
    pub problem: PatchProblem,
}

impl PatchError {
    /// SCIM's keyword for it.
    pub const fn scim_type(&self) -> ScimType {
        match &self.problem {
            PatchProblem::TooMany => ScimType::TooMany,
            PatchProblem::Path(error) => error.scim_type(),
            PatchProblem::Value(error) => error.scim_type(),
            PatchProblem::NoTarget(_) | PatchProblem::NoPath => ScimType::NoTarget,
            PatchProblem::NotWritable(_) | PatchProblem::Required(_) => ScimType::Mutability,
            PatchProblem::Revision(error) => error.scim_type(),
            PatchProblem::NoValue | PatchProblem::NoObject | PatchProblem::Unknown(_) => {
                ScimType::InvalidValue
            }
        }
    }
}

/// What is wrong with an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchProblem {
    /// Over the bound.
    #[error("a request holds at most {OPERATIONS_MAX} operations; send several requests")]
    TooMany,
    /// The path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// No element is selected, and none may or can be made.
    #[error("no element of {0} matches the filter in the path; add the element first")]
    NoTarget(String),
    /// `remove` without a path.
    #[error("remove needs a path")]
    NoPath,
    /// The attribute belongs to the service, or may be set only once.
    #[error("{0} may not be changed; remove it from the attribute mapping")]
    NotWritable(String),
    /// The attribute must keep a value.
    #[error("{0} is required and cannot be removed")]
    Required(String),
    /// What the document was before stands against it.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// `add` or `replace` without a value.
    #[error("add and replace need a value")]
    NoValue,
    /// The value is no object although nothing says which attribute it is for.
    #[error("without a path to an attribute the value must be an object of attributes")]
    NoObject,
    /// Attributes that the schema does not know.
    #[error("{0} is not an attribute of the schema; remove it from the attribute mapping")]
    Unknown(String),
}

/// Applies the operations in order.
pub fn apply(
    document: &Map,
    operations: &[Operation],
    schema: &ResourceSchema,
    rules: &PatchRules,
) -> Result<Patched, PatchError> {
    if operations.len() > OPERATIONS_MAX {
        return Err(PatchError {
            operation: OPERATIONS_MAX,
            problem: PatchProblem::TooMany,
        });
    }
    let mut patch = Patch {
        document: document.clone(),
        schema,
        rules: *rules,
        ignored: Vec::new(),
    };
    for (index, operation) in operations.iter().enumerate() {
        patch.operation(operation).map_err(|problem| PatchError {
            operation: index,
            problem,
        })?;
    }
    revise::keep_unwritable(document, &mut patch.document, schema);
    revise::check(document, &patch.document, schema).map_err(|error| PatchError {
        operation: operations.len().saturating_sub(1),
        problem: error.into(),
    })?;
    let changed = patch.document != *document;
    Ok(Patched {
        document: patch.document,
        changed,
        ignored: patch.ignored,
    })
}

struct Patch<'s> {
    document: Map,
    schema: &'s ResourceSchema,
    rules: PatchRules,
    ignored: Vec<String>,
}

/// What one operation does to one attribute.
#[derive(Clone, Copy)]
struct Change<'v> {
    op: Op,
    /// Present unless `op` is `Remove`.
    value: Option<&'v Value>,
}

impl Patch<'_> {
    fn operation(&mut self, operation: &Operation) -> Result<(), PatchProblem> {
        let change = Change {
            op: operation.op,
            value: operation.value.as_ref(),
        };
        if let Some(value) = change.value {
            validate::check_any("value", value)?;
        } else if change.op != Op::Remove {
            return Err(PatchProblem::NoValue);
        }
        match operation.path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => self.at(path, change),
            None => self.each(change),
        }
    }

    /// Without a path: each key of the value is one.
    fn each(&mut self, change: Change<'_>) -> Result<(), PatchProblem> {
        if change.op == Op::Remove {
            return Err(PatchProblem::NoPath);
        }
        let object = change
            .value
            .and_then(Value::as_object)
            .ok_or(PatchProblem::NoObject)?;
        for (key, value) in object {
            let change = Change {
                op: change.op,
                value: Some(value),
            };
            let unmarked_extension =
                value.is_object() && resolve::is_urn(key) && !resolve::is_marked(key);
            if unmarked_extension && self.schema.extension(key).is_none() {
                if self.rules.keep_unknown_schemas {
                    self.extension(key, None, change)?;
                } else {
                    validate::ignore(&mut self.ignored, key);
                }
            } else {
                self.at(key, change)?;
            }
        }
        Ok(())
    }

    fn at(&mut self, text: &str, change: Change<'_>) -> Result<(), PatchProblem> {
        match path::parse(text, self.schema) {
            Err(error) if error.is_unknown() && is_schemas(text) => Ok(()),
            Err(error) if error.is_unknown() && self.rules.ignore_unknown => {
                validate::ignore(&mut self.ignored, text);
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(Path::Core) => self.each(change),
            Ok(Path::Extension { schema: None, .. } | Path::Dynamic { .. })
                if !self.rules.keep_unknown_schemas =>
            {
                validate::ignore(&mut self.ignored, text);
                Ok(())
            }
            Ok(Path::Extension { urn, schema }) => self.extension(&urn, schema, change),
            Ok(Path::Attribute {
                extension,
                attribute,
                filter,
                sub,
            }) => {
                if self.may_write(attribute, sub)? {
                    let urn = extension.map(|schema| schema.id.as_str());
                    let target = list::Target {
                        attribute: Some(attribute),
                        name: &attribute.name,
                        open: extension.is_some_and(|schema| !schema.built_in),
                        filter,
                        sub: sub.map(|sub| sub.name.as_str()),
                    };
                    self.change(urn, &target, change)?;
                }
                Ok(())
            }
            Ok(Path::Dynamic {
                urn,
                name,
                filter,
                sub,
            }) => {
                let target = list::Target {
                    attribute: None,
                    name: &name,
                    open: true,
                    filter,
                    sub: sub.as_deref(),
                };
                self.change(Some(&urn), &target, change)
            }
        }
    }

    /// The attributes of a whole extension; those that are not named stay.
    fn extension(
        &mut self,
        urn: &str,
        schema: Option<&Schema>,
        change: Change<'_>,
    ) -> Result<(), PatchProblem> {
        let object = match (change.op, change.value) {
            (Op::Remove, _) | (_, None | Some(Value::Null)) => {
                let key = same_key(&self.document, urn);
                self.document.shift_remove(&key);
                return Ok(());
            }
            (Op::Add | Op::Replace, Some(Value::Object(object))) => object,
            (Op::Add | Op::Replace, Some(_)) => return Err(PatchProblem::NoObject),
        };
        for (key, value) in object {
            let change = Change {
                op: change.op,
                value: Some(value),
            };
            if schema.is_some() {
                self.at(&format!("{urn}:{key}"), change)?;
            } else {
                self.change(
                    Some(urn),
                    &list::Target {
                        attribute: None,
                        name: key,
                        open: true,
                        filter: None,
                        sub: None,
                    },
                    change,
                )?;
            }
        }
        Ok(())
    }

    /// Whether the attribute is to be changed at all.
    fn may_write(
        &mut self,
        attribute: &Attribute,
        sub: Option<&Attribute>,
    ) -> Result<bool, PatchProblem> {
        let refused = [Some(attribute), sub]
            .into_iter()
            .flatten()
            .find(|attribute| !attribute.is_writable());
        match refused {
            None => Ok(true),
            // A password is accepted and thrown away, and `schemas` follows from what is there.
            Some(refused) if refused.is_hidden() || is_schemas(&refused.name) => Ok(false),
            Some(_) if self.rules.ignore_unknown => {
                validate::ignore(&mut self.ignored, &attribute.name);
                Ok(false)
            }
            Some(_) => Err(PatchProblem::NotWritable(attribute.name.clone())),
        }
    }

    /// Changes one attribute where it stands: in the document or in an extension's object.
    fn change(
        &mut self,
        urn: Option<&str>,
        target: &list::Target<'_>,
        change: Change<'_>,
    ) -> Result<(), PatchProblem> {
        let urn = urn.map(|urn| same_key(&self.document, urn));
        let container = match &urn {
            Some(urn) => self.document.get(urn).and_then(Value::as_object),
            None => Some(&self.document),
        };
        let key = container.map_or_else(
            || target.name.to_owned(),
            |container| same_key(container, target.name),
        );
        let current = container.and_then(|container| container.get(&key)).cloned();
        let known = self.ignored.len();
        let mut ignored = std::mem::take(&mut self.ignored);
        let next = if target.is_list(current.as_ref(), change) {
            let elements = match current {
                Some(Value::Array(elements)) => elements,
                Some(value) => vec![value],
                None => Vec::new(),
            };
            let elements = list::change(elements, target, change, self.rules, &mut ignored)?;
            validate::check_count(target.name, elements.len())?;
            Some(Value::Array(elements))
        } else {
            single(current, target, change, &mut ignored)?
        };
        if let Some(name) = ignored.get(known).filter(|_| !self.rules.ignore_unknown) {
            return Err(PatchProblem::Unknown(name.clone()));
        }
        self.ignored = ignored;
        let next = next.filter(|value| {
            target.attribute.is_none() && value.is_string() || !validate::is_unassigned(value)
        });
        // In an extension it depends on what else is left of it.
        if next.is_none()
            && urn.is_none()
            && target.attribute.is_some_and(|attribute| attribute.required)
        {
            return Err(PatchProblem::Required(target.name.to_owned()));
        }
        self.put(urn, key, next)
    }

    fn put(
        &mut self,
        urn: Option<String>,
        key: String,
        next: Option<Value>,
    ) -> Result<(), PatchProblem> {
        let Some(urn) = urn else {
            validate::check_count("the resource", self.document.len())?;
            set(&mut self.document, key, next);
            return Ok(());
        };
        let container = self
            .document
            .entry(urn.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(container) = container {
            validate::check_count(&urn, container.len())?;
            set(container, key, next);
        }
        if validate::is_unassigned(container) {
            self.document.shift_remove(&urn);
        }
        Ok(())
    }
}

/// Whether a path names `schemas`, of the resource or of an extension's object: it tells what the object is, and is nothing to change.
fn is_schemas(path: &str) -> bool {
    let name = path.rsplit_once(':').map_or(path, |(_, name)| name);
    name.eq_ignore_ascii_case("schemas")
}

/// Sets or removes a key; the order of the others stays.
fn set(object: &mut Map, key: String, value: Option<Value>) {
    match value {
        Some(value) => {
            object.insert(key, value);
        }
        None => {
            object.shift_remove(&key);
        }
    }
}

/// The key that the object already uses for a name, whatever its case; else the name itself.
fn same_key(object: &Map, name: &str) -> String {
    object
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .map_or(name, String::as_str)
        .to_owned()
}

/// The next value of an attribute that is no list.
fn single(
    current: Option<Value>,
    target: &list::Target<'_>,
    change: Change<'_>,
    ignored: &mut Vec<String>,
) -> Result<Option<Value>, PatchProblem> {
    let value = change.value.filter(|_| change.op != Op::Remove);
    let Some(sub) = target.sub else {
        let Some(value) = value else { return Ok(None) };
        return match target.attribute {
            // An attribute with a `value` is one thing: the parts of the old value say nothing about a new one.
            Some(attribute)
                if attribute.sub_attributes.is_empty()
                    || attribute.sub_attribute("value").is_some() =>
            {
                Ok(validate::attribute_value(attribute, value, ignored)?)
            }
            Some(attribute) => merge(current, attribute, value, ignored),
            None => Ok(Some(value.clone()).filter(|value| !value.is_null())),
        };
    };
    let mut object = match current {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let next = match value {
        Some(value) => target.sub_value(value, ignored)?,
        None => None,
    };
    let emptied = next.is_none() && sub == "value";
    let key = same_key(&object, sub);
    set(&mut object, key, next);
    Ok(Some(Value::Object(object)).filter(|_| !emptied))
}

/// A complex attribute takes the parts that are given and keeps the others.
fn merge(
    current: Option<Value>,
    attribute: &Attribute,
    value: &Value,
    ignored: &mut Vec<String>,
) -> Result<Option<Value>, PatchProblem> {
    let value = match value {
        Value::Array(values) if values.len() == 1 => &values[0],
        other => other,
    };
    let checked = validate::attribute_value(attribute, value, ignored)?;
    if value.is_null() || value.as_str().is_some_and(str::is_empty) {
        return Ok(None);
    }
    let mut object = match current {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    for key in value.as_object().into_iter().flat_map(Map::keys) {
        if let Some(sub) = attribute.sub_attribute(key) {
            let own = same_key(&object, &sub.name);
            set(
                &mut object,
                own,
                checked
                    .as_ref()
                    .and_then(|checked| checked.get(&sub.name))
                    .cloned(),
            );
        }
    }
    Ok(Some(Value::Object(object)))
}

#[cfg(test)]
mod tests;
