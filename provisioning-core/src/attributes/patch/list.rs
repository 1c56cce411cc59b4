//! How an operation changes a list: which elements a path selects, and what becomes of them.

use serde_json::Value;

use super::{Change, Op, PatchProblem, PatchRules, same_key, set};
use crate::attributes::{
    Map,
    filter::{Filter, Literal, Operator, matches_element},
    open,
    schema::{Attribute, Mutability, Type},
    search::search_element,
    validate,
};

/// What an operation is for.
pub(super) struct Target<'t> {
    /// The definition; none in an extension that no schema describes.
    pub(super) attribute: Option<&'t Attribute>,
    /// The attribute's name: canonical if it is defined.
    pub(super) name: &'t str,
    /// Whether it belongs to an extension that is not built in, so that filters see it in the form of [`open`].
    pub(super) open: bool,
    /// Which elements of a list.
    pub(super) filter: Option<Filter>,
    /// Which part: canonical if it is defined.
    pub(super) sub: Option<&'t str>,
}

impl Target<'_> {
    /// Without a definition the value at hand decides.
    pub(super) fn is_list(&self, current: Option<&Value>, change: Change<'_>) -> bool {
        match self.attribute {
            Some(attribute) => attribute.multi_valued,
            None => {
                self.filter.is_some()
                    || current.is_some_and(Value::is_array)
                    || self.sub.is_none()
                        && change.op == Op::Add
                        && change.value.is_some_and(Value::is_array)
            }
        }
    }

    /// Checks a value for the part. `None` is "no value".
    pub(super) fn sub_value(
        &self,
        value: &Value,
        ignored: &mut Vec<String>,
    ) -> Result<Option<Value>, PatchProblem> {
        match self
            .attribute
            .zip(self.sub)
            .and_then(|(attribute, sub)| attribute.sub_attribute(sub))
        {
            Some(sub) => Ok(validate::attribute_value(sub, value, ignored)?),
            None => Ok(Some(value.clone()).filter(|value| !validate::is_unassigned(value))),
        }
    }

    /// Checks a value for the whole list.
    fn elements(
        &self,
        value: &Value,
        ignored: &mut Vec<String>,
    ) -> Result<Vec<Value>, PatchProblem> {
        let value = match self.attribute {
            Some(attribute) => validate::attribute_value(attribute, value, ignored)?,
            None => Some(value.clone()).filter(|value| !value.is_null()),
        };
        Ok(match value {
            Some(Value::Array(elements)) => elements,
            Some(element) => vec![element],
            None => Vec::new(),
        })
    }

    /// Checks a value for one element.
    fn element(
        &self,
        value: &Value,
        ignored: &mut Vec<String>,
    ) -> Result<Option<Value>, PatchProblem> {
        match self.attribute {
            Some(attribute) => Ok(validate::list_element(attribute, value, ignored)?),
            None => Ok(Some(value.clone()).filter(|value| !validate::is_unassigned(value))),
        }
    }

    fn selects(&self, element: &Value) -> bool {
        match &self.filter {
            Some(filter) => {
                let element = match self.attribute.filter(|_| !self.open) {
                    Some(attribute) => search_element(attribute, element),
                    None => open::element(element),
                };
                element.is_some_and(|element| matches_element(filter, &element))
            }
            None => true,
        }
    }

    fn is_immutable(&self, sub: &str) -> bool {
        self.attribute
            .and_then(|attribute| attribute.sub_attribute(sub))
            .is_some_and(|sub| sub.mutability == Mutability::Immutable)
    }

    /// The name of a part as it stands in the document, by its key in filters.
    fn part_name(&self, key: &str) -> String {
        let key = open::name(key);
        self.attribute
            .and_then(|attribute| attribute.sub_attribute(key))
            .map_or(key, |sub| sub.name.as_str())
            .to_owned()
    }

    /// Whether a value is for the `value` of an element rather than for the element.
    fn is_plain(&self, value: &Value) -> bool {
        let complex = self.attribute.is_some_and(|attribute| {
            attribute.kind == Type::Complex && attribute.sub_attribute("value").is_some()
        });
        complex
            && self.sub.is_none()
            && !value.is_object()
            && !value.is_array()
            && !validate::is_unassigned(value)
    }
}

/// The list after the operation.
pub(super) fn change(
    elements: Vec<Value>,
    target: &Target<'_>,
    change: Change<'_>,
    rules: PatchRules,
    ignored: &mut Vec<String>,
) -> Result<Vec<Value>, PatchProblem> {
    let whole = target.filter.is_none() && target.sub.is_none();
    match (change.op, change.value) {
        (Op::Add | Op::Replace, None) => Err(PatchProblem::NoValue),
        (Op::Add, Some(value)) if whole => {
            let given = target.elements(value, ignored)?;
            Ok(append(elements, given))
        }
        (Op::Replace, Some(value)) if whole => target.elements(value, ignored),
        (Op::Remove, Some(value)) if target.sub.is_none() => {
            Ok(remove_listed(elements, target, value))
        }
        (Op::Remove, _) => remove_selected(elements, target),
        (Op::Add | Op::Replace, Some(value)) => {
            set_selected(elements, target, change.op, value, rules, ignored)
        }
    }
}

/// Adds what is not there yet. An element with the same `value` and `type` is the same element: it takes what is new in the given one.
fn append(mut elements: Vec<Value>, given: Vec<Value>) -> Vec<Value> {
    let mut written = Vec::new();
    for new in given {
        let same = elements
            .iter()
            .position(|element| includes(element, &new) || is_same(element, &new));
        match (same, new) {
            (Some(index), Value::Object(new)) => {
                if let Value::Object(element) = &mut elements[index] {
                    element.extend(new);
                }
                written.push(index);
            }
            (Some(_), _) => {}
            (None, new) => {
                elements.push(new);
                written.push(elements.len() - 1);
            }
        }
    }
    validate::keep_one_primary(&mut elements, written.into_iter());
    elements
}

/// Whether everything that `new` says is already said.
fn includes(element: &Value, new: &Value) -> bool {
    match (element, new) {
        (Value::Object(element), Value::Object(new)) => new
            .iter()
            .all(|(key, value)| element.get(key) == Some(value)),
        _ => element == new,
    }
}

fn is_same(element: &Value, new: &Value) -> bool {
    new.get("value").is_some()
        && element.get("value") == new.get("value")
        && element.get("type") == new.get("type")
}

/// `remove` with a path and a value: Entra's way to drop single members. Of the selected elements those that are listed go; null lists none.
/// Elements are compared by their `value` where there is one.
fn remove_listed(mut elements: Vec<Value>, target: &Target<'_>, value: &Value) -> Vec<Value> {
    let listed = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    let plain = |value: &Value| match value {
        Value::Object(object) => object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("value"))
            .map(|(_, value)| value.clone()),
        other => Some(other.clone()),
    };
    elements.retain(|element| {
        let own = plain(element);
        !target.selects(element)
            || !listed.iter().any(|listed| match plain(listed) {
                Some(listed) => own.as_ref() == Some(&listed),
                // Without a `value` the element is known by all it says, such as an address.
                None => !validate::is_unassigned(listed) && includes(element, listed),
            })
    });
    elements
}

/// Removes the selected elements, or a part of them. An element of which only its use is left is removed as well.
fn remove_selected(
    mut elements: Vec<Value>,
    target: &Target<'_>,
) -> Result<Vec<Value>, PatchProblem> {
    let once_set = target
        .sub
        .filter(|sub| target.open && target.is_immutable(sub));
    if let Some(sub) = once_set
        && elements
            .iter()
            .any(|element| target.selects(element) && element.get(sub).is_some())
    {
        return Err(PatchProblem::NotWritable(format!("{}.{sub}", target.name)));
    }
    elements.retain_mut(|element| {
        if !target.selects(element) {
            return true;
        }
        match (target.sub, element) {
            (Some(sub), Value::Object(object)) => !remove_part(object, sub),
            _ => false,
        }
    });
    Ok(elements)
}

/// Removes a part and tells whether the rest only says what it would be used for.
fn remove_part(element: &mut Map, sub: &str) -> bool {
    let key = same_key(element, sub);
    element.shift_remove(&key).is_some() && validate::is_leftover(element)
}

/// Sets the selected elements, or a part of them. If none is selected, one is made from what the filter says it is equal to.
fn set_selected(
    mut elements: Vec<Value>,
    target: &Target<'_>,
    op: Op,
    value: &Value,
    rules: PatchRules,
    ignored: &mut Vec<String>,
) -> Result<Vec<Value>, PatchProblem> {
    if target.is_plain(value) {
        let target = Target {
            attribute: target.attribute,
            name: target.name,
            open: target.open,
            filter: target.filter.clone(),
            sub: Some("value"),
        };
        return set_selected(elements, &target, op, value, rules, ignored);
    }
    let next = if target.sub.is_some() {
        target.sub_value(value, ignored)?
    } else {
        target.element(value, ignored)?
    };
    let Some(next) = next else {
        return remove_selected(elements, target);
    };
    let mut selected: Vec<usize> = (0..elements.len())
        .filter(|index| target.selects(&elements[*index]))
        .collect();
    let described = target
        .filter
        .as_ref()
        .map_or_else(|| Some(Map::new()), |filter| described(filter, target));
    if selected.is_empty() {
        let no_target = || PatchProblem::NoTarget(target.name.to_owned());
        if op == Op::Replace && !rules.replace_creates {
            return Err(no_target());
        }
        elements.push(Value::Object(described.clone().ok_or_else(no_target)?));
        selected.push(elements.len() - 1);
    }
    for index in &selected {
        set_element(&mut elements[*index], target, op, &next, described.as_ref())?;
    }
    validate::keep_one_primary(&mut elements, selected.into_iter());
    Ok(elements)
}

fn set_element(
    element: &mut Value,
    target: &Target<'_>,
    op: Op,
    next: &Value,
    described: Option<&Map>,
) -> Result<(), PatchProblem> {
    let (Value::Object(object), Some(sub)) = (&mut *element, target.sub) else {
        match (element, next) {
            (Value::Object(object), Value::Object(next)) => {
                check_immutable_parts(object, next, target)?;
                if op == Op::Replace {
                    *object = described.cloned().unwrap_or_default();
                }
                object.extend(next.clone());
            }
            (element, next) => *element = next.clone(),
        }
        return Ok(());
    };
    let key = same_key(object, sub);
    if target.is_immutable(sub) && object.get(&key).is_some_and(|old| old != next) {
        return Err(PatchProblem::NotWritable(format!("{}.{sub}", target.name)));
    }
    set(object, key, Some(next.clone()));
    Ok(())
}

/// Of an element that stays, the parts that were set once.
fn check_immutable_parts(old: &Map, next: &Map, target: &Target<'_>) -> Result<(), PatchProblem> {
    let changed = target
        .attribute
        .filter(|_| target.open)
        .into_iter()
        .flat_map(|attribute| &attribute.sub_attributes)
        .filter(|sub| sub.mutability == Mutability::Immutable)
        .find(|sub| {
            let (old, next) = (old.get(&sub.name), next.get(&sub.name));
            old.is_some() && next.is_some() && old != next
        });
    match changed {
        Some(sub) => Err(PatchProblem::NotWritable(format!(
            "{}.{}",
            target.name, sub.name
        ))),
        None => Ok(()),
    }
}

/// The element that a filter of `eq` terms describes; none if it says anything else.
fn described(filter: &Filter, target: &Target<'_>) -> Option<Map> {
    let terms = match filter {
        Filter::And(terms) => terms.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut element = Map::new();
    for term in terms {
        let Filter::Compare(comparison) = term else {
            return None;
        };
        if comparison.operator != Operator::Eq {
            return None;
        }
        let value = match &comparison.literal {
            Literal::Null => continue,
            Literal::Boolean(value) => Value::Bool(*value),
            Literal::Number(value) => Value::Number(value.clone()),
            Literal::Text { given, .. } => Value::String(given.clone()),
            Literal::Time(time) => Value::String(time.to_string()),
        };
        let key = comparison.attribute.sub.as_ref()?;
        element.insert(target.part_name(key), value);
    }
    Some(element)
}
