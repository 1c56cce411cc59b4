//! The User schema, RFC 7643 sections 4.1 and 8.7.1, with `externalId` listed: Entra's discovery wants to see what it maps.

use super::{
    Attribute, Mutability, Returned, Schema, Type,
    define::{attribute, boolean, complex, reference, string},
};

/// The schema's URN.
pub const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

pub(super) fn schema() -> Schema {
    Schema {
        id: URN.to_owned(),
        name: "User".to_owned(),
        built_in: true,
        description: "User Account".to_owned(),
        attributes: [person(), lists()].concat(),
    }
}

fn person() -> Vec<Attribute> {
    vec![
        string(
            "externalId",
            "Identifier of the user in the directory: the Object ID in Azure AD",
        )
        .exact(),
        string(
            "userName",
            "The login account, unique in the tenant without regard to case",
        )
        .required()
        .unique(),
        complex(
            "name",
            "The parts of the person's name",
            vec![
                string("formatted", "The whole name, ready to be shown"),
                string("familyName", "The family name, or last name"),
                string("givenName", "The given name, or first name"),
                string("middleName", "The middle names"),
                string(
                    "honorificPrefix",
                    "What stands before the name, such as Dr.",
                ),
                string("honorificSuffix", "What stands after the name, such as III"),
            ],
        ),
        string("displayName", "The name to show"),
        string("nickName", "The name used in daily life"),
        reference(
            "profileUrl",
            "URL of a page about the person",
            &["external"],
        ),
        string("title", "The job title"),
        string(
            "userType",
            "How the person belongs to the organization, such as Employee",
        ),
        string(
            "preferredLanguage",
            "The language the person prefers, such as en-US",
        ),
        string(
            "locale",
            "How numbers, dates and currencies are shown, such as en-US",
        ),
        string("timezone", "The time zone, such as Europe/Berlin"),
        boolean(
            "active",
            "Whether the directory says that the account may be used",
        ),
        string(
            "password",
            "Accepted and thrown away: nobody signs in here with a password",
        )
        .exact()
        .mutability(Mutability::WriteOnly)
        .returned(Returned::Never),
    ]
}

fn lists() -> Vec<Attribute> {
    vec![
        values(
            "emails",
            "Mail addresses",
            string("value", "The mail address"),
            &["work", "home", "other"],
        ),
        values(
            "phoneNumbers",
            "Phone numbers",
            string("value", "The phone number"),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        values(
            "ims",
            "Addresses for instant messages",
            string("value", "The address"),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        values(
            "photos",
            "Pictures of the person",
            reference("value", "URL of the picture", &["external"]),
            &["photo", "thumbnail"],
        ),
        addresses(),
        complex(
            "groups",
            "Groups that the account belongs to; change them through the groups",
            vec![
                string("value", "The id of the group")
                    .exact()
                    .mutability(Mutability::ReadOnly),
                reference("$ref", "URI of the group", &["Group"]).mutability(Mutability::ReadOnly),
                string("display", "The name of the group").mutability(Mutability::ReadOnly),
                string(
                    "type",
                    "Whether the membership is direct or through another group",
                )
                .suggests(&["direct", "indirect"])
                .mutability(Mutability::ReadOnly),
            ],
        )
        .many()
        .mutability(Mutability::ReadOnly),
        values(
            "entitlements",
            "Things the person has a right to",
            string("value", "The entitlement"),
            &[],
        ),
        values(
            "roles",
            "Roles of the person",
            string("value", "The role"),
            &[],
        ),
        values(
            "x509Certificates",
            "Certificates of the person",
            attribute(Type::Binary, "value", "The certificate, DER in base64"),
            &[],
        ),
    ]
}

/// The usual sub-attributes of a list, RFC 7643 section 2.4.
fn values(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let sub_attributes = vec![
        value,
        string("display", "A name to show for it"),
        string("type", "What it is used for").suggests(types),
        boolean("primary", "Whether it is the preferred one; at most one is"),
    ];
    complex(name, description, sub_attributes).many()
}

fn addresses() -> Attribute {
    complex(
        "addresses",
        "Postal addresses",
        vec![
            string("formatted", "The whole address, ready to be shown"),
            string("streetAddress", "Street, house number and the like"),
            string("locality", "The city"),
            string("region", "The state or region"),
            string("postalCode", "The postal code"),
            string("country", "The country"),
            string("type", "What it is used for").suggests(&["work", "home", "other"]),
            boolean("primary", "Whether it is the preferred one; at most one is"),
        ],
    )
    .many()
}
