//! The end of the process: running requests finish, within a bound.

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Engine, Service, Tenant};

const BODY: &str = r#"{"userName":"late@contoso.com"}"#;

/// A request whose body has not arrived yet. The service has seen its head: it asked for the body.
async fn half_a_request(service: &Service, tenant: &Tenant) -> TcpStream {
    let address = service.process.http().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /scim/acme/v2/Users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: application/scim+json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        tenant.token,
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).await.expect("received");
    assert!(
        answer[..read].starts_with(b"HTTP/1.1 100"),
        "{}",
        String::from_utf8_lossy(&answer[..read])
    );
    stream
}

#[tokio::test]
async fn a_running_request_is_answered_and_no_new_one_is_taken() {
    let mut service = Service::start(Engine::Sqlite).await;
    let tenant = service.tenant("acme").await;
    let mut running = half_a_request(&service, &tenant).await;
    service.process.signal(Signal::TERM);
    let address = service
        .process
        .http()
        .trim_start_matches("http://")
        .to_owned();
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    running.write_all(BODY.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    running.read_to_string(&mut answer).await.expect("received");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(service.process.ended().await.success());
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_after_the_grace() {
    let mut service = Service::start_with(Engine::Sqlite, &["--shutdown-grace-seconds", "0"]).await;
    let tenant = service.tenant("acme").await;
    let _running = half_a_request(&service, &tenant).await;
    assert!(service.process.stop().await.success());
    assert!(service.process.log().contains("cut off"));
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_the_grace() {
    let mut service =
        Service::start_with(Engine::Sqlite, &["--shutdown-grace-seconds", "3600"]).await;
    let tenant = service.tenant("acme").await;
    let _running = half_a_request(&service, &tenant).await;
    service.process.signal(Signal::TERM);
    while !service.process.log().contains("asked to stop") {
        tokio::task::yield_now().await;
    }
    service.process.signal(Signal::INT);
    assert!(service.process.ended().await.success());
}

#[tokio::test]
async fn a_hangup_is_not_an_end() {
    let mut service = Service::start(Engine::Sqlite).await;
    service.process.signal(Signal::HUP);
    service
        .tenant("acme")
        .await
        .scim
        .get("/Users")
        .await
        .expect(200);
    assert!(service.process.stop().await.success());
}
