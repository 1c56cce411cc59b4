//! The only place for PATCH paths, RFC 7644 section 3.5.2: `attrPath / valuePath [subAttr]`, and a schema's URN alone.

use super::{
    error::ScimType,
    filter::{AttributePath, Filter, FilterError, FilterProblem, Lexer, Parent, Parser, Token},
    resolve::{self, NameError, Resolved},
    schema::{Attribute, ResourceSchema, Schema},
};

/// Entra's longest paths are URNs of about 100 bytes. The grammar itself bounds the parts: URN, attribute, filter, sub-attribute.
pub const PATH_BYTES_MAX: usize = 512;

/// What a PATCH operation points at.
#[derive(Clone, Debug, PartialEq)]
pub enum Path<'s> {
    /// A defined attribute.
    Attribute {
        /// The extension that defines it; none for the resource type's own schema.
        extension: Option<&'s Schema>,
        /// The definition.
        attribute: &'s Attribute,
        /// Which elements of a list.
        filter: Option<Filter>,
        /// Which part.
        sub: Option<&'s Attribute>,
    },
    /// An attribute of an extension that no schema describes. The names are as written.
    Dynamic {
        /// The URN.
        urn: String,
        /// The attribute.
        name: String,
        /// Which elements of a list.
        filter: Option<Filter>,
        /// Which part.
        sub: Option<String>,
    },
    /// A whole extension.
    Extension {
        /// The URN: canonical if it is known, else as written.
        urn: String,
        /// Its schema, if it is known.
        schema: Option<&'s Schema>,
    },
    /// The resource itself.
    Core,
}

/// Why a path cannot be used. The text is shown to a customer's admin in Entra's portal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Over the bound on length.
    #[error("the path is longer than {PATH_BYTES_MAX} bytes; check the attribute mapping")]
    TooLong,
    /// The name of the attribute.
    #[error("path: {0}; check the attribute mapping")]
    Name(#[from] NameError),
    /// The filter, or what stands around it.
    #[error("path: {0}; check the attribute mapping")]
    Filter(#[from] FilterError),
}

impl PathError {
    /// SCIM's keyword for it.
    pub const fn scim_type(&self) -> ScimType {
        ScimType::InvalidPath
    }

    /// Whether the path is well formed and merely names what the schema does not know.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::TooLong => false,
            Self::Name(name) => name.is_unknown(),
            Self::Filter(error) => {
                matches!(&error.problem, FilterProblem::Name(name) if name.is_unknown())
            }
        }
    }
}

/// Reads a path and checks it against the schema.
pub fn parse<'s>(text: &str, schema: &'s ResourceSchema) -> Result<Path<'s>, PathError> {
    if text.len() > PATH_BYTES_MAX {
        return Err(PathError::TooLong);
    }
    let mut lexer = Lexer::new(text);
    let token = lexer.next()?;
    let Token::Word(word) = token else {
        let problem = FilterProblem::Expected {
            expected: "an attribute name",
            found: token.show(),
        };
        return Err(lexer.error(0, problem).into());
    };
    let resolved = resolve::resolve(word, schema)?;
    let start = lexer.skip_space();
    if !lexer.next_if(|token| *token == Token::OpenBracket)? {
        expect_end(&mut lexer)?;
        return Ok(match resolved {
            Resolved::Known {
                extension,
                attribute,
                sub,
            } => Path::Attribute {
                extension,
                attribute,
                filter: None,
                sub,
            },
            Resolved::Dynamic { urn, name, sub } => Path::Dynamic {
                urn,
                name,
                filter: None,
                sub,
            },
            Resolved::Extension { urn, schema } => Path::Extension { urn, schema },
            Resolved::Core => Path::Core,
        });
    }
    let parent = parent(&resolved).ok_or_else(|| lexer.error(start, FilterProblem::NoElements))?;
    let filter = Some(Parser::new(&mut lexer, schema).elements(&parent, start)?);
    let sub = lexer.dotted();
    expect_end(&mut lexer)?;
    match resolved {
        Resolved::Known {
            extension,
            attribute,
            ..
        } => {
            let sub = match sub {
                Some(name) => attribute
                    .sub_attribute(name)
                    .map(Some)
                    .ok_or_else(|| NameError::unknown_sub(attribute, name))?,
                None => None,
            };
            Ok(Path::Attribute {
                extension,
                attribute,
                filter,
                sub,
            })
        }
        Resolved::Dynamic { urn, name, .. } => match sub.filter(|sub| !resolve::is_name(sub)) {
            Some(sub) => Err(NameError::syntax(sub).into()),
            None => Ok(Path::Dynamic {
                urn,
                name,
                filter,
                sub: sub.map(str::to_owned),
            }),
        },
        Resolved::Extension { .. } | Resolved::Core => {
            Err(lexer.error(start, FilterProblem::NoElements).into())
        }
    }
}

/// The list whose elements are meant, if it is one.
fn parent<'s>(resolved: &Resolved<'s>) -> Option<Parent<'s>> {
    let (path, attribute, open) = match resolved {
        Resolved::Known {
            extension,
            attribute,
            sub: None,
        } if attribute.multi_valued => (
            AttributePath::of(*extension, attribute, None),
            Some(*attribute),
            extension.is_some_and(|schema| !schema.built_in),
        ),
        Resolved::Dynamic {
            urn,
            name,
            sub: None,
        } => (
            AttributePath {
                schema: Some(urn.to_ascii_lowercase()),
                name: name.to_ascii_lowercase(),
                sub: None,
                many: true,
            },
            None,
            true,
        ),
        Resolved::Known { .. }
        | Resolved::Dynamic { .. }
        | Resolved::Extension { .. }
        | Resolved::Core => return None,
    };
    Some(Parent {
        path,
        attribute,
        open,
    })
}

fn expect_end(lexer: &mut Lexer<'_>) -> Result<(), FilterError> {
    let start = lexer.skip_space();
    match lexer.next()? {
        Token::End => Ok(()),
        token => Err(lexer.error(
            start,
            FilterProblem::Expected {
                expected: "the end of the path",
                found: token.show(),
            },
        )),
    }
}
