//! JSON read strictly: the only place that turns bytes into a JSON tree.
//!
//! A name that appears twice in an object, also in another case (SCIM's names have none), is refused, since two readers could understand the
//! text differently; deep nesting too. So are more values than any request has: two bytes of text make a value of some eighty in memory; and
//! whole numbers that a double cannot hold, since another one would be kept (RFC 7493 section 2.2).

use std::{cell::Cell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::config::{JSON_DEPTH_MAX, JSON_VALUES_MAX, WHOLE_NUMBER_MAX};

/// Reads one JSON document. The error names the line and the column.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict {
        depth_left: JSON_DEPTH_MAX,
        values_left: &Cell::new(JSON_VALUES_MAX),
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth_left: usize,
    values_left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(E::custom(format_args!(
                "more than {JSON_DEPTH_MAX} objects and arrays in each other"
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(values_left) = self.values_left.get().checked_sub(1) else {
            return Err(D::Error::custom(format_args!(
                "more than {JSON_VALUES_MAX} values"
            )));
        };
        self.values_left.set(values_left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        check_whole(value.unsigned_abs())?;
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        check_whole(value)?;
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        let mut seen = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            if !seen.insert(name.to_lowercase()) {
                return Err(A::Error::custom(format_args!(
                    "the name \"{}\" appears twice in one object",
                    shown(&name)
                )));
            }
            let value = entries.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

fn check_whole<E: serde::de::Error>(value: u64) -> Result<(), E> {
    if value <= WHOLE_NUMBER_MAX {
        return Ok(());
    }
    Err(E::custom(format_args!(
        "the whole number {value} is greater than {WHOLE_NUMBER_MAX}, up to which each can be told from the next; send it as a text in quotes"
    )))
}

/// A name as an error text may show it: short and of harmless characters.
fn shown(name: &str) -> String {
    const NAME_SHOWN_MAX: usize = 80;
    let harmless = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    name.chars().take(NAME_SHOWN_MAX).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> String {
        parse(text.as_bytes())
            .expect_err("it is refused")
            .to_string()
    }

    #[test]
    fn plain_json_is_read_with_its_order() {
        let value = parse(br#" {"b": [1, -2, 0.5, null, true], "a": {"x": "\u00e9"}} "#).unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"b":[1,-2,0.5,null,true],"a":{"x":"é"}}"#
        );
    }

    #[test]
    fn a_name_may_appear_once_only() {
        let error = refused("{\"active\": true,\n \"active\": false}");
        assert_eq!(
            error,
            "the name \"active\" appears twice in one object at line 2 column 9"
        );
    }

    #[test]
    fn a_name_in_another_case_is_the_same_name() {
        assert!(
            refused(r#"{"a": [{"userName": 1, "USERNAME": 2}]}"#)
                .contains("\"USERNAME\" appears twice")
        );
        assert!(refused(r#"{"é": 1, "É": 2}"#).contains("appears twice"));
    }

    #[test]
    fn depth_ends_at_the_bound() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
        assert!(refused(&nested(JSON_DEPTH_MAX + 1)).contains("more than 32"));
        assert!(refused(&"[".repeat(1_000_000)).contains("more than 32"));
        assert!(refused(&r#"{"a":"#.repeat(200_000)).contains("more than 32"));
    }

    #[test]
    fn values_end_at_the_bound() {
        let with = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
        assert!(parse(with(JSON_VALUES_MAX).as_bytes()).is_ok());
        assert!(refused(&with(JSON_VALUES_MAX + 1)).contains("more than 65536 values"));
    }

    #[test]
    fn whole_numbers_end_where_doubles_lose_their_last_digit() {
        for number in ["9007199254740992", "-9007199254740992"] {
            assert_eq!(parse(number.as_bytes()).unwrap().to_string(), number);
        }
        for number in [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551615",
        ] {
            assert!(
                refused(number).contains("is greater than 9007199254740992"),
                "{number}"
            );
        }
    }

    #[test]
    fn what_follows_the_document_is_refused() {
        assert!(refused("{} {}").contains("trailing characters"));
    }

    #[test]
    fn broken_text_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\"}",
            "[1,]",
            "nul",
            "\"\\ud800\"",
            "{\"a\":\"\u{1}\"}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_hostile_name_is_not_echoed() {
        let name = "\u{1b}[31m\u{202e}".to_owned() + &"x".repeat(500);
        let text = json!({ name.clone(): 1 }).to_string();
        let twice = format!("{},{}", &text[..text.len() - 1], &text[1..]);
        let error = refused(&twice);
        assert!(error.len() < 200 && error.is_ascii(), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn it_reads_what_serde_json_reads(text in "[\\[\\]{},:\"a-c0-9 .e-]{0,40}") {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
