//! Every captured body of a user's life becomes one call of the core, none a refusal.

use axum::http::Method;
use provisioning_proto::v1::{self, patch_operation::Op};

use crate::{client::Client, fake_core::ID};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/entra/fixtures");

#[tokio::test]
async fn every_captured_body_is_one_call() {
    let mut sent = 0;
    for file in std::fs::read_dir(FIXTURES).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.starts_with("group-") {
            continue;
        }
        let client = Client::new();
        let body = std::fs::read_to_string(&path).unwrap();
        let (answer, method) = if name.starts_with("create-") {
            (
                client.call(Method::POST, "/Users", body).await,
                "CreateAccount",
            )
        } else {
            (
                client
                    .call(Method::PATCH, &format!("/Users/{ID}"), body)
                    .await,
                "PatchAccount",
            )
        };
        assert!(
            [201, 204].contains(&answer.status),
            "{name}: {}",
            answer.status
        );
        assert_eq!(client.core.methods(), [method], "{name}");
        sent += 1;
    }
    assert!(sent > 60, "the captured bodies are there: {sent}");
}

#[tokio::test]
async fn an_operation_reaches_the_core_in_the_contracts_form() {
    let client = Client::new();
    let body = std::fs::read_to_string(format!("{FIXTURES}/patch-null-nonverbose.json")).unwrap();
    client
        .call(Method::PATCH, &format!("/Users/{ID}"), body)
        .await;
    let sent: v1::PatchAccountRequest = client.core.last();
    assert!(
        sent.operations
            .iter()
            .all(|operation| operation.op() == Op::Remove && operation.value.is_none())
    );
    assert_eq!(sent.operations.len(), 4);
}
