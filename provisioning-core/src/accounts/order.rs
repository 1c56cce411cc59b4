//! What accounts can be sorted by: the one reading of `order_by`.

use crate::{
    attributes::{
        error::excerpt,
        resolve::{Resolved, resolve},
        schema::{ResourceSchema, Type},
    },
    error::{Reason, Refusal},
    storage::{AccountOrder, SortAttribute},
};

/// Reads `attribute`, `attribute asc` or `attribute desc`; empty: the order of creation.
pub fn parse(text: &str, schema: &ResourceSchema) -> Result<AccountOrder, Refusal> {
    let mut words = text.split_ascii_whitespace();
    let Some(name) = words.next() else {
        return Ok(AccountOrder::default());
    };
    let descending = match (words.next(), words.next()) {
        (None, None) => false,
        (Some(word), None) if word.eq_ignore_ascii_case("asc") => false,
        (Some(word), None) if word.eq_ignore_ascii_case("desc") => true,
        _ => {
            return Err(refusal(
                text,
                "write one attribute name, and `desc` after it for descending order",
            ));
        }
    };
    Ok(AccountOrder {
        attribute: sort_attribute(name, schema)?,
        descending,
    })
}

/// `None` for the id, which is the order of creation.
fn sort_attribute(name: &str, schema: &ResourceSchema) -> Result<Option<SortAttribute>, Refusal> {
    let Ok(resolved) = resolve(name, schema) else {
        return Err(refusal(name, "there is no such attribute"));
    };
    let keys = match resolved {
        Resolved::Known { attribute, sub, .. }
            if attribute.multi_valued || sub.unwrap_or(attribute).kind == Type::Complex =>
        {
            return Err(refusal(
                name,
                "only an attribute with one simple value can order",
            ));
        }
        Resolved::Known {
            extension: None,
            attribute,
            sub,
        } => match (attribute.name.as_str(), sub.map(|sub| sub.name.as_str())) {
            ("id", None) => return Ok(None),
            ("userName", None) => return Ok(Some(SortAttribute::UserName)),
            ("displayName", None) => return Ok(Some(SortAttribute::DisplayName)),
            ("meta", Some("created")) => return Ok(Some(SortAttribute::CreatedAt)),
            ("meta", Some("lastModified")) => return Ok(Some(SortAttribute::UpdatedAt)),
            ("meta", _) => {
                return Err(refusal(name, "of meta, created and lastModified can order"));
            }
            (attribute, sub) => [Some(attribute), sub]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
        },
        Resolved::Known {
            extension: Some(extension),
            attribute,
            sub,
        } => [
            Some(extension.id.as_str()),
            Some(attribute.name.as_str()),
            sub.map(|sub| sub.name.as_str()),
        ]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect(),
        Resolved::Dynamic { urn, name, sub } => {
            [Some(urn), Some(name), sub].into_iter().flatten().collect()
        }
        Resolved::Extension { .. } | Resolved::Core => {
            return Err(refusal(
                name,
                "a schema cannot order, only one of its attributes",
            ));
        }
    };
    Ok(Some(SortAttribute::Search(keys)))
}

fn refusal(text: &str, why: &str) -> Refusal {
    Refusal::new(
        Reason::InvalidRequest,
        format!("Accounts cannot be ordered by {}: {why}.", excerpt(text)),
    )
    .field("order_by")
    .with("order_by", excerpt(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_an_attribute_with_one_value() {
        let order = |text: &str| parse(text, ResourceSchema::user()).ok();
        let by = |attribute, descending| {
            Some(AccountOrder {
                attribute,
                descending,
            })
        };
        assert_eq!(order(""), by(None, false));
        assert_eq!(order("id DESC"), by(None, true));
        assert_eq!(
            order("USERNAME desc"),
            by(Some(SortAttribute::UserName), true)
        );
        assert_eq!(
            order("meta.created"),
            by(Some(SortAttribute::CreatedAt), false)
        );
        assert_eq!(
            order("name.familyName asc"),
            by(
                Some(SortAttribute::Search(vec![
                    "name".into(),
                    "familyName".into()
                ])),
                false
            )
        );
        for bad in [
            "emails",
            "name",
            "nonsense",
            "userName up",
            "userName desc desc",
            "meta",
        ] {
            assert_eq!(order(bad), None, "{bad}");
        }
    }
}
