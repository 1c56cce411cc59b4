//! `attributes` and `excludedAttributes` (RFC 7644 section 3.4.2.5): the only place that leaves attributes out of an answer.

use serde_json::{Map, Value};

use crate::scim::{CORE_USER, error::ScimError, is_urn, strip_prefix_ignore_case};

/// Which attributes of a resource are answered. `schemas` and `id` always are (`returned: always`).
#[derive(Debug, Default)]
pub(crate) struct Projection {
    /// Only these; absent: all.
    only: Option<Vec<Selector>>,
    /// Never these.
    without: Vec<Selector>,
}

/// One attribute as a client names it: `name.givenName`, `emails[type eq "work"]`, `urn:…:User:manager`.
#[derive(Debug)]
struct Selector {
    /// A name, or a URN with or without an attribute behind it.
    name: String,
    sub_attribute: Option<String>,
    /// Only the elements whose sub-attribute has this text. A richer value filter selects every element.
    equals: Option<(String, String)>,
}

impl Projection {
    /// Reads the two parameters.
    pub(crate) fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, ScimError> {
        Ok(Self {
            only: attributes
                .filter(|list| !list.trim().is_empty())
                .map(selectors)
                .transpose()?,
            without: excluded.map(selectors).transpose()?.unwrap_or_default(),
        })
    }

    /// Whether nothing is left out.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_none() && self.without.is_empty()
    }

    /// Leaves out what was not asked for.
    pub(crate) fn apply(&self, resource: &mut Map<String, Value>) {
        if let Some(only) = &self.only {
            *resource = std::mem::take(resource)
                .into_iter()
                .filter_map(|(name, value)| {
                    let kept = if is_always_returned(&name) {
                        Some(value)
                    } else {
                        kept_of(&name, value, only)
                    };
                    kept.map(|value| (name, value))
                })
                .collect();
        }
        for selector in &self.without {
            selector.remove_from(resource);
        }
    }
}

fn is_always_returned(name: &str) -> bool {
    name.eq_ignore_ascii_case("id") || name.eq_ignore_ascii_case("schemas")
}

/// What `selectors` keep of one attribute; `None` when they keep nothing.
fn kept_of(name: &str, value: Value, selectors: &[Selector]) -> Option<Value> {
    let matching: Vec<_> = selectors
        .iter()
        .filter_map(|selector| selector.part_of(name))
        .collect();
    if matching.is_empty() {
        return None;
    }
    if matching
        .iter()
        .any(|part| part.sub_attribute.is_none() && part.equals.is_none())
    {
        return Some(value);
    }
    let keep = |mut element: Value| -> Option<Value> {
        let parts: Vec<_> = matching
            .iter()
            .filter(|part| part.selects(&element))
            .collect();
        let Value::Object(fields) = &mut element else {
            return (!parts.is_empty()).then_some(element);
        };
        fields.retain(|field, _| {
            parts.iter().any(|part| {
                part.sub_attribute
                    .is_none_or(|sub| sub.eq_ignore_ascii_case(field))
            })
        });
        (!fields.is_empty()).then_some(element)
    };
    match value {
        Value::Array(elements) => {
            let kept: Vec<_> = elements.into_iter().filter_map(keep).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        value => keep(value),
    }
}

/// What of a top-level attribute a selector means.
struct Part<'a> {
    sub_attribute: Option<&'a str>,
    equals: Option<&'a (String, String)>,
}

impl Part<'_> {
    fn selects(&self, element: &Value) -> bool {
        self.equals.is_none_or(|(name, text)| {
            let fields = element.as_object().into_iter().flatten();
            let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
            named.any(|(_, value)| match value {
                Value::String(value) => value.eq_ignore_ascii_case(text),
                value => value.to_string().eq_ignore_ascii_case(text),
            })
        })
    }
}

impl Selector {
    /// How this selector sees the attribute or extension `name`; `None` when it names another.
    fn part_of<'a>(&'a self, name: &str) -> Option<Part<'a>> {
        let sub_attribute = if self.name.eq_ignore_ascii_case(name) {
            self.sub_attribute.as_deref()
        } else if is_urn(name) {
            // `URN:attribute`; a deeper sub-attribute selects the whole attribute.
            Some(strip_prefix_ignore_case(&self.name, name)?.strip_prefix(':')?)
        } else {
            return None;
        };
        Some(Part {
            sub_attribute,
            equals: self.equals.as_ref(),
        })
    }

    fn remove_from(&self, resource: &mut Map<String, Value>) {
        let names: Vec<String> = resource
            .keys()
            .filter(|name| !is_always_returned(name))
            .cloned()
            .collect();
        for name in names {
            let Some(part) = self.part_of(&name) else {
                continue;
            };
            let value = resource.get_mut(&name).expect("the name was just read");
            let is_gone = match (value, part.sub_attribute) {
                (Value::Array(elements), None) if part.equals.is_some() => {
                    elements.retain(|element| !part.selects(element));
                    elements.is_empty()
                }
                (_, None) => true,
                (Value::Array(elements), Some(sub)) => {
                    elements
                        .iter_mut()
                        .filter(|element| part.selects(element))
                        .for_each(|element| remove(element, sub));
                    false
                }
                (value, Some(sub)) => {
                    remove(value, sub);
                    false
                }
            };
            if is_gone {
                resource.shift_remove(&name);
            }
        }
    }
}

fn remove(element: &mut Value, name: &str) {
    if let Value::Object(fields) = element {
        fields.retain(|field, _| !field.eq_ignore_ascii_case(name));
    }
}

/// The items of a comma-separated list; a comma inside brackets or quotes belongs to a value filter.
fn selectors(list: &str) -> Result<Vec<Selector>, ScimError> {
    let (mut in_quotes, mut in_brackets, mut escaped) = (false, false, false);
    let items = list.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            '[' if !in_quotes => in_brackets = true,
            ']' if !in_quotes => in_brackets = false,
            ',' => return !in_quotes && !in_brackets,
            _ => {}
        }
        false
    });
    items
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(selector)
        .collect()
}

fn selector(item: &str) -> Result<Selector, ScimError> {
    let malformed = || {
        ScimError::value(
            "attributes and excludedAttributes take attribute names, separated by commas.",
        )
    };
    let item = strip_prefix_ignore_case(item, CORE_USER)
        .and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or(item);
    if let Some((name, rest)) = item.split_once('[') {
        let (filter, rest) = rest.rsplit_once(']').ok_or_else(malformed)?;
        let sub_attribute = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('.').ok_or_else(malformed)?.to_owned()),
        };
        return Ok(Selector {
            name: name.trim().to_owned(),
            sub_attribute,
            equals: equality(filter),
        });
    }
    // The dots of a URN's version separate nothing.
    let attribute_at = item.rfind(':').map_or(0, |colon| colon + 1);
    let (name, sub_attribute) = match item[attribute_at..].split_once('.') {
        Some((attribute, sub)) if is_urn(item) => {
            (&item[..attribute_at + attribute.len()], Some(sub))
        }
        Some((attribute, sub)) => (attribute, Some(sub)),
        None => (item, None),
    };
    Ok(Selector {
        name: name.to_owned(),
        sub_attribute: sub_attribute.map(str::to_owned),
        equals: None,
    })
}

/// `type eq "work"` as a name and a text; `None` for any other filter.
fn equality(filter: &str) -> Option<(String, String)> {
    let mut words = filter.trim().splitn(3, ' ');
    let (name, operator, literal) = (words.next()?, words.next()?, words.next()?.trim());
    if !operator.eq_ignore_ascii_case("eq") {
        return None;
    }
    let text = match serde_json::from_str(literal).ok()? {
        Value::String(text) => text,
        literal => literal.to_string(),
    };
    Some((name.to_owned(), text))
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
            ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "m"}}, "urn:x": {"tag": 1},
            "meta": {"resourceType": "User"},
        })
    }

    fn projected(attributes: &str, excluded: &str) -> Value {
        let projection = Projection::parse(Some(attributes), Some(excluded)).unwrap();
        let Value::Object(mut resource) = user() else {
            unreachable!()
        };
        projection.apply(&mut resource);
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
            json!({urn: {"manager": {"value": "m"}}})
        );
        assert_eq!(
            projected(&format!("{urn}:manager.value"), ""),
            json!({urn: {"manager": {"value": "m"}}})
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
    }

    #[test]
    fn the_order_of_the_keys_stays() {
        let projection = Projection::parse(Some("meta,userName,name"), None).unwrap();
        let Value::Object(mut resource) = user() else {
            unreachable!()
        };
        projection.apply(&mut resource);
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
                projection.apply(&mut resource);
                prop_assert!(resource.contains_key("id") && resource.contains_key("schemas"));
            }
        }
    }
}
