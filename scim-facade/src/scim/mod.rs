//! SCIM as RFC 7643 and RFC 7644 have it: JSON to the contract's messages and back, errors, discovery, projection.

pub(crate) mod account;
pub(crate) mod attributes;
pub(crate) mod discovery;
pub(crate) mod error;
pub(crate) mod patch;
pub(crate) mod projection;
pub(crate) mod resource;
pub(crate) mod status;
pub(crate) mod strict_json;

/// The schema of a user, RFC 7643 section 4.1.
pub(crate) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The enterprise extension, RFC 7643 section 4.3.
pub(crate) const ENTERPRISE_USER: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The envelope of a list, RFC 7644 section 3.4.2.
pub(crate) const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// What follows `prefix` in `text`, compared without regard to case: schema URNs and attribute names have none.
pub(crate) fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// Whether the name of an attribute is a URN.
pub(crate) fn is_urn(name: &str) -> bool {
    strip_prefix_ignore_case(name, "urn:").is_some()
}
