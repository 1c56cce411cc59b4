//! A stranger's errors: each is answered so that it helps, is found in the provisioning log, and changes nothing.

mod case;
mod mistakes;

use reqwest::Method;
use serde_json::{Value, json};

use self::case::Case;
use crate::support::{
    Engine, Panel, ScimClient, Service, Tenant,
    bodies::{linked_user, suspend, unknown_token, user},
    filtered, on_both_engines,
};

const OBJECT_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

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
        for case in mistakes::all(&alice, &bob) {
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
                (Method::GET, "/Groups".to_owned(), None),
                (Method::GET, "/ServiceProviderConfig".to_owned(), None),
                (Method::GET, "/Schemas".to_owned(), None),
                (Method::GET, "/ResourceTypes".to_owned(), None),
                (Method::GET, "/Me".to_owned(), None),
                (Method::POST, "/Bulk".to_owned(), Some(json!({"Operations": [{}]}))),
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
