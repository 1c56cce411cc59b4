//! Reads of Object IDs that several accounts share.

use super::{Storage, StorageError, columns::Columns, read};
use crate::ids::TenantId;

const SHARED_OBJECT_ID: &str = "
    SELECT object_id
    FROM accounts
    WHERE tenant_id = $1 AND object_id IS NOT NULL AND deleted_at IS NULL
    GROUP BY object_id
    HAVING COUNT(*) > 1
    ORDER BY object_id
    LIMIT 1";

impl Storage {
    /// Finds an Object ID that more than one account holds; accounts that are deleted do not count. Reads the tenant's whole index of Object
    /// IDs, so it is for an operator's questions, not for requests.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_shared_object_id"))]
    pub async fn find_shared_object_id(
        &self,
        tenant: TenantId,
    ) -> Result<Option<String>, StorageError> {
        let shared = read!(self, object_id, SHARED_OBJECT_ID; tenant.uuid())?;
        Ok(shared.into_iter().next())
    }
}

fn object_id(columns: &mut impl Columns) -> Result<String, StorageError> {
    Ok(columns.text()?)
}
