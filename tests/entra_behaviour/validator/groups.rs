//! Tests 14 to 25 and P5 to P7: groups.

use serde_json::{Value, json};

use crate::support::{
    Panel, ScimClient,
    bodies::{GROUP, elements, group, patch, patch_one, patch_remove, patch_whole, user},
    in_both_dialects, member_ids, on_both_engines,
};

const BY_NAME: &str = "displayName eq \"NLGEQWHTWMNF\"";

/// As the validator posts one.
fn plain_group() -> Value {
    json!({"schemas": [GROUP], "displayName": "NLGEQWHTWMNF", "externalId": "c1a6a5b0-3f54-4b0e-9b4e-1f7b8d0d9a11"})
}

/// A group with one member: its id and the member's.
async fn filled_group(scim: &ScimClient) -> (String, String) {
    let member = scim.create_id(&user("member@hessel.example")).await;
    let id = scim.create_group(&group("NLGEQWHTWMNF", &[&member])).await;
    (id, member)
}

fn without_members(group: &Value) -> Value {
    let mut group = group.clone();
    let removed = group.as_object_mut().expect("an object").remove("members");
    assert!(
        removed.is_some(),
        "it has members, or the test tells nothing"
    );
    group
}

in_both_dialects! {
    async fn test_14_get_group_by_id_excluding_members(scim: ScimClient) {
        let (id, _) = filled_group(&scim).await;
        let whole = scim.read_group(&id).await;
        let found = scim.get(&format!("/Groups/{id}?excludedAttributes=members")).await.expect(200).body;
        assert_eq!(found, without_members(&whole));
    }

    async fn test_15_filter_for_an_existing_group_excluding_members(scim: ScimClient) {
        let (id, _) = filled_group(&scim).await;
        let whole = scim.read_group(&id).await;
        let found = scim.get("/Groups?excludedAttributes=members&filter=displayName+eq+%22NLGEQWHTWMNF%22").await.expect(200).body;
        assert_eq!((&found["totalResults"], &found["Resources"]), (&json!(1), &json!([without_members(&whole)])));
    }

    async fn test_16_filter_for_an_existing_group(scim: ScimClient) {
        let (id, _) = filled_group(&scim).await;
        scim.create_group(&group("Another", &[])).await;
        assert_eq!(scim.find_groups(BY_NAME).await, [scim.read_group(&id).await]);
    }

    async fn test_17_filter_for_a_non_existing_group(scim: ScimClient) {
        filled_group(&scim).await;
        assert!(scim.find_groups("displayName eq \"4c4c1a35-aa3b-46a4-9e7b-a6d5e5d2e5ae\"").await.is_empty());
    }

    async fn test_18_filter_for_an_existing_group_with_a_different_case(scim: ScimClient) {
        let (id, _) = filled_group(&scim).await;
        assert_eq!(scim.find_groups("displayName eq \"nlgeqwhtwmnf\"").await, [scim.read_group(&id).await]);
    }

    async fn test_19_create_a_new_group(scim: ScimClient) {
        let created = scim.post("/Groups", &plain_group()).await.expect(201).body;
        for (name, value) in plain_group().as_object().expect("an object") {
            assert_eq!(&created[name], value, "{name}");
        }
        assert_eq!(created["meta"]["resourceType"], "Group");
        assert_eq!(scim.find_groups(BY_NAME).await, [created]);
    }

    async fn test_21_patch_group_replace_attributes(scim: ScimClient) {
        let (id, member) = filled_group(&scim).await;
        let after = scim.patched_group(&id, &patch_whole("replace", &json!({"externalId": "663fa3a8-e2b6-4ac0-96c8-363432cdc01d"}))).await;
        assert_eq!(after["externalId"], "663fa3a8-e2b6-4ac0-96c8-363432cdc01d");
        assert_eq!(member_ids(&after), [member]);
    }

    async fn test_22_update_group_display_name(scim: ScimClient) {
        let (id, member) = filled_group(&scim).await;
        let after = scim.patched_group(&id, &patch_whole("replace", &json!({"displayName": "VJBQPQVQXEOD"}))).await;
        assert_eq!(after["displayName"], "VJBQPQVQXEOD");
        assert_eq!(member_ids(&after), [member]);
        assert_eq!(scim.find_groups("displayName eq \"vjbqpqvqxeod\"").await, [after]);
        assert!(scim.find_groups(BY_NAME).await.is_empty());
    }

    async fn test_23_patch_group_add_member(scim: ScimClient) {
        let id = scim.create_group(&plain_group()).await;
        let member = scim.create_id(&user("member@hessel.example")).await;
        let after = scim.patched_group(&id, &patch_one("replace", "members", &elements(&[&member]))).await;
        assert_eq!(member_ids(&after), [member]);
    }

    async fn test_24_patch_group_remove_member(scim: ScimClient) {
        let id = scim.create_group(&plain_group()).await;
        let (first, second) = (scim.create_id(&user("first@hessel.example")).await, scim.create_id(&user("second@hessel.example")).await);
        let after = scim.patched_group(&id, &patch_one("replace", "members", &elements(&[&first, &second]))).await;
        assert_eq!(member_ids(&after).len(), 2);
        let after = scim.patched_group(&id, &patch_remove(&format!("members[value eq \"{first}\"]"))).await;
        assert_eq!(member_ids(&after), [second]);
    }

    async fn test_25_delete_a_group(scim: ScimClient) {
        let (id, member) = filled_group(&scim).await;
        let path = format!("/Groups/{id}");
        scim.delete(&path).await.expect(204);
        scim.get(&path).await.expect(404);
        scim.patch(&path, &patch_one("replace", "displayName", &json!("Gone"))).await.expect(404);
        scim.put(&path, &plain_group()).await.expect(404);
        assert!(scim.find_groups(BY_NAME).await.is_empty());
        assert_eq!(scim.read(&member).await.get("groups"), None);
    }

    async fn test_p5_multiple_operations_on_the_same_attribute_of_a_group(scim: ScimClient) {
        let id = scim.create_group(&plain_group()).await;
        let member = scim.create_id(&user("member@hessel.example")).await;
        let operations = json!([
            {"op": "add", "path": "members", "value": [{"value": member}]},
            {"op": "remove", "path": format!("members[value eq \"{member}\"]")},
        ]);
        let after = scim.patched_group(&id, &patch(&operations)).await;
        assert!(member_ids(&after).is_empty());
    }

    async fn test_p6_delete_a_non_existent_group(scim: ScimClient) {
        scim.delete("/Groups/00000000-0000-4000-8000-000000000000").await.expect(404);
        scim.delete("/Groups/not-even-a-uuid").await.expect(404);
    }

    async fn test_p7_delete_the_same_group_twice(scim: ScimClient) {
        let path = format!("/Groups/{}", scim.create_group(&plain_group()).await);
        scim.delete(&path).await.expect(204);
        scim.delete(&path).await.expect(404);
    }
}

on_both_engines! {
    async fn test_20_create_a_duplicate_group(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_group(&plain_group()).await;
        for name in ["NLGEQWHTWMNF", "nlgeqwhtwmnf"] {
            let again = scim.post("/Groups", &group(name, &[])).await.expect(409);
            assert_eq!((&again.body["status"], &again.body["scimType"]), (&json!("409"), &json!("uniqueness")));
        }
        assert_eq!(scim.find_groups("displayName pr").await, [scim.read_group(&id).await]);
    }
}
