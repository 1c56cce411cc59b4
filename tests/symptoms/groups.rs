//! Symptoms of groups and their members.

use serde_json::json;

use super::scim;
use crate::support::{
    ScimClient,
    bodies::{elements, group, patch, patch_one, patch_remove, patch_whole, user},
    member_ids, on_both_engines,
};

/// A group of three: its id and theirs.
async fn group_of_three(scim: &ScimClient) -> (String, [String; 3]) {
    let mut members = Vec::new();
    for name in ["first", "second", "third"] {
        members.push(scim.create_id(&user(&format!("{name}@contoso.com"))).await);
    }
    let ids: Vec<&str> = members.iter().map(String::as_str).collect();
    let id = scim.create_group(&group("Engineering", &ids)).await;
    (id, members.try_into().expect("three"))
}

on_both_engines! {
    async fn removing_one_member_empties_the_group_or_is_a_400(service: Service) {
        let scim = scim(&service).await;
        let (id, [first, second, third]) = group_of_three(&scim).await;
        let removals = [
            patch(&json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": first}]}])),
            patch(&json!([{"op": "remove", "path": "members", "value": [{"value": first}]}])),
            patch(&json!([{"op": "Remove", "path": "members", "value": {"value": first}}])),
            patch_remove(&format!("members[value eq \"{first}\"]")),
        ];
        for removal in removals {
            let after = scim.patched_group(&id, &removal).await;
            assert_eq!(member_ids(&after), [&*second, &third], "{removal}");
            let again = scim.patched_group(&id, &removal).await;
            assert_eq!(again, after, "nobody is left to remove");
            scim.patched_group(&id, &patch_one("Add", "members", &elements(&[&first]))).await;
        }
        let after = scim.patched_group(&id, &patch_remove("members")).await;
        assert!(member_ids(&after).is_empty(), "without a value all go");
    }

    async fn a_renamed_group_is_emptied(service: Service) {
        let scim = scim(&service).await;
        let (id, members) = group_of_three(&scim).await;
        for change in [
            patch_whole("replace", &json!({"displayName": "New"})),
            patch_whole("Replace", &json!({"externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159"})),
            patch_one("Replace", "displayName", &json!("Newer")),
        ] {
            let after = scim.patched_group(&id, &change).await;
            assert_eq!(member_ids(&after), members, "{change}");
        }
        let after = scim.read_group(&id).await;
        assert_eq!((&after["displayName"], &after["externalId"]), (&json!("Newer"), &json!("8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159")));
    }

    async fn groups_lose_members_under_load(service: Service) {
        let scim = scim(&service).await;
        let (id, [first, second, third]) = group_of_three(&scim).await;
        let path = format!("/Groups/{id}");
        // A burst as a cycle sends it: single members, for one group, at the same time.
        let mut added = Vec::new();
        for number in 0..8 {
            added.push(scim.create_id(&user(&format!("added{number}@contoso.com"))).await);
        }
        let mut burst = tokio::task::JoinSet::new();
        let adds = added.iter().map(|id| patch_one("Add", "members", &elements(&[id])));
        let removals = [&first, &second].map(|id| patch_one("Remove", "members", &elements(&[id])));
        for body in adds.chain(removals) {
            let (scim, path) = (scim.clone(), path.clone());
            burst.spawn(async move { scim.patch(&path, &body).await.status });
        }
        assert!(burst.join_all().await.iter().all(|status| *status == 204));
        added.push(third);
        added.sort();
        assert_eq!(scim.members(&id).await, added);
    }

    async fn a_group_times_out_because_its_members_are_loaded_and_then_left_out(service: Service) {
        let scim = scim(&service).await;
        let (id, _) = group_of_three(&scim).await;
        for path in [
            format!("/Groups/{id}?excludedAttributes=members"),
            format!("/Groups/{id}?excludedAttributes=Members"),
            format!("/Groups/{id}?attributes=displayName"),
            "/Groups?excludedAttributes=members&filter=displayName+eq+%22engineering%22".to_owned(),
        ] {
            let found = scim.get(&path).await.expect(200).body;
            let group = found["Resources"].get(0).unwrap_or(&found);
            assert_eq!((&group["displayName"], group.get("members")), (&json!("Engineering"), None), "{path}");
        }
    }
}
