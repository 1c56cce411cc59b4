//! The header `Prefer` (RFC 7240 section 2).

use axum::http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Whether a preference is stated, with whatever value and parameters. Several headers are one list.
pub(crate) fn asks_for(headers: &HeaderMap, preference: &str) -> bool {
    let mut values = headers.get_all(PREFER).iter();
    values.any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut stated = preferences(&text);
        stated.any(|name| name.eq_ignore_ascii_case(preference))
    })
}

/// The names of the preferences in a header: what stands before `=`, `;` or a blank.
fn preferences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (preference, behind) = rest.split_at(end_of_first(rest));
        rest = behind.strip_prefix(',').unwrap_or_default();
        let name = preference
            .trim()
            .split(|c: char| c == '=' || c == ';' || c.is_whitespace());
        Some(name.into_iter().next().unwrap_or_default())
    })
}

/// Where the first preference ends: at a comma that is not quoted.
fn end_of_first(text: &str) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, value.parse().unwrap());
        }
        asks_for(&headers, "dry-run")
    }

    #[test]
    fn a_preference_is_found_among_others() {
        for values in [
            &["dry-run"][..],
            &["DRY-Run"],
            &["return=minimal, dry-run"],
            &["respond-async,dry-run; why=\"to see\" , wait=100"],
            &["dry-run=\"\""],
            &["dry-run = yes"],
            &["return=minimal", " dry-run "],
            &["foo=\"a, b\\\"\", dry-run"],
            &[",, dry-run"],
        ] {
            assert!(asks(values), "{values:?}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_another() {
        for values in [
            &[][..],
            &[""],
            &["return=dry-run"],
            &["dry-running"],
            &["a-dry-run, return=minimal"],
            &["foo; dry-run"],
            &["foo=\"bar, dry-run\""],
            &["foo=\"\\\", dry-run\""],
        ] {
            assert!(!asks(values), "{values:?}");
        }
    }
}
