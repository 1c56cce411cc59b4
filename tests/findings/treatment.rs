//! From the finding to its cure: what is read over gRPC, each remedy played as it is given, and what the next cycle makes of it.

use entra_sim::Mapping;
use provisioning_proto::admin::v1::{
    DirectorySide, Finding, FindingKind, FindingState, Remedy, Severity, dragonce_side::Resource,
    remedy_step::Call,
};

use super::{
    by_hand,
    world::{ALICE_ID, Stage, World, job},
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
    /// What is open beside it, and has the same cure.
    pub beside: &'static [FindingKind],
    /// All of its remedies in their order. Each that this story is the one for is played, in a world of its own.
    pub remedies: Vec<Play>,
}

/// What shows a finding once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Somebody is in error, and the next cycle tries again.
    Retry,
    /// Nobody is in error, and the request that showed it does not come again.
    Never,
    /// Somebody is in error; the story does not wait for the next cycle.
    NotWaitedFor,
    /// No request has shown it: the state of the data does.
    State,
}

/// A remedy, and what comes of it.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    /// What its title has, whoever it is about.
    title: &'static str,
    end: End,
    /// What is open afterwards, and why.
    leaves: &'static [(FindingKind, &'static str)],
}

/// Who closes the finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A request of Entra.
    Entra,
    /// The state of the data.
    State,
    /// The remedy's own last step.
    Admin,
    /// The same, and Entra shows it again.
    Reopened,
    /// Another story is the one for this remedy.
    Elsewhere,
}

impl Play {
    /// Entra's next request closes the finding.
    pub const fn cures(title: &'static str) -> Self {
        Self::ending(title, End::Entra)
    }

    /// The finding is over by what DragOnce has.
    pub const fn mends(title: &'static str) -> Self {
        Self::ending(title, End::State)
    }

    /// The remedy closes the finding, and Entra says nothing more of it.
    pub const fn closes(title: &'static str) -> Self {
        Self::ending(title, End::Admin)
    }

    /// The remedy closes the finding until Entra shows it again, as its effect says.
    pub const fn silences(title: &'static str) -> Self {
        Self::ending(title, End::Reopened)
    }

    /// The remedy is for another cause than that of this story.
    pub const fn elsewhere(title: &'static str) -> Self {
        Self::ending(title, End::Elsewhere)
    }

    /// What it cannot mend stays open, and is known to.
    pub const fn leaving(self, leaves: &'static [(FindingKind, &'static str)]) -> Self {
        Self { leaves, ..self }
    }

    const fn ending(title: &'static str, end: End) -> Self {
        Self {
            title,
            end,
            leaves: &[],
        }
    }
}

/// Lets a story happen once for each remedy that is to be played, and treats what it leads to.
pub async fn treat(
    service: &Service,
    mapping: Mapping,
    story: impl AsyncFn(&mut World) -> Expected,
) {
    let stage = Stage::of(service).await;
    for round in 0.. {
        let identifier = format!("contoso-{round}");
        let mut world = stage.world(&identifier, mapping.clone()).await;
        let expected = story(&mut world).await;
        let finding = read(&mut world, &expected).await;
        check_titles(&finding, &expected.remedies);
        let remedies = finding.remedies.iter().zip(&expected.remedies);
        let mut played = remedies.filter(|(_, play)| play.end != End::Elsewhere);
        let (remedy, expected) = played.nth(round).expect("the story plays one");
        let is_last = played.next().is_none();
        play(&mut world, remedy).await;
        has_ended(&mut world, &finding, expected).await;
        if is_last {
            return;
        }
    }
}

/// The story knows all remedies, and what comes of each.
fn check_titles(finding: &Finding, plays: &[Play]) {
    let titles: Vec<&str> = finding
        .remedies
        .iter()
        .map(|remedy| remedy.title.as_str())
        .collect();
    assert_eq!(titles.len(), plays.len(), "{titles:#?}");
    for (title, play) in titles.iter().zip(plays) {
        assert!(title.contains(play.title), "{titles:#?}: {play:?}");
    }
}

/// The one open finding, as it must be; seen again where that can be.
async fn read(world: &mut World, expected: &Expected) -> Finding {
    let is_in_error = !world.engine.report().in_error.is_empty();
    let tries_again = [Again::Retry, Again::NotWaitedFor].contains(&expected.again);
    assert_eq!(is_in_error, tries_again);
    let first = only(world, expected).await;
    check(world, expected, &first).await;
    if expected.again != Again::Retry {
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
    let (meant, beside): (Vec<_>, Vec<_>) = findings
        .iter()
        .partition(|finding| finding.kind() == expected.kind);
    let [finding] = meant[..] else {
        panic!("one finding of {:?}: {findings:#?}", expected.kind);
    };
    let beside: Vec<_> = beside.iter().map(|finding| finding.kind()).collect();
    assert_eq!(beside, expected.beside, "{findings:#?}");
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

    let shown_by = &finding.log_entry_ids;
    let by_request = expected.again != Again::State;
    assert_eq!(finding.count >= 1, by_request, "{finding:#?}");
    assert_eq!(
        (1..=10).contains(&shown_by.len()),
        by_request,
        "{shown_by:?}"
    );
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
                // Where DragOnce does not know it, the reader does.
                let known = |text: &str| text.replace("<objectId>", ALICE_ID);
                let (url, body) = (known(&call.url), known(&call.body_json));
                let status = world
                    .engine
                    .graph(&job(), &call.http_method, &url, &body, &mut |_| {})
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

/// The next cycles are clean, the finding is closed as the play says and stays so, and nothing is open but what the play says.
async fn has_ended(world: &mut World, finding: &Finding, play: &Play) {
    let title = play.title;
    world.promote_alice();
    if play.end == End::Reopened {
        world.cycle().await;
        let closed = world.dragonce.finding(&finding.id).await;
        check_closed(world, &closed, play).await;
        let open = world.dragonce.findings(FindingState::Open).await;
        let [again] = &open[..] else {
            panic!("{title}: {open:#?}");
        };
        assert_eq!(again.kind(), finding.kind(), "{title}");
        assert_ne!(
            again.id, finding.id,
            "{title}: another one, with its own history"
        );
        return;
    }
    world.good_cycle().await;
    let closed = match play.end {
        // What is over by its state is closed when it is looked at.
        End::State => {
            world.dragonce.findings(FindingState::Open).await;
            world.dragonce.finding(&finding.id).await
        }
        End::Entra | End::Admin | End::Reopened | End::Elsewhere => {
            world.dragonce.finding(&finding.id).await
        }
    };
    check_closed(world, &closed, play).await;
    world.quiet_cycle().await;
    let open = world.dragonce.findings(FindingState::Open).await;
    let kinds: Vec<_> = open.iter().map(Finding::kind).collect();
    let left: Vec<_> = play.leaves.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, left, "{play:?}: {open:#?}");
    assert_eq!(
        world.dragonce.finding(&finding.id).await,
        closed,
        "it stays as it was closed"
    );
}

async fn check_closed(world: &World, closed: &Finding, play: &Play) {
    let title = play.title;
    assert_eq!(closed.state(), FindingState::Closed, "{title}: {closed:#?}");
    assert!(closed.remedies.is_empty());
    let closure = closed.closure.as_ref().expect("it says why");
    assert!(!closure.detail.is_empty(), "{title}: {closure:?}");
    let by_state = play.end == End::State;
    assert_eq!(
        closure.request_id.is_empty(),
        by_state,
        "{title}: {closure:?}"
    );
    match play.end {
        End::Entra => assert_eq!(closure.actor, "scim", "{title}: {closure:?}"),
        End::State => assert_eq!(closure.actor, "", "{title}: {closure:?}"),
        End::Admin | End::Reopened => {
            assert!(
                !["", "scim"].contains(&closure.actor.as_str()),
                "{title}: {closure:?}"
            );
        }
        End::Elsewhere => panic!("{title} was not played"),
    }
    if !closure.log_entry_id.is_empty() {
        let entry = world.dragonce.log_entry(&closure.log_entry_id).await;
        assert_eq!(entry.request_id, closure.request_id, "{title}");
    }
}
