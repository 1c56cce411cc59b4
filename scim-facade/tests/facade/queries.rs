//! Queries: by GET and by POST, of one type and of all, by index and by cursor.

use axum::http::Method;
use provisioning_proto::v1::{self, ErrorReason, GroupView};
use serde_json::{Value, json};
use tonic::Code;

use crate::{client::Client, fake_core::failure};

/// The three places that are asked, and the method of the core behind each.
const PLACES: [(&str, &str); 3] = [
    ("/Users", "ListAccounts"),
    ("/Groups", "ListGroups"),
    ("", "ListResources"),
];

/// What was asked of the core, the same for every type.
#[derive(Debug, PartialEq)]
struct Asked {
    filter: String,
    order_by: String,
    page_size: i32,
    page_token: String,
    skip: i32,
    count_only: bool,
}

fn asked(client: &Client) -> Asked {
    macro_rules! asked {
        ($message:ty) => {{
            let sent = client.core.last::<$message>();
            Asked {
                filter: sent.filter,
                order_by: sent.order_by,
                page_size: sent.page_size,
                page_token: sent.page_token,
                skip: sent.skip,
                count_only: sent.count_only,
            }
        }};
    }
    match client.core.last_call().method {
        "ListAccounts" => asked!(v1::ListAccountsRequest),
        "ListGroups" => asked!(v1::ListGroupsRequest),
        "ListResources" => asked!(v1::ListResourcesRequest),
        other => panic!("{other} is no list"),
    }
}

#[tokio::test]
async fn a_search_asks_what_a_url_asks() {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "displayName sw \"smith\"", "startIndex": 6, "count": 5, "sortBy": "displayName", "sortOrder": "descending",
        "attributes": ["displayName", "meta.location"], "excludedAttributes": ["meta.version"]});
    let url = "?filter=displayName+sw+%22smith%22&startIndex=6&count=5&sortBy=displayName&sortOrder=descending&attributes=displayName,\
               meta.location&excludedAttributes=meta.version";
    let expected = || Asked {
        filter: "displayName sw \"smith\"".to_owned(),
        order_by: "displayName desc".to_owned(),
        page_size: 5,
        page_token: String::new(),
        skip: 5,
        count_only: false,
    };
    for (place, method) in PLACES {
        let client = Client::new();
        let by_url = client.get(&format!("{place}{url}")).await;
        assert_eq!(asked(&client), expected());
        let path = format!("{place}/.search");
        let by_body = client.call(Method::POST, &path, &body).await;
        assert_eq!(asked(&client), expected());
        assert_eq!((by_body.status, by_body.json()), (200, by_url.json()));
        assert_eq!(by_body.json()["startIndex"], 6);
        assert_eq!(client.core.methods(), [method, method]);
    }
}

#[tokio::test]
async fn the_endpoint_itself_lists_every_type() {
    for path in ["", "/", "/?filter=meta.lastModified+pr"] {
        let client = Client::new();
        let list = client.get(path).await.json();
        assert_eq!(
            (&list["totalResults"], &list["itemsPerPage"]),
            (&json!(12), &json!(2))
        );
        let types = |at: usize| list["Resources"][at]["meta"]["resourceType"].clone();
        assert_eq!((types(0), types(1)), (json!("User"), json!("Group")));
        assert_eq!(
            list["Resources"][1]["members"][1]["$ref"],
            "https://p.example/scim/acme/v2/Groups/g1"
        );
        let sent: v1::ListResourcesRequest = client.core.last();
        assert_eq!(sent.view(), GroupView::Full);
    }
    let client = Client::new();
    let body = json!({"attributes": ["userName", "displayName"]});
    let list = client.call(Method::POST, "/.search", body).await.json();
    let sent: v1::ListResourcesRequest = client.core.last();
    assert_eq!(sent.view(), GroupView::Basic);
    let keys = |resource: &Value| {
        let keys = resource.as_object().unwrap().keys();
        keys.cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&list["Resources"][0]), ["schemas", "id", "userName"]);
    assert_eq!(
        keys(&list["Resources"][1]),
        ["schemas", "id", "displayName"]
    );
}

#[tokio::test]
async fn a_page_by_index_is_clamped_as_the_rfc_says() {
    for (query, start_index, skip, page_size, count_only) in [
        ("", 1, 0, 0, false),
        ("startIndex=0&count=100", 1, 0, 100, false),
        ("startIndex=-3", 1, 0, 0, false),
        ("startIndex=6&count=5000", 6, 5, 200, false),
        ("count=0", 1, 0, 0, true),
        ("count=-7", 1, 0, 0, true),
    ] {
        for (place, _) in PLACES {
            let client = Client::new();
            let list = client.get(&format!("{place}?{query}")).await.json();
            assert_eq!(list["startIndex"], start_index, "{place} {query}");
            assert_eq!(list.get("nextCursor"), None);
            let asked = asked(&client);
            assert_eq!(
                (asked.skip, asked.page_size, asked.count_only),
                (skip, page_size, count_only),
                "{place} {query}"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_leads_from_page_to_page() {
    for (place, _) in PLACES {
        let client = Client::new();
        for first in ["cursor", "cursor=&count=10"] {
            let list = client.get(&format!("{place}?{first}")).await.json();
            assert_eq!(
                (&list["nextCursor"], list.get("startIndex")),
                (&json!("next-page"), None)
            );
            assert_eq!(asked(&client).page_token, "");
        }
        let list = client
            .get(&format!("{place}?cursor=next-page&count=10"))
            .await
            .json();
        assert_eq!(list.get("nextCursor"), None, "the last page has none");
        let asked_by_url = asked(&client);
        assert_eq!(
            (&*asked_by_url.page_token, asked_by_url.page_size),
            ("next-page", 10)
        );
        let body = json!({"cursor": "next-page", "count": 10});
        let search = format!("{place}/.search");
        let by_body = client.call(Method::POST, &search, body).await.json();
        assert_eq!((by_body, asked(&client)), (list, asked_by_url));
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_followed_says_why() {
    for (query, scim_type) in [
        ("cursor&startIndex=1", "invalidValue"),
        ("cursor&count=0", "invalidCount"),
        ("cursor&count=201", "invalidCount"),
        ("cursor&count=ten", "invalidCount"),
    ] {
        for (place, _) in PLACES {
            let client = Client::new();
            let answer = client.get(&format!("{place}?{query}")).await;
            answer.error(400, Some(scim_type));
            assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
        }
    }
    for (reason, scim_type, text) in [
        (ErrorReason::InvalidPageToken, "invalidCursor", "cursor"),
        (
            ErrorReason::ExpiredPageToken,
            "expiredCursor",
            "3600 seconds",
        ),
    ] {
        let client = Client::new();
        let status = failure(Code::InvalidArgument, reason, "the page_token is not good");
        client.core.fail_next(status);
        let answer = client.get("/Users?cursor=x").await;
        let detail = answer.error(400, Some(scim_type));
        assert!(
            detail.contains(text) && !detail.contains("page_token"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_search_that_cannot_be_read_is_refused() {
    for body in [
        json!({"count": "5"}),
        json!({"attributes": [1]}),
        json!({"filter": {}}),
    ] {
        for (place, _) in PLACES {
            let client = Client::new();
            let path = format!("{place}/.search");
            let answer = client.call(Method::POST, &path, &body).await;
            answer.error(400, Some("invalidValue"));
            assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
        }
    }
    let answer = Client::new().call(Method::POST, "/.search", "[]").await;
    answer.error(400, Some("invalidSyntax"));
}
