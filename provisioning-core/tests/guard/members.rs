//! Members that leave groups.

use provisioning_core::{
    accounts::{Account, Act, ActTarget, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    error::{Error, Reason},
    groups::{Group, GroupKey, View},
    guard::DeprovisionAction,
};
use serde_json::{Value, json};

use super::{decide, guarded, items, pending, people, replace, suspend, used};
use crate::world::{CONTOSO, World, admin, fresh, on_every_engine, reason};

async fn group(world: &World, call: &Call, name: &str, members: &[Account]) -> Group {
    let attributes = json!({"displayName": name, "members": listed(members)});
    let attributes = attributes.as_object().expect("it is an object");
    fresh(world.core.create_group(call, attributes, false, None).await).group
}

fn listed(members: &[Account]) -> Value {
    members
        .iter()
        .map(|account| json!({"value": account.id.to_string()}))
        .collect()
}

fn of_members(op: Op, members: &[Account]) -> Operation {
    Operation {
        op,
        path: Some("members".to_owned()),
        value: Some(listed(members)),
    }
}

async fn patch(
    world: &World,
    call: &Call,
    group: &Group,
    operations: &[Operation],
) -> Result<(), Error> {
    world
        .core
        .patch_group(call, group.id, operations, &Precondition::default(), None)
        .await
        .map(drop)
}

async fn read(world: &World, group: &Group) -> (String, usize) {
    let group = world
        .core
        .get_group(&admin(CONTOSO), &GroupKey::Id(group.id), View::Full)
        .await
        .expect("it is there");
    let members = group.members.expect("they were asked for");
    (group.display_name, members.len())
}

on_every_engine! {
    async fn each_member_that_leaves_counts_and_a_patch_is_held_as_a_whole(world: World) {
        let call = guarded(&world, 3).await;
        let people = people(&world, &call, 6).await;
        let team = group(&world, &call, "Team", &people[..5]).await;
        patch(&world, &call, &team, &[of_members(Op::Remove, &people[..2])]).await.expect("two are within the limit");
        assert_eq!(used(&world).await, 2);
        let rename = replace("displayName", json!("Renamed"));
        let more = [rename, of_members(Op::Add, &people[5..]), of_members(Op::Remove, &people[2..4])];
        assert_eq!(reason(patch(&world, &call, &team, &more).await), Reason::DeprovisionHeld);
        assert_eq!(read(&world, &team).await, ("Team".to_owned(), 3), "nothing of it is done");
        let batch = pending(&world).await.expect("they wait");
        assert_eq!((batch.suspends, batch.member_removals), (0, 2));
        let waiting = items(&world, &batch).await;
        assert!(waiting.iter().all(|item| item.key.action == DeprovisionAction::RemoveMember && item.group_display_name == "Team"));
        patch(&world, &call, &team, &[of_members(Op::Remove, &people[4..5])]).await.expect("there is room for one");
        decide(&world, &batch, true).await;
        patch(&world, &call, &team, &more).await.expect("it was approved");
        assert_eq!(read(&world, &team).await, ("Renamed".to_owned(), 1));
        assert_eq!(used(&world).await, 3);
    }

    async fn a_suspension_and_a_removal_of_the_same_account_are_two_things(world: World) {
        let call = guarded(&world, 2).await;
        let people = people(&world, &call, 3).await;
        let team = group(&world, &call, "Team", &people).await;
        suspend(&world, &call, &people[0]).await.expect("it is the first");
        patch(&world, &call, &team, &[of_members(Op::Remove, &people[..1])]).await.expect("it is the second");
        reason(suspend(&world, &call, &people[1]).await);
        reason(patch(&world, &call, &team, &[of_members(Op::Remove, &people[1..2])]).await);
        let batch = pending(&world).await.expect("both wait");
        assert_eq!((batch.suspends, batch.member_removals), (1, 1));
    }

    async fn a_put_that_leaves_members_out_removes_them(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 4).await;
        let team = group(&world, &call, "Team", &people).await;
        let put = async |members: &[Account]| {
            let attributes = json!({"displayName": "Team", "members": listed(members)});
            let attributes = attributes.as_object().expect("it is an object");
            world.core.replace_group(&call, team.id, attributes, &Precondition::default(), None).await.map(drop)
        };
        assert_eq!(reason(put(&people[..1]).await), Reason::DeprovisionHeld);
        let batch = pending(&world).await.expect("three wait");
        assert_eq!(batch.member_removals, 3);
        put(&people).await.expect("all stay");
        assert_eq!(pending(&world).await, None, "the directory wants them after all");
        put(&people[..3]).await.expect("one is within the limit");
        assert_eq!(used(&world).await, 1);
    }

    async fn to_delete_a_group_is_to_remove_its_members(world: World) {
        let call = guarded(&world, 2).await;
        let people = people(&world, &call, 3).await;
        let (team, empty) = (group(&world, &call, "Team", &people).await, group(&world, &call, "Empty", &[]).await);
        let delete = async |group: &Group| {
            world.core.delete_group(&call, group.id, &Precondition::default(), None).await.map(drop)
        };
        assert_eq!(reason(delete(&team).await), Reason::DeprovisionHeld);
        assert_eq!(read(&world, &team).await.1, 3);
        let batch = pending(&world).await.expect("they wait");
        assert_eq!(batch.member_removals, 3);
        delete(&empty).await.expect("nobody is in it");
        decide(&world, &batch, true).await;
        delete(&team).await.expect("it was approved");
        assert_eq!(used(&world).await, 0);
    }

    async fn a_member_that_is_added_again_waits_no_longer(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 3).await;
        let (team, other) = (group(&world, &call, "Team", &people).await, group(&world, &call, "Other", &people).await);
        for group in [&team, &other] {
            reason(patch(&world, &call, group, &[of_members(Op::Remove, &people)]).await);
        }
        assert_eq!(pending(&world).await.expect("they wait").member_removals, 6);
        patch(&world, &call, &team, &[of_members(Op::Add, &people[..2])]).await.expect("they are in it");
        assert_eq!(pending(&world).await.expect("the others wait").member_removals, 4, "it is another group's");
    }

    async fn what_waits_stays_when_the_request_that_makes_it_moot_is_held_itself(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 5).await;
        let team = group(&world, &call, "Team", &people).await;
        reason(patch(&world, &call, &team, &[of_members(Op::Remove, &people[..2])]).await);
        let both = [of_members(Op::Add, &people[..1]), of_members(Op::Remove, &people[3..])];
        assert_eq!(reason(patch(&world, &call, &team, &both).await), Reason::DeprovisionHeld);
        assert_eq!(pending(&world).await.expect("they wait").member_removals, 4, "nothing of it is done");
        patch(&world, &call, &team, &[of_members(Op::Add, &people[..1])]).await.expect("it is in it");
        assert_eq!(pending(&world).await.expect("the others wait").member_removals, 3);
        let entries = world.log(CONTOSO, "operation eq \"patch\" and outcome eq \"success\"").await;
        assert!(entries[0].detail.contains("one thing less"), "{:?}", entries[0]);
    }

    async fn a_protected_member_stays_and_is_not_counted(world: World) {
        let call = guarded(&world, 2).await;
        let people = people(&world, &call, 3).await;
        let team = group(&world, &call, "Team", &people).await;
        let target = ActTarget { account_id: people[0].id, precondition: Precondition::default(), reason: String::new() };
        fresh(world.core.act_on_account(&admin(CONTOSO), Act::Protect, &target, None).await);
        let all = [Operation { op: Op::Remove, path: Some("members".to_owned()), value: None }];
        patch(&world, &call, &team, &all).await.expect("two are within the limit");
        assert_eq!((read(&world, &team).await.1, used(&world).await), (1, 2));
    }

    async fn a_stale_etag_is_told_whatever_would_be_held(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 3).await;
        let group = group(&world, &call, "Sales", &people).await;
        suspend(&world, &call, &people[0]).await.expect("it is within the limit");
        let stale = |validate_only| Precondition { etag: Some("\"77\"".to_owned()), validate_only };
        let (off, gone) = ([replace("active", json!(false))], [of_members(Op::Remove, &people)]);
        for stale in [stale(false), stale(true)] {
            let core = &world.core;
            let refused = [
                reason(core.patch_account(&call, people[1].id, &off, &stale, None).await),
                reason(core.delete_account(&call, people[1].id, &stale, None).await),
                reason(core.patch_group(&call, group.id, &gone, &stale, None).await),
                reason(core.delete_group(&call, group.id, &stale, None).await),
            ];
            assert_eq!(refused, [Reason::EtagMismatch; 4]);
        }
        assert_eq!((pending(&world).await, used(&world).await), (None, 1));
    }

    async fn admins_may_empty_a_group(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 3).await;
        let team = group(&world, &call, "Team", &people).await;
        patch(&world, &admin(CONTOSO), &team, &[of_members(Op::Remove, &people)]).await.expect("an admin knows");
        assert_eq!(used(&world).await, 0);
    }

    async fn a_group_that_is_a_member_is_shown_by_its_name(world: World) {
        let call = guarded(&world, 1).await;
        let people = people(&world, &call, 1).await;
        let inner = group(&world, &call, "Inner", &[]).await;
        let attributes = json!({"displayName": "Outer", "members": [{"value": inner.id.to_string()}, {"value": people[0].id.to_string()}]});
        let attributes = attributes.as_object().expect("it is an object");
        let outer = fresh(world.core.create_group(&call, attributes, false, None).await).group;
        let all = [Operation { op: Op::Remove, path: Some("members".to_owned()), value: None }];
        assert_eq!(reason(patch(&world, &call, &outer, &all).await), Reason::DeprovisionHeld);
        let batch = pending(&world).await.expect("both wait");
        let mut names: Vec<_> = items(&world, &batch).await.into_iter().map(|item| item.user_name).collect();
        names.sort();
        assert_eq!(names, ["Inner", "user0@contoso.com"]);
    }
}
