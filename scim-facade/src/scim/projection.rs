//! Which attributes of a resource are shown (RFC 7644 section 3.9, RFC 7643 section 7): the only place that leaves attributes out of an
//! answer.

mod asked;
mod returned;
mod selector;

use serde_json::{Map, Value};

use self::{
    asked::Asked,
    selector::{Selector, Trail, selectors},
};
pub(crate) use self::{returned::Returned, selector::equality};
use crate::scim::error::ScimError;

/// `attributes` and `excludedAttributes`. `schemas` and `id` are always shown (`returned: always`).
#[derive(Debug, Default)]
pub(crate) struct Projection {
    /// Only these; absent: all.
    only: Option<Vec<Selector>>,
    /// Never these.
    without: Vec<Selector>,
    /// What is shown on request only, and was requested.
    asked: Asked,
}

impl Projection {
    /// Reads the two parameters.
    pub(crate) fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, ScimError> {
        let only = attributes
            .filter(|list| !list.trim().is_empty())
            .map(selectors)
            .transpose()?;
        let mut asked = Asked::default();
        only.iter()
            .flatten()
            .for_each(|selector| asked.add(&selector.path()));
        Ok(Self {
            only,
            without: excluded.map(selectors).transpose()?.unwrap_or_default(),
            asked,
        })
    }

    /// In the answer to a write, what the client wrote was asked for (RFC 7643 section 7, `request`).
    pub(crate) fn ask_for_written(&mut self, body: &Map<String, Value>) {
        self.asked.add_written(body);
    }

    /// Whether nothing is left out.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_none() && self.without.is_empty()
    }

    /// Whether any part of an attribute may be shown: if not, it need not be read.
    pub(crate) fn shows(&self, attribute: &str) -> bool {
        let is_chosen = |only: &Vec<Selector>| only.iter().any(|s| s.trail(attribute).is_some());
        let is_excluded = |s: &Selector| s.trail(attribute).is_some_and(|trail| trail.is_whole());
        self.only.as_ref().is_none_or(is_chosen) && !self.without.iter().any(is_excluded)
    }

    /// Leaves out what was not asked for and is not always returned.
    pub(crate) fn apply(&self, resource: &mut Map<String, Value>, returned: &Returned) {
        returned.withhold(resource, &self.asked);
        let always = returned.always(resource);
        if let Some(only) = &self.only {
            *resource = std::mem::take(resource)
                .into_iter()
                .filter_map(|(name, value)| {
                    let shown = if is_always_returned(&name) {
                        Some(value)
                    } else {
                        kept(value, &returned.with_parts(&name, trails(only, &name)))
                    };
                    shown.map(|value| (name, value))
                })
                .collect();
        }
        resource.retain(|name, value| {
            let without = returned.without_parts(name, trails(&self.without, name));
            is_always_returned(name) || !is_removed(value, &without)
        });
        for (urn, attributes) in always {
            let extension = resource.entry(urn).or_insert_with(|| Map::new().into());
            if let Value::Object(extension) = extension {
                extension.extend(attributes);
            }
        }
    }
}

fn is_always_returned(name: &str) -> bool {
    name.eq_ignore_ascii_case("id") || name.eq_ignore_ascii_case("schemas")
}

fn trails<'a>(selectors: &'a [Selector], name: &str) -> Vec<Trail<'a>> {
    selectors.iter().filter_map(|s| s.trail(name)).collect()
}

/// What the trails keep of a value; `None` when they keep nothing.
fn kept(value: Value, trails: &[Trail]) -> Option<Value> {
    if trails.iter().any(Trail::is_whole) {
        return Some(value);
    }
    match value {
        Value::Array(elements) => {
            let keep = |element| kept_of_element(element, trails);
            let elements: Vec<_> = elements.into_iter().filter_map(keep).collect();
            (!elements.is_empty()).then_some(Value::Array(elements))
        }
        value => kept_of_element(value, trails),
    }
}

fn kept_of_element(element: Value, trails: &[Trail]) -> Option<Value> {
    let chosen: Vec<_> = trails.iter().filter(|t| t.selects(&element)).collect();
    if chosen.iter().any(|trail| trail.steps.is_empty()) {
        return Some(element);
    }
    let Value::Object(fields) = element else {
        return None;
    };
    let fields: Map<_, _> = fields
        .into_iter()
        .filter_map(|(name, value)| {
            let deeper: Vec<_> = chosen.iter().filter_map(|t| t.step(&name)).collect();
            kept(value, &deeper).map(|value| (name, value))
        })
        .collect();
    (!fields.is_empty()).then_some(Value::Object(fields))
}

/// Takes what the trails name out of a value; whether nothing is left of it.
fn is_removed(value: &mut Value, trails: &[Trail]) -> bool {
    if trails.is_empty() {
        return false;
    }
    if trails.iter().any(Trail::is_whole) {
        return true;
    }
    match value {
        Value::Array(elements) => {
            elements.retain_mut(|element| !is_removed_element(element, trails));
            elements.is_empty()
        }
        value => is_removed_element(value, trails),
    }
}

fn is_removed_element(element: &mut Value, trails: &[Trail]) -> bool {
    let chosen: Vec<_> = trails.iter().filter(|t| t.selects(element)).collect();
    if chosen.iter().any(|trail| trail.steps.is_empty()) {
        return true;
    }
    let Value::Object(fields) = element else {
        return false;
    };
    fields.retain(|name, value| {
        let deeper: Vec<_> = chosen.iter().filter_map(|t| t.step(name)).collect();
        !is_removed(value, &deeper)
    });
    !chosen.is_empty() && fields.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::scim::ENTERPRISE_USER;

    fn user() -> Value {
        json!({
            "schemas": ["s"], "id": "1", "userName": "alice", "name": {"givenName": "A", "familyName": "E"},
            "emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h", "primary": true}],
            ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "m", "displayName": "Bob"}}, "urn:x": {"tag": 1},
            "meta": {"resourceType": "User"},
        })
    }

    fn projected(attributes: &str, excluded: &str) -> Value {
        let projection = Projection::parse(Some(attributes), Some(excluded)).unwrap();
        let Value::Object(mut resource) = user() else {
            unreachable!()
        };
        projection.apply(&mut resource, &Returned::default());
        resource
            .remove("schemas")
            .expect("schemas are always returned");
        resource.remove("id").expect("the id is always returned");
        Value::Object(resource)
    }

    #[test]
    fn only_what_is_asked_for_is_returned() {
        assert_eq!(projected("id", ""), json!({}));
        assert_eq!(
            projected("USERNAME, nothing", ""),
            json!({"userName": "alice"})
        );
        assert_eq!(
            projected("name.GivenName", ""),
            json!({"name": {"givenName": "A"}})
        );
        assert_eq!(
            projected("emails.type", ""),
            json!({"emails": [{"type": "work"}, {"type": "home"}]})
        );
        assert_eq!(
            projected("urn:ietf:params:scim:schemas:core:2.0:User:userName", ""),
            json!({"userName": "alice"})
        );
    }

    #[test]
    fn an_extension_is_selected_by_its_urn() {
        let urn = ENTERPRISE_USER;
        assert_eq!(
            projected(&format!("{urn}:department"), ""),
            json!({urn: {"department": "R&D"}})
        );
        assert_eq!(
            projected(&format!("{urn}:manager"), ""),
            json!({urn: {"manager": {"value": "m", "displayName": "Bob"}}})
        );
        assert_eq!(
            projected(&format!("{urn}:manager.displayName"), ""),
            json!({urn: {"manager": {"displayName": "Bob"}}})
        );
        assert_eq!(projected("URN:X", ""), json!({"urn:x": {"tag": 1}}));
    }

    #[test]
    fn a_value_path_selects_elements() {
        // SCIMReferenceCode, Postman collection, requests 40 and 41.
        assert_eq!(
            projected(r#"emails[type eq "work"]"#, ""),
            json!({"emails": [{"type": "work", "value": "w"}]})
        );
        assert_eq!(
            projected(r#"emails[value eq "h"].value"#, ""),
            json!({"emails": [{"value": "h"}]})
        );
        assert_eq!(
            projected("emails[primary eq true].type", ""),
            json!({"emails": [{"type": "home"}]})
        );
        assert_eq!(
            projected(r#"emails[value eq "a,b]"],userName"#, ""),
            json!({"userName": "alice"})
        );
    }

    #[test]
    fn what_is_excluded_is_left_out() {
        let without = |excluded: &str, names: &[&str]| {
            let mut expected = user();
            for name in ["schemas", "id"].iter().chain(names) {
                expected.as_object_mut().unwrap().shift_remove(*name);
            }
            assert_eq!(projected("", excluded), expected);
        };
        without("", &[]);
        without("members,ID,Schemas", &[]);
        without("emails,META", &["emails", "meta"]);
        without(ENTERPRISE_USER, &[ENTERPRISE_USER]);
        assert_eq!(
            projected("", "name.givenName")["name"],
            json!({"familyName": "E"})
        );
        assert_eq!(
            projected("", r#"emails[type eq "work"]"#)["emails"],
            json!([{"type": "home", "value": "h", "primary": true}])
        );
        assert_eq!(
            projected("", &format!("{ENTERPRISE_USER}:manager"))[ENTERPRISE_USER],
            json!({"department": "R&D"})
        );
        assert_eq!(
            projected("", &format!("{ENTERPRISE_USER}:manager.value"))[ENTERPRISE_USER],
            json!({"department": "R&D", "manager": {"displayName": "Bob"}})
        );
        without("name.givenName,name.familyName", &["name"]);
    }

    #[test]
    fn an_attribute_that_cannot_be_shown_need_not_be_read() {
        let shows = |attributes, excluded| {
            Projection::parse(attributes, excluded)
                .unwrap()
                .shows("members")
        };
        let urn = "urn:ietf:params:scim:schemas:core:2.0:Group:members";
        for (attributes, excluded) in [
            (None, None),
            (None, Some("displayName,members.display")),
            (Some("Members.value"), None),
            (Some(urn), None),
            (Some(r#"members[type eq "User"]"#), None),
            (None, Some(r#"members[type eq "User"]"#)),
            (Some(" "), Some("")),
        ] {
            assert!(shows(attributes, excluded), "{attributes:?} {excluded:?}");
        }
        for (attributes, excluded) in [
            (None, Some("MEMBERS")),
            (None, Some(urn)),
            (Some("id"), None),
            (Some("members"), Some("members")),
        ] {
            assert!(!shows(attributes, excluded), "{attributes:?} {excluded:?}");
        }
    }

    #[test]
    fn the_order_of_the_keys_stays() {
        let projection = Projection::parse(Some("meta,userName,name"), None).unwrap();
        let Value::Object(mut resource) = user() else {
            unreachable!()
        };
        projection.apply(&mut resource, &Returned::default());
        assert_eq!(
            resource.keys().collect::<Vec<_>>(),
            ["schemas", "id", "userName", "name", "meta"]
        );
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(list in "[a-z.:,\\[\\]\" \\\\é]{0,30}", excluded in "(urn:x|emails|name)?[a-z.:,\\[\\]\" ]{0,20}") {
            if let Ok(projection) = Projection::parse(Some(&list), Some(&excluded)) {
                let Value::Object(mut resource) = user() else { unreachable!() };
                projection.apply(&mut resource, &Returned::default());
                prop_assert!(resource.contains_key("id") && resource.contains_key("schemas"));
            }
        }
    }
}
