//! What Microsoft Entra ID and Microsoft's own test suites need of a SCIM server, for users.

mod gallery;
mod lifecycle;
mod patches;
mod postman;
mod validator;

use serde_json::Value;

use crate::support::bodies::ENTERPRISE;

/// Reads an attribute of a resource by the path that a PATCH names it by.
fn read<'v>(resource: &'v Value, path: &str) -> &'v Value {
    if let Some(attribute) = path.strip_prefix(ENTERPRISE) {
        return &resource[ENTERPRISE][attribute.trim_start_matches(':')];
    }
    let Some((attribute, rest)) = path.split_once('[') else {
        return path.split('.').fold(resource, |value, name| &value[name]);
    };
    let (filter, sub) = rest
        .split_once("].")
        .expect("a value path has a sub-attribute");
    let (key, literal) = filter.split_once(" eq ").expect("the filter compares");
    let wanted: Value = serde_json::from_str(literal).expect("it is a literal");
    let selects = |element: &&Value| {
        element[key] == wanted || (key == "primary" && wanted == "True" && element[key] == true)
    };
    let mut selected = resource[attribute]
        .as_array()
        .into_iter()
        .flatten()
        .filter(selects);
    let (element, more) = (selected.next(), selected.next());
    assert!(
        more.is_none(),
        "{path} selects more than one element: {resource}"
    );
    element.map_or(&Value::Null, |element| &element[sub])
}
