//! The only place that turns a server's answer into the error code Entra's provisioning log shows (Microsoft's
//! `howto-analyze-provisioning-logs`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::client::{Answer, Failure};

/// An error code of the provisioning log. The names are Microsoft's and are written into reports: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are Microsoft's, from howto-analyze-provisioning-logs"
)]
pub enum ErrorCode {
    Conflict,
    TooManyRequests,
    InternalServerError,
    NotImplemented,
    InsufficientRights,
    MethodNotAllowed,
    UnprocessableEntity,
    WebExceptionProtocolError,
    InvalidAnchor,
    Timeout,
    DuplicateTargetEntries,
    /// No error: the object is not entitled, so nothing is created.
    NotEffectivelyEntitled,
    /// No error: nothing differs, so nothing is sent.
    RedundantExport,
    /// No error: the job is paused.
    EntrySynchronizationSkipped,
    SystemForCrossDomainIdentityManagementBadRequest,
    SystemForCrossDomainIdentityManagementServiceIncompatible,
    SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering,
    SystemForCrossDomainIdentityManagementMultipleEntriesInResponse,
    SystemForCrossDomainIdentityManagementCredentialValidationFailure,
    SystemForCrossDomainIdentityManagementCredentialValidationUnavailable,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variants are the written names.
        fmt::Debug::fmt(self, f)
    }
}

/// What a request was for; the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Probe,
    Match,
    /// Anything that names the account by its id.
    ById,
    Create,
}

/// Why the cycle cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Credentials refused, or no SCIM endpoint: quarantine at once.
    Refused,
    /// Nobody answers, or nobody can say whether the credentials are good.
    Unavailable,
    /// An admin has paused the job.
    Paused,
}

/// A step that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) detail: String,
    pub(crate) stop: Option<Stop>,
    /// Whether the server may have done what it was asked for all the same.
    pub(crate) ambiguous: bool,
}

/// Longest piece of a server's text that is kept in the log.
const DETAIL_CHARS_MAX: usize = 500;

impl Refusal {
    pub(crate) fn incompatible(detail: impl Into<String>) -> Self {
        Self::of(
            ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible,
            detail,
        )
    }

    /// No request is sent, and nothing is wrong.
    pub(crate) fn paused() -> Self {
        Self {
            stop: Some(Stop::Paused),
            ..Self::of(ErrorCode::EntrySynchronizationSkipped, "the job is paused")
        }
    }

    pub(crate) fn of(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            stop: None,
            ambiguous: false,
        }
    }

    /// An answer that is no success.
    pub(crate) fn from_answer(answer: &Answer, step: Step) -> Self {
        let code = code_of(answer.status, step);
        let ending = match (answer.status, step) {
            (401, _) | (404, Step::Probe | Step::Match) => Some(Stop::Refused),
            (_, Step::Probe) => Some(Stop::Unavailable),
            _ => None,
        };
        Self {
            code,
            detail: detail_of(answer),
            stop: ending,
            ambiguous: answer.status >= 500,
        }
    }

    /// No answer at all.
    pub(crate) fn from_failure(failure: Failure, step: Step) -> Self {
        let (code, detail, ambiguous) = match failure {
            Failure::Unreachable(detail) => (ErrorCode::WebExceptionProtocolError, detail, false),
            Failure::Lost(detail) => (ErrorCode::WebExceptionProtocolError, detail, true),
            Failure::TimedOut => (ErrorCode::Timeout, "no answer in time".to_owned(), true),
        };
        let (code, ending) = match step {
            Step::Probe => (
                ErrorCode::SystemForCrossDomainIdentityManagementCredentialValidationUnavailable,
                Some(Stop::Unavailable),
            ),
            Step::Match | Step::ById | Step::Create => (code, None),
        };
        Self {
            code,
            detail,
            stop: ending,
            ambiguous,
        }
    }
}

fn code_of(status: u16, step: Step) -> ErrorCode {
    match (status, step) {
        (400, _) => ErrorCode::SystemForCrossDomainIdentityManagementBadRequest,
        (401, _) => ErrorCode::SystemForCrossDomainIdentityManagementCredentialValidationFailure,
        (403, _) => ErrorCode::InsufficientRights,
        (404, Step::ById) => ErrorCode::InvalidAnchor,
        (405, _) => ErrorCode::MethodNotAllowed,
        (409, _) => ErrorCode::Conflict,
        (422, _) => ErrorCode::UnprocessableEntity,
        (429, _) => ErrorCode::TooManyRequests,
        (_, Step::Probe) if status >= 500 => {
            ErrorCode::SystemForCrossDomainIdentityManagementCredentialValidationUnavailable
        }
        (500, _) => ErrorCode::InternalServerError,
        (501, _) => ErrorCode::NotImplemented,
        (502.., _) => ErrorCode::WebExceptionProtocolError,
        (_, _) => ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible,
    }
}

/// Entra copies the server's error body into its log; so do we, its `detail` first, bounded.
fn detail_of(answer: &Answer) -> String {
    let text = crate::mapping::member(&answer.body, "detail")
        .and_then(serde_json::Value::as_str)
        .unwrap_or(&answer.text);
    let text: String = text.chars().take(DETAIL_CHARS_MAX).collect();
    format!("HTTP {}: {text}", answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            body: serde_json::from_str(text).unwrap_or_default(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn refused_credentials_and_a_missing_endpoint_stop_the_cycle() {
        for (status, step) in [
            (401, Step::Probe),
            (401, Step::Match),
            (401, Step::ById),
            (401, Step::Create),
            (404, Step::Probe),
            (404, Step::Match),
        ] {
            let refusal = Refusal::from_answer(&answer(status, ""), step);
            assert_eq!(refusal.stop, Some(Stop::Refused), "{status} {step:?}");
        }
        assert_eq!(
            Refusal::from_answer(&answer(404, ""), Step::ById).stop,
            None
        );
        assert_eq!(
            Refusal::from_answer(&answer(503, ""), Step::Create).stop,
            None
        );
        assert_eq!(
            Refusal::from_answer(&answer(503, ""), Step::Probe).stop,
            Some(Stop::Unavailable)
        );
    }

    #[test]
    fn the_servers_detail_is_what_the_log_shows() {
        let refusal = Refusal::from_answer(
            &answer(409, r#"{"status":"409","detail":"userName is taken"}"#),
            Step::Create,
        );
        assert_eq!(refusal.code, ErrorCode::Conflict);
        assert_eq!(refusal.detail, "HTTP 409: userName is taken");
        let long = Refusal::from_answer(&answer(502, &"x".repeat(9_000)), Step::ById);
        assert_eq!(long.code, ErrorCode::WebExceptionProtocolError);
        assert!(long.detail.len() < 600);
    }

    #[test]
    fn only_an_answer_that_may_hide_a_commit_is_ambiguous() {
        let ambiguous = |failure| Refusal::from_failure(failure, Step::Create).ambiguous;
        assert!(!ambiguous(Failure::Unreachable(String::new())));
        assert!(ambiguous(Failure::Lost(String::new())));
        assert!(ambiguous(Failure::TimedOut));
        assert!(Refusal::from_answer(&answer(500, ""), Step::Create).ambiguous);
        assert!(!Refusal::from_answer(&answer(409, ""), Step::Create).ambiguous);
    }
}
