//! Reading the provisioning log.

use uuid::Uuid;

use super::LogEntry;
use crate::{
    Core,
    attributes::{filter, schema::ResourceSchema},
    call::Call,
    error::{Error, Reason, Refusal},
    ids::LogEntryId,
    page_token::{cut, invalid_page_token},
};

/// One page of log entries.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// Newest first.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins; absent on the last one.
    pub next_page_token: Option<String>,
}

impl Core {
    /// The log entries of a tenant that match `filter`, newest first; an empty filter matches all.
    pub async fn list_log_entries(
        &self,
        call: &Call,
        filter: &str,
        page_size: u32,
        page_token: &str,
    ) -> Result<LogPage, Error> {
        let tenant_id = self.authenticate(call).await?.tenant.id;
        let parsed = match filter {
            "" => None,
            text => Some(filter::parse(text, ResourceSchema::log_entry()).map_err(Refusal::from)?),
        };
        let query = self.query("ListLogEntries", Some(tenant_id), &[filter]);
        let before = query
            .open(page_token)?
            .map(|place| place_from(&place.position))
            .transpose()?;
        let mut entries = self
            .storage()
            .list_log_entries(tenant_id, parsed.as_ref(), page_size + 1, before)
            .await?;
        let next_page_token =
            cut(&mut entries, page_size).map(|last| query.token(last.id.uuid().as_bytes(), None));
        Ok(LogPage {
            entries,
            next_page_token,
        })
    }

    /// One log entry of a tenant.
    pub async fn get_log_entry(&self, call: &Call, id: &str) -> Result<LogEntry, Error> {
        let tenant_id = self.authenticate(call).await?.tenant.id;
        let found = match LogEntryId::parse(id) {
            Some(id) => self.storage().find_log_entry(tenant_id, id).await?,
            None => None,
        };
        Ok(found.ok_or_else(|| {
            Refusal::new(Reason::LogEntryNotFound, "There is no such log entry.")
                .field("log_entry_id")
        })?)
    }
}

/// Where a page of log entries begins, out of its page token.
pub(crate) fn place_from(position: &[u8]) -> Result<LogEntryId, Refusal> {
    Uuid::from_slice(position)
        .map(LogEntryId::from_uuid)
        .map_err(|_| invalid_page_token())
}
