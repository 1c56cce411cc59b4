//! A fault that unwinds is answered, and told to the core, like any other.

use axum::{
    body::Body,
    http::{Request, header},
};
use provisioning_proto::v1::{ErrorReason, ReportRejectedRequestRequest};
use tonic::Code;

use crate::{
    client::{BASE, Client},
    fake_core::{ID, failure},
};

#[tokio::test]
async fn a_panic_is_an_answer_too() {
    let client = Client::new();
    client.core.panic(usize::MAX);
    client.get("/Users").await.error(500, None);
}

#[tokio::test]
async fn a_panic_is_reported_like_a_refusal() {
    let client = Client::new();
    client.core.panic(1);
    let answer = client.get(&format!("/Users/{ID}?attributes=secret")).await;
    let detail = answer.error(500, None);
    assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
    let report: ReportRejectedRequestRequest = client.core.last();
    let said = ReportRejectedRequestRequest {
        tenant: "acme".to_owned(),
        operation: "GET /Users/{id}".to_owned(),
        http_status: 500,
        detail,
        resource_id: ID.to_owned(),
        request_id: answer.header("x-request-id").to_owned(),
        ..ReportRejectedRequestRequest::default()
    };
    assert_eq!(report, said);
}

#[tokio::test]
async fn a_panic_tells_nothing_that_the_core_would_not() {
    let client = Client::new();
    client.core.panic(1);
    client
        .core
        .fail_next(failure(Code::Unavailable, ErrorReason::Unavailable, "away"));
    client.get("/Users").await.error(503, None);
    client.core.panic(1);
    let stranger = Request::get(format!("{BASE}/Users"))
        .header(header::AUTHORIZATION, "Bearer wrong")
        .body(Body::empty())
        .unwrap();
    client.send(stranger).await.error(401, None);
}
