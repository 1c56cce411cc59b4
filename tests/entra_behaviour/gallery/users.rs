//! The templates' tests of users.

use serde_json::{Value, json};

use crate::{
    entra_behaviour::read,
    support::{
        Panel, ScimClient,
        bodies::{ENTERPRISE, MANAGER, USER, patch, patch_one, user},
        in_both_dialects, on_both_engines,
    },
};

/// What the templates clear: all that is mapped and neither required, a reference, a matching attribute nor a boolean.
fn clearable() -> Vec<String> {
    let plain = [
        "displayName",
        "title",
        "preferredLanguage",
        "nickName",
        "userType",
        "locale",
        "timezone",
        "profileUrl",
    ];
    let name = ["formatted", "familyName", "givenName"].map(|sub| format!("name.{sub}"));
    let address = [
        "formatted",
        "streetAddress",
        "locality",
        "region",
        "postalCode",
        "country",
    ]
    .map(|sub| format!("addresses[type eq \"work\"].{sub}"));
    let phone =
        ["work", "mobile", "fax"].map(|kind| format!("phoneNumbers[type eq \"{kind}\"].value"));
    let mail = ["emails[type eq \"work\"].value".to_owned()];
    let enterprise = ["employeeNumber", "department"].map(|name| format!("{ENTERPRISE}:{name}"));
    plain
        .map(str::to_owned)
        .into_iter()
        .chain(name)
        .chain(address)
        .chain(phone)
        .chain(mail)
        .chain(enterprise)
        .collect()
}

fn each(op: &str, value: &Value) -> Value {
    patch(
        &clearable()
            .iter()
            .map(|path| json!({"op": op, "path": path, "value": value}))
            .collect(),
    )
}

/// The non-verbose form: value paths stay apart, the rest is one operation without a path.
fn together(value: &Value) -> Value {
    let (value_paths, plain): (Vec<_>, Vec<_>) =
        clearable().into_iter().partition(|path| path.contains('['));
    let mut operations: Vec<Value> = value_paths
        .iter()
        .map(|path| json!({"op": "replace", "path": path, "value": value}))
        .collect();
    let object: serde_json::Map<String, Value> = plain
        .into_iter()
        .map(|path| (path, value.clone()))
        .collect();
    operations.push(json!({"op": "replace", "value": object}));
    patch(&json!(operations))
}

/// Sends what clears, first as empty texts, then as nulls: afterwards nothing of what was mapped is there.
async fn assert_null_update(scim: &ScimClient, clearing: impl Fn(&Value) -> Value) {
    let id = scim.create_id(&user("direct-1a2b@test.com")).await;
    let bare = scim.read(&id).await;
    for value in [json!(""), json!(null)] {
        let full = scim
            .patched(&id, &each("add", &json!("upd-1a2b3c4d")))
            .await;
        for path in clearable() {
            assert_eq!(read(&full, &path), "upd-1a2b3c4d", "{path}");
        }
        let mut cleared = scim.patched(&id, &clearing(&value)).await;
        cleared["meta"] = bare["meta"].clone();
        assert_eq!(cleared, bare, "after {value}");
    }
}

on_both_engines! {
    async fn null_update_verbose(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        assert_null_update(&scim, |value| each("replace", value)).await;
    }

    async fn null_update_non_verbose(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        assert_null_update(&scim, together).await;
    }

    async fn user_update(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&user("direct-1a2b@test.com")).await;
        let mut paths = clearable();
        paths.extend(["userName", "externalId"].map(str::to_owned));
        for path in &paths {
            let after = scim.patched(&id, &patch_one("replace", path, &json!("upd-1a2b3c4d"))).await;
            assert_eq!(read(&after, path), "upd-1a2b3c4d", "no value is checked for its syntax: {path}");
        }
    }
}

in_both_dialects! {
    async fn user_create(scim: ScimClient) {
        let sent = json!({
            "schemas": [USER, ENTERPRISE],
            "userName": "direct-3c4d@test.com",
            "externalId": "direct-3c4d",
            "active": true,
            "displayName": "value-1a",
            "name": {"givenName": "value-2b", "familyName": "value-3c"},
            "emails": [{"type": "work", "primary": true, "value": "value-4d"}],
            "addresses": [{"type": "work", "primary": true, "formatted": "value-5e", "country": "value-6f"}],
            "roles": [{"type": "True", "primary": true, "value": "value-7a"}],
            ENTERPRISE: {"employeeNumber": "value-8b", "department": "value-9c"},
        });
        let created = scim.create(&sent).await;
        let found = scim.get("/Users?filter=userName%20eq%20%22direct-3c4d%40test.com%22").await.expect(200);
        assert_eq!(found.body["Resources"], json!([created]));
        for (name, value) in sent.as_object().expect("it is an object") {
            assert_eq!(&created[name], value, "{name}");
        }
    }

    async fn user_pagination(scim: ScimClient) {
        let mut made = Vec::new();
        for number in 0..12 {
            // The templates give all of them one mail address.
            let mut user = user(&format!("page-{number}@test.com"));
            user["emails"] = json!([{"type": "work", "value": "page@test.com"}]);
            made.push(scim.create(&user).await["id"].clone());
        }
        for _ in 0..2 {
            let mut seen = Vec::new();
            for start in [1, 6, 11] {
                let page = scim.get(&format!("/Users?startIndex={start}&count=5")).await.expect(200).body;
                assert_eq!((&page["startIndex"], &page["totalResults"]), (&json!(start), &json!(12)));
                let resources = page["Resources"].as_array().expect("a list").clone();
                assert_eq!(page["itemsPerPage"], resources.len());
                seen.extend(resources.iter().map(|user| user["id"].clone()));
            }
            assert_eq!(seen, made, "in the order of creation");
        }
        let beyond = scim.get("/Users?startIndex=13&count=5").await.expect(200).body;
        assert_eq!((&beyond["Resources"], &beyond["totalResults"]), (&json!([]), &json!(12)));
        assert_eq!(scim.get("/Users?count=0").await.expect(200).body["totalResults"], 12);
        assert_eq!(scim.get("/Users?startIndex=0&count=1").await.expect(200).body["startIndex"], 1);
    }

    async fn update_manager_add_replace_and_replace_with_empty(scim: ScimClient) {
        let (user, first, second) = (
            scim.create_id(&user("user@test.com")).await,
            scim.create_id(&user("first@test.com")).await,
            scim.create_id(&user("second@test.com")).await,
        );
        for (op, manager) in [("Add", &first), ("Replace", &second)] {
            let after = scim.patched(&user, &patch_one(op, MANAGER, &json!(manager))).await;
            assert_eq!(after[ENTERPRISE]["manager"]["value"], *manager);
            for filter in [
                format!("id eq \"{user}\" and manager eq \"{manager}\""),
                format!("manager eq \"{manager}\" and id eq \"{user}\""),
                format!("{ENTERPRISE}:manager.value eq \"{manager}\""),
            ] {
                assert_eq!(scim.find(&filter).await, std::slice::from_ref(&after), "{filter}");
            }
        }
        assert!(scim.find(&format!("id eq \"{user}\" and manager eq \"{first}\"")).await.is_empty());
        let after = scim.patched(&user, &patch_one("Replace", MANAGER, &json!(""))).await;
        assert_eq!(after.get(ENTERPRISE), None);
        assert!(scim.find(&format!("manager eq \"{second}\"")).await.is_empty());
    }
}
