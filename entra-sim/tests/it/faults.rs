//! Faults that concern single requests: the object goes to escrow, the cycle goes on, a later one mends it.

use axum::http::Method;
use entra_sim::{ErrorCode, Event, RetryAfter, Scenario, Status};
use serde_json::json;

use crate::server::{Fault, Recorded, Server};
use crate::{FULL, INCREMENTAL, engine, engine_at, engine_of, quiet, scenario, user};

/// Breaks the first so many requests with the method, and no other.
fn first(
    method: &Method,
    count: usize,
    fault: &Fault,
) -> impl FnMut(&Recorded) -> Option<Fault> + Send + use<> {
    let (method, fault) = (method.clone(), fault.clone());
    let mut left = count;
    move |request| {
        let broken = request.method == method && left > 0;
        left -= usize::from(broken);
        broken.then(|| fault.clone())
    }
}

/// Breaks every nth request that is not a filter, so that no probe is hit.
fn every(nth: usize, fault: &Fault) -> impl FnMut(&Recorded) -> Option<Fault> + Send + use<> {
    let fault = fault.clone();
    let mut seen = 0;
    move |request| {
        seen += usize::from(!request.path.contains("filter"));
        (!request.path.contains("filter") && seen % nth == 0).then(|| fault.clone())
    }
}

async fn converges_in_spite_of(fault: Fault) {
    let server = Server::start().await;
    server.break_with(every(7, &fault));
    let mut engine = engine(
        &server,
        Scenario {
            settle_cycles_max: 60,
            ..scenario(60, 4)
        },
    );
    engine.run(&mut quiet).await;
    let report = engine.report();
    assert!(
        report.cycles.iter().any(|cycle| cycle.errors > 0),
        "{fault:?} was never met"
    );
    assert!(report.exit_ok(), "{:?}", report.in_error);
    server.repair();
    assert_eq!(engine.verify().await, []);
    assert_eq!(engine.verify_acknowledged().await, []);
}

#[tokio::test]
async fn errors_of_the_server_are_retried_until_all_is_well() {
    converges_in_spite_of(Fault::Status(500)).await;
}

#[tokio::test]
async fn an_overloaded_server_is_retried_until_all_is_well() {
    converges_in_spite_of(Fault::Status(503)).await;
}

#[tokio::test]
async fn dropped_connections_are_retried_until_all_is_well() {
    converges_in_spite_of(Fault::Dropped).await;
}

#[tokio::test]
async fn answers_lost_after_the_commit_are_retried_until_all_is_well() {
    converges_in_spite_of(Fault::Lost).await;
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_account() {
    let server = Server::start().await;
    server.break_with(first(&Method::POST, 1, &Fault::Lost));
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().cycles[0].errors, 1);
    assert_eq!(server.world().accounts.len(), 1);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let cycle = &engine.report().cycles[1];
    assert_eq!((cycle.matched, cycle.created, cycle.errors), (1, 0, 0));
    assert_eq!(server.world().accounts.len(), 1);
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn a_user_disabled_after_a_lost_create_is_disabled_on_the_server() {
    let server = Server::start().await;
    server.break_with(first(&Method::POST, 1, &Fault::Lost));
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    engine.directory_mut().set_enabled(0, false);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    let id = engine.linked(0).unwrap();
    assert_eq!(server.account(id)["active"], false);
}

#[tokio::test]
async fn a_delete_whose_answer_is_lost_is_a_success_when_the_account_is_gone() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    engine.directory_mut().soft_delete(0);
    engine.directory_mut().purge(0);
    server.break_with(first(&Method::DELETE, 1, &Fault::Lost));
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(engine.report().cycles[1].errors, 1);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(engine.report().cycles[2].deleted, 1);
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn a_conflict_is_logged_with_the_servers_words_and_retried_ever_more_rarely() {
    let server = Server::start().await;
    server.break_with(|request| (request.method == Method::POST).then_some(Fault::Status(409)));
    let mut engine = engine_of(&server, vec![user(1)]);
    let mut gaps = Vec::new();
    let mut observer = |event: &Event| {
        if let Event::RetryScheduled { after_cycles, .. } = event {
            gaps.push(*after_cycles);
        }
    };
    engine.cycle(FULL, &mut observer).await;
    for _ in 0..8 {
        engine.cycle(INCREMENTAL, &mut observer).await;
    }
    assert_eq!(gaps, [1, 2, 4, 8], "tried in cycles 1, 2, 4 and 8");
    let report = engine.report();
    let in_error = &report.in_error[0];
    assert_eq!(
        (in_error.error_code, in_error.attempts),
        (ErrorCode::Conflict, 4)
    );
    assert_eq!(in_error.detail, "HTTP 409: broken on purpose");
    assert!(!report.exit_ok());
    let posts = server
        .take_requests()
        .into_iter()
        .filter(|request| request.method == Method::POST)
        .count();
    assert_eq!(posts, 4);
}

#[tokio::test]
async fn retry_after_is_obeyed_within_the_cycle() {
    let server = Server::start().await;
    server.break_with(first(&Method::POST, 2, &Fault::RetryAfter(429, 0)));
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().cycles[0].created, 1);
    assert_eq!(
        engine.report().cycles[0].requests,
        5,
        "probe, match, three POSTs"
    );
}

#[tokio::test]
async fn retry_after_can_be_ignored() {
    let server = Server::start().await;
    server.break_with(first(&Method::POST, 1, &Fault::RetryAfter(429, 3600)));
    let scenario = Scenario {
        retry_after: RetryAfter::Ignore,
        ..scenario(0, 0)
    };
    let mut engine = engine_at(server.target(), vec![user(1)], scenario);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::TooManyRequests
    );
    engine.settle(&mut quiet).await;
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn a_server_that_never_stops_asking_for_patience_does_not_hold_the_cycle() {
    let server = Server::start().await;
    server.break_with(|request| {
        (request.method == Method::POST).then_some(Fault::RetryAfter(429, 0))
    });
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(
        engine.report().cycles[0].requests,
        6,
        "probe, match, four POSTs"
    );
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::TooManyRequests
    );
}

#[tokio::test]
async fn retry_after_on_another_answer_is_not_obeyed() {
    let server = Server::start().await;
    server.break_with(first(&Method::POST, 1, &Fault::RetryAfter(503, 3600)));
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::WebExceptionProtocolError
    );
    engine.settle(&mut quiet).await;
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn two_accounts_with_one_name_are_left_alone() {
    let server = Server::start().await;
    server.insert("1", json!({"userName": "user1@contoso.com"}));
    server.insert("2", json!({"userName": "User1@contoso.com"}));
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    let entry = &engine.report().log[0];
    assert_eq!(
        (entry.status, entry.error_code),
        (Status::Failure, Some(ErrorCode::DuplicateTargetEntries))
    );
    assert!(
        server
            .take_requests()
            .iter()
            .all(|request| request.method == Method::GET)
    );
}

#[tokio::test]
async fn a_stranger_returned_by_a_broken_filter_is_not_taken_over() {
    let server = Server::start().await;
    let mut filters = 0;
    server.break_with(move |_| {
        filters += 1;
        let stranger = json!({"Resources": [{"id": "9", "userName": "stranger@contoso.com"}]});
        (filters > 1).then_some(Fault::Body(stranger))
    });
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering
    );
}

#[tokio::test]
async fn an_account_without_an_id_is_an_error_of_that_object() {
    let server = Server::start().await;
    server.break_with(first(
        &Method::POST,
        1,
        &Fault::Body(json!({"userName": "x"})),
    ));
    let mut engine = engine_of(&server, vec![user(1), user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    let cycle = &engine.report().cycles[0];
    assert_eq!((cycle.created, cycle.errors), (1, 1));
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible
    );
}

#[tokio::test]
async fn a_failed_reference_is_retried_too() {
    let server = Server::start().await;
    server.break_with(first(&Method::PATCH, 1, &Fault::Status(500)));
    let report = entra_sim::DirectoryUser {
        manager: Some(1),
        ..user(1)
    };
    let mut engine = engine_of(&server, vec![report, user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().in_error.len(), 1);
    assert_eq!(engine.report().cycles[0].escrowed, 1);
    engine.settle(&mut quiet).await;
    assert!(engine.report().exit_ok());
    assert_eq!(engine.report().cycles[1].references, 1);
    assert_eq!(engine.verify().await, []);
}
