//! Where the dialects give different answers, and the settings of a tenant that say otherwise. What holds in both is tested in both where it
//! is tested, with `in_both_dialects!`.

use provisioning_proto::{
    admin::v1::{
        Tenant as TenantMessage, TenantSettings, UnknownMembers, UpdateTenantRequest,
        tenant_service_client::TenantServiceClient,
    },
    v1::{
        Dialect, GetAccountRequest, account_service_client::AccountServiceClient,
        get_account_request::Key,
    },
};
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    DIALECTS, Panel, ScimClient,
    bodies::{GROUP, elements, group, patch, patch_one, patch_remove, user},
    on_both_engines,
};

/// A client of a tenant with these settings.
async fn scim(panel: &Panel, identifier: &str, settings: TenantSettings) -> ScimClient {
    panel.tenant_with(identifier, settings).await.scim
}

fn settings(dialect: Dialect) -> TenantSettings {
    TenantSettings {
        dialect: dialect.into(),
        ..TenantSettings::default()
    }
}

/// The first in Entra's dialect, the second in the RFC's.
fn by<T>(dialect: Dialect, entra: T, rfc: T) -> T {
    match dialect {
        Dialect::Unspecified | Dialect::Entra => entra,
        Dialect::Rfc => rfc,
    }
}

/// A PATCH is refused with this keyword and changes nothing.
async fn assert_refused(scim: &ScimClient, path: &str, body: &Value, scim_type: &str) {
    let before = scim.get(path).await.expect(200).body;
    let refused = scim.patch(path, body).await.expect(400);
    assert_eq!(refused.body["scimType"], scim_type, "{}", refused.body);
    assert_eq!(scim.get(path).await.expect(200).body, before);
}

on_both_engines! {
    async fn a_tenant_speaks_entras_dialect_unless_it_says_otherwise(service: Service) {
        let panel = Panel::of(&service).await;
        for (identifier, settings, status) in [
            ("unsaid", TenantSettings::default(), 204),
            ("entra", settings(Dialect::Entra), 204),
            ("rfc", settings(Dialect::Rfc), 200),
        ] {
            let scim = scim(&panel, identifier, settings).await;
            let id = scim.create_id(&user("alice@contoso.com")).await;
            scim.patch(&format!("/Users/{id}"), &patch_one("replace", "title", &json!("Engineer"))).await.expect(status);
        }
    }

    async fn a_patch_of_a_user_is_answered_204_or_with_the_user(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let scim = panel.tenant_in(dialect).await.scim;
            let path = format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await);
            for title in ["Engineer", "Engineer", "Manager"] {
                let answer = scim.patch(&path, &patch_one("replace", "title", &json!(title))).await.expect(by(dialect, 204, 200));
                let now = scim.get(&path).await.expect(200);
                assert_eq!(answer.body, by(dialect, Value::Null, now.body.clone()));
                assert_eq!(answer.header("etag"), now.header("etag"));
            }
            // Who asks for attributes gets them in either.
            let asked = scim.patch(&format!("{path}?attributes=title"), &patch_one("replace", "title", &json!("Director"))).await.expect(200);
            assert_eq!((&asked.body["title"], asked.body.get("userName")), (&json!("Director"), None));
        }
    }

    async fn a_patch_of_a_group_is_answered_204_in_both(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let scim = panel.tenant_in(dialect).await.scim;
            let path = format!("/Groups/{}", scim.create_group(&group("Engineering", &[])).await);
            let answer = scim.patch(&path, &patch_one("replace", "displayName", &json!("New"))).await.expect(204);
            assert_eq!(answer.header("etag"), scim.get(&path).await.expect(200).header("etag"));
            let asked = scim.patch(&format!("{path}?attributes=displayName"), &patch_one("replace", "displayName", &json!("Newer"))).await.expect(200);
            assert_eq!(asked.body["displayName"], "Newer");
        }
    }

    async fn a_replace_through_a_value_path_creates_the_element_or_has_no_target(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let scim = panel.tenant_in(dialect).await.scim;
            let id = scim.create_id(&user("alice@contoso.com")).await;
            let body = patch_one("replace", "emails[type eq \"work\"].value", &json!("alice@contoso.com"));
            match dialect {
                Dialect::Unspecified | Dialect::Entra => {
                    let after = scim.patched(&id, &body).await;
                    assert_eq!(after["emails"], json!([{"type": "work", "value": "alice@contoso.com"}]));
                }
                Dialect::Rfc => assert_refused(&scim, &format!("/Users/{id}"), &body, "noTarget").await,
            }
        }
    }

    async fn what_is_unknown_or_read_only_in_a_patch_is_passed_over_or_refused(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let tenant = panel.tenant_in(dialect).await;
            let scim = &tenant.scim;
            let path = format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await);
            for (operation, scim_type) in [
                (json!({"op": "replace", "path": "favouriteColour", "value": "blue"}), "invalidPath"),
                (json!({"op": "replace", "path": "name.nickname", "value": "Al"}), "invalidPath"),
                (json!({"op": "replace", "path": "id", "value": "another"}), "mutability"),
                (json!({"op": "add", "path": "groups", "value": [{"value": "a group"}]}), "mutability"),
            ] {
                let title = json!({"op": "replace", "path": "title", "value": operation["path"]});
                let body = patch(&json!([title, operation]));
                match dialect {
                    Dialect::Unspecified | Dialect::Entra => {
                        scim.patch(&path, &body).await.expect(204);
                        let after = scim.get(&path).await.expect(200).body;
                        assert_eq!(after["title"], operation["path"], "the rest is done");
                        let entries = panel.log(&tenant.identifier, "operation eq \"patch\"").await;
                        let named = operation["path"].as_str().expect("a text");
                        assert!(entries[0].detail.contains(named), "{}", entries[0].detail);
                    }
                    Dialect::Rfc => assert_refused(scim, &path, &body, scim_type).await,
                }
            }
            // In a whole resource it is passed over in both: RFC 7644 section 3.3 has read-only attributes ignored.
            let mut whole = user("alice@contoso.com");
            whole["favouriteColour"] = json!("blue");
            whole["id"] = json!("another");
            let after = scim.put(&path, &whole).await.expect(200).body;
            assert_eq!((after.get("favouriteColour"), after.get("title")), (None, None));
            assert!(path.ends_with(after["id"].as_str().expect("a text")));
        }
    }

    async fn an_unknown_member_is_passed_over_or_refused(service: Service) {
        let panel = Panel::of(&service).await;
        for (number, (dialect, unknown_members, refuses)) in [
            (Dialect::Entra, UnknownMembers::Unspecified, false),
            (Dialect::Entra, UnknownMembers::Reject, true),
            (Dialect::Rfc, UnknownMembers::Unspecified, true),
            (Dialect::Rfc, UnknownMembers::Ignore, false),
        ]
        .into_iter()
        .enumerate()
        {
            let identifier = format!("tenant-{number}");
            let scim = scim(&panel, &identifier, TenantSettings { unknown_members: unknown_members.into(), ..settings(dialect) }).await;
            let alice = scim.create_id(&user("alice@contoso.com")).await;
            let path = format!("/Groups/{}", scim.create_group(&group("Engineering", &[])).await);
            for nobody in ["00000000-0000-4000-8000-000000000000", "string id 1"] {
                let body = patch_one("add", "members", &elements(&[nobody, &alice]));
                if refuses {
                    assert_refused(&scim, &path, &body, "invalidValue").await;
                    scim.post("/Groups", &group("Another", &[nobody])).await.expect(400);
                    scim.put(&path, &group("Engineering", &[nobody])).await.expect(400);
                } else {
                    scim.patch(&path, &body).await.expect(204);
                    let entries = panel.log(&identifier, "operation eq \"patch\"").await;
                    assert!(entries.iter().any(|entry| entry.detail.contains(nobody)), "the admin is told: {entries:?}");
                    let put = scim.put(&path, &group("Engineering", &[nobody])).await.expect(200).body;
                    assert_eq!(put["members"].as_array().map_or(0, Vec::len), 0);
                }
            }
        }
    }

    async fn a_member_is_shown_with_its_name_or_as_the_rfcs_schema_has_it(service: Service) {
        let panel = Panel::of(&service).await;
        for dialect in DIALECTS {
            let scim = panel.tenant_in(dialect).await.scim;
            let alice = scim.create_id(&user("alice@contoso.com")).await;
            let created = scim.post("/Groups", &group("Engineering", &[&alice])).await.expect(201).body;
            let path = format!("/Groups/{}", created["id"].as_str().expect("a text"));
            assert_eq!(scim.get(&path).await.expect(200).body, created);
            let member = &created["members"][0];
            assert_eq!((&member["value"], &member["type"]), (&json!(alice), &json!("User")));
            assert_eq!(member.get("display"), by(dialect, Some(&json!("alice@contoso.com")), None));
            // It can be asked for by name in either.
            assert_eq!(scim.find_groups("members.display eq \"alice@contoso.com\"").await, [created]);

            let schema = scim.get(&format!("/Schemas/{GROUP}")).await.expect(200).body;
            let attributes = schema["attributes"].as_array().into_iter().flatten();
            let members = attributes.into_iter().find(|attribute| attribute["name"] == "members").expect("it is published");
            let parts: Vec<&Value> = members["subAttributes"].as_array().into_iter().flatten().map(|sub| &sub["name"]).collect();
            assert_eq!(parts, by(dialect, vec!["value", "$ref", "type", "display"], vec!["value", "$ref", "type"]));
        }
    }

    async fn the_display_name_of_a_group_is_unique_or_not(service: Service) {
        let panel = Panel::of(&service).await;
        for (number, (dialect, unique, refuses)) in [
            (Dialect::Entra, None, true),
            (Dialect::Entra, Some(false), false),
            (Dialect::Rfc, None, false),
            (Dialect::Rfc, Some(true), true),
        ]
        .into_iter()
        .enumerate()
        {
            let scim = scim(&panel, &format!("tenant-{number}"), TenantSettings { group_display_name_unique: unique, ..settings(dialect) }).await;
            let schema = scim.get(&format!("/Schemas/{GROUP}")).await.expect(200).body;
            let attributes = schema["attributes"].as_array().into_iter().flatten();
            let name = attributes.into_iter().find(|attribute| attribute["name"] == "displayName").expect("it is published");
            assert_eq!(name["uniqueness"], if refuses { "server" } else { "none" });
            scim.create_group(&group("Engineering", &[])).await;
            let other = format!("/Groups/{}", scim.create_group(&group("Other", &[])).await);
            let rename = patch_one("replace", "displayName", &json!("ENGINEERING"));
            if refuses {
                let refused = [
                    scim.post("/Groups", &group("engineering", &[])).await,
                    scim.put(&other, &group("engineering", &[])).await,
                    scim.patch(&other, &rename).await,
                ];
                for refused in refused {
                    assert_eq!(refused.expect(409).body["scimType"], "uniqueness");
                }
                assert_eq!(scim.find_groups("displayName eq \"engineering\"").await.len(), 1);
            } else {
                scim.post("/Groups", &group("engineering", &[])).await.expect(201);
                scim.patch(&other, &rename).await.expect(204);
                assert_eq!(scim.find_groups("displayName eq \"engineering\"").await.len(), 3);
            }
        }
    }

    async fn a_dialect_is_changed_for_the_next_request_unless_what_is_there_forbids_it(service: Service) {
        let panel = Panel::of(&service).await;
        let scim = panel.tenant_in(Dialect::Rfc).await.scim;
        let path = format!("/Users/{}", scim.create_id(&user("alice@contoso.com")).await);
        scim.create_group(&group("Engineering", &[])).await;
        let second = scim.create_group(&group("Engineering", &[])).await;
        let change = |dialect: Dialect| UpdateTenantRequest {
            tenant: Some(TenantMessage { identifier: "rfc".to_owned(), settings: Some(settings(dialect)), ..TenantMessage::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["settings.dialect".to_owned()] }),
            ..UpdateTenantRequest::default()
        };
        let mut tenants = TenantServiceClient::new(panel.admin.clone());
        // Entra's dialect wants display names to be unique, and two are alike.
        let refused = tenants.update_tenant(change(Dialect::Entra)).await.expect_err("two groups share a name");
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
        scim.patch(&path, &patch_one("replace", "title", &json!("Engineer"))).await.expect(200);

        scim.delete(&format!("/Groups/{second}")).await.expect(204);
        tenants.update_tenant(change(Dialect::Entra)).await.expect("nothing is in the way");
        scim.patch(&path, &patch_one("replace", "title", &json!("Manager"))).await.expect(204);
        scim.post("/Groups", &group("engineering", &[])).await.expect(409);
    }

    async fn a_cleared_active_stays_or_is_unassigned_and_lets_nobody_in(service: Service) {
        let panel = Panel::of(&service).await;
        let mut accounts = AccountServiceClient::new(panel.admin.clone());
        for dialect in DIALECTS {
            let tenant = panel.tenant_in(dialect).await;
            let scim = &tenant.scim;
            for (number, clearing) in [patch_remove("active"), patch_one("replace", "active", &json!(null))].into_iter().enumerate() {
                let id = scim.create_id(&user(&format!("user{number}@contoso.com"))).await;
                scim.patched(&id, &patch_one("replace", "active", &json!(false))).await;
                for body in [clearing, patch_one("replace", "title", &json!("Engineer"))] {
                    let after = scim.patched(&id, &body).await;
                    assert_eq!(after.get("active"), by(dialect, Some(&json!(false)), None));
                    for (filter, finds) in [("active eq false", by(dialect, true, false)), ("not (active pr)", by(dialect, false, true))] {
                        let found = scim.find(&format!("id eq \"{id}\" and {filter}")).await;
                        assert_eq!(!found.is_empty(), finds, "{filter} in {dialect:?}");
                    }
                    let request = GetAccountRequest { tenant: tenant.identifier.clone(), key: Some(Key::Id(id.clone())) };
                    let account = accounts.get_account(request).await.expect("it is there").into_inner().account;
                    assert!(!account.expect("it is told").effectively_active, "in {dialect:?}");
                }
                let after = scim.put(&format!("/Users/{id}"), &user(&format!("user{number}@contoso.com"))).await.expect(200).body;
                assert_eq!(after["active"], false, "a whole user shows it again");
            }
        }
    }
}
