//! The user tests of Microsoft's online validator, by their numbers.

use serde_json::{Value, json};

use super::read;
use crate::support::{
    Panel,
    bodies::{ENTERPRISE, MANAGER, USER, patch, patch_one, user},
    on_both_engines,
};

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

on_both_engines! {
    async fn tests_1_to_5_create_and_filter(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let mut sent = whole_user();
        let created = scim.create(&sent).await;
        assert_eq!(created["meta"]["resourceType"], "User");

        sent["roles"][0]["primary"] = json!(true);
        let [found] = scim.find("userName eq \"Garfield@Hessel.example\"").await.try_into().expect("one is found");
        assert_eq!(found, created, "a list shows what the create answered");
        for (name, value) in sent.as_object().expect("it is an object") {
            assert_eq!(&found[name], value, "{name}");
        }

        let again = scim.post("/Users", &whole_user()).await.expect(409);
        assert_eq!(again.body["scimType"], "uniqueness");
        assert_eq!(scim.find("userName eq \"4c4c1a35-aa3b-46a4-9e7b-a6d5e5d2e5ae\"").await, Vec::<Value>::new());
        assert_eq!(scim.find("userName eq \"gARFIELD@hESSEL.EXAMPLE\"").await, [created]);
    }

    async fn test_6_replace_every_attribute(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&whole_user()).await;
        let values = values("replaced");
        let after = scim.patched(&id, &verbose("replace", &values)).await;
        for (path, value) in &values {
            assert_eq!(read(&after, path), value, "{path} in {after:#}");
        }
        assert_eq!(after["userName"], "Garfield@Hessel.example");
        for (attribute, count) in [("emails", 1), ("addresses", 1), ("phoneNumbers", 3), ("roles", 1)] {
            assert_eq!(after[attribute].as_array().map(Vec::len), Some(count), "{attribute} in {after:#}");
        }
    }

    async fn test_7_update_the_user_name(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&whole_user()).await;
        let after = scim.patched(&id, &patch(&json!([{"op": "replace", "value": {"userName": "emilio@hermann.example"}}]))).await;
        assert_eq!(after["userName"], "emilio@hermann.example");
        assert_eq!(scim.find("userName eq \"EMILIO@hermann.example\"").await, [after]);
        assert!(scim.find("userName eq \"Garfield@Hessel.example\"").await.is_empty());
    }

    async fn test_8_a_disabled_user_is_still_found(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&whole_user()).await;
        scim.patched(&id, &patch_one("replace", "active", &json!(false))).await;
        let [found] = scim.find("userName eq \"Garfield@Hessel.example\"").await.try_into().expect("one is found");
        assert_eq!(found["active"], false);
    }

    async fn test_9_add_every_attribute(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&user("eleanore@example.biz")).await;
        let values = values("added");
        let after = scim.patched(&id, &verbose("add", &values)).await;
        for (path, value) in &values {
            assert_eq!(read(&after, path), value, "{path} in {after:#}");
        }
        for (attribute, count) in [("emails", 1), ("addresses", 1), ("phoneNumbers", 3), ("roles", 1)] {
            assert_eq!(after[attribute].as_array().map(Vec::len), Some(count), "{attribute} in {after:#}");
        }
    }

    async fn tests_10_to_12_the_manager_comes_changes_and_goes(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&user("eleanore@example.biz")).await;
        for (op, manager) in [("add", "FIRSTMANAGER"), ("replace", "SECONDMANAGER")] {
            let after = scim.patched(&id, &patch_one(op, MANAGER, &json!({"value": manager}))).await;
            assert_eq!(after[ENTERPRISE]["manager"]["value"], manager);
            assert!(after["schemas"].as_array().expect("a list").contains(&json!(ENTERPRISE)));
        }
        let after = scim.patched(&id, &patch_one("replace", MANAGER, &json!({"value": ""}))).await;
        assert_eq!(after.get(ENTERPRISE), None, "an extension without attributes is not shown");
        assert_eq!(after["schemas"], json!([USER]));
    }

    async fn test_13_and_p3_p4_delete(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&whole_user()).await;
        let path = format!("/Users/{id}");
        scim.delete(&path).await.expect(204);
        scim.get(&path).await.expect(404);
        scim.patch(&path, &patch_one("replace", "active", &json!(false))).await.expect(404);
        scim.put(&path, &whole_user()).await.expect(404);
        scim.delete(&path).await.expect(404);
        scim.delete("/Users/00000000-0000-4000-8000-000000000000").await.expect(404);
        scim.delete("/Users/not-even-a-uuid").await.expect(404);
        assert!(scim.find("userName eq \"Garfield@Hessel.example\"").await.is_empty());
    }

    async fn p1_and_p2_operations_are_applied_in_order(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let id = scim.create_id(&whole_user()).await;
        let different = patch(&json!([
            {"op": "remove", "path": "preferredLanguage"},
            {"op": "add", "path": "externalId", "value": "added"},
            {"op": "replace", "path": "displayName", "value": "replaced"},
        ]));
        let after = scim.patched(&id, &different).await;
        assert_eq!((after.get("preferredLanguage"), &after["externalId"], &after["displayName"]), (None, &json!("added"), &json!("replaced")));

        let same = patch(&json!([
            {"op": "remove", "path": "displayName"},
            {"op": "add", "path": "displayName", "value": "first"},
            {"op": "replace", "path": "displayName", "value": "last"},
        ]));
        assert_eq!(scim.patched(&id, &same).await["displayName"], "last");
        let removed_last = patch(&json!([
            {"op": "add", "path": "displayName", "value": "again"},
            {"op": "remove", "path": "displayName"},
        ]));
        assert_eq!(scim.patched(&id, &removed_last).await.get("displayName"), None);
    }
}
