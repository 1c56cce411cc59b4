//! Answers: the only place that builds one. Always `application/scim+json`.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use uuid::Uuid;

use crate::{
    config::{RETRY_AFTER_JITTER_S, RETRY_AFTER_S},
    scim::error::{RetryAfter, ScimError},
};

const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// Rides in the extensions of an error's response to the request line.
#[derive(Clone)]
pub(crate) struct Cause(pub String);

/// An answer with a body.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = empty(status);
    *response.body_mut() = Body::from(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, SCIM_JSON);
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds the entity tag of the account that the answer is about.
pub(crate) fn with_etag(mut response: Response, etag: &str) -> Response {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// Says that a user in the answer is in more groups than it shows (RFC 7234 section 5.5: a warning of no code of its own).
pub(crate) fn with_more_groups(mut response: Response) -> Response {
    let warning = HeaderValue::from_static(
        "299 - \"A user is in more than 1,000 groups, and shown with so many of them. A filter on members.value of /Groups finds the others.\"",
    );
    response.headers_mut().insert(header::WARNING, warning);
    response
}

/// The answer to a failure.
pub(crate) fn error(error: &ScimError, request_id: Uuid) -> Response {
    let mut response = json(error.status, error.to_json());
    let headers = response.headers_mut();
    if let Some(challenge) = error.challenge {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge.as_str()),
        );
    }
    if let Some(retry_after) = error.retry_after {
        headers.insert(
            header::RETRY_AFTER,
            retry_after_s(retry_after, request_id).into(),
        );
    }
    match &error.cause {
        Some(cause) => with_cause(response, cause.clone()),
        None => response,
    }
}

/// Tells the request line, and nobody else, why.
pub(crate) fn with_cause(mut response: Response, cause: String) -> Response {
    response.extensions_mut().insert(Cause(cause));
    response
}

/// The id of the request is random enough for jitter.
fn retry_after_s(retry_after: RetryAfter, request_id: Uuid) -> u64 {
    match retry_after {
        RetryAfter::Seconds(seconds) => seconds,
        RetryAfter::Jittered => {
            u64::from(RETRY_AFTER_S + request_id.as_bytes()[15] % (RETRY_AFTER_JITTER_S + 1))
        }
    }
}
