//! Plays Microsoft's validation tests against a SCIM endpoint: those of the online validator (25, and 7 in preview), and those that the gallery's
//! templates send to an endpoint directly.
//!
//! What a test makes has a random name and is removed after it, however it ended. A server is held to what Microsoft's tests look at, and to what
//! they take for granted: that what was not asked to change stays as it is.

mod body;
mod case;
mod compare;
mod gallery;
mod probe;
mod schema;
mod validator_groups;
mod validator_users;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::case::Case;
use self::probe::{Clients, Probe};
use crate::target::{Target, TargetError};

/// What the tests came to.
#[derive(Clone, Debug, Serialize)]
pub struct ReadinessReport {
    /// In the order in which they were played.
    pub tests: Vec<ReadinessTest>,
}

/// One of Microsoft's tests.
#[derive(Clone, Debug, Serialize)]
pub struct ReadinessTest {
    /// Short and stable, for example `validator-5` or `gallery-null-update`.
    pub id: &'static str,
    /// As Microsoft names it.
    pub title: &'static str,
    /// A failed mandatory test keeps an app from being listed or from working.
    pub mandatory: bool,
    /// Whether the server did as it must.
    pub passed: bool,
    /// What was asked and answered, in order; cut to a bounded size.
    pub exchanges: Vec<Exchange>,
    /// On failure: what was wanted and what came.
    pub failure: Option<String>,
    /// On failure: what to change.
    pub advice: Option<&'static str>,
    /// How long it took.
    #[serde(skip)]
    pub duration: Duration,
}

/// One request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// Method and path below the SCIM endpoint.
    pub request: String,
    /// JSON; empty when there was none.
    pub request_body: String,
    /// The HTTP status; 0 when nothing came.
    pub http_status: u16,
    /// As it came; empty when there was none.
    pub response_body: String,
}

impl ReadinessReport {
    /// Whether every mandatory test passed.
    pub fn ready(&self) -> bool {
        self.tests.iter().all(|test| test.passed || !test.mandatory)
    }

    /// How many passed.
    pub fn passed(&self) -> usize {
        self.tests.iter().filter(|test| test.passed).count()
    }

    /// How many did not.
    pub fn failed(&self) -> usize {
        self.tests.len() - self.passed()
    }
}

/// Plays all tests, one after the other, and tells of each as it ends.
pub async fn check_readiness(
    target: &Target,
    see: &mut (dyn FnMut(&ReadinessTest) + Send),
) -> Result<ReadinessReport, TargetError> {
    let clients = Arc::new(Clients::new(target)?);
    let mut tests = Vec::new();
    for case in case::all() {
        let test = play(&case, &clients).await;
        see(&test);
        tests.push(test);
    }
    Ok(ReadinessReport { tests })
}

/// The ids of all tests, in the order in which they are played.
pub fn readiness_tests() -> impl Iterator<Item = &'static str> {
    case::all().into_iter().map(|case| case.id)
}

async fn play(case: &Case, clients: &Arc<Clients>) -> ReadinessTest {
    let began = Instant::now();
    let mut probe = Probe::new(Arc::clone(clients));
    let failed = (case.run)(&mut probe).await.err();
    let duration = began.elapsed();
    let exchanges = probe.end().await;
    ReadinessTest {
        id: case.id,
        title: case.title,
        mandatory: case.mandatory,
        passed: failed.is_none(),
        exchanges,
        advice: failed
            .as_ref()
            .map(|failed| failed.advice.unwrap_or(case.advice)),
        failure: failed.map(|failed| failed.what),
        duration,
    }
}
