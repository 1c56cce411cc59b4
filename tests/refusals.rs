//! A stranger's errors: each is answered so that it helps, is found in the provisioning log, and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Engine, Panel, ScimClient, Service, Tenant,
    bodies::{USER, linked_user, patch, patch_one, suspend, unknown_token, user},
    filtered, on_both_engines,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const SCIM_JSON: &[(&str, &str)] = &[("content-type", "application/scim+json")];

/// A request and what it must be answered.
struct Case {
    name: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    status: u16,
    scim_type: Option<&'static str>,
    /// Words that the detail must hold: what is wrong, or what to do.
    detail: &'static str,
}

impl Case {
    fn new(
        name: &'static str,
        method: Method,
        path: impl Into<String>,
        status: u16,
        scim_type: impl Into<Option<&'static str>>,
        detail: &'static str,
    ) -> Self {
        Self {
            name,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            status,
            scim_type: scim_type.into(),
            detail,
        }
    }

    fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    fn text(mut self, body: impl Into<String>) -> Self {
        self.headers.extend(
            SCIM_JSON
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        self.body = Some(body.into());
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    async fn send(&self, scim: &ScimClient) -> Answer {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = scim
            .send_with(self.method.clone(), &self.path, &headers, self.body.clone())
            .await;
        self.check(&answer);
        answer
    }

    /// A SCIM error, whole, that helps and does not give away the inside.
    fn check(&self, answer: &Answer) {
        let (name, body) = (self.name, &answer.body);
        assert_eq!(answer.status, self.status, "{name}: {body}");
        assert_eq!(
            answer.header("content-type"),
            "application/scim+json",
            "{name}"
        );
        assert_eq!(
            body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"]),
            "{name}: {body}"
        );
        assert_eq!(body["status"], self.status.to_string(), "{name}: {body}");
        assert_eq!(
            body.get("scimType"),
            self.scim_type.map(Value::from).as_ref(),
            "{name}: {body}"
        );
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(
            detail.contains(self.detail),
            "{name}: {detail:?} does not say {:?}",
            self.detail
        );
        assert!(
            detail.chars().count() <= 1_000,
            "{name}: the detail is an essay"
        );
        for inside in ["panicked", "sqlx", "SELECT", "accounts_", "src/"] {
            assert!(!detail.contains(inside), "{name}: {detail}");
        }
        assert!(!answer.header("x-request-id").is_empty(), "{name}");
    }
}

/// What somebody with the right token does wrong.
fn mistakes(alice: &str, bob: &str) -> Vec<Case> {
    let (alice, bob) = (format!("/Users/{alice}"), format!("/Users/{bob}"));
    let deep_filter = format!(
        "/Users?filter={}userName%20pr{}",
        "(".repeat(10_000),
        ")".repeat(10_000)
    );
    let deep_not = format!(
        "/Users?filter={}userName%20pr{}",
        "not%20(".repeat(1_000),
        ")".repeat(1_000)
    );
    let deep_json = format!(
        "{{\"userName\":\"deep@contoso.com\",\"name\":{}1{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let large = json!({"schemas": [USER], "userName": "large@contoso.com", "title": "x".repeat(2 * 1024 * 1024)});
    let many = json!(vec![
        json!({"op": "Replace", "path": "title", "value": "x"});
        101
    ]);
    let post = |name, status, scim_type, detail| {
        Case::new(name, Method::POST, "/Users", status, scim_type, detail)
    };
    let get = |name, path: &str, status, scim_type, detail| {
        Case::new(name, Method::GET, path, status, scim_type, detail)
    };
    let patch_alice = |name, scim_type, detail| {
        Case::new(name, Method::PATCH, alice.as_str(), 400, scim_type, detail)
    };
    vec![
        post("no userName", 400, Some("invalidValue"), "userName")
            .json(&json!({"schemas": [USER], "active": true})),
        post("an empty userName", 400, Some("invalidValue"), "userName").json(&user("")),
        post(
            "a userName that is no text",
            400,
            Some("invalidValue"),
            "userName",
        )
        .json(&json!({"userName": 7})),
        post("NUL in the userName", 400, Some("invalidValue"), "userName")
            .json(&user("al\u{0}ice@contoso.com")),
        post(
            "NUL in another attribute",
            400,
            Some("invalidValue"),
            "title",
        )
        .json(&json!({"userName": "nul@contoso.com", "title": "a\u{0}b"})),
        post("a taken userName", 409, Some("uniqueness"), "Object ID")
            .json(&linked_user("ALICE@contoso.com", OBJECT_ID)),
        post("a body of 2 MiB", 413, None, "larger").json(&large),
        post(
            "JSON nested 10,000 deep",
            400,
            Some("invalidSyntax"),
            "more than 32",
        )
        .text(deep_json),
        post("a key twice", 400, Some("invalidSyntax"), "twice")
            .text(r#"{"userName":"a@contoso.com","userName":"b@contoso.com"}"#),
        post(
            "a key twice in another case",
            400,
            Some("invalidSyntax"),
            "twice",
        )
        .text(r#"{"userName":"a@contoso.com","USERNAME":"b@contoso.com"}"#),
        post("broken JSON", 400, Some("invalidSyntax"), "JSON").text("{\"userName\":"),
        post("no body", 400, Some("invalidSyntax"), "empty").text(""),
        post("an array", 400, Some("invalidSyntax"), "object").text("[]"),
        post("a form", 415, None, "application/scim+json")
            .text("userName=x")
            .header("content-type", "application/x-www-form-urlencoded"),
        post("XML", 415, None, "application/scim+json")
            .text("<x/>")
            .header("content-type", "text/xml"),
        get(
            "a misspelled operator",
            &filtered("userName eqq \"alice@contoso.com\""),
            400,
            Some("invalidFilter"),
            "eqq",
        ),
        get(
            "a misspelled attribute",
            &filtered("usrName eq \"alice@contoso.com\""),
            400,
            Some("invalidFilter"),
            "usrName",
        ),
        get(
            "a filter without an end",
            &filtered("userName eq \"alice"),
            400,
            Some("invalidFilter"),
            "",
        ),
        get(
            "a filter nested 10,000 deep",
            &deep_filter,
            400,
            Some("invalidFilter"),
            "",
        ),
        get(
            "a filter of 1,000 nots",
            &deep_not,
            400,
            Some("invalidFilter"),
            "",
        ),
        get(
            "a startIndex that is no number",
            "/Users?startIndex=one",
            400,
            Some("invalidValue"),
            "startIndex",
        ),
        get(
            "an unknown id",
            "/Users/0190c0de-0000-7000-8000-000000000000",
            404,
            None,
            "no DragOnce account",
        ),
        get(
            "an id that cannot be one",
            "/Users/alice",
            404,
            None,
            "no DragOnce account",
        ),
        get("an unknown route", "/Userz", 404, None, "Tenant URL"),
        get("Me", "/Me", 501, None, "not supported"),
        Case::new("Bulk", Method::POST, "/Bulk", 501, None, "not supported")
            .json(&json!({"Operations": []})),
        Case::new("a group", Method::POST, "/Groups", 501, None, "Groups")
            .json(&json!({"displayName": "Engineering"})),
        Case::new(
            "a wrong method",
            Method::POST,
            alice.as_str(),
            405,
            None,
            "Allow",
        )
        .json(&user("x@contoso.com")),
        Case::new(
            "a PUT of all users",
            Method::PUT,
            "/Users",
            405,
            None,
            "Allow",
        )
        .json(&user("x@contoso.com")),
        Case::new(
            "a PUT without userName",
            Method::PUT,
            alice.as_str(),
            400,
            "invalidValue",
            "userName",
        )
        .json(&json!({"title": "x"})),
        Case::new(
            "a PUT with a taken userName",
            Method::PUT,
            bob.as_str(),
            409,
            "uniqueness",
            "userName",
        )
        .json(&user("alice@contoso.com")),
        Case::new(
            "a PATCH to a taken userName",
            Method::PATCH,
            bob.as_str(),
            409,
            "uniqueness",
            "userName",
        )
        .json(&patch_one(
            "Replace",
            "userName",
            &json!("Alice@contoso.com"),
        )),
        patch_alice("a PATCH without operations", "invalidSyntax", "Operations")
            .json(&json!({"schemas": []})),
        patch_alice("a PATCH with 101 operations", "invalidSyntax", "100").json(&patch(&many)),
        patch_alice("a PATCH with an unknown word", "invalidSyntax", "op").json(&patch_one(
            "Explode",
            "title",
            &json!("x"),
        )),
        patch_alice("a PATCH with a broken path", "invalidPath", "").json(&patch_one(
            "Replace",
            "emails[type eq",
            &json!("x"),
        )),
        patch_alice(
            "a PATCH that takes the userName away",
            "mutability",
            "userName",
        )
        .json(&patch(&json!([{"op": "Remove", "path": "userName"}]))),
        patch_alice("a PATCH with a bad boolean", "invalidValue", "active").json(&patch_one(
            "Replace",
            "active",
            &json!("perhaps"),
        )),
        Case::new(
            "an old version",
            Method::PATCH,
            alice.as_str(),
            412,
            None,
            "changed",
        )
        .json(&suspend())
        .header("if-match", "\"0\""),
        Case::new(
            "an old version to delete",
            Method::DELETE,
            alice.as_str(),
            412,
            None,
            "changed",
        )
        .header("if-match", "\"0\""),
        Case::new(
            "a PATCH of nobody",
            Method::PATCH,
            "/Users/0190c0de-0000-7000-8000-000000000000",
            404,
            None,
            "no DragOnce account",
        )
        .json(&suspend()),
        Case::new(
            "a DELETE of nobody",
            Method::DELETE,
            "/Users/0190c0de-0000-7000-8000-000000000000",
            404,
            None,
            "no DragOnce account",
        ),
        Case::new(
            "the token twice",
            Method::GET,
            "/Users?access_token=x",
            400,
            None,
            "header only",
        ),
    ]
}

/// Two users, one of them suspended.
async fn with_users(panel: &Panel, identifier: &str) -> (Tenant, String, String) {
    let tenant = panel.tenant(identifier).await;
    let alice = tenant
        .scim
        .create_id(&linked_user("alice@contoso.com", OBJECT_ID))
        .await;
    let bob = tenant.scim.create_id(&user("bob@contoso.com")).await;
    tenant.scim.patched(&bob, &suspend()).await;
    (tenant, alice, bob)
}

on_both_engines! {
    async fn a_mistake_is_explained_and_logged_and_changes_nothing(service: Service) {
        let panel = Panel::of(&service).await;
        let (tenant, alice, bob) = with_users(&panel, "acme").await;
        let before = tenant.scim.all_users().await;
        assert_eq!(before.len(), 2);
        for case in mistakes(&alice, &bob) {
            let answer = case.send(&tenant.scim).await;
            if case.status == 405 {
                assert!(!answer.header("allow").is_empty(), "{}", case.name);
            }
            if case.path.contains("access_token") {
                // Refused for how the token was sent, before it was looked at.
                continue;
            }
            let entries = panel.log("acme", &format!("requestId eq \"{}\"", answer.header("x-request-id"))).await;
            let [entry] = &entries[..] else { panic!("{}: {} log entries", case.name, entries.len()) };
            assert_eq!(entry.outcome().as_str_name(), "OUTCOME_FAILURE", "{}", case.name);
            assert_eq!(entry.http_status, i32::from(case.status), "{}", case.name);
            assert_eq!(entry.scim_type, case.scim_type.unwrap_or_default(), "{}", case.name);
            assert_eq!(entry.detail, answer.body["detail"].as_str().expect("a text"), "{}", case.name);
            assert_eq!((entry.token_id.as_str(), entry.actor.as_str()), (tenant.token_id.as_str(), "scim"), "{}", case.name);
            assert!(!entry.reason.is_empty() && entry.changes.is_empty(), "{}: {entry:?}", case.name);
        }
        assert_eq!(tenant.scim.all_users().await, before, "accounts and versions are as they were");
    }

    async fn a_credential_that_certainly_does_not_hold_is_401(service: Service) {
        let panel = Panel::of(&service).await;
        let (tenant, alice, _) = with_users(&panel, "acme").await;
        let other = panel.tenant("other").await;
        let before = tenant.scim.all_users().await;
        let log_before = panel.log("acme", "").await.len();

        let bearer = |token: &str| Some(format!("Bearer {token}"));
        let invalid = "Bearer error=\"invalid_token\"";
        let typo = tenant.token.replace("dgo_scim_", "dgo_scim_0");
        let credentials = [
            ("no token", None, "Bearer"),
            ("Basic", Some("Basic YWxpY2U6c2VjcmV0".to_owned()), "Bearer"),
            ("an empty token", bearer(""), ""),
            ("a text that is no token", bearer("secret"), invalid),
            ("a token with a typo", bearer(&typo), invalid),
            ("a token with characters that none has", bearer("a b\"c"), invalid),
            ("an unknown token", bearer(&unknown_token()), invalid),
            ("another tenant's token", bearer(&other.token), invalid),
            ("a damaged JWT", bearer("a.b.c"), invalid),
        ];
        let stranger = tenant.scim.with_token(None);
        let nowhere = ScimClient::new(tenant.endpoint.replace("/acme/", "/nobody/"), None);
        for (name, credential, challenge) in credentials {
            for (method, path, body) in [
                (Method::GET, filtered("userName eq \"alice@contoso.com\""), None),
                (Method::GET, format!("/Users/{alice}"), None),
                (Method::GET, "/Users/0190c0de-0000-7000-8000-000000000000".to_owned(), None),
                (Method::GET, "/ServiceProviderConfig".to_owned(), None),
                (Method::GET, "/Schemas".to_owned(), None),
                (Method::GET, "/ResourceTypes".to_owned(), None),
                (Method::GET, "/Groups".to_owned(), None),
                (Method::GET, "/Nothing".to_owned(), None),
                (Method::GET, filtered("userName eqq"), None),
                (Method::POST, "/Users".to_owned(), Some(user("mallory@contoso.com"))),
                (Method::POST, "/Users".to_owned(), Some(json!({}))),
                (Method::PATCH, format!("/Users/{alice}"), Some(suspend())),
                (Method::PUT, format!("/Users/{alice}"), Some(user("mallory@contoso.com"))),
                (Method::DELETE, format!("/Users/{alice}"), None),
            ] {
                for scim in [&stranger, &nowhere] {
                    let what = if name.contains("JWT") { "JWT" } else { "SCIM token" };
                    let mut case = Case::new(name, method.clone(), path.clone(), 401, None, what);
                    case.body = body.as_ref().map(Value::to_string);
                    if let Some(credential) = &credential {
                        case = case.header("authorization", credential.clone());
                    }
                    let answer = case.send(scim).await;
                    let given = answer.header("www-authenticate");
                    assert!(given.starts_with(challenge) && given.starts_with("Bearer"), "{name} {method} {path}: {given}");
                    assert_eq!(given.contains("error"), challenge == invalid || name == "an empty token" && given.contains("error"), "{name}: {given}");
                }
            }
        }
        let in_the_url = stranger.get(&format!("/Users?access_token={}", tenant.token)).await.expect(401);
        assert_eq!(in_the_url.header("www-authenticate"), "Bearer");
        assert_eq!(tenant.scim.all_users().await, before);
        assert_eq!(panel.log("acme", "").await.len(), log_before, "noise from strangers is not stored");
        assert!(other.scim.all_users().await.is_empty());
    }

    async fn another_tenants_accounts_are_not_there(service: Service) {
        let panel = Panel::of(&service).await;
        let (acme, alice, _) = with_users(&panel, "acme").await;
        let other = panel.tenant("other").await.scim;
        let before = acme.scim.all_users().await;
        let path = format!("/Users/{alice}");
        other.get(&path).await.expect(404);
        other.patch(&path, &suspend()).await.expect(404);
        other.put(&path, &user("mallory@contoso.com")).await.expect(404);
        other.delete(&path).await.expect(404);
        assert!(other.find("userName eq \"alice@contoso.com\"").await.is_empty());
        assert!(other.find(&format!("id eq \"{alice}\"")).await.is_empty());
        // Names, Object IDs and tombstones of one tenant mean nothing in another.
        let own = other.create(&linked_user("alice@contoso.com", OBJECT_ID)).await;
        assert_ne!(own["id"], alice);
        assert_eq!(acme.scim.all_users().await, before);
    }

    async fn the_location_comes_from_the_configuration(service: Service) {
        let scim = Panel::of(&service).await.tenant("acme").await.scim;
        let headers = [("content-type", "application/scim+json"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")];
        let answer = scim.send_with(Method::POST, "/Users", &headers, Some(user("alice@contoso.com").to_string())).await.expect(201);
        let wanted = format!("{}/scim/acme/v2/Users/{}", service.process.http(), answer.id());
        assert_eq!(answer.header("location"), wanted);
        assert_eq!(answer.body["meta"]["location"], wanted);
    }
}

#[tokio::test]
async fn what_is_well_formed_and_unknown_is_decided_by_the_storage() {
    let service = Service::start(Engine::Sqlite).await;
    let tenant = Panel::of(&service).await.tenant("acme").await;
    // The right id with a wrong secret.
    let body = format!("dgo_scim_{}_{}", tenant.token_id, "5".repeat(64));
    let forged = format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()));
    tenant
        .scim
        .with_token(Some(&forged))
        .get("/Users")
        .await
        .expect(401);
    tenant.scim.get("/Users").await.expect(200);
}
