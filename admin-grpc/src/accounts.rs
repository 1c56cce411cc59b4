//! `AccountAdminService`.

use prost::Message as _;
use provisioning_core::{
    Core,
    accounts::{Account, Act, ActTarget},
    call::Call,
    grpc::{accounts::to_proto, call, idempotent, once, status},
    ids::AccountId,
};
use provisioning_proto::admin::v1::{
    HoldAccountRequest, HoldAccountResponse, ListDeletedAccountsRequest,
    ListDeletedAccountsResponse, ProtectAccountRequest, ProtectAccountResponse,
    PurgeAccountRequest, PurgeAccountResponse, ReleaseAccountRequest, ReleaseAccountResponse,
    RestoreAccountRequest, RestoreAccountResponse, UnprotectAccountRequest,
    UnprotectAccountResponse, account_admin_service_server::AccountAdminService,
};
use tonic::{Request, Response, Status};

use crate::wire;

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves what admins decide of the accounts of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }

    async fn account_id(&self, call: &Call, act: Act, id: &str) -> Result<AccountId, Status> {
        match AccountId::parse(id) {
            Some(id) => Ok(id),
            None => Err(status(
                self.core.refuse_account_id(call, act.operation(), id).await,
            )),
        }
    }
}

/// One act: the requests differ in their names only. `$respond` makes the response from the account, and `$encode` its encoding.
macro_rules! act {
    ($service:expr, $request:expr, $act:expr, $method:literal, $response:ident) => {{
        let respond = |account: &Account| -> Result<$response, Status> {
            Ok($response {
                account: Some(to_proto(account)?),
            })
        };
        let encode = |account: &Account| {
            respond(account)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        act!($service, $request, $act, $method, respond, encode)
    }};
    ($service:expr, $request:expr, $act:expr, $method:literal, $respond:expr, $encode:expr) => {{
        let call = call(&$request, &$request.get_ref().tenant)?;
        let request = $request.into_inner();
        let once = once(
            &call,
            concat!("AccountAdminService/", $method),
            &request.request_id,
            &request,
            &$encode,
        )?;
        let target = ActTarget {
            account_id: $service
                .account_id(&call, $act, &request.account_id)
                .await?,
            precondition: wire::precondition(&request.etag, request.validate_only),
            reason: request.reason.clone(),
        };
        let answer = $service
            .core
            .act_on_account(&call, $act, &target, once)
            .await;
        idempotent(answer, |account| $respond(&account))
    }};
}

#[tonic::async_trait]
impl AccountAdminService for Service {
    async fn hold_account(
        &self,
        request: Request<HoldAccountRequest>,
    ) -> Result<Response<HoldAccountResponse>, Status> {
        act!(self, request, Act::Hold, "HoldAccount", HoldAccountResponse)
    }

    async fn release_account(
        &self,
        request: Request<ReleaseAccountRequest>,
    ) -> Result<Response<ReleaseAccountResponse>, Status> {
        act!(
            self,
            request,
            Act::Release,
            "ReleaseAccount",
            ReleaseAccountResponse
        )
    }

    async fn protect_account(
        &self,
        request: Request<ProtectAccountRequest>,
    ) -> Result<Response<ProtectAccountResponse>, Status> {
        act!(
            self,
            request,
            Act::Protect,
            "ProtectAccount",
            ProtectAccountResponse
        )
    }

    async fn unprotect_account(
        &self,
        request: Request<UnprotectAccountRequest>,
    ) -> Result<Response<UnprotectAccountResponse>, Status> {
        act!(
            self,
            request,
            Act::Unprotect,
            "UnprotectAccount",
            UnprotectAccountResponse
        )
    }

    async fn list_deleted_accounts(
        &self,
        request: Request<ListDeletedAccountsRequest>,
    ) -> Result<Response<ListDeletedAccountsResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let page_size = wire::page_size(request.page_size)?;
        let page = self
            .core
            .list_deleted_accounts(&call, page_size, &request.page_token)
            .await
            .map_err(status)?;
        Ok(Response::new(ListDeletedAccountsResponse {
            accounts: page
                .accounts
                .iter()
                .map(to_proto)
                .collect::<Result<_, _>>()?,
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }

    async fn restore_account(
        &self,
        request: Request<RestoreAccountRequest>,
    ) -> Result<Response<RestoreAccountResponse>, Status> {
        act!(
            self,
            request,
            Act::Restore,
            "RestoreAccount",
            RestoreAccountResponse
        )
    }

    async fn purge_account(
        &self,
        request: Request<PurgeAccountRequest>,
    ) -> Result<Response<PurgeAccountResponse>, Status> {
        let respond = |_: &Account| -> Result<_, Status> { Ok(PurgeAccountResponse {}) };
        let encode = |_: &Account| PurgeAccountResponse {}.encode_to_vec();
        act!(self, request, Act::Purge, "PurgeAccount", respond, encode)
    }
}
