//! The gRPC surface as the panel sees it: errors, replays, versions, pages, links.

use provisioning_proto::{
    admin::v1::{
        GenerateTokenRequest, LinkObjectIdRequest, UnlinkObjectIdRequest, link_object_id_request,
        link_service_client::LinkServiceClient, token_service_client::TokenServiceClient,
        unlink_object_id_request,
    },
    json::to_proto,
    v1::{
        Account, BatchGetAccountsRequest, CreateAccountRequest, DeleteAccountRequest,
        GetAccountRequest, ListAccountsRequest, PatchAccountRequest, PatchOperation,
        ReplaceAccountRequest, account_service_client::AccountServiceClient,
        get_account_request::Key, patch_operation::Op,
    },
};
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{Admin, Panel, Service, on_both_engines, rpc};

const TENANT: &str = "acme";
const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
/// Two request ids as a caller would make them.
const REQUEST_ID: &str = "6f1c1f0e-5a3c-4d0e-9d5e-0c9a4f3f7b11";
const OTHER_REQUEST_ID: &str = "2b7d6a52-7f3e-4c57-8a54-5f0a3b1c9d22";

async fn accounts(service: &Service) -> AccountServiceClient<Admin> {
    AccountServiceClient::new(
        service
            .caller(&["accounts.read", "accounts.write"], Some(TENANT))
            .await,
    )
}

fn named(user_name: &str) -> Account {
    Account {
        user_name: user_name.to_owned(),
        ..Account::default()
    }
}

fn create(user_name: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        tenant: TENANT.to_owned(),
        account: Some(named(user_name)),
        ..CreateAccountRequest::default()
    }
}

fn retitle(id: &str, title: &str) -> PatchAccountRequest {
    let operation = PatchOperation {
        op: Op::Replace.into(),
        path: Some("title".to_owned()),
        value: Some(to_proto(json!(title))),
    };
    PatchAccountRequest {
        tenant: TENANT.to_owned(),
        id: id.to_owned(),
        operations: vec![operation],
        ..PatchAccountRequest::default()
    }
}

fn list(filter: &str) -> ListAccountsRequest {
    ListAccountsRequest {
        tenant: TENANT.to_owned(),
        filter: filter.to_owned(),
        ..ListAccountsRequest::default()
    }
}

async fn made(client: &mut AccountServiceClient<Admin>, user_name: &str) -> Account {
    client
        .create_account(create(user_name))
        .await
        .expect("it is created")
        .into_inner()
        .account
        .expect("it is answered")
}

async fn read(client: &mut AccountServiceClient<Admin>, id: &str) -> Result<Account, Status> {
    let request = GetAccountRequest {
        tenant: TENANT.to_owned(),
        key: Some(Key::Id(id.to_owned())),
    };
    Ok(client
        .get_account(request)
        .await?
        .into_inner()
        .account
        .expect("it is answered"))
}

fn why(status: &Status) -> (Code, String) {
    (status.code(), rpc::reason(status))
}

on_both_engines! {
    async fn errors_say_why_and_which_field(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        let alice = made(&mut client, "alice@contoso.com").await;

        let status = client.create_account(create("ALICE@contoso.com")).await.expect_err("it is taken");
        assert_eq!(why(&status), (Code::AlreadyExists, "UNIQUENESS".to_owned()));
        let details = status.get_error_details();
        let metadata = &details.error_info().expect("it has one").metadata;
        assert_eq!((metadata["attribute"].as_str(), &metadata["account_id"]), ("userName", &alice.id));
        assert_eq!(details.bad_request().expect("it names the field").field_violations[0].field, "userName");

        let status = client.list_accounts(list("usrName eq \"x\"")).await.expect_err("there is no such attribute");
        assert_eq!(why(&status), (Code::InvalidArgument, "INVALID_FILTER".to_owned()));
        assert_eq!(status.get_error_details().bad_request().expect("it names the field").field_violations[0].field, "filter");

        let status = client.list_accounts(ListAccountsRequest { page_token: "made up".to_owned(), ..list("") }).await.expect_err("it is not ours");
        assert_eq!(why(&status), (Code::InvalidArgument, "INVALID_PAGE_TOKEN".to_owned()));

        let status = read(&mut client, "0190c0de-0000-7000-8000-000000000000").await.expect_err("nobody has it");
        assert_eq!(why(&status), (Code::NotFound, "ACCOUNT_NOT_FOUND".to_owned()));
        let status = client.create_account(CreateAccountRequest { request_id: "not a UUID".to_owned(), ..create("bob@contoso.com") }).await;
        assert_eq!(why(&status.expect_err("it must be a UUID")), (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
    }

    async fn the_same_request_twice_is_done_once(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        let with_id = |request| CreateAccountRequest { request_id: REQUEST_ID.to_owned(), ..request };
        let first = client.create_account(with_id(create("alice@contoso.com"))).await.expect("it is created").into_inner();
        let again = client.create_account(with_id(create("alice@contoso.com"))).await.expect("it is answered again").into_inner();
        assert_eq!(first, again);
        let status = client.create_account(with_id(create("bob@contoso.com"))).await.expect_err("another body");
        assert_eq!(why(&status), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
        let id = first.account.expect("it is answered").id;

        // The id belongs to one method and caller: elsewhere it is another.
        let patch = |title| PatchAccountRequest { request_id: REQUEST_ID.to_owned(), ..retitle(&id, title) };
        let first = client.patch_account(patch("Engineer")).await.expect("it is changed").into_inner();
        client.patch_account(retitle(&id, "Director")).await.expect("it is changed");
        let again = client.patch_account(patch("Engineer")).await.expect("it is answered again").into_inner();
        assert_eq!((&first, again.changed), (&again, true));
        assert_eq!(read(&mut client, &id).await.expect("it is there").title.as_deref(), Some("Director"), "not done a second time");
        let status = client.patch_account(patch("Chief")).await.expect_err("another body");
        assert_eq!(rpc::reason(&status), "REQUEST_ID_REUSED");

        let delete = DeleteAccountRequest { tenant: TENANT.to_owned(), id: id.clone(), request_id: REQUEST_ID.to_owned(), ..DeleteAccountRequest::default() };
        client.delete_account(delete.clone()).await.expect("it is deleted");
        client.delete_account(delete.clone()).await.expect("it is answered again");
        let status = client.delete_account(DeleteAccountRequest { request_id: OTHER_REQUEST_ID.to_owned(), ..delete }).await;
        assert_eq!(why(&status.expect_err("it is gone")), (Code::NotFound, "ACCOUNT_NOT_FOUND".to_owned()));
        for (operation, count) in [("create", 1), ("patch", 2), ("delete", 1)] {
            let entries = panel.log(TENANT, &format!("operation eq \"{operation}\" and resourceType eq \"User\" and outcome eq \"success\"")).await;
            assert_eq!(entries.len(), count, "{operation}");
        }
        assert!(tenant.scim.all_users().await.is_empty());
    }

    async fn a_replayed_generation_makes_no_second_token(service: Service) {
        let panel = Panel::of(&service).await;
        service.cli_json(&["tenant", "create", TENANT]).await;
        let mut client = TokenServiceClient::new(panel.admin.clone());
        let request = GenerateTokenRequest { tenant: TENANT.to_owned(), request_id: REQUEST_ID.to_owned(), ..GenerateTokenRequest::default() };
        let made = client.generate_token(request.clone()).await.expect("it is made").into_inner();
        let status = client.generate_token(request).await.expect_err("the secret is not kept");
        assert_eq!(why(&status), (Code::AlreadyExists, "SECRET_NOT_KEPT".to_owned()));
        let metadata = status.get_error_details().error_info().expect("it has one").metadata.clone();
        let token_id = made.token.expect("it is told").id;
        assert!(metadata.values().any(|value| *value == token_id), "the answer names the token: {metadata:?}");
        assert!(!format!("{status:?}").contains(&made.secret_token));
        assert_eq!(service.cli_json(&["token", "list", TENANT]).await.as_array().map(Vec::len), Some(1));
    }

    async fn an_old_version_is_aborted(service: Service) {
        Panel::of(&service).await.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        let old = made(&mut client, "alice@contoso.com").await;
        let new = client.patch_account(retitle(&old.id, "Engineer")).await.expect("it is changed").into_inner().account.expect("it is answered");
        assert_ne!(old.etag, new.etag);
        let etag = old.etag.clone();
        let mut statuses = Vec::new();
        statuses.push(client.patch_account(PatchAccountRequest { etag: etag.clone(), ..retitle(&old.id, "Director") }).await.expect_err("old"));
        let replace = ReplaceAccountRequest {
            tenant: TENANT.to_owned(),
            id: old.id.clone(),
            account: Some(named("other@contoso.com")),
            etag: etag.clone(),
            ..ReplaceAccountRequest::default()
        };
        statuses.push(client.replace_account(replace).await.expect_err("old"));
        let delete = DeleteAccountRequest { tenant: TENANT.to_owned(), id: old.id.clone(), etag, ..DeleteAccountRequest::default() };
        statuses.push(client.delete_account(delete.clone()).await.expect_err("old"));
        for status in statuses {
            assert_eq!(why(&status), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
        }
        assert_eq!(read(&mut client, &old.id).await.expect("it is there"), new);
        client.delete_account(DeleteAccountRequest { etag: new.etag, ..delete }).await.expect("that is the version");
    }

    async fn a_dry_run_checks_everything_and_changes_nothing(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        let alice = made(&mut client, "alice@contoso.com").await;
        let (users, log) = (tenant.scim.all_users().await, panel.log(TENANT, "").await);

        let dry = |request| CreateAccountRequest { validate_only: true, ..request };
        let shown = client.create_account(dry(create("bob@contoso.com"))).await.expect("it could be").into_inner().account.expect("it is shown");
        assert_eq!(shown.user_name, "bob@contoso.com");
        let patched = client.patch_account(PatchAccountRequest { validate_only: true, ..retitle(&alice.id, "Engineer") }).await;
        assert_eq!(patched.expect("it could be").into_inner().account.expect("it is shown").title.as_deref(), Some("Engineer"));
        let delete = DeleteAccountRequest { tenant: TENANT.to_owned(), id: alice.id.clone(), validate_only: true, ..DeleteAccountRequest::default() };
        client.delete_account(delete).await.expect("it could be");
        let link = LinkObjectIdRequest {
            tenant: TENANT.to_owned(),
            account: Some(link_object_id_request::Account::AccountId(alice.id.clone())),
            object_id: OBJECT_ID.to_owned(),
            validate_only: true,
            ..LinkObjectIdRequest::default()
        };
        let mut links = LinkServiceClient::new(panel.admin.clone());
        let shown = links.link_object_id(link).await.expect("it could be").into_inner().account.expect("it is shown");
        assert_eq!(shown.object_id.as_deref(), Some(OBJECT_ID));
        assert_eq!((tenant.scim.all_users().await, panel.log(TENANT, "").await), (users.clone(), log));

        let status = client.create_account(dry(create("ALICE@contoso.com"))).await.expect_err("it could not be");
        assert_eq!(rpc::reason(&status), "UNIQUENESS");
        assert_eq!(tenant.scim.all_users().await, users);
    }

    async fn pages_hold_every_account_once(service: Service) {
        Panel::of(&service).await.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        let mut ids = Vec::new();
        for number in 0..250 {
            ids.push(made(&mut client, &format!("user{number:03}@contoso.com")).await.id);
        }
        for (order_by, backwards) in [("", false), ("userName", false), ("userName desc", true)] {
            let mut seen = Vec::new();
            let mut page_token = String::new();
            loop {
                let request = ListAccountsRequest { page_size: 60, page_token, order_by: order_by.to_owned(), ..list("userName sw \"user\"") };
                let page = client.list_accounts(request).await.expect("it is a page").into_inner();
                assert_eq!(page.total_size, 250);
                assert!(page.accounts.len() <= 60);
                seen.extend(page.accounts.into_iter().map(|account| account.id));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
                if seen.len() == 60 {
                    // Somebody comes and goes while the pages are turned.
                    let request = create("aaa@contoso.com");
                    let other = client.create_account(request).await.expect("it is created").into_inner().account.expect("it is answered");
                    let delete = DeleteAccountRequest { tenant: TENANT.to_owned(), id: other.id, ..DeleteAccountRequest::default() };
                    client.delete_account(delete).await.expect("it is deleted");
                }
            }
            if backwards {
                seen.reverse();
            }
            assert_eq!(seen, ids, "{order_by}");
        }
        // A page token is for the query that it came from.
        let first = client.list_accounts(ListAccountsRequest { page_size: 10, ..list("") }).await.expect("a page").into_inner();
        let mixed = ListAccountsRequest { page_size: 10, page_token: first.next_page_token, ..list("userName sw \"x\"") };
        assert_eq!(rpc::reason(&client.list_accounts(mixed).await.expect_err("another query")), "INVALID_PAGE_TOKEN");
        let all = client.list_accounts(ListAccountsRequest { page_size: 5_000, ..list("") }).await.expect("a page").into_inner();
        assert_eq!((all.accounts.len(), all.total_size), (200, 250));
        let none = client.list_accounts(ListAccountsRequest { count_only: true, ..list("") }).await.expect("a count").into_inner();
        assert_eq!((none.accounts.len(), none.total_size), (0, 250));
        let request = BatchGetAccountsRequest { tenant: TENANT.to_owned(), ids: vec![ids[7].clone(), "nobody".to_owned(), ids[3].clone()] };
        let batch = client.batch_get_accounts(request).await.expect("they are read").into_inner().accounts;
        assert_eq!(batch.iter().map(|account| &account.id).collect::<Vec<_>>(), [&ids[7], &ids[3]]);
    }

    async fn an_admin_links_an_account_and_entra_finds_it(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        // An account from before Entra, and another.
        let alice = made(&mut client, "alice@contoso.com").await;
        let bob = made(&mut client, "bob@contoso.com").await;
        let mut links = LinkServiceClient::new(service.caller(&["provisioning.admin"], Some(TENANT)).await);
        let link = |user_name: &str, object_id: &str| LinkObjectIdRequest {
            tenant: TENANT.to_owned(),
            account: Some(link_object_id_request::Account::UserName(user_name.to_owned())),
            object_id: object_id.to_owned(),
            reason: "Connected by hand".to_owned(),
            etag: alice.etag.clone(),
            ..LinkObjectIdRequest::default()
        };
        assert_eq!(bob.etag, alice.etag, "each is at its first version");
        let linked = links.link_object_id(link("ALICE@contoso.com", &OBJECT_ID.to_uppercase())).await.expect("it is linked").into_inner();
        let linked = linked.account.expect("it is answered");
        assert_eq!(linked.object_id.as_deref(), Some(OBJECT_ID));
        let [found] = tenant.scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await.try_into().expect("one is found");
        assert_eq!((&found["id"], &found["externalId"]), (&json!(alice.id), &json!(OBJECT_ID)));
        let entry = panel.log(TENANT, "operation eq \"link\" and outcome eq \"success\"").await.remove(0);
        assert_eq!(entry.justification, "Connected by hand");
        assert_eq!((entry.resource_id.as_str(), entry.object_id.as_str()), (alice.id.as_str(), OBJECT_ID));

        let status = links.link_object_id(link("bob@contoso.com", OBJECT_ID)).await.expect_err("alice has it");
        assert_eq!(why(&status), (Code::AlreadyExists, "UNIQUENESS".to_owned()));
        let status = links.link_object_id(link("bob@contoso.com", "alice")).await.expect_err("it is no GUID");
        assert_eq!(why(&status), (Code::InvalidArgument, "INVALID_VALUE".to_owned()));
        let status = links.link_object_id(link("nobody@contoso.com", OBJECT_ID)).await.expect_err("there is no such account");
        assert_eq!(why(&status), (Code::NotFound, "ACCOUNT_NOT_FOUND".to_owned()));

        let unlink = UnlinkObjectIdRequest {
            tenant: TENANT.to_owned(),
            account: Some(unlink_object_id_request::Account::UserName("alice@contoso.com".to_owned())),
            etag: linked.etag,
            ..UnlinkObjectIdRequest::default()
        };
        let unlinked = links.unlink_object_id(unlink.clone()).await.expect("it is unlinked").into_inner();
        assert_eq!(unlinked.previous_object_id, OBJECT_ID);
        let unlink = UnlinkObjectIdRequest { etag: unlinked.account.expect("it is answered").etag, ..unlink };
        assert!(tenant.scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await.is_empty());
        let status = links.unlink_object_id(unlink).await.expect_err("it has none");
        assert_eq!(why(&status), (Code::FailedPrecondition, "NOT_LINKED".to_owned()));
        links.link_object_id(link("bob@contoso.com", OBJECT_ID)).await.expect("it is free again");
    }

    async fn an_account_from_before_is_adopted_by_its_name(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let mut client = accounts(&service).await;
        let alice = made(&mut client, "alice@contoso.com").await;
        let [found] = tenant.scim.find("userName eq \"alice@contoso.com\"").await.try_into().expect("one is found");
        assert_eq!(found["id"], alice.id);
        let operations = json!([{"op": "Add", "path": "externalId", "value": OBJECT_ID}]);
        tenant.scim.patched(&alice.id, &crate::support::bodies::patch(&operations)).await;
        let adopted = panel.log(TENANT, "operation eq \"adopt\"").await;
        assert_eq!(adopted.iter().map(|entry| entry.resource_id.as_str()).collect::<Vec<_>>(), [alice.id.as_str()]);
    }
}
