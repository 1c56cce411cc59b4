//! Extension schemas: one after the other, found with the caller, gone when deleted.

use std::sync::Arc;

use provisioning_core::{
    attributes::schema::Schema,
    clock::Timestamp,
    schemas::{Extended, ExtensionSchema},
    storage::{Commit, Mutation, SchemaChange, SchemaWrite, Storage, Write},
    tenants::Tenant,
};
use serde_json::json;

use super::{make, on_every_engine};

fn schema(urn: &str, version: i64) -> ExtensionSchema {
    let attributes = json!([{
        "name": "costCode", "type": "integer", "multiValued": false, "description": "", "required": false, "caseExact": false,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    }]);
    ExtensionSchema {
        schema: Arc::new(Schema {
            id: urn.to_owned(),
            name: "Costs \u{10000}".to_owned(),
            description: String::new(),
            attributes: serde_json::from_value(attributes).expect("they are attributes"),
            built_in: false,
        }),
        extends: Extended::User,
        version,
    }
}

fn write(expected_version: i64, change: SchemaChange) -> Write {
    Write::ExtensionSchema(SchemaWrite {
        expected_version,
        version: expected_version + 1,
        change,
    })
}

/// The tenant's schema version and its schemas.
async fn found(storage: &Storage, tenant: &Tenant) -> (i64, Vec<ExtensionSchema>) {
    let (caller, schemas) = storage
        .find_extension_schemas(&make::caller_key(tenant))
        .await
        .expect("the storage answers");
    let caller = caller.expect("the tenant is there");
    (caller.tenant.schema_version, schemas)
}

on_every_engine! {
    async fn definitions_of_a_tenant_change_one_after_the_other(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        assert_eq!(found(storage, &tenant).await, (0, Vec::new()));
        let (b, a) = (schema("urn:x:B", 1), schema("urn:x:a", 2));
        assert_eq!(make::commit(storage, tenant.id, write(0, SchemaChange::Put(b.clone()))).await, Commit::Done);
        assert_eq!(make::commit(storage, tenant.id, write(0, SchemaChange::Put(a.clone()))).await, Commit::VersionMismatch);
        assert_eq!(make::commit(storage, tenant.id, write(1, SchemaChange::Put(a.clone()))).await, Commit::Done);
        assert_eq!(found(storage, &tenant).await, (2, vec![a.clone(), b.clone()]));
        assert_eq!(found(storage, &other).await, (0, Vec::new()), "it is another tenant's");

        let b = ExtensionSchema { extends: Extended::Group, ..schema("URN:X:b", 3) };
        assert_eq!(make::commit(storage, tenant.id, write(2, SchemaChange::Put(b.clone()))).await, Commit::Done);
        assert_eq!(found(storage, &tenant).await, (3, vec![a.clone(), b.clone()]), "a URN is unique without regard to case");
        assert_eq!(make::commit(storage, tenant.id, write(2, SchemaChange::Delete(a.clone()))).await, Commit::VersionMismatch);
        assert_eq!(make::commit(storage, tenant.id, write(3, SchemaChange::Delete(a))).await, Commit::Done);
        assert_eq!(found(storage, &tenant).await, (4, vec![b]));
    }

    async fn every_statement_that_finds_the_caller_tells_the_schema_version(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("alice")).await;
        assert_eq!(make::commit(storage, tenant.id, write(0, SchemaChange::Put(schema("urn:x:y", 1)))).await, Commit::Done);
        let key = make::caller_key(&tenant);
        let by_id = provisioning_core::accounts::AccountKey::Id(account.id);
        let callers = [
            storage.find_caller(&key).await.unwrap(),
            storage.find_accounts(&key, &by_id).await.unwrap().0,
            storage.batch_find_accounts(&key, &[account.id]).await.unwrap().0,
            storage.find_create_candidates(&key, "bob", None, make::T0).await.unwrap().0,
        ];
        for caller in callers {
            assert_eq!(caller.expect("it is there").tenant.schema_version, 1);
        }
    }

    async fn a_tenants_settings_and_its_definitions_change_apart(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        assert_eq!(make::commit(storage, tenant.id, write(0, SchemaChange::Put(schema("urn:x:y", 1)))).await, Commit::Done);
        // Read before the definition.
        let mut changed = tenant.clone();
        changed.version = 2;
        changed.updated_at = make::seconds(1);
        let update = Write::UpdateTenant { tenant: changed, expected_version: 1 };
        assert_eq!(make::commit(storage, tenant.id, update).await, Commit::Done);
        let (version, schemas) = found(storage, &tenant).await;
        assert_eq!((version, schemas.len()), (1, 1));
    }

    async fn a_definition_its_log_entry_and_its_receipt_are_one(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mutation = |expected: i64, request: u128| Mutation {
            log: Some(make::entry(Timestamp::from_micros(make::T0.as_micros() + expected))),
            receipt: Some(make::receipt(request, make::T0)),
            ..make::mutation(tenant.id, write(expected, SchemaChange::Put(schema("urn:x:y", expected + 1))))
        };
        assert_eq!(storage.commit(mutation(7, 1)).await.unwrap(), Commit::VersionMismatch);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap(), []);
        assert_eq!(storage.find_receipt(tenant.id, &make::receipt(1, make::T0).key).await.unwrap(), None);
        assert_eq!(storage.commit(mutation(0, 1)).await.unwrap(), Commit::Done);
        assert_eq!(storage.commit(mutation(1, 1)).await.unwrap(), Commit::RequestIdUsed);
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len(), 1);
        assert_eq!(found(storage, &tenant).await.0, 1);
    }
}
