//! The enterprise extension of the User schema, RFC 7643 section 4.3.

use super::{
    Mutability, Schema,
    define::{complex, reference, string},
};

/// The schema's URN.
pub const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(super) fn schema() -> Schema {
    Schema {
        id: URN.to_owned(),
        name: "EnterpriseUser".to_owned(),
        built_in: true,
        description: "Enterprise User".to_owned(),
        attributes: vec![
            string(
                "employeeNumber",
                "Identifier of the person in the organization",
            ),
            string("costCenter", "Name of a cost center"),
            string("organization", "Name of an organization"),
            string("division", "Name of a division"),
            string("department", "Name of a department"),
            complex(
                "manager",
                "The account that this one reports to",
                vec![
                    string("value", "The id of the manager's account").exact(),
                    reference("$ref", "URI of the manager's account", &["User"]),
                    string("displayName", "The manager's display name")
                        .mutability(Mutability::ReadOnly),
                ],
            ),
        ],
    }
}
