//! Standard output: what scripts and people read. Logs go to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use provisioning_core::clock::Timestamp;

/// Columns of a table in a file: what a wide screen shows.
const WIDTH_WITHOUT_TERMINAL: u16 = 160;

/// Writes a line.
pub fn line(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// A table with these columns.
pub fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    if !io::stdout().is_terminal() {
        table.set_width(WIDTH_WITHOUT_TERMINAL);
    }
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns);
    table
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        assert_eq!(
            shown("a\u{1b}[2Jb\n\u{202e}c\u{e9}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{e9}"
        );
    }
}
