//! The load: clients that each hold one connection and send the next request when the last is answered. They cost as little as possible, for
//! client and server share the machine's cores.

mod connection;

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
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
    /// The same by another attribute that Entra may be told to match by.
    MatchBy(Matching),
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
    /// The page at one of the target's cursors.
    Cursor(usize),
    /// Somebody is put into one of the target's groups, or taken out.
    Membership(usize),
    /// A handler that does nothing.
    Nothing,
}

/// An attribute to match by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// `externalId`.
    ObjectId,
    /// The work address.
    WorkMail,
    /// The enterprise extension's.
    EmployeeNumber,
}

impl Matching {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::ObjectId, Self::WorkMail, Self::EmployeeNumber];

    /// As it stands in a URL.
    fn filter(self, number: u64) -> String {
        let user_name = people::user_name(number).replace('@', "%40");
        match self {
            Self::ObjectId => format!("externalId+eq+%22{}%22", people::object_id(number)),
            Self::WorkMail => {
                format!("emails%5Btype+eq+%22work%22%5D.value+eq+%22{user_name}%22")
            }
            Self::EmployeeNumber => format!(
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber+eq+%22{user_name}%22"
            ),
        }
    }
}

/// A group under load.
pub struct Group {
    id: String,
    /// By number, the people who come and go.
    guests: Range<usize>,
    turns: AtomicU64,
}

impl Operation {
    /// The requests of Entra's cycles that cost most in sum.
    pub const HOT: [Self; 4] = [Self::Match, Self::Get, Self::Create, Self::Patch];

    /// What it is called in the table.
    pub fn name(self) -> String {
        match self {
            Self::Match => "match userName".to_owned(),
            Self::MatchBy(Matching::ObjectId) => "match externalId".to_owned(),
            Self::MatchBy(Matching::WorkMail) => "match work mail".to_owned(),
            Self::MatchBy(Matching::EmployeeNumber) => "match employeeNumber".to_owned(),
            Self::Get => "get by id".to_owned(),
            Self::Create => "create".to_owned(),
            Self::Patch => "patch active".to_owned(),
            Self::Page { start, count } => format!("page of {count} from {start}"),
            Self::Cursor(_) => "page by cursor".to_owned(),
            Self::Membership(_) => "add or remove a member".to_owned(),
            Self::Nothing => "nothing".to_owned(),
        }
    }

    fn is_answered_by(self, status: u16) -> bool {
        match self {
            Self::Match
            | Self::MatchBy(_)
            | Self::Get
            | Self::Page { .. }
            | Self::Cursor(_)
            | Self::Nothing => status == 200,
            Self::Create => status == 201,
            Self::Patch | Self::Membership(_) => status == 200 || status == 204,
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
    cursors: OnceLock<Vec<String>>,
    groups: OnceLock<Vec<Group>>,
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
            cursors: OnceLock::new(),
            groups: OnceLock::new(),
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

    /// Walks all people by cursor, and keeps the cursors of the first page and of the last; tells how many pages there are.
    pub async fn walk(&self, count: u32) -> Result<usize> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            next_cursor: Option<String>,
        }
        let mut connection = Connection::open(self.address).await?;
        let (mut cursor, mut pages) = (String::new(), 0);
        let last = loop {
            let (base, token) = (&self.base, &self.token);
            connection.prepare(
                "GET",
                format_args!("{base}/Users?count={count}&cursor={cursor}"),
                token,
                "",
            );
            let status = connection.exchange().await?;
            ensure!(
                status == 200,
                "a page answered {status}: {}",
                connection.body_excerpt()
            );
            pages += 1;
            match serde_json::from_slice::<Page>(connection.body())?.next_cursor {
                Some(next) => cursor = next,
                None => break cursor,
            }
        };
        let parameters = |cursor: String| format!("count={count}&cursor={cursor}");
        self.cursors
            .set(vec![parameters(String::new()), parameters(last)])
            .map_err(|_| anyhow::anyhow!("the people were walked before"))?;
        Ok(pages)
    }

    /// Makes groups of so many members each; the people behind them come and go.
    pub async fn make_groups(&self, sizes: &[usize], guests: usize) -> Result<()> {
        /// Members in one request.
        const BATCH: usize = 10_000;
        let mut connection = Connection::open(self.address).await?;
        let mut groups = Vec::new();
        for (number, &size) in sizes.iter().enumerate() {
            let people = size + guests;
            ensure!(
                people <= self.ids.len(),
                "a group of {size} and its guests want {people} people"
            );
            let (base, token) = (&self.base, &self.token);
            let body = people::group_body(&format!("Group {number} of {size}"));
            connection.prepare("POST", format_args!("{base}/Groups"), token, &body);
            let status = connection.exchange().await?;
            ensure!(
                status == 201,
                "a group answered {status}: {}",
                connection.body_excerpt()
            );
            let id = id(connection.body())?;
            for members in self.ids[..size].chunks(BATCH) {
                let body = people::add_members_body(members);
                connection.prepare("PATCH", format_args!("{base}/Groups/{id}"), token, &body);
                let status = connection.exchange().await?;
                ensure!(
                    status == 204,
                    "members answered {status}: {}",
                    connection.body_excerpt()
                );
            }
            groups.push(Group {
                id,
                guests: size..people,
                turns: 0.into(),
            });
        }
        self.groups
            .set(groups)
            .map_err(|_| anyhow::anyhow!("the groups were made before"))
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
            Operation::MatchBy(matching) => {
                let filter = matching.filter(known(&self.asked));
                connection.prepare(
                    "GET",
                    format_args!("{base}/Users?filter={filter}"),
                    token,
                    "",
                );
            }
            Operation::Cursor(index) => {
                let cursor = &self.cursors.get().expect("the people were walked")[index];
                connection.prepare("GET", format_args!("{base}/Users?{cursor}"), token, "");
            }
            Operation::Membership(index) => {
                let group = &self.groups.get().expect("the groups were made")[index];
                // All guests come before any goes, so that each request changes something.
                let count = group.turns.fetch_add(1, Ordering::Relaxed);
                let guests = group.guests.len() as u64;
                let guest = &self.ids[group.guests.start + self::index(count % guests)];
                let body = if (count / guests).is_multiple_of(2) {
                    people::add_members_body(std::slice::from_ref(guest))
                } else {
                    people::remove_member_body(guest)
                };
                let id = &group.id;
                connection.prepare("PATCH", format_args!("{base}/Groups/{id}"), token, &body);
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
            Operation::Match | Operation::MatchBy(_) => b"\"totalResults\":1".as_slice(),
            Operation::Page { .. } | Operation::Cursor(_) => b"\"Resources\":[{",
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
