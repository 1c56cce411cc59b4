//! Where a schema's URN ends and an attribute begins: Entra writes both into one key or path.

use crate::scim::{ENTERPRISE_USER, is_core, is_urn, strip_prefix_ignore_case};

/// Whether the text is the URN of a schema, with no attribute behind it. Known schemas are; else it is one when what follows the
/// version is one word, as in `urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User`. The dot in `2.0` separates nothing
/// (scim-patch#152, scimmy#77, wso2#6015).
pub(super) fn is_schema(text: &str) -> bool {
    if is_core(text) || ENTERPRISE_USER.eq_ignore_ascii_case(text) {
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

/// The schema and the attribute behind it, with its sub-attribute if there is one; `None` when the text does not say where the schema ends,
/// or ends there itself. Older jobs of Entra write a dot behind the enterprise URN.
pub(super) fn split(urn: &str) -> Option<(&str, &str)> {
    if let Some(rest) = strip_prefix_ignore_case(urn, ENTERPRISE_USER) {
        return Some((ENTERPRISE_USER, rest.strip_prefix([':', '.'])?));
    }
    let (version, _) = version_at(urn)?;
    let (colon, _) = urn.match_indices(':').nth(version + 1)?;
    Some((&urn[..colon], &urn[colon + 1..]))
}

/// The path of `attribute` of `schema`.
pub(super) fn join(schema: &str, attribute: &str) -> String {
    if is_core(schema) {
        attribute.to_owned()
    } else {
        format!("{schema}:{attribute}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{CORE_GROUP, CORE_USER, without_core};

    #[test]
    fn an_attribute_follows_its_schema() {
        for (urn, expected) in [
            (
                "urn:x:2.0:User:attr.sub",
                Some(("urn:x:2.0:User", "attr.sub")),
            ),
            ("urn:x:2.0:User:a:b", Some(("urn:x:2.0:User", "a:b"))),
            ("urn:x:2.0:User", None),
            ("urn:x:attr", None),
            (ENTERPRISE_USER, None),
        ] {
            assert_eq!(split(urn), expected, "{urn}");
        }
        let manager = format!("{}.manager", ENTERPRISE_USER.to_uppercase());
        assert_eq!(split(&manager), Some((ENTERPRISE_USER, "manager")));
    }

    #[test]
    fn a_schema_ends_after_the_word_behind_its_version() {
        for schema in [
            CORE_USER,
            CORE_GROUP,
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
    fn a_core_urn_is_no_prefix() {
        assert_eq!(
            without_core("URN:ietf:params:scim:schemas:core:2.0:user:active"),
            "active"
        );
        assert_eq!(without_core(&format!("{CORE_USER}.active")), "active");
        assert_eq!(without_core(&format!("{CORE_GROUP}:members")), "members");
        assert_eq!(
            without_core("urn:x:2.0:User:active"),
            "urn:x:2.0:User:active"
        );
    }
}
