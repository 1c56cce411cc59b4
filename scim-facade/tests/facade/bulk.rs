//! `/Bulk`: the calls that its operations become, and what is answered of each.

use std::{collections::HashSet, time::Duration};

use axum::http::Method;
use provisioning_proto::v1::{self, ErrorReason};
use scim_facade::FacadeConfig;
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::{
    client::{Answer, Client},
    fake_core::{ETAG, failure},
};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PLACE: &str = "https://p.example/scim/acme/v2";

fn client() -> Client {
    let client = Client::new();
    client.core.give_names_as_ids();
    client
}

async fn send(client: &Client, body: &Value) -> Answer {
    client.call(Method::POST, "/Bulk", body).await
}

/// Sends operations and gives what is answered of each.
async fn bulk(client: &Client, operations: Value) -> Vec<Value> {
    let answer = send(client, &json!({ "Operations": operations })).await;
    assert_eq!(answer.status, 200);
    entries(&answer)
}

fn entries(answer: &Answer) -> Vec<Value> {
    let json = answer.json();
    assert_eq!(
        json["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"])
    );
    json["Operations"].as_array().unwrap().clone()
}

fn statuses(entries: &[Value]) -> Vec<&str> {
    let statuses = entries.iter().map(|entry| entry["status"].as_str());
    statuses.map(Option::unwrap).collect()
}

fn user(bulk_id: &str) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"userName": bulk_id}})
}

fn group(bulk_id: &str, members: &[&str]) -> Value {
    let members: Vec<_> = members.iter().map(|id| json!({"value": id})).collect();
    let data = json!({"displayName": bulk_id, "members": members});
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data})
}

fn managed(bulk_id: &str, manager: &str) -> Value {
    let data = json!({"userName": bulk_id, ENTERPRISE: {"department": "R&D", "manager": {"value": manager}}});
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

fn members(group: &v1::CreateGroupRequest) -> Vec<&str> {
    let members = &group.group.as_ref().unwrap().members;
    members.iter().filter_map(|m| m.value.as_deref()).collect()
}

fn manager(user: &v1::CreateAccountRequest) -> Option<&str> {
    let enterprise = user.account.as_ref()?.enterprise.as_ref()?;
    enterprise.manager.as_ref()?.value.as_deref()
}

#[tokio::test]
async fn each_operation_is_a_call_with_an_id_of_its_own() {
    let client = client();
    let operations = json!([
        user("alice"),
        {"method": "PUT", "path": "/Users/b", "version": "W/\"6\"", "data": {"userName": "bob"}},
        {"method": "PATCH", "path": "/Groups/g", "data": [{"op": "Replace", "path": "displayName", "value": "New"}]},
        {"method": "delete", "path": "/Groups/h", "bulkId": "last", "version": "\"6\""},
    ]);
    let answer = send(&client, &json!({ "Operations": operations })).await;
    assert_eq!(
        entries(&answer),
        [
            json!({"method": "POST", "bulkId": "alice", "location": format!("{PLACE}/Users/alice"), "version": ETAG, "status": "201"}),
            json!({"method": "PUT", "location": format!("{PLACE}/Users/b"), "version": ETAG, "status": "200"}),
            json!({"method": "PATCH", "location": format!("{PLACE}/Groups/0192f0c1-0000-7000-8000-000000000001"), "version": ETAG, "status": "200"}),
            json!({"method": "delete", "bulkId": "last", "location": format!("{PLACE}/Groups/h"), "status": "204"}),
        ]
    );
    assert_eq!(
        client.core.methods(),
        [
            "Authenticate",
            "CreateAccount",
            "ReplaceAccount",
            "PatchGroup",
            "DeleteGroup"
        ]
    );
    assert_eq!(
        client.core.all::<v1::ReplaceAccountRequest>()[0].etag,
        "\"6\""
    );
    let deleted = &client.core.all::<v1::DeleteGroupRequest>()[0];
    assert_eq!(deleted.etag, "\"6\"");
    let ids: HashSet<_> = [
        answer.header("x-request-id").to_owned(),
        client.core.all::<v1::CreateAccountRequest>()[0]
            .request_id
            .clone(),
        client.core.all::<v1::ReplaceAccountRequest>()[0]
            .request_id
            .clone(),
        client.core.all::<v1::PatchGroupRequest>()[0]
            .request_id
            .clone(),
        deleted.request_id.clone(),
    ]
    .into();
    assert_eq!(ids.len(), 5);
    for id in ids {
        assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 4);
        assert_eq!(id[..34], answer.header("x-request-id")[..34]);
    }
    let metadata = client.core.last_call().metadata;
    assert_eq!(
        metadata.get("x-request-id").unwrap(),
        deleted.request_id.as_str()
    );
}

#[tokio::test]
async fn a_reference_may_look_back_and_forward() {
    let client = client();
    let entries = bulk(
        &client,
        json!([
            group("staff", &["bulkId:alice", "bulkId:bob", "u9"]),
            user("alice"),
            managed("bob", "bulkId:alice"),
            {"method": "PATCH", "path": "/Groups/bulkId:staff",
                "data": {"Operations": [{"op": "add", "path": "members", "value": "bulkId:alice"}]}},
        ]),
    )
    .await;
    assert_eq!(statuses(&entries), ["201", "201", "201", "200"]);
    assert_eq!(entries[0]["bulkId"], "staff", "the answer keeps the order");
    assert_eq!(
        client.core.methods()[1..],
        [
            "CreateAccount",
            "CreateAccount",
            "CreateGroup",
            "PatchGroup"
        ]
    );
    let staff = &client.core.all::<v1::CreateGroupRequest>()[0];
    assert_eq!(members(staff), ["alice", "bob", "u9"]);
    assert_eq!(
        manager(&client.core.all::<v1::CreateAccountRequest>()[1]),
        Some("alice")
    );
    let patch: v1::PatchGroupRequest = client.core.last();
    assert_eq!(patch.id, "staff");
    let value = patch.operations[0].value.clone().unwrap();
    let value = provisioning_proto::json::from_proto(value);
    assert_eq!(value, json!([{"value": "alice"}]));
}

#[tokio::test]
async fn the_path_of_a_patch_may_refer() {
    let client = client();
    let remove = |bulk_id: &str| {
        let path = format!("members[value eq \"bulkId:{bulk_id}\"]");
        json!({"method": "PATCH", "path": "/Groups/g", "data": [{"op": "remove", "path": path}]})
    };
    let operations = json!([remove("alice"), remove("nobody"), user("alice")]);
    let entries = bulk(&client, operations).await;
    assert_eq!(statuses(&entries), ["200", "400", "201"]);
    let patch = &client.core.all::<v1::PatchGroupRequest>()[0];
    assert_eq!(
        patch.operations[0].path.as_deref(),
        Some("members[value eq \"alice\"]")
    );
}

#[tokio::test]
async fn groups_that_contain_each_other_are_completed() {
    let client = client();
    let entries = bulk(
        &client,
        json!([group("a", &["bulkId:b", "u1"]), group("b", &["bulkId:a"])]),
    )
    .await;
    assert_eq!(statuses(&entries), ["201", "201"]);
    assert_eq!(
        client.core.methods()[1..],
        ["CreateGroup", "CreateGroup", "PatchGroup"]
    );
    let created = client.core.all::<v1::CreateGroupRequest>();
    assert_eq!(
        (members(&created[0]).len(), members(&created[1])),
        (0, vec!["a"])
    );
    let patch: v1::PatchGroupRequest = client.core.last();
    assert_eq!((&*patch.id, patch.operations.len()), ("a", 1));
    assert_eq!(patch.operations[0].path.as_deref(), Some("members"));
    let value = patch.operations[0].value.clone().unwrap();
    assert_eq!(
        provisioning_proto::json::from_proto(value),
        json!([{"value": "b"}, {"value": "u1"}])
    );
    assert_ne!(patch.request_id, created[0].request_id);
}

#[tokio::test]
async fn people_who_manage_each_other_are_completed() {
    let client = client();
    let operations = json!([managed("a", "bulkId:b"), managed("b", "bulkId:a")]);
    assert_eq!(statuses(&bulk(&client, operations).await), ["201", "201"]);
    let created = client.core.all::<v1::CreateAccountRequest>();
    assert_eq!(
        (manager(&created[0]), manager(&created[1])),
        (None, Some("a"))
    );
    let enterprise = created[0].account.as_ref().unwrap().enterprise.as_ref();
    assert_eq!(enterprise.unwrap().department.as_deref(), Some("R&D"));
    let patch: v1::PatchAccountRequest = client.core.last();
    assert_eq!(
        (&*patch.id, patch.operations[0].path.as_deref()),
        ("a", Some(&*format!("{ENTERPRISE}:manager")))
    );
}

#[tokio::test]
async fn what_refers_to_a_failure_fails_and_says_so() {
    let client = client();
    let bad = json!({"method": "POST", "path": "/Users", "bulkId": "bad", "data": {"userName": 7}});
    let entries = bulk(
        &client,
        json!([
            bad,
            group("staff", &["bulkId:bad"]),
            {"method": "DELETE", "path": "/Users/bulkId:bad"},
            group("other", &["bulkId:nobody"]),
            user("good"),
        ]),
    )
    .await;
    assert_eq!(statuses(&entries), ["400", "409", "409", "400", "201"]);
    for (entry, scim_type) in entries.iter().zip(["invalidValue", "", "", "invalidValue"]) {
        let error = &entry["response"];
        assert_eq!(
            error["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(error["status"], entry["status"]);
        assert_eq!(error["scimType"].as_str().unwrap_or_default(), scim_type);
        assert_eq!(entry.get("location"), None);
    }
    assert_eq!(entries[4].get("response"), None);
    let reports = client.core.all::<v1::ReportRejectedRequestRequest>();
    let reported: Vec<_> = reports.iter().map(|report| &*report.operation).collect();
    assert_eq!(
        reported,
        [
            "POST /Users",
            "POST /Groups",
            "DELETE /Users/{id}",
            "POST /Groups"
        ]
    );
}

#[tokio::test]
async fn a_circle_that_cannot_be_closed_tells_what_is_missing() {
    let client = client();
    let bad = json!({"method": "POST", "path": "/Groups", "bulkId": "b", "data": {"displayName": 7, "members": ["bulkId:a"]}});
    let entries = bulk(&client, json!([group("a", &["bulkId:b"]), bad])).await;
    assert_eq!(statuses(&entries), ["409", "400"]);
    assert_eq!(
        entries[0]["location"],
        format!("{PLACE}/Groups/a"),
        "it was made"
    );
    let detail = entries[0]["response"]["detail"].as_str().unwrap();
    assert!(detail.contains("lacks"), "{detail}");
}

#[tokio::test]
async fn a_cores_refusal_is_that_operations_alone() {
    let client = client();
    client.core.fail_after(
        2,
        failure(Code::AlreadyExists, ErrorReason::Uniqueness, "taken"),
    );
    let operations = json!([user("a"), user("b"), {"method": "PUT", "path": "/Users/c", "data": {"userName": "c"}}]);
    let entries = bulk(&client, operations).await;
    assert_eq!(statuses(&entries), ["201", "409", "200"]);
    assert_eq!(
        (
            &entries[1]["response"]["scimType"],
            &entries[1]["response"]["detail"]
        ),
        (&json!("uniqueness"), &json!("taken"))
    );
    assert_eq!(
        client.core.methods().len(),
        4,
        "the core has logged it itself"
    );
}

#[tokio::test]
async fn errors_end_it_when_the_client_says_so() {
    let bad = json!({"method": "DELETE", "path": "/Nothing/1"});
    let operations = json!([user("a"), bad, user("b"), bad, user("c")]);
    for (fail_on_errors, expected) in [
        (json!(null), vec!["201", "404", "201", "404", "201"]),
        (json!(3), vec!["201", "404", "201", "404", "201"]),
        (json!(2), vec!["201", "404", "201", "404"]),
        (json!(1), vec!["201", "404"]),
        (json!(0), vec!["201", "404"]),
    ] {
        let client = client();
        let body = json!({"failOnErrors": fail_on_errors, "Operations": operations});
        let answer = send(&client, &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(statuses(&entries(&answer)), expected, "{fail_on_errors}");
    }
}

#[tokio::test]
async fn a_version_that_cannot_be_read_never_writes() {
    let client = client();
    let entries = bulk(
        &client,
        json!([{"method": "DELETE", "path": "/Users/1", "version": ""}, {"method": "DELETE", "path": "/Users/1", "version": "*"}]),
    )
    .await;
    assert_eq!(statuses(&entries), ["400", "204"]);
    assert_eq!(
        client.core.methods(),
        ["Authenticate", "ReportRejectedRequest", "DeleteAccount"]
    );
}

#[tokio::test]
async fn a_bulk_has_its_limits() {
    let operation = json!({"method": "DELETE", "path": "/Users/1"});
    let client = client();
    let body = json!({"Operations": vec![&operation; 101]});
    let detail = send(&client, &body).await.error(413, Some("tooMany"));
    assert!(detail.contains("at most 100"), "{detail}");
    assert_eq!(client.core.methods(), ["ReportRejectedRequest"]);
    let entries = bulk(&client, json!(vec![&operation; 100])).await;
    assert_eq!(entries.len(), 100);
    let large = json!({"Operations": [operation], "x": "x".repeat(1024 * 1024)});
    send(&client, &large).await.error(413, None);
}

#[tokio::test]
async fn without_a_credential_that_holds_nothing_is_done() {
    for (code, reason, status) in [
        (Code::Unauthenticated, ErrorReason::InvalidCredential, 401),
        (Code::Unavailable, ErrorReason::Unavailable, 503),
    ] {
        let client = client();
        client.core.fail_next(failure(code, reason, "so"));
        let body = json!({"Operations": [user("a")]});
        send(&client, &body).await.error(status, None);
        assert_eq!(client.core.methods(), ["Authenticate"]);
    }
}

#[tokio::test]
async fn what_was_done_in_time_is_not_lost() {
    let config = FacadeConfig {
        call_timeout: Duration::from_millis(40),
        bulk_timeout: Duration::from_millis(60),
        ..FacadeConfig::new("https://p.example")
    };
    let client = Client::with_config(config);
    client.core.give_names_as_ids();
    client.core.fall_silent_after(2);
    let delete = json!({"method": "DELETE", "path": "/Users/1"});
    let mut operations = vec![user("a")];
    operations.extend(vec![delete; 9]);
    let entries = bulk(&client, json!(operations)).await;
    assert_eq!(entries.len(), 10);
    assert_eq!(entries[0]["status"], "201");
    for entry in &entries[1..] {
        assert_eq!(
            (&entry["status"], &entry["location"]),
            (&json!("503"), &json!(format!("{PLACE}/Users/1")))
        );
    }
    let calls = client.core.methods().len();
    assert!(calls < 10, "what had not begun was not begun: {calls}");
}
