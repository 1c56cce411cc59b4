//! Receipts: written with the mutation or not at all, and a second mutation of the same request writes nothing.

use provisioning_core::{
    changes::ChangeKind,
    ids::TenantId,
    receipts::ReceiptKey,
    storage::{AccountWrite, Commit, Mutation, Write},
};
use serde_json::json;

use super::{make, on_every_engine};

fn with_receipt(tenant: TenantId, write: AccountWrite, request: u128) -> Mutation {
    Mutation {
        receipt: Some(make::receipt(request, make::T0)),
        ..make::recorded(tenant, write, ChangeKind::Created)
    }
}

on_every_engine! {
    async fn a_receipt_comes_back_to_its_tenant_only(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let receipt = make::receipt(1, make::T0);
        assert_eq!(storage.commit(with_receipt(tenant.id, make::named("ada"), 1)).await.unwrap(), Commit::Done);
        assert_eq!(storage.find_receipt(tenant.id, &receipt.key).await.unwrap(), Some(receipt.clone()));
        assert_eq!(storage.find_receipt(other.id, &receipt.key).await.unwrap(), None);
        let other_method = ReceiptKey { method: "Other".to_owned(), ..receipt.key.clone() };
        for key in [make::receipt(2, make::T0).key, other_method] {
            assert_eq!(storage.find_receipt(tenant.id, &key).await.unwrap(), None);
        }
    }

    async fn a_request_is_done_once_whatever_else_stands_in_its_way(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        storage.commit(with_receipt(tenant.id, make::named("ada"), 1)).await.unwrap();
        // The login is taken by the very first try of the same request.
        assert_eq!(storage.commit(with_receipt(tenant.id, make::named("ada"), 1)).await.unwrap(), Commit::RequestIdUsed);
        assert_eq!(storage.commit(with_receipt(tenant.id, make::named("bob"), 1)).await.unwrap(), Commit::RequestIdUsed);
        assert_eq!(storage.count_accounts(tenant.id, None).await.unwrap(), 1);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len(), 1);
    }

    async fn a_conflict_leaves_no_receipt(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let ada = make::stored(storage, tenant.id, make::named("ada")).await;
        assert_eq!(storage.commit(with_receipt(tenant.id, make::named("ada"), 1)).await.unwrap(), Commit::UserNameTaken);
        let mut stale = make::next(&ada, &json!({ "userName": "ada" }));
        stale.expected_version = Some(99);
        assert_eq!(storage.commit(with_receipt(tenant.id, stale, 1)).await.unwrap(), Commit::VersionMismatch);
        assert_eq!(storage.find_receipt(tenant.id, &make::receipt(1, make::T0).key).await.unwrap(), None);
        assert_eq!(storage.commit(with_receipt(tenant.id, make::named("bob"), 1)).await.unwrap(), Commit::Done);
    }

    async fn every_kind_of_write_leaves_its_receipt(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let (token, new) = (make::token(make::T0), make::token(make::T0));
        let new_tenant = make::tenant("fabrikam");
        let writes = [
            Write::InsertToken(token.clone()),
            Write::ReplaceToken { old: token.id.clone(), new: new.clone(), expires_at: make::T0, ended: Vec::new() },
            make::revocation(&[&new], make::T0),
            Write::UpdateTenant { tenant: tenant.clone(), expected_version: 1 },
            Write::InsertTenant(new_tenant),
            Write::Nothing,
        ];
        for (request, write) in writes.into_iter().enumerate() {
            let receipt = make::receipt(request as u128, make::T0);
            let mutation = Mutation { receipt: Some(receipt.clone()), ..make::mutation(tenant.id, write) };
            assert_eq!(storage.commit(mutation.clone()).await.unwrap(), Commit::Done);
            assert_eq!(storage.find_receipt(tenant.id, &receipt.key).await.unwrap(), Some(receipt));
            assert_eq!(storage.commit(mutation).await.unwrap(), Commit::RequestIdUsed);
        }
    }
}
