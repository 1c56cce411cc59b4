//! Microsoft's Postman collection "SCIM Tests" (AzureAD/SCIMReferenceCode): its 79 requests in their order, each with its number.
//!
//! What the collection asserts is asserted here, but for:
//! - 1: `/Token` is the reference server's own; a token of this service is made by an admin. The path is a 404.
//! - 5: `/serviceConfiguration` is not what RFC 7644 section 4 calls it. The path is a 404, and `/ServiceProviderConfig` is asserted.
//! - 30 and 32: a member's element has no `displayName`, and what a client says of a member's name is not kept: the member is looked for by
//!   its id.
//! - 67 and 68: the member is nobody's id; it is passed over, and the answer is the same.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Panel, ScimClient,
    bodies::{ENTERPRISE, GROUP, USER, group, patch, patch_one, patch_remove},
    member_ids, on_both_engines,
};

/// What several bodies share, as Microsoft's own server allows.
const EXTERNAL_ID: &str = "22fbc523-6032-4c5f-939d-5d4850cf3e52";

on_both_engines! {
    async fn the_postman_collection_is_walked(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        discovery(&scim).await;
        users(&scim).await;
        groups(&scim).await;
        attributes(&scim).await;
        let made = oddities(&scim).await;
        changes(&scim, &made).await;
        queries(&scim).await;
        the_end(&scim, &made).await;
    }
}

fn has_text(answer: &Answer, text: &str) -> bool {
    answer.body.to_string().contains(text)
}

fn total(answer: &Answer) -> &Value {
    &answer.body["totalResults"]
}

/// Requests 1 to 6.
async fn discovery(scim: &ScimClient) {
    let token = Some(json!("SecureLogin").to_string());
    scim.send_raw(Method::GET, "/Token", "application/json", token)
        .await
        .expect(404);
    scim.get("/Users").await.expect(200);
    scim.get("/Groups").await.expect(200);
    let types = scim.get("/ResourceTypes").await.expect(200).body;
    assert_eq!(types["Resources"][0]["endpoint"], "/Users");
    scim.get("/serviceConfiguration").await.expect(404);
    let config = scim.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(config["patch"]["supported"], true);
    let schemas = scim.get("/Schemas").await.expect(200);
    assert!(has_text(&schemas, "User Account"));
}

/// Requests 7 to 18.
async fn users(scim: &ScimClient) {
    let first = json!({
        "schemas": [USER], "userName": "UserName123", "active": true, "displayName": "BobIsAmazing", "externalId": "bjensen",
        "name": {"formatted": "Ryan Leenay", "familyName": "Leenay", "givenName": "Ryan"},
        "emails": [{"Primary": true, "type": "work", "value": "testing@bob.com"}, {"Primary": false, "type": "home", "value": "testinghome@bob.com"}],
    });
    let first = scim.create_id(&first).await;
    let second = json!({
        "schemas": [USER, ENTERPRISE], "userName": "UserName222", "active": true, "displayName": "lennay", "externalId": "bjensen",
        ENTERPRISE: {"Department": "bob", "Manager": {"Value": "SuzzyQ"}},
    });
    let second = scim.create_id(&second).await;
    for id in [&first, &second] {
        assert_eq!(scim.read(id).await["id"], **id);
    }
    let listed = scim
        .get("/Users?attributes=userName,emails")
        .await
        .expect(200);
    assert!(has_text(&listed, &first));
    let found = scim
        .get("/Users/?filter=DisplayName+eq+%22BobIsAmazing%22")
        .await
        .expect(200);
    assert!(has_text(&found, &first) && !has_text(&found, &second));

    scim.patched(&first, &patch_one("replace", "userName", &json!("ryan3")))
        .await;
    assert_eq!(scim.read(&first).await["userName"], "ryan3");
    let whole = json!({
        "schemas": [USER, ENTERPRISE], "userName": "UserNameReplace2", "active": true, "displayName": "BobIsAmazing", "externalId": "bjensen",
        "name": {"formatted": "NewName", "familyName": "Leenay", "givenName": "Ryan"},
    });
    scim.put(&format!("/Users/{second}"), &whole)
        .await
        .expect(200);
    assert_eq!(scim.read(&second).await["name"]["formatted"], "NewName");
    for id in [first, second] {
        scim.delete(&format!("/Users/{id}")).await.expect(204);
    }
}

/// Requests 19 to 37.
async fn groups(scim: &ScimClient) {
    let first = scim.create_group(&group("Group1DisplayName", &[])).await;
    let mut members = Vec::new();
    for name in ["UserName333", "UserName444"] {
        let member = json!({
            "schemas": [USER], "userName": name, "active": true, "displayName": "lennay", "externalId": "bjensen",
            "emails": [{"primary": true, "type": "work", "value": "testing@bob.com"}],
        });
        members.push(scim.create_id(&member).await);
    }
    let [third, fourth] = &members[..] else {
        unreachable!("two were made")
    };
    let filled = json!({"schemas": [GROUP], "displayName": "Group2DisplayName", "members": [{"value": third, "display": "VP"}]});
    let filled = scim.create_group(&filled).await;
    scim.get("/Groups").await.expect(200);
    let replaced = scim.create_group(&group("Group3DisplayName", &[])).await;
    let path = format!("/Groups/{replaced}");
    let whole = json!({
        "schemas": [GROUP], "displayName": "putName",
        "members": [{"value": third, "display": "VP"}, {"value": fourth, "display": "SVP"}],
    });
    scim.put(&path, &whole).await.expect(200);
    let group = scim.get(&path).await.expect(200);
    assert!(group.body["id"] == replaced && has_text(&group, third));

    let add = patch(&json!([
        {"name": "addMember", "op": "add", "path": "members", "value": [{"value": fourth, "displayName": "new User"}]},
    ]));
    assert_eq!(
        member_ids(&scim.patched_group(&filled, &add).await),
        [third, fourth].map(Clone::clone)
    );
    let remove = patch_remove(&format!("members[value eq \"{fourth}\"]"));
    assert_eq!(
        member_ids(&scim.patched_group(&filled, &remove).await),
        std::slice::from_ref(third)
    );
    scim.patched_group(&filled, &add).await;
    let group = scim.get(&format!("/Groups/{filled}")).await.expect(200);
    assert!(has_text(&group, fourth));
    scim.patched_group(&filled, &patch_remove("members")).await;
    let group = scim.get(&format!("/Groups/{filled}")).await.expect(200);
    assert!(!has_text(&group, third) && !has_text(&group, fourth));

    let users = members.iter().map(|id| format!("/Users/{id}"));
    let groups = [first, filled, replaced].map(|id| format!("/Groups/{id}"));
    for path in users.chain(groups) {
        scim.delete(&path).await.expect(204);
    }
}

/// Requests 38 to 43.
async fn attributes(scim: &ScimClient) {
    let mut made = Vec::new();
    for (name, mail) in [("user1", "emailName357"), ("user2", "emailName358")] {
        let user = json!({
            "schemas": [USER], "userName": name,
            "emails": [{"type": "work", "value": mail}, {"type": "home", "value": format!("{mail}home")}],
        });
        made.push(scim.create_id(&user).await);
    }
    for path in [
        "/Users?attributes=emails%5Btype+eq+%22work%22%5D",
        "/Users?attributes=emails%5Bvalue+eq+%22emailName357%22%5D",
    ] {
        let found = scim.get(path).await.expect(200);
        assert!(has_text(&found, "emailName357"), "{path}: {}", found.body);
    }
    for id in made {
        scim.delete(&format!("/Users/{id}")).await.expect(204);
    }
}

/// The ids of what the second half of the collection works on.
struct Made {
    omalley: String,
    employees: Vec<String>,
}

fn omalley(user_name: &str) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE], "userName": user_name, "externalId": EXTERNAL_ID, "active": false, "displayName": "OMalley",
        "addresses": [{"country": "Germany", "formatted": null, "locality": null, "type": "work"}],
        "emails": [{"primary": true, "type": "work", "value": "omalley@example.com"}],
        "name": {"formatted": "OMalley", "familyName": "OMalley", "givenName": null, "honorificPrefix": null},
        "phoneNumbers": [{"type": "mobile", "value": "425 555 0100"}],
        "meta": {"created": "2019-09-05T23:14:33.8617979Z", "lastModified": "2019-09-05T23:14:33.8617979Z", "resourceType": "User"},
    })
}

fn employee(user_name: &str) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE], "userName": user_name, "externalId": EXTERNAL_ID, "active": "True", "displayName": user_name,
        "name": {"familyName": "Employee", "givenName": user_name},
        "emails": [{"type": "work", "value": format!("{user_name}@example.com")}, {"type": "work", "value": format!("{user_name}@example.org")}],
    })
}

/// Requests 44 to 55.
async fn oddities(scim: &ScimClient) -> Made {
    let created = scim.create(&omalley("OMalley")).await;
    assert_eq!(
        (&created["userName"], &created["active"]),
        (&json!("OMalley"), &json!(false))
    );
    let omalley_id = created["id"].as_str().expect("a text").to_owned();
    let created = scim.create(&employee("emp1")).await;
    assert_eq!(created["active"], true);
    let mut employees = vec![created["id"].as_str().expect("a text").to_owned()];
    let all = scim.get("/Users").await.expect(200);
    assert!(*total(&all) == 2 && has_text(&all, "OMalley"));
    for name in ["emp2", "emp3"] {
        employees.push(scim.create_id(&employee(name)).await);
    }
    let mut nameless = employee("emp4");
    nameless
        .as_object_mut()
        .expect("an object")
        .remove("userName");
    scim.post("/Users", &nameless).await.expect(400);
    let junk = Some("{\"schemas\": [junk".to_owned());
    scim.send_raw(Method::POST, "/Users", "application/scim+json", junk)
        .await
        .expect(400);
    for _ in 51..=52 {
        let refused = scim.post("/Users", &employee("emp3")).await.expect(409);
        assert!(has_text(&refused, "detail"));
    }
    let path = format!("/Users/{omalley_id}");
    nameless["userame"] = json!("OMalley");
    scim.put(&path, &nameless).await.expect(400);
    let mut misspelled = omalley("OMalley");
    misspelled["adreses"] = misspelled["addresses"].take();
    let put = scim.put(&path, &misspelled).await.expect(200).body;
    assert_eq!((put.get("adreses"), put.get("addresses")), (None, None));
    let mut enterprise = employee("emp4");
    enterprise[ENTERPRISE] = json!({"Department": "bob"});
    employees.push(scim.create_id(&enterprise).await);
    Made {
        omalley: omalley_id,
        employees,
    }
}

/// Requests 56 to 59.
async fn changes(scim: &ScimClient, made: &Made) {
    let path = format!("/Users/{}", made.omalley);
    for (attribute, value) in [("userName", json!("newusername")), ("active", json!(false))] {
        scim.patch(&path, &patch_one("Replace", attribute, &value))
            .await
            .expect(204);
    }
    let user = scim.get(&path).await.expect(200).body;
    assert_eq!(
        (&user["userName"], &user["active"]),
        (&json!("newusername"), &json!(false))
    );
    let put = scim.put(&path, &omalley("OMalley")).await.expect(200);
    assert_eq!(
        (&put.body["userName"], &put.body["active"]),
        (&json!("OMalley"), &json!(false))
    );
    assert!(has_text(&put, "Germany"));
}

/// Requests 60 to 65: literals without quotes, names in another case, times in another zone.
async fn queries(scim: &ScimClient) {
    let page = scim.get("/Users?startIndex=1&count=2").await.expect(200);
    assert_eq!(
        (total(&page), &page.body["itemsPerPage"]),
        (&json!(5), &json!(2))
    );
    let listed = scim
        .get("/Users?attributes=userName,emails")
        .await
        .expect(200);
    assert_eq!(*total(&listed), 5);
    let refused = scim.post("/Users", &employee("emp3")).await.expect(409);
    assert!(has_text(&refused, "detail"));
    for (filter, count) in [
        (
            "name.FamilyName eq Employee and (emails.Value co example.com or emails.Value co example.org)",
            4,
        ),
        ("userName sw O", 1),
        ("meta.Created gt 2015-10-10T14:38:21.8617979-07:00", 5),
    ] {
        assert_eq!(scim.find(filter).await.len(), count, "{filter}");
    }
}

/// Requests 66 to 79.
async fn the_end(scim: &ScimClient, made: &Made) {
    let mut body = group("GroupDisplayName", &[]);
    body["externalId"] = json!(EXTERNAL_ID);
    let id = scim.create_group(&body).await;
    let path = format!("/Groups/{id}");
    for _ in 67..=68 {
        let mut add = patch_one("add", "members", &json!("string id 1"));
        add["id"] = json!(id);
        scim.patch(&path, &add).await.expect(204);
    }
    scim.get(&path).await.expect(200);
    let without = scim
        .get(&format!("{path}?excludedAttributes=members"))
        .await
        .expect(200)
        .body;
    assert_eq!(without.get("members"), None);
    body["displayName"] = json!("putGroup");
    let put = scim.put(&path, &body).await.expect(200).body;
    assert_eq!(put["displayName"], "putGroup");
    let users = [&made.omalley].into_iter().chain(&made.employees);
    for path in users.map(|id| format!("/Users/{id}")).chain([path]) {
        scim.delete(&path).await.expect(204);
    }
    for path in ["/Users", "/Groups"] {
        let all = scim.get(path).await.expect(200).body;
        assert_eq!(all["Resources"], json!([]), "{path}");
    }
}
