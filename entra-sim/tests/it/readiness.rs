//! Microsoft's validation tests against a small honest server, and against the same server with the bugs that servers have had with Entra: each
//! bug is found by the test that is made for it, with the advice that mends it.

mod server;

use std::collections::BTreeSet;

use entra_sim::{ReadinessReport, Target, check_readiness};

use self::server::{Fault, Server, TOKEN};

async fn play(server: &Server) -> ReadinessReport {
    let target = Target::parse(&server.url(), TOKEN.into()).unwrap();
    check_readiness(&target, &mut |_| {}).await.unwrap()
}

fn failed(report: &ReadinessReport) -> BTreeSet<&'static str> {
    let failed = report.tests.iter().filter(|test| !test.passed);
    failed.map(|test| test.id).collect()
}

#[tokio::test]
async fn an_honest_server_is_ready_and_has_nothing_left_afterwards() {
    let server = Server::start(None).await;
    let report = play(&server).await;
    let failures: Vec<_> = report.tests.iter().filter(|test| !test.passed).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(report.ready());
    assert_eq!(server.resources(), 0, "what the tests made is gone");
    let asked = report.tests.iter().flat_map(|test| &test.exchanges);
    assert!(asked.clone().count() > 100);
    assert!(asked.clone().all(|exchange| exchange.http_status > 0));
}

/// A bug, the tests that must find it, and what their advice must say.
const BUGS: [(Fault, &[&str], &str); 17] = [
    (
        Fault::RemovingOneMemberEmptiesTheGroup,
        &["validator-24"],
        "only the members",
    ),
    (
        Fault::DottedKeysAreNames,
        &["gallery-null-update"],
        "without",
    ),
    (
        Fault::OpsAreCaseSensitive,
        &["validator-24", "gallery-update-manager"],
        "without regard to case",
    ),
    (
        Fault::NoElementIsMade,
        &["validator-9", "gallery-user-update"],
        "path",
    ),
    (
        Fault::ExternalIdCannotBePatched,
        &["validator-21", "validator-p1", "gallery-group-update"],
        "",
    ),
    (
        Fault::ReplaceWithoutPathIsPut,
        &["validator-21", "validator-22"],
        "its members as they are|stays",
    ),
    (
        Fault::NothingFoundIs404,
        &["validator-4", "validator-17"],
        "never with 404",
    ),
    (
        Fault::InactiveUsersAreHidden,
        &["validator-8"],
        "inactive users visible",
    ),
    (
        Fault::NoPatch,
        &["validator-6", "validator-23"],
        "Support the method",
    ),
    (
        Fault::UniquenessRegardsCase,
        &["validator-2"],
        "whatever its case",
    ),
    (
        Fault::MembersCannotBeExcluded,
        &["validator-14", "validator-15"],
        "excludedAttributes",
    ),
    (
        Fault::ManagerIsNotReturned,
        &["validator-10", "validator-11"],
        "manager",
    ),
    (
        Fault::UserAgentIsDemanded,
        &["validator-1", "gallery-validate-credentials"],
        "firewall",
    ),
    (
        Fault::OnlyPlainJson,
        &["validator-1", "validator-19"],
        "application/scim+json",
    ),
    (
        Fault::FilterOnExternalIdFails,
        &["gallery-group-create"],
        "5xx",
    ),
    (
        Fault::DeleteOfNobodyIs400,
        &[
            "validator-p3",
            "validator-p4",
            "validator-p6",
            "validator-p7",
        ],
        "404",
    ),
    (Fault::DeletedUsersStayVisible, &["validator-13"], "404"),
];

#[tokio::test]
async fn every_bug_is_found_by_its_test_with_the_advice_that_mends_it() {
    for (fault, tests, advice) in BUGS {
        let server = Server::start(Some(fault)).await;
        let report = play(&server).await;
        let found = failed(&report);
        for id in tests {
            assert!(
                found.contains(id),
                "{fault:?} was not found by {id}, but by {found:?}"
            );
            let test = report.tests.iter().find(|test| test.id == *id).unwrap();
            let said = test.advice.unwrap();
            assert!(
                advice.split('|').any(|word| said.contains(word)),
                "{fault:?}, {id}: {said}"
            );
            assert!(!test.failure.as_ref().unwrap().is_empty());
        }
        let mandatory = tests.iter().any(|id| !id.starts_with("validator-p"));
        assert_eq!(report.ready(), !mandatory, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_made_is_removed_also_when_the_test_fails() {
    for fault in [
        Fault::NoPatch,
        Fault::NothingFoundIs404,
        Fault::FilterOnExternalIdFails,
    ] {
        let server = Server::start(Some(fault)).await;
        play(&server).await;
        assert_eq!(server.resources(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_sends_the_token_back_does_not_get_it_into_the_report() {
    let server = Server::start(Some(Fault::TokenIsSentBack)).await;
    let report = play(&server).await;
    assert!(!report.ready());
    assert!(!format!("{report:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_every_test_soon() {
    let target = Target::parse("http://127.0.0.1:9/scim", TOKEN.into()).unwrap();
    let report = check_readiness(&target, &mut |_| {}).await.unwrap();
    assert_eq!((report.passed(), report.ready()), (0, false));
    let last = report.tests.last().unwrap();
    assert!(last.exchanges.is_empty() && last.failure.as_ref().unwrap().contains("not played"));
}
