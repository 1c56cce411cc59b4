//! What our server promises where Microsoft's validation tests are content with less.

use serde_json::{Value, json};

use crate::support::{
    Panel, ScimClient,
    bodies::{ENTERPRISE, GROUP, MANAGER, USER, group, patch, patch_one, patch_remove, user},
    in_both_dialects, member_ids, on_both_engines,
};

fn without_members(group: &Value) -> Value {
    let mut group = group.clone();
    let removed = group.as_object_mut().expect("an object").remove("members");
    assert!(
        removed.is_some(),
        "it has members, or the test tells nothing"
    );
    group
}

/// Three pages of five, twice: all that was made, in the order of creation.
async fn assert_pages(scim: &ScimClient, collection: &str, made: &[Value]) {
    for _ in 0..2 {
        let mut seen = Vec::new();
        for start in [1, 6, 11] {
            let page = scim
                .get(&format!("{collection}?startIndex={start}&count=5"))
                .await
                .expect(200)
                .body;
            assert_eq!(
                (&page["startIndex"], &page["totalResults"]),
                (&json!(start), &json!(made.len()))
            );
            let resources = page["Resources"].as_array().expect("a list").clone();
            assert_eq!(page["itemsPerPage"], resources.len());
            seen.extend(resources.iter().map(|resource| resource["id"].clone()));
        }
        assert_eq!(seen, made, "in the order of creation");
    }
    let beyond = scim
        .get(&format!(
            "{collection}?startIndex={}&count=5",
            made.len() + 1
        ))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&beyond["Resources"], &beyond["totalResults"]),
        (&json!([]), &json!(made.len()))
    );
    assert_eq!(
        scim.get(&format!("{collection}?startIndex=0&count=1"))
            .await
            .expect(200)
            .body["startIndex"],
        1
    );
}

in_both_dialects! {
    async fn a_list_shows_what_the_create_answered(scim: ScimClient) {
        let created = scim.create(&user("Garfield@Hessel.example")).await;
        assert_eq!(scim.find("userName eq \"gARFIELD@hESSEL.EXAMPLE\"").await, std::slice::from_ref(&created));
        scim.post("/Users", &user("garfield@hessel.example")).await.expect(409);
        assert_eq!(scim.all_users().await, std::slice::from_ref(&created));
        let id = created["id"].as_str().expect("an id").to_owned();
        let group = scim.post("/Groups", &group("NLGEQWHTWMNF", &[&id])).await.expect(201).body;
        assert_eq!(scim.find_groups("displayName eq \"nlgeqwhtwmnf\"").await, [group]);
    }

    async fn what_leaves_members_out_leaves_nothing_else_out(scim: ScimClient) {
        let member = scim.create_id(&user("member@hessel.example")).await;
        let id = scim.create_group(&group("NLGEQWHTWMNF", &[&member])).await;
        let whole = scim.read_group(&id).await;
        let found = scim.get(&format!("/Groups/{id}?excludedAttributes=members")).await.expect(200).body;
        assert_eq!(found, without_members(&whole));
        let found = scim.get("/Groups?excludedAttributes=members&filter=displayName+eq+%22NLGEQWHTWMNF%22").await.expect(200).body;
        assert_eq!((&found["totalResults"], &found["Resources"]), (&json!(1), &json!([without_members(&whole)])));
    }

    async fn without_a_manager_the_extension_is_not_shown(scim: ScimClient) {
        for removal in [patch_one("replace", MANAGER, &json!({"value": ""})), patch_remove(MANAGER), patch_one("Replace", MANAGER, &json!(""))] {
            let mut managed = user("managed@hessel.example");
            managed[ENTERPRISE] = json!({"manager": {"value": "FIRSTMANAGER"}});
            let id = scim.create_id(&managed).await;
            let after = scim.patched(&id, &removal).await;
            assert_eq!((after.get(ENTERPRISE), &after["schemas"]), (None, &json!([USER])));
            scim.delete(&format!("/Users/{id}")).await.expect(204);
        }
    }

    async fn what_is_deleted_cannot_be_put_back_by_put(scim: ScimClient) {
        let member = scim.create_id(&user("member@hessel.example")).await;
        let id = scim.create_group(&group("NLGEQWHTWMNF", &[&member])).await;
        scim.delete(&format!("/Groups/{id}")).await.expect(204);
        scim.put(&format!("/Groups/{id}"), &json!({"schemas": [GROUP], "displayName": "NLGEQWHTWMNF"})).await.expect(404);
        assert_eq!(scim.read(&member).await.get("groups"), None);
        scim.delete(&format!("/Users/{member}")).await.expect(204);
        scim.put(&format!("/Users/{member}"), &user("member@hessel.example")).await.expect(404);
    }

    async fn pages_follow_the_order_of_creation(scim: ScimClient) {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        let empty = scim.get("/Users?startIndex=1&count=1").await.expect(200).body;
        assert_eq!((&empty["totalResults"], &empty["startIndex"], &empty["Resources"]), (&json!(0), &json!(1), &json!([])));
        for number in 0..12 {
            let mut user = user(&format!("page-{number}@test.com"));
            user["emails"] = json!([{"type": "work", "value": "page@test.com"}]);
            users.push(scim.create(&user).await["id"].clone());
            groups.push(json!(scim.create_group(&group(&format!("page-{number}"), &[])).await));
        }
        assert_pages(&scim, "/Users", &users).await;
        assert_pages(&scim, "/Groups", &groups).await;
    }

    async fn a_group_takes_and_loses_a_member_in_one_request(scim: ScimClient) {
        let (stays, comes) = (scim.create_id(&user("stays@hessel.example")).await, scim.create_id(&user("comes@hessel.example")).await);
        let id = scim.create_group(&group("NLGEQWHTWMNF", &[&stays])).await;
        let operations = json!([
            {"op": "add", "path": "members", "value": [{"value": comes}]},
            {"op": "remove", "path": format!("members[value eq \"{comes}\"]")},
        ]);
        assert_eq!(member_ids(&scim.patched_group(&id, &patch(&operations)).await), [stays]);
    }
}

on_both_engines! {
    async fn a_group_whose_name_is_taken_is_refused_by_a_conflict_of_uniqueness(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_group(&group("NLGEQWHTWMNF", &[])).await;
        let again = scim.post("/Groups", &group("nlgeqwhtwmnf", &[])).await.expect(409);
        assert_eq!((&again.body["status"], &again.body["scimType"]), (&json!("409"), &json!("uniqueness")));
        assert_eq!(scim.find_groups("displayName pr").await, [scim.read_group(&id).await]);
    }

    async fn what_was_filled_and_cleared_is_as_it_was(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&user("direct-1a2b@test.com")).await;
        let bare = scim.read(&id).await;
        let paths = ["title", "name.givenName", "addresses[type eq \"work\"].country", "phoneNumbers[type eq \"fax\"].value", "emails[type eq \"work\"].value"];
        let each = |value: &Value| {
            let operations = paths.iter().map(|path| json!({"op": "replace", "path": path, "value": value}));
            patch(&operations.collect())
        };
        for value in [json!(""), json!(null)] {
            scim.patched(&id, &each(&json!("upd-1a2b3c4d"))).await;
            let mut cleared = scim.patched(&id, &each(&value)).await;
            cleared["meta"] = bare["meta"].clone();
            assert_eq!(cleared, bare, "after {value}");
        }
    }
}
