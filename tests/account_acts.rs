//! What admins decide of accounts, over gRPC and on the command line, and that no request of the directory undoes it.

use provisioning_proto::admin::v1::{
    HoldAccountRequest, ListDeletedAccountsRequest, PurgeAccountRequest, RestoreAccountRequest,
    account_admin_service_client::AccountAdminServiceClient,
};
use serde_json::json;
use tonic::Code;

use crate::support::{
    Panel,
    bodies::{elements, group, linked_user, patch_one, patch_remove, user},
    on_both_engines, rpc,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const REQUEST_ID: &str = "6f1c1f0e-5a3c-4d0e-9d5e-0c9a4f3f7b11";

on_both_engines! {
    async fn a_hold_by_command_survives_what_entra_does(service: Service) {
        let tenant = service.tenant("acme").await;
        let scim = &tenant.scim;
        let id = scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        let held = service.cli_json(&["account", "hold", "acme", &id, "--reason", "Left on 3 May"]).await;
        assert_eq!((&held["effectively_active"], &held["hold"]["reason"]), (&json!(false), &json!("Left on 3 May")));
        assert_eq!(scim.read(&id).await["active"], json!(true), "SCIM sees the directory's own flag");
        scim.patched(&id, &patch_one("Replace", "active", &json!("False"))).await;
        scim.patched(&id, &patch_one("Replace", "active", &json!("True"))).await;
        scim.delete(&format!("/Users/{id}")).await.expect(204);
        let deleted = service.cli_json(&["account", "deleted", "acme"]).await;
        assert_eq!((&deleted[0]["account_id"], &deleted[0]["hold"]["reason"]), (&json!(id), &json!("Left on 3 May")));
        assert_eq!(scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await, id, "the same account comes back");
        let released = service.cli_json(&["account", "release", "acme", &id]).await;
        assert_eq!((&released["effectively_active"], &released["hold"]), (&json!(true), &json!(null)));
        let entry = &Panel::of(&service).await.log("acme", "operation eq \"hold\"").await[0];
        assert_eq!((entry.justification.as_str(), entry.actor.as_str()), ("Left on 3 May", "provisiond-cli"));
    }

    async fn a_protected_account_is_refused_to_entra_and_spares_the_others(service: Service) {
        let tenant = service.tenant("acme").await;
        let scim = &tenant.scim;
        let alice = scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        let bob = scim.create_id(&user("bob@contoso.com")).await;
        let sales = scim.create_group(&group("Sales", &[&alice])).await;
        let protected = service.cli_json(&["account", "protect", "acme", &alice, "--reason", "Break glass"]).await;
        assert_eq!(protected["protected"], json!(true));
        let path = format!("/Users/{alice}");
        let before = scim.read(&alice).await;
        for answer in [
            scim.patch(&path, &patch_one("Replace", "active", &json!("False"))).await,
            scim.put(&path, &linked_user("mallory@contoso.com", OBJECT_ID)).await,
            scim.delete(&path).await,
            scim.delete(&format!("/Groups/{sales}")).await,
        ] {
            let answer = answer.expect(403);
            let detail = answer.body["detail"].as_str().expect("a text");
            assert!(detail.contains(&alice) && detail.contains("protected"), "{detail}");
        }
        scim.patched_group(&sales, &patch_one("Add", "members", &elements(&[&bob]))).await;
        scim.patched_group(&sales, &patch_remove("members")).await;
        assert_eq!(scim.members(&sales).await, std::slice::from_ref(&alice), "Bob comes and goes, and she stays");
        assert_eq!(scim.read(&alice).await, before);
        service.cli_json(&["account", "unprotect", "acme", &alice]).await;
        scim.patched_group(&sales, &patch_remove("members")).await;
        assert_eq!(scim.members(&sales).await, Vec::<String>::new());
    }

    async fn a_deleted_account_is_restored_or_purged_by_command(service: Service) {
        let tenant = service.tenant("acme").await;
        let scim = &tenant.scim;
        let alice = scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        let sales = scim.create_group(&group("Sales", &[&alice])).await;
        let before = scim.read(&alice).await;
        scim.delete(&format!("/Users/{alice}")).await.expect(204);
        let preview = service.cli_json(&["account", "restore", "acme", &alice, "--dry-run"]).await;
        assert_eq!(preview["delete_time"], json!(null));
        scim.get(&format!("/Users/{alice}")).await.expect(404);
        service.cli_json(&["account", "restore", "acme", &alice, "--reason", "By mistake"]).await;
        let after = scim.read(&alice).await;
        assert_eq!((&after["externalId"], &after["groups"]), (&before["externalId"], &before["groups"]));

        let refused = service.cli(&["account", "purge", "acme", &alice]).await;
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("not deleted"));
        scim.delete(&format!("/Users/{alice}")).await.expect(204);
        let purged = service.cli_json(&["account", "purge", "acme", &alice]).await;
        assert_eq!(purged, json!({"account_id": alice, "purged": true}));
        assert_eq!(service.cli_json(&["account", "deleted", "acme"]).await, json!([]));
        assert_eq!(scim.members(&sales).await, Vec::<String>::new());
        let next = scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        assert_ne!(next, alice);
    }

    async fn acts_are_for_admins_of_the_tenant_and_are_done_once(service: Service) {
        let panel = Panel::of(&service).await;
        let (tenant, _) = (panel.tenant("acme").await, panel.tenant("other").await);
        let id = tenant.scim.create_id(&user("alice@contoso.com")).await;
        let hold = HoldAccountRequest {
            tenant: "acme".to_owned(),
            account_id: id.clone(),
            reason: "Left".to_owned(),
            ..HoldAccountRequest::default()
        };
        for (scope, of, code) in [
            ("accounts.write", "acme", Code::PermissionDenied),
            ("provisioning.admin", "other", Code::NotFound),
        ] {
            let mut client = AccountAdminServiceClient::new(service.caller(&[scope], Some(of)).await);
            let status = client.hold_account(hold.clone()).await.expect_err("it is not allowed");
            assert_eq!(status.code(), code, "{status:?}");
        }
        let mut admin = AccountAdminServiceClient::new(service.caller(&["provisioning.admin"], Some("acme")).await);
        let nobody = HoldAccountRequest { account_id: "nobody".to_owned(), ..hold.clone() };
        let status = admin.hold_account(nobody).await.expect_err("it is no id");
        assert_eq!(rpc::reason(&status), "ACCOUNT_NOT_FOUND");
        let status = admin.hold_account(HoldAccountRequest { reason: String::new(), ..hold }).await.expect_err("no reason");
        assert_eq!((status.code(), rpc::reason(&status).as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));

        tenant.scim.delete(&format!("/Users/{id}")).await.expect(204);
        let listed = admin.list_deleted_accounts(ListDeletedAccountsRequest { tenant: "acme".to_owned(), ..Default::default() }).await;
        let listed = listed.expect("they are listed").into_inner();
        assert!(listed.accounts[0].delete_time.is_some() && listed.next_page_token.is_empty());
        let purge = PurgeAccountRequest {
            tenant: "acme".to_owned(),
            account_id: id.clone(),
            request_id: REQUEST_ID.to_owned(),
            ..PurgeAccountRequest::default()
        };
        for _ in 0..2 {
            admin.purge_account(purge.clone()).await.expect("the same request is answered the same");
        }
        let restore = RestoreAccountRequest { tenant: "acme".to_owned(), account_id: id, ..RestoreAccountRequest::default() };
        let status = admin.restore_account(restore).await.expect_err("it is gone");
        assert_eq!(rpc::reason(&status), "ACCOUNT_NOT_FOUND");
    }
}
