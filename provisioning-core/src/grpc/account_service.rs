//! `AccountService`: messages in, use cases called, messages out.

use prost::Message as _;
use provisioning_proto::{
    json,
    v1::{
        self, BatchGetAccountsRequest, BatchGetAccountsResponse, CreateAccountRequest,
        CreateAccountResponse, DeleteAccountRequest, DeleteAccountResponse, GetAccountRequest,
        GetAccountResponse, ListAccountsRequest, ListAccountsResponse, PatchAccountRequest,
        PatchAccountResponse, ReplaceAccountRequest, ReplaceAccountResponse,
        account_service_server::AccountService, get_account_request::Key,
        patch_operation::Op as ProtoOp,
    },
};
use tonic::{Request, Response, Status};

use super::{
    accounts::{dialect, from_proto, to_proto, to_proto_with},
    call,
    changes::dry_run,
    idempotent, once, status,
};
use crate::{
    Core,
    accounts::{AccountKey, CreateOutcome, Created, ListQuery, Patched, Precondition},
    attributes::patch::{Op, Operation as PatchOperation},
    call::Call,
    error::{Error, Reason, Refusal},
    ids::AccountId,
    log::Operation,
    page_token::page_size,
};

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the accounts of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }

    async fn account_id(
        &self,
        call: &Call,
        operation: Operation,
        id: &str,
    ) -> Result<AccountId, Status> {
        match AccountId::parse(id) {
            Some(id) => Ok(id),
            None => Err(status(
                self.core.refuse_account_id(call, operation, id).await,
            )),
        }
    }
}

#[tonic::async_trait]
impl AccountService for Service {
    async fn create_account(
        &self,
        request: Request<CreateAccountRequest>,
    ) -> Result<Response<CreateAccountResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |created: &Created| {
            created_response(created)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        let once = once(
            &call,
            "AccountService/CreateAccount",
            &request.request_id,
            &request,
            &encode,
        )?;
        let attributes = from_proto(request.account.as_ref())?;
        let answer = self
            .core
            .create_account(&call, &attributes, request.validate_only, once)
            .await;
        idempotent(answer, |created| created_response(&created))
    }

    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let key = match request.into_inner().key {
            Some(Key::Id(id)) => AccountKey::Id(self.account_id(&call, Operation::Get, &id).await?),
            Some(Key::UserName(user_name)) => Core::user_name_key(&user_name),
            Some(Key::ObjectId(object_id)) => AccountKey::ObjectId(object_id),
            None => {
                let refusal = Refusal::new(
                    Reason::InvalidRequest,
                    "Say which account: id, user_name or object_id.",
                )
                .field("key");
                return Err(status(refusal.into()));
            }
        };
        let account = self.core.get_account(&call, &key).await.map_err(status)?;
        Ok(Response::new(GetAccountResponse {
            account: Some(to_proto(&account)?),
        }))
    }

    async fn batch_get_accounts(
        &self,
        request: Request<BatchGetAccountsRequest>,
    ) -> Result<Response<BatchGetAccountsResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let accounts = self
            .core
            .batch_get_accounts(&call, &request.into_inner().ids)
            .await
            .map_err(status)?;
        let accounts = accounts.iter().map(to_proto).collect::<Result<_, _>>()?;
        Ok(Response::new(BatchGetAccountsResponse { accounts }))
    }

    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let query = ListQuery {
            filter: request.filter,
            order_by: request.order_by,
            page_size: page_size(request.page_size).map_err(|refusal| status(refusal.into()))?,
            page_token: request.page_token,
            skip: request.skip,
            count_only: request.count_only,
        };
        let page = self
            .core
            .list_accounts(&call, &query)
            .await
            .map_err(status)?;
        let accounts = page
            .accounts
            .iter()
            .map(|account| to_proto_with(account, &request.attributes))
            .collect::<Result<_, _>>()?;
        Ok(Response::new(ListAccountsResponse {
            accounts,
            next_page_token: page.next_page_token.unwrap_or_default(),
            total_size: page.total_size,
        }))
    }

    async fn replace_account(
        &self,
        request: Request<ReplaceAccountRequest>,
    ) -> Result<Response<ReplaceAccountResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self
            .account_id(&call, Operation::Replace, &request.id)
            .await?;
        let encode = |patched: &Patched| {
            replaced_response(patched)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        let once = once(
            &call,
            "AccountService/ReplaceAccount",
            &request.request_id,
            &request,
            &encode,
        )?;
        let attributes = from_proto(request.account.as_ref())?;
        let precondition = precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .replace_account(&call, id, &attributes, &precondition, once)
            .await;
        idempotent(answer, |patched| replaced_response(&patched))
    }

    async fn patch_account(
        &self,
        request: Request<PatchAccountRequest>,
    ) -> Result<Response<PatchAccountResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self
            .account_id(&call, Operation::Patch, &request.id)
            .await?;
        let encode = |patched: &Patched| {
            patched_response(patched)
                .map(|response| response.encode_to_vec())
                .unwrap_or_default()
        };
        let once = once(
            &call,
            "AccountService/PatchAccount",
            &request.request_id,
            &request,
            &encode,
        )?;
        let operations = request
            .operations
            .iter()
            .map(operation)
            .collect::<Result<Vec<_>, _>>()
            .map_err(status)?;
        let precondition = precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .patch_account(&call, id, &operations, &precondition, once)
            .await;
        idempotent(answer, |patched| patched_response(&patched))
    }

    async fn delete_account(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self
            .account_id(&call, Operation::Delete, &request.id)
            .await?;
        let encode = |_: &Patched| DeleteAccountResponse::default().encode_to_vec();
        let once = once(
            &call,
            "AccountService/DeleteAccount",
            &request.request_id,
            &request,
            &encode,
        )?;
        let precondition = precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .delete_account(&call, id, &precondition, once)
            .await;
        idempotent(answer, |deleted| {
            Ok(DeleteAccountResponse {
                dry_run: deleted.dry_run.map(dry_run),
            })
        })
    }
}

pub(super) fn precondition(etag: &str, validate_only: bool) -> Precondition {
    Precondition {
        etag: (!etag.is_empty()).then(|| etag.to_owned()),
        validate_only,
    }
}

pub(super) fn operation(message: &v1::PatchOperation) -> Result<PatchOperation, Error> {
    let op = match message.op() {
        ProtoOp::Add => Op::Add,
        ProtoOp::Replace => Op::Replace,
        ProtoOp::Remove => Op::Remove,
        ProtoOp::Unspecified => {
            return Err(Refusal::new(
                Reason::InvalidSyntax,
                "Each operation needs an op: add, replace or remove.",
            )
            .field("operations")
            .into());
        }
    };
    Ok(PatchOperation {
        op,
        path: message.path.clone(),
        value: message.value.clone().map(json::from_proto),
    })
}

fn created_response(created: &Created) -> Result<CreateAccountResponse, Status> {
    let outcome = match created.outcome {
        CreateOutcome::Created => v1::CreateOutcome::Created,
        CreateOutcome::Restored => v1::CreateOutcome::Restored,
    };
    Ok(CreateAccountResponse {
        account: Some(to_proto(&created.account)?),
        outcome: outcome.into(),
        dry_run: created.dry_run.clone().map(dry_run),
    })
}

fn replaced_response(patched: &Patched) -> Result<ReplaceAccountResponse, Status> {
    Ok(ReplaceAccountResponse {
        account: Some(to_proto(&patched.account)?),
        dry_run: patched.dry_run.clone().map(dry_run),
    })
}

fn patched_response(patched: &Patched) -> Result<PatchAccountResponse, Status> {
    Ok(PatchAccountResponse {
        account: Some(to_proto(&patched.account)?),
        changed: patched.changed,
        dialect: dialect(patched.dialect).into(),
        dry_run: patched.dry_run.clone().map(dry_run),
    })
}
