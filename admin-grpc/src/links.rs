//! `LinkService`.

use prost::Message as _;
use provisioning_core::{
    Core,
    accounts::AccountKey,
    call::Call,
    grpc::{accounts::to_proto, call, idempotent, once, status},
    ids::AccountId,
    links::{LinkTarget, Linked},
    log::Operation,
};
use provisioning_proto::admin::v1::{
    BulkLinkObjectIdsRequest, BulkLinkObjectIdsResponse, DiagnoseAccountRequest,
    DiagnoseAccountResponse, DismissFindingRequest, DismissFindingResponse, GetFindingRequest,
    GetFindingResponse, LinkObjectIdRequest, LinkObjectIdResponse, ListFindingsRequest,
    ListFindingsResponse, ListLinkHistoryRequest, ListLinkHistoryResponse, RevertLinkStepRequest,
    RevertLinkStepResponse, UnlinkObjectIdRequest, UnlinkObjectIdResponse, link_object_id_request,
    link_service_server::LinkService, unlink_object_id_request,
};
use tonic::{Request, Response, Status, Streaming};

use crate::{diagnosis, findings, wire};

/// The service.
pub struct Service {
    core: Core,
}

/// Which account a request names.
enum Named<'a> {
    Id(&'a str),
    UserName(&'a str),
}

impl Service {
    /// Serves the links of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }

    async fn account_key(
        &self,
        call: &Call,
        operation: Operation,
        named: Option<Named<'_>>,
    ) -> Result<AccountKey, Status> {
        match named {
            Some(Named::UserName(user_name)) => Ok(Core::user_name_key(user_name)),
            Some(Named::Id(id)) => match AccountId::parse(id) {
                Some(id) => Ok(AccountKey::Id(id)),
                None => Err(status(
                    self.core.refuse_account_id(call, operation, id).await,
                )),
            },
            None => Err(wire::invalid(
                "account",
                "Say which account: account_id or user_name.",
            )),
        }
    }
}

#[tonic::async_trait]
impl LinkService for Service {
    async fn link_object_id(
        &self,
        request: Request<LinkObjectIdRequest>,
    ) -> Result<Response<LinkObjectIdResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |linked: &Linked| {
            link_response(linked)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        let once = once(
            &call,
            "LinkService/LinkObjectId",
            &request.request_id,
            &request,
            &encode,
        )?;
        let named = request.account.as_ref().map(|account| match account {
            link_object_id_request::Account::AccountId(id) => Named::Id(id),
            link_object_id_request::Account::UserName(user_name) => Named::UserName(user_name),
        });
        let target = LinkTarget {
            account: self.account_key(&call, Operation::Link, named).await?,
            precondition: wire::precondition(&request.etag, request.validate_only),
            reason: request.reason.clone(),
        };
        let answer = self
            .core
            .link_object_id(&call, &target, &request.object_id, once)
            .await;
        idempotent(answer, |linked| link_response(&linked))
    }

    async fn unlink_object_id(
        &self,
        request: Request<UnlinkObjectIdRequest>,
    ) -> Result<Response<UnlinkObjectIdResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |linked: &Linked| {
            unlink_response(linked)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        let once = once(
            &call,
            "LinkService/UnlinkObjectId",
            &request.request_id,
            &request,
            &encode,
        )?;
        let named = request.account.as_ref().map(|account| match account {
            unlink_object_id_request::Account::AccountId(id) => Named::Id(id),
            unlink_object_id_request::Account::UserName(user_name) => Named::UserName(user_name),
        });
        let target = LinkTarget {
            account: self.account_key(&call, Operation::Unlink, named).await?,
            precondition: wire::precondition(&request.etag, request.validate_only),
            reason: request.reason.clone(),
        };
        let answer = self.core.unlink_object_id(&call, &target, once).await;
        idempotent(answer, |linked| unlink_response(&linked))
    }

    type BulkLinkObjectIdsStream =
        tokio_stream::wrappers::ReceiverStream<Result<BulkLinkObjectIdsResponse, Status>>;

    async fn bulk_link_object_ids(
        &self,
        _: Request<Streaming<BulkLinkObjectIdsRequest>>,
    ) -> Result<Response<Self::BulkLinkObjectIdsStream>, Status> {
        Err(Status::unimplemented("BulkLinkObjectIds"))
    }

    async fn list_link_history(
        &self,
        _: Request<ListLinkHistoryRequest>,
    ) -> Result<Response<ListLinkHistoryResponse>, Status> {
        Err(Status::unimplemented("ListLinkHistory"))
    }

    async fn revert_link_step(
        &self,
        _: Request<RevertLinkStepRequest>,
    ) -> Result<Response<RevertLinkStepResponse>, Status> {
        Err(Status::unimplemented("RevertLinkStep"))
    }

    async fn list_findings(
        &self,
        request: Request<ListFindingsRequest>,
    ) -> Result<Response<ListFindingsResponse>, Status> {
        findings::list(&self.core, request).await
    }

    async fn get_finding(
        &self,
        request: Request<GetFindingRequest>,
    ) -> Result<Response<GetFindingResponse>, Status> {
        findings::get(&self.core, request).await
    }

    async fn dismiss_finding(
        &self,
        request: Request<DismissFindingRequest>,
    ) -> Result<Response<DismissFindingResponse>, Status> {
        findings::dismiss(&self.core, request).await
    }

    async fn diagnose_account(
        &self,
        request: Request<DiagnoseAccountRequest>,
    ) -> Result<Response<DiagnoseAccountResponse>, Status> {
        diagnosis::diagnose(&self.core, request).await
    }
}

fn link_response(linked: &Linked) -> Result<LinkObjectIdResponse, Status> {
    Ok(LinkObjectIdResponse {
        account: Some(to_proto(&linked.account)?),
        previous_object_id: linked.previous_object_id.clone(),
        preview: None,
    })
}

fn unlink_response(linked: &Linked) -> Result<UnlinkObjectIdResponse, Status> {
    let previous_object_id = linked.previous_object_id.clone().unwrap_or_default();
    Ok(UnlinkObjectIdResponse {
        account: Some(to_proto(&linked.account)?),
        previous_object_id,
        preview: None,
    })
}
