//! The contract's accounts and groups to SCIM's JSON: written straight to bytes, with the keys always in the same order.

use std::collections::BTreeMap;

use prost_types::{Struct, Timestamp};
use provisioning_proto::v1::{self, Account, Group};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::SerializeSeq};

use crate::scim::{ENTERPRISE_USER, endpoint::Endpoint, resource_type::ResourceType};

/// What users and groups have in common in the contract: a message whose serde form is SCIM's JSON, apart from [`Head`].
pub(crate) trait Resource:
    Serialize + DeserializeOwned + Default + Send + Sync + 'static
{
    const TYPE: ResourceType;

    fn head(&self) -> Head<'_>;

    /// Fills in the `$ref` of every resource that the core says this one is tied to.
    fn refer(&mut self, endpoint: &Endpoint);

    /// Whether it has more `groups` than it shows.
    fn has_more_groups(&self) -> bool;
}

/// What SCIM shows of a resource beside its attributes.
pub(crate) struct Head<'a> {
    pub id: &'a str,
    pub etag: &'a str,
    created: Option<Timestamp>,
    last_modified: Option<Timestamp>,
    has_enterprise: bool,
    extensions: &'a BTreeMap<String, Struct>,
    returned: &'a BTreeMap<String, String>,
}

impl Resource for Account {
    const TYPE: ResourceType = ResourceType::User;

    fn head(&self) -> Head<'_> {
        Head {
            id: &self.id,
            etag: &self.etag,
            created: self.create_time,
            last_modified: self.update_time,
            has_enterprise: self.enterprise.is_some(),
            extensions: &self.extensions,
            returned: &self.returned,
        }
    }

    fn refer(&mut self, endpoint: &Endpoint) {
        for group in &mut self.groups {
            let id = group.value.as_deref();
            group.r#ref = id.map(|id| endpoint.resource(ResourceType::Group, id));
        }
    }

    fn has_more_groups(&self) -> bool {
        self.groups_truncated
    }
}

impl Resource for Group {
    const TYPE: ResourceType = ResourceType::Group;

    fn head(&self) -> Head<'_> {
        Head {
            id: &self.id,
            etag: &self.etag,
            created: self.create_time,
            last_modified: self.update_time,
            has_enterprise: false,
            extensions: &self.extensions,
            returned: &self.returned,
        }
    }

    fn refer(&mut self, endpoint: &Endpoint) {
        for member in &mut self.members {
            let of_type = member.r#type.as_deref().and_then(ResourceType::parse);
            let of_type = of_type.unwrap_or(ResourceType::User);
            member.r#ref = member
                .value
                .as_deref()
                .map(|id| endpoint.resource(of_type, id));
        }
    }

    fn has_more_groups(&self) -> bool {
        false
    }
}

/// A resource as SCIM shows it.
#[derive(Serialize)]
pub(crate) struct Shown<'a, R> {
    schemas: Schemas<'a>,
    id: &'a str,
    #[serde(flatten)]
    resource: &'a R,
    meta: Meta<'a>,
    #[serde(skip)]
    returned: &'a BTreeMap<String, String>,
}

impl<'a, R: Resource> Shown<'a, R> {
    pub(crate) fn new(resource: &'a R, endpoint: &Endpoint) -> Self {
        let head = resource.head();
        Self {
            schemas: Schemas {
                own: R::TYPE.schema(),
                has_enterprise: head.has_enterprise,
                extensions: head.extensions,
            },
            id: head.id,
            resource,
            meta: Meta {
                resource_type: R::TYPE.name(),
                created: head.created,
                last_modified: head.last_modified,
                location: endpoint.resource(R::TYPE, head.id),
                version: head.etag,
            },
            returned: head.returned,
        }
    }
}

/// What an answer shows, and when it shows what of it.
pub(crate) trait Shows: Serialize {
    /// As [`Account::returned`].
    fn returned(&self) -> &BTreeMap<String, String>;
}

impl<R: Resource> Shows for Shown<'_, R> {
    fn returned(&self) -> &BTreeMap<String, String> {
        self.returned
    }
}

impl Shows for ShownAny<'_> {
    fn returned(&self) -> &BTreeMap<String, String> {
        match self {
            Self::User(user) => user.returned,
            Self::Group(group) => group.returned,
        }
    }
}

/// A resource of any type as SCIM shows it.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ShownAny<'a> {
    User(Shown<'a, Account>),
    Group(Shown<'a, Group>),
}

impl<'a> ShownAny<'a> {
    /// A resource of a type that this version does not know is not shown.
    pub(crate) fn new(resource: &'a v1::Resource, endpoint: &Endpoint) -> Option<Self> {
        match resource.resource.as_ref()? {
            v1::resource::Resource::Account(account) => {
                Some(Self::User(Shown::new(account, endpoint)))
            }
            v1::resource::Resource::Group(group) => Some(Self::Group(Shown::new(group, endpoint))),
        }
    }
}

/// The schemas that the attributes come from.
struct Schemas<'a> {
    own: &'static str,
    has_enterprise: bool,
    extensions: &'a BTreeMap<String, Struct>,
}

impl Serialize for Schemas<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut schemas = serializer.serialize_seq(None)?;
        schemas.serialize_element(self.own)?;
        if self.has_enterprise {
            schemas.serialize_element(ENTERPRISE_USER)?;
        }
        for extension in self.extensions.keys() {
            schemas.serialize_element(extension)?;
        }
        schemas.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    resource_type: &'static str,
    #[serde(serialize_with = "time", skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(serialize_with = "time", skip_serializing_if = "Option::is_none")]
    last_modified: Option<Timestamp>,
    location: String,
    version: &'a str,
}

#[expect(clippy::ref_option, reason = "serde asks for this form")]
fn time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.expect("absence is skipped"))
}

#[cfg(test)]
mod tests {
    use provisioning_proto::v1::{GroupMember, MultiValue};
    use serde_json::json;

    use super::*;

    const ID: &str = "0192f0c1-0000-7000-8000-000000000001";

    fn time(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    fn shown<R: Resource>(mut resource: R) -> String {
        let endpoint = Endpoint::new("https://p.example/", "acme");
        resource.refer(&endpoint);
        serde_json::to_string(&Shown::new(&resource, &endpoint)).unwrap()
    }

    #[test]
    fn a_user_is_written_whole_and_in_order() {
        let json = json!({"userName": "alice@contoso.com", "externalId": "o", "active": false,
            "emails": [{"value": "alice@contoso.com", "type": "work", "primary": true}],
            ENTERPRISE_USER: {"manager": {"value": "m", "$ref": "../Users/m"}},
            "urn:b:User": {"tag": "x"}, "urn:a:User": {"tag": "y"}});
        let account = Account {
            id: ID.to_owned(),
            create_time: Some(time(1_700_000_000, 0)),
            update_time: Some(time(1_700_000_001, 123_456_000)),
            etag: "\"1\"".to_owned(),
            protected: true,
            hold: Some(v1::Hold {
                reason: "leaving".to_owned(),
                create_time: None,
            }),
            groups: vec![MultiValue {
                value: Some("g".to_owned()),
                display: Some("Engineering".to_owned()),
                r#type: Some("direct".to_owned()),
                ..MultiValue::default()
            }],
            ..serde_json::from_value(json).unwrap()
        };
        insta::assert_snapshot!(shown(account));
    }

    #[test]
    fn a_group_is_written_whole_and_in_order() {
        let member = |id: &str, of_type: &str, display: &str| GroupMember {
            value: Some(id.to_owned()),
            r#ref: None,
            r#type: Some(of_type.to_owned()),
            display: Some(display.to_owned()),
        };
        let json =
            json!({"displayName": "Engineering", "externalId": "o", "urn:a:Group": {"tag": "y"}});
        let group = Group {
            id: ID.to_owned(),
            create_time: Some(time(1_700_000_000, 0)),
            update_time: Some(time(1_700_000_001, 0)),
            etag: "\"17\"".to_owned(),
            members: vec![
                member("u", "User", "Alice"),
                member("g", "Group", "Interns"),
            ],
            ..serde_json::from_value(json).unwrap()
        };
        insta::assert_snapshot!(shown(group));
    }

    #[test]
    fn a_group_without_members_has_no_key_for_them() {
        assert!(!shown(Group::default()).contains("members"));
    }
}
