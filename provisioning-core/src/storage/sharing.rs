//! Reads of what several hold and a setting would have unique: Object IDs of accounts, names of groups.

use super::{Storage, StorageError, columns::Columns, read};
use crate::ids::{GroupId, TenantId};

const SHARED_OBJECT_ID: &str = "
    SELECT object_id
    FROM accounts
    WHERE tenant_id = $1 AND object_id IS NOT NULL AND deleted_at IS NULL
    GROUP BY object_id
    HAVING COUNT(*) > 1
    ORDER BY object_id
    LIMIT 1";

const SHARED_DISPLAY_NAME: &str = "
    SELECT id, display_name
    FROM groups
    WHERE tenant_id = $1 AND deleted_at IS NULL
      AND display_name_key = (
          SELECT display_name_key
          FROM groups
          WHERE tenant_id = $1 AND deleted_at IS NULL
          GROUP BY display_name_key
          HAVING COUNT(*) > 1
          ORDER BY display_name_key
          LIMIT 1
      )
    ORDER BY id
    LIMIT 2";

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

    /// Finds two groups of one name, with their names; none when every group has a name of its own. For an operator's questions as well.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_shared_display_name"))]
    pub async fn find_shared_display_name(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<(GroupId, String)>, StorageError> {
        read!(self, id_and_name, SHARED_DISPLAY_NAME; tenant.uuid())
    }
}

fn id_and_name(columns: &mut impl Columns) -> Result<(GroupId, String), StorageError> {
    Ok((GroupId::from_uuid(columns.uuid()?), columns.text()?))
}

fn object_id(columns: &mut impl Columns) -> Result<String, StorageError> {
    Ok(columns.text()?)
}
