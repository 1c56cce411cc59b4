//! What a group shall hold beside its members: attributes that have been checked, and everything storage derives from them.

use serde_json::{Map, Value};

use super::Group;
use crate::{
    accounts::check_size,
    attributes::{
        fold::{NAME_BYTES_MAX, fold},
        patch::PatchRules,
        revise,
        schema::ResourceSchema,
        search::search_document,
        validate,
    },
    clock::Timestamp,
    error::{Reason, Refusal},
    ids::GroupId,
    storage::GroupDocument,
};

/// Attributes that have been checked, without members.
#[derive(Clone, Debug)]
pub struct Draft {
    document: Map<String, Value>,
    display_name: String,
    display_name_key: String,
    object_id: Option<String>,
    ignored: Vec<String>,
}

impl Draft {
    /// Checks a whole resource, as POST and PUT bring it, from which the members have been taken. What the schema does not know is left out, as
    /// RFC 7643 section 3 has it.
    pub fn parse(
        attributes: &Map<String, Value>,
        schema: &ResourceSchema,
        rules: PatchRules,
    ) -> Result<Self, Refusal> {
        let mut canonical = validate::canonical(attributes, schema).map_err(|error| Refusal {
            field: Some("group".to_owned()),
            ..Refusal::from(error)
        })?;
        if !rules.keep_unknown_schemas {
            canonical.pass_over_unknown_schemas(schema);
        }
        let draft = Self::from_document(canonical.document)?;
        Ok(Self {
            ignored: canonical.ignored,
            ..draft
        })
    }

    /// Checks a whole resource that takes the place of the attributes `old`, as PUT brings it.
    pub fn replace(
        self,
        old: &Map<String, Value>,
        schema: &ResourceSchema,
    ) -> Result<Self, Refusal> {
        let mut document = self.document;
        revise::keep(old, &mut document, schema);
        revise::check(old, &document, schema)?;
        let draft = Self::from_document(document)?;
        Ok(Self {
            ignored: self.ignored,
            ..draft
        })
    }

    /// Takes a document that [`validate`] or a PATCH has made canonical.
    pub fn from_document(document: Map<String, Value>) -> Result<Self, Refusal> {
        let display_name = text(&document, "displayName").ok_or_else(|| {
            Refusal::new(
                Reason::InvalidValue,
                "displayName is missing. Map an attribute that every group has, normally displayName, to displayName in the attribute mappings \
                 of Microsoft Entra.",
            )
            .field("displayName")
        })?;
        let object_id = text(&document, "externalId");
        // An engine bounds the keys of an index.
        for (attribute, value) in [
            ("displayName", Some(&display_name)),
            ("externalId", object_id.as_ref()),
        ] {
            if value.is_some_and(|value| value.len() > NAME_BYTES_MAX) {
                return Err(Refusal::new(
                    Reason::InvalidValue,
                    format!(
                        "{attribute} is longer than {NAME_BYTES_MAX} bytes; map a shorter value"
                    ),
                )
                .field(attribute)
                .with("attribute", attribute));
            }
        }
        check_size(&document, "group")?;
        Ok(Self {
            display_name_key: fold(&display_name),
            document,
            display_name,
            object_id,
            ignored: Vec::new(),
        })
    }

    /// The same, with what was passed over.
    #[must_use]
    pub fn passing_over(self, ignored: Vec<String>) -> Self {
        Self { ignored, ..self }
    }

    /// What was passed over.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The canonical attributes.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The name.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The folded name.
    pub fn display_name_key(&self) -> &str {
        &self.display_name_key
    }

    /// SCIM `externalId`.
    pub fn object_id(&self) -> Option<&str> {
        self.object_id.as_deref()
    }

    /// A new group with these attributes.
    pub fn insert(
        self,
        id: GroupId,
        now: Timestamp,
        unique: bool,
        schema: &ResourceSchema,
    ) -> GroupDocument {
        self.settle(id, 1, [now, now], unique, schema)
    }

    /// The next version of `old` with these attributes.
    pub fn update(
        self,
        old: &Group,
        at: Timestamp,
        unique: bool,
        schema: &ResourceSchema,
    ) -> GroupDocument {
        let times = [old.created_at, at];
        self.settle(old.id, old.own_version + 1, times, unique, schema)
    }

    fn settle(
        self,
        id: GroupId,
        own_version: i64,
        [created_at, updated_at]: [Timestamp; 2],
        display_name_unique: bool,
        schema: &ResourceSchema,
    ) -> GroupDocument {
        let search = search_document(&self.document, schema);
        GroupDocument {
            id,
            display_name: self.display_name,
            display_name_key: self.display_name_key,
            display_name_unique,
            object_id: self.object_id,
            own_version,
            created_at,
            updated_at,
            document: Value::Object(self.document).to_string(),
            search: Value::Object(search).to_string(),
        }
    }
}

fn text(document: &Map<String, Value>, name: &str) -> Option<String> {
    document
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
}
