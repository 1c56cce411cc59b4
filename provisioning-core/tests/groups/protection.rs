//! Protected accounts as members: SCIM puts none into a group and takes none out, and the others of a request are not kept waiting.

use provisioning_core::{
    Core,
    accounts::{AccountKey, Act, ActTarget, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    error::{Error, Reason},
    groups::MemberType,
    ids::{AccountId, GroupId},
    log::Outcome,
    receipts::Answer,
    storage::{Commit, GroupWrite, NewMember, StorageUrl, Write},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{attributes, create, members, operation, patch, people, read, rfc};
use crate::{
    storage::{Fixture, make, waiting_for_locks},
    world::{CONTOSO, World, admin, fresh, on_every_engine, once, reason, scim},
};

/// A tenant with Alice, who is protected, Bob and Carol; their ids, and the directory.
struct Scene {
    entra: Call,
    alice: String,
    bob: String,
    carol: String,
}

async fn scene(world: &World) -> Scene {
    let [alice, bob, carol] = people(world, ["alice", "bob", "carol"]).await;
    act(world, Act::Protect, &alice).await;
    Scene {
        entra: scim(CONTOSO, &world.generate(CONTOSO).await.text),
        alice,
        bob,
        carol,
    }
}

async fn act(world: &World, act: Act, id: &str) {
    let target = ActTarget {
        account_id: AccountId::parse(id).expect("it is an id"),
        precondition: Precondition::default(),
        reason: String::new(),
    };
    fresh(
        world
            .core
            .act_on_account(&admin(CONTOSO), act, &target, None)
            .await,
    );
}

fn values(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

/// A group of these members, made by an admin.
async fn group(world: &World, name: &str, ids: &[&str]) -> GroupId {
    create(world, json!({"displayName": name, "members": values(ids)}))
        .await
        .id
}

fn clear() -> Operation {
    Operation {
        op: Op::Remove,
        path: Some("members".to_owned()),
        value: None,
    }
}

fn remove_one(id: &str) -> Operation {
    Operation {
        op: Op::Remove,
        path: Some(format!("members[value eq \"{id}\"]")),
        value: None,
    }
}

fn remove_by_name(name: &str) -> Operation {
    Operation {
        op: Op::Remove,
        path: Some(format!("members[display eq \"{name}\"]")),
        value: None,
    }
}

/// What the directory does to a group with Alice in it, or without her.
async fn overtake(core: Core, call: Call, group: GroupId, number: usize, alice: String) {
    let everything = Precondition::default();
    let operations = match number % 6 {
        0 => vec![remove_one(&alice)],
        1 => vec![clear()],
        2 => {
            let rename = operation(
                Op::Replace,
                "displayName",
                json!(format!("Renamed {number}")),
            );
            vec![rename, remove_by_name(&format!("alice{number}"))]
        }
        3 => vec![operation(Op::Add, "members", values(&[&alice]))],
        4 => {
            let deleted = core.delete_group(&call, group, &everything, None).await;
            assert!(deleted.is_ok() || reason(deleted) == Reason::AccountProtected);
            return;
        }
        _ => {
            let body = attributes(
                json!({"displayName": format!("New {number}"), "members": values(&[&alice])}),
            );
            fresh(core.create_group(&call, &body, false, None).await);
            return;
        }
    };
    core.patch_group(&call, group, &operations, &everything, None)
        .await
        .expect("it is done for the others");
}

async fn put(world: &World, call: &Call, id: GroupId, body: Value) -> Result<(), Error> {
    world
        .core
        .replace_group(call, id, &attributes(body), &Precondition::default(), None)
        .await
        .map(drop)
}

on_every_engine! {
    async fn a_protected_account_gets_into_no_group_and_the_others_do(world: World) {
        let Scene { entra, alice, bob, carol } = scene(&world).await;
        let sales = group(&world, "Sales", &[]).await;
        let add = operation(Op::Add, "members", values(&[&alice, &bob]));
        assert!(patch(&world, &entra, sales, std::slice::from_ref(&add)).await.expect("it is done").changed);
        assert_eq!(members(&world, sales).await, ["bob"]);
        let entry = &world.log(CONTOSO, "operation eq \"patch\"").await[0];
        assert_eq!(entry.outcome, Outcome::Success);
        assert!(entry.detail.contains("protected") && entry.detail.contains(&alice), "{}", entry.detail);

        put(&world, &entra, sales, json!({"displayName": "Sales", "members": values(&[&alice, &carol])})).await.expect("it is done");
        assert_eq!(members(&world, sales).await, ["carol"]);
        let made = world.core.create_group(&entra, &attributes(json!({"displayName": "New", "members": values(&[&alice, &bob])})), false, None).await;
        assert_eq!(members(&world, fresh(made).group.id).await, ["bob"]);
        patch(&world, &admin(CONTOSO), sales, &[add]).await.expect("an admin may");
        assert_eq!(members(&world, sales).await, ["alice", "bob", "carol"]);
    }

    async fn a_protected_account_gets_out_of_no_group_however_it_is_asked(world: World) {
        let Scene { entra, alice, bob, carol } = scene(&world).await;
        let everybody = values(&[&alice, &bob, &carol]);
        let requests = [
            vec![operation(Op::Remove, "members", everybody.clone())],
            vec![remove_one(&alice), remove_one(&bob), remove_one(&carol)],
            vec![remove_by_name("alice"), remove_by_name("bob"), remove_by_name("carol")],
            vec![clear()],
            vec![operation(Op::Replace, "members", json!([]))],
            vec![clear(), operation(Op::Add, "members", values(&[&bob])), remove_one(&bob)],
        ];
        for (number, request) in requests.iter().enumerate() {
            let sales = group(&world, &format!("Sales {number}"), &[&alice, &bob, &carol]).await;
            patch(&world, &entra, sales, request).await.expect("it is done for the others");
            assert_eq!(members(&world, sales).await, ["alice"], "{request:?}");
            let entry = &world.log(CONTOSO, "operation eq \"patch\"").await[0];
            assert!(entry.detail.contains(&alice), "{request:?}: {}", entry.detail);
        }
        let sales = group(&world, "Sales", &[&alice, &bob]).await;
        put(&world, &entra, sales, json!({"displayName": "Sales", "members": values(&[&carol])})).await.expect("it is done");
        assert_eq!(members(&world, sales).await, ["alice", "carol"]);
        let deleted = world.core.delete_group(&entra, sales, &Precondition::default(), None).await;
        assert_eq!(reason(deleted), Reason::AccountProtected, "with the group its membership would end");
        assert_eq!(members(&world, sales).await, ["alice", "carol"]);
        patch(&world, &admin(CONTOSO), sales, &[remove_one(&alice)]).await.expect("an admin may");
        fresh(world.core.delete_group(&entra, sales, &Precondition::default(), None).await);
    }

    async fn what_is_passed_over_as_a_whole_is_logged_and_changes_nothing(world: World) {
        let Scene { entra, alice, .. } = scene(&world).await;
        let sales = group(&world, "Sales", &[&alice]).await;
        let before = read(&world, sales).await;
        let precondition = Precondition::default();
        let operations = [clear()];
        let encode = |_: &provisioning_core::groups::Written| vec![1];
        let once = || Some(provisioning_core::receipts::Once { encode: &encode, ..once(1, 1) });
        let written = fresh(world.core.patch_group(&entra, sales, &operations, &precondition, once()).await);
        assert!(!written.changed);
        let again = world.core.patch_group(&entra, sales, &operations, &precondition, once()).await.expect("it is answered");
        assert!(matches!(again, Answer::Replayed(_)));
        assert_eq!(read(&world, sales).await, before);
        let entries = world.log(CONTOSO, "operation eq \"patch\"").await;
        assert_eq!((entries.len(), entries[0].outcome, entries[0].actor.as_str()), (1, Outcome::Success, "scim"));
        assert!(entries[0].detail.contains(&alice) && entries[0].changes.is_empty());

        let validate_only = Precondition { validate_only: true, ..Precondition::default() };
        world.core.patch_group(&entra, sales, &operations, &validate_only, None).await.expect("it would do nothing");
        assert_eq!(world.log(CONTOSO, "operation eq \"patch\"").await.len(), 1);
    }

    async fn where_unknown_members_are_refused_protected_ones_are_too(world: World) {
        rfc(&world).await;
        let Scene { entra, alice, bob, .. } = scene(&world).await;
        let sales = group(&world, "Sales", &[&alice, &bob]).await;
        let other = group(&world, "Other", &[]).await;
        let before = (read(&world, sales).await, read(&world, other).await);
        let body = json!({"displayName": "Sales", "members": values(&[&bob])});
        let refused = [
            patch(&world, &entra, sales, &[clear()]).await.map(drop),
            patch(&world, &entra, sales, &[remove_one(&alice), remove_one(&bob)]).await.map(drop),
            patch(&world, &entra, other, &[operation(Op::Add, "members", values(&[&alice, &bob]))]).await.map(drop),
            put(&world, &entra, sales, body).await,
            world.core.create_group(&entra, &attributes(json!({"displayName": "New", "members": values(&[&alice])})), false, None).await.map(drop),
        ];
        for answer in refused {
            let Err(Error::Refused(refusal)) = answer else { panic!("it was not refused") };
            assert_eq!(refusal.reason, Reason::AccountProtected);
            assert!(refusal.metadata.contains(&("account_id", alice.clone())));
        }
        assert_eq!((read(&world, sales).await, read(&world, other).await), before);
        // To say what is so already is no change.
        let body = json!({"displayName": "Sales", "members": values(&[&alice])});
        put(&world, &entra, sales, body).await.expect("she stays");
        let left: Vec<String> = read(&world, sales).await.members.expect("they were asked for").iter().map(|member| member.id.to_string()).collect();
        assert_eq!(left, [alice]);
    }

    async fn a_protected_account_that_is_deleted_keeps_its_groups(world: World) {
        let Scene { entra, alice, bob, .. } = scene(&world).await;
        let groups = [group(&world, "One", &[&alice, &bob]).await, group(&world, "Two", &[&alice, &bob]).await];
        let id = AccountId::parse(&alice).expect("it is an id");
        fresh(world.core.delete_account(&admin(CONTOSO), id, &Precondition::default(), None).await);
        patch(&world, &entra, groups[0], &[clear()]).await.expect("it is done for the others");
        patch(&world, &entra, groups[1], &[operation(Op::Remove, "members", values(&[&alice, &bob]))]).await.expect("it is done for the others");
        for group in groups {
            assert_eq!(members(&world, group).await, Vec::<String>::new());
        }
        act(&world, Act::Restore, &alice).await;
        for group in groups {
            assert_eq!(members(&world, group).await, ["alice"]);
        }
    }

    async fn no_request_of_the_directory_overtakes_a_protection(world: World) {
        let entra = scim(CONTOSO, &world.generate(CONTOSO).await.text);
        let mut requests = JoinSet::new();
        for number in 0..60 {
            let [alice, bob] = people(&world, [format!("alice{number}"), format!("bob{number}")].each_ref().map(String::as_str)).await;
            let of_it = if number % 6 == 3 { vec![&*bob] } else { vec![&*alice, &*bob] };
            let group = group(&world, &format!("Group {number}"), &of_it).await;
            let (core, entra) = (world.core.clone(), entra.clone());
            requests.spawn(async move {
                let id = AccountId::parse(&alice).expect("it is an id");
                let groups = async || -> Vec<GroupId> {
                    let account = core.get_account(&admin(CONTOSO), &AccountKey::Id(id)).await.expect("it is there");
                    account.groups.iter().map(|group| group.group_id).collect()
                };
                let mut request = JoinSet::new();
                request.spawn(overtake(core.clone(), entra, group, number, alice));
                let target = ActTarget { account_id: id, precondition: Precondition::default(), reason: String::new() };
                fresh(core.act_on_account(&admin(CONTOSO), Act::Protect, &target, None).await);
                let protected = groups().await;
                request.join_next().await.expect("there is one").expect("it came to its end");
                assert_eq!(groups().await, protected, "{number}: her groups changed behind the protection");
            });
        }
        while let Some(ended) = requests.join_next().await {
            ended.expect("it came to its end");
        }
    }
}

/// Of PostgreSQL: the embedded engine's writer is alone. The directory wants Alice in a group, and has seen her outside; an admin adds her, takes her out
/// and protects her while the directory's write waits for that protection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_a_member_when_a_write_began_is_not_put_back_when_protected_since() {
    let fixture = Fixture::postgres().await;
    let StorageUrl::Postgres(url) = &fixture.config.url else {
        panic!("it is PostgreSQL");
    };
    let url = url.expose_secret().to_owned();
    let world = World::new(fixture).await;
    let [alice] = people(&world, ["alice"]).await;
    let sales = group(&world, "Sales", &[&alice]).await;

    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("SELECT FROM accounts FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let tenant = world.core.get_tenant(&admin(CONTOSO)).await.unwrap().id;
    let add = GroupWrite::Change {
        id: sales,
        expected_version: None,
        document: None,
        clear: false,
        remove: Vec::new(),
        add: vec![NewMember {
            id: Uuid::try_parse(&alice).expect("it is an id"),
            kind: MemberType::User,
        }],
        spares_protected: true,
        at: world.core.now(),
    };
    let write = async {
        waiting_for_locks(&url, 1).await;
        make::commit(world.storage(), tenant, Write::Group(Box::new(add))).await
    };
    let removal = async {
        waiting_for_locks(&url, 2).await;
        patch(&world, &admin(CONTOSO), sales, &[remove_one(&alice)])
            .await
            .expect("an admin may");
        lock.rollback().await.unwrap();
    };
    let ((), written, ()) = tokio::join!(act(&world, Act::Protect, &alice), write, removal);
    assert_eq!(written, Commit::VersionMismatch);
    assert_eq!(members(&world, sales).await, Vec::<String>::new());
}
