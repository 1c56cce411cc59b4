//! Of one finding of every kind, what is said of it, and that its remedies can be sent as they are given.

mod contract;
mod examples;

use uuid::Uuid;

use self::{
    contract::{check, check_request, check_requests, pool},
    examples::{JOB, POSTED, SERVICE_PRINCIPAL, every_example, example, group, job, tenant, time},
};
use super::{Closure, FindingKind, Remedy, RemedyCall, Side, remedies, summary};
use crate::accounts::{Account, examples::account};

fn steps(remedy: &Remedy) -> Vec<String> {
    let name = |call: &RemedyCall| match call {
        RemedyCall::Rpc { method, .. } => method
            .rsplit_once('/')
            .expect("it has a service")
            .1
            .to_owned(),
        RemedyCall::Graph { url, .. } => {
            let last = url.rsplit_once('/').expect("it has a path").1;
            last.split('(').next().expect("there is one").to_owned()
        }
        RemedyCall::Portal { .. } => "portal".to_owned(),
    };
    remedy.steps.iter().map(|step| name(&step.call)).collect()
}

#[test]
fn every_kind_is_described_with_the_values_of_both_sides() {
    for (finding, sides, names) in every_example() {
        let text = summary(&finding, &sides);
        for name in names {
            assert!(
                text.contains(name),
                "{:?}: {name} is not in {text}",
                finding.kind
            );
        }
        let first = text.chars().next().expect("it is not empty");
        assert!(first.is_uppercase() && text.ends_with('.'), "{text}");
    }
}

#[test]
fn every_kind_has_remedies_that_can_be_sent_as_they_are() {
    let pool = pool();
    for (finding, sides, _) in every_example() {
        let known = remedies(&finding, &sides, &tenant(Some(job())));
        assert!(known.len() > 1, "{:?} has alternatives", finding.kind);
        check(&pool, &known, SERVICE_PRINCIPAL, JOB);
        let unknown = remedies(&finding, &sides, &tenant(None));
        check(&pool, &unknown, "<servicePrincipalId>", "<jobId>");
    }
}

#[test]
fn a_finding_whose_accounts_are_gone_is_looked_at_again() {
    let pool = pool();
    for (finding, _, _) in every_example() {
        let left = remedies(&finding, &[], &tenant(Some(job())));
        assert!(!left.is_empty(), "{:?}", finding.kind);
        for remedy in &left {
            for step in &remedy.steps {
                if let RemedyCall::Rpc { method, request } = &step.call {
                    check_request(&pool, method, request);
                }
            }
        }
        let text = summary(&finding, &[]);
        assert!(text.ends_with('.'), "{text}");
    }
}

#[test]
fn a_closed_finding_needs_no_remedy() {
    let (mut finding, sides, _) = example(FindingKind::LoginNotLinked);
    finding.closure = Some(Closure {
        at: time(9),
        detail: String::new(),
        request_id: String::new(),
        log_entry_id: None,
        actor: "scim".to_owned(),
    });
    assert_eq!(remedies(&finding, &sides, &tenant(None)), []);
}

#[test]
fn the_best_remedy_of_each_kind_comes_first() {
    let expected = |kind| -> &[&str] {
        match kind {
            FindingKind::ObjectIdNotGuid | FindingKind::TombstoneLogin => &["portal"],
            FindingKind::ObjectIdOnAnotherAccount => {
                &["UnlinkObjectId", "schema", "provisionOnDemand"]
            }
            FindingKind::ObjectIdShared => &["UnlinkObjectId"],
            FindingKind::LoginNotLinked | FindingKind::ObjectIdMismatch => {
                &["LinkObjectId", "schema", "provisionOnDemand"]
            }
            FindingKind::LoginAndObjectIdOnTwoAccounts => &["PatchAccount", "PatchAccount"],
            FindingKind::StaleScimId => &["RestoreAccount"],
            FindingKind::LoginRenamed | FindingKind::LoginTakenSinceDeletion => {
                &["PatchAccount", "schema", "provisionOnDemand"]
            }
            FindingKind::DeletedAndPostedAgain => &["HoldAccount"],
            FindingKind::ActiveOnHold => &["ReleaseAccount"],
            FindingKind::GroupNameTaken => &["PatchGroup"],
            FindingKind::ProtectedAccount => &["UnprotectAccount"],
        }
    };
    for (finding, sides, _) in every_example() {
        let first = &remedies(&finding, &sides, &tenant(None))[0];
        assert_eq!(steps(first), expected(finding.kind), "{:?}", finding.kind);
    }
}

fn is_the_mapping(remedy: &Remedy) -> bool {
    let [step] = &remedy.steps[..] else {
        return false;
    };
    let RemedyCall::Portal { instruction, .. } = &step.call else {
        return false;
    };
    [
        "mailNickname -> externalId",
        "choose objectId",
        "userPrincipalName -> userName",
    ]
    .iter()
    .all(|part| instruction.contains(part))
}

#[test]
fn what_is_no_object_id_is_mended_in_the_mapping_first() {
    for kind in [
        FindingKind::LoginNotLinked,
        FindingKind::ObjectIdMismatch,
        FindingKind::ObjectIdOnAnotherAccount,
        FindingKind::LoginRenamed,
        FindingKind::LoginAndObjectIdOnTwoAccounts,
    ] {
        let (mut finding, mut sides, _) = example(kind);
        finding.directory.object_id = "alice".to_owned();
        for side in &mut sides {
            if let Side::Account(account) = side
                && account.object_id.as_deref() == Some(POSTED)
            {
                account.object_id = Some("alice".to_owned());
            }
        }
        let found = remedies(&finding, &sides, &tenant(None));
        assert!(is_the_mapping(&found[0]), "{kind:?}: {:?}", found[0]);
        assert!(found[0].title.starts_with("\"alice\" is no Object ID"));
        assert!(found.len() > 1, "{kind:?} has alternatives");
        assert!(
            found
                .iter()
                .all(|remedy| !remedy.title.contains("have changed")),
            "{kind:?}: nothing has changed: {found:?}"
        );
        check_requests(&found);

        let gone = remedies(&finding, &[], &tenant(None));
        assert!(is_the_mapping(&gone[0]), "{kind:?}: {:?}", gone[0]);
        assert!(gone[1].title.contains("have changed"), "{:?}", gone[1]);
    }
}

#[test]
fn where_no_object_id_is_sent_the_mapping_comes_first_as_well() {
    for kind in [FindingKind::LoginNotLinked, FindingKind::ObjectIdMismatch] {
        let (mut finding, sides, _) = example(kind);
        finding.directory.object_id = String::new();
        let found = remedies(&finding, &sides, &tenant(None));
        assert!(is_the_mapping(&found[0]), "{kind:?}: {:?}", found[0]);
        assert!(found[0].title.contains("sends no Object ID"));
        check_requests(&found);
    }
}

#[test]
fn requests_carry_the_etag_of_now_and_lead_back_to_the_finding() {
    let (finding, sides, _) = example(FindingKind::LoginNotLinked);
    let first = &remedies(&finding, &sides, &tenant(None))[0];
    let RemedyCall::Rpc { request, .. } = &first.steps[0].call else {
        panic!("it is a call of this service");
    };
    assert_eq!(request["etag"], "\"7\"");
    assert_eq!(request["accountId"], Uuid::from_u128(10).to_string());
    assert_eq!(request["objectId"], POSTED);
    let reason = request["reason"].as_str().expect("it is a text");
    assert!(reason.contains("login_not_linked") && reason.contains(&finding.id.to_string()));
}

#[test]
fn the_object_id_moves_to_the_account_of_the_login_when_there_is_one() {
    let (finding, mut sides, _) = example(FindingKind::ObjectIdOnAnotherAccount);
    sides.insert(0, Side::Account(account(10, "alice@contoso.com", None)));
    let remedies = remedies(&finding, &sides, &tenant(None));
    assert_eq!(
        steps(&remedies[0]),
        [
            "UnlinkObjectId",
            "LinkObjectId",
            "schema",
            "provisionOnDemand"
        ]
    );
    assert_eq!(
        remedies.len(),
        1,
        "the login is taken, so the holder cannot get it"
    );
}

#[test]
fn one_persons_two_accounts_become_one_by_forgetting_the_connection_while_the_job_is_paused() {
    let (finding, sides, _) = example(FindingKind::LoginAndObjectIdOnTwoAccounts);
    let second = &remedies(&finding, &sides, &tenant(None))[1];
    assert_eq!(
        steps(second),
        [
            "UnlinkObjectId",
            "LinkObjectId",
            "pause",
            "objectConnections",
            "start",
            "schema",
            "provisionOnDemand"
        ]
    );
}

#[test]
fn a_deleted_account_is_not_restored_over_a_new_one_of_the_same_login() {
    let (finding, mut sides, _) = example(FindingKind::StaleScimId);
    sides.push(Side::Account(account(11, "alice@contoso.com", None)));
    let first = &remedies(&finding, &sides, &tenant(None))[0];
    assert_eq!(
        steps(first),
        [
            "pause",
            "objectConnections",
            "start",
            "schema",
            "provisionOnDemand"
        ]
    );
}

#[test]
fn a_group_that_entra_renames_is_not_the_holder_of_the_name() {
    let (mut finding, mut sides, _) = example(FindingKind::GroupNameTaken);
    finding.directory.scim_id = Uuid::from_u128(21).to_string();
    sides.push(Side::Group(group(21, "Engineering (old)")));
    let remedies = remedies(&finding, &sides, &tenant(None));
    let RemedyCall::Rpc { request, .. } = &remedies[0].steps[0].call else {
        panic!("it is a call of this service");
    };
    assert_eq!(
        request["operations"][0]["path"], "displayName",
        "they are two groups"
    );
    assert_eq!(request["id"], Uuid::from_u128(20).to_string());
}

#[test]
fn a_protected_account_that_is_deleted_comes_back_by_an_admin_only() {
    let (finding, _, _) = example(FindingKind::ProtectedAccount);
    let tombstone = Account {
        protected: true,
        deleted_at: Some(time(5)),
        ..account(10, "alice@contoso.com", Some(POSTED))
    };
    let sides = [Side::Account(tombstone)];
    let remedies = remedies(&finding, &sides, &tenant(Some(job())));
    check(&pool(), &remedies, SERVICE_PRINCIPAL, JOB);
    assert_eq!(steps(&remedies[0]), ["RestoreAccount", "UnprotectAccount"]);
    assert_eq!(
        steps(&remedies[1]),
        ["PurgeAccount", "schema", "provisionOnDemand"]
    );
    assert!(summary(&finding, &sides).contains("may not bring it back"));
}
