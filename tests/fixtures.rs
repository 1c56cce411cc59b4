//! Every user request of `fixtures/entra-requests.json`, sent to the real binary as it stands there, on both engines.
//!
//! What the file expects is weak ("200 or 204"). `fixtures/afterwards.json` says what must be seen afterwards: for each write the
//! attributes that differ from before, and no others.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Panel, ScimClient, at, leaves, on_both_engines};

const REQUESTS: &str = include_str!("fixtures/entra-requests.json");
const AFTERWARDS: &str = include_str!("fixtures/afterwards.json");
/// How many there are for users and for discovery, so that none is dropped unseen; the others are for groups, which are not served yet.
const USER_FIXTURES: usize = 84;
const GROUP_FIXTURES: usize = 22;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

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
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    status: Vec<u16>,
    body: Map<String, Value>,
    body_if_200: Map<String, Value>,
    present: Vec<String>,
    absent: Vec<String>,
    absent_after_get: Vec<String>,
    empty_after_get: Vec<String>,
    members_after: Value,
    members_unchanged: Value,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            body: Map::new(),
            body_if_200: Map::new(),
            present: Vec::new(),
            absent: Vec::new(),
            absent_after_get: Vec::new(),
            empty_after_get: Vec::new(),
            members_after: Value::Null,
            members_unchanged: Value::Null,
        }
    }
}

on_both_engines! {
    async fn every_user_fixture_is_answered_as_entra_needs_it(service: Service) {
        let panel = Panel::of(&service).await;
        let mut afterwards: BTreeMap<String, Map<String, Value>> = serde_json::from_str(AFTERWARDS).expect("the table is JSON");
        let fixtures = user_fixtures();
        let mut faults = Vec::new();
        for (number, fixture) in fixtures.iter().enumerate() {
            let scim = panel.tenant(&format!("fixture-{number}")).await.scim;
            let expected = afterwards.remove(&fixture.id);
            faults.extend(run(fixture, expected, &scim).await.into_iter().map(|fault| format!("{}: {fault}", fixture.id)));
        }
        println!("{} user fixtures ran on {:?}, none skipped", fixtures.len(), service.engine);
        assert_eq!(fixtures.len(), USER_FIXTURES);
        assert!(afterwards.is_empty(), "no fixture has these names: {:?}", afterwards.keys());
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }
}

fn user_fixtures() -> Vec<Fixture> {
    let file: File = serde_json::from_str(REQUESTS).expect("the fixtures are JSON");
    let (groups, users): (Vec<_>, Vec<_>) = file
        .fixtures
        .into_iter()
        .partition(|fixture| fixture.request.path.starts_with("/Groups"));
    assert_eq!(groups.len(), GROUP_FIXTURES);
    users
}

/// Sends one fixture and tells everything that is wrong with the answer and with what is there afterwards.
async fn run(
    fixture: &Fixture,
    expected: Option<Map<String, Value>>,
    scim: &ScimClient,
) -> Vec<String> {
    let world = World::before(fixture, scim).await;
    let before = world.subject(scim).await;
    let answer = send(fixture, &world, scim).await;

    let mut faults = Vec::new();
    check_answer(&fixture.expect, &answer, &mut faults);
    let target = match fixture.request.method.as_str() {
        "POST" => answer.body["id"].as_str().map(str::to_owned),
        _ => world.uid.clone(),
    };
    let after = match &target {
        Some(id) => scim.get(&format!("/Users/{id}")).await,
        None => Answer {
            status: 404,
            headers: answer.headers.clone(),
            body: Value::Null,
        },
    };
    check_after(&fixture.expect, &after.body, &mut faults);
    match fixture.request.method.as_str() {
        "GET" => check_read(fixture, &world, &answer, scim, &mut faults).await,
        "DELETE" if after.status != 404 => {
            faults.push(format!("it is still there: {}", after.status));
        }
        "DELETE" => {}
        _ => check_write(expected, &world, &before, &after.body, &answer, &mut faults),
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

fn check_answer(expect: &Expect, answer: &Answer, faults: &mut Vec<String>) {
    if !expect.status.contains(&answer.status) {
        faults.push(format!(
            "answered {}, not one of {:?}: {}",
            answer.status, expect.status, answer.body
        ));
    }
    if !answer.body.is_null() && answer.header("content-type") != "application/scim+json" {
        faults.push(format!(
            "the media type is {:?}",
            answer.header("content-type")
        ));
    }
    let if_200 = expect.body_if_200.iter().filter(|_| answer.status == 200);
    for (path, wanted) in expect.body.iter().chain(if_200) {
        let found = at(&answer.body, path).unwrap_or(&Value::Null);
        if !includes(found, wanted) {
            faults.push(format!("{path} is {found}, not {wanted}"));
        }
    }
    for path in &expect.present {
        if at(&answer.body, path).is_none_or(is_empty) {
            faults.push(format!("{path} is missing"));
        }
    }
    for path in &expect.absent {
        if at(&answer.body, path).is_some() {
            faults.push(format!("{path} is there"));
        }
    }
    // Only for groups.
    assert!(expect.members_after.is_null() && expect.members_unchanged.is_null());
}

fn check_after(expect: &Expect, after: &Value, faults: &mut Vec<String>) {
    for path in &expect.absent_after_get {
        if at(after, path).is_some() {
            faults.push(format!("{path} is still there afterwards"));
        }
    }
    for path in &expect.empty_after_get {
        if at(after, path).is_some_and(|value| !is_empty(value)) {
            faults.push(format!("{path} is not empty afterwards"));
        }
    }
}

/// A list names the account that was looked for, whole.
async fn check_read(
    fixture: &Fixture,
    world: &World,
    answer: &Answer,
    scim: &ScimClient,
    faults: &mut Vec<String>,
) {
    match fixture.id.as_str() {
        // These answer with one user, or may refuse a filter that is not SCIM's grammar, and then must say so.
        id if id.starts_with("match-") && answer.status == 400 => {
            if answer.body["scimType"] != "invalidFilter"
                || answer.body["detail"].as_str().is_none_or(str::is_empty)
            {
                faults.push(format!(
                    "the filter is refused without saying so: {}",
                    answer.body
                ));
            }
        }
        id if id.starts_with("match-") => {
            let wanted = scim
                .get(&format!("/Users/{}", world.sought()))
                .await
                .expect(200)
                .body;
            if answer.body["Resources"] != json!([wanted]) {
                faults.push(format!("found {}, not {wanted}", answer.body["Resources"]));
            }
        }
        "manager-check" => {
            let hit = &answer.body["Resources"][0];
            let alone = hit.as_object().is_some_and(|hit| {
                hit.keys()
                    .all(|key| ["schemas", "id", "meta"].contains(&key.as_str()))
            });
            if answer.body["totalResults"] != 1 || hit["id"] != world.sought() || !alone {
                faults.push(format!("the reference is not found: {}", answer.body));
            }
        }
        "page-1" | "page-2" | "cred-check" => check_page(fixture, answer, scim, faults).await,
        // The file itself says all.
        "probe-user-guid" | "spc" => {}
        "schemas" => {
            let ids: Vec<&Value> = answer.body["Resources"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|schema| &schema["id"])
                .collect();
            for id in ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE] {
                if !ids.contains(&&json!(id)) {
                    faults.push(format!("{id} is not published"));
                }
            }
        }
        "resourcetypes" if answer.body["Resources"][0]["endpoint"] == "/Users" => {}
        "resourcetypes" => faults.push(format!(
            "the first resource type is not the user's: {}",
            answer.body
        )),
        other => panic!("{other} reads something that this test does not check"),
    }
}

/// A page is the part of the whole list that was asked for.
async fn check_page(
    fixture: &Fixture,
    answer: &Answer,
    scim: &ScimClient,
    faults: &mut Vec<String>,
) {
    let all = scim.all_users().await;
    let (start, count) = match fixture.id.as_str() {
        "page-1" => (0, 5),
        "page-2" => (5, 5),
        _ => (0, 1),
    };
    let wanted: Vec<Value> = all.iter().skip(start).take(count).cloned().collect();
    if answer.body["Resources"] != json!(wanted) || answer.body["totalResults"] != all.len() {
        faults.push(format!("the page is {}", answer.body));
    }
}

/// What differs from before is what the table says, and nothing else. A refused write leaves everything as it was.
fn check_write(
    expected: Option<Map<String, Value>>,
    world: &World,
    before: &Value,
    after: &Value,
    answer: &Answer,
    faults: &mut Vec<String>,
) {
    let found = differences(before, after);
    let refused = answer.status >= 400;
    let expected: BTreeMap<String, Value> = match expected {
        Some(expected) => {
            let text = world.fill(&Value::Object(expected).to_string());
            serde_json::from_str(&text).expect("it was JSON")
        }
        None if refused => BTreeMap::new(),
        None => {
            return faults.push(format!(
                "afterwards.json does not say what it changes: {}",
                json!(found)
            ));
        }
    };
    if found != expected {
        faults.push(format!(
            "it changed {}, not {}",
            json!(found),
            json!(expected)
        ));
    }
    let is_newer = before["meta"]["version"] != after["meta"]["version"];
    if is_newer == (refused || found.is_empty()) {
        faults.push(format!(
            "the version went from {} to {}",
            before["meta"]["version"], after["meta"]["version"]
        ));
    }
    if [200, 201].contains(&answer.status) && answer.body != *after {
        faults.push(format!(
            "the answer differs from what is read afterwards: {} / {after}",
            answer.body
        ));
    }
}

/// The attributes that are not as before, null for one that is gone.
fn differences(before: &Value, after: &Value) -> BTreeMap<String, Value> {
    let (before, mut after) = (leaves(before), leaves(after));
    let mut found: BTreeMap<String, Value> = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .map(|path| (path.clone(), Value::Null))
        .collect();
    after.retain(|path, value| before.get(path) != Some(value));
    found.extend(after);
    // What the service itself sets is checked elsewhere.
    found.retain(|path, _| {
        !path.is_empty()
            && path != "id"
            && !path.starts_with("meta.")
            && !path.starts_with("schemas.")
    });
    found
}

fn includes(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| found.get(key).is_some_and(|found| includes(found, wanted))),
        _ => found == wanted,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is there before the request: the accounts behind its placeholders and those of its precondition.
#[derive(Default)]
struct World {
    /// `{uid}`, the account that the request is about.
    uid: Option<String>,
    /// `{mid}`, a manager.
    mid: Option<String>,
    /// The account that a filter looks for.
    sought: Option<String>,
}

impl World {
    async fn before(fixture: &Fixture, scim: &ScimClient) -> Self {
        let text = format!(
            "{}{}{}",
            fixture.request.path, fixture.request.body, fixture.precondition
        );
        let mut world = Self::default();
        if text.contains("{mid}") || fixture.precondition == "manager set" {
            world.mid = Some(create(scim, json!({"userName": "manager@contoso.com"})).await);
        }
        if text.contains("{uid}") {
            world.uid = Some(create(scim, subject(fixture, world.mid.as_deref())).await);
        }
        match fixture.precondition.as_str() {
            ""
            | "user {mid} exists"
            | "manager set"
            | "attribute has no element matching the filter" => {}
            "user alice@contoso.com exists"
            | "user with that externalId"
            | "user with work email"
            | "same userName exists" => {
                world.sought = Some(create(scim, alice()).await);
            }
            "other user with same externalId" => {
                create(scim, json!({"userName": "emp1", "externalId": "22fbc523-6032-4c5f-939d-5d4850cf3e52"})).await;
            }
            "already deleted" => {
                let path = format!("/Users/{}", world.uid.as_deref().expect("it names one"));
                scim.delete(&path).await.expect(204);
            }
            ">=11 users" => {
                for number in 0..11 {
                    create(
                        scim,
                        json!({"userName": format!("user{number}@contoso.com")}),
                    )
                    .await;
                }
            }
            exists => {
                let words: Vec<&str> = exists.split(' ').collect();
                let (["user", name, "exists"] | [name, "exists"]) = words[..] else {
                    panic!(
                        "{}: a precondition that this test does not know: {exists}",
                        fixture.id
                    )
                };
                world.sought = Some(create(scim, json!({"userName": name})).await);
            }
        }
        match fixture.id.as_str() {
            "manager-check" => world.sought.clone_from(&world.uid),
            "match-externalid-unquoted" => {
                world.sought = Some(
                    create(
                        scim,
                        json!({"userName": "jyoung@contoso.com", "externalId": "jyoung"}),
                    )
                    .await,
                );
            }
            "match-email-invalid-old" => world.sought = Some(create(scim, alice()).await),
            _ => {}
        }
        // Somebody else, who is never to be found or changed.
        create(
            scim,
            json!({"userName": "bystander@contoso.com", "externalId": "bystander"}),
        )
        .await;
        world
    }

    async fn subject(&self, scim: &ScimClient) -> Value {
        match &self.uid {
            Some(id) => scim.get(&format!("/Users/{id}")).await.body,
            None => json!({}),
        }
    }

    fn sought(&self) -> &str {
        self.sought
            .as_deref()
            .expect("the precondition makes the account that is looked for")
    }

    fn fill(&self, text: &str) -> String {
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        text.replace("{uid}", &id(&self.uid))
            .replace("{mid}", &id(&self.mid))
    }
}

fn alice() -> Value {
    json!({
        "userName": "alice@contoso.com",
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "emails": [{"type": "work", "value": "alice@contoso.com", "primary": true}],
    })
}

/// The account a request changes. It has a value wherever the request could overwrite too much, and none where it must make one.
fn subject(fixture: &Fixture, manager: Option<&str>) -> Value {
    let name = "subject@contoso.com";
    if fixture.precondition == "attribute has no element matching the filter" {
        return json!({
            "userName": name,
            "emails": [{"type": "home", "value": "home@contoso.com", "primary": true}],
            "phoneNumbers": [{"type": "work", "value": "+1 1"}],
            "addresses": [{"type": "home", "formatted": "Home"}],
            "roles": [{"type": "Other", "value": "Reader"}],
        });
    }
    let mut subject = json!({
        "userName": name,
        "externalId": "before",
        "active": !fixture.id.contains("-enable") && fixture.id != "patch-noflag-add-active",
        "displayName": "Before",
        "name": {"givenName": "Given", "familyName": "Family", "middleName": "Middle"},
        "emails": [{"type": "work", "value": name}, {"type": "home", "value": "home@contoso.com", "primary": true}],
        "phoneNumbers": [{"type": "work", "value": "+1 1"}, {"type": "mobile", "value": "+1 2"}],
        ENTERPRISE: {"employeeNumber": "1", "department": "Before"},
    });
    if fixture.id == "patch-role-assertive" || fixture.id == "patch-role-complex-json" {
        subject["roles"] = json!([{"value": "Reader", "primary": true}]);
    }
    if fixture.precondition == "manager set" || fixture.id == "manager-check" {
        subject[ENTERPRISE]["manager"] = json!({"value": manager.expect("it was made")});
    }
    subject
}

async fn create(scim: &ScimClient, mut user: Value) -> String {
    user["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
    scim.post("/Users", &user).await.expect(201).id()
}
