//! What a client asks for beside the resource (RFC 7644 sections 3.4.2 and 3.9, RFC 9865): the meaning of the parameters, whether they
//! came in the URL or in a `SearchRequest`.

use crate::{
    config::PAGE_SIZE_MAX,
    scim::{
        error::{ScimError, ScimType},
        projection::Projection,
    },
};

/// The parameters as texts; an integer is one too.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub filter: Option<String>,
    pub attributes: Option<String>,
    pub excluded_attributes: Option<String>,
    pub start_index: Option<String>,
    pub count: Option<String>,
    pub cursor: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: Option<String>,
}

/// What a client asks for beside the resource.
#[derive(Debug)]
pub(crate) struct Query {
    pub filter: Option<String>,
    pub projection: Projection,
    /// Whether `attributes` was given, which asks for an answer with a body.
    pub asks_attributes: bool,
    pub paging: Paging,
    /// In the core's form: a name, with ` desc` for descending order.
    pub order_by: String,
}

/// Which page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// RFC 7644 section 3.4.2.4; the method where the client names none.
    Index {
        /// One-based; less is 1.
        start_index: i64,
        /// `None`: as many as the service likes; at most [`PAGE_SIZE_MAX`]; 0: the total only.
        count: Option<i32>,
    },
    /// RFC 9865.
    Cursor {
        /// Empty for the first page.
        cursor: String,
        /// From 1 to [`PAGE_SIZE_MAX`].
        count: Option<i32>,
    },
}

impl Query {
    pub(crate) fn new(parameters: Parameters) -> Result<Self, ScimError> {
        let Parameters {
            attributes,
            excluded_attributes,
            ..
        } = &parameters;
        Ok(Self {
            projection: Projection::parse(attributes.as_deref(), excluded_attributes.as_deref())?,
            asks_attributes: attributes.is_some(),
            paging: paging(&parameters)?,
            order_by: order_by(parameters.sort_by, parameters.sort_order.as_deref())?,
            filter: parameters.filter,
        })
    }
}

fn paging(parameters: &Parameters) -> Result<Paging, ScimError> {
    let start_index = integer("startIndex", parameters.start_index.as_deref())?;
    let Some(cursor) = &parameters.cursor else {
        let count = integer("count", parameters.count.as_deref())?;
        return Ok(Paging::Index {
            start_index: start_index.unwrap_or(1).max(1),
            count: count.map(|count| at_most_a_page(count.max(0))),
        });
    };
    if start_index.is_some() {
        return Err(ScimError::value(
            "cursor and startIndex are two methods of paging: give one of them.",
        ));
    }
    let count = integer("count", parameters.count.as_deref()).unwrap_or(Some(0));
    match count {
        Some(count) if !(1..=i64::from(PAGE_SIZE_MAX)).contains(&count) => {
            Err(ScimError::bad_request(
                ScimType::InvalidCount,
                format!("With a cursor, count must be an integer from 1 to {PAGE_SIZE_MAX}."),
            ))
        }
        count => Ok(Paging::Cursor {
            cursor: cursor.clone(),
            count: count.map(at_most_a_page),
        }),
    }
}

impl Paging {
    /// How many resources come before the page.
    pub(crate) fn skip(&self) -> i32 {
        match self {
            Self::Index { start_index, .. } => i32::try_from(start_index - 1).unwrap_or(i32::MAX),
            Self::Cursor { .. } => 0,
        }
    }

    pub(crate) fn count(&self) -> Option<i32> {
        match self {
            Self::Index { count, .. } | Self::Cursor { count, .. } => *count,
        }
    }

    pub(crate) fn cursor(&self) -> &str {
        match self {
            Self::Index { .. } => "",
            Self::Cursor { cursor, .. } => cursor,
        }
    }
}

fn integer(name: &str, value: Option<&str>) -> Result<Option<i64>, ScimError> {
    let parse = |value: &str| {
        value
            .trim()
            .parse()
            .map_err(|_| ScimError::value(format!("{name} must be an integer.")))
    };
    value.map(parse).transpose()
}

fn at_most_a_page(count: i64) -> i32 {
    i32::try_from(count.min(i64::from(PAGE_SIZE_MAX))).expect("the bounds fit")
}

fn order_by(sort_by: Option<String>, sort_order: Option<&str>) -> Result<String, ScimError> {
    let Some(attribute) = sort_by.filter(|attribute| !attribute.is_empty()) else {
        return Ok(String::new());
    };
    if attribute.contains(char::is_whitespace) {
        return Err(ScimError::bad_request(
            ScimType::InvalidPath,
            "sortBy must be one attribute name.",
        ));
    }
    match sort_order {
        None => Ok(attribute),
        Some(order) if order.eq_ignore_ascii_case("ascending") => Ok(attribute),
        Some(order) if order.eq_ignore_ascii_case("descending") => Ok(format!("{attribute} desc")),
        Some(_) => Err(ScimError::value(
            "sortOrder must be ascending or descending.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(start_index: &str, count: &str, cursor: Option<&str>) -> Result<Paging, ScimError> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Query::new(Parameters {
            start_index: text(start_index),
            count: text(count),
            cursor: cursor.map(str::to_owned),
            ..Parameters::default()
        })
        .map(|query| query.paging)
    }

    #[test]
    fn an_index_is_clamped_as_the_rfc_says() {
        for (start_index, count, expected) in [
            ("", "", (1, 0, None)),
            ("0", "100", (1, 0, Some(100))),
            ("-5", "-1", (1, 0, Some(0))),
            ("6", "5000", (6, 5, Some(200))),
            ("9000000000000", "", (9_000_000_000_000, i32::MAX, None)),
        ] {
            let paging = page(start_index, count, None).unwrap();
            let Paging::Index { start_index, count } = paging else {
                panic!("{paging:?} is no index")
            };
            assert_eq!((start_index, paging.skip(), count), expected);
        }
        assert!(page("one", "", None).is_err() && page("", "1.5", None).is_err());
    }

    #[test]
    fn a_cursor_pages_without_an_index() {
        for (count, expected) in [("", None), ("1", Some(1)), ("200", Some(200))] {
            for cursor in ["", "abc"] {
                let paging = page("", count, Some(cursor)).unwrap();
                assert_eq!((paging.cursor(), paging.count()), (cursor, expected));
                assert_eq!(paging.skip(), 0);
            }
        }
        assert_eq!(
            page("1", "", Some("")).unwrap_err().scim_type,
            Some(ScimType::InvalidValue)
        );
        for count in ["0", "-1", "201", "many"] {
            assert_eq!(
                page("", count, Some("")).unwrap_err().scim_type,
                Some(ScimType::InvalidCount),
                "{count}"
            );
        }
    }

    #[test]
    fn an_order_is_one_attribute() {
        let order = |sort_by: &str, sort_order: Option<&str>| {
            order_by(Some(sort_by.to_owned()), sort_order).map_err(|error| error.detail)
        };
        assert_eq!(order("userName", None).unwrap(), "userName");
        assert_eq!(
            order("userName", Some("Descending")).unwrap(),
            "userName desc"
        );
        assert_eq!(order("", Some("descending")).unwrap(), "");
        assert!(order("userName desc", None).is_err());
        assert!(order("userName", Some("down")).is_err());
    }
}
