//! The bodies that the tests send.

use serde_json::{Value, json};

use super::probe::Probe;

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The path of the manager in a PATCH.
pub(super) const MANAGER: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

/// A user of whom nothing else is known.
pub(super) fn user(user_name: &str) -> Value {
    json!({"schemas": [USER], "userName": user_name})
}

/// A user with every attribute that the validator sends.
pub(super) fn whole_user(user_name: &str) -> Value {
    let random = Probe::letters;
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": user_name,
        "active": true,
        "displayName": random(),
        "title": random(),
        "emails": [{"type": "work", "value": format!("{}@bahringer.example", random().to_lowercase()), "primary": true}],
        "preferredLanguage": "sr-Cyrl-BA",
        "name": {"givenName": "Joan", "familyName": "Abel", "formatted": "Filomena", "middleName": "Ramon", "honorificPrefix": "Micheal", "honorificSuffix": "Cletus"},
        "addresses": [{"type": "work", "formatted": random(), "streetAddress": "8 Ondricka Square", "locality": random(), "region": random(), "postalCode": "jk32 0tr", "primary": true, "country": "Lesotho"}],
        "phoneNumbers": [{"type": "work", "value": "73-614-5150", "primary": true}, {"type": "mobile", "value": "73-614-5151"}, {"type": "fax", "value": "73-614-5152"}],
        ENTERPRISE: {"employeeNumber": random(), "department": random(), "costCenter": random(), "organization": random(), "division": random(), "manager": {"value": random()}},
        "roles": [{"primary": "True", "display": random(), "value": random(), "type": random()}],
        "userType": random(),
        "nickName": random(),
        "locale": random(),
        "timezone": "Asia/Urumqi",
        "profileUrl": random(),
    })
}

/// A group of these members.
pub(super) fn group(display_name: &str, members: &[&str]) -> Value {
    json!({"schemas": [GROUP], "displayName": display_name, "members": elements(members)})
}

/// Members or other elements of which only the value is known.
pub(super) fn elements(values: &[&str]) -> Value {
    values.iter().map(|value| json!({"value": value})).collect()
}

/// The body of a PATCH.
pub(super) fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// A PATCH of one operation with a path.
pub(super) fn patch_one(op: &str, path: &str, value: &Value) -> Value {
    patch(&json!([{"op": op, "path": path, "value": value}]))
}

/// A PATCH that removes what is at a path.
pub(super) fn patch_remove(path: &str) -> Value {
    patch(&json!([{"op": "remove", "path": path}]))
}

/// A PATCH of one operation without a path.
pub(super) fn patch_whole(op: &str, value: &Value) -> Value {
    patch(&json!([{"op": op, "value": value}]))
}

/// A PATCH of one operation for each path.
pub(super) fn verbose(op: &str, values: &[(String, Value)]) -> Value {
    let operations = values
        .iter()
        .map(|(path, value)| json!({"op": op, "path": path, "value": value}));
    patch(&operations.collect())
}

/// Names below a prefix.
pub(super) fn below<'a>(prefix: &'a str, names: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    names.iter().map(move |name| format!("{prefix}{name}"))
}

/// What the validator writes one by one, by path: 36 values.
pub(super) fn values(mark: &str) -> Vec<(String, Value)> {
    let plain = below(
        "",
        &[
            "displayName",
            "title",
            "preferredLanguage",
            "userType",
            "nickName",
            "locale",
            "timezone",
            "profileUrl",
            "externalId",
        ],
    );
    let name = below(
        "name.",
        &[
            "formatted",
            "familyName",
            "givenName",
            "middleName",
            "honorificPrefix",
            "honorificSuffix",
        ],
    );
    let address = below(
        "addresses[type eq \"work\"].",
        &[
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
        ],
    );
    let phone = ["work", "mobile", "fax"]
        .into_iter()
        .map(|kind| format!("phoneNumbers[type eq \"{kind}\"].value"));
    let role = below("roles[primary eq \"True\"].", &["display", "value", "type"]);
    let enterprise = [
        "employeeNumber",
        "department",
        "costCenter",
        "organization",
        "division",
    ]
    .into_iter()
    .map(|name| format!("{ENTERPRISE}:{name}"));
    let texts = plain
        .chain(name)
        .chain(address)
        .chain(phone)
        .chain(role)
        .chain(enterprise);
    let mut values: Vec<_> = texts
        .enumerate()
        .map(|(number, path)| (path, json!(format!("{mark}{number}"))))
        .collect();
    let mail = format!("{}@contoso.com", mark.to_lowercase());
    values.push(("emails[type eq \"work\"].value".to_owned(), json!(mail)));
    values.push(("emails[type eq \"work\"].primary".to_owned(), json!(true)));
    let primary = "addresses[type eq \"work\"].primary".to_owned();
    values.push((primary, json!(true)));
    values.push(("active".to_owned(), json!(true)));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validator_writes_36_values() {
        assert_eq!(values("mark").len(), 36);
    }
}
