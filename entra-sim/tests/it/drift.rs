//! Servers that keep something else than they were sent are found out by a cycle without changes.

use entra_sim::{DirectoryUser, ErrorCode, Status};
use serde_json::{Value, json};

use crate::server::{ENTERPRISE, Server};
use crate::{FULL, INCREMENTAL, engine_of, quiet, user};

/// Plays a first cycle and a quiet one; what the quiet one repeated.
async fn repeated(view: fn(&mut Value)) -> (usize, Vec<String>) {
    let server = Server::start().await;
    server.show(view);
    let report = DirectoryUser {
        manager: Some(1),
        ..user(1)
    };
    let mut engine = engine_of(&server, vec![report, user(2)]);
    engine.cycle(FULL, &mut quiet).await;
    let first = engine.report().log.len();
    engine.cycle(FULL, &mut quiet).await;
    let report = engine.report();
    assert_eq!(report.exit_ok(), report.repeated_patches() == 0);
    let changed = report.log[first..]
        .iter()
        .filter(|entry| entry.status == Status::Success)
        .flat_map(|entry| entry.changed_properties.clone())
        .collect();
    (report.cycles[1].repeated_patches, changed)
}

#[tokio::test]
async fn an_honest_server_does_not_drift() {
    assert_eq!(repeated(|_| {}).await, (0, vec![]));
}

#[tokio::test]
async fn a_boolean_shown_as_a_word_drifts() {
    let (count, changed) = repeated(|account| account["active"] = json!("True")).await;
    assert_eq!(
        (count, changed),
        (2, vec!["active".to_owned(), "active".to_owned()])
    );
}

#[tokio::test]
async fn a_name_stored_in_small_letters_drifts() {
    let (count, _) = repeated(|account| {
        let name = account["displayName"].as_str().unwrap().to_lowercase();
        account["displayName"] = json!(name);
    })
    .await;
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_manager_that_is_not_shown_drifts() {
    let (count, changed) = repeated(|account| account[ENTERPRISE]["manager"] = Value::Null).await;
    assert_eq!((count, changed), (1, vec![format!("{ENTERPRISE}:manager")]));
}

#[tokio::test]
async fn verification_names_what_differs() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1), user(2), user(3)]);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.verify().await, []);
    let ids: Vec<String> = (0..3)
        .map(|index| engine.linked(index).unwrap().to_owned())
        .collect();
    {
        let mut world = server.world();
        world.accounts.get_mut(&ids[0]).unwrap()["displayName"] = json!("Somebody");
        world.accounts.get_mut(&ids[1]).unwrap()["userName"] = json!("renamed@contoso.com");
        world.accounts.remove(&ids[2]);
    }
    let differences = engine.verify().await;
    let whats: Vec<&str> = differences
        .iter()
        .map(|difference| difference.what.as_str())
        .collect();
    assert_eq!(
        whats,
        [
            "displayName",
            "userName",
            "userName filter",
            "answer",
            "userName filter"
        ]
    );
    assert_eq!(differences[0].expected, "\"User 1\"");
    assert_eq!(differences[0].found, "\"Somebody\"");
}

#[tokio::test]
async fn verification_notices_a_purged_account_that_is_still_there() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    let id = engine.linked(0).unwrap().to_owned();
    let account = server.account(&id);
    engine.directory_mut().soft_delete(0);
    engine.directory_mut().purge(0);
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert_eq!(engine.verify().await, []);
    server.insert(&id, account);
    assert_eq!(engine.verify().await.len(), 1);
    assert_eq!(engine.verify_acknowledged().await.len(), 1);
}

#[tokio::test]
async fn an_account_deleted_behind_entras_back_is_a_dead_link_until_a_restart() {
    let server = Server::start().await;
    let mut engine = engine_of(&server, vec![user(1)]);
    engine.cycle(FULL, &mut quiet).await;
    server.world().accounts.clear();
    engine.cycle(FULL, &mut quiet).await;
    engine.settle(&mut quiet).await;
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::InvalidAnchor
    );
    assert!(!engine.report().exit_ok());

    engine.restart();
    engine.cycle(INCREMENTAL, &mut quiet).await;
    assert!(
        engine.report().exit_ok(),
        "a restart matches everything anew"
    );
    assert_eq!(engine.verify().await, []);
}
