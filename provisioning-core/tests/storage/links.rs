//! The history of links and the holders of an Object ID: read in bounded pages, by an index.

use provisioning_core::{
    ids::{AccountId, LogEntryId},
    log::{LinkStep, LogEntry},
    storage::{Commit, Mutation, Storage, StorageUrl, Write},
    tenants::Tenant,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{fixture::execute, make, on_every_engine};

/// Entries that are no link steps: so many that no engine prefers to read them all.
const OTHERS: u64 = 2_000;

fn step(before: Option<&str>, after: Option<&str>) -> LinkStep {
    LinkStep::between(before, after).expect("they differ")
}

async fn append(storage: &Storage, tenant: &Tenant, entry: LogEntry) -> LogEntry {
    let mutation = Mutation {
        log: Some(entry.clone()),
        ..make::mutation(tenant.id, Write::Nothing)
    };
    assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
    entry
}

fn of(account: AccountId, second: u64, link_step: Option<LinkStep>) -> LogEntry {
    LogEntry {
        resource_id: account.to_string(),
        link_step,
        ..make::entry(make::seconds(second))
    }
}

on_every_engine! {
    async fn steps_are_listed_newest_first_and_nothing_else_is(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let (ada, bob) = (AccountId::generate(make::T0), AccountId::generate(make::T0));
        let mut steps = Vec::new();
        for (second, account, change) in [
            (1, ada, step(None, Some("one"))),
            (2, bob, step(None, Some("two"))),
            (3, ada, step(Some("one"), Some("three"))),
            (4, ada, step(Some("three"), None)),
        ] {
            append(storage, &tenant, of(account, second, None)).await;
            steps.insert(0, append(storage, &tenant, of(account, second, Some(change))).await);
        }
        append(storage, &other, of(ada, 9, Some(step(None, Some("theirs"))))).await;
        assert_eq!(storage.list_link_steps(tenant.id, None, 10, None).await.unwrap(), steps);
        let of_ada: Vec<LogEntry> = steps.iter().filter(|entry| entry.resource_id == ada.to_string()).cloned().collect();
        assert_eq!(storage.list_link_steps(tenant.id, Some(ada), 10, None).await.unwrap(), of_ada);

        let (mut listed, mut before): (Vec<LogEntry>, Option<LogEntryId>) = (Vec::new(), None);
        loop {
            let page = storage.list_link_steps(tenant.id, Some(ada), 2, before).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            listed.extend(page);
        }
        assert_eq!(listed, of_ada);
        assert_eq!(storage.list_link_steps(tenant.id, Some(AccountId::generate(make::T0)), 10, None).await.unwrap(), []);
    }

    async fn a_mutation_of_an_account_or_of_a_group_brings_its_step_or_none(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let write = make::linked("ada", "oid");
        let mut mutation = make::recorded(tenant.id, write.clone(), provisioning_core::changes::ChangeKind::Created);
        let entry = mutation.log.as_mut().unwrap();
        entry.link_step = Some(step(None, Some("oid")));
        let entry = entry.clone();
        assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
        assert_eq!(storage.list_link_steps(tenant.id, Some(write.account.id), 10, None).await.unwrap(), [entry]);
        let next = make::next(&write.account, &json!({ "userName": "ada", "externalId": "oid", "title": "Engineer" }));
        let plain = make::recorded(tenant.id, next, provisioning_core::changes::ChangeKind::Updated);
        assert_eq!(storage.commit(plain).await.unwrap(), Commit::Done);
        assert_eq!(storage.list_link_steps(tenant.id, None, 10, None).await.unwrap().len(), 1);
    }

    async fn holders_are_told_by_the_key_however_they_are_spelled(fixture: Fixture) {
        let storage = &fixture.storage;
        let guid = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
        let tenant = make::stored_tenant(storage, "contoso").await;
        let ada = make::stored(storage, tenant.id, make::linked("ada", guid)).await;
        let bob = make::stored(storage, tenant.id, make::linked("bob", &guid.to_uppercase())).await;
        let eve = make::stored(storage, tenant.id, make::linked("eve", guid)).await;
        make::stored(storage, tenant.id, make::deleted(&eve, make::seconds(9))).await;
        make::stored(storage, tenant.id, make::linked("dan", "another")).await;
        let holders = storage.list_object_id_holders(tenant.id, guid, 10).await.unwrap();
        let told: Vec<_> = holders.iter().map(|holder| (holder.id, holder.user_name.as_str(), holder.object_id.clone())).collect();
        let expected = [(ada.id, "ada", guid.to_owned()), (bob.id, "bob", guid.to_uppercase())];
        assert_eq!(told, expected);
        assert_eq!(storage.list_object_id_holders(tenant.id, guid, 1).await.unwrap(), holders[..1]);

        // The first lets go, and the next one that comes takes it for itself alone: it comes before those that were there before.
        make::stored(storage, tenant.id, make::deleted(&ada, make::seconds(9))).await;
        let mut joe = make::linked("joe", guid);
        joe.account.object_id_exclusive = true;
        let joe = make::stored(storage, tenant.id, joe).await;
        let holders = storage.list_object_id_holders(tenant.id, guid, 10).await.unwrap();
        let told: Vec<_> = holders.iter().map(|holder| (holder.id, holder.exclusive)).collect();
        assert_eq!(told, [(joe.id, true), (bob.id, false)]);
        for (id, exists) in [(ada.id, true), (eve.id, true), (AccountId::generate(make::T0), false)] {
            assert_eq!(storage.account_exists(tenant.id, id).await.unwrap(), exists);
        }
    }

    async fn steps_and_holders_are_read_by_indexes(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let ada = make::stored(storage, tenant.id, make::linked("ada", "oid")).await;
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..OTHERS {
            let (storage, tenant) = (storage.clone(), tenant.clone());
            let change = (number % 100 == 0).then(|| step(None, Some("oid")));
            let entry = of(ada.id, number, change);
            writers.spawn(async move { append(&storage, &tenant, entry).await });
        }
        writers.join_all().await;
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        for (account, indexes) in [
            (None, ["log_entries_link_steps"].as_slice()),
            (Some(ada.id), &["log_entries_link_steps_of_account", "log_entries_link_steps"]),
        ] {
            let plan = storage.explain_list_link_steps(tenant.id, account).await.unwrap().join("\n");
            assert!(indexes.iter().any(|index| plan.contains(index)), "{plan}");
            for scan in ["Seq Scan", "SCAN e", "TEMP B-TREE"] {
                assert!(!plan.contains(scan), "{plan}");
            }
        }
        let plan = storage.explain_list_object_id_holders(tenant.id, "oid").await.unwrap().join("\n");
        for scan in ["SCAN o", "SCAN s"] {
            assert!(!plan.contains(scan), "{plan}");
        }
        if fixture.is_sqlite() {
            assert!(plan.contains("accounts_object_id_claim_key") && plan.contains("accounts_object_id_shared"), "{plan}");
        }
    }
}
