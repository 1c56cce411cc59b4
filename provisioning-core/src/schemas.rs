//! Extension schemas that a tenant defines for itself, and the schemas in force for a tenant.

mod cache;
mod definition;
mod use_cases;

use std::sync::{Arc, LazyLock};

use serde_json::Value;

pub(crate) use self::cache::SchemaCache;
pub use self::definition::{AttributeDefinition, Definition};
use crate::{
    attributes::{
        schema::{ResourceSchema, Schema, Uniqueness},
        show::{self, Shows},
    },
    log::texts,
    tenants::TenantSettings,
};

/// Schemas that a tenant may define: several for each application that feeds its directory.
pub const SCHEMAS_MAX: usize = 50;
/// Attributes of one schema; an Entra mapping holds about as many in all.
pub const ATTRIBUTES_MAX: usize = 100;
/// Parts of one complex attribute; the largest of RFC 7643 has eight.
pub const SUB_ATTRIBUTES_MAX: usize = 30;
/// A definition as JSON. All of a tenant's fit in one answer of the size that every gRPC client takes (4 MiB).
pub const DEFINITION_BYTES_MAX: usize = 64 << 10;
/// Characters of an attribute's name.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of a description or of a schema's name.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Suggested values, or types referred to, of one attribute.
pub const VALUES_MAX: usize = 100;
/// Characters of one of them.
pub const VALUE_CHARS_MAX: usize = 200;
/// Characters of a URN, as the contract has it.
pub const URN_CHARS_MAX: usize = 254;

texts! {
    /// What a schema extends. The texts are `meta.resourceType`.
    Extended {
        /// Accounts.
        User = "User",
        /// Groups.
        Group = "Group",
    }
}

/// A schema that a tenant defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionSchema {
    /// The definition.
    pub schema: Arc<Schema>,
    /// What it extends.
    pub extends: Extended,
    /// The tenant's schema version that it was written with: it only grows, also over deletion and a new definition.
    pub version: i64,
}

impl ExtensionSchema {
    /// The strong entity tag of this version, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// The schemas in force for a tenant.
#[derive(Clone, Debug)]
pub struct TenantSchemas {
    /// The tenant's schema version. 0: the tenant has never defined one.
    pub version: i64,
    /// Of accounts.
    pub user: ResourceSchema,
    /// Of groups.
    pub group: ResourceSchema,
}

impl TenantSchemas {
    /// Those of a tenant that has defined none.
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: LazyLock<Arc<TenantSchemas>> =
            LazyLock::new(|| Arc::new(TenantSchemas::new(0, &[])));
        Arc::clone(&BUILT_IN)
    }

    /// The built-in ones with a tenant's own.
    pub fn new(version: i64, own: &[ExtensionSchema]) -> Self {
        let with = |built_in: &ResourceSchema, extends| {
            let mut schema = built_in.clone();
            let own = own.iter().filter(|own| own.extends == extends);
            schema
                .extensions
                .extend(own.map(|own| Arc::clone(&own.schema)));
            schema
        };
        Self {
            version,
            user: with(ResourceSchema::user(), Extended::User),
            group: with(ResourceSchema::group(), Extended::Group),
        }
    }

    /// The same as a tenant with these settings may be told them: what is unique, and whether the members of a group have names.
    fn as_settled(&self, settings: &TenantSettings) -> Self {
        let rules = settings.rules();
        let mut schemas = self.clone();
        if settings.object_id_unique {
            for attribute in &mut Arc::make_mut(&mut schemas.user.core).attributes {
                if attribute.name == "externalId" {
                    attribute.uniqueness = Uniqueness::Server;
                }
            }
        }
        for attribute in &mut Arc::make_mut(&mut schemas.group.core).attributes {
            match attribute.name.as_str() {
                "displayName" if rules.group_display_name_unique => {
                    attribute.uniqueness = Uniqueness::Server;
                }
                "members" if !rules.member_display => {
                    attribute.sub_attributes.retain(|sub| sub.name != "display");
                }
                _ => {}
            }
        }
        schemas
    }

    /// How many attributes the tenant has defined, with their parts: what it costs to keep them.
    fn size(&self) -> usize {
        let extensions = self.user.extensions.iter().chain(&self.group.extensions);
        extensions
            .filter(|extension| !extension.built_in)
            .flat_map(|extension| &extension.attributes)
            .map(|attribute| 1 + attribute.sub_attributes.len())
            .sum()
    }
}

/// The attributes of a resource as they may be shown: what is never returned left out, names as they are defined now.
pub(crate) fn shown(document: String, schema: &ResourceSchema) -> (String, Shows) {
    if schema.extensions.iter().all(|extension| extension.built_in) {
        return (document, Shows::new());
    }
    let Ok(mut attributes) = serde_json::from_str(&document) else {
        return (document, Shows::new());
    };
    let (changed, shows) = show::show(&mut attributes, schema);
    if changed {
        (Value::Object(attributes).to_string(), shows)
    } else {
        (document, shows)
    }
}
