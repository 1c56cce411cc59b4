//! A resource's JSON, as the RFC has it, to the contract's message: the only place that reads a resource.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::scim::{
    ENTERPRISE_USER,
    attributes::{self, Attribute, Kind},
    error::ScimError,
    is_core, is_urn,
    resource::Resource,
    resource_type::ResourceType,
};

/// Reads a resource.
///
/// Names have no case. Null and the empty array are absence (RFC 7643 section 2.5). What the client may not write (`id`, `meta`,
/// `groups`, `password`, the `display` of a member) and what is unknown is ignored, as RFC 7644 section 3.3 allows; `schemas` adds
/// nothing to what the keys say, and may name schemas that nobody knows. An object under any other URN is an extension, listed in `schemas` or not, and is kept as it is.
pub(crate) fn parse<R: Resource>(json: Map<String, Value>) -> Result<R, ScimError> {
    let (attributes, has_enterprise) = match R::TYPE {
        ResourceType::User => (attributes::USER, true),
        ResourceType::Group => (attributes::GROUP, false),
    };
    let mut canonical = Map::new();
    for (name, value) in json {
        if has_enterprise && name.eq_ignore_ascii_case(ENTERPRISE_USER) {
            if let Some(object) = complex(attributes::ENTERPRISE, value, ENTERPRISE_USER)? {
                canonical.insert(ENTERPRISE_USER.to_owned(), object);
            }
        } else if is_urn(&name) {
            extension(&mut canonical, name, value);
        } else if let Some(attribute) = attributes::find(attributes, &name) {
            insert(&mut canonical, attribute, value, attribute.name)?;
        }
    }
    serde_json::from_value(Value::Object(canonical)).map_err(|error| {
        ScimError::new(
            StatusCode::BAD_REQUEST,
            None,
            format!("The {} cannot be read: {error}.", R::TYPE.noun()),
        )
    })
}

/// A core schema is no extension; an empty extension is absent.
fn extension(canonical: &mut Map<String, Value>, name: String, value: Value) {
    let is_kept = match &value {
        Value::Object(object) => !object.is_empty() && !is_core(&name),
        _ => false,
    };
    if is_kept {
        canonical.insert(name, value);
    }
}

fn insert(
    target: &mut Map<String, Value>,
    attribute: &Attribute,
    value: Value,
    place: &str,
) -> Result<(), ScimError> {
    let checked = match (attribute.kind, value) {
        (_, Value::Null) => None,
        (Kind::Text, value @ Value::String(_)) | (Kind::Boolean, value @ Value::Bool(_)) => {
            Some(value)
        }
        (Kind::Text, _) => return Err(wrong(place, "a string")),
        (Kind::Boolean, _) => return Err(wrong(place, "true or false")),
        (Kind::Complex(inner), value) => complex(inner, value, place)?,
        (Kind::MultiValued(inner), Value::Array(elements)) => multi_valued(inner, elements, place)?,
        (Kind::MultiValued(_), _) => return Err(wrong(place, "an array")),
    };
    if let Some(value) = checked {
        target.insert(attribute.name.to_owned(), value);
    }
    Ok(())
}

fn complex(
    inner: &'static [Attribute],
    value: Value,
    place: &str,
) -> Result<Option<Value>, ScimError> {
    let object = match value {
        Value::Object(object) => object,
        Value::Null => return Ok(None),
        _ => return Err(wrong(place, "an object")),
    };
    // A sub-attribute of an extension is joined by a colon, any other by a dot.
    let joint = if place == ENTERPRISE_USER { ':' } else { '.' };
    let mut canonical = Map::new();
    for (name, value) in object {
        if let Some(attribute) = attributes::find(inner, &name) {
            insert(
                &mut canonical,
                attribute,
                value,
                &format!("{place}{joint}{}", attribute.name),
            )?;
        }
    }
    Ok((!canonical.is_empty()).then_some(Value::Object(canonical)))
}

fn multi_valued(
    inner: &'static [Attribute],
    elements: Vec<Value>,
    place: &str,
) -> Result<Option<Value>, ScimError> {
    let mut canonical = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        canonical.extend(complex(inner, element, &format!("{place}[{index}]"))?);
    }
    Ok((!canonical.is_empty()).then_some(Value::Array(canonical)))
}

fn wrong(place: &str, wanted: &str) -> ScimError {
    ScimError::value(format!(
        "{place} must be {wanted}. Check the attribute mapping for it in Entra, under Provisioning, Mappings."
    ))
}

#[cfg(test)]
mod tests {
    use provisioning_proto::v1::{Account, Group};
    use serde_json::json;

    use super::*;
    use crate::scim::{CORE_GROUP, CORE_USER};

    fn read(json: Value) -> Result<Value, String> {
        read_as::<Account>(json)
    }

    fn read_as<R: Resource>(json: Value) -> Result<Value, String> {
        let Value::Object(object) = json else {
            panic!("a resource is an object")
        };
        let resource: R = parse(object).map_err(|error| error.detail)?;
        Ok(serde_json::to_value(&resource).expect("a resource is JSON"))
    }

    #[test]
    fn a_group_is_its_name_its_object_id_its_members_and_its_extensions() {
        let json = json!({
            "schemas": [CORE_GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "DisplayName": "Engineering", "externalId": "o", "id": "mine", "meta": {"resourceType": "Group"}, "userName": "a",
            "members": [{"Value": "u", "$ref": null, "display": "VP", "type": "User"}, {}, null],
            "urn:x:2.0:Group": {"tag": 1}, CORE_GROUP: {"displayName": "other"}, ENTERPRISE_USER: {"department": "R&D"},
        });
        let expected = json!({"displayName": "Engineering", "externalId": "o", "members": [{"value": "u"}],
            ENTERPRISE_USER: {"department": "R&D"}, "urn:x:2.0:Group": {"tag": 1}});
        assert_eq!(read_as::<Group>(json).unwrap(), expected);
        let error = read_as::<Group>(json!({"members": [{"value": 1}]})).unwrap_err();
        assert!(
            error.starts_with("members[0].value must be a string"),
            "{error}"
        );
    }

    #[test]
    fn names_have_no_case() {
        let json = json!({
            "USERNAME": "ryan3", "Emails": [{"Primary": true, "Type": "work", "Value": "a@b.c"}],
            "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user": {"Department": "bob", "Manager": {"Value": "x"}},
        });
        let expected = json!({
            "userName": "ryan3", "emails": [{"value": "a@b.c", "type": "work", "primary": true}],
            ENTERPRISE_USER: {"department": "bob", "manager": {"value": "x"}},
        });
        assert_eq!(read(json).unwrap(), expected);
    }

    #[test]
    fn null_and_empty_are_absent() {
        let json = json!({"userName": "a", "title": null, "addresses": null, "roles": [], "emails": [null, {"type": null}],
            "name": {"givenName": null}, ENTERPRISE_USER: {}, "urn:x:ext": {}});
        assert_eq!(read(json).unwrap(), json!({"userName": "a"}));
    }

    #[test]
    fn what_a_client_may_not_write_is_ignored() {
        let json = json!({"userName": "a", "id": "1", "meta": {"version": "x"}, "schemas": ["nonsense"], "groups": [{"value": "g"}],
            "password": "secret", "adreses": 1, "tenant": "other", "isAdmin": true, "hold": null, "protected": true,
            "effectivelyActive": false, "createTime": 1, "etag": "x"});
        assert_eq!(read(json).unwrap(), json!({"userName": "a"}));
    }

    #[test]
    fn an_extension_comes_through_unchanged() {
        let json = json!({"userName": "a", "urn:x:Ext:2.0:User": {"Tag": "x", "n": 1, "list": [{"a": null}]}});
        assert_eq!(read(json.clone()).unwrap(), json);
    }

    #[test]
    fn the_cores_schema_is_no_extension() {
        let json = json!({"userName": "a", CORE_USER: {"role": "Admin"}, CORE_GROUP: {"a": 1}, "urn:x:ext": "text"});
        assert_eq!(read(json).unwrap(), json!({"userName": "a"}));
    }

    #[test]
    fn an_error_names_the_place() {
        let start = |json| {
            read(json)
                .unwrap_err()
                .split(". ")
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(start(json!({"userName": 7})), "userName must be a string");
        assert_eq!(
            start(json!({"active": "yes"})),
            "active must be true or false"
        );
        assert_eq!(
            start(json!({"emails": [{}, {"Value": 1}]})),
            "emails[1].value must be a string"
        );
        assert_eq!(
            start(json!({"emails": {"value": "x"}})),
            "emails must be an array"
        );
        assert_eq!(start(json!({"name": "Alice"})), "name must be an object");
        assert_eq!(
            start(json!({ENTERPRISE_USER: {"manager": {"value": 3}}})),
            format!("{ENTERPRISE_USER}:manager.value must be a string")
        );
    }
}
