//! What Entra does to users against a server that works.

use axum::http::Method;
use entra_sim::{
    Action, CycleReport, DirectoryUser, Engine, ErrorCode, Event, FlagMode, Phase, Scenario, Status,
};
use serde_json::{Value, json};

use crate::server::{ENTERPRISE, Server};
use crate::{FULL, INCREMENTAL, engine, engine_at, engine_of, quiet, scenario, user};

fn sum(engine: &Engine, count: fn(&CycleReport) -> usize) -> usize {
    engine.report().cycles.iter().map(count).sum()
}

async fn the_default_story(flag: FlagMode) {
    let server = Server::start().await;
    let mut engine = engine(
        &server,
        Scenario {
            flag,
            ..scenario(120, 4)
        },
    );
    engine.run(&mut quiet).await;

    let report = engine.report();
    assert!(report.exit_ok(), "{:#?}", report.in_error);
    assert_eq!(report.cycles.len(), 5, "nothing had to be settled");
    assert_eq!(report.cycles[0].created, 120);
    assert!(
        report.cycles[0].references > 80,
        "managers follow in the first cycle"
    );
    for (what, count) in [
        ("updated", sum(&engine, |cycle| cycle.updated)),
        ("disabled", sum(&engine, |cycle| cycle.disabled)),
        ("enabled", sum(&engine, |cycle| cycle.enabled)),
        ("deleted", sum(&engine, |cycle| cycle.deleted)),
        ("matched again", sum(&engine, |cycle| cycle.matched)),
        ("on demand", sum(&engine, |cycle| cycle.on_demand)),
    ] {
        assert!(count > 0, "nothing was {what}");
    }
    let last = report.cycles.last().unwrap();
    assert_eq!(
        (last.patches, last.repeated_patches, last.errors),
        (0, 0, 0),
        "a quiet cycle sends nothing"
    );
    assert!(last.skipped > 100, "but looks at everybody");
    assert_eq!(engine.verify().await, []);
    assert_eq!(engine.verify_acknowledged().await, []);
    assert!(report.ledger.acknowledged() > 300);
}

#[tokio::test]
async fn the_default_story_ends_well_without_the_flag() {
    the_default_story(FlagMode::Off).await;
}

#[tokio::test]
async fn the_default_story_ends_well_with_the_flag() {
    the_default_story(FlagMode::On).await;
}

#[tokio::test]
async fn an_account_that_was_there_before_is_adopted_and_mended() {
    let server = Server::start().await;
    server.insert(
        "local-1",
        json!({"userName": "USER1@contoso.com", "active": false, "title": "kept"}),
    );
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;

    assert_eq!(engine.linked(0), Some("local-1"));
    let account = server.account("local-1");
    assert_eq!(account["active"], true);
    assert_eq!(account["userName"], "user1@contoso.com");
    assert_eq!(
        account["externalId"],
        "00000000-0000-0000-0000-000000000001"
    );
    assert_eq!(account["title"], "kept", "what has no source is left alone");
    let cycle = &engine.report().cycles[0];
    assert_eq!((cycle.matched, cycle.enabled, cycle.created), (1, 1, 0));
    assert_eq!(cycle.repeated_patches, 0, "a first export repeats nothing");
}

#[tokio::test]
async fn a_cycle_over_changes_sends_only_the_probe_when_nothing_changed() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1), user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    server.take_requests();
    engine.cycle(INCREMENTAL, &mut quiet).await;

    let requests = server.take_requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0]
            .path
            .starts_with("/Users?filter=userName+eq+%22")
    );
    assert_eq!(engine.report().cycles[1].requests, 1);
}

#[tokio::test]
async fn a_changed_user_is_read_by_id_and_gets_only_the_difference() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1), user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    server.take_requests();
    engine
        .directory_mut()
        .update(1, |user| user.job_title = Some("Engineer".to_owned()));
    engine.cycle(INCREMENTAL, &mut quiet).await;

    let requests = server.take_requests();
    let id = engine.linked(1).unwrap();
    assert_eq!(requests.len(), 3, "probe, read, PATCH");
    assert_eq!(
        (&requests[1].method, &requests[1].path),
        (&Method::GET, &format!("/Users/{id}"))
    );
    assert_eq!(
        requests[2].body["Operations"],
        json!([{"op": "Add", "path": "title", "value": "Engineer"}])
    );
}

#[tokio::test]
async fn a_users_life_from_soft_delete_over_restore_to_purge() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    let id = engine.linked(0).unwrap().to_owned();

    engine.directory_mut().soft_delete(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let account = server.account(&id);
    assert_eq!(
        account["userName"],
        "00000000000000000000000000000001user1@contoso.com"
    );
    assert_eq!(account["active"], false);
    assert_eq!(engine.report().log.last().unwrap().action, Action::Disable);

    engine.directory_mut().restore(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(server.account(&id)["userName"], "user1@contoso.com");
    assert_eq!(server.account(&id)["active"], true);
    assert_eq!(
        engine.linked(0),
        Some(id.as_str()),
        "the same account came back"
    );

    engine.directory_mut().soft_delete(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    engine.directory_mut().purge(0);
    server.take_requests();
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let requests = server.take_requests();
    assert_eq!(
        (&requests[1].method, &requests[1].path),
        (&Method::DELETE, &format!("/Users/{id}"))
    );
    assert_eq!(engine.report().log.last().unwrap().action, Action::Delete);
    assert_eq!(engine.report().cycles.last().unwrap().deleted, 1);
    assert_eq!(engine.verify().await, []);
}

#[tokio::test]
async fn an_unassigned_user_leaves_management_and_is_never_deleted() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    let id = engine.linked(0).unwrap().to_owned();
    engine.directory_mut().set_assigned(0, false);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(server.account(&id)["active"], false);

    server.take_requests();
    engine.directory_mut().soft_delete(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    engine.directory_mut().purge(0);
    engine.cycle(FULL, &mut quiet).await;
    assert!(
        server
            .take_requests()
            .iter()
            .all(|request| request.method == Method::GET)
    );
    assert_eq!(server.account(&id)["userName"], "user1@contoso.com");
    assert_eq!(engine.verify().await, []);
}

#[tokio::test]
async fn a_user_assigned_again_is_matched_to_the_suspended_account() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    engine.directory_mut().set_assigned(0, false);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    engine.directory_mut().set_assigned(0, true);
    engine.cycle(INCREMENTAL, &mut quiet).await;

    let cycle = engine.report().cycles.last().unwrap();
    assert_eq!((cycle.matched, cycle.enabled, cycle.created), (1, 1, 0));
    assert_eq!(server.world().accounts.len(), 1);
    assert_eq!(engine.verify().await, []);
}

#[tokio::test]
async fn a_disabled_user_is_not_created() {
    let server = Server::start().await;
    let disabled = DirectoryUser {
        account_enabled: false,
        ..user(1)
    };
    let mut engine = engine_of(&server, vec![disabled]);
    engine.cycle(FULL, &mut quiet).await;

    assert!(server.world().accounts.is_empty());
    assert_eq!(server.take_requests().len(), 1, "only the probe");
    let entry = &engine.report().log[0];
    assert_eq!(
        (entry.status, entry.error_code),
        (Status::Skipped, Some(ErrorCode::NotEffectivelyEntitled))
    );
}

#[tokio::test]
async fn a_manager_follows_once_both_ends_exist_and_can_be_taken_away() {
    let server = Server::start().await;
    let report = DirectoryUser {
        manager: Some(1),
        ..user(1)
    };
    let mut engine = engine_of(&server, vec![report, user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    let (id, manager) = (
        engine.linked(0).unwrap().to_owned(),
        engine.linked(1).unwrap().to_owned(),
    );
    let requests = server.take_requests();
    let last = requests.last().unwrap();
    assert_eq!(
        (&last.method, &last.path),
        (&Method::PATCH, &format!("/Users/{id}"))
    );
    assert!(
        requests
            .iter()
            .filter(|request| request.method == Method::POST)
            .all(|request| { request.body[ENTERPRISE]["manager"].is_null() })
    );
    assert_eq!(
        server.account(&id)[ENTERPRISE]["manager"]["value"],
        manager.as_str()
    );

    engine.directory_mut().set_manager(0, None);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let operation = json!([{"op": "Remove", "path": format!("{ENTERPRISE}:manager")}]);
    assert_eq!(
        server.take_requests().last().unwrap().body["Operations"],
        operation
    );
    assert_eq!(engine.verify().await, []);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().cycles[2].patches, 0);
}

#[tokio::test]
async fn a_manager_without_an_account_is_not_sent() {
    let server = Server::start().await;
    let report = DirectoryUser {
        manager: Some(1),
        ..user(1)
    };
    let outsider = DirectoryUser {
        assigned: false,
        ..user(2)
    };
    let mut engine = engine_of(&server, vec![report, outsider]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().cycles[0].references, 0);
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn provision_on_demand_ignores_the_flag() {
    let server = Server::start().await;
    let target = server.target_at("?aadOptscim062020");
    let mut engine = engine_at(target, vec![user(1), user(2)], scenario(0, 0));
    let retitle = |engine: &mut Engine, title: &str| {
        engine
            .directory_mut()
            .update(0, |user| user.job_title = Some(title.to_owned()));
    };
    engine.cycle(FULL, &mut quiet).await;
    retitle(&mut engine, "One");
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(
        server.take_requests().last().unwrap().body["Operations"][0]["op"],
        "add"
    );

    retitle(&mut engine, "Two");
    let entry = engine.provision_on_demand(0, &mut quiet).await.clone();
    assert_eq!(
        (entry.action, entry.status),
        (Action::Update, Status::Success)
    );
    let requests = server.take_requests();
    assert_eq!(requests.len(), 3, "probe, match, PATCH");
    assert!(requests[1].path.starts_with("/Users?filter="));
    assert_eq!(requests[2].body["Operations"][0]["op"], "Replace");
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(
        server.take_requests().len(),
        1,
        "the cycle after it has nothing to do"
    );
}

#[tokio::test]
async fn the_first_thing_can_be_one_user_on_demand() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1), user(2)]);
    let entry = engine.provision_on_demand(1, &mut quiet).await;
    assert_eq!(
        (entry.action, entry.status),
        (Action::Create, Status::Success)
    );
    assert_eq!(server.world().accounts.len(), 1);
}

#[tokio::test]
async fn the_observer_is_told_of_every_object() {
    let server = Server::start().await;
    let mut engine = engine(&server, scenario(30, 2));
    let (mut announced, mut done, mut finished) = (0, 0, 0);
    engine
        .run(&mut |event| match event {
            Event::PhaseStarted { phase, objects, .. } if *phase != Phase::Probe => {
                announced += objects;
            }
            Event::ObjectDone { .. } => done += 1,
            Event::CycleFinished(_) => finished += 1,
            _ => {}
        })
        .await;
    assert_eq!(announced, done);
    assert_eq!(done, engine.report().log.len());
    assert_eq!(finished, 3);
}

#[tokio::test]
async fn a_report_is_json_without_the_ledger_or_the_token() {
    let server = Server::start().await;
    let mut engine = engine(&server, scenario(3, 1));
    engine.run(&mut quiet).await;
    let text = serde_json::to_string(engine.report()).unwrap();
    assert!(!text.contains(crate::server::TOKEN));
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["cycles"][0]["created"], 3);
    assert_eq!(json["log"][0]["action"], "Create");
    assert!(json.get("ledger").is_none());
    let back: entra_sim::Report = serde_json::from_str(&text).unwrap();
    assert_eq!(back.log, engine.report().log);
}

#[tokio::test]
async fn a_run_can_be_moved_to_another_task() {
    let server = Server::start().await;
    let mut engine = engine(&server, scenario(3, 1));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        engine.run(&mut quiet).await;
        engine.into_report().exit_ok()
    });
    assert!(tasks.join_next().await.unwrap().unwrap());
}
