//! When the schemas let an attribute be seen: `returned`, RFC 7643 section 7.

use provisioning_proto::v1;
use serde_json::{Map, Value};

use super::{Trail, is_removed};

/// The attributes of extensions that are not returned by default. What RFC 7643 itself says of `id` and `schemas` is [`super::Projection`]'s,
/// and a password is never kept.
#[derive(Debug, Default)]
pub(crate) struct Returned(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    urn: String,
    /// The attribute, and its sub-attribute if it is one's.
    steps: Vec<String>,
    when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Never,
    Request,
}

impl When {
    fn parse(returned: &str) -> Option<Self> {
        match returned {
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            "request" => Some(Self::Request),
            _ => None,
        }
    }
}

impl Returned {
    /// Reads the schemas in force.
    pub(crate) fn new(schemas: &[v1::Schema]) -> Self {
        let mut rules = Vec::new();
        for schema in schemas.iter().filter(|schema| schema.extension) {
            let mut add = |steps: &[&str], returned: &str| {
                rules.extend(When::parse(returned).map(|when| Rule {
                    urn: schema.id.clone(),
                    steps: steps.iter().map(|&step| step.to_owned()).collect(),
                    when,
                }));
            };
            for attribute in &schema.attributes {
                add(&[&attribute.name], &attribute.returned);
                for sub in &attribute.sub_attributes {
                    // A sub-attribute is there always only where its attribute is.
                    if sub.returned != "always" {
                        add(&[&attribute.name, &sub.name], &sub.returned);
                    }
                }
            }
        }
        Self(rules)
    }

    /// Whether every attribute is returned by default.
    pub(crate) fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes away what is never returned, and what is only on a request that was not made.
    pub(super) fn hide(
        &self,
        resource: &mut Map<String, Value>,
        is_requested: impl Fn(&str, &[String]) -> bool,
    ) {
        for rule in &self.0 {
            let is_hidden = match rule.when {
                When::Always => false,
                When::Never => true,
                When::Request => !is_requested(&rule.urn, &rule.steps),
            };
            if is_hidden {
                resource.retain(|name, value| {
                    !(name.eq_ignore_ascii_case(&rule.urn)
                        && is_removed(value, &[Trail::of(&rule.steps)]))
                });
            }
        }
    }

    /// The attributes that are returned whatever is asked for, by extension.
    pub(super) fn always(
        &self,
        resource: &Map<String, Value>,
    ) -> Vec<(String, Map<String, Value>)> {
        let rules = self.0.iter().filter(|rule| rule.when == When::Always);
        let find = |rule: &Rule| {
            let same = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
            let (urn, extension) = resource.iter().find(|(name, _)| same(name, &rule.urn))?;
            let mut attributes = extension.as_object()?.iter();
            let (name, value) = attributes.find(|(name, _)| same(name, &rule.steps[0]))?;
            let attribute = Map::from_iter([(name.clone(), value.clone())]);
            Some((urn.clone(), attribute))
        };
        rules.filter_map(find).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::projection::Projection;

    const URN: &str = "urn:x:Custom:2.0:User";

    fn schema() -> v1::Schema {
        let attribute = |name: &str, returned: &str, sub_attributes| v1::Attribute {
            name: name.to_owned(),
            returned: returned.to_owned(),
            sub_attributes,
            ..v1::Attribute::default()
        };
        v1::Schema {
            id: URN.to_owned(),
            extension: true,
            attributes: vec![
                attribute("badge", "always", Vec::new()),
                attribute("pin", "never", Vec::new()),
                attribute("salary", "request", Vec::new()),
                attribute(
                    "desk",
                    "default",
                    vec![
                        attribute("room", "default", Vec::new()),
                        attribute("key", "never", Vec::new()),
                        attribute("phone", "request", Vec::new()),
                    ],
                ),
            ],
            ..v1::Schema::default()
        }
    }

    fn shown(attributes: &str, excluded: &str) -> Value {
        let extension = json!({"badge": 7, "PIN": 1234, "salary": 1, "desk": {"room": "A", "key": "k", "phone": "5"}});
        let resource = json!({"schemas": [], "id": "1", "title": "T", URN: extension});
        let Value::Object(mut resource) = resource else {
            unreachable!()
        };
        let projection = Projection::parse(Some(attributes), Some(excluded)).unwrap();
        projection.apply(&mut resource, &Returned::new(&[schema()]));
        resource.remove(URN).unwrap_or_default()
    }

    #[test]
    fn what_is_never_returned_cannot_be_asked_for() {
        let shown = shown(&format!("{URN}:pin,{URN}:desk.key"), "");
        assert_eq!(shown, json!({"badge": 7}));
    }

    #[test]
    fn what_is_returned_on_request_must_be_named() {
        assert_eq!(shown("", ""), json!({"badge": 7, "desk": {"room": "A"}}));
        assert_eq!(shown(URN, ""), json!({"badge": 7, "desk": {"room": "A"}}));
        assert_eq!(
            shown(&format!("{URN}:SALARY"), ""),
            json!({"salary": 1, "badge": 7})
        );
        assert_eq!(
            shown(&format!("{URN}:desk.phone"), ""),
            json!({"desk": {"phone": "5"}, "badge": 7})
        );
    }

    #[test]
    fn what_is_always_returned_cannot_be_left_out() {
        assert_eq!(shown("title", ""), json!({"badge": 7}));
        assert_eq!(shown("", URN), json!({"badge": 7}));
        assert_eq!(
            shown("", &format!("{URN}:badge,{URN}:desk")),
            json!({"badge": 7})
        );
    }

    #[test]
    fn the_default_needs_no_rule() {
        let mut schema = schema();
        schema
            .attributes
            .retain(|attribute| attribute.name == "desk");
        schema.attributes[0].sub_attributes.clear();
        assert!(Returned::new(&[schema.clone()]).is_default());
        schema.extension = false;
        assert!(Returned::new(&[schema]).is_default());
    }
}
