//! What is seen of a request from outside: its id, its span, its one line, its metrics. Never a path, a query string, a body, a token or
//! a user name.
//!
//! The line (target `request`) has the fields `method`, `route` (the pattern), `status`, `duration_ms`, `tenant.identifier`,
//! `request.id`, `outcome` and, for a 5xx, `cause`; it is written also when nobody waits for the answer any more.

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
        exchange::{Known, known_method, route, tenant},
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

/// Surrounds every request. A fault that unwinds is answered, and told to the core, like any other.
pub(crate) async fn observe(
    State(facade): State<Arc<Facade>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::new();
    request.extensions_mut().insert(id);
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let method = known_method(request.method());
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let route = route(pattern.as_ref().map_or("", MatchedPath::as_str));
    let tenant = shown_tenant(request.uri().path());
    let mut seen = Seen {
        method,
        route,
        tenant: &tenant,
        id,
        started,
        span: span(method, route, &tenant, id, request.headers()),
        metrics: &facade.metrics,
        end: None,
    };

    let handled = async {
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_panic) => broken(&known, id).await,
        }
    };
    let mut response = handled.instrument(seen.span.clone()).await;
    response.headers_mut().insert(
        REQUEST_ID,
        HeaderValue::try_from(id.0.to_string()).expect("a UUID is a header's text"),
    );
    seen.end = Some(End::of(&response));
    response
}

/// The answer to a request that broke. Where it is known whose it is, the core learns of it; what breaks over that is the same fault.
async fn broken(known: &Known, RequestId(id): RequestId) -> Response {
    let fault = || ScimError::internal("panic");
    let reported = async { Some(known.origin()?.failed(fault().into()).await) };
    let reported = AssertUnwindSafe(reported).catch_unwind().await;
    reported
        .ok()
        .flatten()
        .unwrap_or_else(|| response::error(&fault(), id))
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

/// A request, told of when it is over: also when its client went away, and nobody waits for the end any more.
struct Seen<'a> {
    method: &'static str,
    route: &'a str,
    tenant: &'a str,
    id: RequestId,
    started: Instant,
    span: Span,
    metrics: &'a Metrics,
    end: Option<End>,
}

/// How a request ended.
struct End {
    status: u16,
    outcome: &'static str,
    cause: Option<String>,
}

impl End {
    fn of(response: &Response) -> Self {
        let status = response.status();
        let cause = response.extensions().get::<Cause>();
        Self {
            status: status.as_u16(),
            outcome: outcome(status),
            cause: cause.map(|Cause(cause)| cause.clone()),
        }
    }

    /// No answer was sent; the number is the one that proxies write into their logs for this.
    fn abandoned() -> Self {
        Self {
            status: 499,
            outcome: "abandoned",
            cause: None,
        }
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        let end = self.end.take().unwrap_or_else(End::abandoned);
        let duration = self.started.elapsed();
        self.span.record("http.response.status_code", end.status);
        self.span.in_scope(|| self.log(&end, duration));
        self.measure(&end, duration);
    }
}

impl Seen<'_> {
    fn log(&self, end: &End, duration: Duration) {
        tracing::info!(
            target: "request",
            method = self.method,
            route = self.route,
            status = end.status,
            duration_ms = duration.as_secs_f64() * 1000.0,
            tenant.identifier = self.tenant,
            request.id = %self.id.0,
            outcome = end.outcome,
            cause = end.cause.as_deref(),
            "{} {} {}",
            self.method,
            self.route,
            end.status,
        );
    }

    fn measure(&self, end: &End, duration: Duration) {
        let attributes = [
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("http.route", self.route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(end.status)),
            KeyValue::new("outcome", end.outcome),
        ];
        let histogram = &self.metrics.duration;
        histogram.record(duration.as_secs_f64(), &attributes);
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
