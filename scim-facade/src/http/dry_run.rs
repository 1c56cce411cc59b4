//! `Prefer: dry-run`: an admin asks what would become of a request of Entra's. Who may ask, about what, and how it is answered.
//!
//! The answer is 200 when it is known what would become of the request, also when that is a refusal. What keeps the question itself from being
//! answered (no right to ask, nobody to ask) is answered as any other failure.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use http_body_util::BodyExt as _;
use provisioning_proto::v1::{self, ErrorReason};
use serde::Serialize;
use serde_json::{Map, Value};
use tonic::Status;

use crate::{
    http::{
        exchange::{Exchange, Failure},
        prefer, response,
    },
    scim::{
        error::{Challenge, ScimError},
        list,
        status::reason_of,
    },
};

/// The preference.
const DRY_RUN: &str = "dry-run";
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a mutation is answered with, and, of a dry run, what it would do.
pub(crate) struct Answer {
    pub response: Response,
    pub dry_run: Option<v1::DryRun>,
}

/// What is to be done with a request, as its credential and its preference say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What it says.
    Real,
    /// It is a dry run.
    Dry,
    /// Nothing: the credential is none of this endpoint.
    NoToken,
    /// Nothing: a dry run is asked for where there is none, or by whom none is done.
    Refused(&'static str),
}

/// Decides. `operation` is the method and the route.
pub(crate) fn mode(headers: &HeaderMap, is_jwt: bool, operation: &str) -> Mode {
    let is_mutation = matches!(
        operation,
        "POST /Users"
            | "PUT /Users/{id}"
            | "PATCH /Users/{id}"
            | "DELETE /Users/{id}"
            | "POST /Groups"
            | "PUT /Groups/{id}"
            | "PATCH /Groups/{id}"
            | "DELETE /Groups/{id}"
    );
    let is_asked = prefer::asks_for(headers, DRY_RUN);
    match (is_jwt, is_asked) {
        (true, true) if is_mutation => Mode::Dry,
        (true, _) => Mode::NoToken,
        // Never done in earnest when it was asked not to be.
        (false, true) if is_mutation => Mode::Refused(
            "A dry run is for admins: send a JWT with the scope provisioning.admin of this tenant, or platform.operator, in place of the SCIM \
             token. Nothing was done.",
        ),
        (false, true) if operation == "POST /Bulk" => Mode::Refused(
            "There is no dry run of a bulk request: send its operations one by one, with the JWT of an admin. Nothing was done.",
        ),
        (false, _) => Mode::Real,
    }
}

/// The answer to a JWT that asks for more than a dry run.
pub(crate) fn no_token() -> ScimError {
    ScimError::unauthorized(
        Challenge::InvalidToken,
        "The SCIM endpoint takes the SCIM token from User Provisioning in the DragOnce Admin Panel. The JWT of an admin is taken for dry runs \
         only: POST, PUT, PATCH or DELETE of users and groups with the header `Prefer: dry-run`.",
    )
}

/// The answer to a dry run that is refused.
pub(crate) fn refused(detail: &str) -> ScimError {
    ScimError {
        challenge: Some(Challenge::InsufficientScope),
        ..ScimError::new(StatusCode::FORBIDDEN, None, detail)
    }
}

/// The answer to a dry run.
pub(crate) async fn answer(exchange: &Exchange, result: Result<Answer, Failure>) -> Response {
    match would_be(exchange, result).await {
        Ok(would_be) => {
            let mut response = response::json(StatusCode::OK, list::to_bytes(&would_be));
            let applied = HeaderValue::from_static(DRY_RUN);
            response.headers_mut().insert(PREFERENCE_APPLIED, applied);
            response
        }
        Err(error) => response::error(&error, exchange.origin.metadata.request_id),
    }
}

/// What would become of the request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WouldBe {
    schemas: [&'static str; 1],
    /// What Entra would be answered with.
    status: String,
    /// What the log would call it; absent where nothing would be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    operation: String,
    /// The resource as it would be, or the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Value>,
    changes: Vec<Change>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    attribute: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_value: Option<Value>,
}

impl WouldBe {
    fn new(status: StatusCode, response: Option<Value>, dry_run: v1::DryRun) -> Self {
        Self {
            schemas: ["urn:dragonce:params:scim:api:messages:2.0:DryRun"],
            status: status.as_str().to_owned(),
            operation: dry_run.operation,
            response,
            changes: dry_run.changes.into_iter().map(Change::from).collect(),
        }
    }

    fn refused(error: &ScimError) -> Self {
        let body = serde_json::to_value(error).expect("texts are JSON");
        Self::new(error.status, Some(body), v1::DryRun::default())
    }
}

impl From<v1::AttributeChange> for Change {
    fn from(change: v1::AttributeChange) -> Self {
        // The contract says JSON, and empty for nothing.
        let value = |text: &str| serde_json::from_str(text).ok();
        Self {
            old_value: value(&change.old_value),
            new_value: value(&change.new_value),
            attribute: change.attribute,
        }
    }
}

async fn would_be(
    exchange: &Exchange,
    result: Result<Answer, Failure>,
) -> Result<WouldBe, ScimError> {
    match result {
        Ok(answer) => {
            let status = answer.response.status();
            let dry_run = answer.dry_run.unwrap_or_default();
            let resource = resource(answer.response, &dry_run.operation).await;
            Ok(WouldBe::new(status, resource, dry_run))
        }
        Err(Failure::Core(status)) => {
            let error = ScimError::from(&status);
            if concerns_the_question(&status) || error.status.is_server_error() {
                return Err(error);
            }
            Ok(WouldBe::refused(&error))
        }
        Err(Failure::Refused(error)) => {
            exchange.report(&error).await?;
            if error.status.is_server_error() {
                return Err(error);
            }
            Ok(WouldBe::refused(&error))
        }
    }
}

/// The resource in a body. One that is not there yet has neither an id nor a version.
async fn resource(response: Response, operation: &str) -> Option<Value> {
    let bytes = response.into_body().collect().await.ok()?.to_bytes();
    let mut resource: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
    if operation == "create" {
        resource.remove("id");
        resource.remove("meta");
    }
    Some(resource.into())
}

/// Whether it is the admin who was refused, and not the request.
fn concerns_the_question(status: &Status) -> bool {
    matches!(
        reason_of(status),
        Some(
            ErrorReason::InvalidCredential
                | ErrorReason::InsufficientScope
                | ErrorReason::TenantNotFound
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(prefers: &'static str, is_jwt: bool, operation: &str) -> Mode {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", HeaderValue::from_static(prefers));
        mode(&headers, is_jwt, operation)
    }

    #[test]
    fn a_token_is_never_answered_with_less_or_more_than_was_asked_for() {
        assert_eq!(mode_of("return=minimal", false, "POST /Users"), Mode::Real);
        assert_eq!(mode_of("dry-run", false, "GET /Users"), Mode::Real);
        for operation in ["POST /Users", "DELETE /Groups/{id}", "POST /Bulk"] {
            let mode = mode_of("dry-run", false, operation);
            assert!(matches!(mode, Mode::Refused(_)), "{operation}");
        }
    }

    #[test]
    fn a_jwt_is_good_for_dry_runs_and_nothing_else() {
        for operation in ["POST /Groups", "PUT /Users/{id}", "PATCH /Groups/{id}"] {
            assert_eq!(
                mode_of("dry-run", true, operation),
                Mode::Dry,
                "{operation}"
            );
            assert_eq!(mode_of("", true, operation), Mode::NoToken, "{operation}");
        }
        for operation in [
            "GET /Users",
            "POST /Bulk",
            "POST /Users/.search",
            "PUT /Users",
        ] {
            assert_eq!(
                mode_of("dry-run", true, operation),
                Mode::NoToken,
                "{operation}"
            );
        }
    }
}
