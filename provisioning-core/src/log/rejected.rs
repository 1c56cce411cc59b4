//! Requests that were refused or failed outside of a use case: they belong into the log as well.

use super::{LogEntry, Operation, Outcome, TEXT_CHARS_MAX, bounded};
use crate::{
    Core,
    call::Call,
    error::Error,
    ids::LogEntryId,
    storage::{Mutation, Write},
};

/// What a SCIM front, or our own gRPC services, say of a request that no use case has logged.
#[derive(Clone, Debug)]
pub struct RejectedRequest {
    /// The HTTP method and route, or the RPC.
    pub request: String,
    /// The reason it answers.
    pub reason: String,
    /// The status it answers.
    pub http_status: u16,
    /// The scimType it answers; may be empty.
    pub scim_type: String,
    /// The text it answers.
    pub detail: String,
    /// The id in the path; may be empty.
    pub resource_id: String,
}

impl Core {
    /// Writes the log entry of a request that was refused or failed outside of a use case.
    pub async fn report_rejected_request(
        &self,
        call: &Call,
        rejected: RejectedRequest,
    ) -> Result<LogEntryId, Error> {
        let admitted = self.authenticate(call).await?;
        let mut entry = LogEntry::new(call, Operation::RequestRejected, self.now());
        entry.admitted(&admitted);
        entry.outcome = Outcome::Failure;
        entry.request = bounded(&rejected.request, TEXT_CHARS_MAX);
        entry.http_status = rejected.http_status;
        entry.scim_type = bounded(&rejected.scim_type, TEXT_CHARS_MAX);
        entry.reason = bounded(&rejected.reason, TEXT_CHARS_MAX);
        entry.detail = bounded(&rejected.detail, TEXT_CHARS_MAX);
        entry.resource_id = rejected.resource_id;
        entry.bound();
        let id = entry.id;
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Nothing,
            guard: None,
            log: Some(entry),
            change: None,
            receipt: None,
            findings: Vec::new(),
        };
        self.storage().commit(mutation).await?;
        Ok(id)
    }
}
