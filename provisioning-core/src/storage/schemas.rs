//! Reads of the schemas that tenants define.

use super::{
    Storage, StorageError,
    accounts::{caller_sql, token_id},
    columns::{caller_and_schema, caller_columns, extension_schema_columns},
    read,
};
use crate::{
    call::{Caller, CallerKey},
    schemas::ExtensionSchema,
};

/// One statement, so that the definitions are those of the schema version that it returns.
const EXTENSION_SCHEMAS: &str = concat!(
    "SELECT ",
    caller_columns!(),
    ", ",
    extension_schema_columns!(),
    " ",
    caller_sql!(),
    " LEFT JOIN extension_schemas s ON s.tenant_id = t.id WHERE t.identifier = $1 ORDER BY s.urn_key"
);

impl Storage {
    /// Finds the caller, and the schemas that the tenant has defined, by URN.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_extension_schemas"))]
    pub async fn find_extension_schemas(
        &self,
        key: &CallerKey,
    ) -> Result<(Option<Caller>, Vec<ExtensionSchema>), StorageError> {
        let rows =
            read!(self, caller_and_schema, EXTENSION_SCHEMAS; key.tenant.as_str(), token_id(key))?;
        let mut caller = None;
        let mut schemas = Vec::with_capacity(rows.len());
        for (row_caller, schema) in rows {
            caller.get_or_insert(row_caller);
            schemas.extend(schema);
        }
        Ok((caller, schemas))
    }
}
