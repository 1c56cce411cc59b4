//! The life of a user as Entra leads it: match, create, disable, enable, tombstone, delete, restore; in both flag modes.

use serde_json::{Value, json};

use crate::support::{
    Panel,
    bodies::{ENTERPRISE, USER, linked_user, patch, patch_one, suspend, user},
    filtered, in_both_dialects, on_both_engines,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_OBJECT_ID: &str = "1b32a1a3-9e3b-4a9f-8ca9-8474d5bfe5fa";

fn id_of(user: &Value) -> String {
    user["id"].as_str().expect("a text").to_owned()
}

/// The same change in Entra's two forms: without and with `aadOptscim062020`.
fn set_active(active: bool) -> [Value; 2] {
    let word = if active { "True" } else { "False" };
    [
        patch_one("Replace", "active", &json!(word)),
        patch_one("replace", "active", &json!(active)),
    ]
}

fn rename(user_name: &str) -> [Value; 2] {
    [
        patch_one("Replace", "userName", &json!(user_name)),
        patch(&json!([{"op": "replace", "value": {"userName": user_name}}])),
    ]
}

on_both_engines! {
    async fn a_user_is_led_through_life_in_both_flag_modes(service: Service) {
        let panel = Panel::of(&service).await;
        for flag in [0, 1] {
            let scim = panel.tenant(&format!("acme-{flag}")).await.scim;
            let probe = scim.get("/Users?filter=userName+eq+%223e59e27b-0000-4000-8000-000000000000%22").await.expect(200);
            assert_eq!((&probe.body["totalResults"], &probe.body["Resources"]), (&json!(0), &json!([])));
            let id = scim.create_id(&linked_user("Alice@contoso.com", OBJECT_ID)).await;

            let find = "userName eq \"alice@CONTOSO.com\"";
            for active in [false, true, false] {
                let after = scim.patched(&id, &set_active(active)[flag]).await;
                assert_eq!(after["active"], active);
                assert_eq!(scim.find(find).await, std::slice::from_ref(&after), "visible by filter, active or not");
                assert_eq!(scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await, [after]);
            }
            // Soft deletion puts the object id before the name; the restore takes it off again.
            let tombstone = format!("{}Alice@contoso.com", OBJECT_ID.replace('-', ""));
            let after = scim.patched(&id, &rename(&tombstone)[flag]).await;
            assert_eq!((&after["userName"], &after["active"]), (&json!(tombstone), &json!(false)));
            assert!(scim.find(find).await.is_empty());
            scim.patched(&id, &rename("Alice@contoso.com")[flag]).await;
            let after = scim.patched(&id, &set_active(true)[flag]).await;
            assert_eq!((&after["userName"], &after["active"]), (&json!("Alice@contoso.com"), &json!(true)));
            assert_eq!(scim.find(find).await, [after]);

            scim.delete(&format!("/Users/{id}")).await.expect(204);
            scim.get(&format!("/Users/{id}")).await.expect(404);
            scim.delete(&format!("/Users/{id}")).await.expect(404);
            assert!(scim.find(find).await.is_empty());
            assert!(scim.all_users().await.is_empty());
        }
    }
}

in_both_dialects! {
    async fn the_same_object_posted_again_gets_its_old_id(scim: ScimClient) {
        let mut first = linked_user("alice@contoso.com", OBJECT_ID);
        first["title"] = json!("Engineer");
        let id = scim.create_id(&first).await;
        scim.delete(&format!("/Users/{id}")).await.expect(204);

        let restored = scim.create(&linked_user("alice.new@contoso.com", OBJECT_ID)).await;
        assert_eq!((id_of(&restored), &restored["userName"], restored.get("title")), (id, &json!("alice.new@contoso.com"), None));
        assert_eq!(scim.all_users().await, [restored]);
    }

    async fn another_object_gets_another_id_and_the_freed_name(scim: ScimClient) {
        let first = scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        scim.delete(&format!("/Users/{first}")).await.expect(204);
        let second = scim.create_id(&linked_user("ALICE@contoso.com", OTHER_OBJECT_ID)).await;
        assert_ne!(first, second);

        // The first cannot come back under the name that is taken now, and the refusal changes nothing.
        let refused = scim.post("/Users", &linked_user("alice@contoso.com", OBJECT_ID)).await.expect(409);
        assert_eq!(refused.body["scimType"], "uniqueness");
        scim.get(&format!("/Users/{first}")).await.expect(404);
        assert_eq!(scim.create_id(&linked_user("alice2@contoso.com", OBJECT_ID)).await, first);
    }

    async fn what_is_no_guid_restores_nobody(scim: ScimClient) {
        let first = scim.create_id(&linked_user("alice@contoso.com", "alice")).await;
        scim.delete(&format!("/Users/{first}")).await.expect(204);
        assert_ne!(scim.create_id(&linked_user("alice@contoso.com", "alice")).await, first);
    }

    async fn an_object_id_may_be_shared_but_not_a_name(scim: ScimClient) {
        let alice = scim.create(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        let bob = scim.create(&linked_user("bob@contoso.com", OBJECT_ID)).await;
        assert_eq!(scim.find(&format!("externalId eq \"{OBJECT_ID}\"")).await, [alice.clone(), bob.clone()]);
        let before = scim.all_users().await;
        for name in ["alice@contoso.com", "ALICE@CONTOSO.COM"] {
            let posted = scim.post("/Users", &user(name)).await.expect(409);
            let patched = scim.patch(&format!("/Users/{}", id_of(&bob)), &patch_one("Replace", "userName", &json!(name))).await.expect(409);
            let put = scim.put(&format!("/Users/{}", id_of(&bob)), &user(name)).await.expect(409);
            for refused in [posted, patched, put] {
                assert_eq!((&refused.body["status"], &refused.body["scimType"]), (&json!("409"), &json!("uniqueness")));
                let detail = refused.body["detail"].as_str().expect("a text");
                assert!(detail.contains(&id_of(&alice)) && detail.contains("Object ID"), "{detail}");
            }
        }
        assert_eq!(scim.all_users().await, before);
        // Its own name in another case is no conflict, and is kept as it was written.
        let after = scim.patched(&id_of(&alice), &patch_one("Replace", "userName", &json!("Alice@Contoso.com"))).await;
        assert_eq!(after["userName"], "Alice@Contoso.com");
    }

    async fn filters_are_read_in_both_encodings(scim: ScimClient) {
        for name in ["alice@contoso.com", "o'brien@contoso.com", "alias_fabrikam.com#EXT#@contoso.onmicrosoft.com", "a+b@contoso.com", "100%@contoso.com", "back\\slash", "quo\"te", "Zoë@contoso.com"] {
            let created = scim.create(&user(name)).await;
            let filter = format!("userName eq {}", json!(name));
            let plus = filtered(&filter);
            let percent = plus.replace('+', "%20");
            assert_ne!(plus, percent);
            for path in [plus, percent] {
                let found = scim.get(&path).await.expect(200);
                assert_eq!(found.body["Resources"], json!([created]), "{path}");
            }
        }
        assert!(scim.find("userName eq \"a b@contoso.com\"").await.is_empty(), "an encoded plus is a plus");
    }

    async fn matching_attributes_find_the_user(scim: ScimClient) {
        let mut sent = linked_user("alice@contoso.com", OBJECT_ID);
        sent["displayName"] = json!("Alice");
        sent["emails"] = json!([{"type": "work", "value": "Alice.Example@contoso.com"}, {"type": "home", "value": "home@contoso.com"}]);
        sent[ENTERPRISE] = json!({"employeeNumber": "701984"});
        let alice = scim.create(&sent).await;
        scim.create(&user("bob@contoso.com")).await;
        let id = id_of(&alice);
        for filter in [
            "UserName Eq \"ALICE@contoso.com\"".to_owned(),
            format!("externalId eq \"{OBJECT_ID}\""),
            format!("id eq \"{id}\""),
            "emails[type eq \"work\"].value eq \"alice.example@contoso.com\"".to_owned(),
            "emails[type eq \"work\" and value eq \"alice.example@contoso.com\"]".to_owned(),
            "emails.value eq \"home@contoso.com\"".to_owned(),
            format!("{ENTERPRISE}:employeeNumber eq \"701984\""),
            format!("{USER}:userName eq \"alice@contoso.com\""),
            "displayName eq \"alice\"".to_owned(),
            "active eq true and userName sw \"alice\"".to_owned(),
            "userName co \"lice\" and not (userName eq \"bob@contoso.com\")".to_owned(),
        ] {
            assert_eq!(scim.find(&filter).await, std::slice::from_ref(&alice), "{filter}");
        }
        assert!(scim.find("emails[type eq \"home\"].value eq \"alice.example@contoso.com\"").await.is_empty());
        assert!(scim.find(&format!("externalId eq \"{}\"", OBJECT_ID.to_uppercase())).await.is_empty(), "externalId is caseExact");
    }

    async fn a_suspended_user_is_found_and_its_name_stays_taken(scim: ScimClient) {
        let id = scim.create_id(&user("alice@contoso.com")).await;
        scim.patched(&id, &suspend()).await;
        assert_eq!(scim.read(&id).await["active"], false);
        scim.post("/Users", &user("alice@contoso.com")).await.expect(409);
        assert_eq!(scim.find("active eq false").await.len(), 1);
        assert_eq!(scim.find("active eq \"False\"").await.len(), 1);
    }

    async fn the_flag_in_a_query_is_ignored(scim: ScimClient) {
        let id = scim.post("/Users?aadOptscim062020", &user("alice@contoso.com")).await.expect(201).id();
        let found = scim.get("/Users?filter=userName+eq+%22alice%40contoso.com%22&aadOptscim062020").await.expect(200);
        assert_eq!(found.body["Resources"][0]["id"], id);
    }

    async fn a_put_replaces_the_whole_user(scim: ScimClient) {
        let mut whole = linked_user("alice@contoso.com", OBJECT_ID);
        whole["title"] = json!("Engineer");
        whole["adreses"] = json!("misspelled: ignored");
        let id = scim.create_id(&whole).await;
        let mut next = user("alice@contoso.com");
        next["id"] = json!("another id is not taken");
        next["displayName"] = json!("Alice");
        let after = scim.put(&format!("/Users/{id}"), &next).await.expect(200).body;
        assert_eq!((id_of(&after), after.get("title"), after.get("externalId"), &after["displayName"]), (id.clone(), None, None, &json!("Alice")));
        assert_eq!(scim.read(&id).await, after);
        scim.put(&format!("/Users/{id}"), &json!({"schemas": [USER], "userame": "typo"})).await.expect(400);
        assert_eq!(scim.read(&id).await, after);
    }
}
