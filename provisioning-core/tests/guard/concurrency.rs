//! Many requests at once: exactly as many pass as may, on however many replicas.

use provisioning_core::{
    accounts::{Account, Precondition},
    attributes::patch::{Op, Operation},
    error::{Error, Reason},
    groups::{GroupKey, View},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{batches, decide, guarded, items, pending, people, read, set_active, used};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine};

const CLIENTS: usize = 64;
const LIMIT: u32 = 10;

/// Whether it passed; nothing but the guard may be in its way.
fn passed<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::Refused(refusal)) if refusal.reason == Reason::DeprovisionHeld => false,
        Err(error) => panic!("{error}"),
    }
}

/// How many members a log entry lists.
fn listed_in(members: Option<&Value>) -> usize {
    members.and_then(Value::as_array).map_or(0, Vec::len)
}

on_every_engine! {
    async fn of_64_suspensions_at_once_exactly_the_limit_passes(world: World) {
        let call = guarded(&world, LIMIT).await;
        let people = people(&world, &call, CLIENTS).await;
        let replicas = [world.core.clone(), world.replica_with_its_clock_standing_still()];
        let mut clients = JoinSet::new();
        for (number, account) in people.iter().enumerate() {
            let (core, call, id) = (replicas[number % 2].clone(), call.clone(), account.id);
            clients.spawn(async move { passed(set_active(&core, &call, id, false).await) });
        }
        let passed = clients.join_all().await.into_iter().filter(|passed| *passed).count();
        assert_eq!(passed, LIMIT as usize);
        let mut suspended = 0;
        for account in &people {
            suspended += usize::from(!read(&world, account).await.directory_active);
        }
        assert_eq!(suspended, LIMIT as usize);
        let batch = pending(&world).await.expect("the others wait");
        assert_eq!(batch.suspends, 54);
        assert_eq!(items(&world, &batch).await.len(), 54);
        assert_eq!((batches(&world).await.len(), used(&world).await), (1, LIMIT.into()));
    }

    async fn of_many_removals_at_once_no_more_than_the_limit_pass(world: World) {
        let call = guarded(&world, LIMIT).await;
        let people = people(&world, &call, 48).await;
        let members: Vec<_> = people.iter().map(|account| json!({"value": account.id.to_string()})).collect();
        let attributes = json!({"displayName": "Team", "members": members});
        let attributes = attributes.as_object().expect("it is an object");
        let group = fresh(world.core.create_group(&call, attributes, false, None).await).group;
        let mut clients = JoinSet::new();
        for three in members.chunks(3) {
            let (core, call) = (world.core.clone(), call.clone());
            let remove = [Operation { op: Op::Remove, path: Some("members".to_owned()), value: Some(json!(three)) }];
            clients.spawn(async move {
                passed(core.patch_group(&call, group.id, &remove, &Precondition::default(), None).await)
            });
        }
        let passed = clients.join_all().await.into_iter().filter(|passed| *passed).count();
        assert_eq!((passed, used(&world).await), (3, 9), "a fourth would have made it twelve");
        assert_eq!(pending(&world).await.expect("the others wait").member_removals, 39);
    }

    async fn whoever_is_under_way_when_an_admin_decides_is_before_or_after_it(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 33).await;
        let mut clients = JoinSet::new();
        for account in &people {
            let (core, call, id) = (world.core.clone(), call.clone(), account.id);
            clients.spawn(async move { passed(set_active(&core, &call, id, false).await) });
        }
        let mut decided = Vec::new();
        while let Some(client) = clients.join_next().await {
            client.expect("it came to its end");
            if let Some(batch) = pending(&world).await {
                decided.push(decide(&world, &batch, decided.len().is_multiple_of(2)).await);
            }
        }
        // Each is in exactly one batch, and the counts tell how many are in each.
        let mut seen = std::collections::BTreeSet::new();
        for batch in batches(&world).await {
            let items = items(&world, &batch).await;
            assert_eq!(i64::try_from(items.len()).expect("few"), batch.suspends);
            assert!(items.iter().all(|item| seen.insert(item.key.account_id)), "nobody waits twice");
        }
        assert_eq!(seen.len(), 32);
        assert_eq!(world.log(CONTOSO, "operation eq \"suspend\" and outcome eq \"success\"").await.len(), 1);
        let guard = world.core.get_deprovision_guard(&admin(CONTOSO)).await.expect("it is answered");
        assert_eq!((guard.used, guard.limit), (1, 1));
    }

    async fn whoever_joins_a_group_while_it_is_emptied_stays_or_is_counted(world: World) {
        let call = guarded(&world, 10_000).await;
        let people = people(&world, &call, 5).await;
        let listed = |members: &[Account]| -> Vec<_> { members.iter().map(|account| json!({"value": account.id.to_string()})).collect() };
        let (all, late) = (listed(&people[..3]), listed(&people[3..]));
        let mut groups = Vec::new();
        let mut clients = JoinSet::new();
        for number in 0..24 {
            let attributes = json!({"displayName": format!("Team {number}"), "members": all});
            let attributes = attributes.as_object().expect("it is an object").clone();
            let group = fresh(world.core.create_group(&call, &attributes, false, None).await).group;
            groups.push(group.id);
            let (core, entra, emptied) = (world.core.clone(), call.clone(), json!({"displayName": format!("Team {number}")}));
            clients.spawn(async move {
                let everything = Precondition::default();
                let clear = [Operation { op: Op::Remove, path: Some("members".to_owned()), value: None }];
                passed(match number % 3 {
                    0 => core.patch_group(&entra, group.id, &clear, &everything, None).await,
                    1 => core.replace_group(&entra, group.id, emptied.as_object().expect("it is an object"), &everything, None).await,
                    _ => core.delete_group(&entra, group.id, &everything, None).await,
                })
            });
            for member in &late {
                let (core, add) = (world.core.clone(), [Operation { op: Op::Add, path: Some("members".to_owned()), value: Some(json!([member])) }]);
                clients.spawn(async move {
                    // It may be gone by then.
                    core.patch_group(&admin(CONTOSO), group.id, &add, &Precondition::default(), None).await.is_ok()
                });
            }
        }
        clients.join_all().await;
        let mut left = 0;
        for id in groups {
            let changes = world.log(CONTOSO, &format!("resourceId eq \"{id}\"")).await;
            let came: usize = changes.iter().flat_map(|entry| &entry.changes).filter(|change| change.attribute == "members").map(|change| listed_in(change.new.as_ref())).sum();
            let there = match world.core.get_group(&admin(CONTOSO), &GroupKey::Id(id), View::Full).await {
                Ok(group) => group.members.expect("they were asked for").len(),
                Err(_) => 0,
            };
            left += came - there;
        }
        assert_eq!(used(&world).await, i64::try_from(left).expect("they are few"));
    }
}
