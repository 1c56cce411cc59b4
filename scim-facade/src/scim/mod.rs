//! SCIM as RFC 7643 and RFC 7644 have it: JSON to the contract's messages and back, errors, discovery, queries, projection.

pub(crate) mod attributes;
pub(crate) mod bulk;
pub(crate) mod discovery;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod projection;
pub(crate) mod query;
pub(crate) mod resource;
pub(crate) mod resource_type;
pub(crate) mod search_request;
pub(crate) mod status;
pub(crate) mod strict_json;

/// The schema of a user, RFC 7643 section 4.1.
pub(crate) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of a group, RFC 7643 section 4.2.
pub(crate) const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
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

/// Whether the text is the URN of the own schema of a type of resource.
pub(crate) fn is_core(urn: &str) -> bool {
    [CORE_USER, CORE_GROUP]
        .iter()
        .any(|core| core.eq_ignore_ascii_case(urn))
}

/// The path of an attribute of a core schema without its URN, which adds nothing; any other path as it is. Older jobs of Entra write a
/// dot behind the URN.
pub(crate) fn without_core(path: &str) -> &str {
    [CORE_USER, CORE_GROUP]
        .iter()
        .find_map(|core| strip_prefix_ignore_case(path, core)?.strip_prefix([':', '.']))
        .unwrap_or(path)
}

/// The value under `name` in any case, taken out of the object.
pub(crate) fn take(
    object: &mut serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Option<serde_json::Value> {
    let key = object.keys().find(|key| key.eq_ignore_ascii_case(name))?;
    let key = key.clone();
    object.shift_remove(&key)
}
