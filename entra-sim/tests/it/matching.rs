//! What objects are matched on, and what becomes `externalId`.

use entra_sim::{ErrorCode, ExternalId, Mapping, Matching, Scenario};
use serde_json::json;

use crate::server::Server;
use crate::{FULL, INCREMENTAL, engine_at, quiet, scenario, user};

fn scenario_matching_on(matching: &[Matching]) -> Scenario {
    Scenario {
        mapping: Mapping::matching_on(matching),
        ..scenario(0, 0)
    }
}

const NAME_OF_1: &str = "user1@contoso.com";
const ID_OF_1: &str = "00000000-0000-0000-0000-000000000001";

#[tokio::test]
async fn an_account_is_found_by_its_external_id_under_another_name() {
    let server = Server::start().await;
    server.insert(
        "7",
        json!({"userName": "old@contoso.com", "externalId": ID_OF_1, "active": true}),
    );
    let scenario = scenario_matching_on(&[Matching::ExternalId]);
    let mut engine = engine_at(server.target(), vec![user(1)], scenario);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(engine.linked(0), Some("7"));
    assert_eq!(server.account("7")["userName"], NAME_OF_1);
    let paths: Vec<String> = server
        .take_requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert!(
        paths[0].starts_with("/Users?filter=externalId+eq+"),
        "the probe asks for the first matching attribute: {paths:?}"
    );
    assert_eq!(
        paths[1],
        format!("/Users?filter=externalId+eq+%22{ID_OF_1}%22")
    );
}

#[tokio::test]
async fn attributes_are_asked_in_turn_and_the_first_that_hits_wins() {
    for (external_id, linked) in [(ID_OF_1, "7"), ("another", "8")] {
        let server = Server::start().await;
        server.insert(
            "7",
            json!({"userName": "old@contoso.com", "externalId": external_id, "active": true}),
        );
        server.insert("8", json!({"userName": NAME_OF_1, "active": true}));
        let scenario = scenario_matching_on(&[Matching::ExternalId, Matching::Name]);
        let mut engine = engine_at(server.target(), vec![user(1)], scenario);
        engine.cycle(FULL, &mut quiet).await;
        let cycle = &engine.report().cycles[0];
        assert_eq!((cycle.matched, cycle.created), (1, 0));
        match linked {
            "8" => assert_eq!(engine.linked(0), Some("8")),
            _ => assert_eq!(
                engine.report().in_error[0].error_code,
                ErrorCode::Conflict,
                "the other account has the name"
            ),
        }
    }
}

#[tokio::test]
async fn several_accounts_with_one_value_are_an_error_and_nothing_is_sent() {
    let server = Server::start().await;
    for id in ["7", "8"] {
        server.insert(id, json!({"userName": id, "externalId": ID_OF_1}));
    }
    let scenario = scenario_matching_on(&[Matching::ExternalId]);
    let mut engine = engine_at(server.target(), vec![user(1)], scenario);
    engine.cycle(FULL, &mut quiet).await;
    assert_eq!(
        engine.report().in_error[0].error_code,
        ErrorCode::DuplicateTargetEntries
    );
    assert_eq!(server.take_requests().len(), 2, "probe and match");
}

#[tokio::test]
async fn an_edited_mapping_starts_an_initial_cycle_and_keeps_the_links() {
    let server = Server::start().await;
    let nickname = Mapping {
        external_id: ExternalId::MailNickname,
        ..Mapping::default()
    };
    let scenario = Scenario {
        mapping: nickname,
        ..scenario(0, 0)
    };
    let mut engine = engine_at(server.target(), vec![user(1), user(2)], scenario);
    engine.cycle(FULL, &mut quiet).await;
    let id = engine.linked(0).unwrap().to_owned();
    assert_eq!(server.account(&id)["externalId"], "user1");

    engine.edit_mapping(|mapping| mapping.external_id = ExternalId::ObjectId);
    let cycle = engine.cycle(INCREMENTAL, &mut quiet).await.clone();
    assert_eq!((cycle.objects, cycle.updated, cycle.matched), (2, 2, 0));
    assert_eq!(server.account(&id)["externalId"], ID_OF_1);
    assert_eq!(engine.linked(0), Some(id.as_str()));
}
