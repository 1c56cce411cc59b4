//! The only place that turns an attribute's written name into its definition: case, URN prefixes, short names.
//!
//! The rules, in order:
//! 1. A name that begins with a known schema URN belongs to it; the longest known URN wins, so the dot in `2.0` is no path dot.
//!    After the URN comes `:`, or `.` as old Entra jobs write it. The resource type's own URN is the same as no prefix.
//! 2. An unknown URN that ends in `:User` or `:Group` is a whole extension; `…:User:name` is an attribute of it; else the last
//!    colon divides the URN and the attribute. Nothing is known about such attributes, so nothing is refused.
//! 3. A bare name is looked up in the resource type's schema, then in `id`, `schemas` and `meta`, then in the built-in extensions if
//!    exactly one has it: Entra asks for `manager` without its URN. What a tenant defines never changes what a bare name means.

use super::{
    error::excerpt,
    schema::{Attribute, ResourceSchema, Schema},
};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved<'s> {
    /// A defined attribute; `extension` is none for the resource type's own schema.
    Known {
        /// The extension that defines it.
        extension: Option<&'s Schema>,
        /// The definition.
        attribute: &'s Attribute,
        /// The definition of the sub-attribute, if the name has one.
        sub: Option<&'s Attribute>,
    },
    /// An attribute of an extension that no schema describes. The names are as written.
    Dynamic {
        /// The URN.
        urn: String,
        /// The attribute.
        name: String,
        /// The sub-attribute, if the name has one.
        sub: Option<String>,
    },
    /// A whole extension.
    Extension {
        /// The URN: canonical if it is known, else as written.
        urn: String,
        /// Its schema, if it is known.
        schema: Option<&'s Schema>,
    },
    /// The resource type's own URN and nothing after it.
    Core,
}

/// Why a name stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not an attribute name.
    #[error(
        "{0} is not an attribute name: names are letters, digits, '-', '_' and '$', with at most one '.' before a sub-attribute"
    )]
    Syntax(String),
    /// The schema does not have it.
    #[error("there is no attribute {name} in {schema}")]
    UnknownAttribute {
        /// As written, shortened.
        name: String,
        /// The schema's URN.
        schema: String,
    },
    /// The attribute does not have it.
    #[error("attribute {attribute} has no sub-attribute {sub}")]
    UnknownSubAttribute {
        /// The canonical name.
        attribute: String,
        /// As written, shortened.
        sub: String,
    },
}

impl NameError {
    pub(super) fn syntax(name: &str) -> Self {
        Self::Syntax(excerpt(name))
    }

    pub(super) fn unknown_sub(attribute: &Attribute, name: &str) -> Self {
        if is_name(name) {
            Self::UnknownSubAttribute {
                attribute: attribute.name.clone(),
                sub: excerpt(name),
            }
        } else {
            Self::syntax(name)
        }
    }

    /// Whether the name is well formed and merely not known.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Syntax(_) => false,
            Self::UnknownAttribute { .. } | Self::UnknownSubAttribute { .. } => true,
        }
    }
}

/// Finds what `text` stands for in resources of this type.
pub fn resolve<'s>(text: &str, schema: &'s ResourceSchema) -> Result<Resolved<'s>, NameError> {
    let known = schema
        .extensions
        .iter()
        .chain([&schema.core])
        .filter_map(|schema| Some((schema, after_urn(text, &schema.id)?)))
        // An unknown URN may begin with one that a tenant defined; no attribute has a colon.
        .filter(|(schema, rest)| schema.built_in || !rest.contains(':'));
    if let Some((found, rest)) = known.max_by_key(|(schema, _)| schema.id.len()) {
        let extension = (found.id != schema.core.id).then_some(found.as_ref());
        return match (rest, extension) {
            ("", None) => Ok(Resolved::Core),
            ("", Some(found)) => Ok(Resolved::Extension {
                urn: found.id.clone(),
                schema: Some(found),
            }),
            (rest, None) => core(rest, schema, false),
            (rest, Some(found)) => {
                let (name, sub) = split_sub_attribute(rest)?;
                let attribute = found.attribute(name).ok_or_else(|| unknown(name, found))?;
                Ok(Resolved::Known {
                    extension,
                    attribute,
                    sub: sub_attribute(attribute, sub, found.built_in)?,
                })
            }
        };
    }
    if is_urn(text) {
        unknown_urn(text)
    } else {
        core(text, schema, true)
    }
}

/// Whether a name begins as a URN does.
pub fn is_urn(text: &str) -> bool {
    text.get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("urn:"))
}

/// Whether an unknown URN names by its form a whole extension or an attribute of one, rather than by a guess.
pub fn is_marked(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["user", "group"].iter().any(|kind| {
        lower.contains(&format!(":{kind}:"))
            || lower.contains(&format!(":{kind}."))
            || lower.ends_with(&format!(":{kind}"))
    })
}

/// What follows a schema's URN and its separator; empty for the URN alone.
fn after_urn<'t>(text: &'t str, urn: &str) -> Option<&'t str> {
    let (prefix, rest) = text.split_at_checked(urn.len())?;
    if !prefix.eq_ignore_ascii_case(urn) {
        return None;
    }
    if rest.is_empty() {
        Some("")
    } else {
        rest.strip_prefix([':', '.'])
            .filter(|rest| !rest.is_empty())
    }
}

fn core<'s>(
    text: &str,
    schema: &'s ResourceSchema,
    short_names: bool,
) -> Result<Resolved<'s>, NameError> {
    let (name, sub) = split_sub_attribute(text)?;
    if let Some(attribute) = schema.attribute(name) {
        return Ok(Resolved::Known {
            extension: None,
            attribute,
            sub: sub_attribute(attribute, sub, true)?,
        });
    }
    let mut found = schema
        .extensions
        .iter()
        .filter(|schema| schema.built_in)
        .filter_map(|schema| Some((schema, schema.attribute(name)?)));
    match (found.next(), found.next()) {
        (Some((extension, attribute)), None) if short_names => Ok(Resolved::Known {
            extension: Some(extension),
            attribute,
            sub: sub_attribute(attribute, sub, true)?,
        }),
        _ => Err(unknown(name, &schema.core)),
    }
}

fn unknown_urn<'s>(text: &str) -> Result<Resolved<'s>, NameError> {
    let syntax = || NameError::syntax(text);
    // Quotes and backslashes have a meaning in JSON paths; no URN has them.
    if !text.chars().all(|character| {
        character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '[' | ']')
    }) {
        return Err(syntax());
    }
    let lower = text.to_ascii_lowercase();
    for kind in [":user", ":group"] {
        if lower.ends_with(kind) {
            return Ok(Resolved::Extension {
                urn: text.to_owned(),
                schema: None,
            });
        }
        for separator in [':', '.'] {
            if let Some(start) = lower.rfind(&format!("{kind}{separator}")) {
                let end = start + kind.len();
                return dynamic(&text[..end], &text[end + 1..]);
            }
        }
    }
    let (urn, rest) = text.rsplit_once(':').ok_or_else(syntax)?;
    if urn.len() <= "urn:".len() {
        Err(syntax())
    } else {
        dynamic(urn, rest)
    }
}

fn dynamic<'s>(urn: &str, rest: &str) -> Result<Resolved<'s>, NameError> {
    let (name, sub) = split_sub_attribute(rest)?;
    Ok(Resolved::Dynamic {
        urn: urn.to_owned(),
        name: name.to_owned(),
        sub: sub.map(str::to_owned),
    })
}

fn sub_attribute<'s>(
    attribute: &'s Attribute,
    sub: Option<&str>,
    built_in: bool,
) -> Result<Option<&'s Attribute>, NameError> {
    let Some(name) = sub else { return Ok(None) };
    match attribute.sub_attribute(name) {
        Some(sub) => Ok(Some(sub)),
        // A list of plain values is a list of objects with a `value`, RFC 7643 section 2.4. In an extension that is not built in, filters see
        // every attribute as such a list.
        None if (attribute.multi_valued || !built_in)
            && attribute.sub_attributes.is_empty()
            && name.eq_ignore_ascii_case("value") =>
        {
            Ok(None)
        }
        None => Err(NameError::unknown_sub(attribute, name)),
    }
}

fn split_sub_attribute(text: &str) -> Result<(&str, Option<&str>), NameError> {
    let (name, sub) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    if is_name(name) && sub.is_none_or(is_name) {
        Ok((name, sub))
    } else {
        Err(NameError::syntax(text))
    }
}

/// ATTRNAME of RFC 7643 section 2.1, with `$ref`.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$')
        && text.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '$')
        })
}

fn unknown(name: &str, schema: &Schema) -> NameError {
    NameError::UnknownAttribute {
        name: excerpt(name),
        schema: schema.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::schema::ENTERPRISE_URN;

    fn show(text: &str) -> String {
        match resolve(text, ResourceSchema::user()) {
            Ok(Resolved::Known {
                extension,
                attribute,
                sub,
            }) => {
                let extension = if extension.is_some_and(|schema| schema.id == ENTERPRISE_URN) {
                    "E "
                } else {
                    ""
                };
                format!(
                    "{extension}{}{}",
                    attribute.name,
                    sub.map(|sub| format!(" {}", sub.name)).unwrap_or_default()
                )
            }
            Ok(Resolved::Dynamic { urn, name, sub }) => {
                format!("? {urn} {name} {}", sub.unwrap_or_default())
                    .trim_end()
                    .to_owned()
            }
            Ok(Resolved::Extension { urn, schema }) => format!(
                "{} {urn}",
                if schema.is_some() { "whole" } else { "whole?" }
            ),
            Ok(Resolved::Core) => "core".to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn names_are_found_as_entra_and_the_rfc_write_them() {
        for (text, found) in [
            ("userName", "userName"),
            ("USERNAME", "userName"),
            ("Name.FamilyName", "name familyName"),
            ("meta.Created", "meta created"),
            ("id", "id"),
            (
                "emails.$ref",
                "error: attribute emails has no sub-attribute \"$ref\"",
            ),
            ("manager", "E manager"),
            ("manager.value", "E manager value"),
            ("department", "E department"),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:userName",
                "userName",
            ),
            (
                "URN:IETF:params:scim:schemas:core:2.0:user:USERNAME",
                "userName",
            ),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
                "name givenName",
            ),
            ("urn:ietf:params:scim:schemas:core:2.0:User", "core"),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
                "E manager",
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
                "E manager displayName",
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
                "E manager",
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user",
                "whole urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            ),
            (
                "urn:ietf:params:scim:schemas:extension:Custom:2.0:User:department_ids",
                "? urn:ietf:params:scim:schemas:extension:Custom:2.0:User department_ids",
            ),
            ("urn:x:Custom:2.0:User:a.b", "? urn:x:Custom:2.0:User a b"),
            ("urn:x:Custom:2.0:User.a", "? urn:x:Custom:2.0:User a"),
            ("urn:x:Custom:2.0:User", "whole? urn:x:Custom:2.0:User"),
            ("urn:example:ext:tag", "? urn:example:ext tag"),
        ] {
            assert_eq!(show(text), found, "{text}");
        }
    }

    #[test]
    fn names_that_stand_for_nothing_are_named_in_the_error() {
        for text in [
            "shoeSize",
            "name.shoe",
            "urn:ietf:params:scim:schemas:core:2.0:User:role",
            "urn:ietf:params:scim:schemas:core:2.0:User:department",
        ] {
            assert!(
                resolve(text, ResourceSchema::user()).is_err_and(|error| error.is_unknown()),
                "{text}"
            );
        }
        for text in [
            "",
            ".",
            "a.",
            "a.b.c",
            "1a",
            "urn:",
            "urn:x",
            "urn:x:",
            "urn:a:2.0",
            "urn:x\":y",
            "urn:x\\:y",
            "é",
            "name.",
            "name..givenName",
        ] {
            assert!(
                resolve(text, ResourceSchema::user()).is_err_and(|error| !error.is_unknown()),
                "{text}"
            );
        }
    }
}
