//! What a benchmark prints: a table for people, or JSON for a script.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::{Map, Value};

/// One benchmark's result: a line for each thing measured.
#[derive(Serialize)]
pub struct Report {
    /// What was measured, and how.
    pub title: String,
    /// One object a line; all have the same keys.
    pub rows: Vec<Map<String, Value>>,
    /// What the reader has to know.
    pub notes: Vec<String>,
}

impl Report {
    /// Without rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a line of cells, named by their columns.
    pub fn row<const N: usize>(&mut self, cells: [(&str, Value); N]) {
        self.rows.push(
            cells
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        );
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Prints it on standard output.
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
        } else {
            println!("\n{}\n{}", self.title, self.table());
            self.notes.iter().for_each(|note| println!("{note}"));
        }
        Ok(())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        if let Some(first) = self.rows.first() {
            table.set_header(first.keys());
        }
        for row in &self.rows {
            table.add_row(row.values().map(text));
        }
        for (column, value) in table
            .column_iter_mut()
            .zip(self.rows.iter().flat_map(Map::values))
        {
            if !value.is_string() {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

/// A number with the digits that mean something: none behind the point from 100 on.
pub fn number(value: f64) -> Value {
    let scale = if value.abs() < 10.0 {
        100.0
    } else if value.abs() < 100.0 {
        10.0
    } else {
        1.0
    };
    let rounded = (value * scale).round() / scale;
    serde_json::Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

/// The same where there may be none.
pub fn number_or_null(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number)
}

/// Microseconds as milliseconds.
pub fn millis(micros: u64) -> Value {
    number(crate::measure::count_f64(micros) / 1e3)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .filter(|number| number.abs() >= 100.0)
            .map_or_else(
                || number.to_string(),
                |number| thousands(&format!("{number:.0}")),
            ),
        other => other.to_string(),
    }
}

/// `12345` as `12,345`.
fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_digits_that_mean_something() {
        let shown = [0.8049, 12.345, 678.9, 1_234_567.8].map(|value| text(&number(value)));
        assert_eq!(shown, ["0.8", "12.3", "679", "1,234,568"]);
        assert_eq!(text(&number(f64::NAN)), "-");
        assert_eq!(text(&millis(1500)), "1.5");
    }
}
