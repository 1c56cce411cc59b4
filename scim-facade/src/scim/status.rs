//! What the core's errors mean in SCIM: the one mapping of a gRPC status to a SCIM error.

use http::StatusCode;
use provisioning_proto::{ERROR_DOMAIN, v1::ErrorReason};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    config::{CURSOR_TIMEOUT_S, RATE_LIMIT_RETRY_AFTER_S},
    scim::error::{Challenge, RetryAfter, ScimError, ScimType},
};

/// The core's own reason. A status without one did not come from the core: a proxy, the transport, or this side's deadline made it.
pub(crate) fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    (info.domain == ERROR_DOMAIN)
        .then(|| ErrorReason::from_reason(&info.reason))
        .flatten()
}

impl From<&Status> for ScimError {
    /// Only the core's reason decides what a client is told for certain. Whatever has none is 503, never 401, 403 or 404.
    fn from(status: &Status) -> Self {
        match reason_of(status) {
            Some(reason) => from_reason(reason, status),
            None if status.code() == Code::Internal => Self::internal(cause_of(status)),
            None => Self::unavailable(cause_of(status)),
        }
    }
}

fn from_reason(reason: ErrorReason, status: &Status) -> ScimError {
    let detail = status.message();
    let bad = |scim_type| ScimError::bad_request(scim_type, detail);
    match reason {
        ErrorReason::InvalidFilter => bad(ScimType::InvalidFilter),
        ErrorReason::InvalidPath => bad(ScimType::InvalidPath),
        ErrorReason::InvalidRequest | ErrorReason::InvalidValue | ErrorReason::UnknownMember => {
            bad(ScimType::InvalidValue)
        }
        ErrorReason::InvalidPageToken => ScimError::bad_request(
            ScimType::InvalidCursor,
            "The cursor is not one that this query returned. Repeat the query with nothing changed but the cursor, or begin again with an \
             empty one.",
        ),
        ErrorReason::ExpiredPageToken => ScimError::bad_request(
            ScimType::ExpiredCursor,
            format!(
                "The cursor is older than {CURSOR_TIMEOUT_S} seconds. Begin again with an empty one."
            ),
        ),
        ErrorReason::InvalidSyntax => bad(ScimType::InvalidSyntax),
        ErrorReason::NoTarget => bad(ScimType::NoTarget),
        ErrorReason::Mutability => bad(ScimType::Mutability),
        ErrorReason::TooMany => bad(ScimType::TooMany),

        ErrorReason::Uniqueness => {
            ScimError::new(StatusCode::CONFLICT, Some(ScimType::Uniqueness), detail)
        }
        ErrorReason::AccountNotFound | ErrorReason::GroupNotFound => ScimError::not_found(detail),
        ErrorReason::EtagMismatch => ScimError::new(StatusCode::PRECONDITION_FAILED, None, detail),

        ErrorReason::InvalidCredential | ErrorReason::TenantNotFound => {
            ScimError::unauthorized(Challenge::InvalidToken, detail)
        }
        ErrorReason::AccountProtected | ErrorReason::ProvisioningDisabled => {
            ScimError::new(StatusCode::FORBIDDEN, None, detail)
        }
        ErrorReason::InsufficientScope => ScimError {
            challenge: Some(Challenge::InsufficientScope),
            ..ScimError::new(StatusCode::FORBIDDEN, None, detail)
        },

        ErrorReason::RateLimited | ErrorReason::DeprovisionHeld => ScimError {
            retry_after: Some(RetryAfter::Seconds(retry_delay_s(status))),
            ..ScimError::new(StatusCode::TOO_MANY_REQUESTS, None, detail)
        },
        ErrorReason::Contention | ErrorReason::Unavailable | ErrorReason::Unspecified => {
            ScimError::unavailable(cause_of(status))
        }

        // Answers to calls that the facade does not make, or makes wrongly.
        ErrorReason::Internal
        | ErrorReason::RequestIdReused
        | ErrorReason::TokenExists
        | ErrorReason::SecretNotKept
        | ErrorReason::TenantExists
        | ErrorReason::TokenNotFound
        | ErrorReason::LogEntryNotFound
        | ErrorReason::SchemaExists
        | ErrorReason::SchemaNotFound
        | ErrorReason::LinkStepNotFound
        | ErrorReason::FindingNotFound
        | ErrorReason::DeprovisionBatchNotFound
        | ErrorReason::RetentionEnded
        | ErrorReason::NotLinked
        | ErrorReason::NoLiveToken
        | ErrorReason::SettingConflict => ScimError::internal(cause_of(status)),
    }
}

/// How long the core asks to wait, rounded up to whole seconds.
fn retry_delay_s(status: &Status) -> u64 {
    let delay = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    delay.map_or(RATE_LIMIT_RETRY_AFTER_S, |delay| {
        (delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).max(1)
    })
}

/// For the request line: the code, and the core's reason if there is one. A message may hold anything and stays out of the logs.
pub(crate) fn cause_of(status: &Status) -> String {
    match reason_of(status) {
        Some(reason) => format!("{:?} {}", status.code(), reason.reason()),
        None => format!("{:?}", status.code()),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, reason: ErrorReason, message: &str) -> Status {
        let details = ErrorDetails::with_error_info(reason.reason(), ERROR_DOMAIN, []);
        Status::with_error_details(code, message, details)
    }

    #[test]
    fn every_reason_has_its_scim_error() {
        let all = (0..=i32::from(u8::MAX)).filter_map(|number| ErrorReason::try_from(number).ok());
        let table: Vec<String> = all
            .map(|reason| {
                let error = ScimError::from(&status(Code::Unknown, reason, "the core's text"));
                let scim_type = error.scim_type.map_or("-", ScimType::as_str);
                let challenge = error.challenge.map_or("-", Challenge::as_str);
                format!(
                    "{} -> {} {scim_type} {challenge} {:?}",
                    reason.reason(),
                    error.status.as_str(),
                    error.retry_after
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn without_the_cores_reason_nothing_is_certain() {
        for number in 1..=16 {
            let code = Code::from_i32(number);
            let expected = if code == Code::Internal { 500 } else { 503 };
            assert_eq!(
                ScimError::from(&Status::new(code, "made by a proxy"))
                    .status
                    .as_u16(),
                expected,
                "{code:?}"
            );
        }
    }

    #[test]
    fn a_foreign_domain_is_not_the_core() {
        let details = ErrorDetails::with_error_info("INVALID_CREDENTIAL", "proxy.example", []);
        let status = Status::with_error_details(Code::Unauthenticated, "who are you", details);
        assert_eq!(
            ScimError::from(&status).status,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }

    #[test]
    fn what_the_core_says_of_a_fault_stays_inside() {
        for reason in [ErrorReason::Internal, ErrorReason::Unavailable] {
            let error = ScimError::from(&status(
                Code::Internal,
                reason,
                "disk /var/lib/data is gone",
            ));
            assert!(
                !String::from_utf8(error.to_json())
                    .unwrap()
                    .contains("/var/lib"),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn a_cause_is_a_code_and_a_reason() {
        let cause = |status: &Status| ScimError::from(status).cause.unwrap();
        let text = "alice@contoso.com at db1.internal";
        let own = status(Code::Internal, ErrorReason::Internal, text);
        assert_eq!(cause(&own), "Internal INTERNAL");
        assert_eq!(cause(&Status::unavailable(text)), "Unavailable");
        let details = ErrorDetails::with_error_info(text, "proxy.example", []);
        let foreign = Status::with_error_details(Code::Unknown, text, details);
        assert_eq!(cause(&foreign), "Unknown");
    }

    #[test]
    fn a_limit_says_when_to_come_back() {
        let mut details = ErrorDetails::with_error_info("RATE_LIMITED", ERROR_DOMAIN, []);
        details.set_retry_info(Some(std::time::Duration::from_millis(3200)));
        let status = Status::with_error_details(Code::ResourceExhausted, "too fast", details);
        assert_eq!(
            ScimError::from(&status).retry_after,
            Some(RetryAfter::Seconds(4))
        );
    }
}
