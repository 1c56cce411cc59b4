//! Many operations in one request (RFC 7644 section 3.7): JSON to operations, and what came of them to JSON.

mod paths;
mod plan;
mod references;

use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) use self::{
    plan::{Step, Subject, plan},
    references::{defer, reference, substitute},
};
use crate::{
    config::BULK_OPERATIONS_MAX,
    scim::{
        error::{ScimError, ScimType},
        resource_type::ResourceType,
        take,
    },
};

/// A bulk request.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// After how many errors the rest is left undone.
    pub fail_on_errors: Option<usize>,
    pub items: Vec<Item>,
}

/// One operation as the client names it, and what it is; one that cannot be read fails alone.
#[derive(Debug)]
pub(crate) struct Item {
    pub method: String,
    pub bulk_id: Option<String>,
    pub operation: Result<Operation, ScimError>,
}

/// An operation on a resource.
#[derive(Debug)]
pub(crate) struct Operation {
    pub verb: Verb,
    pub resource_type: ResourceType,
    /// Empty for a POST; it may be a reference to one.
    pub id: String,
    pub version: Option<String>,
    pub data: Map<String, Value>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Replace,
    Patch,
    Delete,
}

impl Verb {
    fn parse(method: &str) -> Option<Self> {
        match method.to_ascii_uppercase().as_str() {
            "POST" => Some(Self::Create),
            "PUT" => Some(Self::Replace),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::Create => Method::POST,
            Self::Replace => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// The status of a success. No operation is answered with its resource.
    pub(crate) fn success(self) -> StatusCode {
        match self {
            Self::Create => StatusCode::CREATED,
            Self::Replace | Self::Patch => StatusCode::OK,
            Self::Delete => StatusCode::NO_CONTENT,
        }
    }
}

/// Reads a bulk request. Names have no case; what else is in it is ignored.
pub(crate) fn parse(mut body: Map<String, Value>) -> Result<Bulk, ScimError> {
    let fail_on_errors = match take(&mut body, "failOnErrors") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().ok_or_else(|| {
            ScimError::value("failOnErrors must be an integer that is not negative.")
        })?),
    };
    let Some(Value::Array(operations)) = take(&mut body, "Operations") else {
        return Err(ScimError::syntax(
            "A bulk request needs \"Operations\", an array.",
        ));
    };
    if operations.is_empty() {
        return Err(ScimError::syntax(
            "\"Operations\" is empty: there is nothing to do.",
        ));
    }
    if operations.len() > BULK_OPERATIONS_MAX {
        return Err(ScimError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Some(ScimType::TooMany),
            format!(
                "The bulk request has {} operations; at most {BULK_OPERATIONS_MAX} are taken (maxOperations). Send several.",
                operations.len()
            ),
        ));
    }
    let mut items: Vec<Item> = Vec::with_capacity(operations.len());
    for operation in operations {
        let mut item = item(operation);
        if item.bulk_id.is_some() && items.iter().any(|other| other.bulk_id == item.bulk_id) {
            let error = ScimError::value("Another operation before has this bulkId.");
            item.operation = item.operation.and(Err(error));
        }
        items.push(item);
    }
    Ok(Bulk {
        fail_on_errors: fail_on_errors.map(|errors| usize::try_from(errors).unwrap_or(usize::MAX)),
        items,
    })
}

fn item(operation: Value) -> Item {
    let Value::Object(mut fields) = operation else {
        return Item {
            method: String::new(),
            bulk_id: None,
            operation: Err(ScimError::syntax("An operation must be an object.")),
        };
    };
    let mut text = |name: &str| match take(&mut fields, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let method = text("method").unwrap_or_default();
    let (bulk_id, path) = (text("bulkId"), text("path").unwrap_or_default());
    Item {
        operation: operation_of(&method, &path, bulk_id.as_deref(), fields),
        method,
        bulk_id,
    }
}

fn operation_of(
    method: &str,
    path: &str,
    bulk_id: Option<&str>,
    mut fields: Map<String, Value>,
) -> Result<Operation, ScimError> {
    let verb = Verb::parse(method)
        .ok_or_else(|| ScimError::syntax("\"method\" must be POST, PUT, PATCH or DELETE."))?;
    let (resource_type, id) = parse_path(path)?;
    match (verb, id.is_empty()) {
        (Verb::Create, false) => {
            return Err(ScimError::syntax(
                "The \"path\" of a POST is /Users or /Groups.",
            ));
        }
        (Verb::Replace | Verb::Patch | Verb::Delete, true) => {
            return Err(ScimError::syntax(
                "The \"path\" of this operation names a resource: /Users/<id> or /Groups/<id>.",
            ));
        }
        _ => {}
    }
    if verb == Verb::Create && bulk_id.is_none_or(str::is_empty) {
        return Err(ScimError::syntax("A POST needs a \"bulkId\"."));
    }
    let version = match take(&mut fields, "version") {
        None | Some(Value::Null) => None,
        Some(Value::String(version)) => Some(version),
        Some(_) => return Err(ScimError::value("\"version\" must be a string.")),
    };
    let data = match (verb, take(&mut fields, "data")) {
        (Verb::Delete, _) => Map::new(),
        (_, Some(Value::Object(data))) => data,
        // The form that RFC 7644 section 3.7 itself shows.
        (Verb::Patch, Some(operations @ Value::Array(_))) => {
            Map::from_iter([("Operations".to_owned(), operations)])
        }
        _ => return Err(ScimError::syntax("\"data\" must be an object.")),
    };
    Ok(Operation {
        verb,
        resource_type,
        id: id.to_owned(),
        version,
        data,
    })
}

/// `/Users`, `/Groups/{id}`; the id is empty where there is none.
fn parse_path(path: &str) -> Result<(ResourceType, &str), ScimError> {
    let unknown =
        || ScimError::not_found("\"path\" must be /Users or /Groups, or one of them and /<id>.");
    let rest = path.strip_prefix('/').ok_or_else(unknown)?;
    let (collection, id) = rest.split_once('/').unwrap_or((rest, ""));
    let named = ResourceType::ALL
        .into_iter()
        .find(|of| of.collection() == collection);
    match named {
        Some(resource_type) if !id.contains(['/', '?', '#']) => Ok((resource_type, id)),
        _ => Err(unknown()),
    }
}

/// What came of an operation.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub status: StatusCode,
    /// Where the resource is; there is none after a POST that failed.
    pub location: Option<String>,
    pub version: Option<String>,
    pub error: Option<ScimError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a ScimError>,
}

/// The answer to a bulk request: what was done, in the order in which it was asked for.
pub(crate) fn response(items: &[Item], outcomes: &[Option<Outcome>]) -> Value {
    let entries: Vec<_> = items
        .iter()
        .zip(outcomes)
        .filter_map(|(item, outcome)| {
            let outcome = outcome.as_ref()?;
            Some(Entry {
                method: &item.method,
                bulk_id: item.bulk_id.as_deref(),
                location: outcome.location.as_deref(),
                version: outcome.version.as_deref(),
                status: outcome.status.as_str(),
                response: outcome.error.as_ref(),
            })
        })
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
        "Operations": entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: Value) -> Result<Bulk, String> {
        let Value::Object(object) = json else {
            panic!("a body is an object")
        };
        parse(object).map_err(|error| error.detail)
    }

    fn refused(operation: &Value) -> String {
        let mut bulk = read(json!({ "Operations": [operation] })).unwrap();
        bulk.items.remove(0).operation.unwrap_err().detail
    }

    #[test]
    fn the_rfcs_example_is_read() {
        let bulk = read(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "failOnErrors": 1,
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"userName": "Alice"}},
                {"method": "PUT", "path": "/Users/b7c1", "version": "W/\"3694e05e9dff591\"", "data": {"userName": "Bob"}},
                {"method": "PATCH", "path": "/Groups/bulkId:x", "data": [{"op": "remove", "path": "displayName"}]},
                {"method": "delete", "path": "/Users/e9025315", "version": "W/\"0ee8add0a938e1a\""},
            ],
        }))
        .unwrap();
        assert_eq!(bulk.fail_on_errors, Some(1));
        let read: Vec<_> = bulk
            .items
            .iter()
            .map(|item| {
                let operation = item.operation.as_ref().unwrap();
                (operation.verb, operation.resource_type, &*operation.id)
            })
            .collect();
        assert_eq!(
            read,
            [
                (Verb::Create, ResourceType::User, ""),
                (Verb::Replace, ResourceType::User, "b7c1"),
                (Verb::Patch, ResourceType::Group, "bulkId:x"),
                (Verb::Delete, ResourceType::User, "e9025315"),
            ]
        );
        let patch = bulk.items[2].operation.as_ref().unwrap();
        assert_eq!(patch.data["Operations"][0]["op"], "remove");
    }

    #[test]
    fn an_operation_that_cannot_be_read_fails_alone() {
        let post = json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": {}});
        let bulk = read(json!({"operations": [1, post, post]})).unwrap();
        let fails: Vec<_> = bulk.items.iter().map(|i| i.operation.is_err()).collect();
        assert_eq!(fails, [true, false, true], "a bulkId names one operation");
        for (operation, text) in [
            (json!({"method": "GET", "path": "/Users"}), "\"method\""),
            (json!({"path": "/Users"}), "\"method\""),
            (
                json!({"method": "POST", "path": "/Users", "data": {}}),
                "\"bulkId\"",
            ),
            (
                json!({"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}}),
                "POST is /Users",
            ),
            (
                json!({"method": "DELETE", "path": "/Users"}),
                "names a resource",
            ),
            (
                json!({"method": "DELETE", "path": "/Users/"}),
                "names a resource",
            ),
            (json!({"method": "DELETE", "path": "Users/1"}), "\"path\""),
            (
                json!({"method": "DELETE", "path": "/Devices/1"}),
                "\"path\"",
            ),
            (
                json!({"method": "PATCH", "path": "/Users/1?a=b", "data": []}),
                "\"path\"",
            ),
            (json!({"method": "DELETE", "path": 1}), "\"path\""),
            (
                json!({"method": "PUT", "path": "/Users/1", "data": []}),
                "\"data\"",
            ),
            (
                json!({"method": "DELETE", "path": "/Users/1", "version": 1}),
                "\"version\"",
            ),
        ] {
            let error = refused(&operation);
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_request_without_operations_is_refused() {
        for (body, text) in [
            (json!({}), "\"Operations\", an array"),
            (json!({"Operations": {}}), "\"Operations\", an array"),
            (json!({"Operations": []}), "nothing to do"),
            (
                json!({"Operations": vec![1; 101]}),
                "101 operations; at most 100",
            ),
            (
                json!({"Operations": [1], "failOnErrors": -1}),
                "failOnErrors",
            ),
        ] {
            assert!(read(body).unwrap_err().contains(text));
        }
    }
}
