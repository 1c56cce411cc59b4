//! Domain error -> `tonic::Status`: the one mapping of that crossing, and the one place where internal causes are logged.

use std::{collections::HashMap, time::Duration};

use provisioning_proto::{ERROR_DOMAIN, v1::ErrorReason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    error::{Error, Reason, Refusal},
    guard,
};

/// When a caller may try again after UNAVAILABLE.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The status of an error. Causes stay here.
#[expect(clippy::needless_pass_by_value, reason = "the error ends here")]
pub fn status(error: Error) -> Status {
    match &error {
        Error::Refused(refusal) => refused(refusal),
        Error::Unavailable(cause) => {
            tracing::warn!(cause = chain(cause.as_ref()), "storage is unavailable");
            unavailable(
                "The service cannot reach its storage. It is not known whether a change was made: send it again, with the same request_id if it had one.",
            )
        }
        Error::Internal(cause) => {
            tracing::error!(cause = chain(cause.as_ref()), "internal error");
            with_info(
                Code::Internal,
                "internal error",
                ErrorReason::Internal,
                ErrorDetails::new(),
                HashMap::new(),
            )
        }
    }
}

/// UNAVAILABLE, with the time after which to try again.
pub fn unavailable(detail: &str) -> Status {
    let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
    with_info(
        Code::Unavailable,
        detail,
        ErrorReason::Unavailable,
        details,
        HashMap::new(),
    )
}

fn refused(refusal: &Refusal) -> Status {
    let mut details = ErrorDetails::new();
    if let Some(field) = &refusal.field {
        details.add_bad_request_violation(field, &refusal.detail);
    }
    if refusal.reason == Reason::DeprovisionHeld {
        details.set_retry_info(Some(guard::RETRY_AFTER));
    }
    for (field, detail) in &refusal.more {
        details.add_bad_request_violation(field, detail);
    }
    let metadata = refusal
        .metadata
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    with_info(
        code(refusal.reason),
        &refusal.detail,
        proto_reason(refusal.reason),
        details,
        metadata,
    )
}

fn with_info(
    code: Code,
    detail: &str,
    reason: ErrorReason,
    mut details: ErrorDetails,
    metadata: HashMap<String, String>,
) -> Status {
    details.set_error_info(reason.reason(), ERROR_DOMAIN, metadata);
    Status::with_error_details(code, detail, details)
}

/// An error's own text and those of its sources, which it does not repeat.
fn chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

const fn code(reason: Reason) -> Code {
    match reason {
        Reason::InvalidRequest
        | Reason::InvalidFilter
        | Reason::InvalidPath
        | Reason::InvalidValue
        | Reason::InvalidSyntax
        | Reason::NoTarget
        | Reason::Mutability
        | Reason::TooMany
        | Reason::InvalidPageToken
        | Reason::ExpiredPageToken
        | Reason::UnknownMember
        | Reason::RequestIdReused => Code::InvalidArgument,
        Reason::Uniqueness
        | Reason::TokenExists
        | Reason::SecretNotKept
        | Reason::TenantExists
        | Reason::SchemaExists => Code::AlreadyExists,
        Reason::AccountNotFound
        | Reason::TenantNotFound
        | Reason::TokenNotFound
        | Reason::LogEntryNotFound
        | Reason::GroupNotFound
        | Reason::SchemaNotFound
        | Reason::LinkStepNotFound
        | Reason::FindingNotFound
        | Reason::DeprovisionBatchNotFound => Code::NotFound,
        Reason::EtagMismatch | Reason::Contention => Code::Aborted,
        Reason::AccountProtected | Reason::ProvisioningDisabled | Reason::InsufficientScope => {
            Code::PermissionDenied
        }
        Reason::InvalidCredential => Code::Unauthenticated,
        Reason::NotLinked
        | Reason::NoLiveToken
        | Reason::SettingConflict
        | Reason::RetentionEnded => Code::FailedPrecondition,
        Reason::DeprovisionHeld | Reason::RateLimited => Code::ResourceExhausted,
    }
}

/// The contract's enum has every reason of the domain, under the same name.
fn proto_reason(reason: Reason) -> ErrorReason {
    ErrorReason::from_reason(reason.as_str()).expect("the test below compares the two lists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_in_the_contract() {
        for reason in Reason::ALL {
            assert_eq!(
                ErrorReason::from_reason(reason.as_str()).map(ErrorReason::reason),
                Some(reason.as_str())
            );
        }
    }

    #[test]
    fn a_refusal_carries_reason_field_and_metadata() {
        let refusal = Refusal::new(Reason::Uniqueness, "taken")
            .field("userName")
            .with("account_id", "x");
        let status = status(refusal.into());
        let details = status.get_error_details();
        let info = details.error_info().expect("every error has one");
        assert_eq!(
            (status.code(), info.reason.as_str(), info.domain.as_str()),
            (Code::AlreadyExists, "UNIQUENESS", ERROR_DOMAIN)
        );
        assert_eq!(info.metadata["account_id"], "x");
        assert_eq!(
            details
                .bad_request()
                .expect("a field was named")
                .field_violations[0]
                .field,
            "userName"
        );
    }

    #[test]
    fn what_is_held_tells_when_to_try_again() {
        let status = status(Refusal::new(Reason::DeprovisionHeld, "held").into());
        let retry = status.get_details_retry_info().expect("it tells when");
        assert_eq!(
            (status.code(), retry.retry_delay),
            (Code::ResourceExhausted, Some(guard::RETRY_AFTER))
        );
    }

    #[test]
    fn causes_stay_inside() {
        let status = status(Error::Internal("the password is swordfish".into()));
        assert!(!format!("{status:?}").contains("swordfish"));
    }
}
