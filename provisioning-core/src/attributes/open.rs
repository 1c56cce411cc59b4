//! The only place for the form in which a search document holds extensions that are not built in, whether a tenant has defined them or not.
//!
//! The form needs no definition: one may come, change or go, and filters that follow it are answered from the search documents that are
//! there. The URN and all names are in lower case, every attribute is a list of objects, a plain value is `{"value": …}`, and a value stands
//! there in each form in which a definition may want it compared:
//!
//! | key | holds |
//! |---|---|
//! | `name` | the value; a text is folded |
//! | `name=` | the text as it is |
//! | `name@` | the time that the text is, in its canonical form |
//! | `name#` | the number as a text that orders as numbers do |

use serde_json::{Number, Value};

use super::{
    Map,
    filter::Literal,
    fold::fold,
    resolve::is_name,
    schema::{Attribute, Type},
    time::DateTime,
};

const EXACT: char = '=';
const TIME: char = '@';
const ORDER: char = '#';

/// An extension in its searchable form.
pub(super) fn object(object: &Map) -> Map {
    let mut search = Map::new();
    for (key, value) in object.iter().filter(|(key, _)| is_name(key)) {
        let elements = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        let elements: Vec<_> = elements
            .iter()
            .filter_map(element)
            .map(Value::Object)
            .collect();
        if !elements.is_empty() {
            search.insert(key.to_ascii_lowercase(), elements.into());
        }
    }
    search
}

/// One element of a list; `None` when it has no value.
pub(super) fn element(value: &Value) -> Option<Map> {
    let mut found = Map::new();
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter().filter(|(key, _)| is_name(key)) {
                insert(&mut found, &key.to_ascii_lowercase(), value);
            }
        }
        value => insert(&mut found, "value", value),
    }
    Some(found).filter(|found| !found.is_empty())
}

/// The key of a part that is compared with `literal`.
pub(super) fn compared_key(
    name: &str,
    definition: Option<&Attribute>,
    literal: &Literal,
) -> String {
    match literal {
        Literal::Text { .. } if definition.is_some_and(|definition| !definition.folds()) => {
            format!("{name}{EXACT}")
        }
        Literal::Time(_) => format!("{name}{TIME}"),
        Literal::Number(_) => format!("{name}{ORDER}"),
        Literal::Text { .. } | Literal::Null | Literal::Boolean(_) => name.to_owned(),
    }
}

/// The key of a part by which resources are ordered: one under which texts order as the values do.
pub(super) fn order_key(name: &str, definition: Option<&Attribute>) -> String {
    let Some(definition) = definition else {
        return name.to_owned();
    };
    match definition.kind {
        Type::String if definition.folds() => name.to_owned(),
        Type::Boolean | Type::Complex => name.to_owned(),
        Type::String | Type::Binary | Type::Reference => format!("{name}{EXACT}"),
        Type::DateTime => format!("{name}{TIME}"),
        Type::Decimal | Type::Integer => format!("{name}{ORDER}"),
    }
}

/// The name of the part that a key belongs to.
pub(super) fn name(key: &str) -> &str {
    key.trim_end_matches([EXACT, TIME, ORDER])
}

fn insert(search: &mut Map, key: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => {
            search.insert(key.to_owned(), fold(text).into());
            search.insert(format!("{key}{EXACT}"), text.as_str().into());
            if let Some(time) = DateTime::parse(text) {
                search.insert(format!("{key}{TIME}"), time.to_string().into());
            }
        }
        Value::Number(number) => {
            search.insert(key.to_owned(), value.clone());
            search.insert(format!("{key}{ORDER}"), order(number).into());
        }
        Value::Array(values) if values.is_empty() => {}
        Value::Object(object) if object.is_empty() => {}
        // Of what lies deeper than attributes go, only that there is something can be asked.
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            search.insert(key.to_owned(), value.clone());
        }
    }
}

/// A number as a text that orders as numbers do, to their last digit: the bits of the nearest double, of which negative ones count backwards from
/// the middle, and how far a whole number is from it.
pub fn order(number: &Number) -> String {
    const SIGN: u64 = 1 << 63;
    const NOT_FAR: i128 = 1 << 15;
    // Minus zero is zero.
    let nearest = number.as_f64().unwrap_or_default() + 0.0;
    let bits = nearest.to_bits();
    let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a double that is near to a whole number of 64 bits is one of 128"
    )]
    let far = number.as_i128().map_or(0, |whole| whole - nearest as i128);
    format!("{ordered:016x}{:04x}", NOT_FAR + far)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_stands_there_in_every_form_a_definition_may_want() {
        let json = json!({
            "Tag": "ÄB", "Since": "2026-01-02T03:04:05+02:00", "Size": [1, null, ""], "On": false,
            "Rooms": [{"Value": "A", "Floor": 3, "no name": 1}], "None": "", "Nothing": [{}], "no=": "x"
        });
        let found = object(json.as_object().expect("it is an object"));
        assert_eq!(
            Value::Object(found),
            json!({
                "tag": [{"value": "äb", "value=": "ÄB"}],
                "since": [{
                    "value": "2026-01-02t03:04:05+02:00",
                    "value=": "2026-01-02T03:04:05+02:00",
                    "value@": "2026-01-02T01:04:05.000000Z",
                }],
                "size": [{"value": 1, "value#": "bff00000000000008000"}],
                "on": [{"value": false}],
                "rooms": [{"value": "a", "value=": "A", "floor": 3, "floor#": "c0080000000000008000"}],
            })
        );
    }

    #[test]
    fn a_key_tells_its_name() {
        for key in [
            "cost-center",
            "cost-center=",
            "cost-center@",
            "cost-center#",
        ] {
            assert_eq!(name(key), "cost-center");
        }
    }

    fn whole() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            Just(1 << 53),
            Just(-(1 << 53)),
            Just(i64::MIN),
            Just(i64::MAX)
        ]
    }

    proptest! {
        #[test]
        fn numbers_order_as_their_texts(left in prop::num::f64::NORMAL | prop::num::f64::ZERO, right in prop::num::f64::NORMAL | prop::num::f64::ZERO) {
            let text = |number| order(&Number::from_f64(number).expect("it is finite"));
            prop_assert_eq!(left.partial_cmp(&right), Some(text(left).cmp(&text(right))));
        }

        #[test]
        fn whole_numbers_order_to_their_last_digit(left in whole(), far in -3..=3_i64) {
            let right = left.saturating_add(far);
            prop_assert_eq!(left.cmp(&right), order(&left.into()).cmp(&order(&right.into())));
        }
    }
}
