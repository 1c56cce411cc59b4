//! The Group schema, RFC 7643 section 4.2.

use super::{
    Mutability, Schema,
    define::{complex, reference, string},
};

/// The schema's URN.
pub const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub(super) fn schema() -> Schema {
    Schema {
        id: URN.to_owned(),
        name: "Group".to_owned(),
        built_in: true,
        description: "Group".to_owned(),
        attributes: vec![
            string(
                "externalId",
                "Identifier of the group in the directory: its Object ID in Azure AD",
            )
            .exact(),
            string("displayName", "Name of the group").required(),
            complex(
                "members",
                "Members of the group",
                vec![
                    string("value", "The id of the member")
                        .exact()
                        .mutability(Mutability::Immutable),
                    reference("$ref", "URI of the member", &["User", "Group"])
                        .mutability(Mutability::Immutable),
                    string("type", "Whether the member is a user or a group")
                        .suggests(&["User", "Group"])
                        .mutability(Mutability::ReadOnly),
                    string("display", "The member's name").mutability(Mutability::ReadOnly),
                ],
            )
            .many(),
        ],
    }
}
