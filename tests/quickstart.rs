//! `provisiond quickstart`, as the README's first command.

use serde_json::Value;
use tokio::process::Command;

use crate::support::{Database, run};

fn args(data_dir: &std::path::Path, more: &str) -> Vec<String> {
    let fixed = format!(
        "quickstart --exit --users 40 --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0 --data-dir {}",
        data_dir.display()
    );
    format!("{fixed} {more}")
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn it_plays_a_whole_life_and_says_what_to_paste() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(&args(folder.path(), "")).await;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for shown in [
        "Tenant URL:    http://127.0.0.1:",
        "Secret Token:  dgo_scim_",
        "buf curl",
        "All went well",
        "\nsuspend  ",
        // As this program was started: nobody has installed it yet.
        &format!("JWT=$({} jwt mint ", env!("CARGO_BIN_EXE_provisiond")),
    ] {
        assert!(out.contains(shown), "{shown} is missing in:\n{out}");
    }
    let first_call = out
        .lines()
        .find_map(|line| line.trim().strip_prefix("JWT="))
        .expect("there is a first call");
    let minted = Command::new("sh")
        .args(["-c", &format!("printf %s {first_call}")])
        .output()
        .await
        .expect("there is a shell");
    assert_eq!(
        String::from_utf8_lossy(&minted.stdout).split('.').count(),
        3,
        "{first_call} makes a JWT: {minted:?}"
    );
    let log = out.split("entries of the provisioning log:\n").nth(1);
    let entry = log.and_then(|log| log.lines().nth(1)).expect("an entry");
    let time = entry.split_whitespace().next().expect("a time");
    assert_eq!(time.len(), "2026-01-31T12:00:00.123Z".len(), "{entry}");
    assert!(
        out.lines().all(|line| line.trim_end() == line),
        "padding: {out}"
    );
    assert!(err.contains("cycle 1: 40 objects"), "{err}");
}

#[tokio::test]
async fn a_second_run_goes_as_well_as_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    for token in ["token_generate", "token_regenerate"] {
        let output = run(&args(folder.path(), "--json")).await;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let summary: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        assert_eq!(summary["ok"], true, "{summary:#}");
        for operation in ["create", "patch", "suspend", "activate", "delete", token] {
            assert!(
                summary["log"][operation]["success"].as_u64() > Some(0),
                "{operation} is missing in {:#}",
                summary["log"]
            );
        }
    }
}

#[tokio::test]
async fn it_has_every_role() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(&args(
        folder.path(),
        "--role facade --core-url http://127.0.0.1:1",
    ))
    .await;
    assert_eq!(output.status.code(), Some(78));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("quickstart serves every role"), "{stderr}");
}

#[tokio::test]
async fn it_runs_on_postgres_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::create().await;
    let output = run(&args(
        folder.path(),
        &format!("--json --database-url {}", database.url()),
    ))
    .await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
