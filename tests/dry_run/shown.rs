//! What a dry run says would be done is what the log says was done, when it is done.

use provisioning_proto::{
    admin::v1::{
        GenerateTokenRequest, RegenerateTokenRequest, token_service_client::TokenServiceClient,
    },
    json::to_proto,
    v1::{
        Account, CreateAccountRequest, CreateGroupRequest, DeleteAccountRequest,
        DeleteGroupRequest, DryRun, Group, GroupMember, PatchAccountRequest, PatchGroupRequest,
        PatchOperation, ReplaceAccountRequest, account_service_client::AccountServiceClient,
        group_service_client::GroupServiceClient, patch_operation::Op,
    },
};
use serde_json::json;

use crate::support::{Panel, on_both_engines, rpc};

const TENANT: &str = "acme";
const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

fn operation(op: Op, path: &str, value: Option<serde_json::Value>) -> PatchOperation {
    PatchOperation {
        op: op.into(),
        path: Some(path.to_owned()),
        value: value.map(to_proto),
    }
}

fn named(user_name: &str) -> Account {
    Account {
        user_name: user_name.to_owned(),
        object_id: Some(OBJECT_ID.to_owned()),
        ..Account::default()
    }
}

/// Sends a request dry and then in earnest; the first answer tells what the newest log entry says of the second.
macro_rules! compare {
    ($panel:expr, $client:expr, $method:ident, $request:expr, $operation:expr) => {{
        let mut request = $request;
        request.validate_only = true;
        let dry = $client
            .$method(request.clone())
            .await
            .expect("it would be done")
            .into_inner();
        request.validate_only = false;
        let done = $client
            .$method(request)
            .await
            .expect("it is done")
            .into_inner();
        assert_eq!(done.dry_run, None, "it was none");
        let would = dry.dry_run.expect("it was one");
        assert_eq!(would.operation, $operation);
        let entry = $panel.log(TENANT, "").await.swap_remove(0);
        assert_eq!(would.changes, entry.changes, "{}", would.operation);
        let logged = $panel
            .log(TENANT, &format!("operation eq \"{}\"", would.operation))
            .await;
        assert_eq!(logged.first().map(|entry| &entry.id), Some(&entry.id));
        (done, would)
    }};
}

on_both_engines! {
    async fn what_would_be_done_to_an_account_is_what_the_log_then_says(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let mut accounts = AccountServiceClient::new(service.caller(&["accounts.write"], Some(TENANT)).await);
        let create = CreateAccountRequest { tenant: TENANT.to_owned(), account: Some(named("alice@contoso.com")), ..CreateAccountRequest::default() };
        let (made, would) = compare!(panel, accounts, create_account, create.clone(), "create");
        assert!(would.changes.iter().any(|change| change.attribute == "userName" && change.new_value == "\"alice@contoso.com\""));
        let id = made.account.expect("it is shown").id;

        let replaced = Account { title: Some("Dr".to_owned()), ..named("alice@contoso.com") };
        let replace = ReplaceAccountRequest { tenant: TENANT.to_owned(), id: id.clone(), account: Some(replaced), ..ReplaceAccountRequest::default() };
        compare!(panel, accounts, replace_account, replace.clone(), "replace");
        // Once more there is nothing to do, and the log says nothing.
        let again = ReplaceAccountRequest { validate_only: true, ..replace };
        let nothing = accounts.replace_account(again).await.expect("it is answered").into_inner();
        assert_eq!(nothing.dry_run, Some(DryRun::default()));

        let patch = |operations| PatchAccountRequest { tenant: TENANT.to_owned(), id: id.clone(), operations, ..PatchAccountRequest::default() };
        let suspend = patch(vec![operation(Op::Replace, "active", Some(json!(false)))]);
        let (_, would) = compare!(panel, accounts, patch_account, suspend, "suspend");
        let [change] = would.changes.as_slice() else { panic!("one changes: {would:?}") };
        assert_eq!((&*change.attribute, &*change.old_value, &*change.new_value), ("active", "true", "false"));
        compare!(panel, accounts, patch_account, patch(vec![operation(Op::Replace, "active", Some(json!(true)))]), "activate");
        compare!(panel, accounts, patch_account, patch(vec![operation(Op::Remove, "title", None)]), "patch");

        let delete = DeleteAccountRequest { tenant: TENANT.to_owned(), id: id.clone(), ..DeleteAccountRequest::default() };
        compare!(panel, accounts, delete_account, delete, "delete");
        let (restored, _) = compare!(panel, accounts, create_account, create, "restore");
        assert_eq!(restored.account.expect("it is shown").id, id);
    }

    async fn what_would_be_done_to_a_group_is_what_the_log_then_says(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant(TENANT).await;
        let writer = service.caller(&["accounts.write"], Some(TENANT)).await;
        let account = CreateAccountRequest { tenant: TENANT.to_owned(), account: Some(named("alice@contoso.com")), ..CreateAccountRequest::default() };
        let made = AccountServiceClient::new(writer.clone()).create_account(account).await.expect("it is made").into_inner();
        let member = made.account.expect("it is shown").id;
        let mut groups = GroupServiceClient::new(writer);
        let group = Group {
            display_name: "Engineering".to_owned(),
            members: vec![GroupMember { value: Some(member.clone()), ..GroupMember::default() }],
            ..Group::default()
        };
        let create = CreateGroupRequest { tenant: TENANT.to_owned(), group: Some(group), ..CreateGroupRequest::default() };
        let (made, would) = compare!(panel, groups, create_group, create, "create");
        assert!(would.changes.iter().any(|change| change.attribute == "members" && serde_json::from_str::<serde_json::Value>(&change.new_value).ok() == Some(json!([member]))));
        let id = made.group.expect("it is shown").id;
        let remove = PatchGroupRequest {
            tenant: TENANT.to_owned(),
            id: id.clone(),
            operations: vec![operation(Op::Remove, "members", None)],
            ..PatchGroupRequest::default()
        };
        compare!(panel, groups, patch_group, remove, "patch");
        compare!(panel, groups, delete_group, DeleteGroupRequest { tenant: TENANT.to_owned(), id, ..DeleteGroupRequest::default() }, "delete");
    }

    async fn a_token_that_would_be_made_is_shown_to_nobody(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant(TENANT).await;
        let mut tokens = TokenServiceClient::new(panel.admin.clone());
        let generate = GenerateTokenRequest { tenant: TENANT.to_owned(), validate_only: true, ..GenerateTokenRequest::default() };
        let refused = tokens.generate_token(generate.clone()).await.expect_err("there is one");
        assert_eq!(rpc::reason(&refused), "TOKEN_EXISTS");
        let regenerate = RegenerateTokenRequest { tenant: TENANT.to_owned(), validate_only: true, ..RegenerateTokenRequest::default() };
        let would = tokens.regenerate_token(regenerate).await.expect("it would be made").into_inner();
        assert_eq!((would.secret_token.as_str(), would.token), ("", None));
        let replaced = would.replaced.expect("it would be replaced");
        assert_eq!((replaced.id, replaced.replaced_by), (tenant.token_id, None));
        assert!(replaced.expire_time.is_some());
        tenant.scim.get("/Users").await.expect(200);
    }
}
