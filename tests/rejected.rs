//! What is refused before a use case sees it, or broken by a fault, is in the provisioning log all the same; what comes from strangers is not.

use provisioning_proto::{
    admin::v1::{
        CreateTenantRequest, GenerateTokenRequest, ListLogEntriesRequest, LogEntry, Operation,
        Tenant, log_service_client::LogServiceClient, tenant_service_client::TenantServiceClient,
        token_service_client::TokenServiceClient,
    },
    v1::{
        Account, BatchGetAccountsRequest, CreateAccountRequest, GetAccountRequest,
        PatchAccountRequest, PatchOperation, ReportRejectedRequestRequest,
        account_service_client::AccountServiceClient, facade_service_client::FacadeServiceClient,
        get_account_request::Key,
    },
};
use serde_json::json;
use tonic::{Code, Status};

use crate::support::{Admin, Panel, Service, on_both_engines, rpc};

const TENANT: &str = "acme";
const REQUEST_ID: &str = "6f1c1f0e-5a3c-4d0e-9d5e-0c9a4f3f7b11";

fn create(user_name: &str, request_id: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        tenant: TENANT.to_owned(),
        account: Some(Account {
            user_name: user_name.to_owned(),
            ..Account::default()
        }),
        request_id: request_id.to_owned(),
        ..CreateAccountRequest::default()
    }
}

async fn accounts(service: &Service) -> AccountServiceClient<Admin> {
    AccountServiceClient::new(service.caller(&["accounts.write"], Some(TENANT)).await)
}

/// The entries of requests that no use case has logged, the oldest first: the RPC, its reason and the HTTP status.
async fn rejected(panel: &Panel) -> Vec<LogEntry> {
    let mut entries = panel.log(TENANT, "outcome eq \"failure\"").await;
    entries.reverse();
    entries
}

#[track_caller]
fn assert_logged(entry: &LogEntry, rpc: &str, status: &Status, http_status: i32) {
    assert_eq!(
        (entry.operation(), entry.request.as_str(), entry.http_status),
        (
            Operation::RequestRejected,
            &*format!("dragonce.provisioning.{rpc}"),
            http_status
        )
    );
    assert_eq!(
        (entry.reason.as_str(), entry.detail.as_str()),
        (rpc::reason(status).as_str(), status.message())
    );
}

on_both_engines! {
    async fn a_malformed_request_is_logged_once_whatever_the_service(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut accounts = accounts(&service).await;
        let mut tokens = TokenServiceClient::new(panel.admin.clone());
        let mut log = LogServiceClient::new(panel.admin.clone());
        accounts.create_account(create("alice@contoso.com", REQUEST_ID)).await.expect("it is created");

        let mut refused = Vec::new();
        let mut add = |rpc, status| refused.push((rpc, status));
        add("v1.AccountService/CreateAccount", accounts.create_account(create("bob@contoso.com", "not a UUID")).await.expect_err("no UUID"));
        add("v1.AccountService/CreateAccount", accounts.create_account(create("bob@contoso.com", REQUEST_ID)).await.expect_err("used"));
        let nobody = GetAccountRequest { tenant: TENANT.to_owned(), key: None };
        add("v1.AccountService/GetAccount", accounts.get_account(nobody).await.expect_err("nobody was named"));
        let many = BatchGetAccountsRequest { tenant: TENANT.to_owned(), ids: vec![REQUEST_ID.to_owned(); 5_000] };
        add("v1.AccountService/BatchGetAccounts", accounts.batch_get_accounts(many).await.expect_err("too many"));
        let without_op = PatchAccountRequest {
            tenant: TENANT.to_owned(),
            id: REQUEST_ID.to_owned(),
            operations: vec![PatchOperation::default()],
            ..PatchAccountRequest::default()
        };
        add("v1.AccountService/PatchAccount", accounts.patch_account(without_op).await.expect_err("there is no op"));
        let generate = GenerateTokenRequest { tenant: TENANT.to_owned(), request_id: "not a UUID".to_owned(), ..GenerateTokenRequest::default() };
        add("admin.v1.TokenService/GenerateToken", tokens.generate_token(generate).await.expect_err("no UUID"));
        let list = ListLogEntriesRequest { tenant: TENANT.to_owned(), filter: "nothing".to_owned(), ..ListLogEntriesRequest::default() };
        add("admin.v1.LogService/ListLogEntries", log.list_log_entries(list).await.expect_err("it is no filter"));

        let entries = rejected(&panel).await;
        assert_eq!(entries.len(), refused.len(), "{entries:#?}");
        for (entry, (rpc, status)) in entries.iter().zip(&refused) {
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_logged(entry, rpc, status, 400);
            assert!(!entry.actor.is_empty(), "it says who called");
        }
    }

    async fn a_report_that_is_repeated_is_one_entry(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let report = |http_status, request_id: &str| ReportRejectedRequestRequest {
            tenant: TENANT.to_owned(),
            operation: "POST /Users".to_owned(),
            http_status,
            detail: "It is no JSON.".to_owned(),
            request_id: request_id.to_owned(),
            ..ReportRejectedRequestRequest::default()
        };
        let facade = FacadeServiceClient::new(service.bearer(&tenant.token));
        let send = async |report| facade.clone().report_rejected_request(report).await.map(|answer| answer.into_inner().log_entry_id);
        // Two tries of one report, of which the first was not given up but slow.
        let (first, second) = tokio::join!(send(report(400, REQUEST_ID)), send(report(400, REQUEST_ID)));
        let id = first.expect("it is written");
        assert_eq!(second.expect("it was written"), id);
        assert_eq!(send(report(400, REQUEST_ID)).await.expect("it was written"), id);
        let [entry] = rejected(&panel).await.try_into().expect("there is one");
        assert_eq!((entry.id.as_str(), entry.reason.as_str(), entry.http_status), (id.as_str(), "INVALID_REQUEST", 400));

        let reused = send(report(404, REQUEST_ID)).await.expect_err("it is another report");
        assert_eq!(rpc::reason(&reused), "REQUEST_ID_REUSED");
        send(report(400, "")).await.expect("it is written");
        send(report(500, "")).await.expect("it is written");
        let entries = rejected(&panel).await;
        let reasons: Vec<&str> = entries.iter().map(|entry| entry.reason.as_str()).collect();
        assert_eq!(reasons, ["INVALID_REQUEST", "REQUEST_ID_REUSED", "INVALID_REQUEST", "INTERNAL"]);
    }

    async fn a_refusal_of_a_use_case_has_its_own_entry_and_no_second_one(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut accounts = accounts(&service).await;
        accounts.create_account(create("alice@contoso.com", "")).await.expect("it is created");
        accounts.create_account(create("ALICE@contoso.com", "")).await.expect_err("it is taken");
        let [entry] = rejected(&panel).await.try_into().expect("there is one");
        assert_eq!((entry.operation(), entry.reason.as_str()), (Operation::Create, "UNIQUENESS"));
    }

    async fn a_tenant_to_be_made_is_no_business_of_the_one_that_has_the_identifier(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut tenants = TenantServiceClient::new(panel.admin.clone());
        let tenant = |display_name: &str| Some(Tenant { identifier: TENANT.to_owned(), display_name: display_name.to_owned(), ..Tenant::default() });
        for (request, code) in [
            (CreateTenantRequest { tenant: tenant("Acme"), ..CreateTenantRequest::default() }, Code::AlreadyExists),
            (CreateTenantRequest { tenant: tenant("a\nb"), ..CreateTenantRequest::default() }, Code::InvalidArgument),
            (CreateTenantRequest { tenant: tenant("Acme"), request_id: "no UUID".to_owned(), ..CreateTenantRequest::default() }, Code::InvalidArgument),
        ] {
            let refused = tenants.create_tenant(request).await.expect_err("it is refused");
            assert_eq!(refused.code(), code, "{refused:?}");
        }
        assert_eq!(rejected(&panel).await, []);
        let log = service.process.log();
        let line = log.lines().find(|line| line.contains("TenantService/CreateTenant ALREADY_EXISTS")).expect("the operator has a line of it");
        assert!(line.contains("tenant.identifier=\"acme\""), "{line}");
    }

    async fn a_fault_is_logged_without_its_cause(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let alice = tenant.scim.post("/Users", &json!({"userName": "alice@contoso.com"})).await.expect(201).id();
        service.execute("UPDATE accounts SET document = '{'").await;
        let get = GetAccountRequest { tenant: TENANT.to_owned(), key: Some(Key::Id(alice.clone())) };
        let status = accounts(&service).await.get_account(get).await.expect_err("the row is damaged");
        assert_eq!(status.code(), Code::Internal);
        tenant.scim.get(&format!("/Users/{alice}")).await.expect(500);
        let [by_grpc, by_scim] = rejected(&panel).await.try_into().expect("there are two");
        for entry in [&by_grpc, &by_scim] {
            assert_logged(entry, "v1.AccountService/GetAccount", &status, 500);
        }
        assert_eq!((by_scim.actor.as_str(), by_scim.token_id.as_str()), ("scim", tenant.token_id.as_str()));
    }

    async fn strangers_write_nothing_into_the_log(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        panel.tenant("globex").await;
        let stranger = service.caller(&["accounts.write"], Some("globex")).await;
        AccountServiceClient::new(stranger).create_account(create("bob@contoso.com", "not a UUID")).await.expect_err("another's tenant");
        AccountServiceClient::new(service.channel()).create_account(create("bob@contoso.com", "not a UUID")).await.expect_err("no credential");
        let unbound = service.caller(&["platform.operator"], None).await;
        AccountServiceClient::new(unbound).create_account(create("bob@contoso.com", "")).await.expect_err("no scope for it, and no tenant in its JWT");
        assert_eq!(rejected(&panel).await, []);
        // Of another tenant's caller its own tenant learns.
        let [entry] = panel.log("globex", "outcome eq \"failure\"").await.try_into().expect("there is one");
        assert_eq!((entry.operation(), entry.reason.as_str()), (Operation::RequestRejected, "TENANT_NOT_FOUND"));
    }

    async fn who_may_not_call_a_method_is_logged_once_a_minute(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut reader = AccountServiceClient::new(service.caller(&["accounts.read"], Some(TENANT)).await);
        let mut refusals = Vec::new();
        for _ in 0..20 {
            refusals.push(reader.create_account(create("bob@contoso.com", "")).await.expect_err("it may only read"));
        }
        let entries = rejected(&panel).await;
        // Whoever begins at the end of a minute ends in the next.
        assert!((1..=2).contains(&entries.len()), "{entries:#?}");
        assert_eq!(refusals[0].code(), Code::PermissionDenied);
        assert_logged(&entries[0], "v1.AccountService/CreateAccount", &refusals[0], 403);
        assert!(!entries[0].actor.is_empty(), "it says who called");
    }

    async fn a_message_that_cannot_be_read_is_logged_once_a_minute(service: Service) {
        // A number where the tenant's text should stand.
        const MALFORMED: [u8; 2] = [0x08, 0x01];
        const RPC: &str = "dragonce.provisioning.v1.AccountService/GetAccount";
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let bearer = format!("Bearer {}", service.jwt(&["accounts.read"], Some(TENANT)).await);
        for _ in 0..20 {
            rpc::send(&service.channel(), RPC, vec![MALFORMED.to_vec()], &[("authorization", &bearer)]).await.expect_err("it is no message");
        }
        rpc::send(&service.channel(), RPC, vec![MALFORMED.to_vec()], &[]).await.expect_err("it has no credential either");
        let entries = rejected(&panel).await;
        assert!((1..=2).contains(&entries.len()), "{entries:#?}");
        for entry in entries {
            assert_eq!((entry.operation(), entry.request.as_str()), (Operation::RequestRejected, RPC));
            assert_eq!((entry.reason.as_str(), entry.http_status), ("INVALID_REQUEST", 400));
        }
    }
}
