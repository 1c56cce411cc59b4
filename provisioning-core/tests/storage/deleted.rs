//! Deleted accounts: seen where they are asked for, found by their login, removed at the version that was read.

use provisioning_core::{
    accounts::Account,
    clock::Timestamp,
    ids::AccountId,
    storage::{Commit, Storage, Write},
    tenants::Tenant,
};
use serde_json::json;

use super::{make, on_every_engine};

async fn stored_deleted(storage: &Storage, tenant: &Tenant, name: &str, at: Timestamp) -> Account {
    let account = make::stored(storage, tenant.id, make::named(name)).await;
    make::stored(storage, tenant.id, make::deleted(&account, at)).await
}

on_every_engine! {
    async fn the_latest_deletion_comes_first_and_those_of_one_moment_in_order(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        stored_deleted(storage, &other, "foreign", make::seconds(9)).await;
        make::stored(storage, tenant.id, make::named("living")).await;
        let mut expected = Vec::new();
        for (name, second) in [("a", 1), ("b", 3), ("c", 3), ("d", 3), ("e", 2)] {
            expected.push(stored_deleted(storage, &tenant, name, make::seconds(second)).await);
        }
        expected.sort_by_key(|account| std::cmp::Reverse((account.deleted_at, account.id)));
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = storage.list_deleted_accounts(tenant.id, 2, after).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.deleted_at.map(|at| (at, last.id));
            listed.extend(page);
        }
        assert_eq!(listed, expected);
    }

    async fn an_account_is_found_by_its_id_deleted_or_not(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let dead = stored_deleted(storage, &tenant, "dead", make::seconds(1)).await;
        let living = make::stored(storage, tenant.id, make::named("living")).await;
        let find = async |tenant: &Tenant, id: AccountId| {
            let (caller, account) = storage.find_account_or_tombstone(&make::caller_key(tenant), id).await.unwrap();
            assert_eq!(caller.expect("the tenant is there").tenant.id, tenant.id);
            account
        };
        assert_eq!((find(&tenant, dead.id).await, find(&other, dead.id).await), (Some(dead), None));
        assert_eq!(find(&tenant, living.id).await, Some(living));
        let nobody = storage.find_account_or_tombstone(&make::caller_key(&make::tenant("nobody")), AccountId::generate(make::T0)).await.unwrap();
        assert!(nobody.0.is_none() && nobody.1.is_none());
    }

    async fn a_create_learns_who_had_the_login_last(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        stored_deleted(storage, &other, "ada", make::seconds(9)).await;
        let former = async |object_id| {
            let key = make::caller_key(&tenant);
            storage.find_create_candidates(&key, "ada", object_id, make::seconds(10)).await.unwrap().1
        };
        assert_eq!(former(None).await.former, None);
        stored_deleted(storage, &tenant, "ada", make::seconds(1)).await;
        let last = stored_deleted(storage, &tenant, "ada", make::seconds(2)).await;
        let document = json!({ "userName": "ada", "externalId": "oid" });
        let linked = make::stored(storage, tenant.id, make::account(make::T0, &document)).await;
        let linked = make::stored(storage, tenant.id, make::deleted(&linked, make::seconds(1))).await;
        assert_eq!(former(None).await.former.as_ref(), Some(&last));
        let both = former(Some("oid")).await;
        assert_eq!((both.former, both.tombstone), (Some(last), Some(linked)), "each by what it is asked for");
    }

    async fn a_purge_takes_only_what_is_deleted_and_as_it_was_read(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let living = make::stored(storage, tenant.id, make::named("living")).await;
        let dead = stored_deleted(storage, &tenant, "dead", make::seconds(1)).await;
        let purge = |account: &Account, version| Write::PurgeAccount { id: account.id, expected_version: version };
        for (owner, account, version) in [(&tenant, &living, living.version), (&tenant, &dead, dead.version - 1), (&other, &dead, dead.version)] {
            assert_eq!(make::commit(storage, owner.id, purge(account, version)).await, Commit::VersionMismatch);
        }
        assert_eq!(storage.list_deleted_accounts(tenant.id, 9, None).await.unwrap(), std::slice::from_ref(&dead));
        assert_eq!(make::commit(storage, tenant.id, purge(&dead, dead.version)).await, Commit::Done);
        assert_eq!(storage.list_deleted_accounts(tenant.id, 9, None).await.unwrap(), []);
        assert_eq!(make::commit(storage, tenant.id, purge(&dead, dead.version)).await, Commit::VersionMismatch);
        assert_eq!(make::found(storage, &tenant, &living).await, Some(living));
    }
}
