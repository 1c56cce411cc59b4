//! The engine against a small honest SCIM server, whole and broken in every way a server breaks.

mod crash;
mod determinism;
mod drift;
mod faults;
mod groups;
mod job;
mod matching;
mod quarantine;
mod readiness;
mod server;
mod stories;

use std::time::Duration;

use entra_sim::{
    Changes, CycleKind, CyclePlan, Directory, DirectoryUser, Engine, Event, ObjectId, Scenario,
    Target,
};
use server::Server;
use uuid::Uuid;

/// A scenario whose faults are not waited for.
fn scenario(users: usize, cycles: usize) -> Scenario {
    Scenario {
        outage_patience: Duration::ZERO,
        request_timeout: Duration::from_secs(20),
        ..Scenario::new(users, cycles)
    }
}

fn engine(server: &Server, scenario: Scenario) -> Engine {
    Engine::new(server.target(), scenario).expect("a plain URL needs nothing else")
}

/// An engine over a few users made by hand, nobody of them exported yet.
fn engine_of(server: &Server, users: Vec<DirectoryUser>) -> Engine {
    engine_at(server.target(), users, scenario(0, 0))
}

fn engine_at(target: Target, users: Vec<DirectoryUser>, scenario: Scenario) -> Engine {
    let mut directory = Directory::default();
    for user in users {
        directory.add(user);
    }
    Engine::with_directory(target, scenario, directory).expect("a plain URL needs nothing else")
}

fn user(number: u128) -> DirectoryUser {
    let mut user = DirectoryUser::new(
        ObjectId(Uuid::from_u128(number)),
        format!("user{number}@contoso.com"),
    );
    user.display_name = Some(format!("User {number}"));
    user
}

const FULL: CyclePlan = CyclePlan::QUIET;
const INCREMENTAL: CyclePlan = CyclePlan {
    kind: CycleKind::Incremental,
    changes: Changes::NONE,
    on_demand: 0,
};

fn quiet(_: &Event) {}
