//! Every captured body becomes one call of the core, none a refusal.

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
        let client = Client::new();
        let body = std::fs::read_to_string(&path).unwrap();
        let collection = if name.starts_with("group-") {
            "/Groups"
        } else {
            "/Users"
        };
        let (answer, verb) = if name.contains("create") {
            (client.call(Method::POST, collection, body).await, "Create")
        } else {
            let path = format!("{collection}/{ID}");
            (client.call(Method::PATCH, &path, body).await, "Patch")
        };
        let method = match collection {
            "/Groups" => format!("{verb}Group"),
            _ => format!("{verb}Account"),
        };
        assert!(
            [201, 204].contains(&answer.status),
            "{name}: {}",
            answer.status
        );
        assert_eq!(client.core.methods(), [method], "{name}");
        sent += 1;
    }
    assert!(sent > 75, "the captured bodies are there: {sent}");
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
