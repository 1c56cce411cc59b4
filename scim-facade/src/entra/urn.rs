//! Where a schema's URN ends and an attribute begins: Entra writes both into one key or path.

use crate::scim::{CORE_USER, ENTERPRISE_USER, is_urn, strip_prefix_ignore_case};

/// Whether the text is the URN of a schema, with no attribute behind it. Known schemas are; else it is one when what follows the
/// version is one word, as in `urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User`. The dot in `2.0` separates nothing
/// (scim-patch#152, scimmy#77, wso2#6015).
pub(super) fn is_schema(text: &str) -> bool {
    if [CORE_USER, ENTERPRISE_USER]
        .iter()
        .any(|schema| schema.eq_ignore_ascii_case(text))
    {
        return true;
    }
    is_urn(text) && version_at(text).is_some_and(|(version, words)| version + 2 == words)
}

/// Whether the text is a URN that tells by its version where the schema ends.
pub(super) fn has_version(text: &str) -> bool {
    is_urn(text) && version_at(text).is_some()
}

/// The position of the first version among the words between colons, and how many words there are.
fn version_at(urn: &str) -> Option<(usize, usize)> {
    let is_version =
        |word: &str| word.contains('.') && word.split('.').all(|part| part.parse::<u16>().is_ok());
    Some((urn.split(':').position(is_version)?, urn.split(':').count()))
}

/// The path of an attribute of the core's schema without its URN, which adds nothing; any other path as it is. Older jobs write a dot
/// behind the URN.
pub(super) fn without_core(path: &str) -> &str {
    strip_prefix_ignore_case(path, CORE_USER)
        .and_then(|rest| rest.strip_prefix([':', '.']))
        .unwrap_or(path)
}

/// The path of `attribute` of `schema`.
pub(super) fn join(schema: &str, attribute: &str) -> String {
    if schema.eq_ignore_ascii_case(CORE_USER) {
        attribute.to_owned()
    } else {
        format!("{schema}:{attribute}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_ends_after_the_word_behind_its_version() {
        for schema in [
            CORE_USER,
            ENTERPRISE_USER,
            "urn:x:2.0:User",
            "URN:IETF:params:scim:schemas:extension:Custom:1.10:User",
        ] {
            assert!(is_schema(schema), "{schema}");
        }
        for other in [
            "urn:x:2.0:User:attr",
            "urn:x:2.0:User:attr.sub",
            "urn:x:2.0",
            "urn:x",
            "name.givenName",
            "a:2.0:User",
        ] {
            assert!(!is_schema(other), "{other}");
        }
    }

    #[test]
    fn the_cores_urn_is_no_prefix() {
        assert_eq!(
            without_core("URN:ietf:params:scim:schemas:core:2.0:user:active"),
            "active"
        );
        assert_eq!(without_core(&format!("{CORE_USER}.active")), "active");
        assert_eq!(
            without_core("urn:x:2.0:User:active"),
            "urn:x:2.0:User:active"
        );
    }
}
