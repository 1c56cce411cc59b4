//! The parameters of a request (RFC 7644 section 3.4.2): the only place that reads a query string.

use percent_encoding::percent_decode;

use crate::{
    config::PAGE_SIZE_MAX,
    scim::{
        error::{ScimError, ScimType},
        projection::Projection,
    },
};

/// What a client asks for beside the resource.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub filter: Option<String>,
    pub projection: Projection,
    /// Whether `attributes` was given, which asks for an answer with a body.
    pub asks_attributes: bool,
    /// One-based; less is 1 (RFC 7644 section 3.4.2.4).
    pub start_index: i64,
    /// `None`: as many as the service likes; at most [`PAGE_SIZE_MAX`]; 0: the total only.
    pub count: Option<i32>,
    /// In the core's form: a name, with ` desc` for descending order.
    pub order_by: String,
}

impl Query {
    /// Reads the parameters; their names have no case, since `startindex` is sent too (AzureAD/SCIMReferenceCode, `SCIM_Inbound`). What
    /// is unknown is ignored, Entra's `aadOptscim062020` among it.
    pub(crate) fn parse(query: &str) -> Result<Self, ScimError> {
        let mut found: [Option<String>; NAMES.len()] = Default::default();
        for (name, value) in pairs(query) {
            let name = decoded(name)?;
            let Some(at) = NAMES
                .iter()
                .position(|known| known.eq_ignore_ascii_case(&name))
            else {
                continue;
            };
            if found[at].replace(decoded(value)?).is_some() {
                return Err(ScimError::value(format!(
                    "The parameter {} is given twice.",
                    NAMES[at]
                )));
            }
        }
        let [
            filter,
            attributes,
            excluded,
            start_index,
            count,
            sort_by,
            sort_order,
        ] = found;
        Ok(Self {
            filter,
            projection: Projection::parse(attributes.as_deref(), excluded.as_deref())?,
            asks_attributes: attributes.is_some(),
            start_index: integer("startIndex", start_index)?.unwrap_or(1).max(1),
            count: integer("count", count)?.map(page_size),
            order_by: order_by(sort_by, sort_order.as_deref())?,
        })
    }

    /// How many accounts come before the page.
    pub(crate) fn skip(&self) -> i32 {
        i32::try_from(self.start_index - 1).unwrap_or(i32::MAX)
    }
}

const NAMES: [&str; 7] = [
    "filter",
    "attributes",
    "excludedAttributes",
    "startIndex",
    "count",
    "sortBy",
    "sortOrder",
];

/// Whether a parameter of that name is there.
pub(crate) fn has_parameter(query: &str, name: &str) -> bool {
    pairs(query).any(|(key, _)| decoded(key).is_ok_and(|key| key == name))
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Entra writes a blank as `+`, Microsoft's test templates as `%20`.
fn decoded(text: &str) -> Result<String, ScimError> {
    match percent_decode(text.replace('+', " ").as_bytes()).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(ScimError::value(
            "The query string is not UTF-8 in percent-encoding.",
        )),
    }
}

fn integer(name: &str, value: Option<String>) -> Result<Option<i64>, ScimError> {
    let parse = |value: String| {
        value
            .trim()
            .parse()
            .map_err(|_| ScimError::value(format!("{name} must be an integer.")))
    };
    value.map(parse).transpose()
}

fn page_size(count: i64) -> i32 {
    i32::try_from(count.clamp(0, i64::from(PAGE_SIZE_MAX))).expect("the bounds fit")
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_filter_is_decoded_as_entra_and_as_its_templates_encode_it() {
        for query in [
            "filter=userName+eq+%22alice%40contoso.com%22",
            "filter=userName%20eq%20%22alice%40contoso.com%22&aadOptscim062020",
        ] {
            assert_eq!(
                Query::parse(query).unwrap().filter.unwrap(),
                "userName eq \"alice@contoso.com\""
            );
        }
        let guest =
            "filter=userName+eq+%22alias_fabrikam.com%23EXT%23%40contoso.onmicrosoft.com%22";
        assert!(
            Query::parse(guest)
                .unwrap()
                .filter
                .unwrap()
                .contains("#EXT#@")
        );
        assert_eq!(
            Query::parse("filter=a+eq+%22x%2By%22")
                .unwrap()
                .filter
                .unwrap(),
            "a eq \"x+y\""
        );
    }

    #[test]
    fn a_page_is_clamped_as_the_rfc_says() {
        let page = |query| {
            let query = Query::parse(query).unwrap();
            (query.start_index, query.skip(), query.count)
        };
        assert_eq!(page(""), (1, 0, None));
        assert_eq!(page("count=100&startindex=0"), (1, 0, Some(100)));
        assert_eq!(page("startIndex=-5&count=-1"), (1, 0, Some(0)));
        assert_eq!(page("startIndex=6&count=5000"), (6, 5, Some(200)));
        assert_eq!(
            page("startIndex=9000000000000"),
            (9_000_000_000_000, i32::MAX, None)
        );
    }

    #[test]
    fn an_order_is_one_attribute() {
        let order = |query| {
            Query::parse(query)
                .map(|query| query.order_by)
                .map_err(|error| error.detail)
        };
        assert_eq!(order("sortBy=userName").unwrap(), "userName");
        assert_eq!(
            order("sortBy=userName&sortOrder=Descending").unwrap(),
            "userName desc"
        );
        assert_eq!(order("sortOrder=descending").unwrap(), "");
        assert!(order("sortBy=userName+desc").is_err());
        assert!(order("sortBy=userName&sortOrder=down").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in [
            "startIndex=one",
            "count=",
            "filter=%ff",
            "filter=a&Filter=b",
            "attributes=emails%5Btype",
        ] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
        assert!(Query::parse("&&filter&unknown=%ff").is_ok());
        assert!(Query::parse("unknown=1&unknown=2&").is_ok());
    }

    #[test]
    fn a_parameter_is_found_by_its_name() {
        assert!(has_parameter("a=1&access%5Ftoken=x", "access_token"));
        assert!(!has_parameter("a=access_token", "access_token"));
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(query in "\\PC{0,60}") {
            let _ = Query::parse(&query);
        }
    }
}
