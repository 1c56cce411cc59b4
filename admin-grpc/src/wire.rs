//! Parts of messages that several services share: durations, page sizes, conditions.

use std::time::Duration;

use provisioning_core::{
    accounts::Precondition,
    error::{Error, Reason, Refusal},
    grpc::status,
    page_token,
};
use tonic::Status;

/// The status of a request that is refused before a use case is called.
pub fn refuse(refusal: Refusal) -> Status {
    status(Error::from(refusal))
}

/// The status of a request with a field that is missing or malformed.
pub fn invalid(field: &str, detail: impl Into<String>) -> Status {
    refuse(Refusal::new(Reason::InvalidRequest, detail).field(field))
}

/// How many items a page may hold.
pub fn page_size(asked: i32) -> Result<u32, Status> {
    page_token::page_size(asked).map_err(refuse)
}

/// Refuses a page token where everything is on the first page.
pub fn only_page(page_token: &str) -> Result<(), Status> {
    if page_token.is_empty() {
        return Ok(());
    }
    Err(refuse(
        Refusal::new(
            Reason::InvalidPageToken,
            "Everything is on the first page. Leave page_token empty.",
        )
        .field("page_token"),
    ))
}

/// What must hold for a write.
pub fn precondition(etag: &str, validate_only: bool) -> Precondition {
    Precondition {
        etag: (!etag.is_empty()).then(|| etag.to_owned()),
        validate_only,
    }
}

/// A duration in a request; it cannot be negative. Read by hand: the conversion of `prost-types` overflows on the smallest number of seconds.
pub fn duration(field: &str, message: &prost_types::Duration) -> Result<Duration, Status> {
    let seconds = u64::try_from(message.seconds).ok();
    let nanos = u32::try_from(message.nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000);
    seconds
        .zip(nanos)
        .map(|(seconds, nanos)| Duration::new(seconds, nanos))
        .ok_or_else(|| invalid(field, "The duration is negative or not valid."))
}

/// A duration on the wire.
pub fn duration_to_proto(duration: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_back() {
        for duration in [
            Duration::ZERO,
            Duration::from_micros(1),
            Duration::from_hours(24),
        ] {
            assert_eq!(
                super::duration("overlap", &duration_to_proto(duration)).expect("it is one"),
                duration
            );
        }
    }

    #[test]
    fn a_negative_duration_is_refused() {
        for (seconds, nanos) in [
            (-1, 0),
            (0, -1),
            (i64::MIN, 0),
            (i64::MIN, i32::MIN),
            (0, 1_000_000_000),
        ] {
            let status = duration("overlap", &prost_types::Duration { seconds, nanos })
                .expect_err("it is negative");
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
        }
    }

    #[test]
    fn an_empty_etag_asks_for_nothing() {
        assert_eq!(precondition("", true).etag, None);
        assert_eq!(precondition("\"3\"", false).etag.as_deref(), Some("\"3\""));
    }
}
