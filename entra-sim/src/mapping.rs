//! The only place for the attribute mapping: which attribute of a directory user goes to which SCIM attribute, and how that
//! attribute is read back from a resource.
//!
//! It is Entra's default mapping; what an admin can change of it is in `matching`. A source without a value is not sent, neither
//! on create nor on update.

use serde_json::Value;

use crate::directory::{DirectoryGroup, DirectoryUser, ObjectType};
use crate::matching::ExternalId;
use crate::source::Source;

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

/// One line of the users' mapping.
struct Rule {
    slot: Slot,
    source: fn(&DirectoryUser) -> Option<Value>,
}

/// The manager; a reference, so it is no rule and travels apart.
pub(crate) const MANAGER: Slot = Slot::Enterprise("manager");

/// The mapping of users but for `externalId`, in the order in which Entra lists and sends it.
const RULES: [Rule; 20] = [
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

/// `externalId` of users and groups.
const EXTERNAL_ID: Slot = Slot::Plain("externalId");
/// The name of a group.
const DISPLAY_NAME: Slot = Slot::Plain("displayName");

/// What the mapping wants a user's account to hold, attribute by attribute.
pub(crate) fn user_values(
    user: &DirectoryUser,
    external_id: ExternalId,
) -> Vec<(Slot, Option<Value>)> {
    let external_id = match external_id {
        ExternalId::ObjectId => Some(user.object_id.to_string().into()),
        ExternalId::MailNickname => string(user.mail_nickname.as_ref()),
    };
    RULES
        .iter()
        .map(|rule| (rule.slot, (rule.source)(user)))
        .chain([(EXTERNAL_ID, external_id)])
        .collect()
}

/// What the mapping wants a group to hold.
pub(crate) fn group_values(group: &DirectoryGroup) -> Vec<(Slot, Option<Value>)> {
    vec![
        (DISPLAY_NAME, Some(group.display_name.clone().into())),
        (EXTERNAL_ID, Some(group.object_id.to_string().into())),
    ]
}

/// The mapped attributes, in the order of the values.
fn slots(object_type: ObjectType) -> Vec<Slot> {
    match object_type {
        ObjectType::User => RULES
            .iter()
            .map(|rule| rule.slot)
            .chain([EXTERNAL_ID])
            .collect(),
        ObjectType::Group => vec![DISPLAY_NAME, EXTERNAL_ID],
    }
}

/// What the server last showed of an account or group, reduced to what the mapping is about.
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
    pub(crate) fn read(resource: &Value, object_type: ObjectType) -> Self {
        Self {
            values: slots(object_type)
                .into_iter()
                .map(|slot| slot.read(resource).cloned())
                .collect(),
            manager: manager_of(resource),
        }
    }

    /// What must be sent so that the account or group holds what the mapping wants.
    pub(crate) fn edits(&self, source: &Source) -> Vec<Edit> {
        source
            .values
            .iter()
            .zip(&self.values)
            .filter_map(|((slot, wanted), found)| {
                let value = wanted
                    .clone()
                    .filter(|wanted| Some(wanted) != found.as_ref())?;
                let was_empty = found.is_none();
                Some(Edit {
                    slot: *slot,
                    was_empty,
                    value,
                })
            })
            .collect()
    }

    /// What is held once the server has accepted everything the mapping wants and shows nothing back (204).
    pub(crate) fn accept(&mut self, source: &Source) {
        for (found, (_, wanted)) in self.values.iter_mut().zip(&source.values) {
            if wanted.is_some() {
                found.clone_from(wanted);
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

/// The path of one member of a group, which is true when the group has it.
pub(crate) fn member_path(scim_id: &str) -> String {
    format!("members[value eq \"{scim_id}\"]")
}

/// What a resource holds at a path of the mapping; a manager is its id.
pub(crate) fn read_path(resource: &Value, path: &str) -> Option<Value> {
    if path == MANAGER.path() {
        return manager_of(resource).map(Value::from);
    }
    if let Some(id) = path
        .strip_prefix("members[value eq \"")
        .and_then(|rest| rest.strip_suffix("\"]"))
    {
        return has_member(resource, id).then_some(Value::Bool(true));
    }
    // A group's attributes are a user's, too.
    let slot = slots(ObjectType::User)
        .into_iter()
        .find(|slot| slot.path() == path)?;
    slot.read(resource).cloned()
}

/// Whether a group shows a member.
pub(crate) fn has_member(group: &Value, scim_id: &str) -> bool {
    member(group, "members")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|element| member(element, "value").and_then(Value::as_str) == Some(scim_id))
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
    use crate::matching::Mapping;

    fn alice() -> Source {
        let mut user = DirectoryUser::new(ObjectId(Uuid::from_u128(1)), "alice@contoso.com");
        user.display_name = Some("Alice".to_owned());
        user.telephone_number = Some("1".to_owned());
        Source::of_user(&user, &Mapping::default())
    }

    fn read(resource: &Value) -> Observed {
        Observed::read(resource, ObjectType::User)
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
        let observed = read(&json!({
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
    fn a_nickname_is_sent_in_place_of_the_object_id_where_it_is_mapped() {
        let mut user = DirectoryUser::new(ObjectId(Uuid::from_u128(1)), "alice@contoso.com");
        user.user_principal_name = "renamed@contoso.com".to_owned();
        let value = |external_id| user_values(&user, external_id).pop().unwrap();
        let nickname = (EXTERNAL_ID, Some(json!("alice")));
        assert_eq!(value(ExternalId::MailNickname), nickname);
        let object_id = json!("00000000-0000-0000-0000-000000000001");
        assert_eq!(value(ExternalId::ObjectId), (EXTERNAL_ID, Some(object_id)));
    }

    #[test]
    fn a_member_is_read_by_its_path() {
        let group = json!({"members": [{"value": "7"}]});
        assert_eq!(read_path(&group, &member_path("7")), Some(json!(true)));
        assert_eq!(read_path(&group, &member_path("8")), None);
        assert_eq!(read_path(&json!({}), &member_path("7")), None);
    }

    #[test]
    fn an_accepted_export_leaves_nothing_to_send() {
        let mut observed = read(&json!({"title": "Kept"}));
        observed.accept(&alice());
        assert_eq!(observed.edits(&alice()), []);
    }

    #[test]
    fn a_boolean_returned_as_a_word_or_number_is_drift() {
        for active in [json!("True"), json!(1)] {
            let mut resource = read(&json!({"active": active}));
            resource
                .values
                .iter_mut()
                .zip(alice().values)
                .for_each(|(found, (slot, wanted))| {
                    if slot != Slot::Plain("active") {
                        *found = wanted;
                    }
                });
            assert_eq!(resource.edits(&alice()).len(), 1);
        }
    }

    #[test]
    fn a_manager_is_read_in_both_shapes() {
        for manager in [json!("7"), json!({"value": "7"}), json!({"Value": "7"})] {
            let observed = read(&json!({ENTERPRISE: {"manager": manager}}));
            assert_eq!(observed.manager.as_deref(), Some("7"));
        }
        for manager in [json!(null), json!({"value": ""}), json!({})] {
            let observed = read(&json!({ENTERPRISE: {"manager": manager}}));
            assert_eq!(observed.manager, None);
        }
    }
}
