//! JSON by dotted paths, as the fixtures write them: `name.givenName`, `Resources.0.id`, `urn:…:2.0:User.manager`.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is at a path. A key may hold dots itself, as URNs do: the longest key that fits is taken.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    let ends = std::iter::once(path.len()).chain(path.rmatch_indices('.').map(|(dot, _)| dot));
    for end in ends {
        let (key, rest) = (&path[..end], path[end..].trim_start_matches('.'));
        let member = match value {
            Value::Array(elements) => key
                .parse::<usize>()
                .ok()
                .and_then(|index| elements.get(index)),
            other => other.get(key),
        };
        if let Some(member) = member {
            return at(member, rest);
        }
    }
    None
}

/// Every scalar with its path; an empty list or object counts as one.
pub fn leaves(value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, path: String, found: &mut BTreeMap<String, Value>) {
    let join = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => fields
            .iter()
            .for_each(|(key, value)| collect(value, join(key), found)),
        Value::Array(elements) if !elements.is_empty() => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, value)| collect(value, join(&index.to_string()), found));
        }
        scalar => {
            found.insert(path, scalar.clone());
        }
    }
}

#[test]
fn a_key_with_dots_is_found() {
    let value = serde_json::json!({"urn:x:2.0:User": {"manager": {"value": "1"}}, "a": [{"b": 2}], "e": []});
    assert_eq!(
        at(&value, "urn:x:2.0:User.manager.value"),
        Some(&"1".into())
    );
    assert_eq!(at(&value, "a.0.b"), Some(&2.into()));
    assert_eq!(at(&value, "a.1.b"), None);
    assert_eq!(
        leaves(&value).into_keys().collect::<Vec<_>>(),
        ["a.0.b", "e", "urn:x:2.0:User.manager.value"]
    );
}
