//! `Prefer: dry-run`: what an admin is answered, and that nobody is answered with the real thing instead.

use axum::{
    body::Body,
    http::{Method, header},
};
use provisioning_proto::v1::{self, ErrorReason};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    client::{Answer, BASE, Client, request},
    fake_core::{ID, JWT, failure},
};

const DRY_RUN: &str = "urn:dragonce:params:scim:api:messages:2.0:DryRun";

/// Every mutation of a collection: its method, its path and a body.
fn mutations(collection: &str) -> [(Method, String, Value); 4] {
    let resource = json!({"userName": "a", "displayName": "E"});
    let patch = json!({"Operations": [{"op": "Replace", "path": "displayName", "value": "E"}]});
    let one = format!("{collection}/{ID}");
    [
        (Method::POST, collection.to_owned(), resource.clone()),
        (Method::PUT, one.clone(), resource),
        (Method::PATCH, one.clone(), patch),
        (Method::DELETE, one, Value::Null),
    ]
}

async fn send(
    client: &Client,
    bearer: &str,
    prefer: Option<&str>,
    of: (Method, &str, &Value),
) -> Answer {
    let (method, path, body) = of;
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    if let Some(prefer) = prefer {
        request = request.header("prefer", prefer);
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    client.send(request.body(Body::from(body)).unwrap()).await
}

async fn dry(client: &Client, of: (Method, &str, &Value)) -> Value {
    let answer = send(client, JWT, Some("return=minimal, Dry-Run"), of).await;
    let json = answer.json();
    assert_eq!(answer.status, 200, "{json}");
    assert_eq!(answer.header("preference-applied"), "dry-run");
    assert_eq!(json["schemas"], json!([DRY_RUN]));
    json
}

/// What the last call asked to be done in earnest.
fn validate_only(client: &Client) -> bool {
    match client.core.last_call().method {
        "CreateAccount" => client.core.last::<v1::CreateAccountRequest>().validate_only,
        "ReplaceAccount" => {
            client
                .core
                .last::<v1::ReplaceAccountRequest>()
                .validate_only
        }
        "PatchAccount" => client.core.last::<v1::PatchAccountRequest>().validate_only,
        "DeleteAccount" => client.core.last::<v1::DeleteAccountRequest>().validate_only,
        "CreateGroup" => client.core.last::<v1::CreateGroupRequest>().validate_only,
        "ReplaceGroup" => client.core.last::<v1::ReplaceGroupRequest>().validate_only,
        "PatchGroup" => client.core.last::<v1::PatchGroupRequest>().validate_only,
        "DeleteGroup" => client.core.last::<v1::DeleteGroupRequest>().validate_only,
        other => panic!("{other} is no mutation"),
    }
}

#[tokio::test]
async fn an_admin_learns_what_every_mutation_would_do() {
    let statuses = ["201", "200", "204", "204"];
    let operations = ["create", "replace", "patch", "delete"];
    for collection in ["/Users", "/Groups"] {
        let of_collection = mutations(collection).into_iter();
        for ((method, path, body), (status, operation)) in
            of_collection.zip(statuses.iter().zip(operations))
        {
            let client = Client::new();
            let found = dry(&client, (method.clone(), &path, &body)).await;
            assert!(validate_only(&client), "{method} {path}");
            assert!(
                client
                    .core
                    .last_call()
                    .metadata
                    .contains_key("x-scim-dry-run")
            );
            assert_eq!(
                (&found["status"], &found["operation"]),
                (&json!(status), &json!(operation))
            );
            assert_eq!(
                found["changes"],
                json!([{"attribute": "title", "newValue": "Dr"}])
            );
            match method {
                Method::DELETE => assert_eq!(found.get("response"), None),
                // It is not there yet.
                Method::POST => assert_eq!(
                    (
                        &found["response"]["displayName"],
                        found["response"].get("id")
                    ),
                    (&json!("E"), None)
                ),
                _ => assert_eq!(found["response"]["id"], ID, "{method} {path}"),
            }
        }
    }
}

#[tokio::test]
async fn a_patch_of_which_nothing_is_left_would_do_nothing() {
    let client = Client::new();
    let body = json!({"Operations": []});
    let found = dry(&client, (Method::PATCH, &format!("/Users/{ID}"), &body)).await;
    assert_eq!(
        (found.get("operation"), &found["changes"]),
        (None, &json!([]))
    );
}

#[tokio::test]
async fn what_entra_would_be_refused_is_the_answer_and_not_a_failure() {
    let client = Client::new();
    client.core.fail_next(failure(
        Code::AlreadyExists,
        ErrorReason::Uniqueness,
        "Taken.",
    ));
    let found = dry(&client, (Method::POST, "/Users", &json!({"userName": "a"}))).await;
    assert_eq!(
        (&found["status"], &found["response"]["scimType"]),
        (&json!("409"), &json!("uniqueness"))
    );
    assert_eq!(
        (found.get("operation"), &found["changes"]),
        (None, &json!([]))
    );

    // What the core never sees is checked for the right to ask, and reported nowhere.
    let found = dry(&client, (Method::POST, "/Users", &json!({"userName": 1}))).await;
    assert_eq!(
        (&found["status"], &found["response"]["status"]),
        (&json!("400"), &json!("400"))
    );
    assert!(
        client
            .core
            .last::<v1::ReportRejectedRequestRequest>()
            .validate_only
    );
}

#[tokio::test]
async fn a_question_that_breaks_leaves_nothing_either() {
    let client = Client::new();
    client.core.panic(1);
    let delete = (Method::DELETE, "/Users/1", &Value::Null);
    let broken = send(&client, JWT, Some("dry-run"), delete).await;
    broken.error(500, None);
    let report: v1::ReportRejectedRequestRequest = client.core.last();
    assert!(report.validate_only);
}

#[tokio::test]
async fn what_keeps_the_question_from_being_answered_is_a_failure() {
    let client = Client::new();
    for (code, reason, status) in [
        (Code::Unauthenticated, ErrorReason::InvalidCredential, 401),
        (Code::PermissionDenied, ErrorReason::InsufficientScope, 403),
        (Code::NotFound, ErrorReason::TenantNotFound, 401),
        (Code::Internal, ErrorReason::Internal, 500),
    ] {
        client.core.fail_next(failure(code, reason, "No."));
        let answer = send(
            &client,
            JWT,
            Some("dry-run"),
            (Method::DELETE, &format!("/Users/{ID}"), &Value::Null),
        )
        .await;
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (status, ""),
            "{reason:?}"
        );
    }
}

#[tokio::test]
async fn the_scim_token_is_never_taken_for_a_dry_run_and_does_nothing() {
    for collection in ["/Users", "/Groups"] {
        for (method, path, body) in mutations(collection) {
            let client = Client::new();
            let mut request = request(method.clone(), &path);
            request = request.header("prefer", "dry-run");
            let answer = client
                .send(request.body(Body::from(body.to_string())).unwrap())
                .await;
            let detail = answer.error(403, None);
            assert!(
                detail.contains("provisioning.admin") && detail.contains("Nothing was done"),
                "{detail}"
            );
            assert_eq!(
                client.core.methods(),
                ["ReportRejectedRequest"],
                "{method} {path}"
            );
            assert!(
                !client
                    .core
                    .last::<v1::ReportRejectedRequestRequest>()
                    .validate_only
            );
        }
    }
    let client = Client::new();
    let bulk = request(Method::POST, "/Bulk").header("prefer", "dry-run");
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
    let answer = client
        .send(bulk.body(Body::from(body.to_string())).unwrap())
        .await;
    assert!(answer.error(403, None).contains("one by one"));
    assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
}

#[tokio::test]
async fn a_read_passes_the_preference_over() {
    let client = Client::new();
    let read = request(Method::GET, "/Users").header("prefer", "dry-run");
    assert_eq!(
        client.send(read.body(Body::empty()).unwrap()).await.status,
        200
    );
}

#[tokio::test]
async fn a_jwt_is_no_credential_of_this_endpoint() {
    let client = Client::new();
    let mut asked: Vec<(Method, String, Value)> = mutations("/Users")
        .into_iter()
        .chain(mutations("/Groups"))
        .collect();
    for path in [
        "/Users",
        "/Groups",
        "/Schemas",
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "",
    ] {
        asked.push((Method::GET, path.to_owned(), Value::Null));
    }
    asked.push((Method::POST, "/Bulk".to_owned(), json!({"Operations": []})));
    for (method, path, body) in asked {
        let answer = send(&client, JWT, None, (method.clone(), &path, &body)).await;
        assert!(
            answer.error(401, None).contains("Prefer: dry-run"),
            "{method} {path}"
        );
    }
    for path in ["/Users", "/Bulk"] {
        let method = if path == "/Bulk" {
            Method::POST
        } else {
            Method::GET
        };
        let answer = send(&client, JWT, Some("dry-run"), (method, path, &Value::Null)).await;
        answer.error(401, None);
    }
    assert_eq!(client.core.methods(), Vec::<&str>::new());
}
