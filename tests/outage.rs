//! While the database or the core cannot be reached, nothing is certain: every answer is 503 with `Retry-After`, never 401, 403 or 404.

use std::time::{Duration, Instant};

use provisioning_proto::v1::{ListAccountsRequest, account_service_client::AccountServiceClient};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tonic::{Code, Request, transport::Endpoint};
use tonic_types::StatusExt as _;

use crate::support::{
    Answer, Engine, Line, Panel, Process, Proxy, ScimClient, Service,
    bodies::{linked_user, suspend, user},
    filtered,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
/// The same for every process, so that all show the same locations.
const PUBLIC: &str = "https://scim.example";
/// A core without a facade.
const CORE: [&str; 4] = ["--role", "core", "--public-base-url", PUBLIC];
/// A request that waits longer than this for what is not there has no deadline.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

fn requests(id: &str) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (
            Method::GET,
            filtered("userName eq \"alice@contoso.com\""),
            None,
        ),
        (
            Method::GET,
            filtered("userName eq \"3e59e27b-0000-4000-8000-000000000000\""),
            None,
        ),
        (Method::GET, format!("/Users/{id}"), None),
        (
            Method::GET,
            "/Users/0190c0de-0000-7000-8000-000000000000".to_owned(),
            None,
        ),
        (Method::GET, "/ServiceProviderConfig".to_owned(), None),
        (Method::GET, "/Schemas".to_owned(), None),
        (
            Method::GET,
            "/Groups?filter=displayName+eq+%22x%22".to_owned(),
            None,
        ),
        (Method::GET, "/Nothing".to_owned(), None),
        (
            Method::POST,
            "/Users".to_owned(),
            Some(user("new@contoso.com")),
        ),
        (
            Method::POST,
            "/Users".to_owned(),
            Some(linked_user("alice@contoso.com", OBJECT_ID)),
        ),
        (
            Method::POST,
            "/Users".to_owned(),
            Some(json!({"active": true})),
        ),
        (Method::PATCH, format!("/Users/{id}"), Some(suspend())),
        (
            Method::PUT,
            format!("/Users/{id}"),
            Some(user("other@contoso.com")),
        ),
        (Method::DELETE, format!("/Users/{id}"), None),
    ]
}

/// Whoever asks, and whatever for: come back later.
async fn expect_503(scim: &ScimClient, other_token: &str, id: &str) {
    for client in [scim.clone(), scim.with_token(Some(other_token))] {
        let answers = requests(id).into_iter().map(|(method, path, body)| {
            let client = client.clone();
            async move {
                let asked = Instant::now();
                let answer = client.send(method.clone(), &path, body.as_ref()).await;
                check_503(&answer, &format!("{method} {path}"));
                assert!(
                    asked.elapsed() < ANSWER_TIME_MAX,
                    "{method} {path}: after {:?}",
                    asked.elapsed()
                );
            }
        });
        futures_util::future::join_all(answers).await;
    }
}

fn check_503(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.body);
    let wait: u64 = answer
        .header("retry-after")
        .parse()
        .unwrap_or_else(|_| panic!("{what}: no Retry-After"));
    assert!((30..=120).contains(&wait), "{what}: {wait}");
    assert_eq!(
        answer.header("content-type"),
        "application/scim+json",
        "{what}"
    );
    assert_eq!(
        (&answer.body["status"], answer.body.get("scimType")),
        (&json!("503"), None),
        "{what}"
    );
    assert!(
        answer.body["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("tries again")),
        "{what}: {}",
        answer.body
    );
}

/// What a frozen line holds back would be carried out when it opens: a 503 never tells that it was not. Here it is lost.
async fn heal(proxy: &Proxy) {
    proxy.cut().await;
    proxy.set(Line::Open);
}

/// As soon as the service is back all is as it was: nothing was changed, nothing must be restarted.
async fn expect_recovery(scim: &ScimClient, before: &[Value]) {
    let deadline = Instant::now() + ANSWER_TIME_MAX;
    while scim.get("/Users").await.status != 200 {
        assert!(Instant::now() < deadline, "it does not recover");
    }
    assert_eq!(scim.all_users().await, before);
}

async fn readiness(process: &Process) -> (u16, u16) {
    let http = ScimClient::new(process.http(), None);
    (
        http.get("/healthz").await.status,
        http.get("/readyz").await.status,
    )
}

/// The storage is asked every few seconds, so it may take a moment to be noticed; the process itself lives on.
async fn expect_not_ready(process: &Process) {
    let deadline = Instant::now() + ANSWER_TIME_MAX;
    loop {
        let (alive, ready) = readiness(process).await;
        assert_eq!(alive, 200);
        if ready == 503 {
            return;
        }
        assert!(Instant::now() < deadline, "it says that it is ready");
    }
}

/// A second process of all roles, which reaches PostgreSQL through the proxy.
async fn behind_proxy(service: &Service, proxy: &Proxy) -> Process {
    let mut url =
        Url::parse(&service.database_url().expect("PostgreSQL has one")).expect("it is a URL");
    url.set_port(Some(proxy.addr.port()))
        .expect("it has a host");
    url.set_host(Some("127.0.0.1")).expect("it has a host");
    let folder = service.data_dir().join("behind-proxy");
    std::fs::create_dir(&folder).expect("a folder");
    let jwks = service.data_dir().join("jwks.json");
    let args = [
        "serve",
        "--http-addr",
        "127.0.0.1:0",
        "--grpc-addr",
        "127.0.0.1:0",
        "--data-dir",
        path(&folder),
        "--database-url",
        url.as_str(),
        "--jwks-file",
        path(&jwks),
        "--public-base-url",
        PUBLIC,
    ];
    Process::start(&args.map(str::to_owned), &folder.join("log")).await
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn postgres_addr(service: &Service) -> String {
    let url =
        Url::parse(&service.database_url().expect("PostgreSQL has one")).expect("it is a URL");
    format!(
        "{}:{}",
        url.host_str().expect("it has a host"),
        url.port().unwrap_or(5432)
    )
}

#[tokio::test]
async fn while_postgresql_is_away_every_answer_is_503() {
    let service = Service::start_with(Engine::Postgres, &["--public-base-url", PUBLIC]).await;
    let panel = Panel::of(&service).await;
    let (tenant, other) = (panel.tenant("acme").await, panel.tenant("other").await);
    let direct = tenant.at(service.process.http());
    let id = direct
        .create_id(&linked_user("alice@contoso.com", OBJECT_ID))
        .await;
    let before = direct.all_users().await;

    let proxy = Proxy::start(postgres_addr(&service)).await;
    let process = behind_proxy(&service, &proxy).await;
    let scim = tenant.at(process.http());
    expect_recovery(&scim, &before).await;
    assert_eq!(readiness(&process).await, (200, 200));

    for line in [Line::Cut, Line::Frozen] {
        proxy.set(line);
        expect_503(&scim, &other.token, &id).await;
        expect_not_ready(&process).await;
        expect_unavailable(&service, &process).await;
        // What is decided without the storage stays certain.
        scim.with_token(None).get("/Users").await.expect(401);
        scim.with_token(Some("not-a-token"))
            .get("/Users")
            .await
            .expect(401);
        heal(&proxy).await;
        expect_recovery(&scim, &before).await;
    }
    // The other process never noticed.
    assert_eq!(direct.all_users().await, before);
}

async fn expect_unavailable(service: &Service, process: &Process) {
    let jwt = service.jwt(&["accounts.read"], None).await;
    let channel = Endpoint::from_shared(process.grpc().to_owned())
        .expect("a URL")
        .connect_lazy();
    let mut request = Request::new(ListAccountsRequest {
        tenant: "acme".to_owned(),
        ..ListAccountsRequest::default()
    });
    request.metadata_mut().insert(
        "authorization",
        format!("Bearer {jwt}").parse().expect("ASCII"),
    );
    let status = AccountServiceClient::new(channel)
        .list_accounts(request)
        .await
        .expect_err("it cannot be known");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(
        details.error_info().map(|info| info.reason.as_str()),
        Some("UNAVAILABLE")
    );
    assert!(
        details
            .retry_info()
            .is_some_and(|info| info.retry_delay.is_some())
    );
}

/// A core on SQLite behind a proxy, and a facade in front of that.
async fn split(service: &Service, proxy: &Proxy) -> Process {
    let folder = service.data_dir().join("facade");
    std::fs::create_dir(&folder).expect("a folder");
    let core_url = format!("http://{}", proxy.addr);
    let args = [
        "serve",
        "--role",
        "facade",
        "--http-addr",
        "127.0.0.1:0",
        "--core-url",
        &core_url,
        "--public-base-url",
        PUBLIC,
        "--data-dir",
        path(&folder),
    ];
    Process::start(&args.map(str::to_owned), &folder.join("log")).await
}

fn grpc_addr(core: &Service) -> String {
    core.process.grpc().trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn while_the_core_is_away_every_answer_is_503() {
    let mut core = Service::start_with(Engine::Sqlite, &CORE).await;
    let panel = Panel::of(&core).await;
    let (tenant, other) = (panel.tenant("acme").await, panel.tenant("other").await);
    let proxy = Proxy::start(grpc_addr(&core)).await;
    let facade = split(&core, &proxy).await;
    let scim = tenant.at(facade.http());
    let id = scim
        .create_id(&linked_user("alice@contoso.com", OBJECT_ID))
        .await;
    let before = scim.all_users().await;
    assert_eq!(readiness(&facade).await, (200, 200));

    for line in [Line::Cut, Line::Frozen] {
        proxy.set(line);
        expect_503(&scim, &other.token, &id).await;
        expect_not_ready(&facade).await;
        heal(&proxy).await;
        expect_recovery(&scim, &before).await;
    }

    // The core stops, as it does when it is upgraded, and another takes its place.
    assert!(core.process.stop().await.success());
    expect_503(&scim, &other.token, &id).await;
    core.restart_stopped().await;
    proxy.set_upstream(grpc_addr(&core));
    expect_recovery(&scim, &before).await;
}

/// The pings notice it, and what was under way is sent again over a connection of its own.
#[tokio::test]
async fn a_half_open_connection_to_the_core_costs_no_request() {
    let core = Service::start_with(Engine::Sqlite, &CORE).await;
    let tenant = Panel::of(&core).await.tenant("acme").await;
    let proxy = Proxy::start(grpc_addr(&core)).await;
    let facade = split(&core, &proxy).await;
    let scim = tenant.at(facade.http());
    let id = scim.create_id(&user("alice@contoso.com")).await;
    let path = format!("/Users/{id}");

    proxy.set(Line::HalfOpen);
    let (found, suspended, created) = tokio::join!(
        async { scim.get("/Users").await },
        async { scim.patch(&path, &suspend()).await },
        async { scim.post("/Users", &user("bob@contoso.com")).await },
    );
    assert_eq!(
        (found.status, suspended.status, created.status),
        (200, 204, 201)
    );
    assert_eq!(scim.all_users().await.len(), 2);
}

/// Each connection costs at most the request that finds it dead.
#[tokio::test]
async fn half_open_connections_to_postgresql_are_given_up() {
    let service = Service::start_with(Engine::Postgres, &["--public-base-url", PUBLIC]).await;
    let tenant = Panel::of(&service).await.tenant("acme").await;
    let proxy = Proxy::start(postgres_addr(&service)).await;
    let process = behind_proxy(&service, &proxy).await;
    let scim = tenant.at(process.http());
    scim.create_id(&user("alice@contoso.com")).await;
    let before = scim.all_users().await;
    proxy.set(Line::HalfOpen);
    expect_recovery(&scim, &before).await;
}
