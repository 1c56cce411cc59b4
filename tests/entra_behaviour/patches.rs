//! How Entra writes a PATCH: words in any case, value paths, booleans as texts, nulls, several values, roles.

use serde_json::{Value, json};

use crate::support::{
    Panel, ScimClient,
    bodies::{ENTERPRISE, USER, patch, patch_one, user},
    in_both_dialects, on_both_engines,
};

const WORK: &str = "emails[type eq \"work\"]";

async fn someone(scim: &ScimClient) -> String {
    let mut user = user("someone@contoso.com");
    user["emails"] = json!([{"type": "work", "value": "work@contoso.com"}, {"type": "home", "value": "home@contoso.com", "primary": true}]);
    scim.create_id(&user).await
}

fn primaries(user: &Value) -> Vec<&str> {
    let emails = user["emails"].as_array().expect("a list");
    emails
        .iter()
        .filter(|email| email["primary"] == true)
        .filter_map(|email| email["type"].as_str())
        .collect()
}

on_both_engines! {
    async fn several_operations_on_a_missing_element_make_one(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&user("someone@contoso.com")).await;
        let operations: Vec<Value> = [("streetAddress", "1 Main St"), ("locality", "Redmond"), ("region", "WA")]
            .map(|(sub, value)| json!({"op": "Replace", "path": format!("addresses[type eq \"work\"].{sub}"), "value": value}))
            .into();
        let after = scim.patched(&id, &patch(&json!(operations))).await;
        assert_eq!(after["addresses"], json!([{"type": "work", "streetAddress": "1 Main St", "locality": "Redmond", "region": "WA"}]));
    }
}

in_both_dialects! {
    async fn words_are_read_in_any_case(scim: ScimClient) {
        let id = someone(&scim).await;
        for (number, op) in ["add", "Add", "ADD", "replace", "Replace", "rEPLACE"].into_iter().enumerate() {
            let value = format!("title {number}");
            assert_eq!(scim.patched(&id, &patch_one(op, "TITLE", &json!(value))).await["title"], value, "{op}");
        }
        let body = json!({"operations": [{"OP": "Remove", "Path": "title"}], "id": id, "schemas": ["urn:unknown"]});
        assert_eq!(scim.patched(&id, &body).await.get("title"), None);
        let formatted = patch_one("Add", "addresses[type eq \"other\"].Formatted", &json!("Building 7"));
        assert_eq!(scim.patched(&id, &formatted).await["addresses"], json!([{"type": "other", "formatted": "Building 7"}]));
        let urn = ENTERPRISE.replace("enterprise", "Enterprise");
        let after = scim.patched(&id, &patch_one("Add", &format!("{urn}:Department"), &json!("Sales"))).await;
        assert_eq!(after[ENTERPRISE]["department"], "Sales");
        let after = scim.patched(&id, &patch_one("Replace", &format!("{USER}:name.givenName"), &json!("Some"))).await;
        assert_eq!(after["name"], json!({"givenName": "Some"}));
    }

    async fn a_boolean_may_be_a_word_and_is_answered_as_a_boolean(scim: ScimClient) {
        for (number, (sent, wanted)) in
            [(json!("True"), true), (json!("False"), false), (json!("true"), true), (json!("false"), false), (json!(false), false)].into_iter().enumerate()
        {
            let mut created = user(&format!("user{number}@contoso.com"));
            created["active"] = sent.clone();
            let id = scim.create_id(&created).await;
            assert_eq!(scim.read(&id).await["active"], wanted, "POST {sent}");
            scim.patched(&id, &patch_one("Replace", "active", &json!(!wanted))).await;
            assert_eq!(scim.patched(&id, &patch_one("Add", "active", &sent)).await["active"], wanted, "PATCH {sent}");
            scim.patched(&id, &patch_one("Replace", "active", &json!(!wanted))).await;
            assert_eq!(scim.put(&format!("/Users/{id}"), &created).await.expect(200).body["active"], wanted, "PUT {sent}");
        }
    }

    async fn only_one_element_is_primary_and_a_new_value_leaves_it_so(scim: ScimClient) {
        for sent in [json!(true), json!("true"), json!("True")] {
            let tenant_user = someone(&scim).await;
            let after = scim.patched(&tenant_user, &patch_one("Add", &format!("{WORK}.primary"), &sent)).await;
            assert_eq!(primaries(&after), ["work"], "{sent}");
            let after = scim.patched(&tenant_user, &patch_one("Replace", &format!("{WORK}.value"), &json!("new@contoso.com"))).await;
            assert_eq!(primaries(&after), ["work"], "{sent}");
            assert_eq!(after["emails"][0]["value"], "new@contoso.com");
            scim.delete(&format!("/Users/{tenant_user}")).await.expect(204);
        }
    }

    async fn elements_are_selected_by_more_than_their_type(scim: ScimClient) {
        let id = someone(&scim).await;
        let after = scim.patched(&id, &patch_one("replace", "emails[primary eq true].value", &json!("p@contoso.com"))).await;
        assert_eq!((&after["emails"][0]["value"], &after["emails"][1]["value"]), (&json!("work@contoso.com"), &json!("p@contoso.com")));
        let after = scim.patched(&id, &patch_one("replace", "emails[value eq \"work@contoso.com\"].display", &json!("At work"))).await;
        assert_eq!(after["emails"][0]["display"], "At work");
        let after = scim.patched(&id, &patch(&json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]))).await;
        assert_eq!(after["emails"].as_array().map(Vec::len), Some(1));
    }

    async fn one_bad_operation_undoes_all(scim: ScimClient) {
        let id = someone(&scim).await;
        let before = scim.read(&id).await;
        let good = json!({"op": "Replace", "path": "displayName", "value": "New"});
        for (bad, scim_type) in [
            (json!({"op": "Replace", "path": "emails[type eq", "value": "x"}), "invalidPath"),
            (json!({"op": "Replace", "path": "active", "value": "perhaps"}), "invalidValue"),
            (json!({"op": "Replace", "path": "displayName", "value": {"a": 1}}), "invalidValue"),
            (json!({"op": "Remove", "path": "userName"}), "mutability"),
            (json!({"op": "Explode", "path": "title", "value": "x"}), "invalidSyntax"),
            (json!({"op": "Remove"}), "noTarget"),
        ] {
            let answer = scim.patch(&format!("/Users/{id}"), &patch(&json!([good, bad]))).await.expect(400);
            assert_eq!(answer.body["scimType"], scim_type, "{bad}: {}", answer.body);
            assert_eq!(scim.read(&id).await, before, "{bad}");
        }
    }

    async fn a_patch_that_changes_nothing_leaves_the_version(scim: ScimClient) {
        let id = someone(&scim).await;
        let before = scim.read(&id).await;
        assert_eq!(scim.patched(&id, &patch_one("Replace", "active", &json!("True"))).await, before);
        assert_eq!(scim.patched(&id, &patch_one("Add", "emails", &before["emails"])).await, before);
        assert_eq!(scim.patched(&id, &patch_one("Remove", "emails", &json!([{"value": "nobody@contoso.com"}]))).await, before);
    }

    async fn a_removal_with_values_removes_only_those(scim: ScimClient) {
        let id = someone(&scim).await;
        let roles = json!([{"value": "Admin"}, {"value": "User"}, {"value": "Auditor"}]);
        assert_eq!(scim.patched(&id, &patch_one("Add", "roles", &roles)).await["roles"], roles);
        let after = scim.patched(&id, &patch_one("Remove", "roles", &json!([{"value": "User"}, {"value": "Nobody"}]))).await;
        assert_eq!(after["roles"], json!([{"value": "Admin"}, {"value": "Auditor"}]));
        assert_eq!(scim.patched(&id, &patch(&json!([{"op": "Remove", "path": "roles"}]))).await.get("roles"), None);
    }

    async fn roles_accumulate_unless_they_are_replaced(scim: ScimClient) {
        let id = someone(&scim).await;
        let role = |value: &str| json!([{"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": value, "value": value}]);
        scim.patched(&id, &patch_one("Add", "roles", &role("Admin"))).await;
        scim.patched(&id, &patch_one("Add", "roles", &role("User"))).await;
        let after = scim.patched(&id, &patch_one("Add", "roles", &role("User"))).await;
        assert_eq!(after["roles"].as_array().map(Vec::len), Some(2), "the same role again is no second one");
        let after = scim.patched(&id, &patch_one("replace", "roles", &role("Auditor"))).await;
        assert_eq!(after["roles"], role("Auditor"));
        // One JSON document in a text is a value like any other.
        let document = "{\"id\":\"06b07648\",\"value\":\"Admin\"}";
        let after = scim.patched(&id, &patch_one("Add", "roles", &json!([{"value": document}]))).await;
        assert_eq!(after["roles"][1], json!({"value": document}));
    }

    async fn custom_values_accumulate_under_their_own_schema(scim: ScimClient) {
        let id = someone(&scim).await;
        let urn = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User";
        for (number, value) in ["1", "2", "2"].into_iter().enumerate() {
            let after = scim.patched(&id, &patch_one("Add", &format!("{urn}:department_ids"), &json!([{"value": value}]))).await;
            assert_eq!(after[urn]["department_ids"].as_array().map(Vec::len), Some(number.min(1) + 1));
            assert!(after["schemas"].as_array().expect("a list").contains(&json!(urn)));
        }
        let after = scim.patched(&id, &patch(&json!([{"op": "replace", "value": {format!("{urn}:tag"): "x", "name.givenName": "G"}}]))).await;
        assert_eq!((&after[urn]["tag"], &after["name"]["givenName"]), (&json!("x"), &json!("G")));
    }

    async fn a_dotted_key_merges_one_part(scim: ScimClient) {
        let mut whole = user("someone@contoso.com");
        whole["name"] = json!({"givenName": "Given", "familyName": "Family"});
        whole[ENTERPRISE] = json!({"department": "Sales", "employeeNumber": "7"});
        let id = scim.create_id(&whole).await;
        let flat = json!([{"op": "replace", "value": {"name.givenName": "New", format!("{ENTERPRISE}:department"): "R&D"}}]);
        let after = scim.patched(&id, &patch(&flat)).await;
        assert_eq!(after["name"], json!({"givenName": "New", "familyName": "Family"}));
        assert_eq!(after[ENTERPRISE], json!({"department": "R&D", "employeeNumber": "7"}));
        let nested = json!([{"op": "replace", "value": {ENTERPRISE: {"department": "Legal"}}}]);
        assert_eq!(scim.patched(&id, &patch(&nested)).await[ENTERPRISE], json!({"department": "Legal", "employeeNumber": "7"}));
    }
}
