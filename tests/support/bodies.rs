//! The SCIM bodies and tokens that tests send.

use serde_json::{Value, json};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The path of the manager in a PATCH.
pub const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

/// A user of whom nothing else is known.
pub fn user(user_name: &str) -> Value {
    json!({"schemas": [USER], "userName": user_name})
}

/// A user with an Object ID.
pub fn linked_user(user_name: &str, object_id: &str) -> Value {
    json!({"schemas": [USER], "userName": user_name, "externalId": object_id})
}

/// A group of these members.
pub fn group(display_name: &str, members: &[&str]) -> Value {
    json!({"schemas": [GROUP], "displayName": display_name, "members": elements(members)})
}

/// Members or other elements of which only the value is known.
pub fn elements(values: &[&str]) -> Value {
    values.iter().map(|value| json!({"value": value})).collect()
}

/// The body of a PATCH.
pub fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// A PATCH of one operation with a path.
pub fn patch_one(op: &str, path: &str, value: &Value) -> Value {
    patch(&json!([{"op": op, "path": path, "value": value}]))
}

/// A PATCH that removes what is at a path.
pub fn patch_remove(path: &str) -> Value {
    patch(&json!([{"op": "remove", "path": path}]))
}

/// A PATCH of one operation without a path.
pub fn patch_whole(op: &str, value: &Value) -> Value {
    patch(&json!([{"op": op, "value": value}]))
}

/// A PATCH that suspends.
pub fn suspend() -> Value {
    patch_one("Replace", "active", &json!("False"))
}

/// A token as the service makes them, of nobody.
pub fn unknown_token() -> String {
    let body = format!("dgo_scim_{}_{}", "0123456789ab", "5".repeat(64));
    format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()))
}
