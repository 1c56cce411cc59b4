//! The body of a request: the only place that reads one. Bounded in size and time, alone and with all others, of the right media type,
//! strict JSON.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    config::{BODIES_BYTES_MAX, BODY_SIZE_MAX, BODY_SMALL_BYTES, BODY_TIMEOUT},
    scim::{error::ScimError, strict_json},
};

/// The room that large bodies have in memory, all together.
#[derive(Debug)]
pub(crate) struct Room(Arc<Semaphore>);

/// A body that was read, and its room until it is dropped.
#[derive(Debug)]
pub(crate) struct Read {
    pub json: Map<String, Value>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX)))
    }

    /// Reads the JSON object of a body.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Read, ScimError> {
        check_media_type(headers)?;
        let (bytes, room) = self.collect(headers, body).await?;
        if bytes.is_empty() {
            return Err(ScimError::syntax(
                "The body is empty; a JSON object is needed.",
            ));
        }
        match strict_json::parse(&bytes) {
            Ok(Value::Object(json)) => Ok(Read { json, _room: room }),
            Ok(_) => Err(ScimError::syntax("The body must be a JSON object.")),
            Err(error) => Err(ScimError::syntax(format!(
                "The body is not the JSON that SCIM needs: {error}."
            ))),
        }
    }

    /// A length that is announced too large is refused unread; one that lies, or is not announced, is counted.
    async fn collect(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), ScimError> {
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > BODY_SIZE_MAX) {
            return Err(too_large());
        }
        timeout(
            BODY_TIMEOUT,
            self.gather(body, announced.unwrap_or(BODY_SIZE_MAX)),
        )
        .await
        .unwrap_or_else(|_elapsed| {
            Err(ScimError::new(
                StatusCode::REQUEST_TIMEOUT,
                None,
                "The body did not arrive in time; send the request again.",
            ))
        })
    }

    /// Room is taken for what has arrived, not for what was announced: who sends nothing holds nothing.
    async fn gather(
        &self,
        mut body: Body,
        expected: usize,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), ScimError> {
        let mut bytes = Vec::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let broken_off = |_error| ScimError::syntax("The body broke off before its end.");
            let Ok(data) = frame.map_err(broken_off)?.into_data() else {
                continue;
            };
            let size = bytes.len() + data.len();
            if size > BODY_SIZE_MAX {
                return Err(too_large());
            }
            if size > BODY_SMALL_BYTES {
                // Once: a buffer that grows by being copied is in memory twice.
                bytes.reserve_exact(expected.max(size) - bytes.len());
                let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
                let more = self.take(size - held)?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, room))
    }

    /// Nothing waits for room: those who wait would hold what they have read.
    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ScimError> {
        let bytes = u32::try_from(bytes).expect("a body is smaller");
        Arc::clone(&self.0)
            .try_acquire_many_owned(bytes)
            .map_err(|_full| ScimError::unavailable("BodiesFull"))
    }
}

/// RFC 7644 section 3.1. No media type at all is taken as JSON. JSON is UTF-8 (RFC 8259 section 8.1), however that is spelled; what else
/// a parameter says does not matter.
fn check_media_type(headers: &HeaderMap) -> Result<(), ScimError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let is_json = ["application/scim+json", "application/json"]
        .iter()
        .any(|json| json.eq_ignore_ascii_case(media_type));
    let mut charsets = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    if is_json && charsets.all(|(_, charset)| is_utf8(charset)) {
        return Ok(());
    }
    Err(ScimError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        None,
        "The body must be application/scim+json (or application/json) in UTF-8.",
    ))
}

/// `utf-8`, `"UTF8"`, `utf_8`; ASCII is UTF-8 too.
fn is_utf8(charset: &str) -> bool {
    let letters = charset.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    ["", "utf8", "usascii", "ascii"].contains(&name.as_str())
}

fn too_large() -> ScimError {
    ScimError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        None,
        format!(
            "The body is larger than {BODY_SIZE_MAX} bytes. Map fewer or smaller attributes in Entra, or send several requests."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_type(value: &'static str) -> bool {
        check_media_type(&HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            value.parse().unwrap(),
        )]))
        .is_ok()
    }

    #[test]
    fn two_media_types_are_json() {
        for value in [
            "application/scim+json",
            "application/json",
            "Application/SCIM+json; charset=UTF-8",
            "application/json;charset=\"utf-8\";v=1",
            "application/json; charset=utf8",
            "application/json; CHARSET = 'Utf_8' ; boundary",
            "application/json; charset=",
            "application/json; charset=us-ascii;",
        ] {
            assert!(media_type(value), "{value}");
        }
        for value in [
            "text/plain",
            "application/xml",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; charset=utf-16",
            "application/x-www-form-urlencoded",
            "",
        ] {
            assert!(!media_type(value), "{value}");
        }
        assert!(check_media_type(&HeaderMap::new()).is_ok());
    }

    fn of_size(bytes: usize) -> Body {
        Body::from(format!("{{{}}}", " ".repeat(bytes - 2)))
    }

    #[tokio::test]
    async fn large_bodies_share_one_room() {
        let (room, headers) = (Room::new(), HeaderMap::new());
        let mut held = Vec::new();
        for _ in 0..BODIES_BYTES_MAX / BODY_SIZE_MAX {
            held.push(room.read(&headers, of_size(BODY_SIZE_MAX)).await.unwrap());
        }
        let refused = room.read(&headers, of_size(BODY_SMALL_BYTES + 1)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.retry_after.is_some());
        assert!(room.read(&headers, of_size(BODY_SMALL_BYTES)).await.is_ok());
        held.pop();
        assert!(room.read(&headers, of_size(BODY_SIZE_MAX)).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_refused_gives_its_room_back() {
        let (room, headers) = (Room::new(), HeaderMap::new());
        for bytes in [BODY_SIZE_MAX + 1, BODY_SIZE_MAX] {
            let body = Body::from("[".repeat(bytes));
            room.read(&headers, body).await.unwrap_err();
        }
        assert_eq!(room.0.available_permits(), BODIES_BYTES_MAX);
    }
}
