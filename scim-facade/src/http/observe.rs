//! What is seen of a request from outside: its id, its span, its one line, its metrics. Never a path, a query string, a body, a token or
//! a user name.
//!
//! The line (target `request`) has the fields `method`, `route` (the pattern), `status`, `duration_ms`, `tenant.identifier`,
//! `request.id`, `outcome` and, for a 5xx, `cause`.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use opentelemetry::{KeyValue, metrics::Histogram, propagation::Extractor};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::{
    http::{
        Facade,
        exchange::{known_method, route, tenant},
        response::{self, Cause},
    },
    scim::error::ScimError,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of an HTTP request: in the core's log, in the answer, and the key that makes a mutation idempotent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId(pub Uuid);

impl RequestId {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of the facade that makes ids; it has no core to ask"
    )]
    fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The facade's instruments, named as OpenTelemetry's semantic conventions have it.
pub(crate) struct Metrics {
    duration: Histogram<f64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let duration = opentelemetry::global::meter("scim-facade")
            .f64_histogram("http.server.request.duration")
            .with_unit("s")
            .with_description("Duration of SCIM requests, by operation and outcome")
            .with_boundaries(vec![
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ])
            .build();
        Self { duration }
    }
}

/// How a request ended, in one word.
fn outcome(status: StatusCode) -> &'static str {
    if status.is_server_error() {
        "failed"
    } else if status.is_client_error() {
        "refused"
    } else {
        "ok"
    }
}

/// Surrounds every request. A fault that unwinds is answered like any other.
pub(crate) async fn observe(
    State(facade): State<Arc<Facade>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::new();
    request.extensions_mut().insert(id);
    let method = known_method(request.method());
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let route = route(pattern.as_ref().map_or("", MatchedPath::as_str));
    let tenant = shown_tenant(request.uri().path());
    let span = span(method, route, &tenant, id, request.headers());

    let handled = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let mut response =
        handled.unwrap_or_else(|_panic| response::error(&ScimError::internal("panic"), id.0));
    response.headers_mut().insert(
        REQUEST_ID,
        HeaderValue::try_from(id.0.to_string()).expect("a UUID is a header's text"),
    );

    span.record("http.response.status_code", response.status().as_u16());
    let seen = Seen {
        method,
        route,
        tenant: &tenant,
        id,
        duration: started.elapsed(),
    };
    span.in_scope(|| seen.log(&response));
    seen.measure(&response, &facade.metrics);
    response
}

fn span(
    method: &'static str,
    route: &str,
    tenant: &str,
    RequestId(id): RequestId,
    headers: &HeaderMap,
) -> Span {
    let span = tracing::info_span!(
        "scim request",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = field::Empty,
        tenant.identifier = tenant,
        request.id = %id,
    );
    let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&TraceExtractor(headers))
    });
    // Without a layer that exports spans there is no parent to set.
    let _ = span.set_parent(parent);
    span
}

/// A request that was answered.
struct Seen<'a> {
    method: &'static str,
    route: &'a str,
    tenant: &'a str,
    id: RequestId,
    duration: Duration,
}

impl Seen<'_> {
    fn log(&self, response: &Response) {
        let status = response.status();
        let cause = response
            .extensions()
            .get::<Cause>()
            .map(|Cause(cause)| cause.as_str());
        tracing::info!(
            target: "request",
            method = self.method,
            route = self.route,
            status = status.as_u16(),
            duration_ms = self.duration.as_secs_f64() * 1000.0,
            tenant.identifier = self.tenant,
            request.id = %self.id.0,
            outcome = outcome(status),
            cause,
            "{} {} {}",
            self.method,
            self.route,
            status.as_u16(),
        );
    }

    fn measure(&self, response: &Response, metrics: &Metrics) {
        let attributes = [
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("http.route", self.route.to_owned()),
            KeyValue::new(
                "http.response.status_code",
                i64::from(response.status().as_u16()),
            ),
            KeyValue::new("outcome", outcome(response.status())),
        ];
        metrics
            .duration
            .record(self.duration.as_secs_f64(), &attributes);
    }
}

/// The identifier, if it can be one: what else stands in a path is a client's text, and is not logged.
fn shown_tenant(path: &str) -> String {
    const IDENTIFIER_LENGTH_MAX: usize = 63;
    let tenant = tenant(path);
    let is_slug = tenant.len() <= IDENTIFIER_LENGTH_MAX
        && tenant
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if is_slug { tenant } else { String::new() }
}

/// Reads the trace context of a request.
struct TraceExtractor<'a>(&'a HeaderMap);

impl Extractor for TraceExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_shown_only_if_it_can_be_one() {
        assert_eq!(shown_tenant("/scim/Acme-2/v2/Users"), "Acme-2");
        assert_eq!(shown_tenant("/scim/alice%40contoso.com/v2/Users"), "");
        assert_eq!(shown_tenant(&format!("/scim/{}/v2", "a".repeat(64))), "");
        assert_eq!(shown_tenant("/healthz"), "");
    }
}
