//! What logs and traces show of a request, and what they never show.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{Method, Request},
};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use provisioning_proto::v1::ErrorReason;
use serde_json::{Value, json};
use tonic::Code;
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::{
    client::{Client, request},
    fake_core::{ID, failure},
};

/// Everything that was logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn request_lines(&self) -> Vec<Value> {
        let lines = self
            .text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .collect::<Vec<_>>();
        lines
            .into_iter()
            .filter(|line| line["target"] == "request")
            .collect()
    }

    /// Logs to this for as long as the guard lives.
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }
}

#[tokio::test]
async fn one_line_tells_of_a_request() {
    let log = Log::default();
    let _guard = log.capture();
    let answer = Client::new()
        .call(Method::PATCH, &format!("/Users/{ID}?attributes=id"), "{}")
        .await;

    let lines = log.request_lines();
    assert_eq!(lines.len(), 1);
    let fields = &lines[0]["fields"];
    assert!(
        fields["duration_ms"]
            .as_f64()
            .is_some_and(|duration| duration > 0.0)
    );
    let expected = json!({"message": "PATCH /Users/{id} 400", "method": "PATCH", "route": "/Users/{id}", "status": 400,
        "duration_ms": fields["duration_ms"], "tenant.identifier": "acme", "request.id": answer.header("x-request-id"), "outcome": "refused"});
    assert_eq!(*fields, expected);
    assert_eq!(
        lines[0]["level"], "INFO",
        "a client's mistake is not an error"
    );
}

#[tokio::test]
async fn a_failure_has_its_cause_in_the_line() {
    let log = Log::default();
    let _guard = log.capture();
    let client = Client::new();
    client
        .core
        .fail_next(failure(Code::Unavailable, ErrorReason::Unavailable, "away"));
    client.get("/Users").await;
    let fields = &log.request_lines()[0]["fields"];
    assert_eq!(
        (&fields["outcome"], &fields["cause"]),
        (&json!("failed"), &json!("Unavailable UNAVAILABLE"))
    );
}

#[tokio::test]
async fn unreadiness_has_its_cause_in_the_line() {
    let log = Log::default();
    let _guard = log.capture();
    let client = crate::reaching_the_core::nowhere().await;
    let probe = Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(client.send(probe).await.status, 503);
    client.get("/Users").await.error(503, None);
    for line in log.request_lines() {
        assert_eq!(line["fields"]["cause"], json!("Unavailable"), "{line}");
    }
    assert_eq!(log.request_lines().len(), 2);
}

#[tokio::test]
async fn a_request_whose_client_went_away_has_its_line_too() {
    let log = Log::default();
    let _guard = log.capture();
    let client = Client::new();
    client.core.fall_silent();
    tokio::select! {
        _ = client.get("/Users") => panic!("the core is silent"),
        () = client.core.until_called() => {}
    }
    let lines = log.request_lines();
    assert_eq!(lines.len(), 1);
    let fields = &lines[0]["fields"];
    assert_eq!(
        (&fields["message"], &fields["status"], &fields["outcome"]),
        (&json!("GET /Users 499"), &json!(499), &json!("abandoned"))
    );
}

#[tokio::test]
async fn nothing_secret_or_personal_is_logged() {
    let log = Log::default();
    let _guard = log.capture();
    let client = Client::new();
    let body = json!({"userName": "canary-name@contoso.com", "title": "canary-title"});
    client.call(Method::POST, "/Users", &body).await;
    client
        .get("/Users?filter=userName+eq+%22canary-name%22&canary=1")
        .await;
    client.get("/canary-path/x").await;
    client
        .call(Method::PUT, "/Users/canary-id", "{\"canary\"")
        .await;
    let canary =
        Request::get("/scim/canary@tenant/v2/Users").header("authorization", "Bearer canary-token");
    client.send(canary.body(Body::empty()).unwrap()).await;

    let text = log.text();
    assert_eq!(log.request_lines().len(), 5);
    assert!(
        !text.contains("canary") && !text.contains("Bearer"),
        "{text}"
    );
}

#[tokio::test]
async fn the_trace_goes_on_in_the_core() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder().build();
    let subscriber =
        registry().with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
    let _guard = tracing::subscriber::set_default(subscriber);

    let client = Client::new();
    let traced = request(Method::GET, "/Users").header(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    client.send(traced.body(Body::empty()).unwrap()).await;

    let metadata = client.core.last_call().metadata;
    let traceparent = metadata
        .get("traceparent")
        .expect("the context is passed on")
        .to_str()
        .unwrap();
    assert!(
        traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
            && traceparent.ends_with("-01"),
        "{traceparent}"
    );
    assert!(
        !traceparent.contains("00f067aa0ba902b7"),
        "the request's own span is the parent: {traceparent}"
    );
}
