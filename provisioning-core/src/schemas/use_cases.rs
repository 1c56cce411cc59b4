//! What an admin does with a tenant's extension schemas, and how a call finds the schemas in force.
//!
//! The definitions of a tenant change one at a time: each change takes the tenant's schema version on by one, and only from the version that
//! it was decided on.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Definition, ExtensionSchema, SCHEMAS_MAX, TenantSchemas,
    definition::{built_in_urns, check_kept, collide},
};
use crate::{
    Core,
    accounts::Precondition,
    attributes::{error::excerpt, schema::Schema},
    call::{Admitted, Call},
    error::{Error, Reason, Refusal},
    log::{AttributeChange, LogEntry, Operation, ResourceType},
    receipts::{Answer, Once},
    storage::{Commit, Mutation, SchemaChange, SchemaWrite, Write},
    tenants::Tenant,
};

/// How often a change is tried when others change the tenant's definitions in between.
const ATTEMPTS_MAX: u32 = 5;
/// The field of a request that holds a definition.
const SCHEMA: &str = "extension_schema.schema";

/// What a request asks for.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Create(&'a Definition),
    Update(&'a Definition),
    Delete(&'a str),
}

/// What is to be done about it.
enum Decision {
    /// Everything is as it should be.
    Keep(ExtensionSchema),
    /// The schema to be written or deleted, with what stood there before.
    Write(SchemaChange, Option<ExtensionSchema>),
}

impl Wish<'_> {
    fn urn(&self) -> &str {
        match self {
            Self::Create(definition) | Self::Update(definition) => &definition.id,
            Self::Delete(urn) => urn,
        }
    }

    const fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::SchemaCreate,
            Self::Update(_) => Operation::SchemaUpdate,
            Self::Delete(_) => Operation::SchemaDelete,
        }
    }

    const fn http_status(&self) -> u16 {
        match self {
            Self::Create(_) => 201,
            Self::Update(_) => 200,
            Self::Delete(_) => 204,
        }
    }
}

impl Core {
    /// The schemas of the call's tenant as far as this process knows them: good enough to begin with, to be compared with what the storage
    /// says of the tenant.
    pub(crate) fn known_schemas(&self, call: &Call) -> Arc<TenantSchemas> {
        self.schema_cache().find(&call.tenant)
    }

    /// The schemas in force for the tenant as it was read. Costs a read only when they have changed since this process read them.
    pub(crate) async fn schemas_of(
        &self,
        call: &Call,
        tenant: &Tenant,
    ) -> Result<Arc<TenantSchemas>, Error> {
        let known = self.known_schemas(call);
        if known.version == tenant.schema_version {
            return Ok(known);
        }
        let (caller, own) = self
            .storage()
            .find_extension_schemas(&call.caller_key())
            .await?;
        // They may have changed again since the tenant was read: those that are in force now are the better ones.
        let version = caller.map_or(tenant.schema_version, |caller| caller.tenant.schema_version);
        let schemas = Arc::new(TenantSchemas::new(version, &own));
        self.schema_cache().keep(&tenant.identifier, &schemas);
        Ok(schemas)
    }

    /// The schemas in force for the tenant of the call, as its settings have them.
    pub async fn list_schemas(&self, call: &Call) -> Result<TenantSchemas, Error> {
        let admitted = self.authenticate(call).await?;
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        Ok(schemas.as_settled(&admitted.tenant.settings))
    }

    /// Defines a schema.
    pub async fn create_extension_schema(
        &self,
        call: &Call,
        definition: &Definition,
        validate_only: bool,
        once: Option<Once<'_, ExtensionSchema>>,
    ) -> Result<Answer<ExtensionSchema>, Error> {
        let precondition = Precondition {
            etag: None,
            validate_only,
        };
        self.write_schema(call, Wish::Create(definition), &precondition, once)
            .await
    }

    /// One of the tenant's own schemas, by its URN in any case.
    pub async fn get_extension_schema(
        &self,
        call: &Call,
        urn: &str,
    ) -> Result<ExtensionSchema, Error> {
        let own = self.list_extension_schemas(call).await?;
        own.into_iter()
            .find(|own| own.schema.id.eq_ignore_ascii_case(urn))
            .ok_or_else(|| not_found(urn, "urn").into())
    }

    /// The tenant's own schemas, by URN.
    pub async fn list_extension_schemas(&self, call: &Call) -> Result<Vec<ExtensionSchema>, Error> {
        let (caller, own) = self
            .storage()
            .find_extension_schemas(&call.caller_key())
            .await?;
        self.admit(call, caller).await?;
        Ok(own)
    }

    /// Defines a schema anew.
    pub async fn update_extension_schema(
        &self,
        call: &Call,
        definition: &Definition,
        precondition: &Precondition,
        once: Option<Once<'_, ExtensionSchema>>,
    ) -> Result<Answer<ExtensionSchema>, Error> {
        self.write_schema(call, Wish::Update(definition), precondition, once)
            .await
    }

    /// Deletes a definition, and answers what it was. Its values stay, as those of an unknown schema.
    pub async fn delete_extension_schema(
        &self,
        call: &Call,
        urn: &str,
        precondition: &Precondition,
        once: Option<Once<'_, ExtensionSchema>>,
    ) -> Result<Answer<ExtensionSchema>, Error> {
        self.write_schema(call, Wish::Delete(urn), precondition, once)
            .await
    }

    /// Reads, decides and writes until the version read is the version written to.
    async fn write_schema(
        &self,
        call: &Call,
        wish: Wish<'_>,
        precondition: &Precondition,
        once: Option<Once<'_, ExtensionSchema>>,
    ) -> Result<Answer<ExtensionSchema>, Error> {
        let mut tries = 0;
        loop {
            let (caller, own) = self
                .storage()
                .find_extension_schemas(&call.caller_key())
                .await?;
            let admitted = self.admit(call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            tries += 1;
            let mut entry = LogEntry::new(call, wish.operation(), self.now());
            entry.resource_type = ResourceType::Schema;
            wish.urn().clone_into(&mut entry.resource_id);
            entry.http_status = wish.http_status();
            let result = self
                .write_schema_once(
                    call,
                    &admitted,
                    &own,
                    wish,
                    precondition,
                    entry.clone(),
                    once.as_ref(),
                )
                .await;
            let error = match result {
                Ok(Some(schema)) => return Ok(Answer::Fresh(schema)),
                Ok(None) if tries < ATTEMPTS_MAX => continue,
                Ok(None) => contention().into(),
                Err(error) => error,
            };
            return Err(self.log_refusal(&admitted, entry, error).await);
        }
    }

    /// One try; `None` when the tenant's definitions have changed meanwhile.
    #[expect(
        clippy::too_many_arguments,
        reason = "the steps of one use case share its state"
    )]
    async fn write_schema_once(
        &self,
        call: &Call,
        admitted: &Admitted,
        own: &[ExtensionSchema],
        wish: Wish<'_>,
        precondition: &Precondition,
        mut entry: LogEntry,
        once: Option<&Once<'_, ExtensionSchema>>,
    ) -> Result<Option<ExtensionSchema>, Error> {
        let now = self.now();
        let expected_version = admitted.tenant.schema_version;
        let (change, old) = match decide(wish, own, precondition, expected_version + 1)? {
            Decision::Write(change, old) => (change, old),
            Decision::Keep(schema) => {
                let receipt = once
                    .filter(|_| !precondition.validate_only)
                    .map(|once| once.receipt(&schema, now));
                let kept = self.keep_receipt(admitted.tenant.id, receipt).await?;
                return Ok(kept.then_some(schema));
            }
        };
        let (SchemaChange::Put(schema) | SchemaChange::Delete(schema)) = &change;
        let schema = schema.clone();
        if precondition.validate_only {
            return Ok(Some(schema));
        }
        entry.admitted(admitted);
        schema.schema.id.clone_into(&mut entry.resource_id);
        let new = match &change {
            SchemaChange::Put(schema) => Some(schema),
            SchemaChange::Delete(_) => None,
        };
        entry.changes = changes(old.as_ref(), new);
        entry.duration = call.started.elapsed();
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::ExtensionSchema(SchemaWrite {
                expected_version,
                version: expected_version + 1,
                change,
            }),
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once.map(|once| once.receipt(&schema, now)),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(schema)),
            Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            other => Err(Error::Internal(
                format!("a write of schemas ended as {other:?}").into(),
            )),
        }
    }
}

fn decide(
    wish: Wish<'_>,
    own: &[ExtensionSchema],
    precondition: &Precondition,
    version: i64,
) -> Result<Decision, Refusal> {
    let old = own
        .iter()
        .find(|own| own.schema.id.eq_ignore_ascii_case(wish.urn()));
    let put = |schema, extends| ExtensionSchema {
        schema: Arc::new(schema),
        extends,
        version,
    };
    match wish {
        Wish::Create(definition) => {
            let (schema, extends) = definition.parse(SCHEMA)?;
            if own.len() >= SCHEMAS_MAX && old.is_none() {
                return Err(too_many());
            }
            let own = own.iter().map(|own| own.schema.id.as_str());
            if let Some(other) = built_in_urns()
                .chain(own)
                .find(|other| collide(other, &schema.id))
            {
                return Err(exists(&schema.id, other));
            }
            Ok(Decision::Write(
                SchemaChange::Put(put(schema, extends)),
                None,
            ))
        }
        Wish::Update(definition) => {
            let old = old.ok_or_else(|| not_found(&definition.id, &format!("{SCHEMA}.id")))?;
            check_etag(old, precondition, "extension_schema.etag")?;
            let (schema, extends) = definition.parse(SCHEMA)?;
            if extends != old.extends {
                return Err(Refusal::new(
                    Reason::InvalidRequest,
                    format!(
                        "The schema extends {} and cannot extend another resource type: define one of another URN.",
                        old.extends.as_str()
                    ),
                )
                .field(format!("{SCHEMA}.resource_type")));
            }
            check_kept(
                &old.schema.attributes,
                &schema.attributes,
                &format!("{SCHEMA}.attributes"),
            )?;
            let schema = Schema {
                id: old.schema.id.clone(),
                ..schema
            };
            if schema == *old.schema {
                return Ok(Decision::Keep(old.clone()));
            }
            Ok(Decision::Write(
                SchemaChange::Put(put(schema, extends)),
                Some(old.clone()),
            ))
        }
        Wish::Delete(urn) => {
            let old = old.ok_or_else(|| not_found(urn, "urn"))?;
            check_etag(old, precondition, "etag")?;
            Ok(Decision::Write(
                SchemaChange::Delete(old.clone()),
                Some(old.clone()),
            ))
        }
    }
}

fn check_etag(
    old: &ExtensionSchema,
    precondition: &Precondition,
    field: &str,
) -> Result<(), Refusal> {
    match &precondition.etag {
        Some(etag) if *etag != old.etag() => Err(Refusal::new(
            Reason::EtagMismatch,
            format!(
                "The schema has changed: its etag is {} now. Read it again, and repeat the change on what you find.",
                old.etag()
            ),
        )
        .field(field)
        .with("etag", old.etag())),
        _ => Ok(()),
    }
}

/// What of a definition changed, as the log shows it: each attribute is one.
fn changes(old: Option<&ExtensionSchema>, new: Option<&ExtensionSchema>) -> Vec<AttributeChange> {
    let flat = |schema: &ExtensionSchema| -> Vec<(String, Value)> {
        let words = [
            ("name", &schema.schema.name),
            ("description", &schema.schema.description),
        ];
        let words = words
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), Value::from(text.as_str())));
        let attributes = schema.schema.attributes.iter().map(|attribute| {
            let json = serde_json::to_value(attribute).unwrap_or_default();
            (format!("attributes.{}", attribute.name), json)
        });
        words.chain(attributes).collect()
    };
    let (old, new) = (
        old.map(flat).unwrap_or_default(),
        new.map(flat).unwrap_or_default(),
    );
    let find = |list: &[(String, Value)], name: &str| {
        list.iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.clone())
    };
    let gone = old
        .iter()
        .filter(|(name, _)| find(&new, name).is_none())
        .map(|(name, value)| (name.clone(), Some(value.clone()), None));
    let there = new
        .iter()
        .map(|(name, value)| (name.clone(), find(&old, name), Some(value.clone())));
    there
        .chain(gone)
        .filter(|(_, old, new)| old != new)
        .map(|(attribute, old, new)| AttributeChange {
            attribute,
            old,
            new,
        })
        .collect()
}

fn not_found(urn: &str, field: &str) -> Refusal {
    Refusal::new(
        Reason::SchemaNotFound,
        format!(
            "The tenant has no extension schema {}. ListExtensionSchemas tells which it has.",
            excerpt(urn)
        ),
    )
    .field(field)
    .with("urn", excerpt(urn))
}

fn exists(urn: &str, other: &str) -> Refusal {
    Refusal::new(
        Reason::SchemaExists,
        format!(
            "{urn} cannot be told from the schema {other}, which there is. Change that one with UpdateExtensionSchema if it is the tenant's own, \
             or choose a URN of which neither is the beginning of the other."
        ),
    )
    .field(format!("{SCHEMA}.id"))
    .with("urn", urn)
    .with("other", other)
}

fn too_many() -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!("A tenant may define {SCHEMAS_MAX} schemas. Delete one, or add the attributes to one that is there."),
    )
    .field(format!("{SCHEMA}.id"))
}

fn contention() -> Refusal {
    Refusal::new(
        Reason::Contention,
        "Others define schemas of this tenant at the same time. Nothing was changed by this call; send it again.",
    )
}
