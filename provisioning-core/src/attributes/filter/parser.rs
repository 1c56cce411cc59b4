//! Reads the filter grammar of RFC 7644 section 3.4.2.2 and what Entra writes beyond it.
//!
//! Written by hand, by descent: the bounds are counted while reading, every error knows its place and what was expected there, and
//! a literal without quotes can only be understood once its attribute's type is known. A combinator library would hide all three.
//! The recursion is as deep as the brackets, so at most [`DEPTH_MAX`]; chains of `and` and `or` are lists, so a tree is never deep
//! and never costs stack when it is dropped.
//!
//! Beyond the RFC: `emails[…].value eq "x"` and the obsolete `emails[…] eq "x"`; `not(` without a space; literals without quotes.

use super::{
    AttributePath, Comparison, Filter, FilterError, FilterProblem, Lexer, Literal, Operator,
    lexer::Token,
};
use crate::attributes::{
    error::excerpt,
    fold::fold,
    open,
    resolve::{self, NameError, Resolved},
    schema::{Attribute, ResourceSchema, Type},
    time::DateTime,
};

/// Entra sends one or two comparisons; the bound keeps a hostile filter cheap.
pub const FILTER_BYTES_MAX: usize = 4096;
/// How deep brackets may nest. SQLite refuses about 100 nested brackets, and each of ours may need several there.
pub const DEPTH_MAX: usize = 16;
/// How many comparisons there may be. SQLite refuses expressions of 1,000 terms, and each of ours may need several there.
pub const TERMS_MAX: usize = 64;

const OPERATORS: &str = "an operator: eq, ne, co, sw, ew, pr, gt, ge, lt or le";
const ATTRIBUTE: &str = "an attribute name, \"not\" or \"(\"";

pub(super) fn parse(text: &str, schema: &ResourceSchema) -> Result<Filter, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(FilterError {
            position: 1,
            problem: FilterProblem::TooLong,
        });
    }
    let mut lexer = Lexer::new(text);
    let mut parser = Parser::new(&mut lexer, schema);
    let filter = parser.any(None)?;
    parser.expect(
        &Token::End,
        "\"and\", \"or\" or the end (a text with spaces needs quotes)",
    )?;
    Ok(filter)
}

/// What the names within `[ ]` belong to.
#[derive(Clone)]
pub(crate) struct Parent<'s> {
    /// The list.
    pub(crate) path: AttributePath,
    /// Its definition; none in an extension that no schema describes.
    pub(crate) attribute: Option<&'s Attribute>,
    /// Whether it stands in the form of [`open`].
    pub(crate) open: bool,
}

/// What a name within a filter, or that of an order, stands for.
pub(crate) struct Operand<'s> {
    pub(crate) path: AttributePath,
    /// The definition of what is compared: the sub-attribute's if there is one.
    pub(crate) definition: Option<&'s Attribute>,
    /// The definition of the whole attribute.
    pub(crate) parent: Option<&'s Attribute>,
    /// Whether it stands in the form of [`open`].
    pub(crate) open: bool,
}

/// Reads filters from tokens. Also reads what stands within the brackets of a path.
pub(crate) struct Parser<'p, 't, 's> {
    lexer: &'p mut Lexer<'t>,
    schema: &'s ResourceSchema,
    depth: usize,
    terms: usize,
}

impl<'p, 't, 's> Parser<'p, 't, 's> {
    pub(crate) fn new(lexer: &'p mut Lexer<'t>, schema: &'s ResourceSchema) -> Self {
        Self {
            lexer,
            schema,
            depth: 0,
            terms: 0,
        }
    }

    /// `x or y or z`
    fn any(&mut self, parent: Option<&Parent<'s>>) -> Result<Filter, FilterError> {
        let mut filters = vec![self.all(parent)?];
        while self.keyword("or")? {
            filters.push(self.all(parent)?);
        }
        Ok(or(filters))
    }

    /// `x and y and z`
    fn all(&mut self, parent: Option<&Parent<'s>>) -> Result<Filter, FilterError> {
        let mut filters = vec![self.one(parent)?];
        while self.keyword("and")? {
            filters.push(self.one(parent)?);
        }
        Ok(and(filters))
    }

    /// `( x )`, `not ( x )` or a comparison.
    fn one(&mut self, parent: Option<&Parent<'s>>) -> Result<Filter, FilterError> {
        let start = self.lexer.skip_space();
        match self.lexer.next()? {
            Token::Open => self.group(start, parent),
            Token::Word(word) if word.eq_ignore_ascii_case("not") => {
                let start = self.expect(&Token::Open, "\"(\" after \"not\"")?;
                Ok(Filter::Not(Box::new(self.group(start, parent)?)))
            }
            Token::Word(word) => self.attribute(word, start, parent),
            token => Err(self.unexpected(start, ATTRIBUTE, &token)),
        }
    }

    /// What follows `(`.
    fn group(&mut self, start: usize, parent: Option<&Parent<'s>>) -> Result<Filter, FilterError> {
        self.enter(start)?;
        let filter = self.any(parent)?;
        self.expect(&Token::Close, "\"and\", \"or\" or \")\"")?;
        self.depth -= 1;
        Ok(filter)
    }

    /// What follows an attribute's name.
    fn attribute(
        &mut self,
        word: &'t str,
        start: usize,
        parent: Option<&Parent<'s>>,
    ) -> Result<Filter, FilterError> {
        let operand = match parent {
            Some(parent) => parent.operand(word),
            None => Operand::parse(word, self.schema),
        };
        let operand = operand.map_err(|problem| self.lexer.error(start, problem))?;
        let bracket = self.lexer.skip_space();
        if self.lexer.next_if(|token| *token == Token::OpenBracket)? {
            if parent.is_some() || operand.path.sub.is_some() {
                return Err(self.lexer.error(bracket, FilterProblem::NoElements));
            }
            return self.value_path(operand, bracket);
        }
        self.comparison(operand, start)
    }

    /// What follows `emails[`.
    fn value_path(&mut self, operand: Operand<'s>, start: usize) -> Result<Filter, FilterError> {
        let parent = Parent {
            path: operand.path,
            attribute: operand.parent,
            open: operand.open,
        };
        let filter = self.elements(&parent, start)?;
        let at = self.lexer.skip_space();
        let outer = match self.lexer.dotted() {
            Some(sub) => Some(
                parent
                    .operand(sub)
                    .map_err(|problem| self.lexer.error(at, problem))?,
            ),
            None if self.ahead(
                |token| matches!(token, Token::Word(word) if Operator::parse(word).is_some()),
            )? =>
            {
                Some(
                    parent
                        .operand("value")
                        .map_err(|problem| self.lexer.error(at, problem))?,
                )
            }
            None => None,
        };
        let filter = match outer {
            Some(operand) => and(vec![filter, self.comparison(operand, at)?]),
            None => filter,
        };
        Ok(parent.element(filter))
    }

    /// What stands between `[`, already taken, and `]`.
    pub(crate) fn elements(
        &mut self,
        parent: &Parent<'s>,
        start: usize,
    ) -> Result<Filter, FilterError> {
        if parent
            .attribute
            .is_some_and(|attribute| attribute.kind != Type::Complex && !attribute.multi_valued)
        {
            return Err(self.lexer.error(start, FilterProblem::NoElements));
        }
        self.enter(start)?;
        let filter = self.any(Some(parent))?;
        self.expect(&Token::CloseBracket, "\"and\", \"or\" or \"]\"")?;
        self.depth -= 1;
        Ok(filter)
    }

    /// `pr`, or an operator and a literal.
    fn comparison(&mut self, operand: Operand<'s>, start: usize) -> Result<Filter, FilterError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.lexer.error(start, FilterProblem::TooManyTerms));
        }
        let at = self.lexer.skip_space();
        let token = self.lexer.next()?;
        let Token::Word(word) = token else {
            return Err(self.unexpected(at, OPERATORS, &token));
        };
        if [operand.parent, operand.definition]
            .into_iter()
            .flatten()
            .any(Attribute::is_hidden)
        {
            return Err(self.lexer.error(
                start,
                FilterProblem::Unsearchable {
                    attribute: operand.show(),
                },
            ));
        }
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(operand.path));
        }
        let operator =
            Operator::parse(word).ok_or_else(|| self.unexpected(at, OPERATORS, &token))?;
        let mut operand = operand
            .comparable()
            .map_err(|problem| self.lexer.error(start, problem))?;
        let value_at = self.lexer.skip_space();
        let token = self.lexer.next()?;
        let literal = match &token {
            Token::Text(text) => literal(&operand, text, true),
            Token::Word(word) => literal(&operand, word, false),
            Token::Open | Token::Close | Token::OpenBracket | Token::CloseBracket | Token::End => {
                return Err(self.unexpected(value_at, "a value in quotes", &token));
            }
        };
        let literal = literal.map_err(|problem| self.lexer.error(value_at, problem))?;
        check_operator(&operand, operator, &literal)
            .map_err(|problem| self.lexer.error(at, problem))?;
        if let (Some(sub), true) = (&mut operand.path.sub, operand.open) {
            *sub = open::compared_key(sub, operand.definition, &literal);
        }
        Ok(Filter::Compare(Comparison {
            attribute: operand.path,
            operator,
            literal,
        }))
    }

    fn enter(&mut self, start: usize) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            Err(self.lexer.error(start, FilterProblem::TooDeep))
        } else {
            Ok(())
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<bool, FilterError> {
        self.lexer.next_if(
            |token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword)),
        )
    }

    fn ahead(&self, wanted: impl FnOnce(&Token<'t>) -> bool) -> Result<bool, FilterError> {
        self.lexer.clone().next_if(wanted)
    }

    fn expect(&mut self, wanted: &Token<'_>, expected: &'static str) -> Result<usize, FilterError> {
        let start = self.lexer.skip_space();
        let token = self.lexer.next()?;
        if token == *wanted {
            Ok(start)
        } else {
            Err(self.unexpected(start, expected, &token))
        }
    }

    fn unexpected(&self, start: usize, expected: &'static str, found: &Token<'_>) -> FilterError {
        self.lexer.error(
            start,
            FilterProblem::Expected {
                expected,
                found: found.show(),
            },
        )
    }
}

/// One filter for all of them; a chain stays flat.
pub(crate) fn and(filters: Vec<Filter>) -> Filter {
    let mut flat = Vec::with_capacity(filters.len());
    for filter in filters {
        match filter {
            Filter::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 {
        flat.remove(0)
    } else {
        Filter::And(flat)
    }
}

/// One filter for any of them; a chain stays flat.
fn or(filters: Vec<Filter>) -> Filter {
    let mut flat = Vec::with_capacity(filters.len());
    for filter in filters {
        match filter {
            Filter::Or(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 {
        flat.remove(0)
    } else {
        Filter::Or(flat)
    }
}

impl<'s> Parent<'s> {
    /// A name within brackets.
    fn operand(&self, word: &str) -> Result<Operand<'s>, FilterProblem> {
        let (sub, definition) = match self.attribute {
            None if resolve::is_name(word) => (word.to_ascii_lowercase(), None),
            None => return Err(NameError::syntax(word).into()),
            Some(attribute) => match attribute.sub_attribute(word) {
                Some(sub) if self.open => (sub.name.to_ascii_lowercase(), Some(sub)),
                Some(sub) => (sub.name.clone(), Some(sub)),
                None if attribute.sub_attributes.is_empty()
                    && word.eq_ignore_ascii_case("value") =>
                {
                    ("value".to_owned(), Some(attribute))
                }
                None => return Err(NameError::unknown_sub(attribute, word).into()),
            },
        };
        let path = AttributePath {
            sub: Some(sub),
            ..self.path.clone()
        };
        Ok(Operand {
            path,
            definition,
            parent: self.attribute,
            open: self.open,
        })
    }

    /// The value path. An attribute that is no list is one element if it has a value.
    fn element(self, filter: Filter) -> Filter {
        if self.path.many {
            Filter::Element(self.path, Box::new(filter))
        } else {
            and(vec![Filter::Present(self.path), filter])
        }
    }
}

impl<'s> Operand<'s> {
    /// A name outside of brackets.
    pub(crate) fn parse(word: &str, schema: &'s ResourceSchema) -> Result<Self, FilterProblem> {
        match resolve::resolve(word, schema)? {
            Resolved::Known {
                extension,
                attribute,
                sub,
            } => Ok(Self {
                path: AttributePath::of(extension, attribute, sub),
                definition: Some(sub.unwrap_or(attribute)),
                parent: Some(attribute),
                open: extension.is_some_and(|schema| !schema.built_in),
            }),
            Resolved::Dynamic { urn, name, sub } => {
                let path = AttributePath {
                    schema: Some(urn.to_ascii_lowercase()),
                    name: name.to_ascii_lowercase(),
                    sub: sub.map(|sub| sub.to_ascii_lowercase()),
                    many: true,
                };
                Ok(Self {
                    path,
                    definition: None,
                    parent: None,
                    open: true,
                })
            }
            Resolved::Extension { .. } | Resolved::Core => Err(FilterProblem::NeedsAttribute),
        }
    }

    fn show(&self) -> String {
        match &self.path.sub {
            Some(sub) => format!("{}.{sub}", self.path.name),
            None => self.path.name.clone(),
        }
    }

    /// The operand as something with a value of its own: `emails` stands for `emails.value`, `manager` for `manager.value`.
    pub(crate) fn comparable(mut self) -> Result<Self, FilterProblem> {
        if self.path.sub.is_some() {
            return Ok(self);
        }
        if let Some(attribute) = self
            .definition
            .filter(|attribute| attribute.kind == Type::Complex)
        {
            let Some(value) = attribute.sub_attribute("value") else {
                let example = attribute
                    .sub_attributes
                    .first()
                    .map(|sub| sub.name.clone())
                    .unwrap_or_default();
                return Err(FilterProblem::NeedsSubAttribute {
                    attribute: attribute.name.clone(),
                    example,
                });
            };
            self.definition = Some(value);
            self.path.sub = Some(if self.open {
                value.name.to_ascii_lowercase()
            } else {
                value.name.clone()
            });
        } else if self.path.many {
            self.path.sub = Some("value".to_owned());
        }
        Ok(self)
    }
}

/// Reads a literal in the form of its attribute's type.
fn literal(operand: &Operand<'_>, text: &str, quoted: bool) -> Result<Literal, FilterProblem> {
    if text.is_empty() || (!quoted && text.eq_ignore_ascii_case("null")) {
        return Ok(Literal::Null);
    }
    let Some(definition) = operand.definition else {
        return Ok(dynamic_literal(text, quoted));
    };
    let wrong = |expected| FilterProblem::WrongType {
        attribute: operand.show(),
        expected,
        found: excerpt(text),
    };
    match definition.kind {
        Type::Boolean => boolean(text)
            .map(Literal::Boolean)
            .ok_or_else(|| wrong("true or false")),
        Type::Integer => text
            .parse::<i64>()
            .map(|number| Literal::Number(number.into()))
            .map_err(|_| wrong("a whole number")),
        Type::Decimal => number(text)
            .map(Literal::Number)
            .ok_or_else(|| wrong("a number")),
        Type::DateTime => DateTime::parse(text)
            .map(Literal::Time)
            .ok_or_else(|| wrong("a time such as \"2026-01-31T23:59:59Z\"")),
        Type::String | Type::Binary | Type::Reference | Type::Complex => Ok(Literal::Text {
            given: text.to_owned(),
            compared: if definition.folds() {
                fold(text)
            } else {
                text.to_owned()
            },
        }),
    }
}

/// Without a definition the literal's own form decides.
fn dynamic_literal(text: &str, quoted: bool) -> Literal {
    let plain = if quoted {
        None
    } else {
        boolean(text)
            .map(Literal::Boolean)
            .or_else(|| number(text).map(Literal::Number))
    };
    plain.unwrap_or_else(|| Literal::Text {
        given: text.to_owned(),
        compared: fold(text),
    })
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number(text: &str) -> Option<serde_json::Number> {
    serde_json::from_str(text).ok()
}

fn check_operator(
    operand: &Operand<'_>,
    operator: Operator,
    literal: &Literal,
) -> Result<(), FilterProblem> {
    let wrong = |instead| {
        Err(FilterProblem::WrongOperator {
            operator: operator.as_str(),
            attribute: operand.show(),
            instead,
        })
    };
    match literal {
        Literal::Null if operator.orders() || operator.searches() => {
            wrong("pr, eq or ne when there is no value to compare with")
        }
        Literal::Boolean(_) if operator.orders() || operator.searches() => wrong("eq or ne"),
        Literal::Number(_) | Literal::Time(_) if operator.searches() => {
            wrong("eq, ne, gt, ge, lt or le")
        }
        Literal::Text { .. }
            if operator.orders()
                && operand
                    .definition
                    .is_some_and(|definition| definition.kind == Type::Binary) =>
        {
            wrong("eq or ne")
        }
        Literal::Null
        | Literal::Boolean(_)
        | Literal::Number(_)
        | Literal::Text { .. }
        | Literal::Time(_) => Ok(()),
    }
}
