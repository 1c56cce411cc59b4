//! One request that must be refused, and how its answer is judged.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, ScimClient};

const SCIM_JSON: &[(&str, &str)] = &[("content-type", "application/scim+json")];

/// A request and what it must be answered.
pub struct Case {
    pub name: &'static str,
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub status: u16,
    pub scim_type: Option<&'static str>,
    /// Words that the detail must hold: what is wrong, or what to do.
    pub detail: &'static str,
}

impl Case {
    pub fn new(
        name: &'static str,
        method: Method,
        path: impl Into<String>,
        status: u16,
        scim_type: impl Into<Option<&'static str>>,
        detail: &'static str,
    ) -> Self {
        Self {
            name,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            status,
            scim_type: scim_type.into(),
            detail,
        }
    }

    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.headers.extend(
            SCIM_JSON
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        self.body = Some(body.into());
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub async fn send(&self, scim: &ScimClient) -> Answer {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = scim
            .send_with(self.method.clone(), &self.path, &headers, self.body.clone())
            .await;
        self.check(&answer);
        answer
    }

    /// A SCIM error, whole, that helps and does not give away the inside.
    fn check(&self, answer: &Answer) {
        let (name, body) = (self.name, &answer.body);
        assert_eq!(answer.status, self.status, "{name}: {body}");
        assert_eq!(
            answer.header("content-type"),
            "application/scim+json",
            "{name}"
        );
        assert_eq!(
            body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"]),
            "{name}: {body}"
        );
        assert_eq!(body["status"], self.status.to_string(), "{name}: {body}");
        assert_eq!(
            body.get("scimType"),
            self.scim_type.map(Value::from).as_ref(),
            "{name}: {body}"
        );
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(
            detail.contains(self.detail),
            "{name}: {detail:?} does not say {:?}",
            self.detail
        );
        assert!(
            detail.chars().count() <= 1_000,
            "{name}: the detail is an essay"
        );
        for inside in ["panicked", "sqlx", "SELECT", "accounts_", "src/"] {
            assert!(!detail.contains(inside), "{name}: {detail}");
        }
        assert!(!answer.header("x-request-id").is_empty(), "{name}");
    }
}
