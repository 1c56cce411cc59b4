//! The deprovision guard: what is locked, counted, held, dropped and removed.

mod plans;

use std::time::Duration;

use provisioning_core::{
    accounts::Account,
    changes::ChangeKind,
    groups::Group,
    guard::{Affected, Batch, BatchState, DeprovisionAction, DeprovisionGuard, GuardCheck, Held},
    ids::BatchId,
    storage::{
        BatchDecision, Commit, DroppedItems, GroupWrite, GuardPart, GuardedTenant, Mutation,
        Storage, StorageConfig, StorageError, StorageUrl, Write,
    },
    tenants::Tenant,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Fixture, groups, make, on_every_engine};

const WINDOW: Duration = Duration::from_hours(1);
/// What passes within a step of so many seconds is counted together.
const STEP: u64 = 6;

fn check(limit: u32, seconds: u64, action: DeprovisionAction, ids: Vec<Uuid>) -> GuardCheck {
    let at = make::seconds(seconds);
    GuardCheck {
        limits: DeprovisionGuard {
            window: WINDOW,
            max_count: Some(limit),
            max_percent: None,
        },
        affected: Affected::Accounts(action, ids),
        counted: None,
        id: BatchId::generate(at),
        at,
    }
}

fn part(check: GuardCheck) -> GuardPart {
    GuardPart {
        check: Some(check),
        moot: Vec::new(),
    }
}

fn asked(mutation: &Mutation) -> &GuardCheck {
    let part = mutation.guard.as_ref().expect("it is guarded");
    part.check.as_ref().expect("it has something to get past")
}

/// The suspension of an account as the directory asks for it.
fn suspension(tenant: &Tenant, account: &Account, limit: u32, seconds: u64) -> Mutation {
    let document: Value = serde_json::from_str(&account.document).expect("a document is JSON");
    let mut write = make::next(account, &document);
    write.account.directory_active = false;
    let ids = vec![account.id.uuid()];
    Mutation {
        guard: Some(part(check(limit, seconds, DeprovisionAction::Suspend, ids))),
        ..make::recorded(tenant.id, write, ChangeKind::Updated)
    }
}

/// That members leave a group, as the directory asks for it.
fn removal(tenant: &Tenant, group: &Group, ids: &[Uuid], limit: u32, seconds: u64) -> Mutation {
    let change = GroupWrite::Change {
        id: group.id,
        expected_version: Some(group.version),
        document: None,
        clear: false,
        remove: ids.to_vec(),
        add: Vec::new(),
        spares_protected: true,
        at: make::seconds(seconds),
    };
    let check = GuardCheck {
        affected: Affected::Members(group.id, ids.to_vec()),
        ..check(limit, seconds, DeprovisionAction::RemoveMember, Vec::new())
    };
    Mutation {
        guard: Some(part(check)),
        ..make::mutation(tenant.id, Write::Group(change.into()))
    }
}

async fn used(storage: &Storage, tenant: &Tenant, since: u64) -> i64 {
    let since = make::seconds(since);
    storage.count_deprovisioned(tenant.id, since).await.unwrap()
}

async fn decided(storage: &Storage, tenant: &Tenant, batch: &Batch, at: u64) -> Commit {
    make::commit(storage, tenant.id, Write::DecideBatch(decision(batch, at))).await
}

fn decision(batch: &Batch, at: u64) -> BatchDecision {
    BatchDecision {
        batch: Batch {
            state: BatchState::Dismissed,
            decided_by: "admin".to_owned(),
            decided_at: Some(make::seconds(at)),
            version: batch.version + 1,
            ..batch.clone()
        },
        expected_version: batch.version,
    }
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
        let would = storage.preview_guard(tenant.id, asked(&refused)).await.unwrap().expect("it would be held");
        assert_eq!((would.batch_id, would.waiting, would.limit), (None, 1, 1));
        assert_eq!(storage.find_pending_batch(tenant.id).await.unwrap(), None, "asking holds nothing");

        let held = held(storage.commit(refused.clone()).await.unwrap());
        assert_eq!(held, Held { batch_id: Some(asked(&refused).id), ..would });
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

    async fn what_was_decided_on_another_version_is_told_so_and_waits_for_nobody(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        let ids = [account.id.uuid()];
        let group = groups::create(storage, &tenant, "Sales", &ids).await;
        let old_account = Account { version: account.version + 6, ..account.clone() };
        let old_group = Group { version: group.version + 6, ..group.clone() };
        for stale in [suspension(&tenant, &old_account, 0, 1), removal(&tenant, &old_group, &ids, 0, 1)] {
            let stale = Mutation { receipt: Some(make::receipt(1, make::T0)), ..stale };
            assert_eq!(storage.commit(stale).await.unwrap(), Commit::VersionMismatch);
        }
        assert_eq!(storage.list_batches(tenant.id, 10, None).await.unwrap(), []);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap(), []);
        assert!(storage.find_receipt(tenant.id, &make::receipt(1, make::T0).key).await.unwrap().is_none());
        // What they ask for does wait where it is decided on what there is.
        held(storage.commit(suspension(&tenant, &account, 0, 2)).await.unwrap());
        held(storage.commit(removal(&tenant, &group, &ids, 0, 2)).await.unwrap());
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

    async fn a_request_that_was_answered_meanwhile_waits_for_nothing(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        let request = Mutation { receipt: Some(make::receipt(1, make::T0)), ..suspension(&tenant, &account, 1, 5) };
        assert_eq!(storage.commit(request.clone()).await.unwrap(), Commit::Done);
        // Its copy, which was decided at the same time and came second.
        assert_eq!(storage.commit(request).await.unwrap(), Commit::RequestIdUsed);
        assert_eq!(storage.find_pending_batch(tenant.id).await.unwrap(), None);
        assert_eq!(used(storage, &tenant, 0).await, 1);
    }

    async fn what_passes_counts_for_its_window_and_the_rest_of_a_step(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        for number in 0..40_u64 {
            let account = make::stored(storage, tenant.id, make::named(&format!("user{number}"))).await;
            assert_eq!(storage.commit(suspension(&tenant, &account, 40, number % 2)).await.unwrap(), Commit::Done);
        }
        let late = make::stored(storage, tenant.id, make::named("late")).await;
        for seconds in [3_599, 3_600, 3_601, 3_605] {
            let check = check(40, seconds, DeprovisionAction::Suspend, vec![late.id.uuid()]);
            assert!(storage.preview_guard(tenant.id, &check).await.unwrap().is_some(), "{seconds}");
        }
        let check = check(40, 3_606, DeprovisionAction::Suspend, vec![late.id.uuid()]);
        assert_eq!(storage.preview_guard(tenant.id, &check).await.unwrap(), None);
        let purged = storage.purge_guard(tenant.id, make::seconds(3_606), make::T0, 500).await.unwrap();
        assert_eq!(purged, 1, "however much has passed");
    }

    async fn what_is_moot_goes_with_what_makes_it_so(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        held(storage.commit(suspension(&tenant, &account, 0, 1)).await.unwrap());
        let moot = vec![DroppedItems { action: DeprovisionAction::Suspend, group_id: Uuid::nil(), ids: vec![account.id.uuid()] }];
        let guard = Some(GuardPart { check: None, moot });
        let document = json!({"userName": "a", "title": "x"});
        let with = |write, request| Mutation { guard: guard.clone(), receipt: Some(make::receipt(request, make::T0)), log: Some(make::entry(make::T0)), ..make::mutation(tenant.id, write) };
        let stale = make::next(&Account { version: 7, ..account.clone() }, &document);
        assert_eq!(storage.commit(with(Write::Account(stale.into()), 1)).await.unwrap(), Commit::VersionMismatch);
        assert!(storage.find_pending_batch(tenant.id).await.unwrap().is_some(), "nothing was done");
        let next = make::next(&account, &document);
        assert_eq!(storage.commit(with(Write::Account(next.clone().into()), 1)).await.unwrap(), Commit::Done);
        assert_eq!(storage.find_pending_batch(tenant.id).await.unwrap(), None);
        // A request that changes nothing else.
        held(storage.commit(suspension(&tenant, &next.account, 0, 2)).await.unwrap());
        assert_eq!(storage.commit(with(Write::Nothing, 1)).await.unwrap(), Commit::RequestIdUsed);
        assert!(storage.find_pending_batch(tenant.id).await.unwrap().is_some(), "it was done before");
        assert_eq!(storage.commit(with(Write::Nothing, 2)).await.unwrap(), Commit::Done);
        assert_eq!(storage.find_pending_batch(tenant.id).await.unwrap(), None);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len(), 2);
    }

    async fn the_tenants_whose_guard_has_decided_something_are_found_page_by_page(fixture: Fixture) {
        let storage = &fixture.storage;
        let mut guarded = Vec::new();
        for number in 0..5_u64 {
            let mut tenant = make::tenant(&format!("tenant{number}"));
            tenant.settings.deprovision_guard = (number % 2 == 0).then(|| check(1, 0, DeprovisionAction::Suspend, Vec::new()).limits);
            assert_eq!(make::commit(storage, tenant.id, Write::InsertTenant(tenant.clone())).await, Commit::Done);
            if number == 4 {
                continue;
            }
            let account = make::stored(storage, tenant.id, make::named("a")).await;
            assert_eq!(storage.commit(suspension(&tenant, &account, 1, 1)).await.unwrap(), Commit::Done);
            guarded.push(GuardedTenant { id: tenant.id, window: (number % 2 == 0).then_some(WINDOW) });
        }
        guarded.sort_by_key(|tenant| tenant.id);
        let mut found = Vec::new();
        loop {
            let after = found.last().map(|tenant: &GuardedTenant| tenant.id);
            let page = storage.list_guarded_tenants(3, after).await.unwrap();
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, guarded);
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
            assert_eq!(storage.commit(suspension(&tenant, &account, 9, number * STEP)).await.unwrap(), Commit::Done);
            let account = make::stored(storage, tenant.id, make::named(&format!("held{number}"))).await;
            held(storage.commit(suspension(&tenant, &account, 0, number)).await.unwrap());
        }
        let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("five wait");
        let purge = async |until, before, limit| storage.purge_guard(tenant.id, make::seconds(until), make::seconds(before), limit).await.unwrap();
        assert_eq!((purge(3 * STEP, 0, 2).await, purge(3 * STEP, 0, 2).await, purge(3 * STEP, 0, 2).await), (2, 1, 0));
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
            let many = Affected::Accounts(DeprovisionAction::Suspend, vec![account.id.uuid(); 20_000]);
            let check = GuardCheck { limits, counted, affected: many, ..check };
            let would = storage.preview_guard(tenant.id, &check).await.unwrap().expect("it would be held");
            (would.limit, storage.find_guard_base(tenant.id).await.unwrap())
        };
        assert_eq!(limit(Some(500), 0).await, (50, None), "asking counts nothing");
        let mut first = suspension(&tenant, &account, 1, 0);
        let check = first.guard.as_mut().unwrap().check.as_mut().unwrap();
        (check.limits.max_count, check.limits.max_percent, check.counted) = (None, Some(10), Some(500));
        assert_eq!(storage.commit(first).await.unwrap(), Commit::Done);
        let base = storage.find_guard_base(tenant.id).await.unwrap().expect("it was counted");
        assert_eq!((base.base, base.began_at), (500, make::T0));
        assert_eq!(limit(Some(9_000), 3_599).await.0, 50, "somebody else has counted within the window");
        assert_eq!(limit(Some(9_000), 3_600).await.0, 900);
        assert_eq!(limit(None, 9_999).await.0, 50);
        assert_eq!(storage.count_managed_active(tenant.id).await.unwrap(), 0, "it is suspended");
    }
}

/// Of PostgreSQL: the embedded engine's writer is its lock, and its queue has the same bound. Whoever waits for a tenant's lock, for whatever purpose, leaves
/// connections to others, and is told in time that there is no answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_guard_is_in_nobodys_way_and_does_not_wait_for_ever() {
    let fixture = Fixture::postgres().await;
    let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
    let mut accounts = Vec::new();
    for number in 0..16 {
        let account = make::named(&format!("user{number}"));
        accounts.push(make::stored(&fixture.storage, tenant.id, account).await);
    }
    held(
        fixture
            .storage
            .commit(suspension(&tenant, &accounts[0], 0, 1))
            .await
            .unwrap(),
    );
    let batch = fixture.storage.find_pending_batch(tenant.id).await.unwrap();
    let batch = batch.expect("it waits");

    let StorageUrl::Postgres(url) = &fixture.config.url else {
        panic!("it is PostgreSQL");
    };
    let mut other = PgConnection::connect(url.expose_secret()).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("SELECT FROM deprovision_guards FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let config = StorageConfig {
        pool_size_max: 4,
        acquire_timeout: Duration::from_secs(1),
        ..fixture.config.clone()
    };
    let storage = Storage::open(&config).await.unwrap();
    let mut waiting = JoinSet::new();
    for (number, account) in accounts.iter().cloned().enumerate() {
        let (storage, tenant, batch) = (storage.clone(), tenant.clone(), batch.clone());
        waiting.spawn(async move {
            let account_id = account.id.uuid();
            match number % 3 {
                0 => storage
                    .commit(suspension(&tenant, &account, 9, 2))
                    .await
                    .map(drop),
                1 => storage
                    .commit(make::mutation(
                        tenant.id,
                        Write::DecideBatch(decision(&batch, 2)),
                    ))
                    .await
                    .map(drop),
                _ => {
                    let dropped = DroppedItems {
                        action: DeprovisionAction::Suspend,
                        group_id: Uuid::nil(),
                        ids: vec![account_id],
                    };
                    storage.drop_items(tenant.id, &dropped).await.map(drop)
                }
            }
        });
    }
    let first = loop {
        tokio::select! {
            biased;
            ended = waiting.join_next() => break ended.expect("there are some").expect("it ends"),
            found = make::found(&storage, &tenant, &accounts[1]) => assert!(found.is_some()),
        }
    };
    assert!(
        matches!(first, Err(StorageError::Unavailable(_))),
        "{first:?}"
    );
    lock.rollback().await.unwrap();
    while let Some(ended) = waiting.join_next().await {
        let ended = ended.expect("it ends");
        assert!(
            matches!(ended, Ok(()) | Err(StorageError::Unavailable(_))),
            "{ended:?}"
        );
    }
    assert_eq!(
        make::found(&storage, &tenant, &accounts[1]).await.as_ref(),
        Some(&accounts[1])
    );
}
