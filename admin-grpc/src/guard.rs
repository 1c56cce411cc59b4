//! `DeprovisionGuardService`.

use prost::Message;
use provisioning_core::{
    Core,
    call::Call,
    grpc::{accounts::timestamp, call, idempotent, once, status},
    guard::{self, Batch, BatchItem, BatchState, DecisionWish, DeprovisionAction},
};
use provisioning_proto::admin::v1::{
    self, ApproveDeprovisionBatchRequest, ApproveDeprovisionBatchResponse,
    DismissDeprovisionBatchRequest, DismissDeprovisionBatchResponse, GetDeprovisionGuardRequest,
    GetDeprovisionGuardResponse, ListDeprovisionBatchItemsRequest,
    ListDeprovisionBatchItemsResponse, ListDeprovisionBatchesRequest,
    ListDeprovisionBatchesResponse, deprovision_guard_service_server::DeprovisionGuardService,
};
use tonic::{Request, Response, Status};

use crate::wire;

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the deprovision guards of `core`'s tenants.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl DeprovisionGuardService for Service {
    async fn get_deprovision_guard(
        &self,
        request: Request<GetDeprovisionGuardRequest>,
    ) -> Result<Response<GetDeprovisionGuardResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let found = self
            .core
            .get_deprovision_guard(&call)
            .await
            .map_err(status)?;
        Ok(Response::new(GetDeprovisionGuardResponse {
            guard: found.guard.as_ref().map(limits),
            used: found.used,
            limit: found.limit,
            pending_batch: found.pending.as_ref().map(batch),
        }))
    }

    async fn list_deprovision_batches(
        &self,
        request: Request<ListDeprovisionBatchesRequest>,
    ) -> Result<Response<ListDeprovisionBatchesResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let page_size = wire::page_size(request.page_size)?;
        let page = self
            .core
            .list_deprovision_batches(&call, page_size, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListDeprovisionBatchesResponse {
            batches: page.batches.iter().map(batch).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }

    async fn list_deprovision_batch_items(
        &self,
        request: Request<ListDeprovisionBatchItemsRequest>,
    ) -> Result<Response<ListDeprovisionBatchItemsResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let page_size = wire::page_size(request.page_size)?;
        let page = self
            .core
            .list_deprovision_batch_items(&call, &request.batch_id, page_size, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListDeprovisionBatchItemsResponse {
            items: page.items.into_iter().map(item).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }

    async fn approve_deprovision_batch(
        &self,
        request: Request<ApproveDeprovisionBatchRequest>,
    ) -> Result<Response<ApproveDeprovisionBatchResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let wish = DecisionWish {
            precondition: wire::precondition(&request.etag, request.validate_only),
            batch_id: request.batch_id.clone(),
            approve: true,
            reason: request.reason.clone(),
        };
        self.decide(&call, &wish, &request, &request.request_id, approved)
            .await
    }

    async fn dismiss_deprovision_batch(
        &self,
        request: Request<DismissDeprovisionBatchRequest>,
    ) -> Result<Response<DismissDeprovisionBatchResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let wish = DecisionWish {
            precondition: wire::precondition(&request.etag, request.validate_only),
            batch_id: request.batch_id.clone(),
            approve: false,
            reason: request.reason.clone(),
        };
        self.decide(&call, &wish, &request, &request.request_id, dismissed)
            .await
    }
}

impl Service {
    /// Decides about a batch, once for each request.
    async fn decide<A: Message + Default>(
        &self,
        call: &Call,
        wish: &DecisionWish,
        request: &impl Message,
        request_id: &str,
        answered: fn(&Batch) -> A,
    ) -> Result<Response<A>, Status> {
        let method = if wish.approve {
            "DeprovisionGuardService/ApproveDeprovisionBatch"
        } else {
            "DeprovisionGuardService/DismissDeprovisionBatch"
        };
        let encode = |batch: &Batch| answered(batch).encode_to_vec();
        let once = once(call, method, request_id, request, &encode)?;
        let answer = self.core.decide_deprovision_batch(call, wish, once).await;
        idempotent(answer, |batch| Ok(answered(&batch)))
    }
}

/// The limits of a tenant's guard.
pub fn limits(guard: &guard::DeprovisionGuard) -> v1::DeprovisionGuard {
    let count = |limit: Option<u32>| limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
    v1::DeprovisionGuard {
        window: Some(wire::duration_to_proto(guard.window)),
        max_count: count(guard.max_count),
        max_percent: count(guard.max_percent),
    }
}

/// Reads the limits of a tenant's guard; whether they make sense is decided by the core.
pub fn from_limits(message: &v1::DeprovisionGuard) -> Result<guard::DeprovisionGuard, Status> {
    let field = |name: &str| format!("tenant.settings.deprovision_guard.{name}");
    let count = |name: &str, limit: Option<i32>| match limit.map(u32::try_from).transpose() {
        Ok(limit) => Ok(limit),
        Err(_) => Err(wire::invalid(&field(name), "A limit cannot be negative.")),
    };
    Ok(guard::DeprovisionGuard {
        window: match &message.window {
            Some(window) => wire::duration(&field("window"), window)?,
            None => guard::DeprovisionGuard::WINDOW_DEFAULT,
        },
        max_count: count("max_count", message.max_count)?,
        max_percent: count("max_percent", message.max_percent)?,
    })
}

fn approved(approved: &Batch) -> ApproveDeprovisionBatchResponse {
    ApproveDeprovisionBatchResponse {
        batch: Some(batch(approved)),
    }
}

fn dismissed(dismissed: &Batch) -> DismissDeprovisionBatchResponse {
    DismissDeprovisionBatchResponse {
        batch: Some(batch(dismissed)),
    }
}

fn batch(batch: &Batch) -> v1::DeprovisionBatch {
    v1::DeprovisionBatch {
        id: batch.id.to_string(),
        state: state(batch.state).into(),
        create_time: Some(timestamp(batch.created_at)),
        update_time: Some(timestamp(batch.updated_at)),
        suspends: batch.suspends,
        deletes: batch.deletes,
        member_removals: batch.member_removals,
        passed: batch.passed,
        decided_by: batch.decided_by.clone(),
        decide_time: batch.decided_at.map(timestamp),
        reason: batch.reason.clone(),
        etag: batch.etag(),
    }
}

fn item(item: BatchItem) -> v1::DeprovisionBatchItem {
    let is_removal = item.key.action == DeprovisionAction::RemoveMember;
    v1::DeprovisionBatchItem {
        action: action(item.key.action).into(),
        account_id: item.key.account_id.to_string(),
        user_name: item.user_name,
        object_id: item.object_id,
        group_id: if is_removal {
            item.key.group_id.to_string()
        } else {
            String::new()
        },
        group_display_name: item.group_display_name,
        first_seen_time: Some(timestamp(item.first_seen_at)),
        last_seen_time: Some(timestamp(item.last_seen_at)),
        count: item.count,
        pass_time: item.passed_at.map(timestamp),
    }
}

const fn state(state: BatchState) -> v1::DeprovisionBatchState {
    match state {
        BatchState::Pending => v1::DeprovisionBatchState::Pending,
        BatchState::Approved => v1::DeprovisionBatchState::Approved,
        BatchState::Dismissed => v1::DeprovisionBatchState::Dismissed,
    }
}

const fn action(action: DeprovisionAction) -> v1::DeprovisionAction {
    match action {
        DeprovisionAction::Suspend => v1::DeprovisionAction::Suspend,
        DeprovisionAction::Delete => v1::DeprovisionAction::Delete,
        DeprovisionAction::RemoveMember => v1::DeprovisionAction::RemoveMember,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn limits_are_read_back() {
        let guard = guard::DeprovisionGuard {
            window: Duration::from_mins(30),
            max_count: Some(50),
            max_percent: None,
        };
        assert_eq!(from_limits(&limits(&guard)).expect("they are valid"), guard);
    }

    #[test]
    fn a_window_that_is_not_said_is_an_hour() {
        let message = v1::DeprovisionGuard {
            max_percent: Some(10),
            ..v1::DeprovisionGuard::default()
        };
        let guard = from_limits(&message).expect("it is valid");
        assert_eq!(guard.window, Duration::from_hours(1));
        assert_eq!((guard.max_count, guard.max_percent), (None, Some(10)));
    }

    #[test]
    fn a_negative_limit_is_refused() {
        for message in [
            v1::DeprovisionGuard {
                max_count: Some(-1),
                ..v1::DeprovisionGuard::default()
            },
            v1::DeprovisionGuard {
                max_percent: Some(i32::MIN),
                ..v1::DeprovisionGuard::default()
            },
        ] {
            assert!(from_limits(&message).is_err(), "{message:?}");
        }
    }
}
