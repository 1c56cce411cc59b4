//! Standard output: what scripts and people read. Logs go to standard error.

use std::io::{self, Write as _};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use provisioning_core::clock::Timestamp;

/// Columns of a table in a file or a pipe.
const WIDTH_WITHOUT_TERMINAL: u16 = 120;
/// Blanks between two columns of a table.
const GAP: u16 = 2;

/// Writes a line.
pub fn line(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// A column of a table.
#[derive(Clone, Copy)]
pub enum Column {
    /// Short values, never broken: times, words, numbers.
    Fixed(&'static str),
    /// Texts, broken where they do not fit; left out when all are empty.
    Text(&'static str),
}

/// A table as wide as the terminal, or as a file is comfortable to read.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let terminal = Table::new().width();
    layout(columns, rows, terminal.unwrap_or(WIDTH_WITHOUT_TERMINAL))
}

/// Without lines: what is printed is for people, and for `grep`.
fn layout(columns: &[Column], rows: &[Vec<String>], width: u16) -> String {
    let is_shown: Vec<bool> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| match column {
            Column::Fixed(_) => true,
            Column::Text(_) => rows.iter().any(|row| !row[index].is_empty()),
        })
        .collect();
    let shown = |row: Vec<String>| -> Vec<String> {
        let cells = row.into_iter().zip(&is_shown);
        cells
            .filter(|(_, is_shown)| **is_shown)
            .map(|(cell, _)| cell)
            .collect()
    };
    let header = columns.iter().map(|column| match column {
        Column::Fixed(name) | Column::Text(name) => name.to_uppercase(),
    });
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(shown(header.collect()));
    for row in rows {
        table.add_row(shown(row.clone()));
    }
    let shown_columns = columns
        .iter()
        .zip(&is_shown)
        .filter(|(_, is_shown)| **is_shown);
    for (column, (kind, _)) in table.column_iter_mut().zip(shown_columns) {
        column.set_padding((0, GAP));
        if let Column::Fixed(_) = kind {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}

/// The text as one word of a shell's command line.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Text from outside, made harmless for a terminal.
pub fn shown(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_bidi_control(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Characters that make a terminal show other text than there is.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time of the contract; empty when there is none.
pub fn time(at: Option<&prost_types::Timestamp>) -> String {
    at.map(|at| {
        Timestamp::from_micros(at.seconds * 1_000_000 + i64::from(at.nanos / 1_000)).to_string()
    })
    .unwrap_or_default()
}

/// The same for a table, where microseconds only take room.
pub fn short_time(at: Option<&prost_types::Timestamp>) -> String {
    at.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok())
        .map(|at| format!("{at:.3}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::Fixed("time"),
        Column::Fixed("outcome"),
        Column::Text("user name"),
        Column::Text("detail"),
    ];

    fn row(user_name: &str, detail: &str) -> Vec<String> {
        ["2026-01-31T12:00:00.123Z", "success", user_name, detail]
            .map(str::to_owned)
            .into()
    }

    #[test]
    fn an_entry_is_a_line_and_what_is_empty_is_left_out() {
        let rows = [row("alice@contoso.com", ""), row("b@contoso.com", "")];
        assert_eq!(
            layout(&COLUMNS, &rows, 80),
            "TIME                      OUTCOME  USER NAME\n\
             2026-01-31T12:00:00.123Z  success  alice@contoso.com\n\
             2026-01-31T12:00:00.123Z  success  b@contoso.com"
        );
    }

    #[test]
    fn only_texts_are_broken_in_a_narrow_terminal() {
        let detail = "the value of this attribute is taken by another account ".repeat(3);
        let rows = [row(
            "a.rather.long.name.of.a.user@contoso.onmicrosoft.com",
            &detail,
        )];
        let shown = layout(&COLUMNS, &rows, 80);
        assert!(
            shown.contains("\n2026-01-31T12:00:00.123Z  success  "),
            "{shown}"
        );
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
        assert!(shown.lines().count() > 2, "{shown}");
    }

    #[test]
    fn times_in_tables_have_milliseconds() {
        let at = prost_types::Timestamp {
            seconds: 0,
            nanos: 123_456_000,
        };
        assert_eq!(short_time(Some(&at)), "1970-01-01T00:00:00.123Z");
        assert_eq!(time(Some(&at)), "1970-01-01T00:00:00.123456Z");
        assert_eq!(short_time(None), "");
    }

    #[test]
    fn a_shell_reads_one_word() {
        for text in ["", "/opt/a", "with blank", "it's", "$(x)`y`\"\\", "a\nb"] {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(text))])
                .output()
                .expect("there is a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
        assert_eq!(quoted("/opt/a-b_1"), "/opt/a-b_1");
    }

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        assert_eq!(
            shown("a\u{1b}[2Jb\n\u{202e}c\u{e9}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{e9}"
        );
    }
}
