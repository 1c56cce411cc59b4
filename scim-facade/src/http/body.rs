//! The body of a request: the only place that reads one. Bounded in size and time, of the right media type, strict JSON.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{
    config::{BODY_SIZE_MAX, BODY_TIMEOUT},
    scim::{error::ScimError, strict_json},
};

/// Reads the JSON object of a body.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, ScimError> {
    check_media_type(headers)?;
    let bytes = collect(headers, body).await?;
    if bytes.is_empty() {
        return Err(ScimError::syntax(
            "The body is empty; a JSON object is needed.",
        ));
    }
    match strict_json::parse(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ScimError::syntax("The body must be a JSON object.")),
        Err(error) => Err(ScimError::syntax(format!(
            "The body is not the JSON that SCIM needs: {error}."
        ))),
    }
}

/// RFC 7644 section 3.1. No media type at all is taken as JSON.
fn check_media_type(headers: &HeaderMap) -> Result<(), ScimError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let is_json = ["application/scim+json", "application/json"]
        .iter()
        .any(|json| json.eq_ignore_ascii_case(media_type));
    let is_utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    if is_json && is_utf8 {
        return Ok(());
    }
    Err(ScimError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        None,
        "The body must be application/scim+json (or application/json) in UTF-8.",
    ))
}

/// A length that is announced too large is refused unread; one that lies, or is not announced, is counted.
async fn collect(headers: &HeaderMap, body: Body) -> Result<Bytes, ScimError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_SIZE_MAX) {
        return Err(too_large());
    }
    match timeout(BODY_TIMEOUT, Limited::new(body, BODY_SIZE_MAX).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_broken_off)) => Err(ScimError::syntax("The body broke off before its end.")),
        Err(_elapsed) => Err(ScimError::new(
            StatusCode::REQUEST_TIMEOUT,
            None,
            "The body did not arrive in time; send the request again.",
        )),
    }
}

fn too_large() -> ScimError {
    ScimError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        None,
        format!(
            "The body is larger than {BODY_SIZE_MAX} bytes. Map fewer or smaller attributes in Entra."
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
        ] {
            assert!(media_type(value), "{value}");
        }
        for value in [
            "text/plain",
            "application/xml",
            "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
            "",
        ] {
            assert!(!media_type(value), "{value}");
        }
        assert!(check_media_type(&HeaderMap::new()).is_ok());
    }
}
