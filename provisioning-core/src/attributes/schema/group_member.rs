//! What the members of one group can be filtered and ordered by. It is a schema so that lists of members and of resources share one language.

use super::{Mutability, Schema, define::string};

/// The schema's URN. It names nothing on the wire.
const URN: &str = "urn:dragonce:provisioning:group:1.0:Member";

pub(super) fn schema() -> Schema {
    let attributes = vec![
        string("value", "The id of the member").exact(),
        string("type", "Whether the member is a user or a group"),
        string("display", "The member's name"),
    ];
    Schema {
        id: URN.to_owned(),
        name: "Member".to_owned(),
        description: "Member of a group".to_owned(),
        built_in: true,
        attributes: attributes
            .into_iter()
            .map(|attribute| attribute.mutability(Mutability::ReadOnly))
            .collect(),
    }
}
