//! The life of one account over SCIM, as Entra leads it.

use serde_json::json;

use crate::support::on_both_engines;

const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

fn alice() -> serde_json::Value {
    json!({
        "schemas": [USER_SCHEMA],
        "userName": "alice@contoso.com",
        "externalId": OBJECT_ID,
        "active": true,
        "name": {"givenName": "Alice", "familyName": "Example"},
        "emails": [{"value": "alice@contoso.com", "type": "work", "primary": true}],
    })
}

on_both_engines! {
    async fn an_account_is_created_read_suspended_and_deleted(service: Service) {
        let scim = service.tenant("acme").await.scim;

        let created = scim.post("/Users", &alice()).await.expect(201);
        let path = format!("/Users/{}", created.id());
        assert_eq!(created.header("content-type"), "application/scim+json");
        assert!(created.header("location").ends_with(&format!("/scim/acme/v2{path}")), "{:?}", created.headers);

        let read = scim.get(&path).await.expect(200);
        assert_eq!(read.body["userName"], "alice@contoso.com");
        assert_eq!(read.body["externalId"], OBJECT_ID);

        let found = scim.get("/Users?filter=userName%20eq%20%22ALICE%40contoso.com%22").await.expect(200);
        assert_eq!((&found.body["totalResults"], &found.body["Resources"][0]["id"]), (&json!(1), &json!(created.id())));

        let suspend = json!({"schemas": [PATCH_SCHEMA], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
        scim.patch(&path, &suspend).await.expect(204);
        assert_eq!(scim.get(&path).await.expect(200).body["active"], false);

        scim.delete(&path).await.expect(204);
        scim.get(&path).await.expect(404);
        scim.delete(&path).await.expect(404);
    }

    async fn a_deleted_account_comes_back_with_its_id(service: Service) {
        let scim = service.tenant("acme").await.scim;
        let id = scim.post("/Users", &alice()).await.expect(201).id();
        scim.delete(&format!("/Users/{id}")).await.expect(204);
        assert_eq!(scim.post("/Users", &alice()).await.expect(201).id(), id);
    }

    async fn what_was_acknowledged_outlives_a_kill(service: Service) {
        let mut service = service;
        let tenant = service.tenant("acme").await;
        let id = tenant.scim.post("/Users", &alice()).await.expect(201).id();
        service.kill_and_restart().await;
        let endpoint = format!("{}/scim/acme/v2", service.process.http());
        let scim = crate::support::ScimClient::new(endpoint, Some(tenant.token));
        assert_eq!(scim.get(&format!("/Users/{id}")).await.expect(200).body["userName"], "alice@contoso.com");
    }
}
