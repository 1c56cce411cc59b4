//! The only place that speaks HTTP: Entra's five calls on users and groups, with exactly the headers Entra sends.
//!
//! Entra sends no `User-Agent`, and no capture shows an `Accept`. A client library that adds either would hide a
//! firewall or server that refuses such requests; so the requests are built on hyper.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::directory::ObjectType;
use crate::matching::Matching;
use crate::scenario::{RetryAfter, Scenario};
use crate::target::{Target, TargetError};

/// Everything but the unreserved marks, as .NET encodes a query.
pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')');

/// What Entra asks of every group it reads.
const WITHOUT_MEMBERS: &str = "excludedAttributes=members";

/// An answer larger than this is not read: an account has no use for it.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// How often one request obeys `Retry-After`, and for how long at most each time.
const OBEDIENCE_MAX: u32 = 3;
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// So many requests in a row without a connection or an answer in time, and the server counts as down.
const SILENCE_MAX: u32 = 3;

/// A connection that takes longer was never made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The body as JSON; null when it is none.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why nothing came back.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// No connection: the server never saw the request.
    Unreachable(String),
    /// The connection broke: the server may have done what it was asked.
    Lost(String),
    /// The same, for want of time.
    TimedOut,
}

pub(crate) struct ScimClient {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base_url: String,
    /// Absent in a request that is to be refused.
    authorization: Option<HeaderValue>,
    request_timeout: Duration,
    retry_after: RetryAfter,
    requests: AtomicU64,
    /// Requests in a row that found nobody.
    silence: AtomicU32,
}

impl ScimClient {
    pub(crate) fn new(target: &Target, scenario: &Scenario) -> Result<Self, TargetError> {
        let bearer = format!("Bearer {}", target.token().expose_secret());
        let mut authorization =
            HeaderValue::from_str(&bearer).map_err(|_| TargetError::TokenNotSendable)?;
        authorization.set_sensitive(true);
        Ok(Self {
            http: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector(target)?),
            base_url: target.base_url().to_owned(),
            authorization: Some(authorization),
            request_timeout: scenario.request_timeout,
            retry_after: scenario.retry_after,
            requests: AtomicU64::new(0),
            silence: AtomicU32::new(0),
        })
    }

    /// The same without a credential.
    pub(crate) fn without_token(self) -> Self {
        Self {
            authorization: None,
            ..self
        }
    }

    /// How many requests were sent since the client was made.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether it is pointless to ask for more objects.
    pub(crate) fn seems_down(&self) -> bool {
        self.silence.load(Ordering::Relaxed) >= SILENCE_MAX
    }

    /// `GET /Users?filter=userName eq "…"`, or the like for another attribute or for groups.
    pub(crate) async fn find(
        &self,
        object_type: ObjectType,
        matching: Matching,
        value: &str,
    ) -> Result<Answer, Failure> {
        let path = find_path(object_type, matching, value);
        self.send(&Method::GET, &path, None).await
    }

    /// `GET /Users/{id}`, or a group without its members.
    pub(crate) async fn get(&self, object_type: ObjectType, id: &str) -> Result<Answer, Failure> {
        let path = resource_path(object_type, id);
        let path = match object_type {
            ObjectType::User => path,
            ObjectType::Group => format!("{path}?{WITHOUT_MEMBERS}"),
        };
        self.send(&Method::GET, &path, None).await
    }

    /// `GET /Users/{id}`, or a group with its members, which Entra never asks for: verification does.
    pub(crate) async fn get_whole(
        &self,
        object_type: ObjectType,
        id: &str,
    ) -> Result<Answer, Failure> {
        let path = resource_path(object_type, id);
        self.send(&Method::GET, &path, None).await
    }

    /// `POST /Users`
    pub(crate) async fn create(
        &self,
        object_type: ObjectType,
        body: &Value,
    ) -> Result<Answer, Failure> {
        self.send(&Method::POST, collection(object_type), Some(body))
            .await
    }

    /// `PATCH /Users/{id}`
    pub(crate) async fn patch(
        &self,
        object_type: ObjectType,
        id: &str,
        body: &Value,
    ) -> Result<Answer, Failure> {
        let path = resource_path(object_type, id);
        self.send(&Method::PATCH, &path, Some(body)).await
    }

    /// `DELETE /Users/{id}`
    pub(crate) async fn delete(
        &self,
        object_type: ObjectType,
        id: &str,
    ) -> Result<Answer, Failure> {
        let path = resource_path(object_type, id);
        self.send(&Method::DELETE, &path, None).await
    }

    pub(crate) async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut obedience = 0;
        loop {
            let request = self.request(method, path, body)?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let answer = tokio::time::timeout(self.request_timeout, self.exchange(request))
                .await
                .unwrap_or(Err(Failure::TimedOut));
            self.listen(&answer);
            let answer = answer?;
            match (self.retry_after, answer.retry_after) {
                (RetryAfter::Honour, Some(wait)) if obedience < OBEDIENCE_MAX => {
                    obedience += 1;
                    tokio::time::sleep(wait.min(RETRY_AFTER_MAX)).await;
                }
                _ => return Ok(answer),
            }
        }
    }

    fn listen(&self, answer: &Result<Answer, Failure>) {
        match answer {
            Ok(_) => self.silence.store(0, Ordering::Relaxed),
            Err(Failure::Unreachable(_) | Failure::TimedOut) => {
                self.silence.fetch_add(1, Ordering::Relaxed);
            }
            Err(Failure::Lost(_)) => {}
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/scim+json; charset=utf-8");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        request
            .body(Full::from(body))
            .map_err(|_| Failure::Unreachable("the URL cannot be requested".to_owned()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let response = self.http.request(request).await.map_err(|error| {
            let detail = chain(&error);
            if error.is_connect() {
                Failure::Unreachable(detail)
            } else {
                Failure::Lost(detail)
            }
        })?;
        let status = response.status().as_u16();
        let retry_after = (status == 429).then(|| retry_after(&response)).flatten();
        let bytes = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| Failure::Lost(format!("the answer broke off: {error}")))?
            .to_bytes();
        Ok(Answer {
            status,
            retry_after,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// Trusts the target's own authority, or the system's certificates, read only when the URL needs them; brings its own cryptography, so that a program using
/// the library need not have chosen one.
fn connector(target: &Target) -> Result<HttpsConnector<HttpConnector>, TargetError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let is_https = target.base_url().starts_with("https:");
    let builder = if is_https && target.authority_pem().is_none() {
        HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(TargetError::TrustStore)?
    } else {
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(TargetError::Tls)?
            .with_root_certificates(authorities(target.authority_pem())?)
            .with_no_client_auth();
        HttpsConnectorBuilder::new().with_tls_config(config)
    };
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Ok(builder.https_or_http().enable_http1().wrap_connector(http))
}

/// Every certificate of the PEM text; none without one.
fn authorities(pem: Option<&[u8]>) -> Result<RootCertStore, TargetError> {
    let mut store = RootCertStore::empty();
    let Some(pem) = pem else { return Ok(store) };
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| TargetError::Authority)?;
        store.add(certificate).map_err(|_| TargetError::Authority)?;
    }
    if store.is_empty() {
        return Err(TargetError::Authority);
    }
    Ok(store)
}

/// Seconds only; a server that sends a date is put into escrow like one that sends nothing.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn chain(error: &hyper_util::client::legacy::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

const fn collection(object_type: ObjectType) -> &'static str {
    match object_type {
        ObjectType::User => "/Users",
        ObjectType::Group => "/Groups",
    }
}

fn resource_path(object_type: ObjectType, id: &str) -> String {
    let collection = collection(object_type);
    format!("{collection}/{}", utf8_percent_encode(id, ENCODED))
}

fn find_path(object_type: ObjectType, matching: Matching, value: &str) -> String {
    let filter = encoded_filter(matching.attribute(object_type), value);
    match object_type {
        ObjectType::User => format!("/Users?filter={filter}"),
        ObjectType::Group => format!("/Groups?{WITHOUT_MEMBERS}&filter={filter}"),
    }
}

/// `userName eq "…"` as Entra writes it: a blank is `+`, everything else that is not unreserved is percent-encoded.
fn encoded_filter(attribute: &str, value: &str) -> String {
    let literal = value.replace('\\', "\\\\").replace('"', "\\\"");
    let filter = format!("{attribute} eq \"{literal}\"");
    utf8_percent_encode(&filter, ENCODED)
        .to_string()
        .replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_encoded_as_captured() {
        for (fixture, user_name) in [
            (
                include_str!("../tests/fixtures/probe-user-guid.json"),
                "3e59e27b-0000-4000-8000-000000000000",
            ),
            (
                include_str!("../tests/fixtures/match-username.json"),
                "alice@contoso.com",
            ),
            (
                include_str!("../tests/fixtures/match-guest-hash.json"),
                "alias_fabrikam.com#EXT#@contoso.onmicrosoft.com",
            ),
            (
                include_str!("../tests/fixtures/match-apostrophe.json"),
                "o'brien@contoso.com",
            ),
        ] {
            let fixture: Value = serde_json::from_str(fixture).unwrap();
            let path = find_path(ObjectType::User, Matching::Name, user_name);
            assert_eq!(fixture["path"], path);
        }
    }

    #[test]
    fn groups_are_asked_for_without_their_members() {
        assert_eq!(
            find_path(ObjectType::Group, Matching::Name, "R&D"),
            "/Groups?excludedAttributes=members&filter=displayName+eq+%22R%26D%22"
        );
        assert_eq!(
            find_path(ObjectType::Group, Matching::ExternalId, "8aa1"),
            "/Groups?excludedAttributes=members&filter=externalId+eq+%228aa1%22"
        );
    }

    #[test]
    fn a_quote_cannot_leave_its_literal() {
        assert_eq!(
            encoded_filter("userName", r#"a" or \"#),
            "userName+eq+%22a%5C%22+or+%5C%5C%22"
        );
    }
}
