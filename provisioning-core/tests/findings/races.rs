//! What only the commit of a request meets is a finding like what was met before it; and what was not committed has shown nothing.

use std::collections::BTreeMap;

use provisioning_core::{
    accounts::Precondition,
    attributes::patch::{Op, Operation},
    error::Reason,
    findings::FindingKind,
    tenants::TenantChanges,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Entra, GUID, object, only, open, patch};
use crate::world::{CONTOSO, World, fresh, on_every_engine, operator, reason, scim};

/// Requests at once.
const AT_ONCE: usize = 12;

async fn make_object_ids_unique(world: &World) {
    let unique = TenantChanges {
        object_id_unique: Some(true),
        ..TenantChanges::default()
    };
    let call = operator(CONTOSO);
    fresh(
        world
            .core
            .update_tenant(&call, &unique, &Precondition::default(), None)
            .await,
    );
}

/// How often each outcome came.
fn counted(outcomes: Vec<Option<Reason>>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(format!("{outcome:?}")).or_default() += 1;
    }
    counts
}

fn one_of_all() -> BTreeMap<String, usize> {
    [
        (format!("{:?}", None::<Reason>), 1),
        (format!("{:?}", Some(Reason::Uniqueness)), AT_ONCE - 1),
    ]
    .into()
}

on_every_engine! {
    async fn creates_at_once_with_one_object_id_are_each_refused_by_a_finding(world: World) {
        make_object_ids_unique(&world).await;
        let entra = Entra::new(&world).await;
        let mut requests = JoinSet::new();
        for number in 0..AT_ONCE {
            let (core, call) = (world.core.clone(), scim(CONTOSO, &entra.token));
            requests.spawn(async move {
                let attributes = object(json!({"userName": format!("user{number}@contoso.com"), "externalId": GUID}));
                let created = core.create_account(&call, &attributes, false, None).await;
                created.is_err().then(|| reason(created))
            });
        }
        assert_eq!(counted(requests.join_all().await), one_of_all());
        let found = only(open(&world).await, FindingKind::ObjectIdOnAnotherAccount).finding;
        assert_eq!(usize::try_from(found.count), Ok(AT_ONCE - 1), "each refusal counts");
    }

    async fn patches_at_once_to_one_object_id_are_each_refused_by_a_finding(world: World) {
        make_object_ids_unique(&world).await;
        let entra = Entra::new(&world).await;
        let mut accounts = Vec::new();
        for number in 0..AT_ONCE {
            let name = format!("user{number}@contoso.com");
            accounts.push(entra.post(&name, None).await.expect("it is created").0);
        }
        let mut requests = JoinSet::new();
        for account in accounts {
            let (core, call) = (world.core.clone(), scim(CONTOSO, &entra.token));
            requests.spawn(async move {
                let operation = Operation { op: Op::Replace, path: Some("externalId".to_owned()), value: Some(json!(GUID)) };
                let patched = core.patch_account(&call, account.id, &[operation], &Precondition::default(), None).await;
                patched.is_err().then(|| reason(patched))
            });
        }
        assert_eq!(counted(requests.join_all().await), one_of_all());
        let found = only(open(&world).await, FindingKind::ObjectIdOnAnotherAccount).finding;
        assert_eq!(usize::try_from(found.count), Ok(AT_ONCE - 1), "each refusal counts");
    }

    async fn a_write_that_was_refused_by_its_commit_has_not_shown_that_object_ids_are_no_guids(world: World) {
        let entra = Entra::new(&world).await;
        world.create_account("alice@contoso.com", None).await;
        let (bob, _) = entra.post("bob@contoso.com", None).await.expect("it is created");
        let both = Operation { op: Op::Replace, path: None, value: Some(json!({"userName": "alice@contoso.com", "externalId": "bob"})) };
        reason(patch(&world, &entra.call(), &bob, both).await);
        let (carol, _) = entra.post("carol@contoso.com", Some("carol")).await.expect("it is created");
        let found = open(&world).await.into_iter().map(|found| found.finding).find(|finding| finding.kind == FindingKind::ObjectIdNotGuid);
        let found = found.expect("it is open");
        assert_eq!((found.count, found.accounts), (1, vec![carol.id]), "it was the next request that showed it");
    }
}
