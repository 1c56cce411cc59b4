//! A dry run over HTTP: an admin sees what Entra would be answered, by Entra's rules and not by those for admins.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Panel, ScimClient, Service, Tenant,
    bodies::{group, linked_user, patch_one, suspend, user},
    on_both_engines,
};

const PREFER: (&str, &str) = ("prefer", "return=representation; x=\"a,b\", dry-run");
const JSON: (&str, &str) = ("content-type", "application/scim+json");

/// Asks as the bearer of a JWT.
struct Asker(ScimClient);

impl Asker {
    async fn admin(service: &Service, tenant: &Tenant) -> Self {
        let jwt = service
            .jwt(&["provisioning.admin"], Some(&tenant.identifier))
            .await;
        Self(tenant.scim.with_token(Some(&jwt)))
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let body = (!body.is_null()).then(|| body.to_string());
        self.0.send_with(method, path, &[PREFER, JSON], body).await
    }

    /// What would become of it: the status, the operation and the whole answer.
    async fn would(&self, method: Method, path: &str, body: &Value) -> (String, String, Value) {
        let answer = self.send(method, path, body).await.expect(200);
        assert_eq!(answer.header("preference-applied"), "dry-run");
        let text = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("operation"), answer.body.clone())
    }
}

on_both_engines! {
    async fn an_admin_sees_what_entra_would_be_answered(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let admin = Asker::admin(&service, &tenant).await;
        let object_id = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
        let id = tenant.scim.create_id(&linked_user("alice@contoso.com", object_id)).await;
        let path = format!("/Users/{id}");
        let group_id = tenant.scim.create_group(&group("Engineering", &[&id])).await;
        let gone = tenant.scim.create_id(&linked_user("gone@contoso.com", "663fa3a8-e2b6-4ac0-96c8-363432cdc01d")).await;
        tenant.scim.delete(&format!("/Users/{gone}")).await.expect(204);
        let (log, before) = (panel.log("acme", "").await, service_state(&tenant).await);

        let (status, operation, answer) = admin.would(Method::POST, "/Users", &user("carol@contoso.com")).await;
        assert_eq!((&*status, &*operation), ("201", "create"));
        assert_eq!((&answer["response"]["userName"], answer["response"].get("id")), (&json!("carol@contoso.com"), None));
        assert!(answer["changes"].as_array().expect("a list").contains(&json!({"attribute": "userName", "newValue": "carol@contoso.com"})));

        let back = linked_user("gone@contoso.com", "663fa3a8-e2b6-4ac0-96c8-363432cdc01d");
        let (status, operation, answer) = admin.would(Method::POST, "/Users", &back).await;
        assert_eq!((&*status, &*operation, &answer["response"]["id"]), ("201", "restore", &json!(gone)));

        let (status, operation, answer) = admin.would(Method::POST, "/Users", &user("ALICE@contoso.com")).await;
        assert_eq!((&*status, &*operation), ("409", ""));
        assert_eq!((&answer["response"]["scimType"], &answer["changes"]), (&json!("uniqueness"), &json!([])));

        let (status, operation, answer) = admin.would(Method::PATCH, &path, &suspend()).await;
        assert_eq!((&*status, &*operation, &answer["response"]["active"]), ("204", "suspend", &json!(false)));
        assert_eq!(answer["changes"], json!([{"attribute": "active", "oldValue": true, "newValue": false}]));

        let (status, operation, _) = admin.would(Method::PUT, &path, &user("renamed@contoso.com")).await;
        assert_eq!((&*status, &*operation), ("200", "replace"));
        let (status, operation, answer) = admin.would(Method::DELETE, &path, &Value::Null).await;
        assert_eq!((&*status, &*operation, answer.get("response")), ("204", "delete", None));
        let (status, _, _) = admin.would(Method::DELETE, "/Users/none", &Value::Null).await;
        assert_eq!(status, "404");
        let (status, _, answer) = admin.would(Method::POST, "/Users", &json!({"userName": 7})).await;
        assert_eq!((&*status, &answer["response"]["scimType"]), ("400", &json!("invalidValue")));

        let of_group = format!("/Groups/{group_id}");
        let (status, operation, _) = admin.would(Method::POST, "/Groups", &group("Sales", &[&id])).await;
        assert_eq!((&*status, &*operation), ("201", "create"));
        let (status, operation, answer) = admin.would(Method::PATCH, &of_group, &patch_one("Remove", "members", &json!([{"value": id}]))).await;
        assert_eq!((&*status, &*operation, &answer["changes"]), ("204", "patch", &json!([{"attribute": "members", "oldValue": [id]}])));
        let (status, operation, _) = admin.would(Method::DELETE, &of_group, &Value::Null).await;
        assert_eq!((&*status, &*operation), ("204", "delete"));

        assert_eq!(service_state(&tenant).await, before);
        assert_eq!(panel.log("acme", "").await, log, "nobody has done anything");
    }

    async fn it_is_judged_as_entras_request_and_not_as_an_admins(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let admin = Asker::admin(&service, &tenant).await;
        let protected = tenant.scim.create_id(&user("break-glass@contoso.com")).await;
        service.execute("UPDATE accounts SET protected = TRUE").await;
        let (status, _, answer) = admin.would(Method::PATCH, &format!("/Users/{protected}"), &suspend()).await;
        assert_eq!((&*status, &answer["response"]["status"]), ("403", &json!("403")));

        // Entra takes over what was there before it.
        let writer = service.caller(&["accounts.write"], Some("acme")).await;
        let request = provisioning_proto::v1::CreateAccountRequest {
            tenant: "acme".to_owned(),
            account: Some(provisioning_proto::v1::Account { user_name: "here-first@contoso.com".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let mut accounts = provisioning_proto::v1::account_service_client::AccountServiceClient::new(writer);
        let id = accounts.create_account(request).await.expect("it is made").into_inner().account.expect("it is shown").id;
        let title = patch_one("Add", "title", &json!("Dr"));
        let (_, operation, _) = admin.would(Method::PATCH, &format!("/Users/{id}"), &title).await;
        assert_eq!(operation, "adopt");

        assert!(service.cli(&["tenant", "disable", "acme"]).await.status.success());
        let (status, _, answer) = admin.would(Method::POST, "/Users", &user("carol@contoso.com")).await;
        assert_eq!((&*status, &answer["response"]["status"]), ("403", &json!("403")));
    }

    async fn only_an_admin_of_the_tenant_may_ask(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let before = service_state(&tenant).await;
        for (scopes, of, status) in [
            (&["platform.operator"][..], None, 200),
            (&["accounts.write", "accounts.read"], Some("acme"), 403),
            (&["provisioning.admin"], Some("other"), 401),
        ] {
            let jwt = service.jwt(scopes, of).await;
            let asker = Asker(tenant.scim.with_token(Some(&jwt)));
            let answer = asker.send(Method::POST, "/Users", &user("carol@contoso.com")).await;
            assert_eq!(answer.status, status, "{scopes:?}: {:#}", answer.body);
            // Without the header it is no credential of this endpoint, whatever it may do elsewhere.
            asker.0.post("/Users", &user("carol@contoso.com")).await.expect(401);
            asker.0.get("/Users").await.expect(401);
        }
        let refused = Asker(tenant.scim.clone()).send(Method::POST, "/Users", &user("carol@contoso.com")).await.expect(403);
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains("provisioning.admin")), "{:#}", refused.body);
        let wrong = Asker(tenant.scim.with_token(Some(&crate::support::bodies::unknown_token())));
        wrong.send(Method::POST, "/Users", &user("carol@contoso.com")).await.expect(401);
        assert_eq!(service_state(&tenant).await, before);
        assert_eq!(panel.log("acme", "httpStatus eq 403 and actor eq \"scim\"").await.len(), 1, "the admin finds what Entra was refused");
    }
}

/// What SCIM shows of the tenant.
async fn service_state(tenant: &Tenant) -> Value {
    let groups = tenant.scim.get("/Groups").await.expect(200).body;
    json!([tenant.scim.all_users().await, groups])
}
