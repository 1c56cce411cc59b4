//! `LogService`.

use provisioning_core::{
    Core,
    grpc::{accounts::timestamp, call, changes::attribute_change, status},
    log::{self, Operation, Outcome},
};
use provisioning_proto::admin::v1::{
    self, GetLogEntryRequest, GetLogEntryResponse, ListLogEntriesRequest, ListLogEntriesResponse,
    log_service_server::LogService,
};
use tonic::{Request, Response, Status};

use crate::wire;

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the provisioning log of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl LogService for Service {
    async fn list_log_entries(
        &self,
        request: Request<ListLogEntriesRequest>,
    ) -> Result<Response<ListLogEntriesResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let page_size = wire::page_size(request.page_size)?;
        let page = self
            .core
            .list_log_entries(&call, &request.filter, page_size, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListLogEntriesResponse {
            log_entries: page.entries.into_iter().map(entry).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }

    async fn get_log_entry(
        &self,
        request: Request<GetLogEntryRequest>,
    ) -> Result<Response<GetLogEntryResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let found = self
            .core
            .get_log_entry(&call, &request.get_ref().log_entry_id)
            .await
            .map_err(status)?;
        Ok(Response::new(GetLogEntryResponse {
            log_entry: Some(entry(found)),
        }))
    }
}

fn entry(entry: log::LogEntry) -> v1::LogEntry {
    v1::LogEntry {
        id: entry.id.to_string(),
        time: Some(timestamp(entry.at)),
        operation: operation(entry.operation).into(),
        request: entry.request,
        outcome: outcome(entry.outcome).into(),
        resource_type: entry.resource_type.as_str().to_owned(),
        resource_id: entry.resource_id,
        object_id: entry.object_id,
        user_name: entry.user_name,
        http_status: entry.http_status.into(),
        scim_type: entry.scim_type,
        reason: entry.reason,
        detail: entry.detail,
        request_id: entry.request_id,
        token_id: entry.token_id,
        actor: entry.actor,
        changes: entry.changes.into_iter().map(attribute_change).collect(),
        duration: Some(wire::duration_to_proto(entry.duration)),
        justification: entry.justification,
    }
}

const fn outcome(outcome: Outcome) -> v1::Outcome {
    match outcome {
        Outcome::Success => v1::Outcome::Success,
        Outcome::Failure => v1::Outcome::Failure,
    }
}

const fn operation(operation: Operation) -> v1::Operation {
    match operation {
        Operation::Create => v1::Operation::Create,
        Operation::Restore => v1::Operation::Restore,
        Operation::Adopt => v1::Operation::Adopt,
        Operation::Replace => v1::Operation::Replace,
        Operation::Patch => v1::Operation::Patch,
        Operation::Suspend => v1::Operation::Suspend,
        Operation::Activate => v1::Operation::Activate,
        Operation::Delete => v1::Operation::Delete,
        Operation::Get => v1::Operation::Get,
        Operation::List => v1::Operation::List,
        Operation::Link => v1::Operation::Link,
        Operation::Unlink => v1::Operation::Unlink,
        Operation::TokenGenerate => v1::Operation::TokenGenerate,
        Operation::TokenRegenerate => v1::Operation::TokenRegenerate,
        Operation::TokenRevoke => v1::Operation::TokenRevoke,
        Operation::Authenticate => v1::Operation::Authenticate,
        Operation::RequestRejected => v1::Operation::RequestRejected,
        Operation::TenantUpdate => v1::Operation::TenantUpdate,
        Operation::SchemaCreate => v1::Operation::SchemaCreate,
        Operation::SchemaUpdate => v1::Operation::SchemaUpdate,
        Operation::SchemaDelete => v1::Operation::SchemaDelete,
        Operation::Hold => v1::Operation::Hold,
        Operation::Release => v1::Operation::Release,
        Operation::Protect => v1::Operation::Protect,
        Operation::Unprotect => v1::Operation::Unprotect,
        Operation::Purge => v1::Operation::Purge,
        Operation::FindingDismiss => v1::Operation::FindingDismiss,
        Operation::DeprovisionApprove => v1::Operation::DeprovisionApprove,
        Operation::DeprovisionDismiss => v1::Operation::DeprovisionDismiss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract says that filters name a value by its name without prefix in lower case.
    #[test]
    fn filters_and_messages_name_values_alike() {
        for value in Operation::ALL {
            let name = operation(*value)
                .as_str_name()
                .trim_start_matches("OPERATION_")
                .to_lowercase();
            assert_eq!(name, value.as_str());
        }
        for value in Outcome::ALL {
            let name = outcome(*value)
                .as_str_name()
                .trim_start_matches("OUTCOME_")
                .to_lowercase();
            assert_eq!(name, value.as_str());
        }
    }
}
