//! Groups: made, renamed and deleted; their members one by one.

use axum::http::Method;
use entra_sim::{DirectoryGroup, Engine, ErrorCode, FlagMode, ObjectId, ObjectType, Scenario};
use serde_json::json;
use uuid::Uuid;

use crate::server::{Fault, Server};
use crate::{FULL, INCREMENTAL, engine, engine_of, quiet, scenario, user};

/// An engine over three users, and a group of the first two at position 0.
fn engine_with_group(server: &Server) -> Engine {
    let mut engine = engine_of(server, vec![user(1), user(2), user(3)]);
    let directory = engine.directory_mut();
    let id = ObjectId(Uuid::from_u128(100));
    let group = directory.add_group(DirectoryGroup::new(id, "Engineering"));
    directory.add_member(group, 0);
    directory.add_member(group, 1);
    engine
}

fn ids(engine: &Engine, users: &[usize]) -> Vec<String> {
    let mut ids: Vec<String> = users
        .iter()
        .map(|user| engine.linked(*user).unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_groups_life_from_create_to_delete() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    engine.cycle(FULL, &mut quiet).await;
    let group = engine.linked_group(0).unwrap().to_owned();
    assert_eq!(server.world().members(&group), ids(&engine, &[0, 1]));
    assert_eq!(engine.verify().await, []);

    let directory = engine.directory_mut();
    directory.rename_group(0, "Research");
    directory.remove_member(0, 0);
    directory.add_member(0, 2);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(server.world().groups[&group]["displayName"], "Research");
    assert_eq!(server.world().members(&group), ids(&engine, &[1, 2]));
    let cycle = engine.report().cycles.last().unwrap();
    assert_eq!((cycle.updated, cycle.memberships, cycle.errors), (1, 2, 0));
    assert_eq!(engine.verify().await, []);
    assert_eq!(engine.verify_acknowledged().await, []);

    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().cycles.last().unwrap().patches, 0);

    engine.directory_mut().delete_group(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert!(server.world().groups.is_empty());
    assert_eq!(engine.linked_group(0), None);
    assert_eq!(engine.verify().await, []);
    assert_eq!(engine.verify_acknowledged().await, []);
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn a_member_without_an_account_follows_once_it_has_one() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    engine.directory_mut().set_assigned(1, false);
    engine.cycle(FULL, &mut quiet).await;
    let group = engine.linked_group(0).unwrap().to_owned();
    assert_eq!(server.world().members(&group), ids(&engine, &[0]));
    engine.directory_mut().set_assigned(1, true);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(server.world().members(&group), ids(&engine, &[0, 1]));
}

#[tokio::test]
async fn a_purged_member_is_not_taken_out_by_a_request() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    engine.cycle(FULL, &mut quiet).await;
    engine.directory_mut().purge(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let last = engine.report().cycles.last().unwrap();
    assert_eq!((last.deleted, last.memberships), (1, 0));
    assert!(engine.report().exit_ok());
    assert_eq!(engine.verify().await, []);
}

#[tokio::test]
async fn a_group_made_by_hand_is_found_by_its_name() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    server.world().groups.insert(
        "7".to_owned(),
        json!({"id": "7", "displayName": "engineering", "members": []}),
    );
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.linked_group(0), Some("7"));
    assert_eq!(server.world().groups.len(), 1);
}

#[tokio::test]
async fn a_member_that_fails_is_tried_again_and_its_group_is_in_error() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    server.break_with(|request| {
        let of_members = request.body["Operations"][0]["path"] == "members";
        of_members.then_some(Fault::Status(500))
    });
    engine.cycle(FULL, &mut quiet).await;
    let [in_error] = engine.report().in_error.as_slice() else {
        panic!("the group: {:?}", engine.report().in_error);
    };
    assert_eq!(
        (in_error.object_type, in_error.error_code),
        (ObjectType::Group, ErrorCode::InternalServerError)
    );
    assert_eq!(engine.report().cycles[0].escrowed, 2);
    server.repair();
    engine.settle(&mut quiet).await;
    assert!(engine.report().exit_ok());
    assert_eq!(engine.verify().await, []);
}

#[tokio::test]
async fn a_member_lost_on_the_server_is_a_difference() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    engine.cycle(FULL, &mut quiet).await;
    let group = engine.linked_group(0).unwrap().to_owned();
    server.world().groups.get_mut(&group).unwrap()["members"] = json!([]);
    assert_eq!(engine.verify().await.len(), 2);
    assert_eq!(engine.verify_acknowledged().await.len(), 2);
}

#[tokio::test]
async fn a_restarted_job_finds_the_group_and_puts_its_members_in_again() {
    let server = Server::start().await;
    let mut engine = engine_with_group(&server);
    engine.cycle(FULL, &mut quiet).await;
    engine.restart();
    server.take_requests();
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let requests = server.take_requests();
    assert!(
        requests
            .iter()
            .all(|request| request.method != Method::POST)
    );
    let cycle = engine.report().cycles.last().unwrap();
    assert_eq!((cycle.matched, cycle.memberships), (4, 2));
}

#[tokio::test]
async fn a_busy_story_with_groups_ends_well_in_both_flag_modes() {
    for flag in [FlagMode::Off, FlagMode::On] {
        let server = Server::start().await;
        let scenario = Scenario {
            groups: 12,
            flag,
            ..scenario(60, 4)
        };
        let mut engine = engine(&server, scenario);
        engine.run(&mut quiet).await;
        assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);
        assert_eq!(engine.verify().await, [], "{flag:?}");
        assert_eq!(engine.verify_acknowledged().await, [], "{flag:?}");
        let cycles = &engine.report().cycles;
        assert_eq!(cycles.last().unwrap().patches, 0);
        assert!(cycles.iter().map(|cycle| cycle.memberships).sum::<usize>() > 60);
        assert!(
            engine
                .directory()
                .groups()
                .iter()
                .any(|group| group.deleted)
        );
    }
}
