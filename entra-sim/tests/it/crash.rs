//! A server that is killed in the middle of a cycle and comes back with its data.

use std::collections::HashSet;

use entra_sim::{Event, Phase};

use crate::server::Server;
use crate::{engine, quiet, scenario};

#[tokio::test]
async fn a_kill_in_mid_cycle_loses_nothing_that_was_acknowledged() {
    let mut server = Server::start().await;
    let mut engine = engine(&server, scenario(200, 3));
    let mut done = 0;
    let stopped = engine
        .next_cycle(&mut |event| {
            done += usize::from(matches!(
                event,
                Event::ObjectDone {
                    phase: Phase::Users,
                    ..
                }
            ));
            if done == 40 {
                server.kill();
            }
        })
        .await
        .unwrap()
        .clone();
    assert!(stopped.stopped.is_some());
    assert!(
        stopped.not_attempted > 100,
        "an unreachable server is not asked for everybody"
    );
    assert!(stopped.created >= 40);
    let acknowledged = engine.report().ledger.acknowledged();
    assert_eq!(acknowledged, stopped.created);

    let server = server.restart().await;
    engine.retarget(server.target()).unwrap();
    assert_eq!(engine.verify_acknowledged().await, []);
    engine.run(&mut quiet).await;
    let report = engine.report();
    assert!(report.exit_ok(), "{:?}", report.in_error);
    assert!(report.cycles[1].created > 100, "the rest follows");
    {
        let world = server.world();
        let people: HashSet<&str> = world
            .accounts
            .values()
            .map(|account| account["externalId"].as_str().unwrap())
            .collect();
        assert_eq!(
            people.len(),
            world.accounts.len(),
            "nobody got two accounts"
        );
    }
    assert_eq!(engine.verify().await, []);
    assert_eq!(engine.verify_acknowledged().await, []);
}

#[tokio::test]
async fn a_lost_write_is_noticed() {
    let server = Server::start().await;
    let mut engine = engine(&server, scenario(20, 2));
    engine.run(&mut quiet).await;
    assert_eq!(engine.verify_acknowledged().await, []);

    let id = engine.linked(3).unwrap().to_owned();
    let account = server.world().accounts.remove(&id).unwrap();
    let differences = engine.verify_acknowledged().await;
    assert_eq!(differences.len(), 1);
    assert_eq!(
        (
            differences[0].expected.as_str(),
            differences[0].found.as_str()
        ),
        ("200", "404")
    );

    let mut old = account;
    old["displayName"] = "an older name".into();
    server.insert(&id, old);
    let differences = engine.verify_acknowledged().await;
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].what, "displayName");
}
