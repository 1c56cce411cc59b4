//! The body of a query by POST, a `SearchRequest` (RFC 7644 section 3.4.3): the same parameters as in a URL, as JSON.

use serde_json::{Map, Value};

use crate::scim::{
    error::ScimError,
    query::{Parameters, Query},
    take,
};

/// Reads the body. Names have no case; null is absence; what is unknown is ignored, `schemas` with it.
pub(crate) fn parse(mut body: Map<String, Value>) -> Result<Query, ScimError> {
    let body = &mut body;
    Query::new(Parameters {
        attributes: names(body, "attributes")?,
        excluded_attributes: names(body, "excludedAttributes")?,
        filter: text(body, "filter")?,
        start_index: integer(body, "startIndex")?,
        count: integer(body, "count")?,
        cursor: text(body, "cursor")?,
        sort_by: text(body, "sortBy")?,
        sort_order: text(body, "sortOrder")?,
    })
}

fn text(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    match take(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(name, "a string")),
    }
}

/// What is no integer is told so with all others.
fn integer(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    match take(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(wrong(name, "an integer")),
    }
}

/// An array of names as the list that a URL has. One text is taken for an array of one.
fn names(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    match take(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(names)) => Ok(Some(names)),
        Some(Value::Array(names)) => names
            .into_iter()
            .map(|element| match element {
                Value::String(text) => Ok(text),
                _ => Err(wrong(name, "an array of strings")),
            })
            .collect::<Result<Vec<_>, _>>()
            .map(|names| Some(names.join(","))),
        Some(_) => Err(wrong(name, "an array of strings")),
    }
}

fn wrong(name: &str, wanted: &str) -> ScimError {
    ScimError::value(format!("{name} must be {wanted}."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::query::Paging;

    fn read(json: Value) -> Result<Query, String> {
        let Value::Object(object) = json else {
            panic!("a body is an object")
        };
        parse(object).map_err(|error| error.detail)
    }

    #[test]
    fn every_parameter_is_read() {
        let query = read(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["userName", "emails[type eq \"a,b\"].value"], "excludedAttributes": ["emails.display"],
            "filter": "userName pr", "startIndex": 6, "COUNT": 5, "sortBy": "userName", "sortOrder": "descending",
        }))
        .unwrap();
        assert_eq!(query.filter.as_deref(), Some("userName pr"));
        assert_eq!(query.order_by, "userName desc");
        assert!(query.asks_attributes && query.projection.shows("emails"));
        assert!(!query.projection.shows("name"));
        assert_eq!(
            query.paging,
            Paging::Index {
                start_index: 6,
                count: Some(5)
            }
        );
    }

    #[test]
    fn a_cursor_may_be_empty_but_null_is_none() {
        let paging = |cursor| read(json!({"cursor": cursor})).unwrap().paging;
        assert!(matches!(paging(json!("")), Paging::Cursor { .. }));
        assert!(matches!(paging(json!(null)), Paging::Index { .. }));
    }

    #[test]
    fn an_error_names_the_parameter() {
        for (body, text) in [
            (json!({"filter": 1}), "filter must be a string."),
            (json!({"count": "5"}), "count must be an integer."),
            (json!({"startIndex": 1.5}), "startIndex must be an integer."),
            (
                json!({"attributes": {}}),
                "attributes must be an array of strings.",
            ),
            (
                json!({"excludedAttributes": [1]}),
                "excludedAttributes must be an array of strings.",
            ),
        ] {
            assert_eq!(read(body).unwrap_err(), text);
        }
    }
}
