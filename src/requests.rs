//! The edge of the gRPC listener: every call gets a deadline, a span, one log line and its place in the metrics.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{HeaderMap, HeaderValue};
use hyper::body::{Frame, SizeHint};
use opentelemetry::{KeyValue, global, metrics::Histogram};
use provisioning_core::{
    grpc::{CallTenant, rules::rule},
    ids::RequestId,
};
use tonic::{Code, Status, service::Routes};
use tracing::{Instrument as _, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::telemetry::REQUEST_TARGET;

/// No call takes longer to begin its answer, whatever its caller allows. Above every deadline inside.
const CALL_TIMEOUT_MAX: Duration = Duration::from_mins(1);
/// The id that the provisioning log knows a request by.
const REQUEST_ID: &str = "x-request-id";

/// Puts the edge in front of the services.
pub fn observe(routes: Routes) -> Router {
    // Count and duration of calls by method and status; name and unit are those of OpenTelemetry's conventions.
    let durations = global::meter("provisiond")
        .f64_histogram("rpc.server.call.duration")
        .with_unit("s")
        .build();
    routes
        .into_axum_router()
        .layer(from_fn_with_state(durations, call))
}

async fn call(
    State(durations): State<Histogram<f64>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    // A made-up method must not become a name in the metrics.
    let method = if rule(path).is_some() {
        path.trim_start_matches('/').to_owned()
    } else {
        "unknown".to_owned()
    };
    let request_id = RequestId::from_caller(
        request
            .headers()
            .get(REQUEST_ID)
            .and_then(|id| id.to_str().ok()),
    );
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
    let span = tracing::info_span!(
        "grpc call",
        otel.name = method,
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.method = method,
        rpc.grpc.status_code = field::Empty,
        request.id = request_id.as_str(),
        tenant.identifier = field::Empty,
    );
    let tenant = CallTenant::default();
    request.extensions_mut().insert(tenant.clone());
    let context = global::get_text_map_propagator(|propagator| {
        propagator.extract(&Headers(request.headers()))
    });
    // Fails only when no traces are exported, and then there is nothing to join.
    let _ = span.set_parent(context);

    let deadline = grpc_timeout(request.headers())
        .map_or(CALL_TIMEOUT_MAX, |timeout| timeout.min(CALL_TIMEOUT_MAX));
    let mut end = End {
        span: span.clone(),
        method,
        request_id,
        tenant,
        started: Instant::now(),
        code: Code::Cancelled,
        durations,
    };
    let response = match tokio::time::timeout(deadline, next.run(request).instrument(span)).await {
        Ok(response) => response,
        Err(_elapsed) => Status::deadline_exceeded("the call did not end in time").into_http(),
    };
    end.see(response.headers());
    response.map(|body| Body::new(Answer { body, end }))
}

/// What is told when the call is over; told on drop, so that a call whose caller went away is told too.
struct End {
    span: Span,
    method: String,
    request_id: RequestId,
    tenant: CallTenant,
    started: Instant,
    code: Code,
    durations: Histogram<f64>,
}

impl End {
    /// Takes the status where it stands: in the head of an answer without a message, else in the trailers.
    fn see(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.code = Code::from_bytes(status.as_bytes());
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let status = code_name(self.code);
        self.span.record("rpc.grpc.status_code", self.code as i32);
        if let Some(tenant) = self.tenant.get() {
            self.span.record("tenant.identifier", tenant);
        }
        let _entered = self.span.enter();
        tracing::info!(
            target: REQUEST_TARGET,
            method = self.method,
            status,
            duration_ms = millis(took),
            tenant.identifier = self.tenant.get(),
            request.id = self.request_id.as_str(),
            outcome = outcome(self.code),
            "{} {status}",
            self.method,
        );
        self.durations.record(
            took.as_secs_f64(),
            &[
                KeyValue::new("rpc.method", self.method.clone()),
                KeyValue::new("rpc.response.status_code", status),
                KeyValue::new("outcome", outcome(self.code)),
            ],
        );
    }
}

/// The body of an answer, watched for its trailers.
struct Answer {
    body: Body,
    end: End,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.end.see(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads the trace context that the caller sent.
struct Headers<'a>(&'a HeaderMap);

impl opentelemetry::propagation::Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// How long the caller waits: `grpc-timeout`, at most eight digits and a unit, by the gRPC over HTTP/2 specification.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    const DIGITS_MAX: usize = 8;
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// How a call ended, in one word; the words are those of the SCIM line.
const fn outcome(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => "failed",
        Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => "refused",
    }
}

/// The code as the gRPC specification writes it.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(text: &'static str) -> Option<Duration> {
        grpc_timeout(&HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-timeout"),
            HeaderValue::from_static(text),
        )]))
    }

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(timeout("2H"), Some(Duration::from_hours(2)));
        assert_eq!(timeout("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for bad in ["", "m", "5", "999999999S", "+5S", "5 S", "5s"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
