//! What the schemas let no client leave out: `returned: always`, RFC 7643 section 7.

use provisioning_proto::v1;
use serde_json::{Map, Value};

/// The attributes of extensions that are always returned; those of RFC 7643 itself, `id` and `schemas`, are [`super::Projection`]'s. What is
/// never returned the core does not tell, and on request only no extension returns anything.
#[derive(Debug, Default)]
pub(crate) struct Returned(Vec<Always>);

#[derive(Debug)]
struct Always {
    urn: String,
    attribute: String,
}

impl Returned {
    /// Reads the schemas in force.
    pub(crate) fn new(schemas: &[v1::Schema]) -> Self {
        let extensions = schemas.iter().filter(|schema| schema.extension);
        let always = extensions.flat_map(|schema| {
            let attributes = schema.attributes.iter();
            attributes
                .filter(|attribute| attribute.returned == "always")
                .map(|attribute| Always {
                    urn: schema.id.clone(),
                    attribute: attribute.name.clone(),
                })
        });
        Self(always.collect())
    }

    /// These attributes of a resource, by extension.
    pub(super) fn always(
        &self,
        resource: &Map<String, Value>,
    ) -> Vec<(String, Map<String, Value>)> {
        let find = |always: &Always| {
            let (urn, extension) = named(resource, &always.urn)?;
            let (name, value) = named(extension.as_object()?, &always.attribute)?;
            let attribute = Map::from_iter([(name.clone(), value.clone())]);
            Some((urn.clone(), attribute))
        };
        self.0.iter().filter_map(find).collect()
    }
}

fn named<'a>(object: &'a Map<String, Value>, name: &str) -> Option<(&'a String, &'a Value)> {
    object
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::projection::Projection;

    const URN: &str = "urn:x:Custom:2.0:User";

    fn shown(attributes: &str, excluded: &str) -> Value {
        let attribute = |name: &str, returned: &str| v1::Attribute {
            name: name.to_owned(),
            returned: returned.to_owned(),
            ..v1::Attribute::default()
        };
        let schema = v1::Schema {
            id: URN.to_owned(),
            extension: true,
            attributes: vec![attribute("badge", "always"), attribute("room", "default")],
            ..v1::Schema::default()
        };
        let resource =
            json!({"schemas": [], "id": "1", "title": "T", URN: {"Badge": 7, "room": "A"}});
        let Value::Object(mut resource) = resource else {
            unreachable!()
        };
        let projection = Projection::parse(Some(attributes), Some(excluded)).unwrap();
        projection.apply(&mut resource, &Returned::new(&[schema]));
        resource.remove(URN).unwrap_or_default()
    }

    #[test]
    fn what_is_always_returned_cannot_be_left_out() {
        assert_eq!(shown("title", ""), json!({"Badge": 7}));
        assert_eq!(
            shown(&format!("{URN}:room"), ""),
            json!({"room": "A", "Badge": 7})
        );
        assert_eq!(shown("", URN), json!({"Badge": 7}));
        assert_eq!(
            shown("", &format!("{URN}:badge,{URN}:room")),
            json!({"Badge": 7})
        );
    }
}
