//! `If-Match` and `If-None-Match` on every operation on one resource, of both types.

use axum::{
    body::Body,
    http::{HeaderName, Method, header},
};
use provisioning_proto::v1;
use serde_json::json;

use crate::{
    client::{Answer, Client, request},
    fake_core::{ETAG, ID},
};

const COLLECTIONS: [&str; 2] = ["/Users", "/Groups"];

async fn send(
    client: &Client,
    method: Method,
    collection: &str,
    headers: &[(HeaderName, &'static str)],
) -> Answer {
    let body = match method {
        Method::PUT => json!({"userName": "a", "displayName": "E"}).to_string(),
        Method::PATCH => {
            json!({"Operations": [{"op": "Replace", "path": "displayName", "value": "E"}]})
                .to_string()
        }
        _ => String::new(),
    };
    let mut request = request(method, &format!("{collection}/{ID}"));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    client.send(request.body(Body::from(body)).unwrap()).await
}

/// The version that the last call demanded of the core.
fn demanded(client: &Client) -> String {
    match client.core.last_call().method {
        "ReplaceAccount" => client.core.last::<v1::ReplaceAccountRequest>().etag,
        "PatchAccount" => client.core.last::<v1::PatchAccountRequest>().etag,
        "DeleteAccount" => client.core.last::<v1::DeleteAccountRequest>().etag,
        "ReplaceGroup" => client.core.last::<v1::ReplaceGroupRequest>().etag,
        "PatchGroup" => client.core.last::<v1::PatchGroupRequest>().etag,
        "DeleteGroup" => client.core.last::<v1::DeleteGroupRequest>().etag,
        other => panic!("{other} is no mutation"),
    }
}

const MUTATIONS: [Method; 3] = [Method::PUT, Method::PATCH, Method::DELETE];

#[tokio::test]
async fn one_version_is_demanded_of_the_core() {
    for collection in COLLECTIONS {
        for method in MUTATIONS {
            for (value, etag) in [("\"6\"", "\"6\""), ("W/\"6\"", "\"6\""), ("*", "")] {
                let client = Client::new();
                let headers = [(header::IF_MATCH, value)];
                let answer = send(&client, method.clone(), collection, &headers).await;
                assert!(answer.status < 300, "{method} {collection} {value}");
                assert_eq!(
                    (client.core.methods().len(), &*demanded(&client)),
                    (1, etag)
                );
                if method != Method::DELETE {
                    assert_eq!(answer.header("etag"), ETAG);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_list_is_checked_against_the_current_version() {
    let met: [&[_]; 4] = [
        &[(header::IF_MATCH, "\"6\", \"7\"")],
        &[(header::IF_MATCH, "\"6\""), (header::IF_MATCH, "W/\"7\"")],
        &[(header::IF_NONE_MATCH, "\"6\"")],
        &[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "\"6\"")],
    ];
    let failed: [&[_]; 4] = [
        &[(header::IF_MATCH, "\"5\", \"6\"")],
        &[(header::IF_NONE_MATCH, "*")],
        &[(header::IF_NONE_MATCH, "W/\"7\"")],
        &[
            (header::IF_MATCH, "\"7\""),
            (header::IF_NONE_MATCH, "\"7\""),
        ],
    ];
    for collection in COLLECTIONS {
        for method in MUTATIONS {
            for headers in met {
                let client = Client::new();
                let answer = send(&client, method.clone(), collection, headers).await;
                assert!(answer.status < 300, "{method} {collection} {headers:?}");
                assert_eq!(
                    (client.core.methods().len(), &*demanded(&client)),
                    (2, ETAG)
                );
            }
            for headers in failed {
                let client = Client::new();
                let answer = send(&client, method.clone(), collection, headers).await;
                answer.error(412, None);
                let methods = client.core.methods();
                assert!(methods[0].starts_with("Get"), "{methods:?}");
                assert_eq!(methods[1..], ["ReportRejectedRequest"]);
            }
        }
    }
}

#[tokio::test]
async fn a_read_is_spared_or_refused() {
    for collection in COLLECTIONS {
        for (name, value, status) in [
            (header::IF_NONE_MATCH, ETAG, 304),
            (header::IF_NONE_MATCH, "\"1\", W/\"7\"", 304),
            (header::IF_NONE_MATCH, "*", 304),
            (header::IF_NONE_MATCH, "\"1\"", 200),
            (header::IF_MATCH, ETAG, 200),
            (header::IF_MATCH, "*", 200),
            (header::IF_MATCH, "\"1\"", 412),
        ] {
            let client = Client::new();
            let answer = send(&client, Method::GET, collection, &[(name.clone(), value)]).await;
            assert_eq!(answer.status, status, "{collection} {name} {value}");
            if status == 412 {
                answer.error(412, None);
            } else {
                assert_eq!(answer.header("etag"), ETAG);
                assert_eq!(answer.body.is_empty(), status == 304);
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_never_writes() {
    for collection in COLLECTIONS {
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            for value in ["", "7", "\"7", "\"7\",", "*, \"7\""] {
                for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
                    let client = Client::new();
                    let answer = send(&client, method.clone(), collection, &[(name, value)]).await;
                    answer.error(400, Some("invalidValue"));
                    assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_patch_of_nothing_has_its_condition_too() {
    for collection in COLLECTIONS {
        let client = Client::new();
        let body = json!({"Operations": [{"op": "Replace", "value": {}}]}).to_string();
        let path = format!("{collection}/{ID}");
        let stale = request(Method::PATCH, &path).header(header::IF_MATCH, "\"1\"");
        let answer = client.send(stale.body(body.into()).unwrap()).await;
        answer.error(412, None);
    }
}
