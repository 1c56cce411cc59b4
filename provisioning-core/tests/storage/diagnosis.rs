//! What is known of one person: every account of a name once, and the newest log entries of several names.

use provisioning_core::{
    ids::AccountId,
    log::{LinkStep, LogEntry, Operation},
    storage::{Mutation, Names, Storage, StorageUrl, Write},
    tenants::Tenant,
};
use secrecy::ExposeSecret as _;

use super::{fixture::execute, make, on_every_engine};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";

fn by_login(user_name_key: &str) -> Names {
    Names {
        user_name_key: Some(user_name_key.to_owned()),
        ..Names::default()
    }
}

async fn log(storage: &Storage, tenant: &Tenant, second: u64, user_name: &str, object_id: &str) {
    let entry = LogEntry {
        user_name: user_name.to_owned(),
        object_id: object_id.to_owned(),
        ..make::entry(make::seconds(second))
    };
    let mutation = Mutation {
        log: Some(entry),
        ..make::mutation(tenant.id, Write::Nothing)
    };
    storage.commit(mutation).await.expect("it is written");
}

on_every_engine! {
    async fn every_account_of_a_name_is_found_once_and_deleted_ones_last(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let old = make::linked("alice@contoso.com", GUID);
        make::commit(storage, tenant.id, Write::Account(old.clone().into())).await;
        make::commit(storage, tenant.id, Write::Account(make::deleted(&old.account, make::seconds(5)).into())).await;
        let new = make::linked("alice@contoso.com", GUID);
        make::commit(storage, tenant.id, Write::Account(new.clone().into())).await;
        let sharer = make::linked("bob@contoso.com", GUID);
        make::commit(storage, tenant.id, Write::Account(sharer.clone().into())).await;
        make::commit(storage, other.id, Write::Account(make::linked("alice@contoso.com", GUID).into())).await;

        let find = async |names: Names| {
            let found = storage.find_named_accounts(tenant.id, &names).await.unwrap();
            found.into_iter().map(|account| account.id).collect::<Vec<_>>()
        };
        let (old, new, sharer) = (old.account.id, new.account.id, sharer.account.id);
        assert_eq!(find(by_login("alice@contoso.com")).await, [new, old]);
        let all = Names { id: Some(new), user_name_key: Some("alice@contoso.com".to_owned()), object_id_key: Some(GUID.to_owned()) };
        let found = find(all).await;
        assert_eq!(found.len(), 3, "each once: {found:?}");
        assert!(found[..2].contains(&new) && found[..2].contains(&sharer) && found[2] == old);
        assert_eq!(find(Names { id: Some(old), ..Names::default() }).await, [old]);
        assert_eq!(find(Names::default()).await, []);
        assert_eq!(find(by_login("carol@contoso.com")).await, []);
    }

    async fn the_newest_entries_of_all_names_are_told_once(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        log(storage, &tenant, 1, "Alice@contoso.com", "").await;
        log(storage, &tenant, 2, "alice@contoso.com", GUID).await;
        log(storage, &tenant, 3, "", GUID).await;
        log(storage, &tenant, 4, "bob@contoso.com", "").await;
        log(storage, &other, 5, "alice@contoso.com", GUID).await;
        let find = async |user_names: &[&str], object_ids: &[&str], limit| {
            let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
            let found = storage
                .find_log_entries_about(tenant.id, &texts(user_names), &texts(object_ids), limit)
                .await
                .unwrap();
            found.iter().map(|entry| entry.at).collect::<Vec<_>>()
        };
        let seconds = |seconds: &[u64]| seconds.iter().map(|second| make::seconds(*second)).collect::<Vec<_>>();
        assert_eq!(find(&["alice@contoso.com"], &[GUID], 10).await, seconds(&[3, 2, 1]));
        assert_eq!(find(&["alice@contoso.com"], &[GUID], 2).await, seconds(&[3, 2]));
        assert_eq!(find(&["alice@contoso.com", "bob@contoso.com"], &[], 10).await, seconds(&[4, 2, 1]));
        assert_eq!(find(&[], &[], 10).await, seconds(&[]));
    }

    async fn link_steps_of_several_accounts_are_told_newest_first(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let accounts = [make::named("a").account.id, make::named("b").account.id, make::named("c").account.id];
        for (second, account) in [(1, accounts[0]), (2, accounts[1]), (3, accounts[2]), (4, accounts[0])] {
            let entry = LogEntry {
                resource_id: account.to_string(),
                link_step: LinkStep::between(None, Some(GUID)),
                ..make::entry(make::seconds(second))
            };
            let mutation = Mutation { log: Some(entry), ..make::mutation(tenant.id, Write::Nothing) };
            storage.commit(mutation).await.expect("it is written");
        }
        let find = async |accounts: &[AccountId], limit| {
            let found = storage.find_link_steps_of(tenant.id, accounts, limit).await.unwrap();
            found.iter().map(|entry| entry.at).collect::<Vec<_>>()
        };
        let seconds = |seconds: &[u64]| seconds.iter().map(|second| make::seconds(*second)).collect::<Vec<_>>();
        assert_eq!(find(&accounts[..2], 10).await, seconds(&[4, 2, 1]));
        assert_eq!(find(&accounts, 2).await, seconds(&[4, 3]));
        assert_eq!(find(&[], 10).await, seconds(&[]));
    }

    async fn the_newest_request_that_was_not_let_in_is_found_by_its_index(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        assert_eq!(storage.find_refused_authentication(tenant.id).await.unwrap(), None);
        for number in 0..400 {
            log(storage, &tenant, number, "alice@contoso.com", GUID).await;
        }
        for (tenant, second) in [(&tenant, 401), (&tenant, 402), (&other, 403)] {
            let entry = LogEntry { operation: Operation::Authenticate, ..make::entry(make::seconds(second)) };
            let mutation = Mutation { log: Some(entry), ..make::mutation(tenant.id, Write::Nothing) };
            storage.commit(mutation).await.expect("it is written");
        }
        let found = storage.find_refused_authentication(tenant.id).await.unwrap().expect("it is there");
        assert_eq!((found.operation, found.at), (Operation::Authenticate, make::seconds(402)));
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let plan = storage.explain_find_refused_authentication(tenant.id).await.unwrap().join("\n");
        assert!(plan.contains("log_entries_authenticate"), "{plan}");
    }

    async fn names_are_answered_from_indexes(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        for number in 0..400_u64 {
            let account = make::linked(&format!("user{number}@contoso.com"), &format!("oid{number}"));
            make::commit(storage, tenant.id, Write::Account(account.clone().into())).await;
            if number % 2 == 0 {
                make::commit(storage, tenant.id, Write::Account(make::deleted(&account.account, make::seconds(number)).into())).await;
            }
        }
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let names = Names {
            id: Some(make::named("x").account.id),
            user_name_key: Some("user7@contoso.com".to_owned()),
            object_id_key: Some("oid7".to_owned()),
        };
        let plan = storage.explain_find_named_accounts(tenant.id, &names).await.unwrap().join("\n");
        for index in ["accounts_user_name_key", "accounts_user_name_deleted", "accounts_object_id_claim_key", "accounts_object_id_deleted"] {
            assert!(plan.contains(index), "{index} should be used:\n{plan}");
        }
        for scan in ["Seq Scan on accounts", "SCAN accounts"] {
            assert!(!plan.contains(scan), "{plan}");
        }
    }
}
