//! `meta.location` is made of where a collection is and of the id, and stands nowhere: a filter that asks for it is turned into one about the id.

use super::{AttributePath, Comparison, Filter, Literal, Operator};

impl Filter {
    /// The same filter without `meta.location`, for resources whose location is `collection` and their id.
    #[must_use]
    pub fn located(self, collection: &str) -> Self {
        let each = |filters: Vec<Self>| {
            let located = filters.into_iter().map(|filter| filter.located(collection));
            located.collect()
        };
        match self {
            Self::And(filters) => Self::And(each(filters)),
            Self::Or(filters) => Self::Or(each(filters)),
            Self::Not(filter) => Self::Not(Box::new(filter.located(collection))),
            Self::Present(path) if is_location(&path) => Self::Present(id()),
            Self::Compare(comparison) if is_location(&comparison.attribute) => {
                compare(comparison.operator, &comparison.literal, collection)
            }
            // Within brackets there are only parts of lists.
            other @ (Self::Present(_) | Self::Compare(_) | Self::Element(..)) => other,
        }
    }
}

fn is_location(path: &AttributePath) -> bool {
    path.schema.is_none() && path.name == "meta" && path.sub.as_deref() == Some("location")
}

fn id() -> AttributePath {
    AttributePath {
        schema: None,
        name: "id".to_owned(),
        sub: None,
        many: false,
    }
}

fn of_id(operator: Operator, text: &str) -> Filter {
    Filter::Compare(Comparison {
        attribute: id(),
        operator,
        literal: if text.is_empty() {
            Literal::Null
        } else {
            Literal::Text {
                given: text.to_owned(),
                compared: text.to_owned(),
            }
        },
    })
}

/// Every resource has an id.
fn always(holds: bool) -> Filter {
    if holds {
        Filter::Present(id())
    } else {
        of_id(Operator::Eq, "")
    }
}

fn compare(operator: Operator, literal: &Literal, collection: &str) -> Filter {
    let Literal::Text { compared: text, .. } = literal else {
        // Without a text it is compared with no value.
        return always(operator == Operator::Ne);
    };
    match operator {
        Operator::Eq | Operator::Ne => match text.strip_prefix(collection) {
            Some(rest) => of_id(operator, rest),
            None => always(operator == Operator::Ne),
        },
        Operator::Sw if collection.starts_with(text) => always(true),
        Operator::Sw => match text.strip_prefix(collection) {
            Some(rest) => of_id(Operator::Sw, rest),
            None => always(false),
        },
        Operator::Co if collection.contains(text) => always(true),
        Operator::Co => any(text, collection, |whole, rest| {
            of_id(if whole { Operator::Co } else { Operator::Sw }, rest)
        }),
        Operator::Ew => any(text, collection, |whole, rest| {
            of_id(if whole { Operator::Ew } else { Operator::Eq }, rest)
        }),
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => {
            match text.strip_prefix(collection) {
                Some("") => always(matches!(operator, Operator::Gt | Operator::Ge)),
                Some(rest) => of_id(operator, rest),
                None => {
                    let is_greater = collection > text.as_str();
                    always(is_greater == matches!(operator, Operator::Gt | Operator::Ge))
                }
            }
        }
    }
}

/// The text lies in the id as a whole, or begins where the collection ends.
fn any(text: &str, collection: &str, part: impl Fn(bool, &str) -> Filter) -> Filter {
    let splits = text.char_indices().map(|(index, _)| text.split_at(index));
    let mut filters: Vec<_> = splits
        .filter(|(before, _)| collection.ends_with(before))
        .map(|(before, rest)| part(before.is_empty(), rest))
        .collect();
    if filters.len() == 1 {
        filters.remove(0)
    } else {
        Filter::Or(filters)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{evaluate, parse};
    use crate::attributes::{Map, schema::ResourceSchema};

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
            evaluate(&filter.clone().located(COLLECTION), &object(stored)),
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
