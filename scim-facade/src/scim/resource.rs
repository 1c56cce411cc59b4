//! The contract's `Account` to a user's JSON: written straight to bytes, with the keys always in the same order.

use prost_types::Timestamp;
use provisioning_proto::v1::Account;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::Value;

use crate::scim::{CORE_USER, ENTERPRISE_USER, LIST_RESPONSE, projection::Projection};

/// Where a tenant's resources are, for `Location` and `meta.location`: `{public_base_url}/scim/{identifier}/v2`.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    pub(crate) fn new(public_base_url: &str, tenant: &str) -> Self {
        Self(format!(
            "{}/scim/{tenant}/v2",
            public_base_url.trim_end_matches('/')
        ))
    }

    pub(crate) fn user(&self, id: &str) -> String {
        format!("{}/Users/{id}", self.0)
    }

    pub(crate) fn of(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

/// A user as SCIM shows it.
#[derive(Serialize)]
struct User<'a> {
    schemas: Schemas<'a>,
    id: &'a str,
    #[serde(flatten)]
    account: &'a Account,
    meta: Meta<'a>,
}

/// The schemas that the user's attributes come from.
struct Schemas<'a>(&'a Account);

impl Serialize for Schemas<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut extensions: Vec<_> = self.0.extensions.keys().collect();
        extensions.sort_unstable();
        let mut schemas = serializer.serialize_seq(None)?;
        schemas.serialize_element(CORE_USER)?;
        if self.0.enterprise.is_some() {
            schemas.serialize_element(ENTERPRISE_USER)?;
        }
        for extension in extensions {
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListResponse<T> {
    schemas: [&'static str; 1],
    total_results: i64,
    start_index: i64,
    items_per_page: usize,
    #[serde(rename = "Resources")]
    resources: Vec<T>,
}

impl<'a> User<'a> {
    fn new(account: &'a Account, endpoint: &Endpoint) -> Self {
        let meta = Meta {
            resource_type: "User",
            created: account.create_time,
            last_modified: account.update_time,
            location: endpoint.user(&account.id),
            version: &account.etag,
        };
        Self {
            schemas: Schemas(account),
            id: &account.id,
            account,
            meta,
        }
    }

    fn projected(&self, projection: &Projection) -> Value {
        let mut user = serde_json::to_value(self).expect("an account is JSON");
        if let Value::Object(attributes) = &mut user {
            projection.apply(attributes);
        }
        user
    }
}

/// The JSON of one user.
pub(crate) fn user(account: &Account, endpoint: &Endpoint, projection: &Projection) -> Vec<u8> {
    let user = User::new(account, endpoint);
    if projection.is_whole() {
        to_bytes(&user)
    } else {
        to_bytes(&user.projected(projection))
    }
}

/// The JSON of a page of users.
pub(crate) fn users(
    accounts: &[Account],
    total_results: i64,
    start_index: i64,
    endpoint: &Endpoint,
    projection: &Projection,
) -> Vec<u8> {
    let users = accounts.iter().map(|account| User::new(account, endpoint));
    if projection.is_whole() {
        list(users.collect(), total_results, start_index)
    } else {
        list(
            users.map(|user| user.projected(projection)).collect(),
            total_results,
            start_index,
        )
    }
}

/// The JSON of a list, RFC 7644 section 3.4.2; `Resources` is there also when it is empty.
pub(crate) fn list<T: Serialize>(
    resources: Vec<T>,
    total_results: i64,
    start_index: i64,
) -> Vec<u8> {
    to_bytes(&ListResponse {
        schemas: [LIST_RESPONSE],
        total_results,
        start_index,
        items_per_page: resources.len(),
        resources,
    })
}

/// The bytes of any answer.
pub(crate) fn to_bytes(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers have string keys and no failing serializer")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account() -> Account {
        let json = json!({"userName": "alice@contoso.com", "externalId": "o", "active": false,
            "emails": [{"value": "alice@contoso.com", "type": "work", "primary": true}],
            ENTERPRISE_USER: {"manager": {"value": "m", "$ref": "../Users/m"}},
            "urn:b:User": {"tag": "x"}, "urn:a:User": {"tag": "y"}});
        Account {
            id: "0192f0c1-0000-7000-8000-000000000001".to_owned(),
            create_time: Some(Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            update_time: Some(Timestamp {
                seconds: 1_700_000_001,
                nanos: 123_456_000,
            }),
            etag: "\"1\"".to_owned(),
            protected: true,
            hold: Some(provisioning_proto::v1::Hold {
                reason: "leaving".to_owned(),
                create_time: None,
            }),
            ..serde_json::from_value(json).unwrap()
        }
    }

    #[test]
    fn a_user_is_written_whole_and_in_order() {
        let endpoint = Endpoint::new("https://p.example/", "acme");
        let json = String::from_utf8(user(&account(), &endpoint, &Projection::default())).unwrap();
        insta::assert_snapshot!(json);
    }

    #[test]
    fn an_empty_list_has_its_resources() {
        let json = String::from_utf8(users(
            &[],
            0,
            1,
            &Endpoint::new("", ""),
            &Projection::default(),
        ))
        .unwrap();
        insta::assert_snapshot!(json);
    }
}
