//! TLS of both listeners, and a certificate that is replaced under the running process.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use reqwest::{Certificate, Client};
use rustix::process::Signal;

use crate::support::{Engine, Service};

/// Writes a certificate for this machine and its key.
fn write_certificate(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
        .expect("made");
    let key = folder.join("key.pem");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
    made.cert.pem()
}

fn client_that_trusts(pem: &str) -> Client {
    let certificate = Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    Client::builder()
        .tls_certs_only([certificate])
        .build()
        .expect("a client")
}

#[tokio::test]
async fn both_listeners_speak_tls_and_take_a_new_certificate() {
    provisiond::install_crypto_provider();
    let folder = tempfile::tempdir().expect("a folder");
    let first = write_certificate(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let service = Service::start_with(
        Engine::Sqlite,
        &[
            "--http-tls-cert",
            &cert,
            "--http-tls-key",
            &key,
            "--grpc-tls-cert",
            &cert,
            "--grpc-tls-key",
            &key,
        ],
    )
    .await;
    let url = format!("{}/healthz", service.process.http());
    assert!(url.starts_with("https://"));
    let answer = client_that_trusts(&first)
        .get(&url)
        .send()
        .await
        .expect("it is trusted");
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, reqwest::Version::HTTP_2)
    );

    let made = service
        .cli_json(&["tenant", "create", "acme", "--grpc-ca", &cert])
        .await;
    assert_eq!(made["identifier"], "acme");

    let second = write_certificate(folder.path());
    service.process.signal(Signal::HUP);
    while !service.process.log().contains("TLS certificate read again") {
        tokio::task::yield_now().await;
    }
    assert!(
        client_that_trusts(&second)
            .get(&url)
            .send()
            .await
            .expect("it is trusted")
            .status()
            .is_success()
    );
    assert!(client_that_trusts(&first).get(&url).send().await.is_err());
}
