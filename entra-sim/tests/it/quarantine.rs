//! Faults that concern the endpoint: the cycle ends at once, and the job is in quarantine until a clean one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::Method;
use entra_sim::{Engine, ErrorCode, Event, Quarantine, Scenario, Target, TargetError};
use serde_json::{Value, json};

use crate::server::{Fault, Server};
use crate::{FULL, INCREMENTAL, engine, engine_of, quiet, scenario, user};

async fn is_quarantined_by(fault: Fault, expected: ErrorCode) {
    let server = Server::start().await;
    server.break_with(move |_| Some(fault.clone()));
    let mut engine = engine(&server, scenario(20, 1));
    let mut hours = Vec::new();
    let mut watch = |event: &Event| {
        if let Event::Quarantined { next_try_hours, .. } = event {
            hours.push(*next_try_hours);
        }
    };
    for _ in 0..2 {
        engine.cycle(FULL, &mut watch).await;
    }
    let report = engine.report();
    assert_eq!(
        report.quarantined,
        Some(Quarantine::EncounteredQuarantineException)
    );
    assert!(!report.exit_ok());
    assert_eq!(report.log[0].error_code, Some(expected));
    assert_eq!(hours[..2], [6, 12]);
    assert!(
        report.cycles.iter().all(|cycle| cycle.requests == 1),
        "only probes are sent"
    );
    assert!(report.cycles[0].stopped.is_some());
}

#[tokio::test]
async fn a_run_that_never_got_in_ends_after_its_first_cycle() {
    for fault in [Fault::Status(401), Fault::Status(503), Fault::Dropped] {
        let server = Server::start().await;
        server.break_with(move |_| Some(fault.clone()));
        let mut engine = engine(&server, scenario(3, 3));
        engine.run(&mut quiet).await;
        assert!(engine.never_connected());
        let report = engine.report();
        assert_eq!(report.cycles.len(), 1);
        assert_eq!(report.cycles[0].requests, 1);
        assert!(report.cycles[0].stopped.is_some() && !report.exit_ok());
    }
}

#[tokio::test]
async fn an_authority_that_is_no_certificate_is_refused() {
    for pem in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let target = Target::parse("https://host/scim", "token".into())
            .expect("it is a URL")
            .with_authority(pem.into());
        let made = Engine::new(target, scenario(1, 1));
        assert!(matches!(made, Err(TargetError::Authority)), "{pem}");
    }
}

#[tokio::test]
async fn refused_credentials_quarantine_at_once() {
    is_quarantined_by(
        Fault::Status(401),
        ErrorCode::SystemForCrossDomainIdentityManagementCredentialValidationFailure,
    )
    .await;
}

#[tokio::test]
async fn a_filter_answered_by_404_quarantines_at_once() {
    is_quarantined_by(
        Fault::Status(404),
        ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible,
    )
    .await;
}

#[tokio::test]
async fn answers_of_the_wrong_shape_quarantine_at_once() {
    let code = ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible;
    for shape in [
        json!({"totalResults": 0}),
        json!([]),
        json!({"Resources": null}),
        Value::Null,
    ] {
        is_quarantined_by(Fault::Body(shape), code).await;
    }
}

#[tokio::test]
async fn a_server_that_ignores_filters_is_found_by_the_probe() {
    let everything = json!({"totalResults": 1, "Resources": [{"id": "1", "userName": "a"}]});
    is_quarantined_by(
        Fault::Body(everything),
        ErrorCode::SystemForCrossDomainIdentityManagementMultipleEntriesInResponse,
    )
    .await;
}

#[tokio::test]
async fn a_token_refused_in_mid_cycle_ends_it_and_a_good_one_lifts_the_quarantine() {
    let server = Server::start().await;
    let mut posts = 0;
    server.break_with(move |request| {
        posts += usize::from(request.method == Method::POST);
        (posts > 3).then_some(Fault::Status(401))
    });
    let scenario = Scenario {
        concurrency: 1,
        ..scenario(20, 1)
    };
    let mut engine = engine(&server, scenario);
    engine.next_cycle(&mut quiet).await;
    let cycle = &engine.report().cycles[0];
    assert_eq!(
        (cycle.created, cycle.errors, cycle.not_attempted),
        (3, 1, 16)
    );
    assert!(engine.report().quarantined.is_some());

    server.repair();
    let mut lifted = false;
    engine
        .cycle(INCREMENTAL, &mut |event| {
            lifted |= matches!(event, Event::QuarantineLifted);
        })
        .await;
    assert!(lifted);
    assert_eq!(
        engine.report().cycles[1].created,
        17,
        "the rest of the initial cycle is made up for"
    );
    assert!(engine.report().exit_ok());
}

#[tokio::test]
async fn a_server_that_cannot_say_is_no_reason_for_quarantine() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    server.break_with(|_| Some(Fault::Status(503)));
    engine.cycle(FULL, &mut quiet).await;
    let report = engine.report();
    assert_eq!(report.quarantined, None);
    assert_eq!(
        report.log[0].error_code,
        Some(ErrorCode::SystemForCrossDomainIdentityManagementCredentialValidationUnavailable)
    );
    assert!(!report.exit_ok());
}

#[tokio::test]
async fn a_server_that_was_up_is_waited_for() {
    let server = Server::start().await;
    let scenario = Scenario {
        outage_patience: Duration::from_mins(1),
        ..scenario(3, 1)
    };
    let mut engine = engine(&server, scenario);
    engine.next_cycle(&mut quiet).await;
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    server.break_with(move |_| is_down.load(Ordering::SeqCst).then_some(Fault::Dropped));
    let mut waits = 0;
    engine
        .next_cycle(&mut |event| {
            if matches!(event, Event::Waiting { .. }) {
                waits += 1;
                down.store(false, Ordering::SeqCst);
            }
        })
        .await;
    assert_eq!(waits, 1);
    assert!(engine.report().exit_ok());
}
