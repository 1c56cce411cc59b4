//! The deprovision guard end to end: a mistake in Entra's scoping, played against the real binary, and what an admin does about it.

use std::collections::BTreeSet;

use ::entra_sim::{
    CycleKind, CyclePlan, CycleReport, Engine as EntraEngine, RetryAfter, Scenario, Target,
};
use provisioning_proto::admin::v1::{
    ApproveDeprovisionBatchRequest, DeprovisionAction, DeprovisionBatch, DeprovisionBatchItem,
    DeprovisionBatchState, DeprovisionGuard, DismissDeprovisionBatchRequest,
    GetDeprovisionGuardRequest, GetDeprovisionGuardResponse, ListDeprovisionBatchItemsRequest,
    Tenant as TenantMessage, TenantSettings, UpdateTenantRequest,
    deprovision_guard_service_client::DeprovisionGuardServiceClient,
    tenant_service_client::TenantServiceClient,
};
use serde_json::json;
use tonic::Code;

use crate::support::{Admin, Panel, Tenant, bodies, filtered, on_both_engines};

/// Users in the directory; `GUARD_USERS` asks for more, as `cargo xtask guard` does. Four of five lose their assignment by mistake.
const USERS: usize = 250;

/// Numbers of a story: of so many users so many are unassigned, and so many may be suspended.
struct Numbers {
    users: usize,
    unassigned: usize,
    limit: usize,
}

fn numbers() -> Numbers {
    let users = std::env::var("GUARD_USERS").map_or(USERS, |users| {
        users.parse().expect("GUARD_USERS is a number")
    });
    Numbers {
        users,
        unassigned: users * 4 / 5,
        limit: users / 50,
    }
}

fn settings(max_count: usize) -> TenantSettings {
    TenantSettings {
        deprovision_guard: Some(DeprovisionGuard {
            max_count: Some(i32::try_from(max_count).expect("it is small")),
            ..DeprovisionGuard::default()
        }),
        ..TenantSettings::default()
    }
}

fn client(panel: &Panel) -> DeprovisionGuardServiceClient<Admin> {
    DeprovisionGuardServiceClient::new(panel.admin.clone())
}

async fn guard(panel: &Panel, tenant: &Tenant) -> GetDeprovisionGuardResponse {
    let request = GetDeprovisionGuardRequest {
        tenant: tenant.identifier.clone(),
    };
    let response = client(panel).get_deprovision_guard(request).await;
    response.expect("it is answered").into_inner()
}

async fn items(panel: &Panel, tenant: &Tenant, batch: &str) -> Vec<DeprovisionBatchItem> {
    let mut items = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListDeprovisionBatchItemsRequest {
            tenant: tenant.identifier.clone(),
            batch_id: batch.to_owned(),
            page_size: 200,
            page_token,
        };
        let page = client(panel).list_deprovision_batch_items(request).await;
        let page = page.expect("it is a page").into_inner();
        items.extend(page.items);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return items;
        }
    }
}

/// How many accounts are suspended.
async fn suspended(tenant: &Tenant) -> usize {
    let path = format!("{}&count=0", filtered("active eq false"));
    let found = tenant.scim.get(&path).await.expect(200).body;
    usize::try_from(found["totalResults"].as_u64().expect("a number")).expect("it is small")
}

/// Entra with so many users, all of them provisioned. A real one does not wait within a cycle for as long as it is told, as far as is known.
async fn provisioned(tenant: &Tenant, numbers: &Numbers) -> EntraEngine {
    let target = Target::parse(&tenant.endpoint, tenant.token.clone().into());
    let scenario = Scenario {
        cycles: vec![CyclePlan::QUIET],
        retry_after: RetryAfter::Ignore,
        ..Scenario::new(numbers.users, 1)
    };
    let mut engine = EntraEngine::new(target.expect("the endpoint is a URL"), scenario)
        .expect("the scenario is good");
    engine.run(&mut |_| {}).await;
    assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);
    assert_eq!(suspended(tenant).await, 0);
    engine
}

/// An incremental cycle, some cycles later: whatever waits in escrow is due.
async fn cycle(engine: &mut EntraEngine) -> CycleReport {
    let plan = CyclePlan {
        kind: CycleKind::Incremental,
        ..CyclePlan::QUIET
    };
    engine.cycle(plan, &mut |_| {}).await.clone()
}

fn assign(engine: &mut EntraEngine, count: usize, assigned: bool) {
    for index in 0..count {
        engine.directory_mut().set_assigned(index, assigned);
    }
}

/// The mistake, and the cycle after it: no more than the limit is suspended, the others wait in one batch.
async fn mistake(
    panel: &Panel,
    tenant: &Tenant,
    numbers: &Numbers,
) -> (EntraEngine, DeprovisionBatch) {
    let mut engine = provisioned(tenant, numbers).await;
    assign(&mut engine, numbers.unassigned, false);
    let wave = cycle(&mut engine).await;
    let held = numbers.unassigned - numbers.limit;
    assert_eq!(
        (wave.disabled, wave.errors),
        (numbers.limit, held),
        "{wave:?}"
    );
    assert_eq!(suspended(tenant).await, numbers.limit);

    let guard = guard(panel, tenant).await;
    let limit = i64::try_from(numbers.limit).expect("it is small");
    assert_eq!((guard.used, guard.limit), (limit, limit));
    let batch = guard.pending_batch.expect("the others wait");
    assert_eq!(usize::try_from(batch.suspends), Ok(held));
    assert_eq!((batch.deletes, batch.member_removals), (0, 0));
    let waiting: BTreeSet<String> = items(panel, tenant, &batch.id)
        .await
        .into_iter()
        .map(|item| {
            assert_eq!(item.action(), DeprovisionAction::Suspend);
            item.user_name
        })
        .collect();
    let unassigned: BTreeSet<String> = engine.directory().users()[..numbers.unassigned]
        .iter()
        .map(|user| user.user_principal_name.clone())
        .collect();
    assert_eq!(waiting.len(), held);
    assert!(waiting.is_subset(&unassigned), "nobody else waits");
    (engine, batch)
}

on_both_engines! {
    async fn of_a_mistake_in_scoping_no_more_than_the_limit_is_done_and_one_approval_lets_the_rest_pass(service: Service) {
        let (panel, numbers) = (Panel::of(&service).await, numbers());
        let tenant = panel.tenant_with("acme", settings(numbers.limit)).await;
        let (mut engine, batch) = mistake(&panel, &tenant, &numbers).await;

        let again = cycle(&mut engine).await;
        assert_eq!((again.disabled, again.errors), (0, numbers.unassigned - numbers.limit), "sent again, they wait as before");
        assert_eq!(guard(&panel, &tenant).await.pending_batch.expect("they wait").suspends, batch.suspends);

        let approved = service.cli_json(&["guard", "approve", "acme", "--reason", "The office is closed"]).await;
        assert_eq!((&approved["id"], &approved["state"]), (&json!(batch.id), &json!("approved")));
        engine.settle(&mut |_| {}).await;
        let last = engine.report().cycles.last().expect("cycles were played");
        assert_eq!((last.disabled, last.errors), (numbers.unassigned - numbers.limit, 0), "one cycle finishes it");
        assert_eq!(suspended(&tenant).await, numbers.unassigned);
        assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);
        assert_eq!(engine.verify().await, []);

        let shown = service.cli_json(&["guard", "show", "acme"]).await;
        assert_eq!((&shown["pending_batch"], &shown["used"]), (&json!(null), &json!(numbers.limit)));
        assert_eq!(shown["batches"][0]["passed"], batch.suspends);
        let entries = panel.log("acme", "operation eq \"deprovision_approve\"").await;
        assert!(entries[0].detail.contains("The office is closed"), "{:?}", entries[0]);
        let held = panel.log("acme", "reason eq \"DEPROVISION_HELD\"").await;
        assert!(held.len() >= 2 * (numbers.unassigned - numbers.limit) && held.iter().all(|entry| entry.http_status == 429));
    }

    async fn one_dismissal_keeps_all_active_until_the_mistake_is_mended(service: Service) {
        let (panel, numbers) = (Panel::of(&service).await, numbers());
        let tenant = panel.tenant_with("acme", settings(numbers.limit)).await;
        let (mut engine, batch) = mistake(&panel, &tenant, &numbers).await;
        let request = DismissDeprovisionBatchRequest {
            tenant: "acme".to_owned(),
            batch_id: batch.id.clone(),
            reason: "A group was emptied by mistake".to_owned(),
            etag: batch.etag,
            ..DismissDeprovisionBatchRequest::default()
        };
        let dismissed = client(&panel).dismiss_deprovision_batch(request).await.expect("it is dismissed").into_inner().batch;
        assert_eq!(dismissed.expect("it is told").state(), DeprovisionBatchState::Dismissed);

        // As much may pass as in many windows to come.
        let roomy = UpdateTenantRequest {
            tenant: Some(TenantMessage { identifier: "acme".to_owned(), settings: Some(settings(100_000)), ..TenantMessage::default() }),
            ..UpdateTenantRequest::default()
        };
        TenantServiceClient::new(panel.admin.clone()).update_tenant(roomy).await.expect("it is changed");
        for _ in 0..4 {
            let later = cycle(&mut engine).await;
            assert_eq!((later.disabled, later.patches), (0, 0), "{later:?}");
            assert_eq!(suspended(&tenant).await, numbers.limit);
        }
        assert_eq!(guard(&panel, &tenant).await.pending_batch, None);

        assign(&mut engine, numbers.unassigned, true);
        let mended = cycle(&mut engine).await;
        assert_eq!((mended.enabled, mended.errors), (numbers.limit, 0), "{mended:?}");
        assert_eq!(suspended(&tenant).await, 0);
        assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);
        assert_eq!(engine.verify().await, []);
    }

    async fn what_is_held_is_answered_429_with_what_to_do(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant_with("acme", settings(1)).await;
        let mut ids = Vec::new();
        for number in 0..4 {
            ids.push(tenant.scim.create_id(&bodies::user(&format!("user{number}@contoso.com"))).await);
        }
        tenant.scim.patch(&format!("/Users/{}", ids[0]), &bodies::suspend()).await.expect(204);
        let answer = tenant.scim.patch(&format!("/Users/{}", ids[1]), &bodies::suspend()).await.expect(429);
        assert_eq!(answer.header("retry-after"), "60");
        assert_eq!(answer.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        let detail = answer.body["detail"].as_str().expect("a text");
        assert!(detail.contains("at most 1") && detail.contains("provisiond guard approve acme"), "{detail}");
        tenant.scim.delete(&format!("/Users/{}", ids[2])).await.expect(429);
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": "DELETE", "path": format!("/Users/{}", ids[3])}],
        });
        let answer = tenant.scim.post("/Bulk", &bulk).await.expect(200);
        assert_eq!(answer.body["Operations"][0]["status"], "429");
        let group = tenant.scim.create_group(&bodies::group("Team", &[&ids[1], &ids[2]])).await;
        tenant.scim.delete(&format!("/Groups/{group}")).await.expect(429);
        let batch = guard(&panel, &tenant).await.pending_batch.expect("they wait");
        assert_eq!((batch.suspends, batch.deletes, batch.member_removals), (1, 2, 2));
    }

    async fn the_guard_is_set_shown_and_switched_off_by_subcommands(service: Service) {
        let tenant = service.tenant("acme").await;
        let set = service.cli_json(&["tenant", "update", "acme", "--guard-max-count", "1", "--guard-window", "30m"]).await;
        assert_eq!(set["deprovision_guard"], json!({"window_seconds": 1_800, "max_count": 1, "max_percent": null}));
        let refused = service.cli(&["tenant", "update", "acme", "--guard-max-percent", "0"]).await;
        assert_eq!(refused.status.code(), Some(64));
        let refused = service.cli(&["tenant", "update", "acme", "--guard-window", "30m"]).await;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(64) && told.contains("--guard-max-count") && !told.contains("max_count"), "{told}");
        for number in 0..3 {
            let id = tenant.scim.create_id(&bodies::user(&format!("user{number}@contoso.com"))).await;
            tenant.scim.patch(&format!("/Users/{id}"), &bodies::suspend()).await;
        }
        let table = service.cli(&["guard", "show", "acme", "--items"]).await;
        let table = String::from_utf8(table.stdout).expect("it is UTF-8");
        for part in ["at most 1 within 30 min; 1 of 1 used", "pending", "user1@contoso.com", "user2@contoso.com"] {
            assert!(table.contains(part), "{part}:\n{table}");
        }
        let dismissed = service.cli_json(&["guard", "dismiss", "acme"]).await;
        assert_eq!((&dismissed["state"], &dismissed["decided_by"]), (&json!("dismissed"), &json!("provisiond-cli")));
        let nothing = service.cli(&["guard", "approve", "acme"]).await;
        assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing waits"));
        let off = service.cli_json(&["tenant", "update", "acme", "--guard-off"]).await;
        assert_eq!(off["deprovision_guard"], json!(null));
    }

    async fn only_the_tenants_admin_and_operators_decide(service: Service) {
        let panel = Panel::of(&service).await;
        panel.tenant_with("acme", settings(1)).await;
        let request = ApproveDeprovisionBatchRequest {
            tenant: "acme".to_owned(),
            batch_id: "0198d4c0-0000-7000-8000-000000000000".to_owned(),
            ..ApproveDeprovisionBatchRequest::default()
        };
        for (scopes, of, code) in [
            (["provisioning.admin"], Some("acme"), Code::NotFound),
            (["platform.operator"], None, Code::NotFound),
            (["provisioning.admin"], Some("other"), Code::NotFound),
            (["accounts.write"], Some("acme"), Code::PermissionDenied),
        ] {
            let caller = service.caller(&scopes, of).await;
            let answer = DeprovisionGuardServiceClient::new(caller).approve_deprovision_batch(request.clone()).await;
            assert_eq!(answer.expect_err("there is no such batch").code(), code, "{scopes:?} of {of:?}");
        }
    }
}
