//! Every failure is a SCIM error, is known to the core, and tells no more than it may.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use provisioning_proto::v1::{ErrorReason, ReportRejectedRequestRequest};
use scim_facade::FacadeConfig;
use serde_json::json;
use tonic::Code;

use crate::{
    client::{BASE, Client, request},
    fake_core::{ID, failure},
};

/// Every route, with the status that a valid token gets.
const ROUTES: &[(&str, &str, u16)] = &[
    ("GET", "/Users", 200),
    ("POST", "/Users", 201),
    ("DELETE", "/Users", 405),
    ("GET", "/Users/1", 200),
    ("PUT", "/Users/1", 200),
    ("PATCH", "/Users/1", 400),
    ("DELETE", "/Users/1", 204),
    ("GET", "/Groups", 200),
    ("POST", "/Groups", 201),
    ("DELETE", "/Groups", 405),
    ("GET", "/Groups/1", 200),
    ("PUT", "/Groups/1", 200),
    ("PATCH", "/Groups/1", 400),
    ("DELETE", "/Groups/1", 204),
    ("POST", "/Users/.search", 200),
    ("POST", "/Groups/.search", 200),
    ("GET", "/Groups/.search", 405),
    ("GET", "/ServiceProviderConfig", 200),
    ("GET", "/ResourceTypes", 200),
    ("GET", "/ResourceTypes/User", 200),
    ("GET", "/Schemas", 200),
    (
        "GET",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
        200,
    ),
    ("GET", "/Me", 404),
    ("DELETE", "/Me", 404),
    ("POST", "/Bulk", 400),
    ("GET", "/Bulk", 405),
    ("POST", "/.search", 200),
    ("GET", "", 200),
    ("GET", "/", 200),
    ("POST", "", 405),
    ("GET", "/Nonsense", 404),
    ("OPTIONS", "/Users", 405),
];

async fn status(
    client: &Client,
    (method, path, _): (&str, &str, u16),
    authorization: Option<&str>,
) -> u16 {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"));
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let answer = client
        .send(request.body(Body::from(r#"{"userName": "a"}"#)).unwrap())
        .await;
    if answer.status >= 400 {
        answer.error(
            answer.status,
            answer
                .json()
                .get("scimType")
                .and_then(|scim_type| scim_type.as_str()),
        );
    }
    answer.status
}

#[tokio::test]
async fn every_route_answers_a_valid_token_as_it_should() {
    for route in ROUTES {
        assert_eq!(
            status(&Client::new(), *route, Some("bearer good")).await,
            route.2,
            "{route:?}"
        );
    }
}

#[tokio::test]
async fn no_route_answers_without_a_valid_token() {
    for route in ROUTES {
        for credential in [
            None,
            Some(""),
            Some("Basic Z29vZDo="),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer other"),
            Some("Bearer g\"d"),
        ] {
            assert_eq!(
                status(&Client::new(), *route, credential).await,
                401,
                "{route:?} {credential:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_route_is_certain_of_anything_without_the_core() {
    for route in ROUTES {
        let client = Client::new();
        client.core.fail_next(failure(
            Code::Unavailable,
            ErrorReason::Unavailable,
            "storage is unavailable",
        ));
        assert_eq!(
            status(&client, *route, Some("Bearer good")).await,
            503,
            "{route:?}"
        );
    }
}

#[tokio::test]
async fn a_missing_token_and_a_wrong_one_are_challenged_differently() {
    let client = Client::new();
    let without = client
        .send(
            Request::get(format!("{BASE}/Users"))
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert!(without.error(401, None).contains("Secret Token"));
    assert_eq!(
        (
            without.header("www-authenticate"),
            client.core.methods().len()
        ),
        ("Bearer", 0)
    );

    let wrong = Request::get(format!("{BASE}/Users"))
        .header(header::AUTHORIZATION, "Bearer other")
        .body(Body::empty())
        .unwrap();
    let wrong = client.send(wrong).await;
    wrong.error(401, None);
    assert_eq!(
        wrong.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
}

#[tokio::test]
async fn a_token_belongs_in_one_header() {
    let client = Client::new();
    client
        .get("/Users?access_token=good")
        .await
        .error(400, None);
    let in_url = Request::get(format!("{BASE}/Users?access_token=good"))
        .body(Body::empty())
        .unwrap();
    client.send(in_url).await.error(401, None);
    let twice = request(Method::GET, "/Users").header(header::AUTHORIZATION, "Bearer good");
    client
        .send(twice.body(Body::empty()).unwrap())
        .await
        .error(401, None);
    let form = Request::post(format!("{BASE}/Users"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    client
        .send(form.body("access_token=good".into()).unwrap())
        .await
        .error(401, None);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_and_reported() {
    let nested = "[".repeat(40);
    for (body, text) in [
        ("", "The body is empty"),
        ("[]", "must be a JSON object"),
        ("{\"userName\":\n tru}", "line 2 column"),
        (
            "{\"userName\": \"a\", \"USERNAME\": \"b\"}",
            "\"USERNAME\" appears twice",
        ),
        (&*nested, "more than 32"),
        ("{} {}", "trailing characters"),
    ] {
        let client = Client::new();
        let answer = client.call(Method::POST, "/Users", body).await;
        assert!(
            answer.error(400, Some("invalidSyntax")).contains(text),
            "{body}"
        );
        assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
        let report: ReportRejectedRequestRequest = client.core.last();
        assert_eq!(
            (
                report.operation.as_str(),
                report.http_status,
                report.scim_type.as_str()
            ),
            ("POST /Users", 400, "invalidSyntax")
        );
        assert!(report.detail.contains(text) && report.resource_id.is_empty());
    }
}

#[tokio::test]
async fn a_report_names_the_resource_but_no_query() {
    let client = Client::new();
    let answer = client
        .call(Method::PATCH, &format!("/Users/{ID}?filter=secret"), "{}")
        .await;
    answer.error(400, Some("invalidSyntax"));
    let report: ReportRejectedRequestRequest = client.core.last();
    assert_eq!(
        (report.operation.as_str(), report.resource_id.as_str()),
        ("PATCH /Users/{id}", ID)
    );
    assert!(!format!("{report:?}").contains("secret"));
}

#[tokio::test]
async fn only_the_clients_own_operations_are_limited() {
    let client = Client::new();
    let path = format!("/Users/{ID}");
    let with = |operations| json!({ "Operations": operations });
    let many = vec![json!({"op": "replace", "path": "title", "value": "x"}); 101];
    let answer = client.call(Method::PATCH, &path, with(many)).await;
    assert!(
        answer
            .error(400, Some("tooMany"))
            .contains("101 operations; at most 100")
    );
    let keys: serde_json::Map<_, _> = (0..150)
        .map(|n| (format!("urn:x:Custom:2.0:User:a{n}"), json!("x")))
        .collect();
    let one = vec![json!({"op": "replace", "value": keys})];
    assert_eq!(
        client.call(Method::PATCH, &path, with(one)).await.status,
        204
    );
}

#[tokio::test]
async fn a_wrong_value_names_its_place() {
    let answer = Client::new()
        .call(Method::POST, "/Users", json!({"emails": [{"value": 1}]}))
        .await;
    assert!(
        answer
            .error(400, Some("invalidValue"))
            .starts_with("emails[0].value must be a string")
    );
}

#[tokio::test]
async fn a_report_tells_whether_the_token_holds() {
    for (code, reason, status) in [
        (Code::Unauthenticated, ErrorReason::InvalidCredential, 401),
        (
            Code::PermissionDenied,
            ErrorReason::ProvisioningDisabled,
            403,
        ),
        (Code::Unavailable, ErrorReason::Unavailable, 503),
    ] {
        let client = Client::new();
        client.core.fail_next(failure(code, reason, "so"));
        client
            .call(Method::POST, "/Users", "nonsense")
            .await
            .error(status, None);
    }
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let large = format!("{{\"userName\": \"{}\"}}", "x".repeat(1024 * 1024));
    let client = Client::new();
    client
        .call(Method::POST, "/Users", &large)
        .await
        .error(413, None);
    let announced = request(Method::POST, "/Users")
        .header(header::CONTENT_LENGTH, "2000000")
        .body("{}".into())
        .unwrap();
    client.send(announced).await.error(413, None);
    let lied = request(Method::POST, "/Users")
        .header(header::CONTENT_LENGTH, "2")
        .body(large.clone().into())
        .unwrap();
    client.send(lied).await.error(413, None);
    let pieces = large
        .into_bytes()
        .chunks(4096)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect::<Vec<_>>();
    let chunked = request(Method::POST, "/Users")
        .body(Body::from_stream(tokio_stream::iter(pieces)))
        .unwrap();
    client.send(chunked).await.error(413, None);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let pieces = vec![Ok("{\"userName\":"), Err(std::io::Error::other("reset"))];
    let request = request(Method::POST, "/Users")
        .body(Body::from_stream(tokio_stream::iter(pieces)))
        .unwrap();
    Client::new()
        .send(request)
        .await
        .error(400, Some("invalidSyntax"));
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let xml = Request::post(format!("{BASE}/Users"))
        .header(header::AUTHORIZATION, "Bearer good")
        .header(header::CONTENT_TYPE, "text/xml");
    Client::new()
        .send(xml.body("<a/>".into()).unwrap())
        .await
        .error(415, None);
    let none = Request::post(format!("{BASE}/Users")).header(header::AUTHORIZATION, "Bearer good");
    let answer = Client::new()
        .send(
            none.body(json!({"userName": "a"}).to_string().into())
                .unwrap(),
        )
        .await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn a_method_that_is_not_there_is_refused_with_those_that_are() {
    let answer = Client::new()
        .call(Method::POST, &format!("/Users/{ID}"), "{}")
        .await;
    answer.error(405, None);
    let mut allowed: Vec<_> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH", "PUT"]);
}

#[tokio::test]
async fn an_unknown_path_is_reported_without_its_text() {
    let client = Client::new();
    client
        .get("/Users/1/alice@contoso.com")
        .await
        .error(404, None);
    assert_eq!(
        client.core.last::<ReportRejectedRequestRequest>().operation,
        "GET (unknown)"
    );
}

#[tokio::test]
async fn a_path_outside_of_every_tenant_needs_no_core() {
    let client = Client::new();
    for path in ["/", "/scim", "/scim/", "/Users", "/favicon.ico"] {
        client
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await
            .error(404, None);
    }
    assert!(client.core.methods().is_empty());
}

#[tokio::test]
async fn a_parameter_that_cannot_be_read_is_refused() {
    for query in [
        "filter=%ff%fe",
        "startIndex=one",
        "filter=a&filter=b",
        "sortBy=a&sortOrder=sideways",
    ] {
        let client = Client::new();
        client
            .get(&format!("/Users?{query}"))
            .await
            .error(400, Some("invalidValue"));
        assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
    }
}

#[tokio::test]
async fn the_cores_refusal_keeps_its_text() {
    for (code, reason, status, scim_type) in [
        (
            Code::AlreadyExists,
            ErrorReason::Uniqueness,
            409,
            Some("uniqueness"),
        ),
        (
            Code::InvalidArgument,
            ErrorReason::InvalidFilter,
            400,
            Some("invalidFilter"),
        ),
        (Code::NotFound, ErrorReason::AccountNotFound, 404, None),
        (Code::Aborted, ErrorReason::EtagMismatch, 412, None),
        (
            Code::PermissionDenied,
            ErrorReason::AccountProtected,
            403,
            None,
        ),
    ] {
        let client = Client::new();
        client.core.fail_next(failure(code, reason, "what to do"));
        assert_eq!(
            client
                .get(&format!("/Users/{ID}"))
                .await
                .error(status, scim_type),
            "what to do"
        );
        assert_eq!(
            client.core.methods(),
            ["GetAccount"],
            "the core has logged it itself"
        );
    }
}

#[tokio::test]
async fn an_outage_says_when_to_come_back() {
    let client = Client::new();
    client.core.fail_next(failure(
        Code::Unavailable,
        ErrorReason::Unavailable,
        "disk of db1.internal is full",
    ));
    let answer = client.get("/Users").await;
    assert!(!answer.error(503, None).contains("db1"));
    assert!((30..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));

    client.core.fail_next(failure(
        Code::ResourceExhausted,
        ErrorReason::RateLimited,
        "too fast",
    ));
    let answer = client.get("/Users").await;
    answer.error(429, None);
    assert_eq!(answer.header("retry-after"), "2");
}

#[tokio::test]
async fn a_fault_is_500_and_keeps_its_cause() {
    let client = Client::new();
    client.core.fail_next(failure(
        Code::Internal,
        ErrorReason::Internal,
        "row 7 is broken",
    ));
    assert!(
        !client
            .get("/Users")
            .await
            .error(500, None)
            .contains("row 7")
    );
}

#[tokio::test]
async fn a_core_that_does_not_answer_in_time_is_503() {
    let config = FacadeConfig {
        call_timeout: std::time::Duration::from_millis(50),
        ..FacadeConfig::new("https://p.example")
    };
    let client = Client::with_config(config);
    client.core.fall_silent();
    client.get("/Users").await.error(503, None);
}
