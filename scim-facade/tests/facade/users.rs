//! `/Users`: the call that each request makes, and its answer.

use axum::{
    body::Body,
    http::{Method, header},
};
use provisioning_proto::v1::{self, Dialect, get_account_request::Key};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Client, request},
    fake_core::{ETAG, ID, account},
};

fn user_path() -> String {
    format!("/Users/{ID}")
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[tokio::test]
async fn a_create_answers_201_with_its_place() {
    let client = Client::new();
    let body = json!({"schemas": [], "userName": "alice@contoso.com", "active": "True", "id": "mine", ENTERPRISE: {"manager": "m"}});
    let answer = client.call(Method::POST, "/Users", body).await;

    assert_eq!(answer.status, 201);
    let place = format!("https://p.example/scim/acme/v2/Users/{ID}");
    assert_eq!(
        (answer.header("location"), answer.header("etag")),
        (&*place, ETAG)
    );
    let json = answer.json();
    assert_eq!(
        (&json["id"], &json["active"], &json["meta"]["location"]),
        (&json!(ID), &json!(true), &json!(place))
    );
    assert_eq!(
        json["schemas"],
        json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE])
    );

    let sent: v1::CreateAccountRequest = client.core.last();
    assert_eq!(
        (sent.tenant.as_str(), sent.request_id.as_str()),
        ("acme", answer.header("x-request-id"))
    );
    let account = sent.account.unwrap();
    assert_eq!((account.active, account.id.as_str()), (Some(true), ""));
    assert_eq!(
        account
            .enterprise
            .unwrap()
            .manager
            .unwrap()
            .value
            .as_deref(),
        Some("m")
    );
}

#[tokio::test]
async fn the_place_comes_from_the_configuration_only() {
    let client = Client::new();
    let request = request(Method::GET, &user_path())
        .header(header::HOST, "evil.example")
        .header("x-forwarded-host", "evil.example");
    let answer = client.send(request.body(Body::empty()).unwrap()).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("evil"));
}

#[tokio::test]
async fn every_call_says_who_asks() {
    let client = Client::new();
    let mut request = request(Method::GET, &user_path())
        .body(Body::empty())
        .unwrap();
    let address: std::net::SocketAddr = "20.190.129.80:4711".parse().unwrap();
    request
        .extensions_mut()
        .insert(axum::extract::ConnectInfo(address));
    let answer = client.send(request).await;

    let metadata = client.core.last_call().metadata;
    let of = |name: &str| {
        metadata
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    assert_eq!(of("authorization"), "Bearer good");
    assert_eq!(of("x-request-id"), answer.header("x-request-id"));
    assert_eq!(
        Uuid::parse_str(of("x-request-id"))
            .unwrap()
            .get_version_num(),
        4
    );
    assert_eq!(of("x-forwarded-for"), "20.190.129.80");
    assert!(!of("grpc-timeout").is_empty());
}

#[tokio::test]
async fn a_read_is_by_id() {
    let client = Client::new();
    let answer = client.get(&user_path()).await;
    assert_eq!((answer.status, answer.header("etag")), (200, ETAG));
    assert_eq!(
        client.core.last::<v1::GetAccountRequest>().key,
        Some(Key::Id(ID.to_owned()))
    );
}

#[tokio::test]
async fn a_filter_reaches_the_core_as_it_is() {
    let client = Client::new();
    for path in [
        "/Users?filter=userName+eq+%22a%40b.c%22",
        "/Users/?filter=userName%20eq%20%22a%40b.c%22&aadOptscim062020",
    ] {
        let answer = client.get(path).await;
        let json = answer.json();
        assert_eq!(
            (
                answer.status,
                &json["totalResults"],
                &json["startIndex"],
                &json["itemsPerPage"]
            ),
            (200, &json!(11), &json!(1), &json!(1))
        );
        assert_eq!(json["Resources"][0]["id"], ID);
        assert_eq!(
            client.core.last::<v1::ListAccountsRequest>().filter,
            "userName eq \"a@b.c\""
        );
    }
}

#[tokio::test]
async fn a_page_is_asked_for() {
    let client = Client::new();
    let answer = client
        .get("/Users?startIndex=6&count=5&sortBy=userName&sortOrder=descending")
        .await;
    assert_eq!(answer.json()["startIndex"], 6);
    let sent: v1::ListAccountsRequest = client.core.last();
    assert_eq!(
        (
            sent.skip,
            sent.page_size,
            sent.order_by.as_str(),
            sent.count_only
        ),
        (5, 5, "userName desc", false)
    );

    let answer = client.get("/Users?count=0").await;
    assert_eq!(
        (&answer.json()["Resources"], &answer.json()["totalResults"]),
        (&json!([]), &json!(11))
    );
    assert!(client.core.last::<v1::ListAccountsRequest>().count_only);
}

#[tokio::test]
async fn attributes_are_chosen() {
    let client = Client::new();
    let user = client.get("/Users?attributes=id").await.json()["Resources"][0].clone();
    assert_eq!(
        user.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["schemas", "id"]
    );
    let user = client
        .get("/Users?attributes=emails%5Btype+eq+%22work%22%5D")
        .await
        .json()["Resources"][0]
        .clone();
    assert_eq!(
        user["emails"],
        json!([{"value": "alice@contoso.com", "type": "work"}])
    );
    let user = client
        .get(&format!(
            "{}?excludedAttributes=emails,name.givenName",
            user_path()
        ))
        .await
        .json();
    assert_eq!(
        (user.get("emails"), &user["name"]),
        (None, &json!({"familyName": "Example"}))
    );
}

#[tokio::test]
async fn a_replace_answers_the_user() {
    let client = Client::new();
    let answer = client
        .call(Method::PUT, &user_path(), json!({"userName": "bob"}))
        .await;
    assert_eq!(
        (answer.status, answer.json()["userName"].as_str()),
        (200, Some("bob"))
    );
    let sent: v1::ReplaceAccountRequest = client.core.last();
    assert_eq!(
        (sent.id.as_str(), sent.etag.as_str(), sent.request_id.len()),
        (ID, "", 36)
    );
}

fn disable() -> Value {
    json!({"Operations": [{"op": "Replace", "path": "active", "value": "False"}]})
}

#[tokio::test]
async fn the_dialect_decides_how_a_patch_is_answered() {
    let client = Client::new();
    let answer = client.call(Method::PATCH, &user_path(), disable()).await;
    assert_eq!(
        (answer.status, answer.header("etag"), answer.body.len()),
        (204, ETAG, 0)
    );
    client.core.speak(Dialect::Rfc);
    let answer = client.call(Method::PATCH, &user_path(), disable()).await;
    assert_eq!(
        (answer.status, answer.json()["id"].as_str()),
        (200, Some(ID))
    );
}

#[tokio::test]
async fn a_patch_that_names_attributes_is_answered_with_them() {
    let client = Client::new();
    let answer = client
        .call(
            Method::PATCH,
            &format!("{}?attributes=userName", user_path()),
            disable(),
        )
        .await;
    assert_eq!(
        (answer.status, answer.json().as_object().unwrap().len()),
        (200, 3)
    );
}

#[tokio::test]
async fn a_patch_of_nothing_changes_nothing() {
    let client = Client::new();
    let body = json!({"Operations": [{"op": "Replace", "value": {}}]});
    let answer = client.call(Method::PATCH, &user_path(), &body).await;
    assert_eq!(
        (answer.status, answer.header("etag"), client.core.methods()),
        (204, ETAG, vec!["GetAccount"])
    );
}

#[tokio::test]
async fn paths_as_keys_are_understood_in_a_resource() {
    let client = Client::new();
    let body = json!({"userName": "a", "name.givenName": "Alice", format!("{ENTERPRISE}:department"): "R&D",
        "emails[type eq \"work\"].value": "a@b.c"});
    for (method, path, status) in [
        (Method::POST, "/Users".to_owned(), 201),
        (Method::PUT, user_path(), 200),
    ] {
        let user = client.call(method, &path, &body).await;
        assert_eq!(user.status, status);
        let user = user.json();
        assert_eq!(user["name"], json!({"givenName": "Alice"}));
        assert_eq!(user[ENTERPRISE], json!({"department": "R&D"}));
        assert_eq!(user["emails"], json!([{"value": "a@b.c", "type": "work"}]));
    }
}

#[tokio::test]
async fn a_users_groups_are_shown_with_their_place() {
    let client = Client::new();
    let groups = vec![v1::MultiValue {
        value: Some("g1".to_owned()),
        r#type: Some("direct".to_owned()),
        ..v1::MultiValue::default()
    }];
    client.core.have(v1::Account {
        groups,
        ..account()
    });
    let expected = json!([{"value": "g1", "type": "direct", "$ref": "https://p.example/scim/acme/v2/Groups/g1"}]);
    assert_eq!(client.get(&user_path()).await.json()["groups"], expected);
    let listed = client.get("/Users").await.json();
    assert_eq!(listed["Resources"][0]["groups"], expected);
}

#[tokio::test]
async fn an_answer_says_that_a_user_has_more_groups_than_it_shows() {
    let client = Client::new();
    for is_truncated in [false, true] {
        client.core.have(v1::Account {
            groups_truncated: is_truncated,
            ..account()
        });
        for (path, shows_groups) in [
            (user_path(), true),
            ("/Users".to_owned(), true),
            (format!("{}?excludedAttributes=groups", user_path()), false),
            ("/Users?attributes=userName".to_owned(), false),
        ] {
            let answer = client.get(&path).await;
            let warns = answer.headers.contains_key("warning");
            assert_eq!(warns, is_truncated && shows_groups, "{path}");
        }
    }
}

#[tokio::test]
async fn the_schemas_decide_what_an_answer_has() {
    let urn = "urn:x:Desk:2.0:User";
    let client = Client::new();
    let extension = json!({urn: {"badge": 1, "room": 4, "note": "N"}});
    let returned = [("badge", "always"), ("note", "request")];
    client.core.have(v1::Account {
        extensions: serde_json::from_value::<v1::Account>(extension)
            .unwrap()
            .extensions,
        returned: returned
            .map(|(name, word)| (format!("{urn}:{name}"), word.to_owned()))
            .into(),
        ..account()
    });
    for (query, expected) in [
        (String::new(), json!({"badge": 1, "room": 4})),
        ("?attributes=userName".to_owned(), json!({"badge": 1})),
        (format!("?excludedAttributes={urn}"), json!({"badge": 1})),
        (
            format!("?attributes={urn}:note"),
            json!({"badge": 1, "note": "N"}),
        ),
    ] {
        let user = client.get(&format!("{}{query}", user_path())).await.json();
        assert_eq!(user[urn], expected, "{query}");
        let listed = client.get(&format!("/Users{query}")).await.json();
        assert_eq!(listed["Resources"][0][urn], expected, "{query}");
    }
    assert_eq!(client.core.methods().len(), 8, "each is one call");
}

#[tokio::test]
async fn a_list_to_remove_reaches_the_core_whole() {
    let client = Client::new();
    let roles: Vec<Value> = (0..150)
        .map(|n| json!({ "value": n.to_string() }))
        .collect();
    for value in [json!(roles), json!([]), json!(null)] {
        let body = json!({"Operations": [{"op": "Remove", "path": "roles[type eq \"x\"]", "value": value}]});
        let answer = client.call(Method::PATCH, &user_path(), body).await;
        assert_eq!(answer.status, 204);
        let sent = client.core.last::<v1::PatchAccountRequest>().operations;
        assert_eq!(
            (sent.len(), sent[0].path.as_deref()),
            (1, Some("roles[type eq \"x\"]"))
        );
        let listed = provisioning_proto::json::from_proto(sent[0].value.clone().unwrap());
        assert_eq!(listed, value);
    }
}

#[tokio::test]
async fn an_empty_active_neither_suspends_nor_lets_in() {
    let client = Client::new();
    let clear = json!({"Operations": [{"op": "Replace", "path": "active", "value": ""}, {"op": "Remove", "path": "active"},
        {"op": "Replace", "value": {"active": null}}]});
    let answer = client.call(Method::PATCH, &user_path(), clear).await;
    assert_eq!(
        (answer.status, client.core.methods()),
        (204, vec!["PatchAccount"])
    );
    let sent = client.core.last::<v1::PatchAccountRequest>().operations;
    assert!(
        sent.iter()
            .all(|operation| operation.op() == v1::patch_operation::Op::Remove)
    );
    let body = json!({"userName": "a", "active": ""});
    assert_eq!(client.call(Method::POST, "/Users", &body).await.status, 201);
    let created = client.core.last::<v1::CreateAccountRequest>().account;
    assert_eq!(created.unwrap().active, None);
    client.call(Method::PUT, &user_path(), &body).await;
    let replaced = client.core.last::<v1::ReplaceAccountRequest>().account;
    assert_eq!(replaced.unwrap().active, None);
}

#[tokio::test]
async fn a_delete_answers_204() {
    let client = Client::new();
    let answer = client.call(Method::DELETE, &user_path(), "").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let sent: v1::DeleteAccountRequest = client.core.last();
    assert_eq!(
        (sent.id.as_str(), sent.etag.as_str(), sent.request_id.len()),
        (ID, "", 36)
    );
}
