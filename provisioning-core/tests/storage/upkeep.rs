//! What has outlived its retention goes, in bounded steps; the rest stays.

use provisioning_core::{
    changes::ChangeKind,
    storage::{Commit, History, Mutation, Write},
};
use serde_json::json;

use super::{make, on_every_engine};

on_every_engine! {
    async fn tombstones_go_after_their_time(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        for (owner, count) in [(&tenant, 5), (&other, 1)] {
            for number in 0..count {
                let document = json!({ "userName": format!("user{number}"), "externalId": format!("oid{number}"), "emails": [{ "value": "a@x" }] });
                let account = make::stored(storage, owner.id, make::account(make::T0, &document)).await;
                make::stored(storage, owner.id, make::deleted(&account, make::seconds(number))).await;
            }
        }
        let living = make::stored(storage, tenant.id, make::named("living")).await;
        assert_eq!(storage.purge_tombstones(tenant.id, make::seconds(4), 3).await.unwrap(), 3);
        assert_eq!(storage.purge_tombstones(tenant.id, make::seconds(4), 3).await.unwrap(), 1);
        assert_eq!(storage.purge_tombstones(tenant.id, make::seconds(4), 3).await.unwrap(), 0);
        assert_eq!(make::found(storage, &tenant, &living).await, Some(living));
        let tombstone = async |owner, object_id: &str| {
            storage.find_create_candidates(&make::caller_key(owner), "x", Some(object_id), make::T0).await.unwrap().1.tombstone
        };
        assert!(tombstone(&tenant, "oid3").await.is_none());
        assert!(tombstone(&tenant, "oid4").await.is_some(), "it was deleted at that time, not before");
        assert!(tombstone(&other, "oid0").await.is_some(), "it is another tenant's");
    }

    async fn log_entries_go_after_their_time(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenants = [make::stored_tenant(storage, "contoso").await, make::stored_tenant(storage, "fabrikam").await];
        for tenant in &tenants {
            for number in 0..5 {
                let mutation = Mutation { log: Some(make::entry(make::seconds(number))), ..make::mutation(tenant.id, Write::Nothing) };
                assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
            }
        }
        let purge = async |limit| storage.purge_history(tenants[0].id, History::Log, make::seconds(3), limit).await.unwrap();
        assert_eq!((purge(2).await, purge(2).await, purge(2).await), (2, 1, 0));
        let left = storage.list_log_entries(tenants[0].id, None, 10, None).await.unwrap();
        assert_eq!(left.iter().map(|entry| entry.at).collect::<Vec<_>>(), [make::seconds(4), make::seconds(3)]);
        assert_eq!(storage.list_log_entries(tenants[1].id, None, 10, None).await.unwrap().len(), 5, "it is another tenant's");
    }

    async fn changes_go_from_the_first_on_and_leave_no_gap(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        // The third is younger than those behind it: a replica's clock was ahead.
        for (number, at) in [0, 1, 9, 2, 3].into_iter().enumerate() {
            let mut mutation = make::recorded(tenant.id, make::named(&format!("user{number}")), ChangeKind::Created);
            mutation.change.as_mut().expect("it has one").at = make::seconds(at);
            assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
            while storage.number_changes(10).await.unwrap() > 0 {}
        }
        let first = async || storage.first_change_number(tenant.id).await.unwrap();
        let purge = async |before, limit| storage.purge_history(tenant.id, History::Changes, make::seconds(before), limit).await.unwrap();
        assert_eq!(first().await, Some(1));
        assert_eq!((purge(5, 1).await, purge(5, 10).await, purge(5, 10).await), (1, 1, 0));
        let left = storage.list_changes(tenant.id, 0, 10).await.unwrap();
        assert_eq!(left.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(first().await, Some(3));
        assert_eq!(purge(10, 10).await, 3);
        assert_eq!(first().await, Some(6), "the next one is the first that can be read");
        let mutation = make::recorded(tenant.id, make::named("later"), ChangeKind::Created);
        assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
        while storage.number_changes(10).await.unwrap() > 0 {}
        let left = storage.list_changes(tenant.id, 0, 10).await.unwrap();
        assert_eq!(left.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [6]);
        assert_eq!(storage.first_change_number(make::tenant("nobody").id).await.unwrap(), None);
    }

    async fn receipts_of_all_tenants_go_after_their_time(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenants = [make::stored_tenant(storage, "contoso").await, make::stored_tenant(storage, "fabrikam").await];
        for tenant in &tenants {
            for request in 0..4 {
                let receipt = make::receipt(u128::from(request), make::seconds(request));
                let mutation = Mutation { receipt: Some(receipt), ..make::mutation(tenant.id, Write::Nothing) };
                assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
            }
        }
        assert_eq!(storage.purge_receipts(make::seconds(3), 4).await.unwrap(), 4);
        assert_eq!(storage.purge_receipts(make::seconds(3), 4).await.unwrap(), 2);
        assert_eq!(storage.purge_receipts(make::seconds(3), 4).await.unwrap(), 0);
        for tenant in &tenants {
            assert!(storage.find_receipt(tenant.id, &make::receipt(3, make::T0).key).await.unwrap().is_some());
        }
    }
}
