//! Everything but durations follows from the seed.

use std::collections::BTreeMap;

use entra_sim::{FlagMode, ProvisioningLogEntry, Scenario};

use crate::server::{Recorded, Server};
use crate::{engine, quiet, scenario};

async fn play(
    seed: u64,
    concurrency: usize,
    flag: FlagMode,
) -> (Vec<Recorded>, Vec<ProvisioningLogEntry>) {
    let server = Server::start().await;
    let scenario = Scenario {
        seed,
        concurrency,
        flag,
        ..scenario(80, 3)
    };
    let mut engine = engine(&server, scenario);
    engine.run(&mut quiet).await;
    let mut log = engine.report().log.clone();
    for entry in &mut log {
        entry.time = jiff::Timestamp::UNIX_EPOCH;
    }
    (server.take_requests(), log)
}

/// The requests as a multiset.
fn sorted(requests: &[Recorded]) -> Vec<String> {
    let mut lines: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {} {}", request.method, request.path, request.body))
        .collect();
    lines.sort();
    lines
}

/// The requests by path, each in its order.
fn by_path(requests: Vec<Recorded>) -> BTreeMap<String, Vec<Recorded>> {
    let mut paths: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for request in requests {
        // Creates share a path; the object tells them apart.
        let object = request.body["externalId"].as_str().unwrap_or_default();
        paths
            .entry(format!("{}{object}", request.path))
            .or_default()
            .push(request);
    }
    paths
}

#[tokio::test]
async fn the_same_seed_sends_the_same_requests_however_many_at_a_time() {
    let (one, one_log) = play(7, 1, FlagMode::Off).await;
    let (many, many_log) = play(7, 16, FlagMode::Off).await;
    assert!(one.len() > 300);
    assert_eq!(sorted(&one), sorted(&many));
    assert_eq!(one_log, many_log);
    assert_eq!(by_path(one), by_path(many));
}

#[tokio::test]
async fn another_seed_tells_another_story() {
    let (one, _) = play(7, 4, FlagMode::Off).await;
    let (other, _) = play(8, 4, FlagMode::Off).await;
    assert_ne!(sorted(&one), sorted(&other));
}

#[tokio::test]
async fn the_flag_changes_the_form_of_patches_and_nothing_else() {
    let (off, off_log) = play(7, 4, FlagMode::Off).await;
    let (on, on_log) = play(7, 4, FlagMode::On).await;
    let without_patches = |requests: &[Recorded]| {
        let others: Vec<Recorded> = requests
            .iter()
            .filter(|request| request.method != "PATCH")
            .cloned()
            .collect();
        sorted(&others)
    };
    assert_eq!(without_patches(&off), without_patches(&on));
    assert_eq!(off_log, on_log);
    assert_ne!(sorted(&off), sorted(&on));
}
