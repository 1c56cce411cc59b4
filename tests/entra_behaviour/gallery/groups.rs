//! The templates' tests of groups.

use serde_json::{Value, json};

use crate::support::{
    bodies::{GROUP, patch, patch_one, patch_whole},
    in_both_dialects,
};

/// All groups of the templates have one `externalId`, and two tests run at the same time.
fn direct_group(display_name: &str) -> Value {
    json!({"schemas": [GROUP], "displayName": display_name, "externalId": "placeholder-extid"})
}

in_both_dialects! {
    async fn group_create(scim: ScimClient) {
        let other = scim.create_group(&direct_group("direct-1a2b")).await;
        let created = scim.post("/Groups", &direct_group("direct-3c4d")).await.expect(201).body;
        assert_ne!(created["id"], other);
        assert_eq!((&created["displayName"], &created["externalId"]), (&json!("direct-3c4d"), &json!("placeholder-extid")));
        let found = scim.get("/Groups?filter=displayName%20eq%20%22direct-3c4d%22").await.expect(200).body;
        assert_eq!(found["Resources"], json!([created]));
        assert_eq!(scim.find_groups("externalId eq \"placeholder-extid\"").await.len(), 2);
    }

    async fn group_update(scim: ScimClient) {
        let id = scim.create_group(&direct_group("direct-1a2b")).await;
        let each = [("displayName", "upd-1a2b3c4d"), ("externalId", "upd-2b3c4d5e")]
            .map(|(path, value)| json!({"op": "replace", "path": path, "value": value}));
        let together = json!({"displayName": "upd-3c4d5e6f", "externalId": "upd-4d5e6f7a"});
        let one = patch_one("replace", "displayName", &json!("upd-5e6f7a8b"));
        for (body, name, external_id) in [
            (patch(&json!(each)), "upd-1a2b3c4d", "upd-2b3c4d5e"),
            (patch_whole("replace", &together), "upd-3c4d5e6f", "upd-4d5e6f7a"),
            (one, "upd-5e6f7a8b", "upd-4d5e6f7a"),
        ] {
            let after = scim.patched_group(&id, &body).await;
            assert_eq!((&after["displayName"], &after["externalId"]), (&json!(name), &json!(external_id)));
            let found = scim.get(&format!("/Groups?filter=displayName%20eq%20%22{name}%22")).await.expect(200).body;
            assert_eq!(found["Resources"], json!([after]));
        }
    }

    async fn group_pagination(scim: ScimClient) {
        let mut made = Vec::new();
        for number in 0..11 {
            made.push(json!(scim.create_group(&direct_group(&format!("page-{number}"))).await));
        }
        for _ in 0..2 {
            let mut seen = Vec::new();
            for start in [1, 6, 11] {
                let page = scim.get(&format!("/Groups?startIndex={start}&count=5")).await.expect(200).body;
                assert_eq!((&page["startIndex"], &page["totalResults"]), (&json!(start), &json!(11)));
                let resources = page["Resources"].as_array().expect("a list").clone();
                assert_eq!(page["itemsPerPage"], resources.len());
                seen.extend(resources.iter().map(|group| group["id"].clone()));
            }
            assert_eq!(seen, made, "in the order of creation");
        }
    }
}
