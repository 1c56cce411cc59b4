//! Symptoms of the end of an account, and of discovery.

use serde_json::{Value, json};

use super::scim;
use crate::support::{
    bodies::{USER, group, linked_user, patch, patch_one, patch_whole, user},
    on_both_engines,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

on_both_engines! {
    async fn the_name_of_a_deleted_user_is_refused_or_makes_a_second_user(service: Service) {
        let scim = scim(&service).await;
        let id = scim.create_id(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        let tombstone = format!("{}alice@contoso.com", OBJECT_ID.replace('-', ""));
        let operations = json!([
            {"op": "Replace", "path": "userName", "value": tombstone},
            {"op": "Replace", "path": "active", "value": "False"},
        ]);
        let after = scim.patched(&id, &patch(&operations)).await;
        assert_eq!((&after["userName"], &after["active"]), (&json!(tombstone), &json!(false)));
        // The name is free for another person, until the first comes back under it.
        let other = scim.create_id(&user("alice@contoso.com")).await;
        scim.delete(&format!("/Users/{other}")).await.expect(204);
        let after = scim.patched(&id, &patch_whole("replace", &json!({"userName": "alice@contoso.com", "active": true}))).await;
        assert_eq!((&after["id"], &after["userName"], &after["active"]), (&json!(id), &json!("alice@contoso.com"), &json!(true)));
        assert_eq!(scim.all_users().await, [after]);
    }

    async fn not_fully_compatible_because_a_delete_is_a_400(service: Service) {
        let scim = scim(&service).await;
        let paths = [
            format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await),
            format!("/Groups/{}", scim.create_group(&group("Engineering", &[])).await),
        ];
        for path in paths {
            let deleted = scim.delete(&path).await.expect(204);
            assert_eq!(deleted.body, Value::Null);
            let again = scim.delete(&path).await.expect(404);
            assert_eq!(again.body["status"], "404");
        }
    }

    async fn the_validator_fails_on_a_part_that_cannot_be_written(service: Service) {
        let scim = scim(&service).await;
        let schema = scim.get(&format!("/Schemas/{USER}")).await.expect(200).body;
        let id = scim.create_id(&user("someone@contoso.com")).await;
        for attribute in schema["attributes"].as_array().expect("a list") {
            let name = attribute["name"].as_str().expect("a text");
            let kind = attribute["subAttributes"].as_array().into_iter().flatten().find(|sub| sub["name"] == "type");
            let Some(kind) = kind.filter(|_| attribute["mutability"] == "readWrite") else { continue };
            let kind = kind["canonicalValues"][0].as_str().unwrap_or("work");
            for sub in attribute["subAttributes"].as_array().expect("a list") {
                let sub_name = sub["name"].as_str().expect("a text");
                if sub["type"] == "boolean" || sub_name == "type" || sub["mutability"] == "readOnly" {
                    continue;
                }
                let path = format!("{name}[type eq \"{kind}\"].{sub_name}");
                let after = scim.patched(&id, &patch_one("replace", &path, &json!("dGV4dA=="))).await;
                assert_eq!(after[name][0][sub_name], "dGV4dA==", "{path} is published and lost");
            }
        }
        let emails = schema["attributes"].as_array().into_iter().flatten().find(|attribute| attribute["name"] == "emails").expect("it is published");
        let published: Vec<&Value> = emails["subAttributes"].as_array().into_iter().flatten().map(|sub| &sub["name"]).collect();
        assert_eq!(published, ["value", "display", "type", "primary"], "as RFC 7643 section 4.1.2 has them");
    }
}
