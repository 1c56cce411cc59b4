//! What findings cost at most: nobody fills the table, an examination is a bounded step, and what cannot be written is no reason not to read.

use std::time::Duration;

use provisioning_core::{
    accounts::{Act, ActTarget, Precondition},
    findings::{DirectorySide, Finding, FindingKind},
    ids::{AccountId, LogEntryId},
    storage::{Commit, FindingQuery, FindingWrite, Mutation, Write},
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Entra, GUID, OTHER_GUID, delete, list, only, open, open_kinds, tenant};
use crate::{
    storage::make,
    world::{CONTOSO, World, admin, fresh, on_every_engine, reason},
};

/// Longer than between two examinations.
const LATER: Duration = Duration::from_mins(5);
/// As many as one examination looks at.
const STEP: usize = 500;

/// The subjects of the open findings as they are stored: a list of the use case would examine them.
async fn stored(world: &World, kind: FindingKind) -> Vec<String> {
    let query = FindingQuery {
        closed: false,
        kinds: &[kind],
        account: None,
        limit: 1_000,
        after: None,
    };
    let tenant = tenant(world).await;
    let found = world.storage().list_findings(tenant, &query).await;
    let mut subjects: Vec<_> = found
        .expect("they are listed")
        .into_iter()
        .map(|finding| finding.subject)
        .collect();
    subjects.sort();
    subjects
}

async fn write(world: &World, findings: Vec<FindingWrite>) {
    let mutation = Mutation {
        findings,
        ..make::mutation(tenant(world).await, Write::Nothing)
    };
    let commit = world.storage().commit(mutation).await;
    assert_eq!(commit.expect("it answers"), Commit::Done);
}

/// Makes accounts of which one deleted one had the Object ID first: whoever is left is looked at when shared ones are searched.
async fn let_go(world: &World, object_ids: impl Iterator<Item = String>) {
    let tenant = tenant(world).await;
    let mut writes = JoinSet::new();
    for object_id in object_ids {
        let storage = world.storage().clone();
        writes.spawn(async move {
            let first = make::linked(&format!("first-{object_id}"), &object_id);
            let first = make::stored(&storage, tenant, first).await;
            let left = make::linked(&format!("left-{object_id}"), &object_id);
            make::stored(&storage, tenant, left).await;
            make::stored(&storage, tenant, make::deleted(&first, make::seconds(1))).await;
        });
    }
    writes.join_all().await;
}

on_every_engine! {
    async fn ids_that_were_never_given_out_open_no_finding(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        for _ in 0..3 {
            let mut nobody = alice.clone();
            nobody.id = AccountId::generate(world.core.now());
            reason(entra.get(&nobody).await);
            reason(entra.patch(&nobody, "title", json!("Engineer")).await);
        }
        assert_eq!(open_kinds(&world).await, []);
    }

    async fn an_id_that_was_given_out_is_known_after_its_account_is_purged(world: World) {
        let entra = Entra::new(&world).await;
        let (alice, _) = entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        delete(&world, &admin(CONTOSO), &alice).await;
        let target = ActTarget {
            account_id: alice.id,
            precondition: Precondition::default(),
            reason: "Asked for by the person".to_owned(),
        };
        fresh(world.core.act_on_account(&admin(CONTOSO), Act::Purge, &target, None).await);
        reason(entra.get(&alice).await);
        let found = only(open(&world).await, FindingKind::StaleScimId);
        assert_eq!((found.finding.subject, found.finding.accounts), (alice.id.to_string(), vec![]));
        let said = found.finding.directory;
        assert_eq!((said.object_id.as_str(), said.user_name.as_str()), (GUID, "alice@contoso.com"), "as the log knows the person");
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created anew");
        assert_eq!(open_kinds(&world).await, [], "the person has an account again");
    }

    async fn every_shared_object_id_is_found_in_the_end(world: World) {
        let between = (0..STEP).map(|number| format!("m{number:04}"));
        let_go(&world, between).await;
        for (name, object_id) in [("ada", "a"), ("bob", "a"), ("eve", "z"), ("joe", "z")] {
            world.create_account(&format!("{name}@contoso.com"), Some(object_id)).await;
        }
        world.upkeep_until(async || stored(&world, FindingKind::ObjectIdShared).await == ["a"]).await;
        world.clock.advance(LATER);
        world.upkeep_until(async || stored(&world, FindingKind::ObjectIdShared).await == ["a", "z"]).await;
        for (name, object_id) in [("ann", "b"), ("ben", "b")] {
            world.create_account(&format!("{name}@contoso.com"), Some(object_id)).await;
        }
        world.clock.advance(LATER);
        world.upkeep_until(async || stored(&world, FindingKind::ObjectIdShared).await == ["a", "b", "z"]).await;
    }

    async fn what_is_over_is_closed_a_step_at_a_time(world: World) {
        let now = world.core.now();
        let gone = (0..=STEP).map(|number| FindingWrite::Seen(Finding {
            id: LogEntryId::generate(now).uuid(),
            kind: FindingKind::ActiveOnHold,
            subject: number.to_string(),
            first_seen_at: now,
            last_seen_at: now,
            count: 1,
            log_entry_ids: Vec::new(),
            directory: DirectorySide::default(),
            accounts: vec![AccountId::generate(now)],
            group: None,
            closure: None,
        }));
        write(&world, gone.collect()).await;
        world.upkeep_until(async || stored(&world, FindingKind::ActiveOnHold).await.len() == 1).await;
        world.clock.advance(LATER);
        world.upkeep_until(async || stored(&world, FindingKind::ActiveOnHold).await.is_empty()).await;
    }

    async fn findings_are_read_where_they_cannot_be_written(world: World) {
        let entra = Entra::new(&world).await;
        entra.post("alice@contoso.com", Some(GUID)).await.expect("it is created");
        let (bob, _) = entra.post("bob@contoso.com", Some(GUID)).await.expect("it is created");
        let over = only(open(&world).await, FindingKind::ObjectIdShared).finding;
        world.unlink(bob.id).await;
        for name in ["carol@contoso.com", "dave@contoso.com"] {
            world.create_account(name, Some(OTHER_GUID)).await;
        }
        world.execute("ALTER TABLE finding_keys RENAME TO finding_keys_gone").await;
        assert_eq!(open_kinds(&world).await, []);
        let got = world.core.get_finding(&admin(CONTOSO), &over.id.to_string()).await.expect("it is read");
        assert_eq!(got.finding.subject, GUID);
        world.execute("ALTER TABLE finding_keys_gone RENAME TO finding_keys").await;
        assert!(list(&world, true).await.is_empty(), "nothing was written");

        assert_eq!(only(open(&world).await, FindingKind::ObjectIdShared).finding.subject, OTHER_GUID);
        assert_eq!(only(list(&world, true).await, FindingKind::ObjectIdShared).finding.id, over.id);
    }
}
