//! A core that records what it is asked and answers as it is told.

use std::{
    any::Any,
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use provisioning_proto::{
    ERROR_DOMAIN,
    v1::{
        self, ErrorReason,
        account_service_server::{AccountService, AccountServiceServer},
        facade_service_server::{FacadeService, FacadeServiceServer},
        schema_service_server::{SchemaService, SchemaServiceServer},
    },
};
use tonic::{Code, Request, Response, Status, metadata::MetadataMap, service::Routes};
use tonic_types::{ErrorDetails, StatusExt};

pub const TOKEN: &str = "good";
pub const ID: &str = "0192f0c1-0000-7000-8000-000000000001";
pub const ETAG: &str = "\"7\"";

/// One call.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub metadata: MetadataMap,
    message: Arc<dyn Any + Send + Sync>,
}

/// Shared by the servers and the test.
#[derive(Clone, Default)]
pub struct FakeCore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    failures: VecDeque<Status>,
    account: Option<v1::Account>,
    dialect: v1::Dialect,
    is_silent: bool,
    panics: bool,
}

/// A failure as the core makes it.
pub fn failure(code: Code, reason: ErrorReason, text: &str) -> Status {
    Status::with_error_details(
        code,
        text,
        ErrorDetails::with_error_info(reason.reason(), ERROR_DOMAIN, []),
    )
}

/// The account that the core has.
pub fn account() -> v1::Account {
    let json = serde_json::json!({"userName": "alice@contoso.com", "externalId": "o", "active": true,
        "name": {"givenName": "Alice", "familyName": "Example"},
        "emails": [{"value": "alice@contoso.com", "type": "work"}, {"value": "a@home.example", "type": "home"}]});
    v1::Account {
        id: ID.to_owned(),
        etag: ETAG.to_owned(),
        ..serde_json::from_value(json).unwrap()
    }
}

impl FakeCore {
    pub fn routes(&self) -> Routes {
        Routes::new(AccountServiceServer::new(self.clone()))
            .add_service(FacadeServiceServer::new(self.clone()))
            .add_service(SchemaServiceServer::new(self.clone()))
    }

    /// The next call fails so; called again, the one after it.
    pub fn fail_next(&self, status: Status) {
        self.state.lock().unwrap().failures.push_back(status);
    }

    pub fn speak(&self, dialect: v1::Dialect) {
        self.state.lock().unwrap().dialect = dialect;
    }

    /// From now on no call is answered.
    pub fn fall_silent(&self) {
        self.state.lock().unwrap().is_silent = true;
    }

    /// From now on every call panics.
    pub fn panic(&self) {
        self.state.lock().unwrap().panics = true;
    }

    pub fn methods(&self) -> Vec<&'static str> {
        self.state
            .lock()
            .unwrap()
            .calls
            .iter()
            .map(|call| call.method)
            .collect()
    }

    /// How long each call said that it may take.
    pub fn times_left_ms(&self) -> Vec<u64> {
        let of = |call: &Call| {
            let timeout = call
                .metadata
                .get("grpc-timeout")
                .expect("a call has a deadline")
                .to_str()
                .unwrap();
            let (number, unit) = timeout.split_at(timeout.len() - 1);
            let number: u64 = number.parse().unwrap();
            match unit {
                "S" => number * 1_000,
                "m" => number,
                "u" => number / 1_000,
                "n" => number / 1_000_000,
                other => panic!("{other} is no unit of a deadline here"),
            }
        };
        self.state.lock().unwrap().calls.iter().map(of).collect()
    }

    pub fn last_call(&self) -> Call {
        self.state
            .lock()
            .unwrap()
            .calls
            .last()
            .expect("the core was called")
            .clone()
    }

    /// The message of the last call.
    pub fn last<M: Clone + 'static>(&self) -> M {
        self.last_call()
            .message
            .downcast_ref::<M>()
            .expect("the last call has this message")
            .clone()
    }

    async fn called<M: Clone + Send + Sync + 'static>(
        &self,
        method: &'static str,
        request: Request<M>,
    ) -> Result<M, Status> {
        let (metadata, _, message) = request.into_parts();
        let (failure, is_silent, authorization) = {
            let mut state = self.state.lock().unwrap();
            assert!(!state.panics, "the script wants a panic");
            let authorization = metadata
                .get("authorization")
                .map(|value| value.to_str().unwrap().to_owned());
            state.calls.push(Call {
                method,
                metadata,
                message: Arc::new(message.clone()),
            });
            (state.failures.pop_front(), state.is_silent, authorization)
        };
        if is_silent {
            std::future::pending::<()>().await;
        }
        if let Some(status) = failure {
            return Err(status);
        }
        if authorization.as_deref() != Some("Bearer good") {
            return Err(failure_of_credential());
        }
        Ok(message)
    }

    fn account(&self) -> v1::Account {
        self.state
            .lock()
            .unwrap()
            .account
            .clone()
            .unwrap_or_else(account)
    }
}

fn failure_of_credential() -> Status {
    failure(
        Code::Unauthenticated,
        ErrorReason::InvalidCredential,
        "The SCIM token is not valid.",
    )
}

#[tonic::async_trait]
impl AccountService for FakeCore {
    async fn create_account(
        &self,
        request: Request<v1::CreateAccountRequest>,
    ) -> Result<Response<v1::CreateAccountResponse>, Status> {
        let message = self.called("CreateAccount", request).await?;
        let account = v1::Account {
            id: ID.to_owned(),
            etag: ETAG.to_owned(),
            ..message.account.unwrap_or_default()
        };
        Ok(Response::new(v1::CreateAccountResponse {
            account: Some(account),
            ..Default::default()
        }))
    }

    async fn get_account(
        &self,
        request: Request<v1::GetAccountRequest>,
    ) -> Result<Response<v1::GetAccountResponse>, Status> {
        self.called("GetAccount", request).await?;
        Ok(Response::new(v1::GetAccountResponse {
            account: Some(self.account()),
        }))
    }

    async fn batch_get_accounts(
        &self,
        request: Request<v1::BatchGetAccountsRequest>,
    ) -> Result<Response<v1::BatchGetAccountsResponse>, Status> {
        self.called("BatchGetAccounts", request).await?;
        Err(Status::unimplemented("the facade does not use it"))
    }

    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        let message = self.called("ListAccounts", request).await?;
        let accounts = if message.count_only {
            Vec::new()
        } else {
            vec![self.account()]
        };
        Ok(Response::new(v1::ListAccountsResponse {
            accounts,
            total_size: 11,
            ..Default::default()
        }))
    }

    async fn replace_account(
        &self,
        request: Request<v1::ReplaceAccountRequest>,
    ) -> Result<Response<v1::ReplaceAccountResponse>, Status> {
        let message = self.called("ReplaceAccount", request).await?;
        let account = v1::Account {
            id: message.id,
            etag: ETAG.to_owned(),
            ..message.account.unwrap_or_default()
        };
        Ok(Response::new(v1::ReplaceAccountResponse {
            account: Some(account),
        }))
    }

    async fn patch_account(
        &self,
        request: Request<v1::PatchAccountRequest>,
    ) -> Result<Response<v1::PatchAccountResponse>, Status> {
        self.called("PatchAccount", request).await?;
        let dialect = self.state.lock().unwrap().dialect;
        Ok(Response::new(v1::PatchAccountResponse {
            account: Some(self.account()),
            changed: true,
            dialect: dialect.into(),
        }))
    }

    async fn delete_account(
        &self,
        request: Request<v1::DeleteAccountRequest>,
    ) -> Result<Response<v1::DeleteAccountResponse>, Status> {
        self.called("DeleteAccount", request).await?;
        Ok(Response::new(v1::DeleteAccountResponse {}))
    }
}

#[tonic::async_trait]
impl FacadeService for FakeCore {
    async fn authenticate(
        &self,
        request: Request<v1::AuthenticateRequest>,
    ) -> Result<Response<v1::AuthenticateResponse>, Status> {
        self.called("Authenticate", request).await?;
        Ok(Response::new(v1::AuthenticateResponse::default()))
    }

    async fn report_rejected_request(
        &self,
        request: Request<v1::ReportRejectedRequestRequest>,
    ) -> Result<Response<v1::ReportRejectedRequestResponse>, Status> {
        self.called("ReportRejectedRequest", request).await?;
        Ok(Response::new(v1::ReportRejectedRequestResponse::default()))
    }
}

#[tonic::async_trait]
impl SchemaService for FakeCore {
    async fn list_schemas(
        &self,
        request: Request<v1::ListSchemasRequest>,
    ) -> Result<Response<v1::ListSchemasResponse>, Status> {
        self.called("ListSchemas", request).await?;
        let schema = |id: &str, resource_type: &str, extension| v1::Schema {
            id: id.to_owned(),
            name: resource_type.to_owned(),
            description: "User Account".to_owned(),
            attributes: vec![v1::Attribute {
                name: "userName".to_owned(),
                r#type: "string".to_owned(),
                ..Default::default()
            }],
            resource_type: resource_type.to_owned(),
            extension,
        };
        let schemas = vec![
            schema("urn:ietf:params:scim:schemas:core:2.0:User", "User", false),
            schema(
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                "User",
                true,
            ),
            schema(
                "urn:ietf:params:scim:schemas:core:2.0:Group",
                "Group",
                false,
            ),
        ];
        Ok(Response::new(v1::ListSchemasResponse {
            schemas,
            ..Default::default()
        }))
    }
}
