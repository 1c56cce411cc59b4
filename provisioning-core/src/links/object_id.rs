//! How an Object ID is read and compared.

use uuid::Uuid;

use crate::error::{Reason, Refusal};

/// What an Object ID is compared by: a GUID in its canonical spelling, any other text as it is.
pub fn object_id_key(object_id: &str) -> String {
    parse_guid(object_id).map_or_else(|| object_id.to_owned(), |guid| guid.to_string())
}

/// A GUID in any of its usual spellings: with or without braces and hyphens, in any case, with white space around it from copying.
pub(crate) fn parse_guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

/// The GUID, when it can be that of a user: nil and all ones stand for nobody, whoever sends them.
pub(crate) fn parse_linkable(text: &str) -> Option<Uuid> {
    parse_guid(text).filter(|guid| !guid.is_nil() && !guid.is_max())
}

pub(super) fn parse_object_id(text: &str) -> Result<Uuid, Refusal> {
    parse_linkable(text).ok_or_else(|| {
        let what = match parse_guid(text) {
            Some(guid) => format!("The Object ID {guid} is a placeholder and no user's."),
            None => "The Object ID is not a GUID such as 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef."
                .to_owned(),
        };
        Refusal::new(
            Reason::InvalidValue,
            format!("{what} Copy the Object ID of the user in the Microsoft Entra admin centre."),
        )
        .field("object_id")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_in_every_usual_spelling() {
        let guid = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
        for spelling in [
            guid.to_owned(),
            guid.to_uppercase(),
            format!("{{{guid}}}"),
            format!(" {guid}\n"),
            guid.replace('-', ""),
        ] {
            assert_eq!(
                parse_object_id(&spelling)
                    .expect("it is a GUID")
                    .to_string(),
                guid,
                "{spelling}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_hint_where_to_find_it() {
        for text in [
            "",
            "alice@contoso.com",
            "0a21f0f2",
            "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4eg",
            "1",
        ] {
            let refusal = parse_object_id(text).expect_err("it is no GUID");
            assert_eq!(refusal.reason, Reason::InvalidValue);
            assert!(refusal.detail.contains("Microsoft Entra admin centre"));
        }
    }

    #[test]
    fn a_guid_that_is_nobodys_is_refused_as_what_it_is() {
        for (text, shown) in [
            (
                "{00000000-0000-0000-0000-000000000000}",
                "00000000-0000-0000-0000-000000000000",
            ),
            (
                "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ),
        ] {
            let refusal = parse_object_id(text).expect_err("it is nobody's");
            assert_eq!(refusal.reason, Reason::InvalidValue);
            assert!(
                refusal
                    .detail
                    .starts_with(&format!("The Object ID {shown} is a placeholder")),
                "{refusal}"
            );
        }
    }
}
