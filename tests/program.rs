//! The program itself: its ready line, its end, its configuration, the output that scripts read.

use std::{fs::Permissions, net::TcpListener, os::unix::fs::PermissionsExt as _, process::Output};

use serde_json::json;
use tokio::process::Command;

use crate::support::{Database, Engine, Process, ScimClient, Service, on_both_engines, run};

on_both_engines! {
    async fn it_is_ready_where_it_says_and_ends_with_0(service: Service) {
        let mut service = service;
        assert_eq!(service.process.ready["ready"], true);
        let http = ScimClient::new(service.process.http(), None);
        http.get("/healthz").await.expect(200);
        http.get("/readyz").await.expect(200);
        assert!(service.process.stop().await.success());
        let log = service.process.log();
        assert!(log.contains("stopped"), "{log}");
    }

    async fn tenants_and_tokens_are_made_by_scripts(service: Service) {
        let tenant = service.cli_json(&["tenant", "create", "acme"]).await;
        assert_eq!((&tenant["identifier"], &tenant["provisioning_enabled"]), (&json!("acme"), &json!(true)));

        let made = service.cli_json(&["token", "generate", "acme"]).await;
        let mut keys: Vec<&String> = made.as_object().expect("an object").keys().collect();
        keys.sort();
        assert_eq!(keys, ["endpoint", "mask", "token", "token_id"]);
        assert_eq!(made["endpoint"], format!("{}/scim/acme/v2", service.process.http()));

        let again = service.cli(&["token", "generate", "acme", "--json"]).await;
        assert_eq!(again.status.code(), Some(1));
        assert!(again.stdout.is_empty());

        let renewed = service.cli_json(&["token", "regenerate", "acme"]).await;
        assert_ne!(renewed["token"], made["token"]);
        let tokens = service.cli_json(&["token", "list", "acme"]).await;
        let states: Vec<&str> = tokens.as_array().expect("a list").iter().filter_map(|token| token["state"].as_str()).collect();
        assert_eq!(states, ["live", "replaced"]);
        assert!(!tokens.to_string().contains(renewed["token"].as_str().expect("a text")));
    }

    async fn a_disabled_tenant_is_refused_until_it_is_enabled(service: Service) {
        service.cli_json(&["tenant", "create", "acme", "--disabled"]).await;
        let made = service.cli_json(&["token", "generate", "acme"]).await;
        let text = |key: &str| made[key].as_str().expect("a text").to_owned();
        let scim = ScimClient::new(text("endpoint"), Some(text("token")));
        scim.get("/Users").await.expect(403);
        service.cli_json(&["tenant", "enable", "acme"]).await;
        scim.get("/Users").await.expect(200);
    }

    async fn no_secret_is_in_the_log(service: Service) {
        let tenant = service.tenant("acme").await;
        tenant.scim.get("/Users?filter=userName%20eq%20%22canary%40contoso.com%22").await.expect(200);
        tenant.scim.post("/Users", &json!({"userName": "canary@contoso.com"})).await;
        let log = service.process.log();
        assert!(log.contains("GET /Users 200"), "{log}");
        let generated = log.lines().find(|line| line.contains("TokenService/GenerateToken OK")).expect("the call has a line");
        assert!(generated.contains("tenant.identifier=\"acme\""), "{generated}");
        assert!(!log.contains(&tenant.token) && !log.contains("canary"), "{log}");
    }
}

fn args(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_bad_configuration_is_refused_before_a_port_is_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    // Whoever binds this port before it has read its configuration fails with another error.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("it is bound");
    let common = format!(
        "serve --http-addr {addr} --grpc-addr {addr} --data-dir {}",
        data_dir.display()
    );
    for (bad, told) in [
        (
            "--database-url mysql://u:s3cr3t@h/d",
            "must start with postgres:// or sqlite:",
        ),
        ("--role facade", "core_url is missing"),
        ("--pool-size-max 0", "pool_size_max is 0"),
        (
            "--config /nowhere/provisiond.toml",
            "/nowhere/provisiond.toml",
        ),
        ("--jwks-file /nowhere/jwks.json", "/nowhere/jwks.json"),
    ] {
        let output = run(&args(&format!("{common} {bad}"))).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{bad}: {stderr}");
        assert!(
            stderr.contains(told) && !stderr.contains("s3cr3t"),
            "{bad}: {stderr}"
        );
        assert!(output.stdout.is_empty() && !data_dir.exists(), "{bad}");
    }
    let output = run(&args("serve --htp-addr 127.0.0.1:0")).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--http-addr"));
}

/// A PEM without an end, and one whose certificate is none.
const BAD_CERTIFICATES: [&str; 3] = [
    "-----BEGIN CERTIFICATE-----\n",
    "no PEM",
    "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n",
];

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_a_fault_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let file = folder.path().join("ca.pem");
    let ca = file.to_str().expect("UTF-8");
    let (data, ca_flag) = (
        format!("--data-dir {}", data_dir.display()),
        format!("--grpc https://127.0.0.1:1 --grpc-ca {ca}"),
    );
    let facade = format!(
        "serve --role facade --http-addr 127.0.0.1:0 --core-url https://127.0.0.1:1 --core-ca {ca} {data}"
    );
    let refused = async |words: &str, option: &str| {
        let output = run(&args(words)).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{words}: {stderr}");
        assert!(
            stderr.contains(option) && stderr.contains(ca),
            "{words}: {stderr}"
        );
        assert!(output.stdout.is_empty() && !data_dir.exists(), "{words}");
    };
    // Not there, and then there, but of no use.
    for content in [None].into_iter().chain(BAD_CERTIFICATES.map(Some)) {
        if let Some(content) = content {
            std::fs::write(&file, content).expect("written");
        }
        refused(&format!("tenant list {ca_flag} {data}"), "--grpc-ca").await;
        refused(&format!("guard show acme {ca_flag} {data}"), "--grpc-ca").await;
        refused(&facade, "core_ca").await;
    }
    let variable = [("PROVISIOND_GRPC_CA", "/nowhere/ca.pem")];
    let from_environment = run_in(&variable, "tenant list --data-dir /nowhere").await;
    assert_eq!(from_environment.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&from_environment.stderr).contains("/nowhere/ca.pem"));
}

#[tokio::test]
async fn a_flag_beats_the_file_and_unknown_keys_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("provisiond.toml");
    std::fs::write(
        &file,
        "public_base_url = 'https://file.example'\nlog_format = 'json'\n",
    )
    .expect("written");
    let file_arg = file.to_str().expect("UTF-8");

    let service = Service::start_with(Engine::Sqlite, &["--config", file_arg]).await;
    assert_eq!(
        service.tenant("acme").await.endpoint,
        "https://file.example/scim/acme/v2"
    );
    for line in service.process.log().lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
    let service = Service::start_with(
        Engine::Sqlite,
        &[
            "--config",
            file_arg,
            "--public-base-url",
            "https://flag.example/x/",
        ],
    )
    .await;
    assert_eq!(
        service.tenant("acme").await.endpoint,
        "https://flag.example/x/scim/acme/v2"
    );

    std::fs::write(&file, "htp_addr = '127.0.0.1:0'").expect("written");
    let output = run(&args(&format!("serve --config {file_arg}"))).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean http_addr?"));
}

#[tokio::test]
async fn a_postgres_database_is_migrated_only_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::create().await;
    let data = format!(
        "--data-dir {} --database-url {}",
        folder.path().display(),
        database.url()
    );
    let unmigrated = run(&args(&format!(
        "serve --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0 {data}"
    )))
    .await;
    assert_eq!(unmigrated.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&unmigrated.stderr).contains("provisiond migrate"),
        "{unmigrated:?}"
    );
    assert!(
        run(&args(&format!("migrate {data}")))
            .await
            .status
            .success()
    );
    let mut process = Process::start(
        &args(&format!(
            "serve --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0 {data}"
        )),
        &folder.path().join("log"),
    )
    .await;
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() {
    let service = Service::start(Engine::Sqlite).await;
    let output = run(&args(&format!(
        "serve --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0 --data-dir {}",
        service.data_dir().display()
    )))
    .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("in use by another process"),
        "{output:?}"
    );
}

#[tokio::test]
async fn entra_sim_shows_what_entra_would_log() {
    let service = Service::start(Engine::Sqlite).await;
    let tenant = service.tenant("acme").await;
    let played = |token: &str, more: &str| {
        let endpoint = &tenant.endpoint;
        args(&format!(
            "entra-sim --url {endpoint} --token {token} --users 3 {more}"
        ))
    };
    let output = run(&played(&tenant.token, "")).await;
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    for shown in [
        "\nCreate  ",
        "The newest ",
        "@contoso.com  ",
        "\nflag off: ",
    ] {
        assert!(stdout.contains(shown), "{shown} is missing in:\n{stdout}");
    }

    let wrong = tenant.token.replace("dgo_scim_", "dgo_scam_");
    let output = run(&played(&wrong, "")).await;
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout.contains("stopped: ") && stdout.contains("HTTP 401"),
        "{stdout}"
    );
    assert!(
        stdout.contains("flag off: 1 cycles, 1 requests"),
        "{stdout}"
    );

    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = free.local_addr().expect("it is bound");
    drop(free);
    let output = run(&args(&format!(
        "entra-sim --url http://{addr}/scim/acme/v2 --token x --users 3"
    )))
    .await;
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout.contains("stopped: ") && stdout.contains("refused"),
        "{stdout}"
    );
}

#[tokio::test]
async fn entra_sim_trusts_the_authority_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
        .expect("a certificate");
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("set");
    let (cert, key) = (cert.to_str().expect("UTF-8"), key.to_str().expect("UTF-8"));
    let tls = ["--http-tls-cert", cert, "--http-tls-key", key];
    let service = Service::start_with(Engine::Sqlite, &tls).await;
    let tenant = service.tenant("acme").await;
    let play = format!(
        "entra-sim --url {} --token {} --users 3",
        tenant.endpoint, tenant.token
    );
    let strange = run(&args(&play)).await;
    let stdout = String::from_utf8_lossy(&strange.stdout);
    assert_eq!(strange.status.code(), Some(1));
    assert!(stdout.contains("certificate"), "{stdout}");
    let known = run(&args(&format!("{play} --ca {cert}"))).await;
    assert!(known.status.success(), "{known:?}");
}

/// Runs a subcommand with these variables and no others of the program's.
async fn run_in(variables: &[(&str, &str)], text: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisiond"));
    let inherited = std::env::vars().map(|(name, _)| name);
    for name in inherited.filter(|name| name.starts_with("PROVISIOND_")) {
        command.env_remove(name);
    }
    command
        .args(args(text))
        .envs(variables.iter().copied())
        .current_dir(std::env::temp_dir())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the binary starts")
}

#[tokio::test]
async fn every_fault_of_variables_and_file_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("provisiond.toml");
    std::fs::write(&file, "htp_addr = 1\nconnections_max = 0\ngrpc_addr = 2").expect("written");
    let variables = [
        ("PROVISIOND_HTTP_ADDR", "nowhere"),
        ("PROVISIOND_LOG_FROMAT", "json"),
    ];
    let output = run_in(&variables, &format!("serve --config {}", file.display())).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{stderr}");
    for told in [
        "PROVISIOND_HTTP_ADDR: invalid socket address syntax",
        "did you mean PROVISIOND_LOG_FORMAT?",
        "did you mean http_addr?",
        "connections_max is 0",
        "grpc_addr: ",
    ] {
        assert!(stderr.contains(told), "{told} is missing in: {stderr}");
    }
    assert!(!stderr.contains("--http-addr"), "{stderr}");
}

#[tokio::test]
async fn an_empty_variable_is_none_and_migrate_needs_only_the_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [
        ("PROVISIOND_HTTP_ADDR", ""),
        ("PROVISIOND_DATABASE_URL", ""),
        ("PROVISIOND_ROLE", "core"),
    ];
    let line = format!("migrate --data-dir {}", folder.path().display());
    let output = run_in(&variables, &line).await;
    assert!(output.status.success(), "{output:?}");
    assert!(folder.path().join("provisiond.db").exists());

    let unknown = run(&args("migrate --http-addr 127.0.0.1:0")).await;
    assert_eq!(unknown.status.code(), Some(64));
}
