//! The only place for SCIM's error keywords and for quoting a client's input in a message.

use std::fmt::Write as _;

/// `scimType` of an error that the attribute language can raise, RFC 7644 section 3.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// A filter does not follow the grammar or does not fit the schema.
    InvalidFilter,
    /// A PATCH path does not follow the grammar or does not fit the schema.
    InvalidPath,
    /// A PATCH path selects nothing.
    NoTarget,
    /// The attribute may not be written.
    Mutability,
    /// A value is missing or does not fit its attribute.
    InvalidValue,
    /// The structure of the request is wrong.
    InvalidSyntax,
    /// More was asked for in one request than is served.
    TooMany,
}

impl ScimType {
    /// The keyword on the wire. Never change a written value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::Mutability => "mutability",
            Self::InvalidValue => "invalidValue",
            Self::InvalidSyntax => "invalidSyntax",
            Self::TooMany => "tooMany",
        }
    }
}

/// How much of a client's text a message may repeat.
const EXCERPT_CHARS_MAX: usize = 60;

/// A bounded, printable and quoted copy of a client's text: safe for logs and for Entra's portal, which shows our messages.
pub fn excerpt(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (count, character) in text.chars().enumerate() {
        if count == EXCERPT_CHARS_MAX {
            quoted.push('…');
            break;
        }
        if super::fold::is_invisible(character) {
            // Writing to a String cannot fail.
            let _ = write!(quoted, "\\u{{{:x}}}", u32::from(character));
        } else {
            quoted.push(character);
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_and_printable() {
        assert_eq!(excerpt("a\r\n\u{202e}b"), "\"a\\u{d}\\u{a}\\u{202e}b\"");
        assert_eq!(
            excerpt(&"x".repeat(10_000)).chars().count(),
            EXCERPT_CHARS_MAX + 3
        );
    }
}
