//! `LinkService`.

use prost::Message as _;
use provisioning_core::{
    Core,
    accounts::AccountKey,
    call::Call,
    grpc::{
        accounts::{timestamp, to_proto},
        call, idempotent, once, status,
    },
    ids::AccountId,
    links::{self, LinkTarget, Linked},
    log::{LogEntry, Operation},
};
use provisioning_proto::admin::v1::{
    BulkLinkObjectIdsRequest, DiagnoseAccountRequest, DiagnoseAccountResponse,
    DismissFindingRequest, DismissFindingResponse, GetFindingRequest, GetFindingResponse, HandOver,
    LinkObjectIdRequest, LinkObjectIdResponse, LinkPreview, LinkStep, ListFindingsRequest,
    ListFindingsResponse, ListLinkHistoryRequest, ListLinkHistoryResponse, MatchPreview,
    RevertLinkStepRequest, RevertLinkStepResponse, UnlinkObjectIdRequest, UnlinkObjectIdResponse,
    link_object_id_request, link_service_server::LinkService, unlink_object_id_request,
};
use tonic::{Request, Response, Status, Streaming};

use crate::{bulk_links, diagnosis, findings, wire};

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

    type BulkLinkObjectIdsStream = bulk_links::Answers;

    async fn bulk_link_object_ids(
        &self,
        request: Request<Streaming<BulkLinkObjectIdsRequest>>,
    ) -> Result<Response<Self::BulkLinkObjectIdsStream>, Status> {
        bulk_links::answer(&self.core, request)
            .await
            .map(Response::new)
    }

    async fn list_link_history(
        &self,
        request: Request<ListLinkHistoryRequest>,
    ) -> Result<Response<ListLinkHistoryResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let page_size = wire::page_size(request.page_size)?;
        let account_id = Some(request.account_id.as_str()).filter(|id| !id.is_empty());
        let page = self
            .core
            .list_link_history(&call, account_id, page_size, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListLinkHistoryResponse {
            steps: page.entries.into_iter().map(step).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }

    async fn revert_link_step(
        &self,
        request: Request<RevertLinkStepRequest>,
    ) -> Result<Response<RevertLinkStepResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |linked: &Linked| {
            revert_response(linked)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        let once = once(
            &call,
            "LinkService/RevertLinkStep",
            &request.request_id,
            &request,
            &encode,
        )?;
        let precondition = wire::precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .revert_link_step(
                &call,
                &request.link_step_id,
                &precondition,
                &request.reason,
                once,
            )
            .await;
        idempotent(answer, |linked| revert_response(&linked))
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
        preview: linked.preview.as_ref().map(preview),
    })
}

fn unlink_response(linked: &Linked) -> Result<UnlinkObjectIdResponse, Status> {
    let previous_object_id = linked.previous_object_id.clone().unwrap_or_default();
    Ok(UnlinkObjectIdResponse {
        account: Some(to_proto(&linked.account)?),
        previous_object_id,
        preview: linked.preview.as_ref().map(preview),
    })
}

fn revert_response(linked: &Linked) -> Result<RevertLinkStepResponse, Status> {
    Ok(RevertLinkStepResponse {
        account: Some(to_proto(&linked.account)?),
        previous_object_id: linked.previous_object_id.clone(),
        preview: linked.preview.as_ref().map(preview),
    })
}

fn preview(preview: &links::LinkPreview) -> LinkPreview {
    let ids = |ids: &[AccountId]| ids.iter().map(ToString::to_string).collect();
    let matches = preview.matches.iter().map(|matched| MatchPreview {
        filter: matched.filter.clone(),
        account_ids_before: ids(&matched.before),
        account_ids_after: ids(&matched.after),
    });
    let hand_overs = preview.hand_overs.iter().map(|hand_over| HandOver {
        account_id: hand_over.account_id.to_string(),
        user_name: hand_over.user_name.clone(),
        object_id_before: hand_over.before.clone().unwrap_or_default(),
        object_id_after: hand_over.after.clone().unwrap_or_default(),
    });
    LinkPreview {
        matches: matches.collect(),
        hand_overs: hand_overs.collect(),
    }
}

/// The step of a log entry, which is one.
pub fn step(entry: LogEntry) -> LinkStep {
    let (before, after) = entry
        .link_step
        .map(|step| (step.before, step.after))
        .unwrap_or_default();
    LinkStep {
        id: entry.id.to_string(),
        time: Some(timestamp(entry.at)),
        account_id: entry.resource_id,
        user_name: entry.user_name,
        previous_object_id: before.unwrap_or_default(),
        object_id: after.unwrap_or_default(),
        actor: entry.actor,
        reason: entry.justification,
        request_id: entry.request_id,
    }
}
