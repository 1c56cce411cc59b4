//! A SCIM client as plain as can be: it shows what was answered, whatever that is.

use std::fmt::Write as _;

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::Value;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Null when there was no body.
    pub body: Value,
}

impl Answer {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The status must be this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// The `id` of the resource in the body.
    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"]
            .as_str()
            .expect("a resource has an id")
            .to_owned()
    }
}

/// The path of a query for users as Entra encodes it.
pub fn filtered(filter: &str) -> String {
    filtered_at("/Users", filter)
}

/// The path of a query as Entra encodes it: a blank is `+`.
pub fn filtered_at(collection: &str, filter: &str) -> String {
    let mut path = format!("{collection}?filter=");
    for byte in filter.bytes() {
        match byte {
            b' ' => path.push('+'),
            b'-' | b'_' | b'.' => path.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
            _ => write!(path, "%{byte:02X}").expect("a text takes all"),
        }
    }
    path
}

/// The ids of a group's members, in order; none where `members` is not there.
pub fn member_ids(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().into_iter().flatten();
    let mut ids: Vec<String> = members
        .map(|member| member["value"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort();
    ids
}

/// Calls one SCIM endpoint with one token.
#[derive(Clone)]
pub struct ScimClient {
    http: Client,
    endpoint: String,
    token: Option<String>,
}

impl ScimClient {
    /// For an endpoint and its token.
    pub fn new(endpoint: impl Into<String>, token: Option<String>) -> Self {
        provisiond::install_crypto_provider();
        Self {
            http: Client::new(),
            endpoint: endpoint.into(),
            token,
        }
    }

    /// The same endpoint with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self.clone()
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Sends anything. `path` follows the endpoint, a query included.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.send_raw(
            method,
            path,
            "application/scim+json",
            body.map(Value::to_string),
        )
        .await
    }

    /// Sends a body as it stands.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<String>,
    ) -> Answer {
        let headers = body.as_ref().map(|_| ("content-type", content_type));
        self.send_with(method, path, headers.as_slice(), body).await
    }

    /// Sends path, headers and body as they stand; the token's header is added.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let url = format!("{}{path}", self.endpoint);
        let mut request = self.http.request(method, &url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let request = request.build().expect("it is a request");
        assert_eq!(
            request.url().as_str(),
            url,
            "the path goes out as it was written"
        );
        let response = self
            .http
            .execute(request)
            .await
            .expect("the service answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer arrives");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).expect("the answer is JSON")
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Creates a user.
    pub async fn create(&self, user: &Value) -> Value {
        self.post("/Users", user).await.expect(201).body
    }

    /// Creates a user; its id.
    pub async fn create_id(&self, user: &Value) -> String {
        self.post("/Users", user).await.expect(201).id()
    }

    /// Creates a group; its id.
    pub async fn create_group(&self, group: &Value) -> String {
        self.post("/Groups", group).await.expect(201).id()
    }

    /// Applies a PATCH to a user, and reads what came of it.
    pub async fn patched(&self, id: &str, body: &Value) -> Value {
        self.patched_at(&format!("/Users/{id}"), body).await
    }

    /// Applies a PATCH to a group, and reads what came of it.
    pub async fn patched_group(&self, id: &str, body: &Value) -> Value {
        self.patched_at(&format!("/Groups/{id}"), body).await
    }

    async fn patched_at(&self, path: &str, body: &Value) -> Value {
        let answer = self.patch(path, body).await;
        assert!(
            [200, 204].contains(&answer.status),
            "{}: {:#} to {body:#}",
            answer.status,
            answer.body
        );
        self.get(path).await.expect(200).body
    }

    /// Reads a user.
    pub async fn read(&self, id: &str) -> Value {
        self.get(&format!("/Users/{id}")).await.expect(200).body
    }

    /// Reads a group.
    pub async fn read_group(&self, id: &str) -> Value {
        self.get(&format!("/Groups/{id}")).await.expect(200).body
    }

    /// The users that a filter finds, in Entra's encoding.
    pub async fn find(&self, filter: &str) -> Vec<Value> {
        self.find_at("/Users", filter).await
    }

    /// The groups that a filter finds, in Entra's encoding.
    pub async fn find_groups(&self, filter: &str) -> Vec<Value> {
        self.find_at("/Groups", filter).await
    }

    async fn find_at(&self, collection: &str, filter: &str) -> Vec<Value> {
        let path = filtered_at(collection, filter);
        let found = self.get(&path).await.expect(200).body;
        let resources = found["Resources"]
            .as_array()
            .expect("it is there also when it is empty")
            .clone();
        assert_eq!(
            found["totalResults"],
            resources.len(),
            "all fit on one page"
        );
        resources
    }

    /// The ids of a group's members, in order.
    pub async fn members(&self, id: &str) -> Vec<String> {
        member_ids(&self.read_group(id).await)
    }

    /// Every user, page by page.
    pub async fn all_users(&self) -> Vec<Value> {
        let mut users = Vec::new();
        loop {
            let page = self
                .get(&format!("/Users?startIndex={}&count=200", users.len() + 1))
                .await
                .expect(200);
            let Some(found) = page.body["Resources"]
                .as_array()
                .filter(|found| !found.is_empty())
            else {
                return users;
            };
            users.extend(found.iter().cloned());
        }
    }
}
