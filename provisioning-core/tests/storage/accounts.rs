//! Accounts: what is written comes back, logins and exclusive Object IDs are unique, versions decide between writers.

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, AccountKey, Hold},
    changes::ChangeKind,
    ids::AccountId,
    storage::{Commit, CreateCandidates, Write},
    tenants::TenantSettings,
};
use serde_json::json;

use super::{make, on_every_engine};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

on_every_engine! {
    async fn an_account_comes_back_as_it_was_written(fixture: Fixture) {
        let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
        let mut write = make::account(make::T0, &json!({
            "userName": "Ada@Contoso.example",
            "externalId": "7D8F0A61-0000-4000-8000-000000000001",
            "name": { "familyName": "O'Brien \"\\ %_ \u{1F600} e\u{301}" },
            "emails": [{ "value": "ada@contoso.example", "type": "work", "primary": true }]
        }));
        write.account.hold = Some(Hold { reason: "left".to_owned(), at: make::seconds(5) });
        write.account.directory_active = false;
        write.account.protected = true;
        write.account.object_id_exclusive = true;
        write.account.object_id_pinned = true;
        let account = make::stored(&fixture.storage, tenant.id, write).await;
        assert_eq!(make::found(&fixture.storage, &tenant, &account).await, Some(account.clone()));
        for key in [
            AccountKey::UserName(account.user_name_key.clone()),
            AccountKey::ObjectId(account.object_id.clone().unwrap()),
        ] {
            let (_, found) = fixture.storage.find_accounts(&make::caller_key(&tenant), &key).await.unwrap();
            assert_eq!(found, std::slice::from_ref(&account), "{key:?}");
        }
    }

    async fn a_login_is_unique_among_the_living_of_a_tenant(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let first = make::stored(storage, tenant.id, make::named("ada")).await;
        assert_eq!(make::write(storage, tenant.id, make::named("ADA")).await, Commit::UserNameTaken);
        make::stored(storage, other.id, make::named("ada")).await;
        make::stored(storage, tenant.id, make::deleted(&first, make::seconds(9))).await;
        make::stored(storage, tenant.id, make::named("ada")).await;
    }

    async fn a_rename_to_a_taken_login_changes_nothing(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        make::stored(storage, tenant.id, make::named("ada")).await;
        let bob = make::stored(storage, tenant.id, make::named("bob")).await;
        let rename = make::recorded(tenant.id, make::next(&bob, &json!({ "userName": "ada" })), ChangeKind::Updated);
        assert_eq!(storage.commit(rename).await.unwrap(), Commit::UserNameTaken);
        assert_eq!(make::found(storage, &tenant, &bob).await, Some(bob));
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap(), []);
        storage.number_changes(10).await.unwrap();
        assert_eq!(storage.list_changes(tenant.id, 0, 10).await.unwrap(), []);
    }

    async fn an_object_id_may_be_shared_unless_one_holds_it_exclusively(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let ada = make::stored(storage, tenant.id, make::linked("ada", "oid")).await;
        make::stored(storage, tenant.id, make::linked("bob", "oid")).await;
        make::stored(storage, tenant.id, make::linked("eve", "oid")).await;
        assert_eq!(storage.list_object_id_holders(tenant.id, "oid", 2).await.unwrap().len(), 2, "as many as asked for");
        assert_eq!(storage.list_object_id_holders(tenant.id, "OID", 2).await.unwrap().len(), 0, "the case counts");
        let (_, found) = storage.find_accounts(&make::caller_key(&tenant), &AccountKey::ObjectId("oid".to_owned())).await.unwrap();
        assert_eq!(found.len(), 2);

        let exclusive = |name: &str| {
            let mut write = make::linked(name, "mine");
            write.account.object_id_exclusive = true;
            write
        };
        let holder = make::stored(storage, tenant.id, exclusive("holder")).await;
        assert_eq!(make::write(storage, tenant.id, exclusive("second")).await, Commit::ObjectIdTaken);
        let mut link = make::next(&ada, &json!({ "userName": "ada", "externalId": "mine" }));
        link.account.object_id_exclusive = true;
        assert_eq!(make::write(storage, tenant.id, link.clone()).await, Commit::ObjectIdTaken);
        assert_eq!(make::write(storage, tenant.id, make::linked("third", "mine")).await, Commit::ObjectIdTaken, "it is not shared");
        let share = make::next(&ada, &json!({ "userName": "ada", "externalId": "mine" }));
        assert_eq!(make::write(storage, tenant.id, share).await, Commit::ObjectIdTaken);
        make::stored(storage, tenant.id, make::deleted(&holder, make::seconds(3))).await;
        make::stored(storage, tenant.id, link).await;
    }

    async fn an_object_id_that_others_share_cannot_be_linked(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let link = |account: &Account| {
            let mut write = make::next(account, &json!({ "userName": account.user_name, "externalId": GUID }));
            write.account.object_id_exclusive = true;
            Write::Link(write.into())
        };
        let ada = make::stored(storage, tenant.id, make::linked("ada", &GUID.to_uppercase())).await;
        let bob = make::stored(storage, tenant.id, make::linked("bob", &format!("{{{GUID}}}"))).await;
        let eve = make::stored(storage, tenant.id, make::named("eve")).await;
        for account in [&ada, &bob, &eve] {
            assert_eq!(make::commit(storage, tenant.id, link(account)).await, Commit::ObjectIdTaken);
        }
        let holders = storage.list_object_id_holders(tenant.id, GUID, 3).await.unwrap();
        assert_eq!(holders.iter().map(|account| &account.user_name).collect::<Vec<_>>(), ["ada", "bob"], "however it is spelled");
        assert_eq!(holders[0].object_id, GUID.to_uppercase(), "it is kept as it was sent");

        // The first holder lets go; the one that is left is in the way as before, and keeps nobody else out.
        make::stored(storage, tenant.id, make::deleted(&ada, make::seconds(1))).await;
        assert_eq!(make::commit(storage, tenant.id, link(&eve)).await, Commit::ObjectIdTaken);
        let joe = make::stored(storage, tenant.id, make::linked("joe", GUID)).await;
        make::stored(storage, tenant.id, make::deleted(&joe, make::seconds(2))).await;
        assert_eq!(make::commit(storage, tenant.id, link(&bob)).await, Commit::Done);
        assert_eq!(make::write(storage, tenant.id, make::linked("sue", GUID)).await, Commit::ObjectIdTaken);
    }

    async fn only_the_writer_that_saw_the_last_version_wins(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let v1 = make::stored(storage, tenant.id, make::named("ada")).await;
        let v2 = make::stored(storage, tenant.id, make::next(&v1, &json!({ "userName": "ada", "title": "Dr" }))).await;
        assert!(v2.version > v1.version && v2.updated_at > v1.updated_at);
        let late = make::next(&v1, &json!({ "userName": "ada", "title": "Prof" }));
        assert_eq!(make::write(storage, tenant.id, late).await, Commit::VersionMismatch);
        assert_eq!(make::found(storage, &tenant, &v1).await, Some(v2));
        let nobody = make::next(&make::named("nobody").account, &json!({ "userName": "nobody" }));
        assert_eq!(make::write(storage, tenant.id, nobody).await, Commit::VersionMismatch);
    }

    async fn the_dead_are_not_found_and_can_be_restored(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let living = make::stored(storage, tenant.id, make::linked("ada", "oid")).await;
        let dead = make::stored(storage, tenant.id, make::deleted(&living, make::seconds(10))).await;
        assert_eq!(make::found(storage, &tenant, &living).await, None);
        assert_eq!(storage.list_object_id_holders(tenant.id, "oid", 2).await.unwrap(), []);
        assert_eq!(storage.count_accounts(tenant.id, None).await.unwrap(), 0);
        let (_, batch) = storage.batch_find_accounts(&make::caller_key(&tenant), &[living.id]).await.unwrap();
        assert_eq!(batch, []);
        let mut restore = make::next(&dead, &json!({ "userName": "ada", "externalId": "oid" }));
        restore.account.deleted_at = None;
        let restored = make::stored(storage, tenant.id, restore).await;
        assert_eq!(make::found(storage, &tenant, &living).await, Some(restored));
    }

    async fn a_create_learns_of_the_login_and_of_the_last_tombstone(fixture: Fixture) {
        let storage = &fixture.storage;
        let mut tenant = make::tenant("contoso");
        tenant.settings = TenantSettings { tombstone_retention: Duration::from_secs(100), ..TenantSettings::default() };
        make::commit(storage, tenant.id, Write::InsertTenant(tenant.clone())).await;
        let stranger = make::stored_tenant(storage, "fabrikam").await;
        make::stored(storage, stranger.id, make::linked("ada", "oid")).await;
        let candidates = async |now| storage.find_create_candidates(&make::caller_key(&tenant), "ada", Some("oid"), now).await.unwrap().1;
        assert_eq!(candidates(make::T0).await, CreateCandidates::default(), "another tenant's do not count");

        let older = make::stored(storage, tenant.id, make::linked("older", "oid")).await;
        make::stored(storage, tenant.id, make::deleted(&older, make::seconds(10))).await;
        let newer = make::stored(storage, tenant.id, make::linked("newer", "oid")).await;
        let newer = make::stored(storage, tenant.id, make::deleted(&newer, make::seconds(20))).await;
        let live = make::stored(storage, tenant.id, make::named("ada")).await;
        let found = candidates(make::seconds(119)).await;
        assert_eq!((found.live.as_ref(), found.tombstone.as_ref()), (Some(&live), Some(&newer)));
        assert_eq!(candidates(make::seconds(120)).await.tombstone, None, "it is too old to be restored");
        let (_, without) = storage.find_create_candidates(&make::caller_key(&tenant), "ada", None, make::T0).await.unwrap();
        assert_eq!(without, CreateCandidates { live: Some(live), ..CreateCandidates::default() });
    }

    async fn a_batch_finds_what_is_there(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let foreign = make::stored(storage, other.id, make::named("foreign")).await;
        let mut ids = vec![foreign.id, AccountId::generate(make::T0)];
        for number in 0..100 {
            ids.push(make::stored(storage, tenant.id, make::named(&format!("user{number}"))).await.id);
        }
        let (_, found) = storage.batch_find_accounts(&make::caller_key(&tenant), &ids).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|account| account.id).collect();
        found.sort_unstable();
        let mut expected = ids[2..].to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    async fn mail_addresses_follow_every_write(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let email = |value: &str, kind: &str| json!({ "value": value, "type": kind });
        let v1 = make::account(make::T0, &json!({ "userName": "ada", "emails": [email("a@x", "work"), email("b@x", "home"), email("c@x", "other")] }));
        let v1 = make::stored(storage, tenant.id, v1).await;
        let count = async |filter: &str| storage.count_accounts(tenant.id, Some(&make::user_filter(filter))).await.unwrap();
        assert_eq!(count(r#"emails[type eq "home"].value eq "B@X""#).await, 1);
        let v2 = make::next(&v1, &json!({ "userName": "ada", "emails": [email("a@x", "home"), email("d@x", "work")] }));
        let v2 = make::stored(storage, tenant.id, v2).await;
        for (filter, expected) in [
            (r#"emails[type eq "work" and value eq "a@x"]"#, 0),
            (r#"emails[type eq "home" and value eq "a@x"]"#, 1),
            (r#"emails.value eq "b@x""#, 0),
            (r#"emails.value eq "c@x""#, 0),
            (r#"emails eq "d@x""#, 1),
        ] {
            assert_eq!(count(filter).await, expected, "{filter}");
        }
        make::stored(storage, tenant.id, make::next(&v2, &json!({ "userName": "ada" }))).await;
        assert_eq!(count(r#"emails.value eq "d@x""#).await, 0);
    }

    async fn turning_uniqueness_on_claims_every_linked_account(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        make::stored(storage, other.id, make::linked("x", "oid")).await;
        let ada = make::stored(storage, tenant.id, make::linked("ada", "oid")).await;
        let bob = make::stored(storage, tenant.id, make::linked("bob", "oid")).await;
        make::stored(storage, tenant.id, make::named("unlinked")).await;
        let mut unique = tenant.clone();
        unique.settings.object_id_unique = true;
        unique.version = 2;
        let turn_on = || Write::UpdateTenant { tenant: unique.clone(), expected_version: 1 };
        assert_eq!(make::commit(storage, tenant.id, turn_on()).await, Commit::ObjectIdTaken);
        let caller = storage.find_caller(&make::caller_key(&tenant)).await.unwrap().unwrap();
        assert_eq!(caller.tenant, tenant, "nothing was changed");
        assert_eq!(make::found(storage, &tenant, &ada).await, Some(ada.clone()));

        make::stored(storage, tenant.id, make::deleted(&bob, make::seconds(1))).await;
        assert_eq!(make::commit(storage, tenant.id, turn_on()).await, Commit::Done);
        assert!(make::found(storage, &tenant, &ada).await.unwrap().object_id_exclusive);
        let mut second = make::linked("second", "oid");
        second.account.object_id_exclusive = true;
        assert_eq!(make::write(storage, tenant.id, second).await, Commit::ObjectIdTaken);
    }
}
