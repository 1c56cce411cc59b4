//! What somebody with the right token does wrong: the table.

use reqwest::Method;
use serde_json::json;

use super::{OBJECT_ID, case::Case};
use crate::support::{
    bodies::{USER, linked_user, patch, patch_one, suspend, user},
    filtered,
};

const NOBODY: &str = "/Users/0190c0de-0000-7000-8000-000000000000";
const FILTER: Option<&str> = Some("invalidFilter");
const SYNTAX: Option<&str> = Some("invalidSyntax");
const VALUE: Option<&str> = Some("invalidValue");
const TAKEN: Option<&str> = Some("uniqueness");

/// All of them, about two accounts that are there.
pub fn all(alice: &str, bob: &str) -> Vec<Case> {
    let (alice, bob) = (format!("/Users/{alice}"), format!("/Users/{bob}"));
    let mut all = bodies();
    all.extend(creates());
    all.extend(queries());
    all.extend(places(&alice));
    all.extend(patches(&alice));
    all.extend(conflicts(&alice, &bob));
    all
}

fn post(
    name: &'static str,
    status: u16,
    scim_type: Option<&'static str>,
    detail: &'static str,
) -> Case {
    Case::new(name, Method::POST, "/Users", status, scim_type, detail)
}

/// Bodies that are not read at all.
fn bodies() -> Vec<Case> {
    let deep = format!(
        r#"{{"userName":"deep@contoso.com","name":{}1{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let large = json!({"userName": "large@contoso.com", "title": "x".repeat(2 * 1024 * 1024)});
    let twice = r#"{"userName":"a@contoso.com","userName":"b@contoso.com"}"#;
    let other_case = r#"{"userName":"a@contoso.com","USERNAME":"b@contoso.com"}"#;
    let media_type = "application/scim+json";
    vec![
        post("a body of 2 MiB", 413, None, "larger").json(&large),
        post("JSON nested 10,000 deep", 400, SYNTAX, "more than 32").text(deep),
        post("a key twice", 400, SYNTAX, "twice").text(twice),
        post("a key twice in another case", 400, SYNTAX, "twice").text(other_case),
        post("broken JSON", 400, SYNTAX, "JSON").text(r#"{"userName":"#),
        post("no body", 400, SYNTAX, "empty").text(""),
        post("an array", 400, SYNTAX, "object").text("[]"),
        post("a form", 415, None, media_type)
            .text("a=b")
            .header("content-type", "application/x-www-form-urlencoded"),
        post("XML", 415, None, media_type)
            .text("<x/>")
            .header("content-type", "text/xml"),
    ]
}

/// Users that cannot be.
fn creates() -> Vec<Case> {
    let nul = json!({"userName": "nul@contoso.com", "title": "a\u{0}b"});
    vec![
        post("no userName", 400, VALUE, "userName")
            .json(&json!({"schemas": [USER], "active": true})),
        post("an empty userName", 400, VALUE, "userName").json(&user("")),
        post("a userName that is no text", 400, VALUE, "userName").json(&json!({"userName": 7})),
        post("NUL in the userName", 400, VALUE, "userName").json(&user("al\u{0}ice@contoso.com")),
        post("NUL in another attribute", 400, VALUE, "title").json(&nul),
        post("a taken userName", 409, TAKEN, "Object ID")
            .json(&linked_user("ALICE@contoso.com", OBJECT_ID)),
    ]
}

/// Queries that cannot be answered.
fn queries() -> Vec<Case> {
    let nested = |open: &str, depth: usize| {
        format!(
            "/Users?filter={}userName%20pr{}",
            open.repeat(depth),
            ")".repeat(depth)
        )
    };
    let get = |name, path: String, scim_type, detail| {
        Case::new(name, Method::GET, path, 400, scim_type, detail)
    };
    vec![
        get(
            "a misspelled operator",
            filtered(r#"userName eqq "alice@contoso.com""#),
            FILTER,
            "eqq",
        ),
        get(
            "a misspelled attribute",
            filtered(r#"usrName eq "alice@contoso.com""#),
            FILTER,
            "usrName",
        ),
        get(
            "a filter without an end",
            filtered(r#"userName eq "alice"#),
            FILTER,
            "",
        ),
        get(
            "a filter nested 10,000 deep",
            nested("(", 10_000),
            FILTER,
            "",
        ),
        get(
            "a filter of 1,000 nots",
            nested("not%20(", 1_000),
            FILTER,
            "",
        ),
        get(
            "a startIndex that is no number",
            "/Users?startIndex=one".to_owned(),
            VALUE,
            "startIndex",
        ),
        get(
            "a startIndex that is too far",
            "/Users?startIndex=1000002".to_owned(),
            Some("tooMany"),
            "startIndex",
        ),
        get(
            "the token twice",
            "/Users?access_token=x".to_owned(),
            None,
            "header only",
        ),
    ]
}

/// Places and methods that are not there.
fn places(alice: &str) -> Vec<Case> {
    let body = user("x@contoso.com");
    let case = |name, method, path: &str, status, detail| {
        Case::new(name, method, path, status, None, detail)
    };
    vec![
        case(
            "an unknown id",
            Method::GET,
            NOBODY,
            404,
            "no DragOnce account",
        ),
        case(
            "an id that cannot be one",
            Method::GET,
            "/Users/alice",
            404,
            "no DragOnce account",
        ),
        case(
            "a PATCH of nobody",
            Method::PATCH,
            NOBODY,
            404,
            "no DragOnce account",
        )
        .json(&suspend()),
        case(
            "a PUT of nobody",
            Method::PUT,
            NOBODY,
            404,
            "no DragOnce account",
        )
        .json(&body),
        case(
            "a DELETE of nobody",
            Method::DELETE,
            NOBODY,
            404,
            "no DragOnce account",
        ),
        case("an unknown route", Method::GET, "/Userz", 404, "Tenant URL"),
        case("a wrong method", Method::POST, alice, 405, "Allow").json(&body),
        case("a PUT of all users", Method::PUT, "/Users", 405, "Allow").json(&body),
        case("Me", Method::GET, "/Me", 404, "not for a person"),
        Case::new(
            "an empty bulk",
            Method::POST,
            "/Bulk",
            400,
            SYNTAX,
            "nothing to do",
        )
        .json(&json!({"Operations": []})),
    ]
}

/// Operations that cannot be applied.
fn patches(alice: &str) -> Vec<Case> {
    let many = vec![json!({"op": "Replace", "path": "title", "value": "x"}); 101];
    let case =
        |name, scim_type, detail| Case::new(name, Method::PATCH, alice, 400, scim_type, detail);
    vec![
        case("no operations", SYNTAX, "Operations").json(&json!({"schemas": []})),
        case("101 operations", Some("tooMany"), "100").json(&patch(&json!(many))),
        case("an unknown word", SYNTAX, "op").json(&patch_one("Explode", "title", &json!("x"))),
        case("a broken path", Some("invalidPath"), "").json(&patch_one(
            "Replace",
            "emails[type eq",
            &json!("x"),
        )),
        case("no userName any more", Some("mutability"), "userName")
            .json(&patch(&json!([{"op": "Remove", "path": "userName"}]))),
        case("a bad boolean", VALUE, "active").json(&patch_one(
            "Replace",
            "active",
            &json!("perhaps"),
        )),
    ]
}

/// Writes that something stands in the way of.
fn conflicts(alice: &str, bob: &str) -> Vec<Case> {
    let rename = patch_one("Replace", "userName", &json!("Alice@contoso.com"));
    let case = |name, method, path: &str, status, scim_type, detail| {
        Case::new(name, method, path, status, scim_type, detail)
    };
    vec![
        case(
            "a PUT without userName",
            Method::PUT,
            alice,
            400,
            VALUE,
            "userName",
        )
        .json(&json!({"title": "x"})),
        case(
            "a PUT with a taken userName",
            Method::PUT,
            bob,
            409,
            TAKEN,
            "userName",
        )
        .json(&user("alice@contoso.com")),
        case(
            "a PATCH to a taken userName",
            Method::PATCH,
            bob,
            409,
            TAKEN,
            "userName",
        )
        .json(&rename),
        case(
            "an old version to change",
            Method::PATCH,
            alice,
            412,
            None,
            "changed",
        )
        .json(&suspend())
        .header("if-match", "\"0\""),
        case(
            "an old version to delete",
            Method::DELETE,
            alice,
            412,
            None,
            "changed",
        )
        .header("if-match", "\"0\""),
    ]
}
