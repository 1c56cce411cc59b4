//! What the process tells of itself: one line a request, the same id everywhere, and no secret, person or query anywhere.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{
    Engine, Panel, ScimClient, Service,
    bodies::{ENTERPRISE, linked_user, patch_one, suspend, user},
    filtered, on_both_engines,
};

/// In every value that a request carries, and in no line of the log.
const CANARY: &str = "canary7f3a";

/// Everything a caller can put its canary in; how many SCIM requests that were.
async fn sing(scim: &ScimClient, panel: &Panel) -> usize {
    let mut count = 0;
    let mut answers = Vec::new();
    let name = format!("{CANARY}@contoso.com");
    let mut whole = linked_user(&name, &format!("{CANARY}-object"));
    whole["displayName"] = json!(format!("{CANARY} Display"));
    whole["emails"] = json!([{"type": "work", "value": name}]);
    whole["password"] = json!(format!("{CANARY}-password"));
    whole[ENTERPRISE] = json!({"department": CANARY});
    let created = scim.post("/Users", &whole).await;
    let path = format!("/Users/{}", created.id());
    answers.push(created);
    for (method, path, body) in [
        (
            Method::GET,
            filtered(&format!("userName eq \"{name}\"")),
            None,
        ),
        (
            Method::GET,
            filtered(&format!("userName eqq \"{name}\"")),
            None,
        ),
        (Method::GET, filtered(&format!("{CANARY} eq \"x\"")), None),
        (Method::GET, path.clone(), None),
        (Method::GET, format!("/Users/{CANARY}"), None),
        (Method::GET, format!("/{CANARY}/x?token={CANARY}"), None),
        (Method::GET, format!("/Users?access_token={CANARY}"), None),
        (Method::POST, "/Users".to_owned(), Some(whole.clone())),
        (
            Method::POST,
            "/Users".to_owned(),
            Some(json!({CANARY: CANARY})),
        ),
        (
            Method::PATCH,
            path.clone(),
            Some(patch_one("Replace", "title", &json!(CANARY))),
        ),
        (
            Method::PATCH,
            path.clone(),
            Some(patch_one(
                "Replace",
                &format!("emails[value eq \"{CANARY}\"].x["),
                &json!(CANARY),
            )),
        ),
        (
            Method::PATCH,
            path.clone(),
            Some(patch_one("Replace", "active", &json!(CANARY))),
        ),
        (Method::PUT, path.clone(), Some(whole.clone())),
        (Method::PATCH, path.clone(), Some(suspend())),
        (Method::DELETE, path.clone(), None),
        (
            Method::from_bytes(CANARY.to_uppercase().as_bytes()).expect("a method"),
            path.clone(),
            None,
        ),
    ] {
        answers.push(scim.send(method, &path, body.as_ref()).await);
    }
    answers.push(
        scim.with_token(Some(&format!("dgo_scim_{CANARY}")))
            .get("/Users")
            .await,
    );
    answers.push(
        scim.send_raw(Method::POST, "/Users", CANARY, Some(CANARY.to_owned()))
            .await,
    );
    answers.push(
        scim.send_raw(
            Method::POST,
            "/Users",
            "application/scim+json",
            Some(format!("{{\"{CANARY}\":")),
        )
        .await,
    );
    // The panel reads what the log holds, with a filter that names a person.
    assert!(
        !panel
            .log("acme", &format!("userName eq \"{name}\""))
            .await
            .is_empty()
    );
    count += answers.len();
    count
}

/// The request lines of the log in its JSON form.
fn request_lines(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not one JSON line: {line}"))
    });
    lines.filter(|line| line["target"] == "request").collect()
}

fn field<'v>(line: &'v Value, name: &str) -> &'v str {
    let found = line
        .get(name)
        .or_else(|| line["fields"].get(name))
        .unwrap_or(&Value::Null);
    found.as_str().unwrap_or_default()
}

#[tokio::test]
async fn the_log_of_a_busy_day_names_nobody_and_holds_no_secret() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for level in ["info", "debug"] {
            let service =
                Service::start_with(engine, &["--log-format", "json", "--log-level", level]).await;
            let panel = Panel::of(&service).await;
            let tenant = panel.tenant("acme").await;
            let jwt = service.jwt(&["platform.operator"], None).await;
            let count = sing(&tenant.scim, &panel).await;
            let log = service.process.log();
            let secret = tenant.token.rsplit('_').nth(1).expect("the secret part");
            let signature = jwt.rsplit('.').next().expect("the signature");
            for word in [
                CANARY,
                &CANARY.to_uppercase(),
                secret,
                signature,
                "%22",
                "filter=",
                "authorization",
                "Bearer dgo",
            ] {
                let line = log.lines().find(|line| line.contains(word));
                assert!(
                    line.is_none(),
                    "{engine:?} {level}: {word} in {}",
                    line.unwrap_or_default()
                );
            }
            let scim = request_lines(&log)
                .into_iter()
                .filter(|line| !field(line, "route").is_empty())
                .count();
            assert_eq!(scim, count, "{engine:?} {level}: one line a request");
        }
    }
}

on_both_engines! {
    async fn the_request_id_is_that_of_the_log_entry(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let created = tenant.scim.post("/Users", &user("alice@contoso.com")).await.expect(201);
        let refused = tenant.scim.post("/Users", &user("alice@contoso.com")).await.expect(409);
        let mut ids = HashSet::new();
        for (answer, outcome, status) in [(&created, "success", 201), (&refused, "failure", 409)] {
            let id = answer.header("x-request-id");
            assert!(ids.insert(id.to_owned()) && id.len() == 36, "{id}");
            let entries = panel.log("acme", &format!("requestId eq \"{id}\" and outcome eq \"{outcome}\"")).await;
            assert_eq!(entries.iter().map(|entry| entry.http_status).collect::<Vec<_>>(), [status]);
            assert!(service.process.log().contains(id), "the request line has it too");
        }
        // A caller's own id is not taken: it would be the key of somebody's mutation.
        let given = "0190c0de-0000-4000-8000-000000000000";
        let headers = [("content-type", "application/scim+json"), ("x-request-id", given)];
        let answer = tenant.scim.send_with(Method::POST, "/Users", &headers, Some(user("bob@contoso.com").to_string())).await.expect(201);
        assert_ne!(answer.header("x-request-id"), given);
    }

    async fn health_is_told_without_a_credential(service: Service) {
        let http = ScimClient::new(service.process.http(), None);
        for path in ["/healthz", "/readyz"] {
            let answer = http.get(path).await.expect(200);
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.body.as_object().map(serde_json::Map::len), Some(1), "nothing of the inside: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_line_break_in_a_request_makes_no_second_line() {
    let service = Service::start_with(Engine::Sqlite, &["--log-format", "text"]).await;
    let address = service.process.http().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!(
        "GET /scim/a%0aINFO%20forged/v2/Users HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
        .await
        .expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(!service.process.log().contains("forged"));
}

#[tokio::test]
async fn the_data_hold_no_secret() {
    let mut service = Service::start(Engine::Sqlite).await;
    let panel = Panel::of(&service).await;
    let tenant = panel.tenant("acme").await;
    let mut whole = user("alice@contoso.com");
    whole["password"] = json!(format!("{CANARY}-password"));
    let id = tenant.scim.create_id(&whole).await;
    tenant
        .scim
        .patched(
            &id,
            &patch_one("Add", "password", &json!(format!("{CANARY}-password"))),
        )
        .await;
    let renewed = service.regenerate("acme").await;
    renewed.scim.get("/Users").await.expect(200);
    assert!(service.process.stop().await.success());
    let mut read = 0;
    for entry in std::fs::read_dir(service.data_dir()).expect("a folder") {
        let path = entry.expect("it is read").path();
        let bytes = std::fs::read(&path).expect("it is a file");
        let holds = |word: &str| {
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        };
        for token in [&tenant.token, &renewed.token] {
            let secret = token.rsplit('_').nth(1).expect("the secret part");
            assert!(!holds(secret), "the token is in {}", path.display());
        }
        assert!(!holds("-password"), "the password is in {}", path.display());
        read += usize::from(holds("alice@contoso.com"));
    }
    assert!(read > 0, "the data were looked at");
}
