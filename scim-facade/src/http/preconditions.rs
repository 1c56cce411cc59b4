//! `If-Match` and `If-None-Match` (RFC 7644 section 3.14, RFC 9110 section 13).

use axum::http::{HeaderMap, HeaderName, header};

use crate::scim::error::ScimError;

/// The entity tag that a mutation needs the account to have; empty when any will do. An account that is not there fails by itself,
/// so `If-Match: *` asks for nothing more.
pub(crate) fn required_etag(headers: &HeaderMap) -> Result<String, ScimError> {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return Err(ScimError::value(
            "If-None-Match is understood on GET only. Use If-Match here.",
        ));
    }
    let mut tags = tags(headers, &header::IF_MATCH);
    match (tags.next(), tags.next()) {
        (None, _) | (Some("*"), None) => Ok(String::new()),
        (Some(tag), None) => Ok(strong(tag).to_owned()),
        (Some(_), Some(_)) => Err(ScimError::value("If-Match takes one entity tag here.")),
    }
}

/// Whether the client has this very version already.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    tags(headers, &header::IF_NONE_MATCH).any(|tag| tag == "*" || strong(tag) == etag)
}

/// Our tags hold no comma.
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().unwrap_or_default());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

/// Our tags are strong; a proxy that compresses answers marks them weak.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_mutation_may_need_one_tag() {
        let required =
            |value| required_etag(&headers(header::IF_MATCH, value)).map_err(|error| error.detail);
        assert_eq!(required("*").unwrap(), "");
        assert_eq!(required("\"a\"").unwrap(), "\"a\"");
        assert_eq!(required("W/\"a\"").unwrap(), "\"a\"");
        assert!(required("\"a\", \"b\"").is_err());
        assert_eq!(required_etag(&HeaderMap::new()).unwrap(), "");
        assert!(required_etag(&headers(header::IF_NONE_MATCH, "*")).is_err());
    }

    #[test]
    fn a_read_may_be_spared() {
        let known = |value| is_known(&headers(header::IF_NONE_MATCH, value), "\"a\"");
        assert!(known("\"a\"") && known("\"b\", W/\"a\"") && known("*"));
        assert!(!known("\"b\"") && !is_known(&HeaderMap::new(), "\"a\""));
    }
}
