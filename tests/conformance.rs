//! What `docs/scim.md` promises clause by clause and no other test of the real binary holds: in both dialects, on both engines.

use std::collections::BTreeSet;

use provisioning_proto::admin::v1::Operation;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Panel, ScimClient,
    bodies::{ENTERPRISE, GROUP, USER, elements, group, patch, patch_one, patch_remove, user},
    in_both_dialects, member_ids, on_both_engines,
};

const NOWHERE: &str = "/Users/0190c0de-0000-7000-8000-000000000000";

/// Sends with one header beside that of the body.
async fn with_header(
    scim: &ScimClient,
    method: Method,
    path: &str,
    header: (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let headers = [header, ("content-type", "application/scim+json")];
    scim.send_with(method, path, &headers, body.map(Value::to_string))
        .await
}

in_both_dialects! {
    /// RFC 7643 section 3.
    async fn schemas_are_told_in_answers_and_not_demanded_in_requests(scim: ScimClient) {
        for (number, schemas) in [json!(null), json!([]), json!([GROUP]), json!(["urn:x:Unknown"]), json!([USER, ENTERPRISE])].into_iter().enumerate() {
            let created = scim.create(&json!({"schemas": schemas, "userName": format!("user{number}@contoso.com")})).await;
            assert_eq!(created["schemas"], json!([USER]), "there is nothing of another one");
        }
        let body = json!({"userName": "bob@contoso.com", ENTERPRISE: {"department": "R&D"}});
        let bob = scim.create(&body).await;
        assert_eq!(bob["schemas"], json!([USER, ENTERPRISE]));
        let path = format!("/Users/{}", bob["id"].as_str().expect("a text"));
        let operations = json!([{"op": "replace", "path": "title", "value": "Engineer"}]);
        scim.patch(&format!("{path}?attributes=title"), &json!({"Operations": operations})).await.expect(200);
        let cleared = scim.patch(&format!("{path}?attributes=schemas"), &patch_remove(ENTERPRISE)).await.expect(200);
        assert_eq!(cleared.body["schemas"], json!([USER]));
    }

    /// RFC 7643 sections 2.3, 2.4 and 4.1.2.
    async fn texts_are_kept_as_they_are_and_equal_elements_too(scim: ScimClient) {
        let mut odd = user("alice@contoso.com");
        odd["x509Certificates"] = json!([{"value": "no base64!"}]);
        odd["photos"] = json!([{"value": "no URI", "type": "hologram"}]);
        odd["emails"] = json!([{"value": "no address", "type": "work"}, {"value": "no address", "type": "work"}]);
        odd["addresses"] = json!([{"country": "nowhere", "type": "work"}]);
        let created = scim.create(&odd).await;
        for name in ["x509Certificates", "photos", "emails", "addresses"] {
            assert_eq!(created[name], odd[name]);
        }
        let path = format!("/Users/{}?attributes=emails", created["id"].as_str().expect("a text"));
        let again = patch_one("add", "emails", &json!([{"value": "no address", "type": "work"}]));
        let after = scim.patch(&path, &again).await.expect(200).body;
        assert_eq!(after["emails"], odd["emails"], "a PATCH adds nothing that is there");
        let two_primaries = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
        let after = scim.patch(&path, &patch_one("replace", "emails", &two_primaries)).await.expect(200).body;
        assert_eq!(after["emails"], json!([{"value": "a", "primary": false}, {"value": "b", "primary": true}]));
    }

    /// RFC 7643 section 3.1, RFC 7644 section 3.3.
    async fn what_the_service_makes_is_not_taken_from_clients(scim: ScimClient) {
        let mut alice = user("alice@contoso.com");
        alice["id"] = json!("mine");
        alice["meta"] = json!({"resourceType": "Group", "version": "9", "created": "1999-01-01T00:00:00Z"});
        alice["groups"] = json!([{"value": "a group"}]);
        alice["password"] = json!("correct horse");
        let created = scim.post("/Users?attributes=password,groups,meta,id", &alice).await.expect(201).body;
        assert!(created.get("password").is_none() && created.get("groups").is_none());
        assert_ne!(created["id"], "mine");
        assert_eq!((&created["meta"]["resourceType"], &created["meta"]["version"]), (&json!("User"), &json!("\"1\"")));
        let id = created["id"].as_str().expect("a text");
        let engineers = scim.create_group(&json!({"displayName": "Engineering", "members": [{"value": id, "type": "Group", "$ref": "made up"}]})).await;
        let member = &scim.get(&format!("/Groups/{engineers}")).await.expect(200).body["members"][0];
        assert_eq!(member["type"], "User");
        assert!(member["$ref"].as_str().expect("a text").ends_with(&format!("/Users/{id}")));
    }

    /// RFC 7644 section 3.5.1.
    async fn a_put_clears_what_it_leaves_out_and_creates_nothing(scim: ScimClient) {
        let mut alice = user("alice@contoso.com");
        alice["title"] = json!("Engineer");
        alice["emails"] = json!([{"value": "a@contoso.com"}]);
        let id = scim.create_id(&alice).await;
        let after = scim.put(&format!("/Users/{id}"), &user("alice@contoso.com")).await.expect(200).body;
        assert!(after.get("title").is_none() && after.get("emails").is_none());
        let engineers = format!("/Groups/{}", scim.create_group(&group("Engineering", &[&id])).await);
        let after = scim.put(&engineers, &json!({"displayName": "Engineering"})).await.expect(200).body;
        assert_eq!(member_ids(&after), Vec::<String>::new());
        let refused = scim.put(&format!("/Users/{id}"), &json!({"title": "x"})).await.expect(400);
        assert_eq!(refused.body["scimType"], "invalidValue");
        scim.put(NOWHERE, &user("bob@contoso.com")).await.expect(404);
        assert_eq!(scim.find("userName eq \"bob@contoso.com\"").await, Vec::<Value>::new());
    }

    /// RFC 7644 section 3.5.2.
    async fn a_patch_that_cannot_be_read_says_how(scim: ScimClient) {
        let path = format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await);
        let one = |operation: Value| patch(&json!([operation]));
        let many: Value = (0..101).map(|number| json!({"op": "replace", "path": "title", "value": number.to_string()})).collect();
        for (body, scim_type) in [
            (patch(&json!([])), "invalidSyntax"),
            (one(json!({"op": "move", "path": "title", "value": "x"})), "invalidSyntax"),
            (one(json!({"op": "replace", "path": "emails[", "value": "x"})), "invalidPath"),
            (one(json!({"op": "remove"})), "noTarget"),
            (patch_remove("userName"), "mutability"),
            (one(json!({"op": "add", "path": "title"})), "invalidValue"),
            (patch_one("replace", "active", &json!("perhaps")), "invalidValue"),
            (patch(&many), "tooMany"),
        ] {
            let refused = scim.patch(&path, &body).await.expect(400);
            assert_eq!(refused.body["scimType"], scim_type, "{body}");
        }
        // There need not be anything to remove.
        for path_in_it in ["title", "emails[type eq \"work\"]", "emails[type eq \"work\"].value"] {
            let answer = scim.patch(&path, &patch_remove(path_in_it)).await;
            assert!(matches!(answer.status, 200 | 204), "{path_in_it}: {}", answer.status);
        }
        assert_eq!(scim.get(&path).await.expect(200).header("etag"), "\"1\"");
    }

    /// RFC 7644 section 3.8.
    async fn json_in_utf_8_is_the_only_format(scim: ScimClient) {
        let path = format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await);
        for accept in ["application/json", "application/xml", "*/*"] {
            let answer = with_header(&scim, Method::GET, &path, ("accept", accept), None).await.expect(200);
            assert_eq!(answer.header("content-type"), "application/scim+json");
        }
        let body = user("bob@contoso.com").to_string();
        for (content_type, text, status) in [
            ("application/scim+json; charset=iso-8859-1", body.clone(), 415),
            ("text/plain", body.clone(), 415),
            ("application/scim+json", format!("\u{feff}{body}"), 400),
            ("application/scim+json", String::new(), 400),
            ("application/json; charset=utf-8", body, 201),
        ] {
            scim.send_raw(Method::POST, "/Users", content_type, Some(text)).await.expect(status);
        }
        let head = scim.send(Method::HEAD, &path, None).await.expect(200);
        assert_eq!((head.header("etag"), &head.body), ("\"1\"", &Value::Null));
    }

    /// RFC 7644 section 3.9.
    async fn attributes_are_chosen_first_and_then_left_out(scim: ScimClient) {
        let mut alice = user("alice@contoso.com");
        alice["name"] = json!({"givenName": "Alice", "familyName": "Liddell"});
        let id = scim.create_id(&alice).await;
        let get = async |query: &str| scim.get(&format!("/Users/{id}?{query}")).await.expect(200).body;
        let always = |rest: Value| {
            let mut whole = json!({"schemas": [USER], "id": id});
            for (name, value) in rest.as_object().into_iter().flatten() {
                whole[name] = value.clone();
            }
            whole
        };
        assert_eq!(get("attributes=name&excludedAttributes=name.familyName").await, always(json!({"name": {"givenName": "Alice"}})));
        assert_eq!(get("attributes=shoeSize").await, always(json!({})));
        assert_eq!(get("excludedAttributes=id,schemas,meta,name,active").await, always(json!({"userName": "alice@contoso.com"})));
    }

    /// RFC 7644 section 3.14.
    async fn a_condition_holds_or_nothing_is_written(scim: ScimClient) {
        let path = format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await);
        let title = |text: &str| patch_one("replace", "title", &json!(text));
        for (header, status) in [
            (("if-match", "\"7\""), 412),
            (("if-match", "\"7\", \"8\""), 412),
            (("if-none-match", "*"), 412),
            (("if-none-match", "\"1\""), 412),
            (("if-match", "1"), 400),
        ] {
            with_header(&scim, Method::PATCH, &path, header, Some(&title("x"))).await.expect(status);
            with_header(&scim, Method::DELETE, &path, header, None).await.expect(status);
        }
        assert_eq!(scim.get(&path).await.expect(200).header("etag"), "\"1\"");
        for (version, header) in [(2, ("if-match", "W/\"1\"")), (3, ("if-match", "\"9\", \"2\"")), (4, ("if-match", "*"))] {
            let answer = with_header(&scim, Method::PATCH, &path, header, Some(&title(header.1))).await;
            assert!(matches!(answer.status, 200 | 204), "{header:?}: {}", answer.status);
            assert_eq!(answer.header("etag"), format!("\"{version}\""));
        }
        with_header(&scim, Method::GET, &path, ("if-none-match", "\"4\""), None).await.expect(304);
        with_header(&scim, Method::GET, &path, ("if-match", "\"3\""), None).await.expect(412);
        with_header(&scim, Method::DELETE, NOWHERE, ("if-match", "*"), None).await.expect(404);
    }

    /// RFC 7644 sections 3.11, 3.13 and 4.
    async fn what_is_not_there_is_404_and_discovery_takes_no_parameters(scim: ScimClient) {
        for path in ["/Me", "/ServiceProviderConfigs", "/Schemas/urn:x:Unknown", "/ResourceTypes/Thing", "/v1/Users", NOWHERE] {
            let missing = scim.get(path).await.expect(404);
            assert_eq!(missing.body["status"], "404", "{path}");
        }
        let schemas = scim.get("/Schemas").await.expect(200).body;
        let ids: Vec<_> = schemas["Resources"].as_array().into_iter().flatten().map(|schema| &schema["id"]).collect();
        assert_eq!(ids, [USER, ENTERPRISE, GROUP]);
        for ignored in ["count=1", "startIndex=2", "attributes=id", "sortBy=id"] {
            assert_eq!(scim.get(&format!("/Schemas?{ignored}")).await.expect(200).body, schemas);
        }
        for path in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
            scim.get(&format!("{path}?filter=id+pr")).await.expect(403);
            scim.with_token(None).get(path).await.expect(401);
        }
    }

    /// RFC 7644 section 3.7.
    async fn a_bulk_answers_each_operation(scim: ScimClient) {
        let operations = json!([
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Engineering", "members": [{"value": "bulkId:u"}]}},
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": user("alice@contoso.com")},
            {"method": "PATCH", "path": "/Users/bulkId:u", "data": patch_one("add", "title", &json!("Engineer"))},
            {"method": "GET", "path": "/Users"},
            {"method": "POST", "path": "/Users", "data": user("bob@contoso.com")},
            {"method": "DELETE", "path": "/Users/bulkId:u", "version": "\"9\""},
            {"method": "POST", "path": "/Groups", "bulkId": "h", "data": {"displayName": "Hardware", "members": [{"value": "bulkId:u"}, {"value": "bulkId:g"}]}},
            {"method": "PATCH", "path": "/Groups/bulkId:h", "data": [{"op": "remove", "path": "members[value eq \"bulkId:u\"]"}]},
            {"method": "PATCH", "path": "/Groups/bulkId:h", "data": [{"op": "remove", "path": "members[value eq \"bulkId:nobody\"]"}]},
        ]);
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
        let answer = scim.post("/Bulk", &body).await.expect(200).body;
        let answered = answer["Operations"].as_array().expect("a list");
        let statuses: Vec<_> = answered.iter().map(|operation| operation["status"].as_str().expect("a text")).collect();
        assert_eq!(statuses, ["201", "201", "200", "400", "400", "412", "201", "200", "400"]);
        let found = scim.find_groups("displayName eq \"Engineering\"").await;
        let alice = scim.find("title eq \"Engineer\"").await;
        assert_eq!(found[0]["members"][0]["value"], alice[0]["id"]);
        assert_eq!(answered[1]["location"], alice[0]["meta"]["location"]);
        let hardware = scim.find_groups("displayName eq \"Hardware\"").await;
        assert_eq!(member_ids(&hardware[0]), [found[0]["id"].as_str().expect("a text")]);
    }

    /// RFC 7644 section 3.5.2: members are elements whose value is an id, however they are written.
    async fn members_are_added_once_and_removed_by_what_selects_them(scim: ScimClient) {
        let alice = scim.create_id(&user("alice@contoso.com")).await;
        let bob = scim.create_id(&user("bob@contoso.com")).await;
        let path = format!("/Groups/{}", scim.create_group(&group("Engineering", &[&alice])).await);
        let shown = format!("{path}?attributes=members");
        let both = scim.patch(&shown, &patch_one("add", "members", &elements(&[&alice, &bob]))).await.expect(200).body;
        assert_eq!(member_ids(&both).len(), 2);
        let reference = both["members"][0]["$ref"].as_str().expect("a text");
        let selected = format!("members[$ref eq \"{reference}\"]");
        let left = scim.patch(&shown, &patch_remove(&selected)).await.expect(200).body;
        assert_eq!(member_ids(&left).len(), 1);
        assert_ne!(left["members"][0]["$ref"], *reference);
    }
}

on_both_engines! {
    /// RFC 7644 section 3.7: a bulk is its operations, each with a line of its own in the provisioning log.
    async fn each_operation_of_a_bulk_has_its_log_entry(service: Service) {
        let panel = Panel::of(&service).await;
        let scim = panel.tenant("acme").await.scim;
        let operations = json!([
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": user("alice@contoso.com")},
            {"method": "PATCH", "path": "/Users/bulkId:u", "data": patch_one("add", "title", &json!("Engineer"))},
            {"method": "POST", "path": "/Users", "bulkId": "v", "data": {"title": "nobody"}},
            {"method": "DELETE", "path": "/Users/bulkId:u"},
        ]);
        scim.post("/Bulk", &json!({ "Operations": operations })).await.expect(200);
        let mut entries = panel.log("acme", "resourceType eq \"User\"").await;
        entries.reverse();
        let told: Vec<_> = entries.iter().map(|entry| (entry.operation(), entry.reason.as_str())).collect();
        assert_eq!(told, [(Operation::Create, ""), (Operation::Patch, ""), (Operation::Create, "INVALID_VALUE"), (Operation::Delete, "")]);
        let requests: BTreeSet<_> = entries.iter().map(|entry| &entry.request_id).collect();
        assert_eq!(requests.len(), entries.len(), "each is a request of its own");
    }
}
