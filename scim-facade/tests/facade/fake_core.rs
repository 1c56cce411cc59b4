//! A core that records what it is asked and answers as it is told.

use std::{
    any::Any,
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use crate::fake_groups::group;
use provisioning_proto::{
    ERROR_DOMAIN,
    v1::{
        self, ErrorReason,
        account_service_server::{AccountService, AccountServiceServer},
        facade_service_server::{FacadeService, FacadeServiceServer},
        group_service_server::GroupServiceServer,
        resource_service_server::{ResourceService, ResourceServiceServer},
        schema_service_server::{SchemaService, SchemaServiceServer},
    },
};
use tonic::{Code, Request, Response, Status, metadata::MetadataMap, service::Routes};
use tonic_types::{ErrorDetails, StatusExt};

pub const TOKEN: &str = "good";
/// The JWT of an admin: good for dry runs only.
pub const JWT: &str = "an.admins.jwt";
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
    /// Failures of calls by their number.
    failures_at: Vec<(usize, Status)>,
    account: Option<v1::Account>,
    schemas: Vec<v1::Schema>,
    dialect: v1::Dialect,
    /// How many calls are answered; `None`: all.
    answers_left: Option<usize>,
    gives_names_as_ids: bool,
    /// How many calls panic, from the next one on.
    panics_left: usize,
}

/// A failure as the core makes it.
pub fn failure(code: Code, reason: ErrorReason, text: &str) -> Status {
    Status::with_error_details(
        code,
        text,
        ErrorDetails::with_error_info(reason.reason(), ERROR_DOMAIN, []),
    )
}

/// What a dry run answers.
pub fn would(validate_only: bool, operation: &str) -> Option<v1::DryRun> {
    let change = v1::AttributeChange {
        attribute: "title".to_owned(),
        old_value: String::new(),
        new_value: "\"Dr\"".to_owned(),
    };
    validate_only.then(|| v1::DryRun {
        operation: operation.to_owned(),
        changes: vec![change],
    })
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
            .add_service(GroupServiceServer::new(self.clone()))
            .add_service(ResourceServiceServer::new(self.clone()))
            .add_service(FacadeServiceServer::new(self.clone()))
            .add_service(SchemaServiceServer::new(self.clone()))
    }

    /// The next call fails so; called again, the one after it.
    pub fn fail_next(&self, status: Status) {
        self.state.lock().unwrap().failures.push_back(status);
    }

    /// So many calls succeed, and the one after them fails so.
    pub fn fail_after(&self, calls: usize, status: Status) {
        let at = self.state.lock().unwrap().calls.len() + calls;
        self.state.lock().unwrap().failures_at.push((at, status));
    }

    pub fn speak(&self, dialect: v1::Dialect) {
        self.state.lock().unwrap().dialect = dialect;
    }

    /// From now on no call is answered.
    pub fn fall_silent(&self) {
        self.fall_silent_after(0);
    }

    /// So many more calls are answered, and no other.
    pub fn fall_silent_after(&self, calls: usize) {
        self.state.lock().unwrap().answers_left = Some(calls);
    }

    /// From now on what is created has its name as its id, so that a test can tell them apart.
    pub fn give_names_as_ids(&self) {
        self.state.lock().unwrap().gives_names_as_ids = true;
    }

    /// The id of what is created under this name.
    pub(crate) fn id_of(&self, name: &str) -> String {
        let gives_names = self.state.lock().unwrap().gives_names_as_ids;
        if gives_names { name } else { ID }.to_owned()
    }

    /// So many calls panic, from the next one on: as the core is in this process, whoever calls does so too.
    pub fn panic(&self, calls: usize) {
        self.state.lock().unwrap().panics_left = calls;
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

    /// Waits for the first call.
    pub async fn until_called(&self) {
        while self.methods().is_empty() {
            tokio::task::yield_now().await;
        }
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

    pub(crate) async fn called<M: Clone + Send + Sync + 'static>(
        &self,
        method: &'static str,
        request: Request<M>,
    ) -> Result<M, Status> {
        let (metadata, _, message) = request.into_parts();
        let panics = {
            let left = &mut self.state.lock().unwrap().panics_left;
            std::mem::replace(left, left.saturating_sub(1)) > 0
        };
        assert!(!panics, "the script wants a panic");
        let (failure, is_silent, authorization, metadata_of_dry_run) = {
            let mut state = self.state.lock().unwrap();
            let authorization = metadata
                .get("authorization")
                .map(|value| value.to_str().unwrap().to_owned());
            let number = state.calls.len();
            let at = state.failures_at.iter().position(|(at, _)| *at == number);
            if let Some(at) = at {
                let (_, status) = state.failures_at.remove(at);
                state.failures.push_front(status);
            }
            let dry_run = metadata.get("x-scim-dry-run").cloned();
            state.calls.push(Call {
                method,
                metadata,
                message: Arc::new(message.clone()),
            });
            let is_silent = state.answers_left == Some(0);
            state.answers_left = state.answers_left.map(|left| left.saturating_sub(1));
            (
                state.failures.pop_front(),
                is_silent,
                authorization,
                dry_run,
            )
        };
        if is_silent {
            std::future::pending::<()>().await;
        }
        if let Some(status) = failure {
            return Err(status);
        }
        let is_dry_run = metadata_of_dry_run.is_some();
        let good = if is_dry_run { JWT } else { TOKEN };
        if authorization.as_deref() != Some(format!("Bearer {good}").as_str()) {
            return Err(failure_of_credential());
        }
        Ok(message)
    }

    /// From now on the core has this account.
    pub fn have(&self, account: v1::Account) {
        self.state.lock().unwrap().account = Some(account);
    }

    /// From now on the tenant has this schema of its own too.
    pub fn define(&self, schema: v1::Schema) {
        self.state.lock().unwrap().schemas.push(schema);
    }

    pub(crate) fn dialect(&self) -> v1::Dialect {
        self.state.lock().unwrap().dialect
    }

    /// The messages of all calls of one method.
    pub fn all<M: Clone + 'static>(&self) -> Vec<M> {
        let calls = &self.state.lock().unwrap().calls;
        let messages = calls
            .iter()
            .filter_map(|call| call.message.downcast_ref::<M>());
        messages.cloned().collect()
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

/// There are two pages: a token that was given asks for the last.
pub fn next_page_token(page_token: &str) -> String {
    if page_token.is_empty() {
        "next-page".to_owned()
    } else {
        String::new()
    }
}

#[tonic::async_trait]
impl AccountService for FakeCore {
    async fn create_account(
        &self,
        request: Request<v1::CreateAccountRequest>,
    ) -> Result<Response<v1::CreateAccountResponse>, Status> {
        let message = self.called("CreateAccount", request).await?;
        let account = message.account.unwrap_or_default();
        let account = v1::Account {
            id: self.id_of(&account.user_name),
            etag: ETAG.to_owned(),
            ..account
        };
        Ok(Response::new(v1::CreateAccountResponse {
            account: Some(account),
            dry_run: would(message.validate_only, "create"),
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
            next_page_token: next_page_token(&message.page_token),
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
            dry_run: would(message.validate_only, "replace"),
        }))
    }

    async fn patch_account(
        &self,
        request: Request<v1::PatchAccountRequest>,
    ) -> Result<Response<v1::PatchAccountResponse>, Status> {
        let message = self.called("PatchAccount", request).await?;
        Ok(Response::new(v1::PatchAccountResponse {
            account: Some(self.account()),
            changed: true,
            dialect: self.dialect().into(),
            dry_run: would(message.validate_only, "patch"),
        }))
    }

    async fn delete_account(
        &self,
        request: Request<v1::DeleteAccountRequest>,
    ) -> Result<Response<v1::DeleteAccountResponse>, Status> {
        let message = self.called("DeleteAccount", request).await?;
        Ok(Response::new(v1::DeleteAccountResponse {
            dry_run: would(message.validate_only, "delete"),
        }))
    }
}

#[tonic::async_trait]
impl ResourceService for FakeCore {
    async fn list_resources(
        &self,
        request: Request<v1::ListResourcesRequest>,
    ) -> Result<Response<v1::ListResourcesResponse>, Status> {
        let message = self.called("ListResources", request).await?;
        let account = v1::resource::Resource::Account(self.account());
        let group = v1::resource::Resource::Group(group(message.view()));
        let resources = [account, group].map(|resource| v1::Resource {
            resource: Some(resource),
        });
        Ok(Response::new(v1::ListResourcesResponse {
            resources: resources.into(),
            total_size: 12,
            next_page_token: next_page_token(&message.page_token),
        }))
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
            description: format!("{resource_type} Account"),
            attributes: vec![v1::Attribute {
                name: "userName".to_owned(),
                r#type: "string".to_owned(),
                ..Default::default()
            }],
            resource_type: resource_type.to_owned(),
            extension,
        };
        let mut schemas = vec![
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
        schemas.extend(self.state.lock().unwrap().schemas.clone());
        Ok(Response::new(v1::ListSchemasResponse {
            schemas,
            ..Default::default()
        }))
    }
}
