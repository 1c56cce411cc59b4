//! The only place for the attribute mapping: which attribute of a directory user goes to which SCIM attribute, and how that
//! attribute is read back from a resource.
//!
//! It is Entra's default mapping with the vendors' common advice `objectId` -> `externalId` in place of `mailNickname`,
//! which changes and need not be unique. A source without a value is not sent, neither on create nor on update.

use serde_json::Value;

use crate::directory::DirectoryUser;

/// The enterprise extension of RFC 7643 section 4.3.
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A SCIM attribute as the mapping names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// `displayName`
    Plain(&'static str),
    /// `name.givenName`
    Name(&'static str),
    /// `phoneNumbers[type eq "work"].value`
    Typed(&'static str, &'static str, &'static str),
    /// `urn:…:enterprise:2.0:User:department`
    Enterprise(&'static str),
}

impl Slot {
    /// The path as it stands in a PATCH and in the provisioning log.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Plain(name) => name.to_owned(),
            Self::Name(part) => format!("name.{part}"),
            Self::Typed(list, kind, part) => format!("{list}[type eq \"{kind}\"].{part}"),
            Self::Enterprise(name) => format!("{ENTERPRISE}:{name}"),
        }
    }

    /// What a resource holds there; null counts as nothing.
    pub(crate) fn read(self, resource: &Value) -> Option<&Value> {
        let value = match self {
            Self::Plain(name) => member(resource, name),
            Self::Name(part) => member(member(resource, "name")?, part),
            Self::Typed(list, kind, part) => member(resource, list)?
                .as_array()?
                .iter()
                .find(|element| {
                    member(element, "type")
                        .and_then(Value::as_str)
                        .is_some_and(|found| found.eq_ignore_ascii_case(kind))
                })
                .and_then(|element| member(element, part)),
            Self::Enterprise(name) => member(member(resource, ENTERPRISE)?, name),
        };
        value.filter(|value| !value.is_null())
    }
}

/// One line of the mapping.
pub(crate) struct Rule {
    pub(crate) slot: Slot,
    source: fn(&DirectoryUser) -> Option<Value>,
}

/// The manager; a reference, so it is no rule and travels apart.
pub(crate) const MANAGER: Slot = Slot::Enterprise("manager");

/// The mapping, in the order in which Entra lists and sends it.
pub(crate) const RULES: [Rule; 21] = [
    rule(Slot::Plain("userName"), |user| {
        Some(user.user_principal_name.clone().into())
    }),
    rule(Slot::Plain("active"), |user| Some(user.is_active().into())),
    rule(Slot::Plain("displayName"), |user| {
        string(user.display_name.as_ref())
    }),
    rule(Slot::Plain("title"), |user| string(user.job_title.as_ref())),
    rule(Slot::Typed("emails", "work", "value"), |user| {
        string(user.mail.as_ref())
    }),
    rule(Slot::Plain("preferredLanguage"), |user| {
        string(user.preferred_language.as_ref())
    }),
    rule(Slot::Name("givenName"), |user| {
        string(user.given_name.as_ref())
    }),
    rule(Slot::Name("familyName"), |user| {
        string(user.surname.as_ref())
    }),
    rule(Slot::Name("formatted"), formatted_name),
    rule(Slot::Typed("addresses", "work", "formatted"), |user| {
        string(user.physical_delivery_office_name.as_ref())
    }),
    rule(Slot::Typed("addresses", "work", "streetAddress"), |user| {
        string(user.street_address.as_ref())
    }),
    rule(Slot::Typed("addresses", "work", "locality"), |user| {
        string(user.city.as_ref())
    }),
    rule(Slot::Typed("addresses", "work", "region"), |user| {
        string(user.state.as_ref())
    }),
    rule(Slot::Typed("addresses", "work", "postalCode"), |user| {
        string(user.postal_code.as_ref())
    }),
    rule(Slot::Typed("addresses", "work", "country"), |user| {
        string(user.country.as_ref())
    }),
    rule(Slot::Typed("phoneNumbers", "work", "value"), |user| {
        string(user.telephone_number.as_ref())
    }),
    rule(Slot::Typed("phoneNumbers", "mobile", "value"), |user| {
        string(user.mobile.as_ref())
    }),
    rule(Slot::Typed("phoneNumbers", "fax", "value"), |user| {
        string(user.facsimile_telephone_number.as_ref())
    }),
    rule(Slot::Plain("externalId"), |user| {
        Some(user.object_id.to_string().into())
    }),
    rule(Slot::Enterprise("employeeNumber"), |user| {
        string(user.employee_id.as_ref())
    }),
    rule(Slot::Enterprise("department"), |user| {
        string(user.department.as_ref())
    }),
];

const fn rule(slot: Slot, source: fn(&DirectoryUser) -> Option<Value>) -> Rule {
    Rule { slot, source }
}

/// What the mapping wants a user's account to hold, rule by rule.
pub(crate) fn desired(user: &DirectoryUser) -> impl Iterator<Item = (Slot, Option<Value>)> + '_ {
    RULES.iter().map(|rule| (rule.slot, (rule.source)(user)))
}

/// What the server last showed of an account, reduced to what the mapping is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Observed {
    values: Vec<Option<Value>>,
    pub(crate) manager: Option<String>,
}

/// One attribute that differs from what the mapping wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    pub(crate) slot: Slot,
    /// Whether the account held nothing there: Entra then says `Add`, else `Replace`.
    pub(crate) was_empty: bool,
    pub(crate) value: Value,
}

impl Observed {
    pub(crate) fn read(resource: &Value) -> Self {
        Self {
            values: RULES
                .iter()
                .map(|rule| rule.slot.read(resource).cloned())
                .collect(),
            manager: manager_of(resource),
        }
    }

    /// What must be sent so that the account holds what the mapping wants.
    pub(crate) fn edits(&self, user: &DirectoryUser) -> Vec<Edit> {
        desired(user)
            .zip(&self.values)
            .filter_map(|((slot, wanted), found)| {
                let value = wanted.filter(|wanted| Some(wanted) != found.as_ref())?;
                let was_empty = found.is_none();
                Some(Edit {
                    slot,
                    was_empty,
                    value,
                })
            })
            .collect()
    }

    /// What the account holds once the server has accepted everything the mapping wants and shows nothing back (204).
    pub(crate) fn accept(&mut self, user: &DirectoryUser) {
        for (found, (_, wanted)) in self.values.iter_mut().zip(desired(user)) {
            if wanted.is_some() {
                *found = wanted;
            }
        }
    }
}

/// The manager's SCIM id, which servers return as an object or, against the RFC, as a string.
fn manager_of(resource: &Value) -> Option<String> {
    let manager = MANAGER.read(resource)?;
    let id = manager
        .as_str()
        .or_else(|| member(manager, "value")?.as_str())?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// What a resource holds at a path of the mapping; a manager is its id.
pub(crate) fn read_path(resource: &Value, path: &str) -> Option<Value> {
    if path == MANAGER.path() {
        return manager_of(resource).map(Value::from);
    }
    let rule = RULES.iter().find(|rule| rule.slot.path() == path)?;
    rule.slot.read(resource).cloned()
}

/// A member by its name without regard to case (RFC 7643 section 2.1).
pub(crate) fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let object = object.as_object()?;
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

fn string(source: Option<&String>) -> Option<Value> {
    source.map(|text| text.clone().into())
}

/// `Join(" ", [givenName], [surname])`
fn formatted_name(user: &DirectoryUser) -> Option<Value> {
    let parts: Vec<&str> = [&user.given_name, &user.surname]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    (!parts.is_empty()).then(|| parts.join(" ").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::directory::ObjectId;

    fn alice() -> DirectoryUser {
        let mut user = DirectoryUser::new(ObjectId(Uuid::from_u128(1)), "alice@contoso.com");
        user.display_name = Some("Alice".to_owned());
        user.telephone_number = Some("1".to_owned());
        user
    }

    #[test]
    fn every_rule_reads_back_the_place_it_names() {
        let resource = json!({
            "USERNAME": "a", "name": {"givenName": "b", "familyName": null},
            "phoneNumbers": [{"type": "fax", "value": "c"}, {"type": "Work", "value": "d"}],
            ENTERPRISE: {"department": "e"},
        });
        let read = |slot: Slot| slot.read(&resource).and_then(Value::as_str);
        assert_eq!(read(Slot::Plain("userName")), Some("a"));
        assert_eq!(read(Slot::Name("givenName")), Some("b"));
        assert_eq!(read(Slot::Name("familyName")), None);
        assert_eq!(
            read(Slot::Typed("phoneNumbers", "work", "value")),
            Some("d")
        );
        assert_eq!(read(Slot::Typed("phoneNumbers", "mobile", "value")), None);
        assert_eq!(read(Slot::Enterprise("department")), Some("e"));
    }

    #[test]
    fn only_what_differs_is_sent_and_what_has_no_source_is_left_alone() {
        let observed = Observed::read(&json!({
            "userName": "alice@contoso.com", "active": true, "displayName": "Other", "title": "Kept",
            "externalId": "00000000-0000-0000-0000-000000000001",
        }));
        let edits = observed.edits(&alice());
        let paths: Vec<_> = edits
            .iter()
            .map(|edit| (edit.slot.path(), edit.was_empty))
            .collect();
        assert_eq!(
            paths,
            [
                ("displayName".to_owned(), false),
                ("phoneNumbers[type eq \"work\"].value".to_owned(), true)
            ]
        );
    }

    #[test]
    fn an_accepted_export_leaves_nothing_to_send() {
        let mut observed = Observed::read(&json!({"title": "Kept"}));
        observed.accept(&alice());
        assert_eq!(observed.edits(&alice()), []);
    }

    #[test]
    fn a_boolean_returned_as_a_word_or_number_is_drift() {
        for active in [json!("True"), json!(1)] {
            let mut resource = Observed::read(&json!({"active": active}));
            resource.values.iter_mut().zip(desired(&alice())).for_each(
                |(found, (slot, wanted))| {
                    if slot != Slot::Plain("active") {
                        *found = wanted;
                    }
                },
            );
            assert_eq!(resource.edits(&alice()).len(), 1);
        }
    }

    #[test]
    fn a_manager_is_read_in_both_shapes() {
        for manager in [json!("7"), json!({"value": "7"}), json!({"Value": "7"})] {
            let observed = Observed::read(&json!({ENTERPRISE: {"manager": manager}}));
            assert_eq!(observed.manager.as_deref(), Some("7"));
        }
        for manager in [json!(null), json!({"value": ""}), json!({})] {
            let observed = Observed::read(&json!({ENTERPRISE: {"manager": manager}}));
            assert_eq!(observed.manager, None);
        }
    }
}
