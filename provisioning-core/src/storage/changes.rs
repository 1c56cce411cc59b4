//! Reads of numbered changes.

use super::{Storage, StorageError, columns::numbered_change, read};
use crate::{changes::Change, ids::TenantId};

const NUMBERED: &str = "
    SELECT number, id, at, kind, resource_type, resource_id, version
    FROM changes
    WHERE tenant_id = $1 AND number > $2
    ORDER BY number
    LIMIT $3";

impl Storage {
    /// Lists the tenant's changes behind a number, in order and without a gap. What was committed and has no number yet comes later.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_changes"))]
    pub async fn list_changes(
        &self,
        tenant: TenantId,
        after_number: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Change)>, StorageError> {
        read!(self, numbered_change, NUMBERED; tenant.uuid(), after_number, i64::from(limit))
    }
}
