//! Object IDs that several accounts share.

use super::{make, on_every_engine};

on_every_engine! {
    async fn a_shared_object_id_is_found_until_one_account_holds_it(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        make::stored(storage, other.id, make::linked("ada", "oid")).await;
        make::stored(storage, tenant.id, make::linked("ada", "oid")).await;
        make::stored(storage, tenant.id, make::linked("eve", "another")).await;
        make::stored(storage, tenant.id, make::named("unlinked")).await;
        make::stored(storage, tenant.id, make::named("unlinked too")).await;
        assert_eq!(storage.find_shared_object_id(tenant.id).await.unwrap(), None);

        let bob = make::stored(storage, tenant.id, make::linked("bob", "oid")).await;
        assert_eq!(storage.find_shared_object_id(tenant.id).await.unwrap().as_deref(), Some("oid"));
        make::stored(storage, tenant.id, make::deleted(&bob, make::seconds(1))).await;
        assert_eq!(storage.find_shared_object_id(tenant.id).await.unwrap(), None);
    }
}
