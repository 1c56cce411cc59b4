//! `bulkId:` references in the paths of a PATCH, such as `members[value eq "bulkId:qwerty"]`: the literals of a path, found as the grammar of
//! RFC 7644 section 3.4.2.2 has them.

use std::{borrow::Cow, ops::Range};

use serde_json::Value;

use super::references::reference;

/// The bulkIds that a path refers to.
pub(super) fn references(path: &str) -> Vec<Cow<'_, str>> {
    literals(path)
        .into_iter()
        .filter_map(|(_, text)| bulk_id(text))
        .collect()
}

/// Puts the id of what was made in place of each reference.
pub(super) fn substitute<E>(
    path: &mut String,
    id_of: &impl Fn(&str) -> Result<String, E>,
) -> Result<(), E> {
    let mut resolved = String::with_capacity(path.len());
    let mut copied = 0;
    for (place, text) in literals(path) {
        if let Some(bulk_id) = bulk_id(text) {
            resolved.push_str(&path[copied..place.start]);
            resolved.push_str(&Value::from(id_of(&bulk_id)?).to_string());
            copied = place.end;
        }
    }
    resolved.push_str(&path[copied..]);
    *path = resolved;
    Ok(())
}

fn bulk_id(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match text {
        Cow::Borrowed(text) => reference(text).map(Cow::Borrowed),
        Cow::Owned(text) => reference(&text).map(|bulk_id| bulk_id.to_owned().into()),
    }
}

/// The words of a path's filter and where they stand: texts in quotes, which are JSON, and bare words, of which the core takes those for texts that
/// are neither names nor operators. What cannot be read is the core's to refuse.
fn literals(path: &str) -> Vec<(Range<usize>, Cow<'_, str>)> {
    let mut found = Vec::new();
    let Some(mut at) = path.find('[') else {
        return found;
    };
    while at < path.len() {
        let rest = &path[at..];
        let length = if rest.starts_with('"') {
            let Some(length) = quoted(rest) else { break };
            if let Ok(text) = serde_json::from_str(&rest[..length]) {
                found.push((at..at + length, Cow::Owned(text)));
            }
            length
        } else {
            let ends = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | '"');
            let length = rest.find(ends).unwrap_or(rest.len());
            if length > 0 {
                found.push((at..at + length, Cow::Borrowed(&rest[..length])));
            }
            length.max(rest.chars().next().map_or(1, char::len_utf8))
        };
        at += length;
    }
    found
}

/// The length of the text in quotes that begins here, with them.
fn quoted(rest: &str) -> Option<usize> {
    let mut escaped = false;
    let closing = rest.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    closing.map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn substituted(path: &str) -> String {
        let mut path = path.to_owned();
        substitute(&mut path, &|bulk_id| Ok::<_, ()>(format!("id-{bulk_id}"))).unwrap();
        path
    }

    #[test]
    fn a_literal_of_the_filter_is_a_reference() {
        for (path, bulk_ids, expected) in [
            (
                r#"members[value eq "bulkId:a"]"#,
                vec!["a"],
                r#"members[value eq "id-a"]"#,
            ),
            (
                r#"members[value eq "bulkId:a" or (value eq "bulkId:b c")].display"#,
                vec!["a", "b c"],
                r#"members[value eq "id-a" or (value eq "id-b c")].display"#,
            ),
            (
                "members[value eq bulkId:a]",
                vec!["a"],
                r#"members[value eq "id-a"]"#,
            ),
            (
                r#"m[v eq "bulkId:\"é\u0061"]"#,
                vec!["\"éa"],
                r#"m[v eq "id-\"éa"]"#,
            ),
        ] {
            assert_eq!(references(path), bulk_ids, "{path}");
            assert_eq!(substituted(path), expected);
        }
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for path in [
            "bulkId:a",
            "members",
            r#"members[value eq "x bulkId:a"]"#,
            r#"members[value eq "\"bulkId:a\""]"#,
            r#"members[value eq "bulkId:"]"#,
            r#"members[value eq "bulkId:a]"#,
            r#"members[display eq "\\" and value eq "é"]"#,
        ] {
            assert_eq!(references(path), Vec::<&str>::new(), "{path}");
            assert_eq!(substituted(path), path);
        }
    }

    #[test]
    fn the_first_that_has_none_is_the_error() {
        let mut path = r#"members[value eq "bulkId:a"]"#.to_owned();
        let unknown = |bulk_id: &str| Err(bulk_id.to_owned());
        assert_eq!(substitute(&mut path, &unknown), Err("a".to_owned()));
    }

    proptest! {
        #[test]
        fn any_path_is_read(path in "[a-z]{0,3}\\[?([a-z\\[\\]()\\\\\" é]|bulkId:a){0,20}") {
            let found = references(&path).len();
            let path = substituted(&path);
            prop_assert_eq!(path.matches("id-").count(), found);
            prop_assert!(references(&path).is_empty());
        }
    }
}
