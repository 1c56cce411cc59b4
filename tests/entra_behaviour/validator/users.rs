//! Tests 1 to 13 and P1 to P4: users.

use serde_json::{Value, json};

use crate::{
    entra_behaviour::read,
    support::{
        bodies::{ENTERPRISE, MANAGER, USER, patch, patch_one, patch_remove, patch_whole, user},
        in_both_dialects,
    },
};

const NAME: &str = "Garfield@Hessel.example";
const BY_NAME: &str = "userName eq \"Garfield@Hessel.example\"";

/// What the validator writes, by path.
fn values(mark: &str) -> Vec<(String, Value)> {
    let enterprise = [
        "employeeNumber",
        "department",
        "costCenter",
        "organization",
        "division",
    ]
    .map(|name| format!("{ENTERPRISE}:{name}"));
    let address = [
        "formatted",
        "streetAddress",
        "locality",
        "region",
        "postalCode",
        "country",
    ]
    .map(|sub| format!("addresses[type eq \"work\"].{sub}"));
    let name = [
        "formatted",
        "familyName",
        "givenName",
        "middleName",
        "honorificPrefix",
        "honorificSuffix",
    ]
    .map(|sub| format!("name.{sub}"));
    let phone =
        ["work", "mobile", "fax"].map(|kind| format!("phoneNumbers[type eq \"{kind}\"].value"));
    let role = ["display", "value", "type"].map(|sub| format!("roles[primary eq \"True\"].{sub}"));
    let plain = [
        "displayName",
        "title",
        "preferredLanguage",
        "userType",
        "nickName",
        "locale",
        "timezone",
        "profileUrl",
        "externalId",
    ];
    let texts = plain
        .map(str::to_owned)
        .into_iter()
        .chain(name)
        .chain(address)
        .chain(phone)
        .chain(role)
        .chain(enterprise);
    let mut values: Vec<_> = texts
        .enumerate()
        .map(|(number, path)| (path, json!(format!("{mark}{number}"))))
        .collect();
    values.push((
        "emails[type eq \"work\"].value".to_owned(),
        json!(format!("{mark}@contoso.com")),
    ));
    values.push(("emails[type eq \"work\"].primary".to_owned(), json!(true)));
    values.push((
        "addresses[type eq \"work\"].primary".to_owned(),
        json!(true),
    ));
    values.push(("active".to_owned(), json!(true)));
    assert_eq!(values.len(), 36);
    values
}

fn verbose(op: &str, values: &[(String, Value)]) -> Value {
    patch(
        &values
            .iter()
            .map(|(path, value)| json!({"op": op, "path": path, "value": value}))
            .collect(),
    )
}

fn whole_user() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "Garfield@Hessel.example",
        "active": true,
        "displayName": "ZPKDJUYTYKQF",
        "title": "QJXFPDGFHMVF",
        "emails": [{"type": "work", "value": "madelynn@bahringer.example", "primary": true}],
        "preferredLanguage": "sr-Cyrl-BA",
        "name": {"givenName": "Joan", "familyName": "Abel", "formatted": "Filomena", "middleName": "Ramon", "honorificPrefix": "Micheal", "honorificSuffix": "Cletus"},
        "addresses": [{"type": "work", "formatted": "DHWLKNJSMCPG", "streetAddress": "8 Ondricka Square", "locality": "MFDNRVPBZUKG", "region": "XUMSXOTXCGUM", "postalCode": "jk32 0tr", "primary": true, "country": "Lesotho"}],
        "phoneNumbers": [{"type": "work", "value": "73-614-5150", "primary": true}, {"type": "mobile", "value": "73-614-5151"}, {"type": "fax", "value": "73-614-5152"}],
        ENTERPRISE: {"employeeNumber": "TSWPFKFLNWZA", "department": "IOTRHRGEAJLN", "costCenter": "LIWFLOOQAZJG", "organization": "KFCZSXBVOLUA", "division": "UTKZXBFTBTMT", "manager": {"value": "WMJQRNSIGPFX"}},
        "roles": [{"primary": "True", "display": "ICLDLGLRFSYR", "value": "EPFUFTJHEFHR", "type": "JXPIVRCOLYTB"}],
        "userType": "NEFDJQTVPUZP",
        "nickName": "OMHSDKTOWBDC",
        "locale": "HXGVPVJUFGXS",
        "timezone": "Asia/Urumqi",
        "profileUrl": "YWQWGBMQHWRJ",
    })
}

/// Everything that was written is read, and no list has grown.
fn assert_written(after: &Value, values: &[(String, Value)]) {
    for (path, value) in values {
        assert_eq!(read(after, path), value, "{path} in {after:#}");
    }
    for (attribute, count) in [
        ("emails", 1),
        ("addresses", 1),
        ("phoneNumbers", 3),
        ("roles", 1),
    ] {
        let elements = after[attribute].as_array().map(Vec::len);
        assert_eq!(elements, Some(count), "{attribute} in {after:#}");
    }
}

in_both_dialects! {
    async fn test_01_create_a_new_user(scim: ScimClient) {
        let mut sent = whole_user();
        let created = scim.create(&sent).await;
        sent["roles"][0]["primary"] = json!(true);
        let [found] = scim.find(BY_NAME).await.try_into().expect("one is found");
        assert_eq!(found, created, "a list shows what the create answered");
        for (name, value) in sent.as_object().expect("it is an object") {
            assert_eq!(&found[name], value, "{name}");
        }
    }

    async fn test_02_create_a_duplicate_user(scim: ScimClient) {
        let created = scim.create(&whole_user()).await;
        let again = scim.post("/Users", &whole_user()).await.expect(409);
        assert_eq!(again.body["scimType"], "uniqueness");
        assert_eq!(scim.all_users().await, [created]);
    }

    async fn test_03_filter_for_an_existing_user(scim: ScimClient) {
        let created = scim.create(&whole_user()).await;
        scim.create(&user("somebody@else.example")).await;
        let [found] = scim.find(BY_NAME).await.try_into().expect("one is found");
        assert_eq!((&found["id"], &found["schemas"]), (&created["id"], &json!([USER, ENTERPRISE])));
        assert_eq!(found["meta"]["resourceType"], "User");
    }

    async fn test_04_filter_for_a_non_existing_user(scim: ScimClient) {
        scim.create(&whole_user()).await;
        assert!(scim.find("userName eq \"4c4c1a35-aa3b-46a4-9e7b-a6d5e5d2e5ae\"").await.is_empty());
    }

    async fn test_05_filter_for_an_existing_user_with_a_different_case(scim: ScimClient) {
        let created = scim.create(&whole_user()).await;
        assert_eq!(scim.find("userName eq \"gARFIELD@hESSEL.EXAMPLE\"").await, [created]);
    }

    async fn test_06_patch_user_replace_attributes_verbose(scim: ScimClient) {
        let id = scim.create_id(&whole_user()).await;
        let values = values("replaced");
        let after = scim.patched(&id, &verbose("replace", &values)).await;
        assert_written(&after, &values);
        assert_eq!(after["userName"], NAME);
    }

    async fn test_07_update_user_user_name(scim: ScimClient) {
        let id = scim.create_id(&whole_user()).await;
        let after = scim.patched(&id, &patch_whole("replace", &json!({"userName": "emilio@hermann.example"}))).await;
        assert_eq!(after["userName"], "emilio@hermann.example");
        assert_eq!(scim.find("userName eq \"EMILIO@hermann.example\"").await, [after]);
        assert!(scim.find(BY_NAME).await.is_empty());
    }

    async fn test_08_patch_user_disable_user(scim: ScimClient) {
        let id = scim.create_id(&whole_user()).await;
        scim.patched(&id, &patch_one("replace", "active", &json!(false))).await;
        let [found] = scim.find(BY_NAME).await.try_into().expect("one is found");
        assert_eq!(found["active"], false);
    }

    async fn test_09_patch_user_add_attributes_verbose(scim: ScimClient) {
        let id = scim.create_id(&user("eleanore@example.biz")).await;
        let values = values("added");
        let after = scim.patched(&id, &verbose("add", &values)).await;
        assert_written(&after, &values);
    }

    async fn test_10_patch_user_add_manager(scim: ScimClient) {
        let id = scim.create_id(&user(NAME)).await;
        let after = scim.patched(&id, &patch_one("add", MANAGER, &json!({"value": "FIRSTMANAGER"}))).await;
        assert_eq!(after[ENTERPRISE]["manager"]["value"], "FIRSTMANAGER");
        assert_eq!(after["schemas"], json!([USER, ENTERPRISE]));
    }

    async fn test_11_patch_user_replace_manager(scim: ScimClient) {
        let id = scim.create_id(&whole_user()).await;
        let after = scim.patched(&id, &patch_one("replace", MANAGER, &json!({"value": "SECONDMANAGER"}))).await;
        assert_eq!(after[ENTERPRISE]["manager"]["value"], "SECONDMANAGER");
        assert_eq!(after[ENTERPRISE]["department"], whole_user()[ENTERPRISE]["department"]);
    }

    async fn test_12_patch_user_remove_manager(scim: ScimClient) {
        for removal in [patch_one("replace", MANAGER, &json!({"value": ""})), patch_remove(MANAGER)] {
            let mut managed = user(NAME);
            managed[ENTERPRISE] = json!({"manager": {"value": "FIRSTMANAGER"}});
            let id = scim.create_id(&managed).await;
            let after = scim.patched(&id, &removal).await;
            assert_eq!(after.get(ENTERPRISE), None, "an extension without attributes is not shown");
            assert_eq!(after["schemas"], json!([USER]));
            scim.delete(&format!("/Users/{id}")).await.expect(204);
        }
    }

    async fn test_13_delete_a_user(scim: ScimClient) {
        let path = format!("/Users/{}", scim.create_id(&whole_user()).await);
        scim.delete(&path).await.expect(204);
        scim.get(&path).await.expect(404);
        scim.patch(&path, &patch_one("replace", "active", &json!(false))).await.expect(404);
        scim.put(&path, &whole_user()).await.expect(404);
        assert!(scim.find(BY_NAME).await.is_empty());
    }

    async fn test_p1_multiple_operations_on_different_attributes(scim: ScimClient) {
        let id = scim.create_id(&whole_user()).await;
        let operations = json!([
            {"op": "remove", "path": "preferredLanguage"},
            {"op": "add", "path": "externalId", "value": "added"},
            {"op": "replace", "path": "displayName", "value": "replaced"},
        ]);
        let after = scim.patched(&id, &patch(&operations)).await;
        assert_eq!((after.get("preferredLanguage"), &after["externalId"], &after["displayName"]), (None, &json!("added"), &json!("replaced")));
    }

    async fn test_p2_multiple_operations_on_the_same_attribute(scim: ScimClient) {
        let id = scim.create_id(&whole_user()).await;
        let replaced_last = json!([
            {"op": "remove", "path": "displayName"},
            {"op": "add", "path": "displayName", "value": "first"},
            {"op": "replace", "path": "displayName", "value": "last"},
        ]);
        assert_eq!(scim.patched(&id, &patch(&replaced_last)).await["displayName"], "last");
        let removed_last = json!([{"op": "add", "path": "displayName", "value": "again"}, {"op": "remove", "path": "displayName"}]);
        assert_eq!(scim.patched(&id, &patch(&removed_last)).await.get("displayName"), None);
    }

    async fn test_p3_delete_a_non_existent_user(scim: ScimClient) {
        scim.delete("/Users/00000000-0000-4000-8000-000000000000").await.expect(404);
        scim.delete("/Users/not-even-a-uuid").await.expect(404);
    }

    async fn test_p4_delete_the_same_user_twice(scim: ScimClient) {
        let path = format!("/Users/{}", scim.create_id(&whole_user()).await);
        scim.delete(&path).await.expect(204);
        scim.delete(&path).await.expect(404);
    }
}
