//! From the finding to its cure: what is read over gRPC, each remedy played as it is given, and what the next cycle makes of it.

use entra_sim::Mapping;
use provisioning_proto::admin::v1::{
    DirectorySide, Finding, FindingKind, FindingState, Remedy, Severity, dragonce_side::Resource,
    remedy_step::Call,
};

use super::{
    by_hand,
    world::{Stage, World, job},
};
use crate::support::{Service, rpc};

/// What the admin must read.
pub struct Expected {
    pub kind: FindingKind,
    pub severity: Severity,
    /// What Entra says.
    pub directory: DirectorySide,
    /// Ids of the accounts and groups that it is about, in any order.
    pub dragonce: Vec<String>,
    /// What shows it once more.
    pub again: Again,
    /// Which remedies are played, each in a world of its own.
    pub remedies: &'static [usize],
}

/// What shows a finding once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Somebody is in error, and the next cycle tries again.
    Retry,
    /// Nobody is in error, and the request that showed it does not come again.
    Never,
}

/// Lets a story happen once for each remedy that is to be played, and treats what it leads to.
pub async fn treat(
    service: &Service,
    mapping: Mapping,
    story: impl AsyncFn(&mut World) -> Expected,
) {
    let stage = Stage::of(service).await;
    let mut round = 0;
    loop {
        let identifier = format!("contoso-{round}");
        let mut world = stage.world(&identifier, mapping.clone()).await;
        let expected = story(&mut world).await;
        let finding = read(&mut world, &expected).await;
        let remedy = &finding.remedies[expected.remedies[round]];
        play(&mut world, remedy).await;
        is_cured(&mut world, &finding, remedy).await;
        round += 1;
        if round == expected.remedies.len() {
            return;
        }
    }
}

/// The one open finding, as it must be; seen again where that can be.
async fn read(world: &mut World, expected: &Expected) -> Finding {
    let is_in_error = !world.engine.report().in_error.is_empty();
    assert_eq!(is_in_error, expected.again == Again::Retry);
    let first = only(world, expected).await;
    check(world, expected, &first).await;
    if expected.again == Again::Never {
        return first;
    }
    world.cycle().await;
    let second = only(world, expected).await;
    check(world, expected, &second).await;
    assert_eq!(second.id, first.id, "it is the same one");
    assert!(second.count > first.count, "{first:#?} {second:#?}");
    assert_eq!(second.first_seen_time, first.first_seen_time);
    assert!(nanos(&second) > nanos(&first));
    second
}

async fn only(world: &World, expected: &Expected) -> Finding {
    let findings = world.dragonce.findings(FindingState::Open).await;
    let [finding] = &findings[..] else {
        panic!("one finding, of {:?}: {findings:#?}", expected.kind);
    };
    assert_eq!(&world.dragonce.finding(&finding.id).await, finding);
    finding.clone()
}

async fn check(world: &World, expected: &Expected, finding: &Finding) {
    assert_eq!(finding.kind(), expected.kind, "{finding:#?}");
    assert_eq!(finding.severity(), expected.severity);
    assert_eq!(finding.state(), FindingState::Open);
    assert!(!finding.summary.is_empty() && finding.closure.is_none());
    assert_eq!(finding.directory.as_ref(), Some(&expected.directory));
    let mut wanted = expected.dragonce.clone();
    let mut shown = Vec::new();
    for side in &finding.dragonce {
        let id = match side.resource.as_ref().expect("it is set") {
            Resource::AccountId(id) => {
                assert!(!side.user_name.is_empty(), "{side:?}");
                id
            }
            Resource::GroupId(id) => {
                assert!(!side.display_name.is_empty(), "{side:?}");
                id
            }
        };
        assert!(!side.etag.is_empty() && !side.status.is_empty(), "{side:?}");
        shown.push(id.clone());
    }
    wanted.sort();
    shown.sort();
    assert_eq!(shown, wanted, "{finding:#?}");

    assert!(finding.count >= 1);
    let shown_by = &finding.log_entry_ids;
    assert!((1..=10).contains(&shown_by.len()), "{shown_by:?}");
    for id in shown_by {
        let entry = world.dragonce.log_entry(id).await;
        assert_eq!((&entry.id, entry.actor.as_str()), (id, "scim"));
    }
}

fn nanos(finding: &Finding) -> (i64, i32) {
    let seen = finding.last_seen_time.as_ref().expect("it is set");
    (seen.seconds, seen.nanos)
}

/// Does what the remedy says, step by step, as it is given.
async fn play(world: &mut World, remedy: &Remedy) {
    assert!(!remedy.title.is_empty() && !remedy.steps.is_empty());
    for step in &remedy.steps {
        assert!(!step.effect.is_empty(), "{step:?}");
        match step.call.as_ref().expect("it is set") {
            Call::Rpc(call) => {
                let (method, request) = (&call.method, &call.request_json);
                let sent = rpc::send_json(&world.channel, method, request, &world.authorization);
                if let Err(status) = sent.await {
                    panic!("{}: {method} {request}: {status:?}", remedy.title);
                }
            }
            Call::Graph(call) => {
                let status = world
                    .engine
                    .graph(
                        &job(),
                        &call.http_method,
                        &call.url,
                        &call.body_json,
                        &mut |_| {},
                    )
                    .await;
                assert!(
                    (200..300).contains(&status),
                    "{}: {call:?}: {status}",
                    remedy.title
                );
            }
            Call::Portal(step) => by_hand::follow(world, &step.portal, &step.instruction),
        }
    }
}

/// The next cycle is clean, Entra's request has closed the finding, and from then on it is quiet.
async fn is_cured(world: &mut World, finding: &Finding, remedy: &Remedy) {
    let title = &remedy.title;
    world.promote_alice();
    world.good_cycle().await;
    let closed = world.dragonce.finding(&finding.id).await;
    assert_eq!(closed.state(), FindingState::Closed, "{title}: {closed:#?}");
    assert!(closed.remedies.is_empty());
    let closure = closed.closure.as_ref().expect("it says why");
    assert_eq!(closure.actor, "scim", "{title}: {closure:?}");
    assert!(
        !closure.detail.is_empty() && !closure.request_id.is_empty(),
        "{title}: {closure:?}"
    );
    if !closure.log_entry_id.is_empty() {
        let entry = world.dragonce.log_entry(&closure.log_entry_id).await;
        assert_eq!(entry.request_id, closure.request_id, "{title}");
    }
    world.quiet_cycle().await;
    let open = world.dragonce.findings(FindingState::Open).await;
    assert!(
        open.iter().all(|open| open.kind != finding.kind),
        "{title}: {open:#?}"
    );
    assert_eq!(
        world.dragonce.finding(&finding.id).await,
        closed,
        "it stays as it was closed"
    );
}
