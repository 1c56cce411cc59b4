//! Every request of `fixtures/entra-requests.json`, sent to the real binary as it stands there, on both engines.
//!
//! What the file expects is weak ("200 or 204"). `fixtures/afterwards.json` says what must be seen afterwards: for each write the
//! attributes that differ from before, and no others.

mod checks;
mod differences;
mod world;

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::support::{Answer, Panel, ScimClient, on_both_engines};
use checks::{check_after, check_answer, check_memberships, check_read, check_write};
use world::World;

const REQUESTS: &str = include_str!("fixtures/entra-requests.json");
const AFTERWARDS: &str = include_str!("fixtures/afterwards.json");
/// How many there are, so that none is dropped unseen.
const FIXTURES: usize = 106;

#[derive(Deserialize)]
struct File {
    fixtures: Vec<Fixture>,
}

#[derive(Deserialize)]
struct Fixture {
    id: String,
    precondition: String,
    request: Request,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// A key that this test does not know fails it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    status: Vec<u16>,
    body: Map<String, Value>,
    body_if_200: Map<String, Value>,
    present: Vec<String>,
    absent: Vec<String>,
    absent_after_get: Vec<String>,
    empty_after_get: Vec<String>,
    members_after: Option<Vec<String>>,
    members_unchanged: bool,
}

impl Fixture {
    /// Where the resources are that the request is about.
    fn collection(&self) -> &'static str {
        if self.request.path.starts_with("/Groups") {
            "/Groups"
        } else {
            "/Users"
        }
    }
}

on_both_engines! {
    async fn every_fixture_is_answered_as_entra_needs_it(service: Service) {
        let panel = Panel::of(&service).await;
        let mut afterwards: BTreeMap<String, Map<String, Value>> = serde_json::from_str(AFTERWARDS).expect("the table is JSON");
        let File { fixtures } = serde_json::from_str(REQUESTS).expect("the fixtures are JSON");
        let mut faults = Vec::new();
        for (number, fixture) in fixtures.iter().enumerate() {
            let scim = panel.tenant(&format!("fixture-{number}")).await.scim;
            let expected = afterwards.remove(&fixture.id);
            faults.extend(run(fixture, expected, &scim).await.into_iter().map(|fault| format!("{}: {fault}", fixture.id)));
        }
        println!("{} fixtures ran on {:?}, none skipped", fixtures.len(), service.engine);
        assert_eq!(fixtures.len(), FIXTURES);
        assert!(afterwards.is_empty(), "no fixture has these names: {:?}", afterwards.keys());
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }
}

/// Sends one fixture and tells everything that is wrong with the answer and with what is there afterwards.
async fn run(
    fixture: &Fixture,
    expected: Option<Map<String, Value>>,
    scim: &ScimClient,
) -> Vec<String> {
    let world = World::before(fixture, scim).await;
    let subject = world.subject(fixture);
    let before = match &subject {
        Some(path) => scim.get(path).await.body,
        None => Value::Object(Map::new()),
    };
    let bystanders = world.bystanders(scim).await;
    let answer = send(fixture, &world, scim).await;

    let mut faults = Vec::new();
    check_answer(&fixture.expect, &answer, &mut faults);
    let made = (fixture.request.method == "POST").then(|| answer.body["id"].as_str());
    let target = match made {
        Some(id) => id.map(|id| format!("{}/{id}", fixture.collection())),
        None => subject,
    };
    let after = match &target {
        Some(path) => scim.get(path).await,
        None => Answer {
            status: 404,
            headers: answer.headers.clone(),
            body: Value::Null,
        },
    };
    check_after(&fixture.expect, &world, &before, &after.body, &mut faults);
    match fixture.request.method.as_str() {
        "GET" => check_read(fixture, &world, &answer, scim, &mut faults).await,
        "DELETE" if after.status != 404 => {
            faults.push(format!("it is still there: {}", after.status));
        }
        "DELETE" => {}
        _ => check_write(expected, &world, &before, &after.body, &answer, &mut faults),
    }
    check_memberships(&world, &after.body, scim, &mut faults).await;
    if world.bystanders(scim).await != bystanders {
        faults.push("it changed somebody else".to_owned());
    }
    faults
}

async fn send(fixture: &Fixture, world: &World, scim: &ScimClient) -> Answer {
    let Request {
        method,
        path,
        headers,
        body,
    } = &fixture.request;
    let method = Method::from_bytes(method.as_bytes()).expect("it is a method");
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = (!body.is_null()).then(|| world.fill(&body.to_string()));
    scim.send_with(method, &world.fill(path), &headers, body)
        .await
}
