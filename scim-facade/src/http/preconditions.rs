//! `If-Match` and `If-None-Match` (RFC 7644 section 3.14, RFC 9110 section 13), and the `version` of a bulk operation, which is the
//! former.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::scim::error::ScimError;

/// What a client says of the version it knows.
#[derive(Debug, Default)]
pub(crate) struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The value of one of the two.
#[derive(Debug)]
enum Tags {
    /// `*`: any version.
    Any,
    List(Vec<String>),
}

/// What a mutation has to do about them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Required {
    /// Nothing: a resource that is not there fails by itself, so that `If-Match: *` asks for nothing more.
    Nothing,
    /// Demand this version of the core.
    Version(String),
    /// Check the current version, and demand that one of the core.
    Current,
}

impl Preconditions {
    /// Reads the headers. What cannot be read is refused: a write that was to be conditional is never done without.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Self, ScimError> {
        Ok(Self {
            if_match: of_header(headers, &header::IF_MATCH)?,
            if_none_match: of_header(headers, &header::IF_NONE_MATCH)?,
        })
    }

    /// Reads a `version` of RFC 7644 section 3.7.
    pub(crate) fn of_version(version: Option<&str>) -> Result<Self, ScimError> {
        let read = |version| Tags::parse(version).ok_or_else(|| unreadable("version"));
        Ok(Self {
            if_match: version.map(read).transpose()?,
            if_none_match: None,
        })
    }

    pub(crate) fn required(&self) -> Required {
        match (&self.if_match, &self.if_none_match) {
            (None | Some(Tags::Any), None) => Required::Nothing,
            (Some(Tags::List(tags)), None) => match tags.as_slice() {
                [tag] => Required::Version(tag.clone()),
                _ => Required::Current,
            },
            (_, Some(_)) => Required::Current,
        }
    }

    /// Whether a mutation may go on with the current version.
    pub(crate) fn check_write(&self, current: &str) -> Result<(), ScimError> {
        self.check_match(current)?;
        if self
            .if_none_match
            .as_ref()
            .is_some_and(|tags| tags.have(current))
        {
            return Err(failed(
                "The resource has a version that was not to be there.",
            ));
        }
        Ok(())
    }

    /// Whether a client that reads has the current version already.
    pub(crate) fn is_known(&self, current: &str) -> Result<bool, ScimError> {
        self.check_match(current)?;
        Ok(self
            .if_none_match
            .as_ref()
            .is_some_and(|tags| tags.have(current)))
    }

    fn check_match(&self, current: &str) -> Result<(), ScimError> {
        if self
            .if_match
            .as_ref()
            .is_some_and(|tags| !tags.have(current))
        {
            return Err(failed("The resource has changed since that version."));
        }
        Ok(())
    }
}

impl Tags {
    /// `*` or a list of entity tags; `None` when it is neither.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::Any);
        }
        let (mut tags, mut rest) = (Vec::new(), text);
        loop {
            let (tag, behind) = tag(rest)?;
            tags.push(tag.to_owned());
            let behind = behind.trim_start();
            if behind.is_empty() {
                return Some(Self::List(tags));
            }
            rest = behind.strip_prefix(',')?.trim_start();
        }
    }

    fn have(&self, current: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|tag| tag == current),
        }
    }
}

/// The entity tag at the beginning, and what follows it. Our tags are strong; RFC 7644 writes weak ones into `If-Match`, and a proxy
/// that compresses answers marks ours weak, so that the mark counts for nothing.
fn tag(text: &str) -> Option<(&str, &str)> {
    let tag = text.strip_prefix("W/").unwrap_or(text);
    let end = tag.strip_prefix('"')?.find('"')? + 2;
    let (tag, rest) = tag.split_at(end);
    let is_readable = tag.chars().all(|c| !c.is_whitespace() && !c.is_control());
    is_readable.then_some((tag, rest))
}

/// Several headers are one list (RFC 9110 section 5.3).
fn of_header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ScimError> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        values.push(value.to_str().map_err(|_| unreadable(name.as_str()))?);
    }
    if values.is_empty() {
        return Ok(None);
    }
    let tags = Tags::parse(&values.join(","));
    tags.map(Some).ok_or_else(|| unreadable(name.as_str()))
}

fn unreadable(name: &str) -> ScimError {
    ScimError::value(format!(
        "{name} must be * or entity tags as meta.version shows them, with their quotes."
    ))
}

fn failed(detail: &str) -> ScimError {
    ScimError::new(StatusCode::PRECONDITION_FAILED, None, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &[(HeaderName, &'static str)]) -> Result<Preconditions, ScimError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        Preconditions::of_headers(&headers)
    }

    fn if_match(value: &'static str) -> Preconditions {
        read(&[(header::IF_MATCH, value)]).unwrap()
    }

    fn if_none_match(value: &'static str) -> Preconditions {
        read(&[(header::IF_NONE_MATCH, value)]).unwrap()
    }

    #[test]
    fn one_tag_is_the_cores_to_check() {
        let version = |tag: &str| Required::Version(tag.to_owned());
        assert_eq!(read(&[]).unwrap().required(), Required::Nothing);
        assert_eq!(if_match("*").required(), Required::Nothing);
        for same in ["\"a\"", " \"a\" ", "W/\"a\""] {
            assert_eq!(if_match(same).required(), version("\"a\""), "{same}");
        }
        assert_eq!(if_match("\"a,b\"").required(), version("\"a,b\""));
        let of_bulk = Preconditions::of_version(Some("W/\"a\"")).unwrap();
        assert_eq!(of_bulk.required(), version("\"a\""));
        let none = Preconditions::of_version(None).unwrap();
        assert_eq!(none.required(), Required::Nothing);
    }

    #[test]
    fn more_needs_the_current_version() {
        let lists = [
            read(&[(header::IF_MATCH, "\"a\" , W/\"b\"")]).unwrap(),
            read(&[(header::IF_MATCH, "\"a\""), (header::IF_MATCH, "\"b\"")]).unwrap(),
        ];
        for list in lists {
            assert_eq!(list.required(), Required::Current);
            assert!(list.check_write("\"b\"").is_ok());
            assert_eq!(list.check_write("\"c\"").unwrap_err().status, 412);
        }
        for (tags, may_write) in [("*", false), ("\"a\"", false), ("\"b\",\"c\"", true)] {
            let none = if_none_match(tags);
            assert_eq!(none.required(), Required::Current);
            assert_eq!(none.check_write("\"a\"").is_ok(), may_write, "{tags}");
        }
        let both = [
            (header::IF_MATCH, "\"a\""),
            (header::IF_NONE_MATCH, "\"a\""),
        ];
        assert!(read(&both).unwrap().check_write("\"a\"").is_err());
    }

    #[test]
    fn a_read_may_be_spared_or_refused() {
        for known in ["\"a\"", "\"b\", W/\"a\"", "*"] {
            assert!(if_none_match(known).is_known("\"a\"").unwrap(), "{known}");
        }
        assert!(!if_none_match("\"b\"").is_known("\"a\"").unwrap());
        assert!(!read(&[]).unwrap().is_known("\"a\"").unwrap());
        assert!(!if_match("\"a\"").is_known("\"a\"").unwrap());
        assert_eq!(if_match("\"b\"").is_known("\"a\"").unwrap_err().status, 412);
    }

    #[test]
    fn what_cannot_be_read_is_never_no_condition() {
        for value in [
            "",
            " ",
            ",",
            "a",
            "\"a",
            "a\"",
            "\"a\",",
            ",\"a\"",
            "\"a\" \"b\"",
            "*,\"a\"",
            "w/\"a\"",
            "W/a",
            "\"a b\"",
        ] {
            for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
                assert!(read(&[(name, value)]).is_err(), "{value:?}");
            }
            assert!(Preconditions::of_version(Some(value)).is_err(), "{value:?}");
        }
        assert!(read(&[(header::IF_MATCH, "\"a\""), (header::IF_MATCH, "")]).is_err());
        let latin1 = HeaderMap::from_iter([(
            header::IF_MATCH,
            HeaderValue::from_bytes(b"\"\xe9\"").unwrap(),
        )]);
        assert!(Preconditions::of_headers(&latin1).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a\"W/*, é]{0,12}") {
            let _ = Tags::parse(&text);
        }
    }
}
