//! Reads of one log entry.

use super::{
    Storage, StorageError,
    columns::{log_entry, log_entry_columns},
    read,
};
use crate::{
    ids::{LogEntryId, TenantId},
    log::LogEntry,
};

const ONE: &str = concat!(
    "SELECT ",
    log_entry_columns!(),
    " FROM log_entries e WHERE e.tenant_id = $1 AND e.id = $2"
);

impl Storage {
    /// Finds one log entry.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_log_entry"))]
    pub async fn find_log_entry(
        &self,
        tenant: TenantId,
        id: LogEntryId,
    ) -> Result<Option<LogEntry>, StorageError> {
        let entries = read!(self, log_entry, ONE; tenant.uuid(), id.uuid())?;
        Ok(entries.into_iter().next())
    }
}
