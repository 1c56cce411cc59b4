//! The only place for what an attribute is: schemas and attribute definitions, RFC 7643 section 7.

mod common;
mod enterprise;
mod group;
mod group_member;
mod log_entry;
mod user;

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

pub use self::{
    enterprise::URN as ENTERPRISE_URN, group::URN as GROUP_URN, log_entry::URN as LOG_ENTRY_URN,
    user::URN as USER_URN,
};

/// A schema: the resource type's own or an extension of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// What it describes.
    pub description: String,
    /// The attributes in the order in which they are published.
    pub attributes: Vec<Attribute>,
    /// Whether it is part of the service rather than defined by a tenant, as all are that storage keeps.
    #[serde(skip)]
    pub built_in: bool,
}

impl Schema {
    /// Finds an attribute by its name in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }
}

/// One attribute definition, RFC 7643 section 7. The serde form is that of the RFC, and what storage keeps of a tenant's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The canonical name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether it holds a list.
    pub multi_valued: bool,
    /// What it means.
    pub description: String,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether its texts are compared with regard to case.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Where a value may stand only once.
    pub uniqueness: Uniqueness,
    /// Suggested values; others are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// What a reference may point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// Of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// Finds a sub-attribute by its name in any case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        find(&self.sub_attributes, name)
    }

    /// Whether the values are texts that are compared without regard to case.
    pub fn folds(&self) -> bool {
        self.kind == Type::String && !self.case_exact
    }

    /// Whether a client can give the attribute a value that is kept. What may never be shown is accepted and thrown away.
    pub fn is_writable(&self) -> bool {
        match self.mutability {
            Mutability::ReadWrite | Mutability::Immutable => !self.is_hidden(),
            Mutability::ReadOnly | Mutability::WriteOnly => false,
        }
    }

    /// Whether nobody may see the attribute, nor find out about it by a filter or an order.
    pub fn is_hidden(&self) -> bool {
        self.mutability == Mutability::WriteOnly || self.returned == Returned::Never
    }

    /// Whether the attribute is a list of which one element may be the primary one.
    pub fn has_primary(&self) -> bool {
        self.multi_valued && self.sub_attribute("primary").is_some()
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The type of an attribute's values, RFC 7643 section 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Type {
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// A number.
    Decimal,
    /// A whole number.
    Integer,
    /// A point in time.
    DateTime,
    /// Bytes in base64.
    Binary,
    /// A URI or the id of a resource.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

impl Type {
    /// Every value.
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Boolean,
        Self::Decimal,
        Self::Integer,
        Self::DateTime,
        Self::Binary,
        Self::Reference,
        Self::Complex,
    ];

    /// Reads [`as_str`](Self::as_str).
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == text)
    }

    /// The word of RFC 7643. Never change a written value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// The server only.
    ReadOnly,
    /// Clients at any time.
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// Clients, and nobody reads it.
    WriteOnly,
}

impl Mutability {
    /// Every value.
    pub const ALL: [Self; 4] = [
        Self::ReadOnly,
        Self::ReadWrite,
        Self::Immutable,
        Self::WriteOnly,
    ];

    /// Reads [`as_str`](Self::as_str).
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == text)
    }

    /// The word of RFC 7643. Never change a written value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

/// When an attribute is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In every answer.
    Always,
    /// In none.
    Never,
    /// Unless it is left out on request.
    Default,
    /// On request.
    Request,
}

impl Returned {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Always, Self::Never, Self::Default, Self::Request];

    /// Reads [`as_str`](Self::as_str).
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == text)
    }

    /// The word of RFC 7643. Never change a written value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

/// Where a value may stand only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Nowhere.
    None,
    /// In the tenant.
    Server,
    /// In the world.
    Global,
}

impl Uniqueness {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::None, Self::Server, Self::Global];

    /// Reads [`as_str`](Self::as_str).
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == text)
    }

    /// The word of RFC 7643. Never change a written value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Global => "global",
        }
    }
}

/// What a resource of one type may hold: its own schema, the extensions of it, and what every resource has.
///
/// The definitions are data, so that a tenant's own schemas can be added to a copy of the built-in ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSchema {
    /// `meta.resourceType`.
    pub resource_type: String,
    /// The resource type's own schema.
    pub core: Arc<Schema>,
    /// Its extensions.
    pub extensions: Vec<Arc<Schema>>,
    /// `id`, `schemas` and `meta`: no schema lists them, yet they can be filtered by and may not be written.
    pub common: Arc<[Attribute]>,
}

impl ResourceSchema {
    /// Accounts: the User schema with the enterprise extension.
    pub fn user() -> &'static Self {
        static USER: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
            resource_type: "User".to_owned(),
            core: Arc::new(user::schema()),
            extensions: vec![Arc::new(enterprise::schema())],
            common: common::attributes().into(),
        });
        &USER
    }

    /// Groups.
    pub fn group() -> &'static Self {
        static GROUP: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
            resource_type: "Group".to_owned(),
            core: Arc::new(group::schema()),
            extensions: Vec::new(),
            common: common::attributes().into(),
        });
        &GROUP
    }

    /// The members of one group, so that one language serves lists of them as well. It is no SCIM resource and never published.
    pub fn group_member() -> &'static Self {
        static MEMBER: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
            resource_type: "Member".to_owned(),
            core: Arc::new(group_member::schema()),
            extensions: Vec::new(),
            common: Arc::new([]),
        });
        &MEMBER
    }

    /// Entries of the provisioning log, so that one filter language serves both. It is no SCIM resource and never published.
    pub fn log_entry() -> &'static Self {
        static LOG_ENTRY: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
            resource_type: "LogEntry".to_owned(),
            core: Arc::new(log_entry::schema()),
            extensions: Vec::new(),
            common: Arc::new([]),
        });
        &LOG_ENTRY
    }

    /// The same beside another type: what only that one has can be named as well, and no resource of this one has it.
    #[must_use]
    pub fn beside(&self, other: &Self) -> Self {
        let strangers = other.extensions.iter().chain([&other.core]);
        let strangers = strangers.filter(|schema| self.extension(&schema.id).is_none());
        Self {
            extensions: self.extensions.iter().chain(strangers).cloned().collect(),
            ..self.clone()
        }
    }

    /// Finds an attribute of the resource type's own schema, or one that every resource has, by its name in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.core
            .attribute(name)
            .or_else(|| find(&self.common, name))
    }

    /// Finds an extension by its URN in any case.
    pub fn extension(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.extensions
            .iter()
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }
}

/// Short ways to write definitions. Defaults: single-valued, optional, without regard to case, readable and writable, not unique.
mod define {
    use super::{Attribute, Mutability, Returned, Type, Uniqueness};

    pub(super) fn attribute(kind: Type, name: &str, description: &str) -> Attribute {
        Attribute {
            name: name.to_owned(),
            kind,
            multi_valued: false,
            description: description.to_owned(),
            required: false,
            case_exact: matches!(kind, Type::Reference | Type::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: Vec::new(),
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }

    pub(super) fn string(name: &str, description: &str) -> Attribute {
        attribute(Type::String, name, description)
    }

    pub(super) fn boolean(name: &str, description: &str) -> Attribute {
        attribute(Type::Boolean, name, description)
    }

    pub(super) fn reference(name: &str, description: &str, types: &[&str]) -> Attribute {
        Attribute {
            reference_types: types.iter().map(ToString::to_string).collect(),
            ..attribute(Type::Reference, name, description)
        }
    }

    pub(super) fn complex(
        name: &str,
        description: &str,
        sub_attributes: Vec<Attribute>,
    ) -> Attribute {
        Attribute {
            sub_attributes,
            ..attribute(Type::Complex, name, description)
        }
    }

    impl Attribute {
        pub(super) fn many(self) -> Self {
            Self {
                multi_valued: true,
                ..self
            }
        }

        pub(super) fn exact(self) -> Self {
            Self {
                case_exact: true,
                ..self
            }
        }

        pub(super) fn required(self) -> Self {
            Self {
                required: true,
                ..self
            }
        }

        pub(super) fn mutability(self, mutability: Mutability) -> Self {
            Self { mutability, ..self }
        }

        pub(super) fn returned(self, returned: Returned) -> Self {
            Self { returned, ..self }
        }

        pub(super) fn unique(self) -> Self {
            Self {
                uniqueness: Uniqueness::Server,
                ..self
            }
        }

        pub(super) fn suggests(self, values: &[&str]) -> Self {
            Self {
                canonical_values: values.iter().map(ToString::to_string).collect(),
                ..self
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attribute: &Attribute) {
        assert!(
            !attribute.description.is_empty(),
            "{} is described",
            attribute.name
        );
        assert_eq!(
            attribute.kind == Type::Complex,
            !attribute.sub_attributes.is_empty(),
            "{}",
            attribute.name
        );
        assert_eq!(
            attribute.kind == Type::Reference,
            !attribute.reference_types.is_empty(),
            "{}",
            attribute.name
        );
        for sub in &attribute.sub_attributes {
            assert!(
                sub.sub_attributes.is_empty() && !sub.multi_valued,
                "{}.{}: RFC 7643 knows two levels",
                attribute.name,
                sub.name
            );
            check(sub);
        }
    }

    #[test]
    fn every_definition_is_complete() {
        for resource in [
            ResourceSchema::user(),
            ResourceSchema::group(),
            ResourceSchema::group_member(),
            ResourceSchema::log_entry(),
        ] {
            resource.common.iter().for_each(check);
            for schema in resource.extensions.iter().chain([&resource.core]) {
                schema.attributes.iter().for_each(check);
            }
        }
    }

    #[test]
    fn a_stored_definition_has_the_words_of_the_rfc() {
        fn stored(value: impl Serialize) -> String {
            let json = serde_json::to_value(value).expect("it has a JSON form");
            json.as_str().expect("it is a word").to_owned()
        }
        for value in Type::ALL {
            assert_eq!(stored(value), value.as_str());
        }
        for value in Mutability::ALL {
            assert_eq!(stored(value), value.as_str());
        }
        for value in Returned::ALL {
            assert_eq!(stored(value), value.as_str());
        }
        for value in Uniqueness::ALL {
            assert_eq!(stored(value), value.as_str());
        }
    }

    #[test]
    fn the_user_schema_is_that_of_rfc_7643() {
        let user = ResourceSchema::user();
        let names: Vec<_> = user
            .core
            .attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "externalId",
                "userName",
                "name",
                "displayName",
                "nickName",
                "profileUrl",
                "title",
                "userType",
                "preferredLanguage",
                "locale",
                "timezone",
                "active",
                "password",
                "emails",
                "phoneNumbers",
                "ims",
                "photos",
                "addresses",
                "groups",
                "entitlements",
                "roles",
                "x509Certificates"
            ]
        );
        assert_eq!(user.core.description, "User Account");
        let user_name = user.attribute("USERNAME").expect("it is there");
        assert!(
            user_name.required
                && !user_name.case_exact
                && user_name.uniqueness == Uniqueness::Server
        );
        assert!(
            user.attribute("externalId")
                .expect("it is there")
                .case_exact
        );
        assert!(user.attribute("id").expect("it is there").case_exact);
    }

    /// RFC 7643, errata 5368, 8471, 8472; RFC 7643 section 3.1 for the other ids.
    #[test]
    fn what_verified_errata_say_is_published() {
        let (user, group) = (ResourceSchema::user(), ResourceSchema::group());
        let name = group.attribute("displayName").expect("it is there");
        assert!(name.required);
        let of = |attribute: &Attribute, sub: &str| {
            attribute.sub_attribute(sub).cloned().expect("it is there")
        };
        let groups = user.attribute("groups").expect("it is there");
        assert_eq!(of(groups, "$ref").reference_types, ["Group"]);
        let enterprise = user.extension(ENTERPRISE_URN).expect("it is there");
        let manager = find(&enterprise.attributes, "manager").expect("it is there");
        let members = group.attribute("members").expect("it is there");
        for attribute in [manager, members, groups] {
            assert!(of(attribute, "value").case_exact, "{}", attribute.name);
        }
    }

    #[test]
    fn types_of_lists_are_suggested_so_that_entra_can_flatten_them() {
        let user = ResourceSchema::user();
        for (attribute, types) in [
            ("emails", &["work", "home", "other"][..]),
            (
                "phoneNumbers",
                &["work", "home", "mobile", "fax", "pager", "other"],
            ),
            ("addresses", &["work", "home", "other"]),
            ("photos", &["photo", "thumbnail"]),
        ] {
            let kind = user
                .attribute(attribute)
                .and_then(|attribute| attribute.sub_attribute("type"))
                .expect("it is there");
            assert_eq!(kind.canonical_values, types, "{attribute}");
        }
    }
}
