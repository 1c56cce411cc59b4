//! The deprovision guard: what is locked, counted, held, dropped and removed.

use std::time::Duration;

use provisioning_core::{
    accounts::Account,
    changes::ChangeKind,
    guard::{Asked, Batch, BatchState, DeprovisionAction, DeprovisionGuard, GuardCheck, Held},
    ids::BatchId,
    storage::{BatchDecision, Commit, DroppedItems, Mutation, Storage, StorageUrl, Write},
    tenants::Tenant,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{execute, make, on_every_engine};

const WINDOW: Duration = Duration::from_hours(1);
/// Enough rows for PostgreSQL to prefer an index to reading the table.
const MANY: u64 = 3_000;

fn check(limit: u32, seconds: u64, action: DeprovisionAction, ids: Vec<Uuid>) -> GuardCheck {
    let at = make::seconds(seconds);
    GuardCheck {
        limits: DeprovisionGuard {
            window: WINDOW,
            max_count: Some(limit),
            max_percent: None,
        },
        asked: Asked {
            action,
            group_id: None,
            ids,
        },
        counted: None,
        id: BatchId::generate(at),
        at,
    }
}

/// The suspension of an account as the directory asks for it.
fn suspension(tenant: &Tenant, account: &Account, limit: u32, seconds: u64) -> Mutation {
    let document: Value = serde_json::from_str(&account.document).expect("a document is JSON");
    let mut write = make::next(account, &document);
    write.account.directory_active = false;
    let ids = vec![account.id.uuid()];
    Mutation {
        guard: Some(check(limit, seconds, DeprovisionAction::Suspend, ids)),
        ..make::recorded(tenant.id, write, ChangeKind::Updated)
    }
}

async fn used(storage: &Storage, tenant: &Tenant, since: u64) -> i64 {
    let since = make::seconds(since);
    storage.count_deprovisioned(tenant.id, since).await.unwrap()
}

async fn decided(storage: &Storage, tenant: &Tenant, batch: &Batch, at: u64) -> Commit {
    let decision = BatchDecision {
        batch: Batch {
            state: BatchState::Dismissed,
            decided_by: "admin".to_owned(),
            decided_at: Some(make::seconds(at)),
            version: batch.version + 1,
            ..batch.clone()
        },
        expected_version: batch.version,
    };
    make::commit(storage, tenant.id, Write::DecideBatch(decision)).await
}

fn held(commit: Commit) -> Held {
    match commit {
        Commit::Held(held) => held,
        other => panic!("it is not held but {other:?}"),
    }
}

on_every_engine! {
    async fn a_write_that_is_held_writes_only_that_it_is(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut accounts = Vec::new();
        for name in ["a", "b"] {
            accounts.push(make::stored(storage, tenant.id, make::named(name)).await);
        }
        assert_eq!(storage.commit(suspension(&tenant, &accounts[0], 1, 5)).await.unwrap(), Commit::Done);
        let refused = Mutation { receipt: Some(make::receipt(1, make::T0)), ..suspension(&tenant, &accounts[1], 1, 6) };
        let would = storage.preview_guard(tenant.id, refused.guard.as_ref().unwrap()).await.unwrap().expect("it would be held");
        assert_eq!((would.batch_id, would.waiting, would.limit), (None, 1, 1));
        assert_eq!(storage.find_pending_batch(tenant.id).await.unwrap(), None, "asking holds nothing");

        let held = held(storage.commit(refused.clone()).await.unwrap());
        assert_eq!(held, Held { batch_id: refused.guard.as_ref().map(|check| check.id), ..would });
        assert_eq!(make::found(storage, &tenant, &accounts[1]).await, Some(accounts[1].clone()));
        while storage.number_changes(10).await.unwrap() > 0 {}
        assert_eq!(storage.list_changes(tenant.id, 0, 10).await.unwrap().len(), 1);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len(), 1);
        assert!(storage.find_receipt(tenant.id, &make::receipt(1, make::T0).key).await.unwrap().is_none());
        assert_eq!(used(storage, &tenant, 0).await, 1);
        let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("it waits");
        assert_eq!((batch.suspends, batch.created_at, batch.version), (1, make::seconds(6), 1));
    }

    async fn a_conflict_behind_the_guard_does_not_count(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        make::stored(storage, tenant.id, make::named("taken")).await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        let stale = Account { version: 7, ..account.clone() };
        assert_eq!(storage.commit(suspension(&tenant, &stale, 1, 1)).await.unwrap(), Commit::VersionMismatch);
        let mut renamed = make::next(&account, &json!({"userName": "taken"}));
        renamed.account.directory_active = false;
        let renamed = Mutation { guard: suspension(&tenant, &account, 1, 1).guard, ..make::mutation(tenant.id, Write::Account(renamed.into())) };
        assert_eq!(storage.commit(renamed).await.unwrap(), Commit::UserNameTaken);
        assert_eq!(used(storage, &tenant, 0).await, 0);
        assert_eq!(storage.commit(suspension(&tenant, &account, 1, 1)).await.unwrap(), Commit::Done);
    }

    async fn an_account_that_shares_its_object_id_counts_once(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        make::stored(storage, tenant.id, make::linked("a", "oid")).await;
        let sharing = make::stored(storage, tenant.id, make::linked("b", "oid")).await;
        assert_eq!(storage.commit(suspension(&tenant, &sharing, 5, 1)).await.unwrap(), Commit::Done);
        assert_eq!(used(storage, &tenant, 0).await, 1);
        assert!(!make::found(storage, &tenant, &sharing).await.expect("it is there").directory_active);
    }

    async fn the_guards_of_two_tenants_have_nothing_to_do_with_each_other(fixture: Fixture) {
        let storage = &fixture.storage;
        for name in ["contoso", "fabrikam"] {
            let tenant = make::stored_tenant(storage, name).await;
            let first = make::stored(storage, tenant.id, make::named("a")).await;
            let second = make::stored(storage, tenant.id, make::named("b")).await;
            assert_eq!(storage.commit(suspension(&tenant, &first, 1, 1)).await.unwrap(), Commit::Done);
            let held = held(storage.commit(suspension(&tenant, &second, 1, 1)).await.unwrap());
            assert_eq!(held.waiting, 1);
            assert_eq!(storage.list_batches(tenant.id, 10, None).await.unwrap().len(), 1);
        }
    }

    async fn a_decision_needs_the_version_that_was_read(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        held(storage.commit(suspension(&tenant, &account, 0, 1)).await.unwrap());
        let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("it waits");
        assert_eq!(decided(storage, &tenant, &batch, 2).await, Commit::Done);
        assert_eq!(decided(storage, &tenant, &batch, 3).await, Commit::VersionMismatch);
        let stored = storage.find_batch(tenant.id, batch.id).await.unwrap().expect("it is kept");
        assert_eq!((stored.state, stored.version, stored.decided_at), (BatchState::Dismissed, 2, Some(make::seconds(2))));
        assert_eq!(storage.find_pending_batch(tenant.id).await.unwrap(), None);
    }

    async fn items_that_are_dropped_leave_their_batches_and_the_counts(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut ids = Vec::new();
        for number in 0..6_u64 {
            let account = make::stored(storage, tenant.id, make::named(&format!("user{number}"))).await;
            held(storage.commit(suspension(&tenant, &account, 0, number)).await.unwrap());
            ids.push(account.id.uuid());
            if number == 2 {
                let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("three wait");
                assert_eq!(decided(storage, &tenant, &batch, 3).await, Commit::Done);
            }
        }
        let drop = async |ids: &[Uuid]| {
            let dropped = DroppedItems { action: DeprovisionAction::Suspend, group_id: Uuid::nil(), ids: ids.to_vec() };
            storage.drop_items(tenant.id, &dropped).await.unwrap()
        };
        assert_eq!((drop(&ids[1..4]).await, drop(&ids[1..4]).await), (3, 0));
        let counts = async || -> Vec<_> {
            let batches = storage.list_batches(tenant.id, 10, None).await.unwrap();
            batches.into_iter().map(|batch| (batch.state, batch.suspends)).collect()
        };
        assert_eq!(counts().await, [(BatchState::Pending, 2), (BatchState::Dismissed, 1)]);
        assert_eq!(drop(&ids).await, 3);
        assert_eq!(counts().await, [(BatchState::Dismissed, 0)], "a pending batch without items is none");
        let other = DroppedItems { action: DeprovisionAction::Delete, group_id: Uuid::nil(), ids };
        assert_eq!(storage.drop_items(tenant.id, &other).await.unwrap(), 0);
    }

    async fn what_is_of_no_use_any_more_goes_step_by_step(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        for number in 0..5_u64 {
            let account = make::stored(storage, tenant.id, make::named(&format!("passes{number}"))).await;
            assert_eq!(storage.commit(suspension(&tenant, &account, 9, number)).await.unwrap(), Commit::Done);
            let account = make::stored(storage, tenant.id, make::named(&format!("held{number}"))).await;
            held(storage.commit(suspension(&tenant, &account, 0, number)).await.unwrap());
        }
        let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("five wait");
        let purge = async |until, before, limit| storage.purge_guard(tenant.id, make::seconds(until), make::seconds(before), limit).await.unwrap();
        assert_eq!((purge(2, 0, 2).await, purge(2, 0, 2).await, purge(2, 0, 2).await), (2, 1, 0));
        assert_eq!(used(storage, &tenant, 0).await, 2);
        assert_eq!(purge(0, 1_000, 10).await, 0, "what waits is kept");
        assert_eq!(decided(storage, &tenant, &batch, 7).await, Commit::Done);
        assert_eq!(purge(0, 7, 10).await, 0, "it was decided at that time, not before");
        assert_eq!((purge(0, 8, 3).await, purge(0, 8, 3).await, purge(0, 8, 3).await), (3, 3, 0));
        assert_eq!(storage.list_batches(tenant.id, 10, None).await.unwrap(), []);
    }

    async fn a_share_is_taken_of_what_was_counted_last(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        let limit = async |counted, seconds| {
            let check = check(1, seconds, DeprovisionAction::Suspend, vec![account.id.uuid()]);
            let limits = DeprovisionGuard { max_count: None, max_percent: Some(10), ..check.limits.clone() };
            let two = vec![account.id.uuid(); 20_000];
            let check = GuardCheck { limits, counted, asked: Asked { ids: two, ..check.asked.clone() }, ..check };
            let mutation = Mutation { guard: Some(check), ..suspension(&tenant, &account, 1, seconds) };
            let asked = storage.preview_guard(tenant.id, mutation.guard.as_ref().unwrap()).await.unwrap().expect("it would be held");
            (asked.limit, storage.find_guard_base(tenant.id).await.unwrap())
        };
        assert_eq!(limit(Some(500), 0).await, (50, None), "asking counts nothing");
        let mut first = suspension(&tenant, &account, 1, 0);
        let check = first.guard.as_mut().unwrap();
        (check.limits.max_count, check.limits.max_percent, check.counted) = (None, Some(10), Some(500));
        assert_eq!(storage.commit(first).await.unwrap(), Commit::Done);
        let base = storage.find_guard_base(tenant.id).await.unwrap().expect("it was counted");
        assert_eq!((base.base, base.began_at), (500, make::T0));
        assert_eq!(limit(Some(9_000), 3_599).await.0, 50, "somebody else has counted within the window");
        assert_eq!(limit(Some(9_000), 3_600).await.0, 900);
        assert_eq!(limit(None, 9_999).await.0, 50);
        assert_eq!(storage.count_managed_active(tenant.id).await.unwrap(), 0, "it is suspended");
    }

    async fn items_are_found_by_indexes(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        for number in 0..MANY / 300 {
            let mut mutation = suspension(&tenant, &account, 0, number);
            let check = mutation.guard.as_mut().unwrap();
            check.asked.ids = (0..300_u128).map(|id| Uuid::from_u128(u128::from(number) * 1_000 + id)).collect();
            held(storage.commit(mutation).await.unwrap());
        }
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("they wait");
        assert_eq!(batch.suspends, i64::try_from(MANY).unwrap());
        let plan = storage.explain_items(tenant.id, batch.id, Uuid::from_u128(7)).await.unwrap().join("\n");
        let (open, page) = ("deprovision_items_open_key", ["deprovision_items_pkey", "SEARCH i USING PRIMARY KEY (tenant_id=? AND batch_id=?"]);
        assert!(plan.contains(open), "{plan}");
        assert!(plan.contains(page[usize::from(fixture.is_sqlite())]), "{plan}");
        for scan in ["SCAN i", "SCAN a\n", "SCAN b", "SCAN deprovision_events", "TEMP B-TREE"] {
            assert!(!plan.contains(scan), "{scan}:\n{plan}");
        }
        assert_eq!(storage.find_moot_items(tenant.id, make::T0, 500).await.unwrap().len(), 500, "there are no such accounts");
    }
}
