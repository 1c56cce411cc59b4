//! Writes a filter in the grammar that [`parse`](super::parse) reads: reading it again gives the same tree.

use std::fmt::{Display, Formatter, Result};

use super::{AttributePath, Comparison, Filter, Literal};
use crate::attributes::open;

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write(self, false, f)
    }
}

/// Within brackets only the sub-attribute is written.
fn write(filter: &Filter, within: bool, f: &mut Formatter<'_>) -> Result {
    match filter {
        Filter::And(filters) => join(filters, " and ", within, f),
        Filter::Or(filters) => join(filters, " or ", within, f),
        Filter::Not(filter) => {
            f.write_str("not (")?;
            write(filter, within, f)?;
            f.write_str(")")
        }
        Filter::Present(path) => {
            name(path, within, f)?;
            f.write_str(" pr")
        }
        Filter::Compare(Comparison {
            attribute,
            operator,
            literal,
        }) => {
            name(attribute, within, f)?;
            write!(f, " {} {literal}", operator.as_str())
        }
        Filter::Element(path, filter) => {
            write!(f, "{path}[")?;
            write(filter, true, f)?;
            f.write_str("]")
        }
    }
}

fn join(filters: &[Filter], word: &str, within: bool, f: &mut Formatter<'_>) -> Result {
    for (index, filter) in filters.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        let group = matches!(filter, Filter::And(_) | Filter::Or(_));
        f.write_str(if group { "(" } else { "" })?;
        write(filter, within, f)?;
        f.write_str(if group { ")" } else { "" })?;
    }
    Ok(())
}

fn name(path: &AttributePath, within: bool, f: &mut Formatter<'_>) -> Result {
    match &path.sub {
        Some(sub) if within => f.write_str(open::name(sub)),
        _ => write!(f, "{path}"),
    }
}

impl Display for AttributePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(urn) = &self.schema {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{}", open::name(sub)),
            None => Ok(()),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text { given, .. } => write!(f, "{}", serde_json::Value::String(given.clone())),
            Self::Time(time) => write!(f, "\"{time}\""),
        }
    }
}
