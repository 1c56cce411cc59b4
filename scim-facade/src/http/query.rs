//! The parameters of a request in its URL: the only place that reads a query string.

use percent_encoding::percent_decode;

use crate::scim::{
    error::ScimError,
    query::{Parameters, Query},
};

/// Reads the parameters; their names have no case, since `startindex` is sent too (AzureAD/SCIMReferenceCode, `SCIM_Inbound`). What is
/// unknown is ignored, Entra's `aadOptscim062020` among it.
pub(crate) fn parse(query: &str) -> Result<Query, ScimError> {
    let mut parameters = Parameters::default();
    for (name, value) in pairs(query) {
        let name = decoded(name)?;
        let Some((known, parameter)) = parameter(&mut parameters, &name) else {
            continue;
        };
        if parameter.replace(decoded(value)?).is_some() {
            return Err(ScimError::value(format!(
                "The parameter {known} is given twice."
            )));
        }
    }
    Query::new(parameters)
}

/// The place of the parameter of that name, and the name in its canonical case.
fn parameter<'a>(
    parameters: &'a mut Parameters,
    name: &str,
) -> Option<(&'static str, &'a mut Option<String>)> {
    [
        ("filter", &mut parameters.filter),
        ("attributes", &mut parameters.attributes),
        ("excludedAttributes", &mut parameters.excluded_attributes),
        ("startIndex", &mut parameters.start_index),
        ("count", &mut parameters.count),
        ("cursor", &mut parameters.cursor),
        ("sortBy", &mut parameters.sort_by),
        ("sortOrder", &mut parameters.sort_order),
    ]
    .into_iter()
    .find(|(known, _)| known.eq_ignore_ascii_case(name))
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scim::query::Paging;

    #[test]
    fn a_filter_is_decoded_as_entra_and_as_its_templates_encode_it() {
        for query in [
            "filter=userName+eq+%22alice%40contoso.com%22",
            "filter=userName%20eq%20%22alice%40contoso.com%22&aadOptscim062020",
        ] {
            assert_eq!(
                parse(query).unwrap().filter.unwrap(),
                "userName eq \"alice@contoso.com\""
            );
        }
        let guest =
            "filter=userName+eq+%22alias_fabrikam.com%23EXT%23%40contoso.onmicrosoft.com%22";
        assert!(parse(guest).unwrap().filter.unwrap().contains("#EXT#@"));
        assert_eq!(
            parse("filter=a+eq+%22x%2By%22").unwrap().filter.unwrap(),
            "a eq \"x+y\""
        );
    }

    #[test]
    fn every_parameter_is_read() {
        let query = parse(
            "filter=a&attributes=userName&excludedAttributes=name&startindex=6&count=5&sortBy=userName&sortOrder=descending",
        )
        .unwrap();
        assert!(query.asks_attributes && !query.projection.shows("name"));
        assert_eq!(query.order_by, "userName desc");
        assert_eq!((query.paging.skip(), query.paging.count()), (5, Some(5)));
        for query in ["cursor", "Cursor=", "a=1&cursor&count=7"] {
            let paging = parse(query).unwrap().paging;
            assert!(matches!(paging, Paging::Cursor { .. }), "{query}");
        }
        assert_eq!(parse("cursor=a-_b").unwrap().paging.cursor(), "a-_b");
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
            assert!(parse(query).is_err(), "{query}");
        }
        assert!(parse("&&filter&unknown=%ff").is_ok());
        assert!(parse("unknown=1&unknown=2&").is_ok());
    }

    #[test]
    fn a_parameter_is_found_by_its_name() {
        assert!(has_parameter("a=1&access%5Ftoken=x", "access_token"));
        assert!(!has_parameter("a=access_token", "access_token"));
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(query in "\\PC{0,60}") {
            let _ = parse(&query);
        }
    }
}
