//! What an admin does with the job, in the portal or by Microsoft Graph.

use entra_sim::{Action, Engine, ErrorCode, JobAddress, JobRunning, ResetScope};
use serde_json::json;

use crate::server::{Fault, Server};
use crate::{FULL, INCREMENTAL, engine_of, quiet, user};

fn job() -> JobAddress {
    JobAddress {
        service_principal_id: "5e4b1f1e-0000-4000-8000-000000000000".to_owned(),
        job_id: "scim.9a21".to_owned(),
    }
}

async fn graph(engine: &mut Engine, method: &str, call: &str, body: &str) -> u16 {
    let job = job();
    let url = format!(
        "https://graph.microsoft.com/beta/servicePrincipals/{}/synchronization/jobs/{}/{call}",
        job.service_principal_id, job.job_id
    );
    engine.graph(&job, method, &url, body, &mut quiet).await
}

#[tokio::test]
async fn a_paused_job_sends_nothing_until_it_is_started() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    assert_eq!(graph(&mut engine, "POST", "pause", "").await, 204);
    let cycle = engine.cycle(FULL, &mut quiet).await.clone();
    assert!(cycle.stopped.is_some());
    assert_eq!((cycle.requests, engine.report().quarantined), (0, None));
    assert_eq!(graph(&mut engine, "POST", "start", "").await, 204);
    assert_eq!(engine.cycle(INCREMENTAL, &mut quiet).await.created, 1);
}

#[tokio::test]
async fn one_connection_is_deleted_only_while_the_job_is_paused() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1), user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    let object_id = engine.directory().users()[0].object_id;
    assert_eq!(engine.delete_connection(object_id), Err(JobRunning));
    let call = format!("objectConnections('{object_id}')");
    assert_eq!(graph(&mut engine, "DELETE", &call, "").await, 409);
    engine.pause();
    assert_eq!(graph(&mut engine, "DELETE", &call, "").await, 204);
    assert_eq!(
        graph(&mut engine, "DELETE", &call, "").await,
        204,
        "it is idempotent"
    );
    engine.start();
    assert_eq!(engine.linked(0), None);
    assert!(engine.linked(1).is_some());
    let cycle = engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!((cycle.objects, cycle.matched), (1, 1));
    assert!(engine.linked(0).is_some());
}

#[tokio::test]
async fn a_dead_link_is_mended_by_a_full_restart_and_by_no_smaller_one() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    server.world().accounts.clear();
    for (body, mended) in [
        (json!({"criteria": {"resetScope": "Watermark"}}), false),
        (json!({"criteria": {"resetScope": "Escrows"}}), false),
        (json!({"criteria": {"resetScope": "Full"}}), true),
    ] {
        let body = body.to_string();
        assert_eq!(graph(&mut engine, "POST", "restart", &body).await, 204);
        engine.cycle(FULL, &mut quiet).await;
        assert_eq!(engine.report().in_error.is_empty(), mended, "{body}");
    }
    assert_eq!(graph(&mut engine, "POST", "restart", "{}").await, 400);
}

#[tokio::test]
async fn forgotten_escrows_are_not_tried_before_something_changes() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    server.break_with(|request| request.body.is_object().then_some(Fault::Status(409)));
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.report().in_error[0].error_code, ErrorCode::Conflict);
    engine.reset(ResetScope::ESCROWS);
    let cycle = engine.cycle(INCREMENTAL, &mut quiet).await.clone();
    assert_eq!((cycle.objects, cycle.requests), (0, 1));
    engine.reset(ResetScope::WATERMARK);
    assert_eq!(engine.cycle(INCREMENTAL, &mut quiet).await.objects, 1);
}

#[tokio::test]
async fn graph_provisions_one_user_on_demand() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1), user(2)]);
    let object_id = engine.directory().users()[1].object_id;
    let body = json!({"parameters": [{"ruleId": "r", "subjects": [{"objectId": object_id, "objectTypeName": "User"}]}]});
    let call = "provisionOnDemand";
    assert_eq!(
        graph(&mut engine, "POST", call, &body.to_string()).await,
        200
    );
    assert_eq!(engine.report().log[0].action, Action::Create);
    assert!(engine.linked(0).is_none() && engine.linked(1).is_some());
    assert_eq!(graph(&mut engine, "POST", call, "").await, 400);
    assert_eq!(graph(&mut engine, "POST", "stop", "").await, 404);
}
