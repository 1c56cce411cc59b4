//! JSON values in protobuf and back: the only place where `google.protobuf.Value` meets `serde_json::Value`.
//!
//! The serde form of [`Account`](crate::v1::Account) is SCIM's JSON: names, `externalId`, extensions keyed by URN.

use prost_types::{ListValue, Struct, Value, value::Kind};

/// The protobuf form of a JSON value.
pub fn to_proto(json: serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(value) => Kind::BoolValue(value),
        serde_json::Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(value) => Kind::StringValue(value),
        serde_json::Value::Array(values) => Kind::ListValue(ListValue {
            values: values.into_iter().map(to_proto).collect(),
        }),
        serde_json::Value::Object(fields) => Kind::StructValue(object_to_proto(fields)),
    };
    Value { kind: Some(kind) }
}

/// The protobuf form of a JSON object.
pub fn object_to_proto(fields: serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct {
        fields: fields
            .into_iter()
            .map(|(name, value)| (name, to_proto(value)))
            .collect(),
    }
}

/// The JSON form of a protobuf value. A number without a fraction becomes an integer again; an unset kind is null.
pub fn from_proto(value: Value) -> serde_json::Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(value)) => serde_json::Value::Bool(value),
        Some(Kind::NumberValue(value)) => number(value),
        Some(Kind::StringValue(value)) => serde_json::Value::String(value),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(from_proto).collect(),
        Some(Kind::StructValue(fields)) => serde_json::Value::Object(object_from_proto(fields)),
    }
}

/// The JSON form of a protobuf struct.
pub fn object_from_proto(object: Struct) -> serde_json::Map<String, serde_json::Value> {
    object
        .fields
        .into_iter()
        .map(|(name, value)| (name, from_proto(value)))
        .collect()
}

/// Doubles hold integers exactly up to 2^53.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked before the cast"
)]
fn number(value: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        serde_json::Value::from(value as i64)
    } else {
        serde_json::Value::from(value)
    }
}

/// The serde form of `Account.extensions`: each schema URN is a key beside the attributes. What is no URN is not an extension.
pub(crate) mod extensions {
    use std::collections::BTreeMap;

    use prost_types::Struct;
    use serde::{Deserialize, Deserializer, Serializer, ser::SerializeMap};

    pub fn serialize<S: Serializer>(
        extensions: &BTreeMap<String, Struct>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(extensions.len()))?;
        for (urn, extension) in extensions {
            map.serialize_entry(urn, &super::object_from_proto(extension.clone()))?;
        }
        map.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Struct>, D::Error> {
        let fields = serde_json::Map::deserialize(deserializer)?;
        Ok(fields
            .into_iter()
            .filter_map(|(name, value)| match value {
                serde_json::Value::Object(object) if is_urn(&name) => {
                    Some((name, super::object_to_proto(object)))
                }
                _ => None,
            })
            .collect())
    }

    fn is_urn(name: &str) -> bool {
        name.get(..4)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("urn:"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::v1::Account;

    #[test]
    fn an_account_is_scim_json() {
        let scim = json!({
            "userName": "alice@contoso.com",
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "active": true,
            "name": {"familyName": "Example"},
            "emails": [{"value": "alice@contoso.com", "type": "work", "primary": true}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "x", "$ref": "../Users/x"}},
            "urn:example:ext:2.0:User": {"tag": "x", "count": 3, "share": 0.5, "none": null, "list": [1, {"a": false}]},
        });
        let account: Account = serde_json::from_value(scim.clone()).expect("it is an account");
        assert_eq!(
            account
                .enterprise
                .as_ref()
                .and_then(|e| e.manager.as_ref())
                .and_then(|m| m.value.as_deref()),
            Some("x")
        );
        assert_eq!(serde_json::to_value(&account).expect("it is JSON"), scim);
    }
}
