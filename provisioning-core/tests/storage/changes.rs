//! Changes: numbered per tenant in the order of commits, from 1, without a gap and never twice.

use std::collections::{BTreeMap, BTreeSet};

use provisioning_core::{
    accounts::Account,
    changes::{Change, ChangeKind},
    storage::{Commit, Storage},
    tenants::Tenant,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{make, on_every_engine};

async fn create(storage: &Storage, tenant: &Tenant, name: &str) -> Account {
    let mutation = make::recorded(tenant.id, make::named(name), ChangeKind::Created);
    let account = match &mutation.write {
        provisioning_core::storage::Write::Account(write) => write.account.clone(),
        other => panic!("{other:?} is no account"),
    };
    assert_eq!(
        storage.commit(mutation).await.expect("the storage answers"),
        Commit::Done
    );
    account
}

async fn update(storage: &Storage, tenant: &Tenant, account: &Account) -> Account {
    let write = make::next(account, &json!({ "userName": account.user_name }));
    let next = write.account.clone();
    let mutation = make::recorded(tenant.id, write, ChangeKind::Updated);
    assert_eq!(
        storage.commit(mutation).await.expect("the storage answers"),
        Commit::Done
    );
    next
}

async fn number_all(storage: &Storage) {
    while storage
        .number_changes(1_000)
        .await
        .expect("the storage answers")
        > 0
    {}
}

async fn listed(storage: &Storage, tenant: &Tenant) -> Vec<(i64, Change)> {
    storage
        .list_changes(tenant.id, 0, 100_000)
        .await
        .expect("the storage answers")
}

/// Numbers from 1 without a gap, and of each account the versions in their order.
fn assert_well_numbered(changes: &[(i64, Change)], expected: usize) {
    assert_eq!(changes.len(), expected);
    assert!(
        changes
            .iter()
            .map(|(number, _)| *number)
            .eq(1..=i64::try_from(expected).unwrap())
    );
    let mut versions: BTreeMap<_, i64> = BTreeMap::new();
    for (number, change) in changes {
        let before = versions.insert(change.resource, change.version);
        assert_eq!(before.unwrap_or(0) + 1, change.version, "change {number}");
    }
    assert_eq!(
        changes
            .iter()
            .map(|(_, change)| change.id)
            .collect::<BTreeSet<_>>()
            .len(),
        expected
    );
}

on_every_engine! {
    async fn each_tenant_counts_for_itself(fixture: Fixture) {
        let storage = &fixture.storage;
        let contoso = make::stored_tenant(storage, "contoso").await;
        let fabrikam = make::stored_tenant(storage, "fabrikam").await;
        for number in 0..3 {
            let account = create(storage, &contoso, &format!("user{number}")).await;
            update(storage, &contoso, &account).await;
            create(storage, &fabrikam, &format!("user{number}")).await;
        }
        number_all(storage).await;
        assert_well_numbered(&listed(storage, &contoso).await, 6);
        assert_well_numbered(&listed(storage, &fabrikam).await, 3);
        create(storage, &contoso, "later").await;
        number_all(storage).await;
        assert_well_numbered(&listed(storage, &contoso).await, 7);
        let behind = storage.list_changes(contoso.id, 4, 2).await.unwrap();
        assert_eq!(behind.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [5, 6]);
    }

    async fn a_refused_mutation_takes_no_number(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        create(storage, &tenant, "ada").await;
        let again = make::recorded(tenant.id, make::named("ada"), ChangeKind::Created);
        assert_eq!(storage.commit(again).await.unwrap(), Commit::UserNameTaken);
        create(storage, &tenant, "bob").await;
        number_all(storage).await;
        assert_well_numbered(&listed(storage, &tenant).await, 2);
    }

    async fn steps_smaller_than_the_work_keep_the_order(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut account = create(storage, &tenant, "ada").await;
        for _ in 0..9 {
            account = update(storage, &tenant, &account).await;
        }
        while storage.number_changes(3).await.unwrap() > 0 {}
        assert_well_numbered(&listed(storage, &tenant).await, 10);
    }

    async fn two_sequencers_racing_under_load_leave_no_gap_and_number_nothing_twice(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenants = [make::stored_tenant(storage, "contoso").await, make::stored_tenant(storage, "fabrikam").await];
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            for tenant in &tenants {
                let (storage, tenant) = (storage.clone(), tenant.clone());
                writers.spawn(async move {
                    for number in 0..8 {
                        let mut account = create(&storage, &tenant, &format!("user{writer}-{number}")).await;
                        for _ in 0..3 {
                            account = update(&storage, &tenant, &account).await;
                        }
                    }
                });
            }
        }
        let stop = tokio_util::sync::CancellationToken::new();
        let mut sequencers = JoinSet::new();
        for _ in 0..2 {
            let (storage, stop) = (storage.clone(), stop.clone());
            sequencers.spawn(async move {
                while !stop.is_cancelled() {
                    storage.number_changes(50).await.expect("the storage answers");
                    tokio::task::yield_now().await;
                }
            });
        }
        // A follower: what it has seen never changes, and nothing appears before it.
        let all_numbered = tokio_util::sync::CancellationToken::new();
        let (follower_storage, follower_stop, followed) = (storage.clone(), all_numbered.clone(), tenants[0].id);
        let mut followers = JoinSet::new();
        followers.spawn(async move {
            let mut seen: Vec<(i64, Change)> = Vec::new();
            loop {
                let last = follower_stop.is_cancelled();
                let after = seen.last().map_or(0, |(number, _)| *number);
                let new = follower_storage.list_changes(followed, after, 1_000).await.expect("the storage answers");
                if last && new.is_empty() {
                    return seen;
                }
                seen.extend(new);
                tokio::task::yield_now().await;
            }
        });
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
        stop.cancel();
        while let Some(done) = sequencers.join_next().await {
            done.unwrap();
        }
        // Alone, a step that numbers nothing means that nothing is left; beside another sequencer it may only have lost the race.
        number_all(storage).await;
        all_numbered.cancel();
        for tenant in &tenants {
            assert_well_numbered(&listed(storage, tenant).await, 8 * 8 * 4);
        }
        let seen = followers.join_next().await.unwrap().unwrap();
        let listed = listed(storage, &tenants[0]).await;
        for (seen, listed) in seen.iter().zip(&listed) {
            assert_eq!(seen, listed);
        }
        assert_eq!(seen.len(), listed.len());
    }
}
