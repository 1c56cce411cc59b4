//! Tenants: unique by identifier, written only by who saw the last version.

use std::time::Duration;

use provisioning_core::{
    guard::DeprovisionGuard,
    storage::{Commit, Write},
    tenants::{Dialect, EntraJob, TenantSettings, UnknownMembers, UnknownSchemas},
};

use super::{make, on_every_engine};

on_every_engine! {
    async fn an_identifier_belongs_to_one_tenant(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let second = make::tenant("contoso");
        assert_eq!(make::commit(storage, second.id, Write::InsertTenant(second)).await, Commit::TenantExists);
        assert_eq!(storage.list_tenants(10, None).await.unwrap(), [tenant]);
    }

    async fn an_update_needs_the_last_version(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut changed = tenant.clone();
        changed.provisioning_enabled = false;
        "Contoso & Söhne".clone_into(&mut changed.display_name);
        changed.settings =
            TenantSettings {
                dialect: Dialect::Rfc,
                object_id_unique: true,
                tombstone_retention: Duration::from_micros(7),
                unknown_members: Some(UnknownMembers::Ignore),
                unknown_schemas: Some(UnknownSchemas::Ignore),
                group_display_name_unique: Some(true),
                entra_job: Some(EntraJob {
                    service_principal_id: uuid::Uuid::from_u128(7),
                    job_id: "scim.7".to_owned(),
                }),
                deprovision_guard: Some(DeprovisionGuard { window: Duration::from_secs(90), max_count: None, max_percent: Some(10) }),
            };
        changed.version = 2;
        changed.updated_at = make::seconds(1);
        let update = |expected_version| Write::UpdateTenant { tenant: changed.clone(), expected_version };
        assert_eq!(make::commit(storage, tenant.id, update(7)).await, Commit::VersionMismatch);
        assert_eq!(storage.list_tenants(10, None).await.unwrap(), std::slice::from_ref(&tenant));
        assert_eq!(make::commit(storage, tenant.id, update(1)).await, Commit::Done);
        assert_eq!(make::commit(storage, tenant.id, update(1)).await, Commit::VersionMismatch);
        assert_eq!(storage.list_tenants(10, None).await.unwrap(), [changed]);
    }

    async fn tenants_are_listed_by_identifier_page_by_page(fixture: Fixture) {
        let storage = &fixture.storage;
        for name in ["b-2", "a", "c", "b", "b2"] {
            make::stored_tenant(storage, name).await;
        }
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = storage.list_tenants(2, after.as_ref()).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.identifier.clone());
            listed.extend(page.iter().map(|tenant| tenant.identifier.as_str().to_owned()));
        }
        assert_eq!(listed, ["a", "b", "b-2", "b2", "c"]);
    }
}
