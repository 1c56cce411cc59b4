//! `/Groups`: the call that each request makes, and its answer.

use axum::http::Method;
use provisioning_proto::v1::{
    self, Dialect, ErrorReason, GroupView, get_group_request::Key, patch_operation::Op,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    client::Client,
    fake_core::{ETAG, ID, failure},
};

const PLACE: &str = "https://p.example/scim/acme/v2";

fn path() -> String {
    format!("/Groups/{ID}")
}

#[tokio::test]
async fn a_create_answers_201_with_its_place() {
    let client = Client::new();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "displayName": "Engineering", "externalId": "o", "meta": {"resourceType": "Group"},
        "members": ["u1", {"value": "u2", "$ref": null, "display": "VP"}],
    });
    let answer = client.call(Method::POST, "/Groups", body).await;
    let place = format!("{PLACE}/Groups/{ID}");
    assert_eq!(
        (
            answer.status,
            answer.header("location"),
            answer.header("etag")
        ),
        (201, &*place, ETAG)
    );
    let json = answer.json();
    assert_eq!(
        json["schemas"],
        json!(["urn:ietf:params:scim:schemas:core:2.0:Group"])
    );
    assert_eq!(
        (&json["meta"]["location"], &json["meta"]["resourceType"]),
        (&json!(place), &json!("Group"))
    );
    let sent: v1::CreateGroupRequest = client.core.last();
    assert_eq!(
        (sent.tenant.as_str(), sent.request_id.as_str(), sent.view()),
        ("acme", answer.header("x-request-id"), GroupView::Full)
    );
    let group = sent.group.unwrap();
    let members: Vec<_> = group.members.iter().map(|m| m.value.as_deref()).collect();
    assert_eq!(members, [Some("u1"), Some("u2")]);
    assert_eq!(group.members[1].display, None);
}

#[tokio::test]
async fn members_are_shown_with_their_place() {
    let client = Client::new();
    let expected = json!([
        {"value": "u1", "$ref": format!("{PLACE}/Users/u1"), "type": "User", "display": "Alice"},
        {"value": "g1", "$ref": format!("{PLACE}/Groups/g1"), "type": "Group", "display": "Interns"},
    ]);
    let answer = client.get(&path()).await;
    assert_eq!((answer.status, answer.header("etag")), (200, ETAG));
    assert_eq!(answer.json()["members"], expected);
    let sent: v1::GetGroupRequest = client.core.last();
    assert_eq!(sent.key, Some(Key::Id(ID.to_owned())));
    let listed = client.get("/Groups").await.json();
    assert_eq!(listed["Resources"][0]["members"], expected);
}

#[tokio::test]
async fn members_that_are_not_shown_are_not_read() {
    let urn = "urn:ietf:params:scim:schemas:core:2.0:Group:members";
    for (query, view) in [
        (String::new(), GroupView::Full),
        ("excludedAttributes=members".to_owned(), GroupView::Basic),
        (
            "excludedAttributes=Members,externalId".to_owned(),
            GroupView::Basic,
        ),
        (format!("excludedAttributes={urn}"), GroupView::Basic),
        ("attributes=displayName".to_owned(), GroupView::Basic),
        ("attributes=id".to_owned(), GroupView::Basic),
        ("attributes=displayName,members".to_owned(), GroupView::Full),
        ("attributes=members.value".to_owned(), GroupView::Full),
        (
            "excludedAttributes=members.display".to_owned(),
            GroupView::Full,
        ),
    ] {
        let client = Client::new();
        let has_members = |json: &Value| json.get("members").is_some();
        let one = client.get(&format!("{}?{query}", path())).await.json();
        assert_eq!(
            client.core.last::<v1::GetGroupRequest>().view(),
            view,
            "{query}"
        );
        assert_eq!(has_members(&one), view == GroupView::Full, "{query}");
        let list = client.get(&format!("/Groups?{query}")).await.json();
        assert_eq!(
            client.core.last::<v1::ListGroupsRequest>().view(),
            view,
            "{query}"
        );
        assert_eq!(
            has_members(&list["Resources"][0]),
            view == GroupView::Full,
            "{query}"
        );

        let body = json!({"displayName": "E", "members": [{"value": "u1"}]});
        let put = client
            .call(Method::PUT, &format!("{}?{query}", path()), &body)
            .await;
        assert_eq!(
            client.core.last::<v1::ReplaceGroupRequest>().view(),
            view,
            "{query}"
        );
        assert_eq!(has_members(&put.json()), view == GroupView::Full, "{query}");
    }
}

#[tokio::test]
async fn a_group_that_is_too_big_says_how_to_ask() {
    let text =
        "The group has more than 10,000 members: leave them out with excludedAttributes=members.";
    for (method, path) in [(Method::GET, path()), (Method::GET, "/Groups".to_owned())] {
        let client = Client::new();
        let status = failure(Code::InvalidArgument, ErrorReason::TooMany, text);
        client.core.fail_next(status);
        let answer = client.call(method, &path, "").await;
        assert_eq!(answer.error(400, Some("tooMany")), text);
    }
}

#[tokio::test]
async fn a_patch_answers_204_in_every_dialect() {
    let body = json!({"Operations": [{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u1"}]}]});
    for dialect in [Dialect::Entra, Dialect::Rfc] {
        let client = Client::new();
        client.core.speak(dialect);
        let answer = client.call(Method::PATCH, &path(), &body).await;
        assert_eq!(
            (answer.status, answer.header("etag"), answer.body.len()),
            (204, ETAG, 0)
        );
        let sent: v1::PatchGroupRequest = client.core.last();
        assert_eq!((sent.id.as_str(), sent.view()), (ID, GroupView::Basic));
        assert_eq!(sent.request_id, answer.header("x-request-id"));
    }
}

#[tokio::test]
async fn a_patch_that_names_attributes_is_answered_with_them() {
    for (attributes, view, keys) in [
        (
            "displayName",
            GroupView::Basic,
            vec!["schemas", "id", "displayName"],
        ),
        (
            "members.value",
            GroupView::Full,
            vec!["schemas", "id", "members"],
        ),
    ] {
        let client = Client::new();
        let body = json!({"Operations": [{"op": "remove", "path": "members[value eq \"u1\"]"}]});
        let patch = format!("{}?attributes={attributes}", path());
        let answer = client.call(Method::PATCH, &patch, body).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), keys);
        assert_eq!(client.core.last::<v1::PatchGroupRequest>().view(), view);
    }
}

#[tokio::test]
async fn members_reach_the_core_in_the_rfcs_form() {
    let operation = |op: &str, value: Value| json!({"op": op, "path": "members", "value": value});
    let listed = json!([{"value": "u1"}]);
    for (sent, op, expected) in [
        (operation("Add", json!("u1")), Op::Add, &listed),
        (operation("add", json!(["u1"])), Op::Add, &listed),
        (
            operation("Replace", json!([{"$ref": null, "value": "u1"}])),
            Op::Replace,
            &listed,
        ),
        (
            operation("Remove", json!([{"$ref": null, "value": "u1"}])),
            Op::Remove,
            &listed,
        ),
        (operation("replace", json!([])), Op::Replace, &json!([])),
        (
            json!({"op": "replace", "value": {"members": [{"value": "u1"}]}}),
            Op::Replace,
            &listed,
        ),
    ] {
        let client = Client::new();
        let body = json!({"id": ID, "Operations": [sent]});
        assert_eq!(client.call(Method::PATCH, &path(), &body).await.status, 204);
        let operations = client.core.last::<v1::PatchGroupRequest>().operations;
        assert_eq!((operations.len(), operations[0].op()), (1, op), "{body}");
        assert_eq!(operations[0].path.as_deref(), Some("members"));
        let value = provisioning_proto::json::from_proto(operations[0].value.clone().unwrap());
        assert_eq!(value, *expected, "{body}");
    }
}

#[tokio::test]
async fn to_add_nothing_changes_nothing() {
    let client = Client::new();
    let body = json!({"Operations": [{"op": "Add", "path": "members", "value": null}]});
    let answer = client.call(Method::PATCH, &path(), body).await;
    assert_eq!((answer.status, answer.header("etag")), (204, ETAG));
    assert_eq!(client.core.methods(), ["GetGroup"]);
    assert_eq!(
        client.core.last::<v1::GetGroupRequest>().view(),
        GroupView::Basic
    );
}

#[tokio::test]
async fn a_delete_answers_204() {
    let client = Client::new();
    let answer = client.call(Method::DELETE, &path(), "").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let sent: v1::DeleteGroupRequest = client.core.last();
    assert_eq!((sent.id.as_str(), sent.request_id.len()), (ID, 36));
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
            ErrorReason::UnknownMember,
            400,
            Some("invalidValue"),
        ),
        (Code::NotFound, ErrorReason::GroupNotFound, 404, None),
    ] {
        let client = Client::new();
        client.core.fail_next(failure(code, reason, "what to do"));
        let answer = client
            .call(Method::POST, "/Groups", json!({"displayName": "E"}))
            .await;
        assert_eq!(answer.error(status, scim_type), "what to do");
    }
}
