//! The names and kinds of the attributes that a client may write. The serde form of the contract's `Account` and `Group` is the other
//! side of this table; a test holds them together.

/// One attribute.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// The name in its canonical case.
    pub name: &'static str,
    pub kind: Kind,
}

/// What the JSON of an attribute is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Boolean,
    /// An object.
    Complex(&'static [Attribute]),
    /// An array of objects.
    MultiValued(&'static [Attribute]),
}

/// The attribute of that name, in any case (RFC 7643 section 2.1).
pub(crate) fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

const fn text(name: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::Text,
    }
}

const fn boolean(name: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::Boolean,
    }
}

const fn values(name: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::MultiValued(VALUE),
    }
}

/// The attributes of a user that a client may write.
pub(crate) const USER: &[Attribute] = &[
    text("userName"),
    text("externalId"),
    boolean("active"),
    Attribute {
        name: "name",
        kind: Kind::Complex(NAME),
    },
    text("displayName"),
    text("nickName"),
    text("profileUrl"),
    text("title"),
    text("userType"),
    text("preferredLanguage"),
    text("locale"),
    text("timezone"),
    values("emails"),
    values("phoneNumbers"),
    values("ims"),
    values("photos"),
    Attribute {
        name: "addresses",
        kind: Kind::MultiValued(ADDRESS),
    },
    values("entitlements"),
    values("roles"),
    values("x509Certificates"),
];

/// The attributes of a group that a client may write.
pub(crate) const GROUP: &[Attribute] = &[
    text("displayName"),
    text("externalId"),
    Attribute {
        name: "members",
        kind: Kind::MultiValued(MEMBER),
    },
];

/// What a member is called and of which type it is, the core knows.
const MEMBER: &[Attribute] = &[text("value")];

/// The attributes of the enterprise extension.
pub(crate) const ENTERPRISE: &[Attribute] = &[
    text("employeeNumber"),
    text("costCenter"),
    text("organization"),
    text("division"),
    text("department"),
    Attribute {
        name: "manager",
        kind: Kind::Complex(MANAGER),
    },
];

const NAME: &[Attribute] = &[
    text("formatted"),
    text("familyName"),
    text("givenName"),
    text("middleName"),
    text("honorificPrefix"),
    text("honorificSuffix"),
];

const VALUE: &[Attribute] = &[
    text("value"),
    text("display"),
    text("type"),
    boolean("primary"),
    text("$ref"),
];

const ADDRESS: &[Attribute] = &[
    text("formatted"),
    text("streetAddress"),
    text("locality"),
    text("region"),
    text("postalCode"),
    text("country"),
    text("type"),
    boolean("primary"),
];

const MANAGER: &[Attribute] = &[text("value"), text("$ref"), text("displayName")];

#[cfg(test)]
mod tests {
    use provisioning_proto::v1::{Account, Group};
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::scim::ENTERPRISE_USER;

    /// Every attribute of the table, set.
    fn filled(attributes: &[Attribute]) -> Value {
        let value = |kind: Kind| match kind {
            Kind::Text => json!("x"),
            Kind::Boolean => json!(true),
            Kind::Complex(inner) => filled(inner),
            Kind::MultiValued(inner) => json!([filled(inner)]),
        };
        attributes
            .iter()
            .map(|a| (a.name.to_owned(), value(a.kind)))
            .collect::<Map<_, _>>()
            .into()
    }

    #[test]
    fn the_table_is_what_an_account_reads_and_writes() {
        let mut json = filled(USER);
        json[ENTERPRISE_USER] = filled(ENTERPRISE);
        let account: Account = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&account).unwrap(), json);

        let debug = format!(
            "{:?}",
            Account {
                protected: true,
                ..account
            }
        );
        let unset = debug.matches("None").count();
        assert_eq!(
            unset, 4,
            "only hold and the three times stay unset, so no attribute is missing from the table: {debug}"
        );
    }

    #[test]
    fn the_table_is_what_a_group_reads_and_writes() {
        let json = filled(GROUP);
        let group: Group = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&group).unwrap(), json);
    }

    #[test]
    fn a_name_has_no_case() {
        assert_eq!(find(USER, "PHONENUMBERS").unwrap().name, "phoneNumbers");
        assert!(find(USER, "phone").is_none());
    }
}
