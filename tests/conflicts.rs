//! Every kind of 409 leaves the database as it was, but for the provisioning log and the findings: a dump before and one after are the same.

use provisioning_proto::admin::v1::{
    LinkObjectIdRequest, RestoreAccountRequest, TenantSettings,
    account_admin_service_client::AccountAdminServiceClient, link_object_id_request::Account,
    link_service_client::LinkServiceClient,
};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    Answer, Panel, ScimClient, Service, Tenant,
    bodies::{group, linked_user, patch_one, patch_whole, user},
    on_both_engines, rpc,
};

/// What a refused request writes.
const WRITTEN: [&str; 2] = ["log_entries", "finding"];
const ALICE: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const BOB: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";
const GONE: &str = "5d1be7a4-2f0c-4c5e-8a3e-1b2c3d4e5f60";
const NOBODY: &str = "7e2cf8b5-3a1d-4d6f-9b4f-2c3d4e5f6071";

/// A request that collides.
struct Case {
    name: &'static str,
    method: Method,
    path: String,
    body: Value,
}

fn case(name: &'static str, method: Method, path: impl Into<String>, body: Value) -> Case {
    Case {
        name,
        method,
        path: path.into(),
        body,
    }
}

/// Alice, Bob whom an admin linked, somebody who was deleted and whose login another has, and two groups.
struct Scene {
    tenant: Tenant,
    alice: String,
    gone: String,
    sales: String,
}

async fn scene(panel: &Panel) -> Scene {
    let tenant = panel.tenant("acme").await;
    let scim = &tenant.scim;
    let alice = scim
        .create_id(&linked_user("alice@contoso.com", ALICE))
        .await;
    let bob = scim.create(&user("bob@contoso.com")).await;
    let link = LinkObjectIdRequest {
        tenant: "acme".to_owned(),
        account: Some(Account::AccountId(
            bob["id"].as_str().expect("an id").to_owned(),
        )),
        object_id: BOB.to_owned(),
        etag: bob["meta"]["version"]
            .as_str()
            .expect("a version")
            .trim_start_matches("W/")
            .to_owned(),
        ..LinkObjectIdRequest::default()
    };
    LinkServiceClient::new(panel.admin.clone())
        .link_object_id(link)
        .await
        .expect("it is free");
    let gone = scim.create_id(&linked_user("gone@contoso.com", GONE)).await;
    scim.delete(&format!("/Users/{gone}")).await.expect(204);
    scim.create(&user("Gone@contoso.com")).await;
    let sales = scim.create_group(&group("Sales", &[&alice])).await;
    scim.create_group(&group("Support", &[])).await;
    Scene {
        tenant,
        alice,
        gone,
        sales,
    }
}

fn account_cases(scene: &Scene) -> Vec<Case> {
    let users = "/Users";
    let alice = format!("/Users/{}", scene.alice);
    let full = |user_name: &str, object_id: &str| {
        let mut body = linked_user(user_name, object_id);
        body["emails"] = json!([{"value": user_name, "type": "work"}]);
        body["displayName"] = json!("Somebody");
        body
    };
    vec![
        case(
            "a login that is used",
            Method::POST,
            users,
            full("bob@contoso.com", NOBODY),
        ),
        case(
            "the same in another case",
            Method::POST,
            users,
            full("BOB@Contoso.com", NOBODY),
        ),
        case(
            "the same without an Object ID",
            Method::POST,
            users,
            user("bob@contoso.com"),
        ),
        case(
            "her own login and Object ID",
            Method::POST,
            users,
            full("alice@contoso.com", ALICE),
        ),
        case(
            "a login taken by a rename",
            Method::PATCH,
            alice.clone(),
            patch_one("Replace", "userName", &json!("bob@contoso.com")),
        ),
        case(
            "the same among other changes",
            Method::PATCH,
            alice.clone(),
            patch_whole(
                "replace",
                &json!({"displayName": "Changed", "active": "False", "userName": "BOB@contoso.com"}),
            ),
        ),
        case(
            "a login taken by a PUT",
            Method::PUT,
            alice.clone(),
            full("bob@contoso.com", ALICE),
        ),
        case(
            "a linked Object ID in a create",
            Method::POST,
            users,
            full("new@contoso.com", BOB),
        ),
        case(
            "the same spelled otherwise",
            Method::POST,
            users,
            full("new@contoso.com", &format!("{{{}}}", BOB.to_uppercase())),
        ),
        case(
            "a linked Object ID in a PATCH",
            Method::PATCH,
            alice.clone(),
            patch_one("Replace", "externalId", &json!(BOB)),
        ),
        case(
            "a linked Object ID in a PUT",
            Method::PUT,
            alice,
            full("alice@contoso.com", BOB),
        ),
        case(
            "a login that was taken since the deletion",
            Method::POST,
            users,
            full("gone@contoso.com", GONE),
        ),
    ]
}

fn group_cases(scene: &Scene) -> Vec<Case> {
    let groups = "/Groups";
    let sales = format!("/Groups/{}", scene.sales);
    vec![
        case(
            "a group's name that is used",
            Method::POST,
            groups,
            group("Support", &[&scene.alice]),
        ),
        case(
            "the same in another case",
            Method::POST,
            groups,
            group("SUPPORT", &[]),
        ),
        case(
            "a group's name taken by a rename",
            Method::PATCH,
            sales.clone(),
            patch_one("Replace", "displayName", &json!("Support")),
        ),
        case(
            "the same with members",
            Method::PATCH,
            sales.clone(),
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
                {"op": "Remove", "path": "members"},
                {"op": "Replace", "path": "displayName", "value": "support"}
            ]}),
        ),
        case(
            "a group's name taken by a PUT",
            Method::PUT,
            sales,
            group("Support", &[]),
        ),
    ]
}

fn cases(scene: &Scene) -> Vec<Case> {
    let mut cases = account_cases(scene);
    cases.extend(group_cases(scene));
    cases
}

/// The cases in a tenant where no two accounts may share an Object ID.
async fn unique_cases(panel: &Panel) -> (ScimClient, Vec<Case>) {
    let settings = TenantSettings {
        object_id_unique: true,
        ..TenantSettings::default()
    };
    let scim = panel.tenant_with("unique", settings).await.scim;
    scim.create(&linked_user("alice@contoso.com", "alice"))
        .await;
    let bob = scim.create_id(&linked_user("bob@contoso.com", "bob")).await;
    let bob = format!("/Users/{bob}");
    let cases = vec![
        case(
            "an Object ID that is used",
            Method::POST,
            "/Users",
            linked_user("new@contoso.com", "alice"),
        ),
        case(
            "a used one in a PATCH",
            Method::PATCH,
            bob.clone(),
            patch_one("Replace", "externalId", &json!("alice")),
        ),
        case(
            "a used one in a PUT",
            Method::PUT,
            bob,
            linked_user("bob@contoso.com", "alice"),
        ),
    ];
    (scim, cases)
}

async fn check(service: &Service, name: &str, request: impl Future<Output = ()>) {
    let before = service.dump(&WRITTEN).await;
    request.await;
    let after = service.dump(&WRITTEN).await;
    for (table, rows) in &before {
        assert_eq!(&after[table], rows, "{name}: {table}");
    }
    assert_eq!(after.len(), before.len());
}

fn expect_conflict(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 409, "{name}: {:#}", answer.body);
    assert_eq!(answer.body["scimType"], "uniqueness", "{name}");
}

on_both_engines! {
    async fn a_conflict_of_any_kind_leaves_the_database_as_it_was(service: Service) {
        let panel = Panel::of(&service).await;
        let scene = scene(&panel).await;
        for case in cases(&scene) {
            check(&service, case.name, async {
                let answer = scene.tenant.scim.send(case.method.clone(), &case.path, Some(&case.body)).await;
                expect_conflict(&answer, case.name);
            })
            .await;
        }
        let (scim, cases) = unique_cases(&panel).await;
        for case in cases {
            check(&service, case.name, async {
                expect_conflict(&scim.send(case.method.clone(), &case.path, Some(&case.body)).await, case.name);
            })
            .await;
        }
    }

    async fn conflicts_in_a_bulk_leave_the_database_as_it_was(service: Service) {
        let panel = Panel::of(&service).await;
        let scene = scene(&panel).await;
        let operations: Vec<Value> = cases(&scene)
            .into_iter()
            .enumerate()
            .map(|(number, case)| {
                let mut operation = json!({"method": case.method.as_str(), "path": case.path, "data": case.body});
                if case.method == Method::POST {
                    operation["bulkId"] = json!(format!("bulk{number}"));
                }
                operation
            })
            .collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
        check(&service, "a bulk", async {
            let answer = scene.tenant.scim.post("/Bulk", &body).await.expect(200);
            let done = answer.body["Operations"].as_array().expect("they are answered");
            assert_eq!(done.len(), operations.len());
            for (operation, asked) in done.iter().zip(&operations) {
                assert_eq!(operation["status"], "409", "{asked:#}: {operation:#}");
            }
        })
        .await;
    }

    async fn conflicts_of_admins_leave_the_database_as_it_was(service: Service) {
        let panel = Panel::of(&service).await;
        let scene = scene(&panel).await;
        let restore = RestoreAccountRequest {
            tenant: "acme".to_owned(),
            account_id: scene.gone.clone(),
            ..RestoreAccountRequest::default()
        };
        let mut accounts = AccountAdminServiceClient::new(panel.admin.clone());
        check(&service, "a restore", async {
            let status = accounts.restore_account(restore).await.expect_err("the login is taken");
            assert_eq!((status.code(), rpc::reason(&status).as_str()), (Code::AlreadyExists, "UNIQUENESS"));
        })
        .await;
        let read = scene.tenant.scim.read(&scene.alice).await;
        let link = LinkObjectIdRequest {
            tenant: "acme".to_owned(),
            account: Some(Account::AccountId(scene.alice.clone())),
            object_id: BOB.to_owned(),
            etag: read["meta"]["version"].as_str().expect("a version").trim_start_matches("W/").to_owned(),
            ..LinkObjectIdRequest::default()
        };
        let mut links = LinkServiceClient::new(panel.admin.clone());
        check(&service, "a link", async {
            let status = links.link_object_id(link).await.expect_err("it is Bob's");
            assert_eq!(rpc::reason(&status), "UNIQUENESS");
        })
        .await;
    }

    async fn a_dump_shows_what_a_request_changes(service: Service) {
        let panel = Panel::of(&service).await;
        let scene = scene(&panel).await;
        let before = service.dump(&WRITTEN).await;
        scene.tenant.scim.patched(&scene.alice, &patch_one("Replace", "title", &json!("Boss"))).await;
        let after = service.dump(&WRITTEN).await;
        let differing: Vec<&str> = before.iter().filter(|(table, rows)| after[*table] != **rows).map(|(table, _)| table.as_str()).collect();
        assert_eq!(differing, ["accounts", "change_heads", "changes", "receipts"]);
    }
}
