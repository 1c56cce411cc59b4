//! Tenants: made once, changed with a mask, switched on and off.

use std::time::Duration;

use provisioning_core::{
    accounts::Precondition,
    error::Reason,
    receipts::{Answer, Once},
    tenants::{Dialect, NewTenant, Tenant, TenantChanges, TenantSettings},
};

use crate::world::{
    CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, operator, reason, scim,
};

fn new_tenant() -> NewTenant {
    NewTenant {
        display_name: "Fabrikam".to_owned(),
        provisioning_enabled: true,
        settings: TenantSettings::default(),
    }
}

fn unique() -> TenantChanges {
    TenantChanges {
        object_id_unique: Some(true),
        ..TenantChanges::default()
    }
}

fn validate_only() -> Precondition {
    Precondition {
        etag: None,
        validate_only: true,
    }
}

on_every_engine! {
    async fn a_tenant_is_made_once(world: World) {
        let made = world.create_tenant(FABRIKAM).await;
        assert_eq!((made.version, made.provisioning_enabled), (1, true));
        let again = world.core.create_tenant(&operator(FABRIKAM), new_tenant(), false, None).await;
        assert_eq!(reason(again), Reason::TenantExists);
        assert_eq!(world.core.get_tenant(&admin(FABRIKAM)).await.expect("it is there"), made);
    }

    async fn a_repeated_create_is_answered_as_the_first_time(world: World) {
        let operator = operator(FABRIKAM);
        let encode = |tenant: &Tenant| tenant.id.to_string().into_bytes();
        let once = || Some(Once { encode: &encode, ..once(1, 1) });
        let made = fresh(world.core.create_tenant(&operator, new_tenant(), false, once()).await);
        match world.core.create_tenant(&operator, new_tenant(), false, once()).await.expect("it is answered") {
            Answer::Replayed(bytes) => assert_eq!(bytes, made.id.to_string().into_bytes()),
            Answer::Fresh(_) => panic!("a second tenant was made"),
        }
    }

    async fn validating_a_create_makes_nothing(world: World) {
        world.core.create_tenant(&operator(FABRIKAM), new_tenant(), true, None).await.expect("it would be made");
        assert_eq!(reason(world.core.get_tenant(&operator(FABRIKAM)).await), Reason::TenantNotFound);
        let taken = world.core.create_tenant(&operator(CONTOSO), new_tenant(), true, None).await;
        assert_eq!(reason(taken), Reason::TenantExists);
    }

    async fn tenants_are_listed_by_identifier_and_page_by_page(world: World) {
        for identifier in ["delta", "alpha", "bravo"] {
            world.create_tenant(identifier).await;
        }
        let first = world.core.list_tenants(3, "").await.expect("it is a page");
        let names = |tenants: Vec<Tenant>| -> Vec<String> {
            tenants.iter().map(|tenant| tenant.identifier.to_string()).collect()
        };
        let next = first.next_page_token.expect("there is more");
        assert_eq!(names(first.tenants), ["alpha", "bravo", "contoso"]);
        let second = world.core.list_tenants(3, &next).await.expect("it is a page");
        assert_eq!((names(second.tenants), second.next_page_token), (vec!["delta".to_owned()], None));
        assert_eq!(reason(world.core.list_tenants(3, "AAAA").await), Reason::InvalidPageToken);
    }

    async fn settings_change_with_the_etag_that_was_read(world: World) {
        let asked = TenantChanges {
            dialect: Some(Dialect::Rfc),
            tombstone_retention: Some(Duration::from_hours(24)),
            ..TenantChanges::default()
        };
        let etag = |etag: &str| Precondition { etag: Some(etag.to_owned()), validate_only: false };
        let operator = operator(CONTOSO);
        let changed = fresh(world.core.update_tenant(&operator, &asked, &etag("\"1\""), None).await);
        assert_eq!((changed.version, changed.settings.dialect), (2, Dialect::Rfc));
        let again = TenantChanges { dialect: Some(Dialect::Entra), ..TenantChanges::default() };
        assert_eq!(reason(world.core.update_tenant(&operator, &again, &etag("\"1\""), None).await), Reason::EtagMismatch);

        assert_eq!(world.log(CONTOSO, "operation eq \"tenant_update\" and reason eq \"ETAG_MISMATCH\"").await.len(), 1);
        let entries = world.log(CONTOSO, "operation eq \"tenant_update\" and outcome eq \"success\"").await;
        let names: Vec<_> = entries[0].changes.iter().map(|change| change.attribute.as_str()).collect();
        assert_eq!(names, ["settings.dialect", "settings.tombstone_retention"]);
    }

    async fn an_update_that_changes_nothing_leaves_no_trace(world: World) {
        let asked = TenantChanges { dialect: Some(Dialect::Entra), ..TenantChanges::default() };
        let same = fresh(world.core.update_tenant(&operator(CONTOSO), &asked, &Precondition::default(), None).await);
        assert_eq!(same.version, 1);
        assert!(world.log(CONTOSO, "operation eq \"tenant_update\"").await.is_empty());
    }

    async fn what_there_was_nothing_to_do_for_is_not_done_when_it_is_repeated(world: World) {
        let operator = operator(CONTOSO);
        let speak = |dialect| TenantChanges { dialect: Some(dialect), ..TenantChanges::default() };
        let any = Precondition::default();
        fresh(world.core.update_tenant(&operator, &speak(Dialect::Entra), &any, Some(once(1, 1))).await);
        fresh(world.core.switch_provisioning(&operator, true, Some(once(2, 1))).await);
        fresh(world.core.update_tenant(&operator, &speak(Dialect::Rfc), &any, None).await);
        fresh(world.core.switch_provisioning(&operator, false, None).await);

        let updated = world.core.update_tenant(&operator, &speak(Dialect::Entra), &any, Some(once(1, 1))).await;
        let switched = world.core.switch_provisioning(&operator, true, Some(once(2, 1))).await;
        assert!(matches!((updated, switched), (Ok(Answer::Replayed(_)), Ok(Answer::Replayed(_)))));
        let tenant = world.core.get_tenant(&operator).await.expect("it is there");
        assert_eq!((tenant.settings.dialect, tenant.provisioning_enabled), (Dialect::Rfc, false));
        assert_eq!(reason(world.core.switch_provisioning(&operator, true, Some(once(2, 2))).await), Reason::RequestIdReused);
    }

    async fn a_setting_is_validated_without_being_changed(world: World) {
        let operator = operator(CONTOSO);
        fresh(world.core.update_tenant(&operator, &unique(), &validate_only(), None).await);
        assert_eq!(world.core.get_tenant(&operator).await.expect("it is there").version, 1);
    }

    async fn object_ids_cannot_be_made_unique_while_two_accounts_share_one(world: World) {
        let shared = Some("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef");
        let alice = world.create_account("alice@contoso.com", shared).await;
        world.create_account("bob@contoso.com", shared).await;
        let operator = operator(CONTOSO);
        assert_eq!(reason(world.core.update_tenant(&operator, &unique(), &validate_only(), None).await), Reason::SettingConflict);
        let refused = world.core.update_tenant(&operator, &unique(), &Precondition::default(), None).await;
        assert_eq!(reason(refused), Reason::SettingConflict);
        assert!(!world.core.get_tenant(&operator).await.expect("it is there").settings.object_id_unique);

        world.unlink(alice.id).await;
        let changed = fresh(world.core.update_tenant(&operator, &unique(), &Precondition::default(), None).await);
        assert!(changed.settings.object_id_unique);
    }

    async fn switching_off_refuses_scim_at_once_and_loses_nothing(world: World) {
        let token = world.generate(CONTOSO).await;
        let scim = scim(CONTOSO, &token.text);
        world.core.switch_provisioning(&operator(CONTOSO), false, None).await.expect("it is off");
        assert_eq!(reason(world.core.authenticate(&scim).await), Reason::ProvisioningDisabled);
        let tenant = fresh(world.core.switch_provisioning(&operator(CONTOSO), true, None).await);
        assert!(tenant.provisioning_enabled);
        world.core.authenticate(&scim).await.expect("the token still holds");
        let entries = world.log(CONTOSO, "operation eq \"tenant_update\"").await;
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].changes[0].attribute, "provisioning_enabled");
    }

    async fn retention_has_bounds(world: World) {
        for days in [0, 366] {
            let asked = TenantChanges { tombstone_retention: Some(Duration::from_secs(days * 86_400)), ..TenantChanges::default() };
            let refused = world.core.update_tenant(&operator(CONTOSO), &asked, &Precondition::default(), None).await;
            assert_eq!(reason(refused), Reason::InvalidRequest);
        }
    }
}
