//! The attributes that every resource has and no schema lists, RFC 7643 section 3.1.

use super::{
    Attribute, Mutability, Returned, Type,
    define::{attribute, complex, reference, string},
};

/// `id`, `schemas` and `meta`.
pub(super) fn attributes() -> Vec<Attribute> {
    vec![
        string(
            "id",
            "Identifier given by the service; stable, and never given to another resource",
        )
        .exact()
        .required()
        .mutability(Mutability::ReadOnly)
        .returned(Returned::Always)
        .unique(),
        string("schemas", "URNs of the schemas that the resource uses")
            .many()
            .mutability(Mutability::ReadOnly)
            .returned(Returned::Always),
        complex(
            "meta",
            "What the service knows about the resource itself",
            vec![
                string("resourceType", "Name of the resource type")
                    .exact()
                    .mutability(Mutability::ReadOnly),
                attribute(Type::DateTime, "created", "When the resource was created")
                    .mutability(Mutability::ReadOnly),
                attribute(
                    Type::DateTime,
                    "lastModified",
                    "When the resource was last changed",
                )
                .mutability(Mutability::ReadOnly),
                reference("location", "URI of the resource", &["uri"])
                    .mutability(Mutability::ReadOnly),
                string("version", "Entity tag of the resource")
                    .exact()
                    .mutability(Mutability::ReadOnly),
            ],
        )
        .mutability(Mutability::ReadOnly),
    ]
}
