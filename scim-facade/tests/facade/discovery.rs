//! What the service says it can do, and what it honestly does not.

use axum::{
    body::Body,
    http::{Method, Request},
};
use provisioning_proto::v1;
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
        (
            &types["totalResults"],
            &types["Resources"][0]["endpoint"],
            &types["Resources"][1]["endpoint"]
        ),
        (&json!(2), &json!("/Users"), &json!("/Groups"))
    );
    for name in ["user", "Group"] {
        let resource_type = client.get(&format!("/ResourceTypes/{name}")).await.json();
        assert!(
            resource_type["id"]
                .as_str()
                .unwrap()
                .eq_ignore_ascii_case(name)
        );
    }
    client.get("/ResourceTypes/Device").await.error(404, None);

    let schemas = client.get("/Schemas/").await.json();
    assert_eq!(
        (
            &schemas["totalResults"],
            &schemas["Resources"][0]["description"]
        ),
        (&json!(3), &json!("User Account"))
    );
    let schema = client
        .get("/Schemas/URN:ietf:params:scim:schemas:core:2.0:User")
        .await
        .json();
    assert_eq!(schema["attributes"][0]["name"], "userName");
    let group = client
        .get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group")
        .await;
    assert_eq!(group.status, 200);
    client.get("/Schemas/urn:x").await.error(404, None);
}

#[tokio::test]
async fn a_schema_of_the_tenants_own_is_discovered() {
    let client = Client::new();
    client.core.define(v1::Schema {
        id: "urn:x:Desk:2.0:User".to_owned(),
        resource_type: "User".to_owned(),
        extension: true,
        ..v1::Schema::default()
    });
    let user = client.get("/ResourceTypes/User").await.json();
    assert_eq!(
        user["schemaExtensions"][1],
        json!({"schema": "urn:x:Desk:2.0:User", "required": false})
    );
    let group = client.get("/ResourceTypes/Group").await.json();
    assert_eq!(group["schemaExtensions"], json!([]));
    let schema = client.get("/Schemas/urn:x:desk:2.0:user").await;
    assert_eq!(schema.json()["id"], "urn:x:Desk:2.0:User");
}

#[tokio::test]
async fn the_configuration_is_what_the_service_does() {
    let config = Client::new().get("/ServiceProviderConfig").await.json();
    assert_eq!(
        config["pagination"],
        json!({"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100,
            "maxPageSize": 200, "cursorTimeout": 3600})
    );
    assert_eq!(config["filter"]["maxResults"], 200);
    assert_eq!(
        config["bulk"],
        json!({"supported": true, "maxOperations": 100, "maxPayloadSize": 1_048_576})
    );
    for feature in ["patch", "filter", "sort", "etag"] {
        assert_eq!(config[feature]["supported"], true, "{feature}");
    }
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
async fn nobody_is_behind_a_token() {
    for method in [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ] {
        let client = Client::new();
        let answer = client.call(method.clone(), "/Me", "{}").await;
        assert!(answer.error(404, None).contains("not for a person"));
        assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
        let report: v1::ReportRejectedRequestRequest = client.core.last();
        assert_eq!(report.operation, format!("{method} /Me"));
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
