//! A SCIM client that talks to the router without a socket.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, header},
};
use http_body_util::BodyExt;
use scim_facade::{CoreChannel, FacadeConfig, from_routes, router};
use serde_json::Value;
use tower::ServiceExt;

use crate::fake_core::{FakeCore, TOKEN};

/// The tenant's SCIM endpoint.
pub const BASE: &str = "/scim/acme/v2";

pub struct Client {
    pub core: FakeCore,
    router: Router,
}

/// An answer, read.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/scim+json");
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a SCIM error, and gives its text.
    pub fn error(&self, status: u16, scim_type: Option<&str>) -> String {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(
            json["schemas"],
            serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(json["status"], status.to_string().as_str());
        assert_eq!(
            json.get("scimType").and_then(Value::as_str),
            scim_type,
            "{json}"
        );
        assert_eq!(self.header("x-request-id").len(), 36);
        json["detail"]
            .as_str()
            .expect("a detail is text")
            .to_owned()
    }
}

impl Client {
    pub fn new() -> Self {
        Self::with_config(FacadeConfig::new("https://p.example"))
    }

    pub fn with_config(config: FacadeConfig) -> Self {
        let core = FakeCore::default();
        let channel = from_routes(core.routes());
        Self::with_channel(core, channel, config)
    }

    pub fn with_channel(core: FakeCore, channel: CoreChannel, config: FacadeConfig) -> Self {
        Self {
            core,
            router: router(channel, config),
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .expect("the body can be read")
            .to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// A request of the tenant's Entra.
    pub async fn call(&self, method: Method, path: &str, body: impl ToString) -> Answer {
        self.send(
            request(method, path)
                .body(Body::from(body.to_string()))
                .unwrap(),
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "").await
    }
}

/// A request with the right token and media type; the path is relative to the SCIM endpoint.
pub fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/scim+json; charset=utf-8")
}
