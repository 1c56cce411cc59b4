//! The people of every benchmark: who number `n` is, the same for each contender, in the shape that Entra sends.

use uuid::Uuid;

use crate::ids;

/// The login of number `n`; the preloading statements make the same.
pub fn user_name(number: u64) -> String {
    format!("user{number:08}@bench.example")
}

/// The Object ID of a login: any GUID that only this one has.
pub fn object_id(number: u64) -> Uuid {
    Uuid::from_u128(ids::numbered(number).as_u128() | (0xc0de_u128 << 112))
}

/// What Entra posts to create somebody, with its default mapping.
pub fn create_body(user_name: &str, object_id: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"{object_id}","userName":"{user_name}","active":true,"displayName":"Adele Vance","emails":[{{"primary":true,"type":"work","value":"{user_name}"}}],"meta":{{"resourceType":"User"}},"name":{{"formatted":"Adele Vance","familyName":"Vance","givenName":"Adele"}},"phoneNumbers":[{{"type":"work","value":"+1 425 555 0109"}}],"preferredLanguage":"en-US","title":"Retail Manager","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"department":"Retail","employeeNumber":"{user_name}"}}}}"#
    )
}

/// What creates a group.
pub fn group_body(display_name: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{display_name}"}}"#
    )
}

/// Entra's PATCH that puts people into a group.
pub fn add_members_body(ids: &[String]) -> String {
    let members: Vec<_> = ids
        .iter()
        .map(|id| format!(r#"{{"value":"{id}"}}"#))
        .collect();
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"Add","path":"members","value":[{}]}}]}}"#,
        members.join(",")
    )
}

/// Entra's PATCH that takes one out again.
pub fn remove_member_body(id: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"Remove","path":"members","value":[{{"value":"{id}"}}]}}]}}"#
    )
}

/// What is kept of it, in a size like the service's.
pub fn document(user_name: &str) -> String {
    format!(
        r#"{{"displayName":"Adele Vance","emails":[{{"value":"{user_name}","type":"work","primary":true}}],"name":{{"formatted":"Adele Vance","familyName":"Vance","givenName":"Adele"}},"phoneNumbers":[{{"value":"+1 425 555 0109","type":"work"}}],"preferredLanguage":"en-US","title":"Retail Manager","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"department":"Retail"}}}}"#
    )
}

/// What filters look into.
pub fn search(user_name: &str) -> String {
    format!(
        r#"{{"displayname":"adele vance","emails":[{{"type":"work","value":"{user_name}"}}],"name":{{"familyname":"vance","givenname":"adele"}},"title":"retail manager"}}"#
    )
}

/// Entra's PATCH that suspends somebody, or the one that takes it back.
pub fn active_body(active: bool) -> &'static str {
    if active {
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"True"}]}"#
    } else {
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#
    }
}
