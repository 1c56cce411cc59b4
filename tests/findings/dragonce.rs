//! What a DragOnce admin, or a service of DragOnce, does beside Entra.

use provisioning_proto::{
    admin::v1::{
        Finding, FindingKind, FindingState, GetFindingRequest, GetLogEntryRequest,
        HoldAccountRequest, LinkObjectIdRequest, ListFindingsRequest, LogEntry,
        ProtectAccountRequest, account_admin_service_client::AccountAdminServiceClient,
        link_object_id_request, link_service_client::LinkServiceClient,
        log_service_client::LogServiceClient,
    },
    json::to_proto,
    v1::{
        Account, CreateAccountRequest, CreateGroupRequest, DeleteAccountRequest, GetAccountRequest,
        Group, PatchAccountRequest, PatchGroupRequest, PatchOperation,
        account_service_client::AccountServiceClient, get_account_request::Key,
        group_service_client::GroupServiceClient, patch_operation::Op,
    },
};

use crate::support::{Admin, Service};

/// What a JWT needs for everything that remedies ask for.
pub const SCOPES: [&str; 2] = ["provisioning.admin", "accounts.write"];

/// Calls about one tenant.
pub struct Dragonce {
    tenant: String,
    admin: Admin,
}

impl Dragonce {
    /// With the JWT of an admin of the tenant, who may also write accounts.
    pub fn of(service: &Service, tenant: &str, jwt: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            admin: service.bearer(jwt),
        }
    }

    /// Makes an account that Entra knows nothing of; its id.
    pub async fn create(&self, user_name: &str) -> String {
        let account = Account {
            user_name: user_name.to_owned(),
            ..Account::default()
        };
        let request = CreateAccountRequest {
            tenant: self.tenant.clone(),
            account: Some(account),
            ..CreateAccountRequest::default()
        };
        let answer = self.accounts().create_account(request).await;
        let answer = answer.expect("it is created").into_inner();
        answer.account.expect("it is answered").id
    }

    /// Reads an account.
    pub async fn account(&self, id: &str) -> Account {
        let request = GetAccountRequest {
            tenant: self.tenant.clone(),
            key: Some(Key::Id(id.to_owned())),
        };
        let answer = self.accounts().get_account(request).await;
        let answer = answer.expect("it is there").into_inner();
        answer.account.expect("it is answered")
    }

    /// Gives an account another login.
    pub async fn rename(&self, id: &str, user_name: &str) {
        self.patch(id, "userName", user_name).await;
    }

    /// Gives an account an Object ID, or what is none, as a service may that knows no better.
    pub async fn set_external_id(&self, id: &str, external_id: &str) {
        self.patch(id, "externalId", external_id).await;
    }

    async fn patch(&self, id: &str, path: &str, value: &str) {
        let operation = PatchOperation {
            op: Op::Replace.into(),
            path: Some(path.to_owned()),
            value: Some(to_proto(value.into())),
        };
        let request = PatchAccountRequest {
            tenant: self.tenant.clone(),
            id: id.to_owned(),
            operations: vec![operation],
            ..PatchAccountRequest::default()
        };
        let answer = self.accounts().patch_account(request).await;
        answer.expect("it is patched");
    }

    /// Deletes an account.
    pub async fn delete(&self, id: &str) {
        let request = DeleteAccountRequest {
            tenant: self.tenant.clone(),
            id: id.to_owned(),
            ..DeleteAccountRequest::default()
        };
        let answer = self.accounts().delete_account(request).await;
        answer.expect("it is deleted");
    }

    /// Sets "Object ID in Azure AD".
    pub async fn link(&self, id: &str, object_id: &str) {
        let request = LinkObjectIdRequest {
            tenant: self.tenant.clone(),
            account: Some(link_object_id_request::Account::AccountId(id.to_owned())),
            object_id: object_id.to_owned(),
            etag: self.account(id).await.etag,
            reason: "A test".to_owned(),
            ..LinkObjectIdRequest::default()
        };
        let answer = self.links().link_object_id(request).await;
        answer.expect("it is linked");
    }

    /// Suspends an account until it is released.
    pub async fn hold(&self, id: &str) {
        let request = HoldAccountRequest {
            tenant: self.tenant.clone(),
            account_id: id.to_owned(),
            reason: "On leave".to_owned(),
            ..HoldAccountRequest::default()
        };
        let answer = self.acts().hold_account(request).await;
        answer.expect("it is held");
    }

    /// Protects an account.
    pub async fn protect(&self, id: &str) {
        let request = ProtectAccountRequest {
            tenant: self.tenant.clone(),
            account_id: id.to_owned(),
            reason: "Break-glass".to_owned(),
            ..ProtectAccountRequest::default()
        };
        let answer = self.acts().protect_account(request).await;
        answer.expect("it is protected");
    }

    /// Makes a group that Entra knows nothing of; its id.
    pub async fn create_group(&self, display_name: &str) -> String {
        let group = Group {
            display_name: display_name.to_owned(),
            ..Group::default()
        };
        let request = CreateGroupRequest {
            tenant: self.tenant.clone(),
            group: Some(group),
            ..CreateGroupRequest::default()
        };
        let mut groups = GroupServiceClient::new(self.admin.clone());
        let answer = groups.create_group(request).await;
        let answer = answer.expect("it is created").into_inner();
        answer.group.expect("it is answered").id
    }

    /// Gives a group another name.
    pub async fn rename_group(&self, id: &str, display_name: &str) {
        let operation = PatchOperation {
            op: Op::Replace.into(),
            path: Some("displayName".to_owned()),
            value: Some(to_proto(display_name.into())),
        };
        let request = PatchGroupRequest {
            tenant: self.tenant.clone(),
            id: id.to_owned(),
            operations: vec![operation],
            ..PatchGroupRequest::default()
        };
        let mut groups = GroupServiceClient::new(self.admin.clone());
        let answer = groups.patch_group(request).await;
        answer.expect("it is renamed");
    }

    /// The open findings of a kind.
    pub async fn findings_of(&self, kind: FindingKind) -> Vec<Finding> {
        let mut findings = self.findings(FindingState::Open).await;
        findings.retain(|finding| finding.kind() == kind);
        findings
    }

    /// The open or the closed findings.
    pub async fn findings(&self, state: FindingState) -> Vec<Finding> {
        let request = ListFindingsRequest {
            tenant: self.tenant.clone(),
            state: state.into(),
            ..ListFindingsRequest::default()
        };
        let answer = self.links().list_findings(request).await;
        let page = answer.expect("they are listed").into_inner();
        assert_eq!(page.next_page_token, "", "all fit on one page");
        page.findings
    }

    /// Reads one finding.
    pub async fn finding(&self, id: &str) -> Finding {
        let request = GetFindingRequest {
            tenant: self.tenant.clone(),
            finding_id: id.to_owned(),
        };
        let answer = self.links().get_finding(request).await;
        let answer = answer.expect("it is there").into_inner();
        answer.finding.expect("it is answered")
    }

    /// Reads one log entry.
    pub async fn log_entry(&self, id: &str) -> LogEntry {
        let request = GetLogEntryRequest {
            tenant: self.tenant.clone(),
            log_entry_id: id.to_owned(),
        };
        let mut log = LogServiceClient::new(self.admin.clone());
        let answer = log.get_log_entry(request).await;
        let answer = answer.expect("it is there").into_inner();
        answer.log_entry.expect("it is answered")
    }

    fn accounts(&self) -> AccountServiceClient<Admin> {
        AccountServiceClient::new(self.admin.clone())
    }

    fn links(&self) -> LinkServiceClient<Admin> {
        LinkServiceClient::new(self.admin.clone())
    }

    fn acts(&self) -> AccountAdminServiceClient<Admin> {
        AccountAdminServiceClient::new(self.admin.clone())
    }
}
