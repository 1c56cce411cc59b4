//! When the attributes of extensions are shown, as their definitions have it: `returned` of RFC 7643 section 7.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Asked, Trail};
use crate::scim::take;

/// The attributes of a resource's extensions, and their parts, that are not `default`; those of RFC 7643 itself, `id` and `schemas`, are
/// [`super::Projection`]'s. What is never returned the core does not tell.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    always: Vec<Place>,
    on_request: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    urn: String,
    attribute: String,
    part: Option<String>,
}

impl Returned {
    /// Reads `returned` of an account or group.
    pub(crate) fn new(returned: &BTreeMap<String, String>) -> Self {
        let mut places = Self::default();
        for (path, word) in returned {
            match (word.as_str(), Place::parse(path)) {
                ("always", Some(place)) => places.always.push(place),
                ("request", Some(place)) => places.on_request.push(place),
                _ => {}
            }
        }
        places
    }

    /// Takes out of a resource what is shown on request only and was not asked for.
    pub(super) fn withhold(&self, resource: &mut Map<String, Value>, asked: &Asked) {
        for place in &self.on_request {
            if asked.names(&place.path()) {
                continue;
            }
            let Some(urn) = key(resource, &place.urn) else {
                continue;
            };
            let Some(Value::Object(extension)) = resource.get_mut(&urn) else {
                continue;
            };
            place.take_out_of(extension);
            if extension.is_empty() {
                resource.shift_remove(&urn);
            }
        }
    }

    /// The attributes of a resource that are always shown, by extension.
    pub(super) fn always(
        &self,
        resource: &Map<String, Value>,
    ) -> Vec<(String, Map<String, Value>)> {
        let find = |place: &Place| {
            let urn = key(resource, &place.urn)?;
            let extension = resource[&urn].as_object()?;
            let name = key(extension, &place.attribute)?;
            let value = extension[&name].clone();
            Some((urn, Map::from_iter([(name, value)])))
        };
        let whole = self.always.iter().filter(|place| place.part.is_none());
        whole.filter_map(find).collect()
    }

    /// The ways into an extension that show something, and those to the parts that are always shown with it.
    pub(super) fn with_parts<'a>(
        &'a self,
        urn: &str,
        mut trails: Vec<Trail<'a>>,
    ) -> Vec<Trail<'a>> {
        for (attribute, part) in self.parts_of(urn) {
            let beside: Vec<_> = trails
                .iter()
                .filter_map(|trail| trail.beside(attribute, part))
                .collect();
            trails.extend(beside);
        }
        trails
    }

    /// The ways into an extension that hide something, but for those to parts that are always shown.
    pub(super) fn without_parts<'a>(
        &self,
        urn: &str,
        mut trails: Vec<Trail<'a>>,
    ) -> Vec<Trail<'a>> {
        for (attribute, part) in self.parts_of(urn) {
            trails.retain(|trail| !trail.leads_to(attribute, part));
        }
        trails
    }

    fn parts_of(&self, urn: &str) -> impl Iterator<Item = (&str, &str)> {
        let of_urn = move |place: &&Place| place.urn.eq_ignore_ascii_case(urn);
        let places = self.always.iter().filter(of_urn);
        places.filter_map(|place| Some((place.attribute.as_str(), place.part.as_deref()?)))
    }
}

impl Place {
    /// Neither the names of attributes nor those of parts have a colon or a dot.
    fn parse(path: &str) -> Option<Self> {
        let (urn, name) = path.rsplit_once(':')?;
        let (attribute, part) = match name.split_once('.') {
            Some((attribute, part)) => (attribute, Some(part.to_owned())),
            None => (name, None),
        };
        Some(Self {
            urn: urn.to_owned(),
            attribute: attribute.to_owned(),
            part,
        })
    }

    fn path(&self) -> String {
        let Self {
            urn,
            attribute,
            part,
        } = self;
        match part {
            None => format!("{urn}:{attribute}"),
            Some(part) => format!("{urn}:{attribute}.{part}"),
        }
    }

    fn take_out_of(&self, extension: &mut Map<String, Value>) {
        let Some(name) = key(extension, &self.attribute) else {
            return;
        };
        let is_left = match (&self.part, &mut extension[&name]) {
            (None, _) => false,
            (Some(part), Value::Object(parts)) => {
                take(parts, part);
                !parts.is_empty()
            }
            (Some(part), Value::Array(elements)) => {
                elements.retain_mut(|element| {
                    let Value::Object(parts) = element else {
                        return true;
                    };
                    take(parts, part);
                    !parts.is_empty()
                });
                !elements.is_empty()
            }
            (Some(_), _) => true,
        };
        if !is_left {
            extension.shift_remove(&name);
        }
    }
}

/// The name in the case in which the object has it.
fn key(object: &Map<String, Value>, name: &str) -> Option<String> {
    object
        .keys()
        .find(|other| other.eq_ignore_ascii_case(name))
        .cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::projection::Projection;

    const URN: &str = "urn:x:Custom:2.0:User";

    fn shown_after(attributes: &str, excluded: &str, body: Value) -> Value {
        let returned = [
            ("badge", "always"),
            ("note", "request"),
            ("keys.id", "always"),
            ("keys.code", "request"),
        ];
        let returned = returned.map(|(path, word)| (format!("{URN}:{path}"), word.to_owned()));
        let resource = json!({"schemas": [], "id": "1", "title": "T", URN: {
            "Badge": 7, "room": "A", "note": "N", "keys": [{"value": "v", "id": "i", "code": "c"}, {"code": "d"}]}});
        let (Value::Object(mut resource), Value::Object(body)) = (resource, body) else {
            unreachable!()
        };
        let mut projection = Projection::parse(Some(attributes), Some(excluded)).unwrap();
        projection.ask_for_written(&body);
        projection.apply(&mut resource, &Returned::new(&returned.into()));
        resource.remove(URN).unwrap_or_default()
    }

    fn shown(attributes: &str, excluded: &str) -> Value {
        shown_after(attributes, excluded, json!({}))
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
            shown("", &format!("{URN}:badge,{URN}:room,{URN}:keys")),
            json!({"Badge": 7})
        );
    }

    #[test]
    fn a_part_that_is_always_returned_comes_with_its_attribute() {
        let keys = |attributes: &str, excluded: &str| shown(attributes, excluded)["keys"].clone();
        for attributes in ["keys.value", "keys[value eq \"v\"].value"] {
            let attributes = format!("{URN}:{attributes}");
            assert_eq!(
                keys(&attributes, ""),
                json!([{"value": "v", "id": "i"}]),
                "{attributes}"
            );
        }
        assert_eq!(keys("title", ""), Value::Null);
        let excluded = format!("{URN}:keys.id,{URN}:keys.value");
        assert_eq!(keys("", &excluded), json!([{"id": "i"}]));
    }

    #[test]
    fn what_is_returned_on_request_is_shown_to_who_asks_for_it() {
        let plain = json!({"Badge": 7, "room": "A", "keys": [{"value": "v", "id": "i"}]});
        assert_eq!(shown("", ""), plain);
        assert_eq!(
            shown(URN, ""),
            plain,
            "the schema's name is not the attribute's"
        );
        assert_eq!(shown("", "title"), plain);
        assert_eq!(
            shown(&format!("{URN}:NOTE"), ""),
            json!({"note": "N", "Badge": 7})
        );
        assert_eq!(
            shown(&format!("{URN}:keys.code"), "")["keys"],
            json!([{"code": "c", "id": "i"}, {"code": "d"}])
        );
        assert_eq!(shown(&format!("{URN}:keys"), "")["keys"], plain["keys"]);
    }

    #[test]
    fn what_was_written_is_shown_unless_other_attributes_are_asked_for() {
        let body = || json!({"userName": "a", URN: {"note": "N"}});
        assert_eq!(shown_after("", "", body())["note"], "N");
        assert_eq!(shown_after("title", "", body()), json!({"Badge": 7}));
        assert_eq!(
            shown_after("", &format!("{URN}:note"), body()).get("note"),
            None
        );
    }
}
