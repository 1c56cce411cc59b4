//! Cuts a filter or a path into tokens.

use super::{FilterError, FilterProblem};
use crate::attributes::error::excerpt;

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    /// A name, a keyword or a literal without quotes.
    Word(&'t str),
    /// A literal in quotes, unescaped.
    Text(String),
    End,
}

impl Token<'_> {
    /// How a message shows it.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Open => "\"(\"".to_owned(),
            Self::Close => "\")\"".to_owned(),
            Self::OpenBracket => "\"[\"".to_owned(),
            Self::CloseBracket => "\"]\"".to_owned(),
            Self::Word(word) => excerpt(word),
            Self::Text(text) => format!("the text {}", excerpt(text)),
            Self::End => "the end".to_owned(),
        }
    }
}

/// A position in the text.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    /// The byte at which the next token starts, white space passed over.
    pub(crate) fn skip_space(&mut self) -> usize {
        let rest = &self.text[self.offset..];
        self.offset += rest.len() - rest.trim_start().len();
        self.offset
    }

    /// Takes the next token.
    pub(crate) fn next(&mut self) -> Result<Token<'t>, FilterError> {
        let start = self.skip_space();
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        let single = match first {
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenBracket,
            ']' => Token::CloseBracket,
            '"' => return self.text_literal(start),
            _ => {
                let end = rest
                    .find(|character: char| {
                        character.is_whitespace()
                            || matches!(character, '(' | ')' | '[' | ']' | '"')
                    })
                    .unwrap_or(rest.len());
                self.offset += end;
                return Ok(Token::Word(&rest[..end]));
            }
        };
        self.offset += 1;
        Ok(single)
    }

    /// Takes the next token if `wanted` says so.
    pub(crate) fn next_if(
        &mut self,
        wanted: impl FnOnce(&Token<'t>) -> bool,
    ) -> Result<bool, FilterError> {
        let mut ahead = self.clone();
        let found = wanted(&ahead.next()?);
        if found {
            *self = ahead;
        }
        Ok(found)
    }

    /// Takes `.name` if it follows without a space, as it does behind `]`.
    pub(crate) fn dotted(&mut self) -> Option<&'t str> {
        let rest = self.text[self.offset..].strip_prefix('.')?;
        let end = rest
            .find(|character: char| {
                character.is_whitespace() || matches!(character, '(' | ')' | '[' | ']' | '"')
            })
            .unwrap_or(rest.len());
        self.offset += 1 + end;
        Some(&rest[..end])
    }

    /// The error for a problem at a byte of the text.
    pub(crate) fn error(&self, offset: usize, problem: FilterProblem) -> FilterError {
        let position = 1 + self
            .text
            .get(..offset)
            .map_or(0, |before| before.chars().count());
        FilterError { position, problem }
    }

    /// A JSON string, RFC 8259 section 7: surrogate pairs are joined, lone surrogates refused, and so is NUL, which no attribute
    /// may hold and not every database accepts.
    fn text_literal(&mut self, start: usize) -> Result<Token<'t>, FilterError> {
        let body = &self.text.as_bytes()[start + 1..];
        let mut length = 0;
        while let Some(byte) = body.get(length) {
            match byte {
                b'"' => {
                    let end = start + length + 2;
                    let text: Option<String> = serde_json::from_str(&self.text[start..end]).ok();
                    self.offset = end;
                    return match text {
                        Some(text) if !text.contains('\0') => Ok(Token::Text(text)),
                        _ => break,
                    };
                }
                b'\\' => length += 2,
                _ => length += 1,
            }
        }
        Err(self.error(start, FilterProblem::Text))
    }
}
