//! What the provisioning log can be filtered by. It is a schema so that logs and resources share one filter language.

use super::{
    Mutability, Schema, Type,
    define::{attribute, string},
};

/// The schema's URN. It names nothing on the wire.
pub const URN: &str = "urn:dragonce:provisioning:log:1.0:LogEntry";

pub(super) fn schema() -> Schema {
    let attributes = vec![
        string("id", "Identifier of the entry").exact(),
        attribute(Type::DateTime, "time", "When the request ended"),
        string("operation", "What was asked for"),
        string("outcome", "How it ended"),
        string("resourceType", "Type of the resource"),
        string("resourceId", "Id of the resource").exact(),
        string("objectId", "Object ID in Azure AD").exact(),
        string("userName", "The login account"),
        attribute(Type::Integer, "httpStatus", "Status of the answer"),
        string("scimType", "SCIM's keyword for the error"),
        string("reason", "Our keyword for the error"),
        string("detail", "What the caller was told").exact(),
        string("requestId", "Identifier of the request").exact(),
        string("tokenId", "Identifier of the SCIM token").exact(),
        string("actor", "Who called").exact(),
        string("justification", "Why, as an admin told").exact(),
    ];
    Schema {
        id: URN.to_owned(),
        name: "LogEntry".to_owned(),
        built_in: true,
        description: "Entry of the provisioning log".to_owned(),
        attributes: attributes
            .into_iter()
            .map(|attribute| attribute.mutability(Mutability::ReadOnly))
            .collect(),
    }
}
