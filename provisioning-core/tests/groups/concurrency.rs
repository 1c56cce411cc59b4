//! Many clients at one group at once: nothing is lost and nothing fails.

use std::collections::BTreeSet;

use provisioning_core::{
    accounts::Precondition,
    attributes::patch::{Op, Operation},
    error::{Error, Reason},
    groups::{GroupKey, View},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{attributes, create, operation, people, read};
use crate::{
    guard::{guarded, pending},
    world::{CONTOSO, World, admin, on_every_engine, reason},
};

const CLIENTS: usize = 64;
const ROUNDS: usize = 6;

on_every_engine! {
    async fn of_64_clients_adding_and_removing_members_of_one_group_nothing_is_lost(world: World) {
        let group = create(&world, json!({"displayName": "Engineering"})).await;
        let mut people = Vec::new();
        for number in 0..CLIENTS {
            people.push(world.create_account(&format!("user{number}"), None).await.id.to_string());
        }
        let mut clients = JoinSet::new();
        for (number, person) in people.iter().cloned().enumerate() {
            let (core, shared) = (world.core.clone(), people[(number + 1) % CLIENTS].clone());
            clients.spawn(async move {
                let call = admin(CONTOSO);
                let everything = Precondition::default();
                for round in 0..ROUNDS {
                    // Its own member comes and goes; a neighbour's comes as well, which that one does too.
                    let own = if round % 2 == 0 { Op::Add } else { Op::Remove };
                    let mut operations = vec![operation(own, "members", json!([{"value": person}]))];
                    if round + 1 == ROUNDS {
                        operations = vec![operation(Op::Add, "members", json!([{"value": person}, {"value": shared}]))];
                        if number % 4 == 0 {
                            operations = vec![operation(Op::Add, "members", json!([{"value": person}]))];
                        }
                    }
                    core.patch_group(&call, group.id, &operations, &everything, None).await.expect("it is never refused");
                }
            });
        }
        // Somebody else renames the group meanwhile, and reads it.
        let core = world.core.clone();
        clients.spawn(async move {
            let call = admin(CONTOSO);
            for number in 0..ROUNDS {
                let rename = [operation(Op::Replace, "displayName", json!(format!("Engineering {number}")))];
                core.patch_group(&call, group.id, &rename, &Precondition::default(), None).await.expect("it is never refused");
                core.get_group(&call, &GroupKey::Id(group.id), View::Full).await.expect("it is there");
            }
        });
        while let Some(client) = clients.join_next().await {
            client.expect("it came to its end");
        }
        let found = world.core.get_group(&admin(CONTOSO), &GroupKey::Id(group.id), View::Full).await.expect("it is there");
        let members: BTreeSet<_> = found.members.expect("they were asked for").into_iter().map(|member| member.id.to_string()).collect();
        assert_eq!(members, people.into_iter().collect(), "the last thing that each client did was to add");
        assert_eq!(found.display_name, format!("Engineering {}", ROUNDS - 1));
        let logged = world.log(CONTOSO, &format!("resourceId eq \"{}\"", group.id)).await;
        assert!(logged.iter().all(|entry| entry.reason.is_empty()));
    }

    async fn a_group_that_is_replaced_and_deleted_under_load_is_whole_or_gone(world: World) {
        let group = create(&world, json!({"displayName": "Engineering"})).await;
        let mut people = Vec::new();
        for number in 0..16 {
            people.push(world.create_account(&format!("user{number}"), None).await.id.to_string());
        }
        let mut clients = JoinSet::new();
        for person in people.clone() {
            let core = world.core.clone();
            clients.spawn(async move {
                let call = admin(CONTOSO);
                for round in 0..8 {
                    let op = if round % 2 == 0 { Op::Add } else { Op::Remove };
                    let operations = [operation(op, "members", json!([person]))];
                    match core.patch_group(&call, group.id, &operations, &Precondition::default(), None).await {
                        Ok(_) => {}
                        Err(Error::Refused(refusal)) => assert_eq!(refusal.reason, Reason::GroupNotFound),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        let core = world.core.clone();
        clients.spawn(async move {
            let call = admin(CONTOSO);
            for (number, person) in people.iter().take(4).enumerate() {
                let put = attributes(json!({"displayName": format!("Engineering {number}"), "members": [person]}));
                core.replace_group(&call, group.id, &put, &Precondition::default(), None).await.expect("it is never refused");
            }
            core.delete_group(&call, group.id, &Precondition::default(), None).await.expect("it is there");
        });
        while let Some(client) = clients.join_next().await {
            client.expect("it came to its end");
        }
        world.purge().await;
        let again = create(&world, json!({"displayName": "Engineering"})).await;
        assert_eq!(again.version, 1);
    }

    async fn the_log_tells_who_came_and_who_went_also_when_others_write_meanwhile(world: World) {
        let [ada, bob, eve, joe] = people(&world, ["ada", "bob", "eve", "joe"]).await;
        let mut groups = Vec::new();
        let mut clients = JoinSet::new();
        for number in 0..36 {
            let name = format!("Team {number}");
            let group = create(&world, json!({"displayName": name, "members": [ada, bob]})).await.id;
            groups.push(group);
            for late in [&eve, &joe] {
                let (core, add) = (world.core.clone(), [operation(Op::Add, "members", json!([late]))]);
                clients.spawn(async move {
                    core.patch_group(&admin(CONTOSO), group, &add, &Precondition::default(), None).await.expect("it is done");
                });
            }
            let (core, ada, bob) = (world.core.clone(), ada.clone(), bob.clone());
            clients.spawn(async move {
                let (call, everything) = (admin(CONTOSO), Precondition::default());
                let done = match number % 4 {
                    0 => {
                        let clear = Operation { op: Op::Remove, path: Some("members".to_owned()), value: None };
                        core.patch_group(&call, group, &[clear], &everything, None).await
                    }
                    1 => {
                        let put = attributes(json!({"displayName": name, "members": [ada]}));
                        core.replace_group(&call, group, &put, &everything, None).await
                    }
                    2 => {
                        let put = attributes(json!({"displayName": format!("Renamed {number}"), "members": [ada, bob]}));
                        core.replace_group(&call, group, &put, &everything, None).await
                    }
                    _ => core.patch_group(&call, group, &[operation(Op::Replace, "members", json!([bob]))], &everything, None).await,
                };
                done.expect("it is done");
            });
        }
        while let Some(client) = clients.join_next().await {
            client.expect("it came to its end");
        }
        for (number, group) in groups.into_iter().enumerate() {
            let entries = world.log(CONTOSO, &format!("resourceId eq \"{group}\"")).await;
            let members: BTreeSet<_> = read(&world, group).await.members.expect("they were asked for").into_iter().map(|member| member.id.to_string()).collect();
            let changes: Vec<_> = entries.iter().flat_map(|entry| &entry.changes).filter(|change| change.attribute == "members").collect();
            for person in [&ada, &bob, &eve, &joe] {
                let times = |ids: &Option<Value>| ids.as_ref().and_then(Value::as_array).is_some_and(|ids| ids.contains(&json!(person)));
                let came = changes.iter().filter(|change| times(&change.new)).count();
                let went = changes.iter().filter(|change| times(&change.old)).count();
                assert_eq!(came, went + usize::from(members.contains(person)), "{number}: {changes:#?}");
            }
        }
    }

    async fn what_the_guard_holds_no_longer_is_told_also_when_others_have_done_the_rest(world: World) {
        let call = guarded(&world, 1).await;
        let [ada, bob, eve] = people(&world, ["ada", "bob", "eve"]).await;
        let everything = Precondition::default();
        let mut groups = Vec::new();
        for number in 0..24 {
            let group = create(&world, json!({"displayName": format!("Team {number}"), "members": [ada, bob]})).await.id;
            let both = [operation(Op::Remove, "members", json!([ada, bob]))];
            assert_eq!(reason(world.core.patch_group(&call, group, &both, &everything, None).await), Reason::DeprovisionHeld);
            groups.push(group);
        }
        let mut clients = JoinSet::new();
        for group in groups.iter().copied() {
            for (call, members) in [(call.clone(), json!([ada, eve])), (admin(CONTOSO), json!([eve]))] {
                let (core, add) = (world.core.clone(), [operation(Op::Add, "members", members)]);
                clients.spawn(async move {
                    core.patch_group(&call, group, &add, &Precondition::default(), None).await.expect("it is done");
                });
            }
        }
        while let Some(client) = clients.join_next().await {
            client.expect("it came to its end");
        }
        assert_eq!(pending(&world).await.expect("the other one of each waits").member_removals, 24);
        for group in groups {
            let entries = world.log(CONTOSO, &format!("resourceId eq \"{group}\" and outcome eq \"success\"")).await;
            let told = entries.iter().filter(|entry| entry.detail.contains("one thing less")).count();
            let came = entries.iter().flat_map(|entry| &entry.changes).filter(|change| change.new == Some(json!([eve]))).count();
            assert_eq!((told, came), (1, 1), "{entries:#?}");
        }
    }
}
