//! The envelope of a list (RFC 7644 section 3.4.2, RFC 9865 section 2), and how one resource or a page of them becomes bytes.

use serde::Serialize;
use serde_json::Value;

use crate::scim::{
    LIST_RESPONSE,
    projection::{Projection, Returned},
    resource::Shows,
};

/// Where a page is in its list.
#[derive(Debug)]
pub(crate) enum Place {
    /// The one-based index of its first resource.
    Index(i64),
    /// What to ask the next page with; `None` on the last page.
    Cursor(Option<String>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListResponse<'a, T> {
    schemas: [&'static str; 1],
    total_results: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_index: Option<i64>,
    items_per_page: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    #[serde(rename = "Resources")]
    resources: Vec<T>,
}

/// A resource, whole or cut to what is to be shown of it.
#[derive(Serialize)]
#[serde(untagged)]
enum Cut<T> {
    Whole(T),
    Part(Value),
}

fn cut<T: Shows>(resource: T, projection: &Projection) -> Cut<T> {
    if projection.is_whole() && resource.returned().is_empty() {
        return Cut::Whole(resource);
    }
    let mut part = serde_json::to_value(&resource).expect("a resource is JSON");
    if let Value::Object(attributes) = &mut part {
        projection.apply(attributes, &Returned::new(resource.returned()));
    }
    Cut::Part(part)
}

/// The JSON of one resource.
pub(crate) fn one(resource: impl Shows, projection: &Projection) -> Vec<u8> {
    to_bytes(&cut(resource, projection))
}

/// The JSON of a page of resources.
pub(crate) fn several(
    resources: impl Iterator<Item = impl Shows>,
    projection: &Projection,
    total_results: i64,
    place: &Place,
) -> Vec<u8> {
    let resources = resources.map(|resource| cut(resource, projection));
    page(resources.collect(), total_results, place)
}

/// The JSON of a whole list, on one page.
pub(crate) fn whole<T: Serialize>(resources: Vec<T>) -> Vec<u8> {
    let total = i64::try_from(resources.len()).expect("a list has a bound");
    page(resources, total, &Place::Index(1))
}

/// `Resources` is there also when it is empty.
fn page<T: Serialize>(resources: Vec<T>, total_results: i64, place: &Place) -> Vec<u8> {
    let (start_index, next_cursor) = match place {
        Place::Index(start_index) => (Some(*start_index), None),
        Place::Cursor(next) => (None, next.as_deref()),
    };
    to_bytes(&ListResponse {
        schemas: [LIST_RESPONSE],
        total_results,
        start_index,
        items_per_page: resources.len(),
        next_cursor,
        resources,
    })
}

/// The bytes of any answer.
pub(crate) fn to_bytes(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers have string keys and no failing serializer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelopes() {
        let text = |place| String::from_utf8(page(vec![1, 2], 7, &place)).unwrap();
        insta::assert_snapshot!(
            [
                text(Place::Index(3)),
                text(Place::Cursor(Some("next".to_owned()))),
                text(Place::Cursor(None)),
                String::from_utf8(whole::<u8>(Vec::new())).unwrap(),
            ]
            .join("\n")
        );
    }
}
