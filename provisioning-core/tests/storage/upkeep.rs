//! What has outlived its retention goes, in bounded steps; the rest stays.

use provisioning_core::storage::{Commit, Mutation, Write};
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
