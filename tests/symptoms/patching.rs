//! Symptoms of a PATCH of a user.

use serde_json::json;

use super::scim;
use crate::support::{
    Panel, ScimClient,
    bodies::{ENTERPRISE, MANAGER, USER, patch, patch_one, patch_remove, patch_whole, user},
    on_both_engines,
};

async fn someone(scim: &ScimClient) -> String {
    scim.create_id(&user("someone@contoso.com")).await
}

on_both_engines! {
    async fn a_dotted_key_is_stored_as_it_stands_or_is_a_400(service: Service) {
        let scim = scim(&service).await;
        let mut whole = user("someone@contoso.com");
        whole["name"] = json!({"givenName": "Given", "familyName": "Family"});
        let id = scim.create_id(&whole).await;
        let after = scim.patched(&id, &patch_whole("replace", &json!({"name.givenName": "New", "displayName": "New"}))).await;
        assert_eq!((&after["name"], &after["displayName"]), (&json!({"givenName": "New", "familyName": "Family"}), &json!("New")));
        assert_eq!(after.get("name.givenName"), None);
        let after = scim.patched(&id, &patch_whole("add", &json!({"name.formatted": "New Family"}))).await;
        assert_eq!(after["name"], json!({"givenName": "New", "familyName": "Family", "formatted": "New Family"}));
    }

    async fn a_urn_is_split_at_the_dot_of_its_version(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        let custom = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User";
        for body in [
            patch_one("Add", &format!("{ENTERPRISE}:department"), &json!("Sales")),
            patch_whole("replace", &json!({format!("{ENTERPRISE}:department"): "Sales"})),
            patch_one("Add", &format!("{custom}:department"), &json!("Sales")),
            patch_whole("replace", &json!({format!("{custom}:department"): "Sales"})),
        ] {
            scim.patched(&id, &body).await;
        }
        let after = scim.read(&id).await;
        assert_eq!((&after[ENTERPRISE], &after[custom]), (&json!({"department": "Sales"}), &json!({"department": "Sales"})));
        assert_eq!(after["schemas"], json!([USER, ENTERPRISE, custom]));
        let after = scim.patched(&id, &patch_one("Add", &format!("{ENTERPRISE}:manager.value"), &json!("mid"))).await;
        assert_eq!(after[ENTERPRISE]["manager"]["value"], "mid");
    }

    async fn a_user_stays_active_because_the_word_false_is_true(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        for (word, wanted) in [("False", false), ("True", true), ("false", false), ("true", true)] {
            let after = scim.patched(&id, &patch_one("Replace", "active", &json!(word))).await;
            assert_eq!(after["active"], wanted, "{word}");
        }
        let path = format!("/Users/{id}");
        scim.patch(&path, &patch_one("Replace", "active", &json!("perhaps"))).await.expect(400);
        assert_eq!(scim.read(&id).await["active"], true);
    }

    async fn an_op_in_another_case_is_a_400(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        for op in ["Add", "add", "ADD", "Replace", "replace", "rEpLaCe"] {
            let after = scim.patched(&id, &patch_one(op, "title", &json!(op))).await;
            assert_eq!(after["title"], op);
        }
        for op in ["Remove", "REMOVE"] {
            scim.patched(&id, &patch_one("Add", "title", &json!("Engineer"))).await;
            let after = scim.patched(&id, &patch(&json!([{"op": op, "path": "title"}]))).await;
            assert_eq!(after.get("title"), None, "{op}");
        }
    }

    async fn a_value_path_to_a_missing_element_is_a_400_no_target(service: Service) {
        let scim = scim(&service).await;
        for op in ["Add", "Replace"] {
            let id = someone(&scim).await;
            let mail = patch_one(op, "emails[type eq \"work\"].value", &json!("someone@contoso.com"));
            assert_eq!(scim.patched(&id, &mail).await["emails"], json!([{"type": "work", "value": "someone@contoso.com"}]), "{op}");
            let role = patch_one(op, "roles[primary eq \"True\"].value", &json!("Admin"));
            assert_eq!(scim.patched(&id, &role).await["roles"], json!([{"primary": true, "value": "Admin"}]), "{op}");
            scim.delete(&format!("/Users/{id}")).await.expect(204);
        }
    }

    async fn a_link_is_lost_because_external_id_is_not_kept(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        for (body, wanted) in [
            (patch_one("Add", "externalId", &json!("first")), "first"),
            (patch_one("Replace", "externalId", &json!("second")), "second"),
            (patch_whole("add", &json!({"externalId": "third"})), "third"),
            (patch_whole("replace", &json!({"externalId": "Fourth"})), "Fourth"),
        ] {
            let after = scim.patched(&id, &body).await;
            assert_eq!(after["externalId"], wanted);
            assert_eq!(scim.find(&format!("externalId eq \"{wanted}\"")).await, [after]);
        }
    }

    async fn a_patch_is_a_405(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        scim.patch(&format!("/Users/{id}"), &patch_one("Replace", "title", &json!("Engineer"))).await.expect(204);
        assert_eq!(scim.get("/ServiceProviderConfig").await.expect(200).body["patch"]["supported"], true);
    }

    async fn an_add_of_a_single_value_is_refused(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        for (value, wanted) in [(json!("False"), false), (json!(true), true), (json!(false), false)] {
            assert_eq!(scim.patched(&id, &patch_one("Add", "active", &value)).await["active"], wanted);
        }
        for name in ["first", "second"] {
            assert_eq!(scim.patched(&id, &patch_one("Add", "displayName", &json!(name))).await["displayName"], name);
        }
    }

    async fn an_update_repeats_because_booleans_come_back_as_numbers(service: Service) {
        let scim = scim(&service).await;
        let mut whole = user("someone@contoso.com");
        whole["active"] = json!("True");
        whole["emails"] = json!([{"type": "work", "value": "someone@contoso.com", "primary": "True"}]);
        let created = scim.create(&whole).await;
        assert_eq!((&created["active"], &created["emails"][0]["primary"]), (&json!(true), &json!(true)));
        // What is there already is no change: the version stays, and so does what the next cycle compares with.
        let id = created["id"].as_str().expect("a text");
        assert_eq!(scim.patched(id, &patch_one("Replace", "active", &json!("True"))).await, created);
    }

    async fn the_primary_mail_is_reset_by_an_update(service: Service) {
        let scim = scim(&service).await;
        let mut whole = user("someone@contoso.com");
        whole["emails"] = json!([
            {"type": "work", "value": "old@contoso.com", "primary": true, "display": "At work"},
            {"type": "home", "value": "home@contoso.com"},
        ]);
        let id = scim.create_id(&whole).await;
        let after = scim.patched(&id, &patch_one("Replace", "emails[type eq \"work\"].value", &json!("new@contoso.com"))).await;
        whole["emails"][0]["value"] = json!("new@contoso.com");
        assert_eq!(after["emails"], whole["emails"]);
    }

    async fn a_change_to_a_taken_name_is_a_500(service: Service) {
        let scim = scim(&service).await;
        let (alice, bob) = (scim.create_id(&user("alice@contoso.com")).await, scim.create_id(&user("bob@contoso.com")).await);
        let before = scim.all_users().await;
        for body in [
            patch_one("Replace", "userName", &json!("alice@contoso.com")),
            patch_whole("replace", &json!({"userName": "ALICE@contoso.com", "title": "Engineer"})),
        ] {
            let refused = scim.patch(&format!("/Users/{bob}"), &body).await.expect(409);
            assert_eq!(refused.body["scimType"], "uniqueness");
            assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains(&alice)), "{}", refused.body);
        }
        assert_eq!(scim.all_users().await, before);
    }

    async fn the_manager_is_sent_in_each_cycle(service: Service) {
        let scim = scim(&service).await;
        let (id, manager) = (someone(&scim).await, scim.create_id(&user("manager@contoso.com")).await);
        let after = scim.patched(&id, &patch_one("Add", MANAGER, &json!(manager))).await;
        assert_eq!((&after[ENTERPRISE]["manager"]["value"], &after["schemas"]), (&json!(manager), &json!([USER, ENTERPRISE])));
        assert_eq!(scim.find("userName eq \"someone@contoso.com\"").await, std::slice::from_ref(&after));
        assert_eq!(scim.patched(&id, &patch_one("Add", MANAGER, &json!(manager))).await, after, "the same again changes nothing");
    }

    async fn a_manager_as_a_text_is_a_400(service: Service) {
        let scim = scim(&service).await;
        let manager = scim.create_id(&user("manager@contoso.com")).await;
        let mut someone = user("someone@contoso.com");
        someone[ENTERPRISE] = json!({"manager": manager});
        let created = scim.create(&someone).await;
        assert_eq!(created[ENTERPRISE]["manager"]["value"], manager);
        let id = created["id"].as_str().expect("a text");
        for value in [json!(manager), json!({"value": manager}), json!([{"value": manager}])] {
            scim.patched(id, &patch_remove(MANAGER)).await;
            let after = scim.patched(id, &patch_one("Replace", MANAGER, &value)).await;
            assert_eq!(after[ENTERPRISE]["manager"]["value"], manager, "{value}");
        }
    }

    async fn a_patch_of_roles_fails(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        let document = "{\"id\":\"06b07648-ecfe-589f-9d2f-6325724a46ee\",\"value\":\"Admin\",\"displayName\":\"Admin\"}";
        let after = scim.patched(&id, &patch_one("Add", "roles", &json!([{"value": document}]))).await;
        assert_eq!(after["roles"], json!([{"value": document}]), "the text is kept as it is");
    }

    async fn a_custom_attribute_under_the_core_urn_is_lost(service: Service) {
        let scim = scim(&service).await;
        let id = someone(&scim).await;
        let core = |name: &str| format!("{USER}:{name}");
        let after = scim.patched(&id, &patch_one("Add", &core("nickName"), &json!("Babs"))).await;
        assert_eq!(after["nickName"], "Babs", "the URN of the core schema is no prefix");
        let after = scim.patched(&id, &patch_whole("replace", &json!({core("name.givenName"): "Some"}))).await;
        assert_eq!(after["name"], json!({"givenName": "Some"}));
        // What no schema knows is passed over, and the admin is told: the other operations are done.
        let operations = json!([
            {"op": "Add", "path": core("role"), "value": "ADMIN"},
            {"op": "Add", "path": "title", "value": "Engineer"},
        ]);
        assert_eq!(scim.patched(&id, &patch(&operations)).await["title"], "Engineer");
        let entries = Panel::of(&service).await.log("acme", "operation eq \"patch\"").await;
        assert!(entries[0].detail.contains("role"), "{}", entries[0].detail);
    }
}
