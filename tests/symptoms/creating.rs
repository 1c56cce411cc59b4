//! Symptoms of a POST.

use serde_json::json;

use super::scim;
use crate::support::{
    bodies::{ENTERPRISE, GROUP, USER, group, linked_user, patch_one, user},
    on_both_engines,
};

on_both_engines! {
    async fn a_user_is_refused_for_the_form_of_its_mails(service: Service) {
        let scim = scim(&service).await;
        for (number, emails) in [
            json!([{"value": "alice@contoso.com"}]),
            json!([{"value": "alice@contoso.com", "primary": true}]),
            json!([{"type": "work", "value": "not a mail address"}]),
            json!([{"type": "work", "value": "a@contoso.com"}, {"type": "work", "value": "b@contoso.com"}]),
            json!([{"Type": "work", "Value": "alice@contoso.com", "Primary": "True"}]),
        ]
        .into_iter()
        .enumerate()
        {
            let mut alice = user(&format!("alice{number}@contoso.com"));
            alice["emails"] = emails.clone();
            let found = scim.create(&alice).await["emails"].clone();
            assert_eq!(found.as_array().map(Vec::len), emails.as_array().map(Vec::len), "{emails}: {found}");
        }
        scim.create(&user("nobody@contoso.com")).await;
    }

    async fn a_second_account_is_made_for_a_name_in_another_case(service: Service) {
        let scim = scim(&service).await;
        let alice = scim.create(&user("Alice@contoso.com")).await;
        let refused = scim.post("/Users", &user("aLICE@CONTOSO.com")).await.expect(409);
        assert_eq!(refused.header("content-type"), "application/scim+json");
        assert_eq!(
            (&refused.body["schemas"], &refused.body["status"], &refused.body["scimType"]),
            (&json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), &json!("409"), &json!("uniqueness"))
        );
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains("userName")), "{}", refused.body);
        assert_eq!(scim.all_users().await, [alice]);
    }

    async fn a_group_is_a_422_because_its_schemas_are_checked_strictly(service: Service) {
        let scim = scim(&service).await;
        for (number, schemas) in [
            json!([GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]),
            json!(["http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]),
        ]
        .into_iter()
        .enumerate()
        {
            let mut group = group(&format!("Engineering {number}"), &[]);
            group["schemas"] = schemas.clone();
            let created = scim.post("/Groups", &group).await.expect(201).body;
            assert_eq!(created["schemas"], json!([GROUP]), "{schemas}");
        }
        let mut alice = user("alice@contoso.com");
        alice["schemas"] = json!([USER, ENTERPRISE, "urn:ietf:params:scim:schemas:extension:Unknown:2.0:User"]);
        assert_eq!(scim.create(&alice).await["schemas"], json!([USER]));
    }

    async fn a_request_without_a_user_agent_is_a_403(service: Service) {
        let scim = scim(&service).await;
        // The client sends none, as Entra does: no header but those that carry the body and the token.
        scim.create(&user("alice@contoso.com")).await;
        for headers in [&[][..], &[("user-agent", "")]] {
            let found = scim.send_with(reqwest::Method::GET, "/Users", headers, None).await.expect(200);
            assert_eq!(found.body["totalResults"], 1);
        }
    }

    async fn all_users_fail_after_the_source_of_external_id_was_switched(service: Service) {
        let scim = scim(&service).await;
        let id = scim.create_id(&linked_user("alice@contoso.com", "alice")).await;
        let object_id = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
        // Nobody has the new value yet; the name still finds the account, which takes it.
        assert!(scim.find(&format!("externalId eq \"{object_id}\"")).await.is_empty());
        assert_eq!(scim.find("userName eq \"alice@contoso.com\"").await.len(), 1);
        let after = scim.patched(&id, &patch_one("Replace", "externalId", &json!(object_id))).await;
        assert_eq!((&after["id"], &after["externalId"]), (&json!(id), &json!(object_id)));
        assert_eq!(scim.find(&format!("externalId eq \"{object_id}\"")).await, [after]);
    }
}
