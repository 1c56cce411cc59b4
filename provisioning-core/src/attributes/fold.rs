//! The only place for case folding, and for which text may name a login account.
//!
//! No database folds case here: engines and their locales disagree on İ, on the Kelvin sign and on É. Whatever is compared
//! without regard to case is folded by [`fold`] once, kept as a key and compared as bytes. The rules follow the PRECIS profile
//! `UsernameCaseMapped` (RFC 8265) in spirit: NFC, width mapping, lower case.

use unicode_normalization::{UnicodeNormalization, char::decompose_compatible};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The longest value of an attribute that an index serves. PostgreSQL's B-tree refuses keys over about 2,700 bytes, and folding may make a text
/// three times as long.
pub const NAME_BYTES_MAX: usize = 800;

/// The key under which texts that differ only in case, composition or character width are the same.
///
/// `fold(fold(x)) == fold(x)` holds for every text: a fold that moves again is how two accounts become one.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // One round is enough for almost every text; a lower-case letter that composes with its neighbour needs a second one.
    let mut folded = fold_once(text);
    loop {
        let again = fold_once(&folded);
        if again == folded {
            return folded;
        }
        folded = again;
    }
}

/// Lower case is taken letter by letter: the rule for a final sigma would make a key depend on what follows it.
fn fold_once(text: &str) -> String {
    let mut wide = String::with_capacity(text.len());
    for character in text.nfc() {
        if is_width_variant(character) {
            decompose_compatible(character, |part| wide.push(part));
        } else {
            wide.push(character);
        }
    }
    wide.chars().flat_map(char::to_lowercase).nfc().collect()
}

/// The ideographic space and the block of fullwidth and halfwidth forms.
fn is_width_variant(character: char) -> bool {
    matches!(character, '\u{3000}' | '\u{ff00}'..='\u{ffef}')
}

/// Why a text cannot name a login account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("is longer than {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// White space at an end cannot be seen and is lost in copies.
    #[error("begins or ends with white space")]
    EdgeSpace,
    /// A control, bidirectional, invisible, private or unassigned character.
    #[error("holds the character U+{0:04X}, which is invisible or not assigned")]
    Character(u32),
}

/// Whether a text may name a login account. Any other form is accepted: guests (`#EXT#`), apostrophes, names of deleted objects.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(TextError::TooLong);
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(TextError::EdgeSpace);
    }
    match text.chars().find(|character| is_invisible(*character)) {
        Some(character) => Err(TextError::Character(u32::from(character))),
        None => Ok(()),
    }
}

/// Controls, format characters (all bidirectional ones among them), line separators, private use and unassigned code points.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_twice_is_folding_once_for_every_character() {
        let mut count = 0;
        for character in '\0'..=char::MAX {
            let once = fold(character.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&once), once, "{character:?}");
            count += 1;
        }
        assert_eq!(count, 1_112_064, "all scalar values");
    }

    #[test]
    fn what_differs_in_case_composition_or_width_is_the_same() {
        for (one, other) in [
            ("Alice@Contoso.COM", "alice@contoso.com"),
            ("É", "e\u{301}"),
            ("\u{212a}elvin", "kelvin"),
            ("ａｌｉｃｅ", "ALICE"),
            ("ｶﾞ", "ガ"),
            ("İ", "i\u{307}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_only_looks_alike_stays_apart() {
        for (one, other) in [
            ("а", "a"),
            ("ı", "i"),
            ("ß", "ss"),
            ("i̇", "i"),
            ("ﬁ", "fi"),
            ("O'Brien", "OBrien"),
        ] {
            assert_ne!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn names_of_every_honest_form_are_accepted() {
        for name in [
            "alias_fabrikam.com#EXT#@contoso.onmicrosoft.com",
            "o'brien@contoso.com",
            "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com",
            "upd-1a2b3c4d",
            "Zoë Müller",
            "山田",
            "a",
        ] {
            assert_eq!(check_text(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_hide_something_are_refused() {
        assert_eq!(check_text(""), Err(TextError::Empty));
        assert_eq!(check_text(" a"), Err(TextError::EdgeSpace));
        assert_eq!(check_text("a\u{3000}"), Err(TextError::EdgeSpace));
        assert_eq!(check_text(&"é".repeat(513)), Err(TextError::TooLong));
        for hidden in [
            '\0', '\u{7f}', '\u{85}', '\u{ad}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{2028}',
            '\u{e000}', '\u{378}',
        ] {
            assert_eq!(
                check_text(&format!("a{hidden}b")),
                Err(TextError::Character(u32::from(hidden)))
            );
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once_for_every_text(text in "\\PC{0,12}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_and_composition_do_not_matter(text in "[a-zà-ÿА-я@.]{0,12}") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text.to_uppercase().to_lowercase()));
            prop_assert_eq!(fold(&text.nfd().collect::<String>()), fold(&text));
        }
    }
}
