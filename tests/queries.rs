//! Queries over HTTP, in both dialects: all types in one order, pages by index and by cursor, and what is refused.

use serde_json::{Value, json};

use crate::support::{
    ScimClient,
    bodies::{ENTERPRISE, USER},
    in_both_dialects,
};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

async fn search(scim: &ScimClient, path: &str, query: Value) -> Value {
    let mut body = query;
    body["schemas"] = json!([SEARCH]);
    scim.post(path, &body).await.expect(200).body
}

fn names(page: &Value) -> Vec<&str> {
    let resources = page["Resources"].as_array().expect("it is a list").iter();
    let name = |resource: &'static str| move |found: &'_ Value| found.get(resource).is_some();
    let is_user = name("userName");
    resources
        .map(|found| {
            let key = if is_user(found) {
                "userName"
            } else {
                "displayName"
            };
            found[key].as_str().expect("it has a name")
        })
        .collect()
}

/// Three users and two groups, one of which has a member.
async fn populate(scim: &ScimClient) -> String {
    let user = |name: &str, title: &str| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "title": title});
    let group = |name: &str, members: Value| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members});
    let ada = scim.create_id(&user("ada", "C")).await;
    scim.post("/Groups", &group("Apes", json!([{"value": ada}])))
        .await
        .expect(201);
    scim.create_id(&user("bob", "B")).await;
    scim.post("/Groups", &group("Bees", json!([])))
        .await
        .expect(201);
    scim.create_id(&user("cleo", "A")).await;
    ada
}

in_both_dialects! {
    async fn all_types_are_searched_at_the_root(scim: ScimClient) {
        let ada = populate(&scim).await;
        let all = search(&scim, "/.search", json!({})).await;
        assert_eq!((names(&all), &all["totalResults"]), (vec!["ada", "Apes", "bob", "Bees", "cleo"], &json!(5)));
        let by_title = search(&scim, "/.search", json!({"sortBy": "title", "sortOrder": "descending", "startIndex": 2, "count": 3})).await;
        assert_eq!(names(&by_title), ["Apes", "ada", "bob"], "what has no title comes first");
        assert_eq!((&by_title["totalResults"], &by_title["startIndex"], &by_title["itemsPerPage"]), (&json!(5), &json!(2), &json!(3)));
        let found = search(&scim, "/.search", json!({"filter": format!("members eq \"{ada}\" or title eq \"b\"")})).await;
        assert_eq!(names(&found), ["Apes", "bob"]);
        let location = all["Resources"][0]["meta"]["location"].as_str().expect("it is there").to_owned();
        let found = search(&scim, "/.search", json!({"filter": format!("meta.location eq \"{location}\"")})).await;
        assert_eq!(names(&found), ["ada"]);
        let refused = scim.post("/.search", &json!({"schemas": [SEARCH], "filter": "shoeSize eq 44"})).await.expect(400);
        assert_eq!(refused.body["scimType"], "invalidFilter");
    }

    async fn what_a_resource_refers_to_is_found_by_the_reference_it_shows(scim: ScimClient) {
        let ada = populate(&scim).await;
        let apes = scim.find_groups("displayName eq \"apes\"").await.remove(0);
        let member = apes["members"][0]["$ref"].as_str().expect("it is shown");
        let user = scim.get(&format!("/Users/{ada}")).await.expect(200).body;
        let group = user["groups"][0]["$ref"].as_str().expect("it is shown");
        for (path, filter, expected) in [
            ("/Groups", format!("members[$ref eq \"{member}\"]"), vec!["Apes"]),
            ("/Groups", format!("members.$ref ne \"{member}\""), vec!["Bees"]),
            ("/Groups", format!("members.$ref ew \"/Users/{ada}\""), vec!["Apes"]),
            ("/Groups", format!("members.$ref ew \"/Groups/{ada}\""), vec![]),
            ("/Users", format!("groups.$ref eq \"{group}\""), vec!["ada"]),
            ("/Users", format!("groups[$ref eq \"{group}\" and type eq \"direct\"]"), vec!["ada"]),
            ("/Users", format!("not (groups.$ref eq \"{group}\")"), vec!["bob", "cleo"]),
            ("", format!("groups.$ref eq \"{group}\" or members.$ref eq \"{member}\""), vec!["ada", "Apes"]),
        ] {
            let found = search(&scim, &format!("{path}/.search"), json!({"filter": filter})).await;
            assert_eq!(names(&found), expected, "{filter}");
        }
    }

    async fn what_is_made_of_other_resources_orders_nothing(scim: ScimClient) {
        populate(&scim).await;
        for (path, attribute) in [
            ("/Groups", "members"),
            ("/Groups", "members.display"),
            ("/Users", "groups.value"),
            ("/Users", "urn:ietf:params:scim:schemas:core:2.0:User:groups"),
            ("", "groups"),
        ] {
            let refused = scim.get(&format!("{path}?sortBy={attribute}")).await.expect(400);
            assert_eq!(refused.body["scimType"], "invalidValue", "{path} {attribute}");
        }
    }

    /// RFC 7644 section 3.4.2.4.
    async fn a_page_by_index_has_its_edges(scim: ScimClient) {
        populate(&scim).await;
        for (query, start_index, expected) in [
            ("startIndex=0", 1, vec!["ada", "bob", "cleo"]),
            ("startIndex=-7&count=1", 1, vec!["ada"]),
            ("startIndex=2&count=1", 2, vec!["bob"]),
            ("startIndex=3&count=5000", 3, vec!["cleo"]),
            ("startIndex=4", 4, vec![]),
            ("startIndex=1000001", 1_000_001, vec![]),
            ("count=0", 1, vec![]),
            ("count=-1", 1, vec![]),
        ] {
            let page = scim.get(&format!("/Users?{query}")).await.expect(200).body;
            assert_eq!(names(&page), expected, "{query}");
            let numbers = (&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]);
            assert_eq!(numbers, (&json!(3), &json!(start_index), &json!(expected.len())), "{query}");
        }
        for (query, scim_type) in [("startIndex=1000002", "tooMany"), ("startIndex=one", "invalidValue"), ("count=ten", "invalidValue")] {
            let refused = scim.get(&format!("/Users?{query}")).await.expect(400);
            assert_eq!(refused.body["scimType"], scim_type, "{query}");
        }
    }

    /// RFC 7644 section 3.9: parts, URNs, and both together.
    async fn attributes_are_named_in_every_form(scim: ScimClient) {
        let alice = json!({"userName": "alice@contoso.com", "name": {"givenName": "Alice", "familyName": "Liddell"},
            "emails": [{"type": "work", "value": "a@contoso.com"}], ENTERPRISE: {"department": "R&D", "costCenter": "7"}});
        let id = scim.create_id(&alice).await;
        for (attributes, expected) in [
            ("userName,name.givenName", json!({"userName": "alice@contoso.com", "name": {"givenName": "Alice"}})),
            ("emails.VALUE", json!({"emails": [{"value": "a@contoso.com"}]})),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", json!({"userName": "alice@contoso.com"})),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", json!({"name": {"familyName": "Liddell"}})),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", json!({ENTERPRISE: {"department": "R&D"}})),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", json!({ENTERPRISE: {"department": "R&D", "costCenter": "7"}})),
        ] {
            let mut always = json!({"schemas": [USER, ENTERPRISE], "id": id});
            for (name, value) in expected.as_object().expect("it is one") {
                always[name] = value.clone();
            }
            let one = scim.get(&format!("/Users/{id}?attributes={attributes}")).await.expect(200).body;
            assert_eq!(one, always, "{attributes}");
            for path in ["/Users", ""] {
                let listed = scim.get(&format!("{path}?attributes={attributes}")).await.expect(200).body;
                assert_eq!(listed["Resources"][0], always, "{path} {attributes}");
                let names: Vec<_> = attributes.split(',').collect();
                let found = search(&scim, &format!("{path}/.search"), json!({ "attributes": names })).await;
                assert_eq!(found["Resources"][0], always, "{path}/.search {attributes}");
            }
        }
    }

    async fn a_cursor_leads_through_all_pages_and_is_good_for_its_query_only(scim: ScimClient) {
        populate(&scim).await;
        for (path, expected) in [
            ("/Users", vec!["ada", "bob", "cleo"]),
            ("/Groups", vec!["Apes", "Bees"]),
            ("", vec!["ada", "Apes", "bob", "Bees", "cleo"]),
        ] {
            let (mut walked, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let page = scim.get(&format!("{path}?cursor={cursor}&count=1")).await.expect(200).body;
                assert_eq!(page["totalResults"], expected.len(), "{path}");
                walked.extend(names(&page).iter().map(ToString::to_string));
                pages += 1;
                match page["nextCursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
            assert_eq!((walked, pages), (expected.iter().map(ToString::to_string).collect(), expected.len()), "{path}");
            for other in [format!("{path}?cursor={cursor}&count=1&filter=id+pr"), format!("{path}?cursor={cursor}x&count=1")] {
                let refused = scim.get(&other).await.expect(400);
                assert_eq!(refused.body["scimType"], "invalidCursor", "{other}");
            }
        }
    }
}
