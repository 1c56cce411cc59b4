//! Symptoms of a query: the probe, matching, visibility.

use serde_json::json;

use super::scim;
use crate::support::{
    Panel,
    bodies::{ENTERPRISE, group, linked_user, patch_one, suspend, user},
    filtered, filtered_at, on_both_engines,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

on_both_engines! {
    async fn test_connection_fails_because_nothing_found_is_a_404(service: Service) {
        let scim = scim(&service).await;
        for path in [
            filtered("userName eq \"3e59e27b-8f5c-4f0c-9f0a-2f3f4a0c2b11\""),
            format!("{}&excludedAttributes=members", filtered_at("/Groups", "displayName eq \"3e59e27b-8f5c-4f0c-9f0a-2f3f4a0c2b11\"")),
        ] {
            let found = scim.get(&path).await.expect(200).body;
            assert_eq!((&found["totalResults"], &found["Resources"]), (&json!(0), &json!([])), "{path}");
        }
    }

    async fn a_filter_on_external_id_is_a_500(service: Service) {
        let scim = scim(&service).await;
        let alice = scim.create(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        let mut engineering = group("Engineering", &[]);
        engineering["externalId"] = json!(OBJECT_ID);
        let group = scim.create_group(&engineering).await;
        let filter = format!("externalId eq \"{OBJECT_ID}\"");
        assert_eq!(scim.find(&filter).await, [alice]);
        assert_eq!(scim.find_groups(&filter).await, [scim.read_group(&group).await]);
    }

    async fn provision_on_demand_cannot_find_the_user_and_makes_a_second_one(service: Service) {
        let scim = scim(&service).await;
        let mut alice = linked_user("alice@contoso.com", OBJECT_ID);
        alice["emails"] = json!([{"type": "work", "value": "alice@fabrikam.com"}]);
        alice[ENTERPRISE] = json!({"employeeNumber": "701984"});
        let alice = scim.create(&alice).await;
        for filter in [
            "userName eq \"alice@contoso.com\"".to_owned(),
            format!("externalId eq \"{OBJECT_ID}\""),
            "emails[type eq \"work\"].value eq \"alice@fabrikam.com\"".to_owned(),
            format!("{ENTERPRISE}:employeeNumber eq \"701984\""),
        ] {
            assert_eq!(scim.find(&filter).await, std::slice::from_ref(&alice), "{filter}");
        }
    }

    async fn a_user_cannot_be_enabled_again_because_inactive_ones_are_hidden(service: Service) {
        let scim = scim(&service).await;
        let id = scim.create_id(&user("alice@contoso.com")).await;
        let suspended = scim.patched(&id, &suspend()).await;
        assert_eq!(scim.find("userName eq \"alice@contoso.com\"").await, [suspended]);
        let enabled = scim.patched(&id, &patch_one("Replace", "active", &json!("True"))).await;
        assert_eq!(enabled["active"], true);
    }

    async fn a_409_repeats_for_ever_because_the_filter_misses_whom_it_names(service: Service) {
        let scim = scim(&service).await;
        let id = scim.create_id(&user("alice@contoso.com")).await;
        scim.patched(&id, &suspend()).await;
        for taken in ["alice@contoso.com", "ALICE@contoso.com", "Ａlice@contoso.com"] {
            let found = scim.find(&format!("userName eq \"{taken}\"")).await;
            let posted = scim.post("/Users", &user(taken)).await;
            assert_eq!((found.len(), posted.status), (1, 409), "{taken}");
        }
        // Nor does the name of somebody deleted stand in the way unseen.
        scim.delete(&format!("/Users/{id}")).await.expect(204);
        assert!(scim.find("userName eq \"alice@contoso.com\"").await.is_empty());
        scim.create(&user("alice@contoso.com")).await;
    }

    async fn a_link_by_mail_lets_one_tenant_take_the_account_of_another(service: Service) {
        let panel = Panel::of(&service).await;
        let (first, second) = (panel.tenant("first").await.scim, panel.tenant("second").await.scim);
        let mut alice = linked_user("alice@contoso.com", OBJECT_ID);
        alice["emails"] = json!([{"type": "work", "value": "alice@contoso.com"}]);
        let of_first = first.create(&alice).await;
        let path = format!("/Users/{}", of_first["id"].as_str().expect("a text"));
        for filter in ["emails[type eq \"work\"].value eq \"alice@contoso.com\"", "userName eq \"alice@contoso.com\""] {
            assert!(second.find(filter).await.is_empty(), "{filter}");
        }
        second.get(&path).await.expect(404);
        second.patch(&path, &suspend()).await.expect(404);
        second.delete(&path).await.expect(404);
        let of_second = second.create(&alice).await;
        assert_ne!(of_first["id"], of_second["id"]);
        assert_eq!(first.get(&path).await.expect(200).body, of_first);
    }
}
