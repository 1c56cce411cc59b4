//! Requests that were refused or failed outside of a use case: they belong into the log as well.

use super::{LogEntry, Operation, Outcome, TEXT_CHARS_MAX, bounded};
use crate::{
    Core,
    accounts::unexpected,
    call::{Admitted, Call},
    error::Error,
    ids::LogEntryId,
    receipts::{Answer, Once},
    storage::{Commit, Mutation, Write},
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
    /// Writes the log entry of a request that was refused or failed outside of a use case; a report that is repeated is answered with the first one's.
    pub async fn report_rejected_request(
        &self,
        call: &Call,
        rejected: RejectedRequest,
        once: Option<Once<'_, LogEntryId>>,
    ) -> Result<Answer<LogEntryId>, Error> {
        let admitted = self.authenticate(call).await?;
        let entry = self.rejected_entry(call, &admitted, rejected);
        let (id, at) = (entry.id, entry.at);
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Nothing,
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once.as_ref().map(|once| once.receipt(&id, at)),
            findings: Vec::new(),
        };
        // A report is hardly ever repeated, so the receipt is looked for when it is in the way.
        match self.storage().commit(mutation).await? {
            Commit::RequestIdUsed => match self.replay(admitted.tenant.id, once.as_ref()).await? {
                Some(answer) => Ok(Answer::Replayed(answer)),
                None => Err(unexpected(Commit::RequestIdUsed)),
            },
            Commit::Done => Ok(Answer::Fresh(id)),
            other => Err(unexpected(other)),
        }
    }

    /// Writes the log entry of a request of which only the caller is known: one a minute, caller and reason, whatever the number of requests and
    /// replicas. A tenant that is not there has no log.
    pub(crate) async fn report_unread_request(
        &self,
        call: &Call,
        rejected: RejectedRequest,
    ) -> Result<(), Error> {
        let caller = self.storage().find_caller(&call.caller_key()).await?;
        let now = self.now();
        let Ok(admitted) = call.admit(caller, now) else {
            return Ok(());
        };
        let mut entry = self.rejected_entry(call, &admitted, rejected);
        let said = format!("{}/{}", entry.actor, entry.reason);
        entry.id = LogEntryId::of_minute(now, &said);
        let tenant = admitted.tenant.id;
        Ok(self.storage().append_log_once(tenant, entry).await?)
    }

    fn rejected_entry(
        &self,
        call: &Call,
        admitted: &Admitted,
        rejected: RejectedRequest,
    ) -> LogEntry {
        let mut entry = LogEntry::new(call, Operation::RequestRejected, self.now());
        entry.admitted(admitted);
        entry.outcome = Outcome::Failure;
        entry.request = bounded(&rejected.request, TEXT_CHARS_MAX);
        entry.http_status = rejected.http_status;
        entry.scim_type = bounded(&rejected.scim_type, TEXT_CHARS_MAX);
        entry.reason = bounded(&rejected.reason, TEXT_CHARS_MAX);
        entry.detail = bounded(&rejected.detail, TEXT_CHARS_MAX);
        entry.resource_id = rejected.resource_id;
        entry.bound();
        entry
    }
}
