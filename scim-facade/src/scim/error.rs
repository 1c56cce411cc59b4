//! The SCIM error: the only form in which a failure leaves the facade (RFC 7644 section 3.12).

use http::StatusCode;
use serde::{Serialize, Serializer};

/// A failed request, as its client sees it. The text is read by the customer's admin in Entra's portal: it says what is wrong and
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScimError {
    pub status: StatusCode,
    pub scim_type: Option<ScimType>,
    pub detail: String,
    /// What goes into `WWW-Authenticate`.
    pub challenge: Option<Challenge>,
    pub retry_after: Option<RetryAfter>,
    /// Why, for the request line; never sent.
    pub cause: Option<String>,
}

/// The `scimType` of an error, RFC 7644 table 9. The words are fixed by the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    /// RFC 9865 section 2.1, as are the next two.
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
}

impl ScimType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// The parameters of `WWW-Authenticate: Bearer`, RFC 6750 section 3. Without a credential the RFC wants no error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    NoCredential,
    InvalidToken,
    InsufficientScope,
}

impl Challenge {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoCredential => "Bearer",
            Self::InvalidToken => "Bearer error=\"invalid_token\"",
            Self::InsufficientScope => "Bearer error=\"insufficient_scope\"",
        }
    }
}

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// After a while that differs from request to request, so that an outage does not end in a rush.
    Jittered,
    Seconds(u64),
}

#[derive(Serialize)]
struct Body<'a> {
    schemas: [&'static str; 1],
    status: &'a str,
    #[serde(rename = "scimType", skip_serializing_if = "Option::is_none")]
    scim_type: Option<&'static str>,
    detail: &'a str,
}

impl ScimError {
    pub(crate) fn new(
        status: StatusCode,
        scim_type: Option<ScimType>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            scim_type,
            detail: detail.into(),
            challenge: None,
            retry_after: None,
            cause: None,
        }
    }

    /// 400 with a type.
    pub(crate) fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(scim_type), detail)
    }

    /// 400 for a body that is not what the RFC says a body is.
    pub(crate) fn syntax(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::InvalidSyntax, detail)
    }

    /// 400 for a value that does not fit its attribute or parameter.
    pub(crate) fn value(detail: impl Into<String>) -> Self {
        Self::bad_request(ScimType::InvalidValue, detail)
    }

    pub(crate) fn unauthorized(challenge: Challenge, detail: impl Into<String>) -> Self {
        Self {
            challenge: Some(challenge),
            ..Self::new(StatusCode::UNAUTHORIZED, None, detail)
        }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, None, detail)
    }

    /// 503: nothing is known about the request, and nothing was changed for certain. A 401, 403 or 404 here would make Entra
    /// quarantine the whole tenant.
    pub(crate) fn unavailable(cause: impl Into<String>) -> Self {
        Self {
            retry_after: Some(RetryAfter::Jittered),
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                None,
                "The provisioning service cannot answer at the moment. Entra tries again by itself; nothing has to be done.",
            )
        }
    }

    /// 500: a fault of the service, whose cause the client does not learn.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                None,
                "The provisioning service failed. If this repeats, give the X-Request-Id of this answer to DragOnce support.",
            )
        }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON")
    }
}

impl Serialize for ScimError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Body {
            schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
            status: self.status.as_str(),
            scim_type: self.scim_type.map(ScimType::as_str),
            detail: &self.detail,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodies() {
        let bodies = [
            ScimError::syntax("The body is empty."),
            ScimError::unauthorized(Challenge::NoCredential, "There is no bearer token."),
            ScimError::not_found("There is no such user."),
            ScimError::new(
                StatusCode::CONFLICT,
                Some(ScimType::Uniqueness),
                "Taken \"so\".",
            ),
            ScimError::unavailable("the cause stays here"),
            ScimError::internal("the cause stays here"),
        ];
        let bodies = bodies.map(|error| String::from_utf8(error.to_json()).expect("JSON is text"));
        insta::assert_snapshot!(bodies.join("\n"));
    }
}
