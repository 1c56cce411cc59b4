//! The core behind a socket: the same answers, tries that are made again, and an outage.

use axum::{
    body::Body,
    http::{Method, Request},
};
use provisioning_proto::v1::{CreateAccountRequest, ErrorReason, ReportRejectedRequestRequest};
use scim_facade::{FacadeConfig, from_channel};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code,
    transport::{Endpoint, Server},
};

use crate::{
    client::Client,
    fake_core::{FakeCore, failure},
};

fn split() -> FacadeConfig {
    FacadeConfig {
        retries_enabled: true,
        ..FacadeConfig::new("https://p.example")
    }
}

/// A core on a free port of its own, gone when the set is dropped.
async fn listening() -> (Client, JoinSet<()>) {
    let core = FakeCore::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = core.routes();
    let mut server = JoinSet::new();
    server.spawn(async move {
        Server::builder()
            .add_routes(routes)
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .unwrap();
    });
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    (
        Client::with_channel(core, from_channel(channel), split()),
        server,
    )
}

/// A port that nobody listens on.
pub async fn nowhere() -> Client {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    Client::with_channel(FakeCore::default(), from_channel(channel), split())
}

#[tokio::test]
async fn a_socket_changes_no_answer() {
    let (client, _server) = listening().await;
    let answer = client
        .call(Method::POST, "/Users", json!({"userName": "a"}))
        .await;
    assert_eq!(
        (answer.status, answer.json()["userName"].as_str()),
        (201, Some("a"))
    );
    client.core.fail_next(failure(
        Code::AlreadyExists,
        ErrorReason::Uniqueness,
        "taken",
    ));
    assert_eq!(
        client
            .call(Method::POST, "/Users", json!({"userName": "a"}))
            .await
            .error(409, Some("uniqueness")),
        "taken"
    );
}

#[tokio::test]
async fn an_outage_that_passes_is_not_seen() {
    let (client, _server) = listening().await;
    client
        .core
        .fail_next(failure(Code::Unavailable, ErrorReason::Unavailable, "away"));
    client.core.fail_next(failure(
        Code::Aborted,
        ErrorReason::Contention,
        "in the way",
    ));
    let answer = client
        .call(Method::POST, "/Users", json!({"userName": "a"}))
        .await;
    assert_eq!(
        (answer.status, client.core.methods()),
        (201, vec!["CreateAccount"; 3])
    );
    assert_eq!(
        client.core.last::<CreateAccountRequest>().request_id,
        answer.header("x-request-id"),
        "every try has the same key"
    );
}

#[tokio::test]
async fn a_report_that_is_tried_again_is_the_same_request() {
    let (client, _server) = listening().await;
    client
        .core
        .fail_next(failure(Code::Unavailable, ErrorReason::Unavailable, "away"));
    let answer = client.call(Method::POST, "/Users", "{").await;
    answer.error(400, Some("invalidSyntax"));
    let reports = client.core.all::<ReportRejectedRequestRequest>();
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert_eq!(report.request_id, answer.header("x-request-id"));
    }
}

#[tokio::test]
async fn tries_end() {
    let (client, _server) = listening().await;
    for _ in 0..4 {
        client
            .core
            .fail_next(failure(Code::Unavailable, ErrorReason::Unavailable, "away"));
    }
    client.get("/Users").await.error(503, None);
    assert_eq!(client.core.methods().len(), 3);
}

#[tokio::test]
async fn all_calls_and_tries_of_a_request_share_one_deadline() {
    let (client, _server) = listening().await;
    for _ in 0..2 {
        client
            .core
            .fail_next(failure(Code::Unavailable, ErrorReason::Unavailable, "away"));
    }
    client.get("/Users").await;
    let left_ms = client.core.times_left_ms();
    assert_eq!(left_ms.len(), 3);
    assert!((4_000..=4_500).contains(&left_ms[0]), "{left_ms:?}");
    // The pauses between the tries are at least 50 and 100 ms.
    assert!(
        left_ms[1] + 50 <= left_ms[0] && left_ms[2] + 100 <= left_ms[1],
        "{left_ms:?}"
    );
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let (client, _server) = listening().await;
    client
        .core
        .fail_next(failure(Code::NotFound, ErrorReason::AccountNotFound, "no"));
    client.get("/Users/1").await.error(404, None);
    assert_eq!(client.core.methods().len(), 1);
}

#[tokio::test]
async fn a_core_that_is_not_there_is_503_whatever_is_asked() {
    let client = nowhere().await;
    client.get("/Users").await.error(503, None);
    client.get("/Nonsense").await.error(503, None);
    client
        .call(Method::POST, "/Users", "nonsense")
        .await
        .error(503, None);
}

#[tokio::test]
async fn readiness_is_the_cores() {
    let probe = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let client = nowhere().await;
    assert_eq!(client.send(probe("/readyz")).await.status, 503);
    assert_eq!(client.send(probe("/healthz")).await.status, 200);
    let (client, _server) = listening().await;
    assert_eq!(client.send(probe("/readyz")).await.status, 200);
}
