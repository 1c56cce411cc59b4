//! The only place for filters: a tree that is already checked against the schema, with literals in the form they are compared in.
//!
//! What a filter means (RFC 7644 section 3.4.2.2, made exact where it leaves room; storage's SQL means the same):
//! * A comparison with a list holds if any element satisfies it. `ne` is the opposite of `eq`: true if no element is equal, so also
//!   when there is no value at all.
//! * No value is the same as null and as an empty text: `a eq null`, `a eq ""` and `not (a pr)` are one thing.
//! * Any other comparison with no value is false; with a value of another type as well.
//! * A value path `emails[…]` holds if one element satisfies all of it; `emails[…].value eq "x"` is `emails[… and value eq "x"]`.
//! * Texts are compared byte by byte, after folding unless the attribute is `caseExact`.

mod evaluate;
mod lexer;
mod location;
mod parser;
mod print;

pub use self::{
    evaluate::{evaluate, matches_element},
    parser::{DEPTH_MAX, FILTER_BYTES_MAX, TERMS_MAX},
};
pub(super) use self::{
    lexer::{Lexer, Token},
    parser::{Operand, Parent, Parser},
};

use serde_json::Number;

use super::{
    error::ScimType,
    resolve::NameError,
    schema::{Attribute, ResourceSchema, Schema},
    time::DateTime,
};

/// A filter that fits its schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them, at least two.
    And(Vec<Filter>),
    /// Any of them, at least two.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// The attribute has a value.
    Present(AttributePath),
    /// A comparison.
    Compare(Comparison),
    /// One element of the list satisfies the filter, whose attributes are all sub-attributes of the list.
    Element(AttributePath, Box<Filter>),
}

/// Where the values of an attribute stand in a search document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttributePath {
    /// The extension's key: its canonical URN, in lower case for an extension that is not built in.
    pub schema: Option<String>,
    /// The attribute's key.
    pub name: String,
    /// The sub-attribute's key. Set for a comparison with a list: `value` where none is written.
    pub sub: Option<String>,
    /// Whether the attribute is a list of objects.
    pub many: bool,
}

impl AttributePath {
    /// Where a defined attribute stands. One of an extension that is not built in stands in the form of [`open`](super::open).
    pub(crate) fn of(
        extension: Option<&Schema>,
        attribute: &Attribute,
        sub: Option<&Attribute>,
    ) -> Self {
        match extension {
            Some(extension) if !extension.built_in => Self {
                schema: Some(extension.id.to_ascii_lowercase()),
                name: attribute.name.to_ascii_lowercase(),
                sub: sub.map(|sub| sub.name.to_ascii_lowercase()),
                many: true,
            },
            extension => Self {
                schema: extension.map(|schema| schema.id.clone()),
                name: attribute.name.clone(),
                sub: sub.map(|sub| sub.name.clone()),
                many: attribute.multi_valued,
            },
        }
    }
}

/// An attribute compared with a literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub attribute: AttributePath,
    /// How.
    pub operator: Operator,
    /// With what.
    pub literal: Literal,
}

/// How an attribute is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Eq,
        Self::Ne,
        Self::Co,
        Self::Sw,
        Self::Ew,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
    ];

    /// The keyword of RFC 7644.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| word.eq_ignore_ascii_case(operator.as_str()))
    }

    /// Whether it asks for order.
    pub const fn orders(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }

    /// Whether it looks into a text.
    pub const fn searches(self) -> bool {
        matches!(self, Self::Co | Self::Sw | Self::Ew)
    }
}

/// A literal in the form of its attribute's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text {
        /// As written.
        given: String,
        /// As compared: folded unless the attribute is `caseExact`.
        compared: String,
    },
    /// A point in time; compared in its canonical form.
    Time(DateTime),
}

/// Why a filter cannot be read. The text is shown to a customer's admin in Entra's portal: it says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter, character {position}: {problem}")]
pub struct FilterError {
    /// The character, counted from 1, at which it goes wrong.
    pub position: usize,
    /// What is wrong there.
    pub problem: FilterProblem,
}

impl FilterError {
    /// SCIM's keyword for it.
    pub const fn scim_type(&self) -> ScimType {
        ScimType::InvalidFilter
    }
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterProblem {
    /// Over the bound on length.
    #[error("the filter is longer than {FILTER_BYTES_MAX} bytes; ask for less at once")]
    TooLong,
    /// Over the bound on nesting.
    #[error("brackets are nested more than {DEPTH_MAX} deep; write the filter flatter")]
    TooDeep,
    /// Over the bound on terms.
    #[error("there are more than {TERMS_MAX} comparisons; ask for less at once")]
    TooManyTerms,
    /// Something else stands where this should.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What should stand there.
        expected: &'static str,
        /// What stands there, quoted and shortened.
        found: String,
    },
    /// A quoted text does not end or has a wrong escape.
    #[error(
        "the text in quotes is not valid: it needs a closing quote, and a backslash only before \" \\ / b f n r t or uXXXX"
    )]
    Text,
    /// A name that the schema does not know.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A complex attribute has no value of its own.
    #[error("{attribute} has parts; name one of them, such as {attribute}.{example}")]
    NeedsSubAttribute {
        /// The attribute.
        attribute: String,
        /// One of its parts.
        example: String,
    },
    /// A whole extension cannot be compared.
    #[error("a schema cannot be compared; name one of its attributes after a colon")]
    NeedsAttribute,
    /// Brackets behind an attribute that has no parts, or within brackets.
    #[error("[ ] can only follow an attribute with parts, and not stand within other [ ]")]
    NoElements,
    /// The literal is not of the attribute's type.
    #[error("{attribute} is compared with {expected}, not with {found}")]
    WrongType {
        /// The attribute.
        attribute: String,
        /// What fits.
        expected: &'static str,
        /// What was given, quoted and shortened.
        found: String,
    },
    /// The operator does not apply to the attribute's type.
    #[error("{operator} cannot be used with {attribute}; use {instead}")]
    WrongOperator {
        /// The operator.
        operator: &'static str,
        /// The attribute.
        attribute: String,
        /// What can be used.
        instead: &'static str,
    },
    /// The attribute is never shown, so nobody may ask for it.
    #[error("{attribute} cannot be filtered by")]
    Unsearchable {
        /// The attribute.
        attribute: String,
    },
}

/// Reads a filter and checks it against the schema. Bounds hold while reading, so the cost is linear in at most
/// [`FILTER_BYTES_MAX`] bytes and no input can exhaust the stack.
pub fn parse(text: &str, schema: &ResourceSchema) -> Result<Filter, FilterError> {
    parser::parse(text, schema)
}

#[cfg(test)]
mod tests;
