//! Addresses are made of where a collection is and of an id, and stand nowhere: a filter that asks for one is turned into one about the id.
//!
//! The service makes `meta.location`, and `$ref` of the members of a group and of the groups of an account. A manager's `$ref` is what the client
//! wrote.

use super::{AttributePath, Comparison, Filter, Literal, Operator};
use crate::attributes::fold::fold;

/// Lists whose elements have an address, with the types of resources that they refer to.
const REFERRING: [(&str, &[&str]); 2] = [("members", &["User", "Group"]), ("groups", &["Group"])];

impl Filter {
    /// The same filter without addresses, for resources of that type below the endpoint.
    #[must_use]
    pub fn located(self, endpoint: &str, resource_type: &str) -> Self {
        let each = |filters: Vec<Self>| {
            let located = filters
                .into_iter()
                .map(|filter| filter.located(endpoint, resource_type));
            located.collect()
        };
        match self {
            Self::And(filters) => Self::And(each(filters)),
            Self::Or(filters) => Self::Or(each(filters)),
            Self::Not(filter) => Self::Not(Box::new(filter.located(endpoint, resource_type))),
            Self::Present(path) if is_location(&path) => Self::Present(id()),
            Self::Compare(comparison) if is_location(&comparison.attribute) => {
                let collection = collection(endpoint, resource_type);
                compare(&comparison, &collection).of(&id())
            }
            Self::Present(path) if is_reference(&path) => Self::Present(part(&path, "value")),
            Self::Compare(comparison) if is_reference(&comparison.attribute) => {
                any_element(comparison, endpoint)
            }
            Self::Element(list, filter) if referring(&list).is_some() => {
                Self::Element(list, Box::new(filter.located_element(endpoint)))
            }
            other @ (Self::Present(_) | Self::Compare(_) | Self::Element(..)) => other,
        }
    }

    /// The same for what one element of a list has to satisfy.
    #[must_use]
    pub fn located_element(self, endpoint: &str) -> Self {
        let each = |filters: Vec<Self>| {
            let located = filters.into_iter();
            located
                .map(|filter| filter.located_element(endpoint))
                .collect()
        };
        match self {
            Self::And(filters) => Self::And(each(filters)),
            Self::Or(filters) => Self::Or(each(filters)),
            Self::Not(filter) => Self::Not(Box::new(filter.located_element(endpoint))),
            Self::Present(path) if is_reference(&path) => Self::Present(part(&path, "value")),
            Self::Compare(comparison) if is_reference(&comparison.attribute) => {
                one_element(&comparison, endpoint)
            }
            // Brackets do not stand within brackets.
            other @ (Self::Present(_) | Self::Compare(_) | Self::Element(..)) => other,
        }
    }
}

fn collection(endpoint: &str, resource_type: &str) -> String {
    format!("{endpoint}/{resource_type}s/")
}

fn is_location(path: &AttributePath) -> bool {
    path.schema.is_none() && path.name == "meta" && path.sub.as_deref() == Some("location")
}

fn is_reference(path: &AttributePath) -> bool {
    referring(path).is_some() && path.sub.as_deref() == Some("$ref")
}

/// What the elements of a list refer to; none if they have no address.
fn referring(path: &AttributePath) -> Option<&'static [&'static str]> {
    let found = REFERRING.iter().find(|(name, _)| *name == path.name);
    found
        .filter(|_| path.schema.is_none())
        .map(|(_, types)| *types)
}

fn id() -> AttributePath {
    AttributePath {
        schema: None,
        name: "id".to_owned(),
        sub: None,
        many: false,
    }
}

fn part(path: &AttributePath, sub: &str) -> AttributePath {
    AttributePath {
        sub: Some(sub.to_owned()),
        ..path.clone()
    }
}

/// Of a list some element has to satisfy the comparison, and for `ne` none may be equal.
fn any_element(comparison: Comparison, endpoint: &str) -> Filter {
    let list = AttributePath {
        sub: None,
        ..comparison.attribute.clone()
    };
    match (comparison.operator, &comparison.literal) {
        (Operator::Eq | Operator::Ne, Literal::Null) => one_element(&comparison, endpoint),
        (Operator::Ne, _) => {
            let equal = Comparison {
                operator: Operator::Eq,
                ..comparison
            };
            Filter::Not(Box::new(any_element(equal, endpoint)))
        }
        _ => Filter::Element(list, Box::new(one_element(&comparison, endpoint))),
    }
}

fn one_element(comparison: &Comparison, endpoint: &str) -> Filter {
    let value = part(&comparison.attribute, "value");
    match (comparison.operator, &comparison.literal) {
        (Operator::Eq, Literal::Null) => return Address::Never.of(&value),
        (Operator::Ne, Literal::Null) => return Address::Always.of(&value),
        (Operator::Ne, _) => {
            let equal = Comparison {
                operator: Operator::Eq,
                ..comparison.clone()
            };
            return Filter::Not(Box::new(one_element(&equal, endpoint)));
        }
        _ => {}
    }
    let types = referring(&comparison.attribute).unwrap_or_default();
    let mut filters: Vec<_> = types
        .iter()
        .filter_map(
            |name| match compare(comparison, &collection(endpoint, name)) {
                Address::Never => None,
                address => Some((name, address.of(&value))),
            },
        )
        .map(|(name, filter)| match types {
            [_] => filter,
            _ => Filter::And(vec![is_of_type(&comparison.attribute, name), filter]),
        })
        .collect();
    match filters.len() {
        0 => Address::Never.of(&value),
        1 => filters.remove(0),
        _ => Filter::Or(filters),
    }
}

fn is_of_type(reference: &AttributePath, name: &str) -> Filter {
    Filter::Compare(Comparison {
        attribute: part(reference, "type"),
        operator: Operator::Eq,
        literal: Literal::Text {
            given: name.to_owned(),
            compared: fold(name),
        },
    })
}

/// What a comparison with an address says of the id, which is always there.
enum Address {
    /// It holds for every id.
    Always,
    /// It holds for none.
    Never,
    /// It holds where the id compares like this with any of the texts.
    Where(Vec<(Operator, String)>),
}

impl Address {
    fn holds(always: bool) -> Self {
        if always { Self::Always } else { Self::Never }
    }

    fn id(operator: Operator, text: &str) -> Self {
        Self::Where(vec![(operator, text.to_owned())])
    }

    /// The filter, where the id is that attribute.
    fn of(self, id: &AttributePath) -> Filter {
        let compare = |(operator, text): (Operator, String)| {
            Filter::Compare(Comparison {
                attribute: id.clone(),
                operator,
                literal: if text.is_empty() {
                    Literal::Null
                } else {
                    Literal::Text {
                        given: text.clone(),
                        compared: text,
                    }
                },
            })
        };
        match self {
            Self::Always => Filter::Present(id.clone()),
            Self::Never => compare((Operator::Eq, String::new())),
            Self::Where(mut parts) if parts.len() == 1 => compare(parts.remove(0)),
            Self::Where(parts) => Filter::Or(parts.into_iter().map(compare).collect()),
        }
    }
}

fn compare(comparison: &Comparison, collection: &str) -> Address {
    let operator = comparison.operator;
    let Literal::Text { compared: text, .. } = &comparison.literal else {
        // Without a text it is compared with no value.
        return Address::holds(operator == Operator::Ne);
    };
    match operator {
        Operator::Eq | Operator::Ne => match text.strip_prefix(collection) {
            Some(rest) => Address::id(operator, rest),
            None => Address::holds(operator == Operator::Ne),
        },
        Operator::Sw if collection.starts_with(text) => Address::Always,
        Operator::Sw => match text.strip_prefix(collection) {
            Some(rest) => Address::id(Operator::Sw, rest),
            None => Address::Never,
        },
        Operator::Co if collection.contains(text) => Address::Always,
        Operator::Co => any(text, collection, Operator::Co, Operator::Sw),
        Operator::Ew => any(text, collection, Operator::Ew, Operator::Eq),
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => {
            let is_greater = matches!(operator, Operator::Gt | Operator::Ge);
            match text.strip_prefix(collection) {
                Some("") => Address::holds(is_greater),
                Some(rest) => Address::id(operator, rest),
                None => Address::holds((collection > text.as_str()) == is_greater),
            }
        }
    }
}

/// The text lies in the id as a whole, or begins where the collection ends.
fn any(text: &str, collection: &str, whole: Operator, rest: Operator) -> Address {
    let splits = text.char_indices().map(|(index, _)| text.split_at(index));
    let parts = splits
        .filter(|(before, _)| collection.ends_with(before))
        .map(|(before, behind)| {
            let operator = if before.is_empty() { whole } else { rest };
            (operator, behind.to_owned())
        });
    Address::Where(parts.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{evaluate, parse};
    use crate::attributes::{Map, schema::ResourceSchema};

    const ENDPOINT: &str = "https://x/v2";
    const COLLECTION: &str = "https://x/v2/Users/";
    const ID: &str = "019a-uUs/";

    /// Whether a resource is found, by its id alone and by its location as a text.
    fn found(text: &str) -> (bool, bool) {
        let filter = parse(text, ResourceSchema::user()).expect("it is a filter");
        let location = format!("{COLLECTION}{ID}");
        let whole = json!({"id": ID, "meta": {"location": location}, "title": "t"});
        let stored = json!({"id": ID, "meta": {"resourceType": "User"}, "title": "t"});
        let object =
            |json: serde_json::Value| -> Map { json.as_object().cloned().expect("it is one") };
        (
            evaluate(&filter.clone().located(ENDPOINT, "User"), &object(stored)),
            evaluate(&filter, &object(whole)),
        )
    }

    #[test]
    fn a_location_is_found_by_its_whole_text() {
        for (rest, expected) in [
            ("eq \"https://x/v2/Users/019a-uUs/\"", true),
            ("eq \"https://x/v2/Users/\"", false),
            ("eq \"019a-uUs/\"", false),
            ("ne \"https://x/v2/Groups/019a-uUs/\"", true),
            ("eq null", false),
            ("ne null", true),
            ("pr", true),
        ] {
            for text in [
                format!("meta.location {rest}"),
                format!("meta[location {rest}]"),
                format!("not (not (meta.location {rest}))"),
            ] {
                assert_eq!(found(&text), (expected, expected), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_location_is_compared_as_if_it_were_stored(
            start in 0..=COLLECTION.len() + ID.len(), length in 0..40_usize, odd in "[a/U]{0,2}", before: bool,
            operator in prop::sample::select(super::Operator::ALL.map(super::Operator::as_str).to_vec()),
        ) {
            let location = format!("{COLLECTION}{ID}");
            let part = &location[start..(start + length).min(location.len())];
            let text = if before { format!("{odd}{part}") } else { format!("{part}{odd}") };
            prop_assume!(!text.is_empty());
            let text = format!("meta.location {operator} \"{text}\" and title pr");
            let (by_id, as_text) = found(&text);
            prop_assert_eq!(by_id, as_text, "{}", text);
        }
    }
}
