//! The only place that reads what a listing is sorted by (RFC 7644 section 3.4.2.3), checked against the schema.
//!
//! What an order means; storage's SQL means the same, and a test compares it with a plain model:
//! * Texts are ordered byte by byte, after folding unless the attribute is `caseExact`, by their first [`TEXT_CHARS_MAX`] characters;
//!   times in time; false before true.
//! * Of a list the element counts that is marked as primary, else the first one; `emails` is `emails.value`, and `manager` is
//!   `manager.value`.
//! * The members of a group and the groups of an account have no order that is kept, so that nothing is ordered by them.
//! * What has no value comes last, and first in descending order. Equal ones are ordered by id, which is the order of creation.

use super::{
    error::excerpt,
    filter::{AttributePath, FilterProblem, Operand},
    open,
    schema::{Attribute, ResourceSchema},
};

/// How many characters of a text decide its place. A page token holds them, and it has to fit into a URL.
pub const TEXT_CHARS_MAX: usize = 200;

/// An order of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// By which attribute; absent: by id, which is the order of creation.
    pub by: Option<SortKey>,
    /// Backwards.
    pub descending: bool,
}

/// The value of a resource that decides its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// Where it stands; with a sub-attribute where the attribute is a list or has parts.
    pub attribute: AttributePath,
    /// Whether an element of the list can be marked as primary.
    pub has_primary: bool,
}

/// Why an order cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Not an attribute and a direction.
    #[error("write one attribute name, and `desc` after it for descending order")]
    Syntax,
    /// The name stands for nothing that has one value.
    #[error(transparent)]
    Attribute(#[from] FilterProblem),
    /// The attribute is never shown, so nobody may find out about it.
    #[error("nothing can be ordered by {0}")]
    Hidden(String),
    /// The attribute is made of other resources when it is read, so that no order of it is kept.
    #[error(
        "nothing can be ordered by {0}, which is made of other resources; order by an attribute of the resource itself"
    )]
    Computed(String),
}

impl OrderError {
    /// Whether the attribute is merely not one of this schema.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Attribute(FilterProblem::Name(error)) if error.is_unknown())
    }
}

impl Order {
    /// Reads `attribute`, `attribute asc` or `attribute desc`; empty: the order of creation.
    pub fn parse(text: &str, schema: &ResourceSchema) -> Result<Self, OrderError> {
        let mut words = text.split_ascii_whitespace();
        let Some(name) = words.next() else {
            return Ok(Self::default());
        };
        let descending = match (words.next(), words.next()) {
            (None, None) => false,
            (Some(word), None) if word.eq_ignore_ascii_case("asc") => false,
            (Some(word), None) if word.eq_ignore_ascii_case("desc") => true,
            _ => return Err(OrderError::Syntax),
        };
        Ok(Self {
            by: SortKey::parse(name, schema)?,
            descending,
        })
    }
}

impl SortKey {
    /// `None` for the id.
    fn parse(name: &str, schema: &ResourceSchema) -> Result<Option<Self>, OrderError> {
        let operand = Operand::parse(name, schema)?.comparable()?;
        let hidden = [operand.parent, operand.definition]
            .into_iter()
            .flatten()
            .any(Attribute::is_hidden);
        if hidden {
            return Err(OrderError::Hidden(excerpt(name)));
        }
        let mut attribute = operand.path;
        if attribute.schema.is_none() && ["members", "groups"].contains(&attribute.name.as_str()) {
            return Err(OrderError::Computed(attribute.name));
        }
        if let (Some(sub), true) = (&mut attribute.sub, operand.open) {
            *sub = open::order_key(sub, operand.definition);
        }
        let place = (
            attribute.schema.as_deref(),
            attribute.name.as_str(),
            attribute.sub.as_deref(),
        );
        Ok(match place {
            (None, "id", None) => None,
            // A resource's location is its type and its id.
            (None, "meta", Some("location")) => Some(Self {
                attribute: AttributePath {
                    sub: Some("resourceType".to_owned()),
                    ..attribute
                },
                has_primary: false,
            }),
            _ => Some(Self {
                has_primary: attribute.many && operand.parent.is_none_or(Attribute::has_primary),
                attribute,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, OrderError> {
        Order::parse(text, ResourceSchema::user()).map(|order| {
            let by = order.by.map_or_else(
                || "id".to_owned(),
                |key| {
                    format!(
                        "{}{}",
                        key.attribute,
                        if key.has_primary { "!" } else { "" }
                    )
                },
            );
            format!("{by}{}", if order.descending { " desc" } else { "" })
        })
    }

    #[test]
    fn an_order_names_an_attribute_or_a_part_of_one() {
        const E: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (text, expected) in [
            ("", "id"),
            ("id DESC", "id desc"),
            ("USERNAME desc", "userName desc"),
            ("meta.created", "meta.created"),
            ("meta.location", "meta.resourceType"),
            ("name.familyName asc", "name.familyName"),
            ("active", "active"),
            ("emails", "emails.value!"),
            ("emails.type", "emails.type!"),
            ("addresses.region desc", "addresses.region! desc"),
            ("schemas", "schemas.value"),
            ("manager", &format!("{E}:manager.value")),
            (&format!("{E}:department"), &format!("{E}:department")),
            ("urn:ietf:params:scim:schemas:core:2.0:User:title", "title"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_of_its_own_cannot_order() {
        for (text, problem) in [
            (
                "nonsense",
                "there is no attribute \"nonsense\" in urn:ietf:params:scim:schemas:core:2.0:User",
            ),
            (
                "name",
                "name has parts; name one of them, such as name.formatted",
            ),
            (
                "addresses",
                "addresses has parts; name one of them, such as addresses.formatted",
            ),
            (
                "meta",
                "meta has parts; name one of them, such as meta.resourceType",
            ),
            ("password", "nothing can be ordered by \"password\""),
            (
                "groups.display",
                "nothing can be ordered by groups, which is made of other resources; order by an attribute of the resource itself",
            ),
            (
                "userName up",
                "write one attribute name, and `desc` after it for descending order",
            ),
            (
                "userName desc desc",
                "write one attribute name, and `desc` after it for descending order",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.to_string(), problem, "{text}");
            assert_eq!(error.is_unknown(), text == "nonsense", "{text}");
        }
    }
}
