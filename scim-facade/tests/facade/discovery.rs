//! What the service says it can do, and what it honestly does not.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn the_documents_are_served_to_a_valid_token() {
    let client = Client::new();
    assert_eq!(
        client.get("/ServiceProviderConfig").await.json()["patch"]["supported"],
        true
    );
    assert_eq!(client.core.methods(), ["Authenticate"]);

    let types = client.get("/ResourceTypes").await.json();
    assert_eq!(
        (&types["totalResults"], &types["Resources"][0]["endpoint"]),
        (&json!(1), &json!("/Users"))
    );
    assert_eq!(client.get("/ResourceTypes/user").await.json()["id"], "User");
    client.get("/ResourceTypes/Group").await.error(404, None);

    let schemas = client.get("/Schemas/").await.json();
    assert_eq!(
        (
            &schemas["totalResults"],
            &schemas["Resources"][0]["description"]
        ),
        (&json!(2), &json!("User Account"))
    );
    let schema = client
        .get("/Schemas/URN:ietf:params:scim:schemas:core:2.0:User")
        .await
        .json();
    assert_eq!(schema["attributes"][0]["name"], "userName");
    client
        .get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group")
        .await
        .error(404, None);
}

#[tokio::test]
async fn discovery_takes_no_filter() {
    for path in [
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/Schemas",
        "/Schemas/urn:x",
    ] {
        Client::new()
            .get(&format!("{path}?filter=id+pr"))
            .await
            .error(403, None);
    }
}

#[tokio::test]
async fn groups_are_an_empty_list_for_the_probe() {
    let client = Client::new();
    let answer = client
        .get("/Groups?excludedAttributes=members&filter=displayName+eq+%22x%22")
        .await;
    assert_eq!(
        (
            answer.status,
            &answer.json()["Resources"],
            &answer.json()["totalResults"]
        ),
        (200, &json!([]), &json!(0))
    );
    assert_eq!(client.core.methods(), ["Authenticate"]);
}

#[tokio::test]
async fn what_is_not_done_is_501_and_reported() {
    for (method, path) in [
        (Method::POST, "/Groups"),
        (Method::PATCH, "/Groups/1"),
        (Method::GET, "/Groups/1"),
        (Method::POST, "/Bulk"),
        (Method::GET, "/Me"),
        (Method::POST, "/.search"),
        (Method::POST, "/Users/.search"),
    ] {
        let client = Client::new();
        client.call(method, path, "{}").await.error(501, None);
        assert_eq!(client.core.methods(), ["ReportRejectedRequest"], "{path}");
    }
}

#[tokio::test]
async fn health_needs_no_token() {
    let client = Client::new();
    for path in ["/healthz", "/readyz"] {
        let answer = client
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, 200, "{path}");
    }
    assert!(client.core.methods().is_empty());
}
