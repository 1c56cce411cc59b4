//! `FacadeService`: what a SCIM front asks beside the accounts.

use prost::Message as _;
use provisioning_proto::v1::{
    AuthenticateRequest, AuthenticateResponse, ErrorReason, ReportRejectedRequestRequest,
    ReportRejectedRequestResponse, facade_service_server::FacadeService,
};
use tonic::{Request, Response, Status};

use super::{accounts::dialect, call, idempotent, once, status};
use crate::{Core, ids::LogEntryId, log::RejectedRequest, tokens::TokenId};

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the tokens and the log of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl FacadeService for Service {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let admitted = self.core.authenticate(&call).await.map_err(status)?;
        Ok(Response::new(AuthenticateResponse {
            tenant_id: admitted.tenant.id.to_string(),
            token_id: admitted
                .token_id
                .as_ref()
                .map(TokenId::to_string)
                .unwrap_or_default(),
            dialect: dialect(admitted.tenant.settings.dialect).into(),
        }))
    }

    async fn report_rejected_request(
        &self,
        request: Request<ReportRejectedRequestRequest>,
    ) -> Result<Response<ReportRejectedRequestResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        if call.validate_only {
            self.core.authenticate(&call).await.map_err(status)?;
            return Ok(Response::new(ReportRejectedRequestResponse::default()));
        }
        let request = request.into_inner();
        let encode = |id: &LogEntryId| reported(*id).encode_to_vec();
        let once = once(
            &call,
            "FacadeService/ReportRejectedRequest",
            &request.request_id,
            &request,
            &encode,
        )?;
        let http_status = u16::try_from(request.http_status).unwrap_or(500);
        let rejected = RejectedRequest {
            request: request.operation,
            reason: reason(http_status).reason().to_owned(),
            http_status,
            scim_type: request.scim_type,
            detail: request.detail,
            resource_id: request.resource_id,
        };
        let answer = self
            .core
            .report_rejected_request(&call, rejected, once)
            .await;
        idempotent(answer, |id| Ok(reported(id)))
    }
}

fn reported(id: LogEntryId) -> ReportRejectedRequestResponse {
    ReportRejectedRequestResponse {
        log_entry_id: id.to_string(),
    }
}

/// What a SCIM front answers by itself is wrong with the request, or its own fault.
const fn reason(http_status: u16) -> ErrorReason {
    match http_status {
        503 => ErrorReason::Unavailable,
        500.. => ErrorReason::Internal,
        _ => ErrorReason::InvalidRequest,
    }
}
