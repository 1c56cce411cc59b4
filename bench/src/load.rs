//! The load: clients that each hold one connection and send the next request when the last is answered. They cost as little as possible, for
//! client and server share the machine's cores.

mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::measure::{self, Latencies, Sample};
use crate::people;
use connection::Connection;

/// A turn that does not end this long after its time has failed.
const OVERTIME_MAX: Duration = Duration::from_mins(1);
/// Neighbouring requests ask for people far apart.
const STRIDE: u64 = 7919;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Is there somebody of that login?
    Match,
    /// Somebody by id.
    Get,
    /// Somebody new.
    Create,
    /// Somebody is suspended, or comes back.
    Patch,
    /// A page of everybody.
    Page {
        /// SCIM's `startIndex`.
        start: u32,
        /// SCIM's `count`.
        count: u32,
    },
    /// A handler that does nothing.
    Nothing,
}

impl Operation {
    /// The requests of Entra's cycles that cost most in sum.
    pub const HOT: [Self; 4] = [Self::Match, Self::Get, Self::Create, Self::Patch];

    /// What it is called in the table.
    pub fn name(self) -> String {
        match self {
            Self::Match => "match userName".to_owned(),
            Self::Get => "get by id".to_owned(),
            Self::Create => "create".to_owned(),
            Self::Patch => "patch active".to_owned(),
            Self::Page { start, count } => format!("page of {count} from {start}"),
            Self::Nothing => "nothing".to_owned(),
        }
    }

    fn is_answered_by(self, status: u16) -> bool {
        match self {
            Self::Match | Self::Get | Self::Page { .. } | Self::Nothing => status == 200,
            Self::Create => status == 201,
            Self::Patch => status == 200 || status == 204,
        }
    }
}

/// A server under load, and whom it knows.
pub struct Target {
    address: SocketAddr,
    /// The path of the SCIM endpoint.
    base: String,
    token: String,
    /// SCIM ids, by the number of the person.
    ids: Vec<String>,
    created: AtomicU64,
    patched: AtomicU64,
    asked: AtomicU64,
}

impl Target {
    /// A server that knows these people.
    pub fn new(address: SocketAddr, base: String, token: String, ids: Vec<String>) -> Self {
        Self {
            address,
            base,
            token,
            ids,
            created: 0.into(),
            patched: 0.into(),
            asked: 0.into(),
        }
    }

    /// Creates the people by SCIM.
    pub async fn preload(&mut self, people: u32, connections: u32) -> Result<()> {
        let mut tasks = JoinSet::new();
        for first in 0..connections {
            let mut connection = Connection::open(self.address).await?;
            let (base, token) = (self.base.clone(), self.token.clone());
            tasks.spawn(async move {
                let mut ids = Vec::new();
                for number in (first..people).step_by(connections as usize).map(u64::from) {
                    let body = people::create_body(
                        &people::user_name(number),
                        &people::object_id(number).to_string(),
                    );
                    connection.prepare("POST", format_args!("{base}/Users"), &token, &body);
                    let status = connection.exchange().await?;
                    ensure!(
                        status == 201,
                        "create answered {status}: {}",
                        connection.body_excerpt()
                    );
                    ids.push((number, id(connection.body())?));
                }
                anyhow::Ok(ids)
            });
        }
        let mut ids = Vec::new();
        for part in tasks.join_all().await {
            ids.extend(part?);
        }
        ids.sort_unstable();
        self.ids = ids.into_iter().map(|(_, id)| id).collect();
        Ok(())
    }

    /// One turn: so many clients for so long.
    pub async fn turn(
        self: &Arc<Self>,
        operation: Operation,
        connections: u32,
        duration: Duration,
    ) -> Result<Sample> {
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(Connection::open(self.address).await?);
        }
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for mut connection in opened {
            let target = Arc::clone(self);
            tasks.spawn(async move {
                let mut latencies = Latencies::new();
                while started.elapsed() < duration {
                    target.prepare(operation, &mut connection);
                    let begun = Instant::now();
                    let status = connection.exchange().await?;
                    latencies.record(begun.elapsed());
                    Self::check(operation, status, &connection)?;
                }
                anyhow::Ok(latencies)
            });
        }
        let parts = timeout(duration + OVERTIME_MAX, tasks.join_all())
            .await
            .context("the server hangs")?;
        let parts = parts.into_iter().collect::<Result<Vec<_>>>();
        Ok(measure::sample(
            started,
            parts.with_context(|| operation.name())?,
        ))
    }

    fn prepare(&self, operation: Operation, connection: &mut Connection) {
        let people = self.ids.len() as u64;
        let known = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed).wrapping_mul(STRIDE) % people
        };
        let (base, token) = (&self.base, &self.token);
        match operation {
            Operation::Match => {
                let user_name = people::user_name(known(&self.asked)).replace('@', "%40");
                connection.prepare(
                    "GET",
                    format_args!("{base}/Users?filter=userName+eq+%22{user_name}%22"),
                    token,
                    "",
                );
            }
            Operation::Get => {
                let id = &self.ids[index(known(&self.asked))];
                connection.prepare("GET", format_args!("{base}/Users/{id}"), token, "");
            }
            Operation::Create => {
                // Behind the people that were preloaded.
                let number = people + self.created.fetch_add(1, Ordering::Relaxed);
                let body = people::create_body(
                    &people::user_name(number),
                    &people::object_id(number).to_string(),
                );
                connection.prepare("POST", format_args!("{base}/Users"), token, &body);
            }
            Operation::Patch => {
                // Everybody is suspended before anybody comes back, so that each request changes something.
                let count = self.patched.fetch_add(1, Ordering::Relaxed);
                let (id, active) = (&self.ids[index(count % people)], count / people % 2 == 1);
                connection.prepare(
                    "PATCH",
                    format_args!("{base}/Users/{id}"),
                    token,
                    people::active_body(active),
                );
            }
            Operation::Page { start, count } => {
                connection.prepare(
                    "GET",
                    format_args!("{base}/Users?startIndex={start}&count={count}"),
                    token,
                    "",
                );
            }
            Operation::Nothing => connection.prepare("GET", format_args!("/nothing"), token, ""),
        }
    }

    /// Fast errors are no result.
    fn check(operation: Operation, status: u16, connection: &Connection) -> Result<()> {
        if !operation.is_answered_by(status) {
            bail!("answered {status}: {}", connection.body_excerpt());
        }
        let found = match operation {
            Operation::Match => b"\"totalResults\":1".as_slice(),
            Operation::Page { .. } => b"\"Resources\":[{",
            _ => return Ok(()),
        };
        let is_found = connection
            .body()
            .windows(found.len())
            .any(|window| window == found);
        ensure!(is_found, "nobody is found: {}", connection.body_excerpt());
        Ok(())
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("people fit into memory")
}

/// The SCIM id of an answer.
fn id(body: &[u8]) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Created {
        id: String,
    }
    Ok(serde_json::from_slice::<Created>(body)
        .context("a create is answered with the resource")?
        .id)
}
