//! Decides a filter in memory. `storage::filter` says the same in SQL; a property compares the two.

use std::cmp::Ordering;

use serde_json::Value;

use super::{AttributePath, Comparison, Filter, Literal, Operator};
use crate::attributes::{Map, open::order};

/// Whether a resource satisfies the filter. The document is its [search document](crate::attributes::search).
pub fn evaluate(filter: &Filter, document: &Map) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| evaluate(filter, document)),
        Filter::Or(filters) => filters.iter().any(|filter| evaluate(filter, document)),
        Filter::Not(filter) => !evaluate(filter, document),
        Filter::Present(path) => values(path, document).next().is_some(),
        Filter::Compare(comparison) => {
            holds(comparison, || values(&comparison.attribute, document))
        }
        Filter::Element(path, filter) => values(path, document).any(|element| {
            element
                .as_object()
                .is_some_and(|element| matches_element(filter, element))
        }),
    }
}

/// Whether one element of a list satisfies what stands within `[ ]`.
pub fn matches_element(filter: &Filter, element: &Map) -> bool {
    let value = |path: &AttributePath| {
        path.sub
            .as_deref()
            .and_then(|sub| element.get(sub))
            .into_iter()
    };
    match filter {
        Filter::And(filters) => filters
            .iter()
            .all(|filter| matches_element(filter, element)),
        Filter::Or(filters) => filters
            .iter()
            .any(|filter| matches_element(filter, element)),
        Filter::Not(filter) => !matches_element(filter, element),
        Filter::Present(path) => value(path).next().is_some(),
        Filter::Compare(comparison) => holds(comparison, || value(&comparison.attribute)),
        // Brackets do not stand within brackets.
        Filter::Element(..) => false,
    }
}

/// The values that an attribute has: of a list, one for each element.
fn values<'d>(path: &AttributePath, document: &'d Map) -> impl Iterator<Item = &'d Value> {
    let object = match &path.schema {
        Some(urn) => document.get(urn).and_then(Value::as_object),
        None => Some(document),
    };
    let attribute = object.and_then(|object| object.get(&path.name));
    let (one, many) = match attribute {
        Some(Value::Array(elements)) if path.many => (None, elements.as_slice()),
        other => (other.filter(|_| !path.many), &[][..]),
    };
    let sub = path.sub.clone();
    one.into_iter()
        .chain(many)
        .filter_map(move |value| match &sub {
            Some(sub) => value.as_object()?.get(sub),
            None => Some(value),
        })
}

fn holds<'d, I: Iterator<Item = &'d Value>>(
    comparison: &Comparison,
    values: impl Fn() -> I,
) -> bool {
    let any = |operator| values().any(|value| compare(value, operator, &comparison.literal));
    match (comparison.operator, &comparison.literal) {
        (Operator::Eq, Literal::Null) => values().next().is_none(),
        (Operator::Ne, Literal::Null) => values().next().is_some(),
        (Operator::Ne, _) => !any(Operator::Eq),
        (operator, _) => any(operator),
    }
}

/// One value against the literal. A value of another type is neither equal, nor greater, nor less.
fn compare(value: &Value, operator: Operator, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Bool(value), Literal::Boolean(literal)) => {
            operator == Operator::Eq && value == literal
        }
        (Value::Number(value), Literal::Number(literal)) => {
            ordered(order(value).cmp(&order(literal)), operator)
        }
        // In the form of an extension, numbers stand as texts that order as they do.
        (Value::String(value), Literal::Number(literal)) => {
            ordered(value.as_str().cmp(&order(literal)), operator)
        }
        (Value::String(value), Literal::Text { compared, .. }) => {
            compare_text(value, operator, compared)
        }
        (Value::String(value), Literal::Time(literal)) => {
            ordered(value.as_str().cmp(&literal.to_string()), operator)
        }
        _ => false,
    }
}

fn compare_text(value: &str, operator: Operator, literal: &str) -> bool {
    match operator {
        Operator::Co => value.contains(literal),
        Operator::Sw => value.starts_with(literal),
        Operator::Ew => value.ends_with(literal),
        _ => ordered(value.cmp(literal), operator),
    }
}

fn ordered(ordering: Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Eq => ordering.is_eq(),
        Operator::Gt => ordering.is_gt(),
        Operator::Ge => ordering.is_ge(),
        Operator::Lt => ordering.is_lt(),
        Operator::Le => ordering.is_le(),
        Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}
