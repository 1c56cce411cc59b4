//! `/ServiceProviderConfig` tells the truth: each thing that it announces is tried, at its limit and one beyond.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, ScimClient,
    bodies::{patch_one, user},
    in_both_dialects,
};

async fn announced(scim: &ScimClient) -> Value {
    scim.get("/ServiceProviderConfig").await.expect(200).body
}

fn number(value: &Value) -> usize {
    let number = value.as_u64().expect("it is a number");
    usize::try_from(number).expect("it is small")
}

/// A bulk of so many users, padded to so many bytes.
async fn bulk(scim: &ScimClient, of: &str, operations: usize, bytes: usize) -> Answer {
    let operations: Vec<_> = (0..operations)
        .map(|number| {
            let name = format!("{of}{number}@contoso.com");
            json!({"method": "POST", "path": "/Users", "bulkId": name, "data": user(&name)})
        })
        .collect();
    let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}).to_string();
    body.push_str(&" ".repeat(bytes.saturating_sub(body.len())));
    scim.send_raw(Method::POST, "/Bulk", "application/scim+json", Some(body))
        .await
}

in_both_dialects! {
    async fn nothing_is_announced_that_is_not_tried_here(scim: ScimClient) {
        let config = announced(&scim).await;
        let mut names: Vec<_> = config.as_object().expect("it is one").keys().collect();
        names.sort();
        assert_eq!(names, [
            "authenticationSchemes", "bulk", "changePassword", "etag", "filter", "meta", "pagination", "patch", "schemas", "sort",
        ]);
        let location = config["meta"]["location"].as_str().expect("it is one");
        assert!(location.ends_with("/v2/ServiceProviderConfig"), "{location}");
        assert_eq!(config["meta"]["resourceType"], "ServiceProviderConfig");
    }

    async fn a_bulk_holds_as_much_as_is_announced(scim: ScimClient) {
        let bulk_limits = &announced(&scim).await["bulk"];
        let (operations_max, bytes_max) = (number(&bulk_limits["maxOperations"]), number(&bulk_limits["maxPayloadSize"]));
        assert_eq!(bulk_limits["supported"], true);
        let whole = bulk(&scim, "a", operations_max, bytes_max).await.expect(200).body;
        let done = whole["Operations"].as_array().expect("it is a list");
        assert_eq!(done.len(), operations_max);
        assert!(done.iter().all(|operation| operation["status"] == "201"));
        bulk(&scim, "b", operations_max + 1, 0).await.expect(413);
        bulk(&scim, "c", 1, bytes_max + 1).await.expect(413);
        let there = scim.get("/Users?count=0").await.expect(200).body;
        assert_eq!(there["totalResults"], operations_max, "what is too large does nothing");
    }

    async fn a_page_is_as_large_as_is_announced(scim: ScimClient) {
        let config = announced(&scim).await;
        let pages = &config["pagination"];
        let (default, max) = (number(&pages["defaultPageSize"]), number(&pages["maxPageSize"]));
        assert_eq!((&config["filter"]["supported"], &config["filter"]["maxResults"]), (&json!(true), &json!(max)));
        for part in 0..=max / 100 {
            bulk(&scim, &format!("part{part}-"), 100, 0).await.expect(200);
        }
        let size = |page: &Value| page["Resources"].as_array().expect("it is a list").len();
        for (query, shown) in [
            (String::new(), default),
            (format!("filter=userName+pr&count={}", max + 1), max),
            (format!("cursor&count={max}"), max),
            ("cursor".to_owned(), default),
        ] {
            let page = scim.get(&format!("/Users?{query}")).await.expect(200).body;
            assert_eq!((size(&page), &page["itemsPerPage"]), (shown, &json!(shown)), "{query}");
            assert_eq!(page.get("nextCursor").is_some(), query.contains("cursor"), "{query}");
            assert_eq!(page.get("startIndex").is_none(), query.contains("cursor"), "{query}");
        }
        assert_eq!((&pages["index"], &pages["cursor"], &pages["defaultPaginationMethod"]), (&json!(true), &json!(true), &json!("index")));
        let refused = scim.get(&format!("/Users?cursor&count={}", max + 1)).await.expect(400);
        assert_eq!(refused.body["scimType"], "invalidCount");
        // `accounts::pages::a_page_token_is_good_for_an_hour`, which can move the clock, shows that a cursor lives so long and no longer.
        assert_eq!(pages["cursorTimeout"], 3_600);
    }

    async fn what_is_announced_as_supported_is_done(scim: ScimClient) {
        let config = announced(&scim).await;
        let ids = [scim.create_id(&user("alice@contoso.com")).await, scim.create_id(&user("bob@contoso.com")).await];
        let path = format!("/Users/{}", ids[0]);

        assert_eq!(config["patch"]["supported"], true);
        let patched = scim.patched(&ids[0], &patch_one("replace", "title", &json!("Engineer"))).await;
        assert_eq!(patched["title"], "Engineer");

        assert_eq!(config["sort"]["supported"], true);
        let sorted = scim.get("/Users?sortBy=userName&sortOrder=descending").await.expect(200).body;
        assert_eq!(sorted["Resources"][0]["id"], ids[1]);

        assert_eq!(config["etag"]["supported"], true);
        let read = scim.get(&path).await.expect(200);
        let etag = read.header("etag").to_owned();
        assert_eq!(read.body["meta"]["version"], etag);
        scim.send_with(Method::GET, &path, &[("if-none-match", etag.as_str())], None).await.expect(304);
        scim.send_with(Method::DELETE, &path, &[("if-match", "\"99\"")], None).await.expect(412);

        assert_eq!(config["changePassword"]["supported"], false);
        let after = scim.patched(&ids[0], &patch_one("replace", "password", &json!("correct horse"))).await;
        assert_eq!(after, read.body, "a password is taken and thrown away");
    }

    async fn who_comes_as_is_announced_is_let_in_and_nobody_else(scim: ScimClient) {
        let schemes = &announced(&scim).await["authenticationSchemes"];
        assert_eq!((schemes.as_array().map(Vec::len), &schemes[0]["type"], &schemes[0]["primary"]), (Some(1), &json!("oauthbearertoken"), &json!(true)));
        let stranger = scim.with_token(None);
        for header in [("authorization", "Basic YWxpY2U6c2VjcmV0"), ("authorization", "Bearer nobody"), ("cookie", "session=1")] {
            let refused = stranger.send_with(Method::GET, "/Users", &[header], None).await.expect(401);
            assert!(refused.header("www-authenticate").starts_with("Bearer"), "{header:?}");
        }
        scim.get("/Users").await.expect(200);
    }
}
