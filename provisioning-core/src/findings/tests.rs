//! One finding of every kind: what is said of it, and that its remedies can be sent as they are given.

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Closure, DirectorySide, Finding, FindingKind, Remedy, RemedyCall, Side, remedies, summary,
};
use crate::{
    accounts::{Account, Hold},
    attributes::{fold::fold, show::Shows},
    clock::Timestamp,
    groups::Group,
    ids::{AccountId, GroupId, TenantId},
    tenants::{EntraJob, Identifier, Tenant, TenantSettings},
};

/// What Entra sends.
const POSTED: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
/// What DragOnce has instead.
const OTHER: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";
const SERVICE_PRINCIPAL: &str = "5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11";
const JOB: &str = "scim.9a21f0f28d2a4f8ebf987363c4aed4ef.1";
const GRAPH: &str = "https://graph.microsoft.com/";

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn tenant(entra_job: Option<EntraJob>) -> Tenant {
    Tenant {
        id: TenantId::from_uuid(Uuid::from_u128(1)),
        identifier: Identifier::parse("contoso").expect("it is one"),
        display_name: String::new(),
        provisioning_enabled: true,
        settings: TenantSettings {
            entra_job,
            ..TenantSettings::default()
        },
        version: 1,
        schema_version: 0,
        created_at: time(0),
        updated_at: time(0),
    }
}

fn job() -> EntraJob {
    EntraJob::parse(SERVICE_PRINCIPAL, JOB).expect("it is one")
}

fn account(number: u128, user_name: &str, object_id: Option<&str>) -> Account {
    Account {
        id: AccountId::from_uuid(Uuid::from_u128(number)),
        user_name: user_name.to_owned(),
        user_name_key: fold(user_name),
        object_id: object_id.map(str::to_owned),
        object_id_exclusive: false,
        object_id_pinned: false,
        directory_active: true,
        hold: None,
        protected: false,
        managed: true,
        version: 7,
        created_at: time(0),
        updated_at: time(0),
        deleted_at: None,
        document: "{}".to_owned(),
        groups: Vec::new(),
        shows: Shows::new(),
    }
}

fn group(number: u128, display_name: &str) -> Group {
    Group {
        id: GroupId::from_uuid(Uuid::from_u128(number)),
        display_name: display_name.to_owned(),
        display_name_key: fold(display_name),
        object_id: Some(OTHER.to_owned()),
        own_version: 1,
        version: 9,
        created_at: time(0),
        updated_at: time(0),
        document: "{}".to_owned(),
        members: None,
        shows: Shows::new(),
    }
}

fn finding(kind: FindingKind, directory: DirectorySide) -> Finding {
    Finding {
        id: Uuid::from_u128(77),
        kind,
        subject: String::new(),
        first_seen_at: time(1),
        last_seen_at: time(2),
        count: 3,
        log_entry_ids: Vec::new(),
        directory,
        accounts: Vec::new(),
        group: None,
        closure: None,
    }
}

fn says(user_name: &str, object_id: &str) -> DirectorySide {
    DirectorySide {
        object_id: object_id.to_owned(),
        user_name: user_name.to_owned(),
        ..DirectorySide::default()
    }
}

/// A finding of the kind, what DragOnce has, and what its summary must name.
#[expect(clippy::too_many_lines, reason = "a table with a row for each kind")]
fn example(kind: FindingKind) -> (Finding, Vec<Side>, Vec<&'static str>) {
    let alice = "alice@contoso.com";
    let deleted = |mut account: Account| {
        account.deleted_at = Some(time(5));
        account
    };
    let (directory, accounts, names): (_, Vec<Account>, Vec<&str>) = match kind {
        FindingKind::ObjectIdNotGuid => (
            says(alice, "alice"),
            vec![account(10, alice, None)],
            vec!["\"alice\"", "mailNickname", "has no Object ID"],
        ),
        FindingKind::ObjectIdOnAnotherAccount => (
            says(alice, POSTED),
            vec![account(11, "bob@contoso.com", Some(POSTED))],
            vec![alice, POSTED, "bob@contoso.com"],
        ),
        FindingKind::ObjectIdShared => (
            says(alice, POSTED),
            vec![
                account(10, alice, Some(POSTED)),
                account(11, "bob@contoso.com", Some(POSTED)),
            ],
            vec![POSTED, alice, "bob@contoso.com"],
        ),
        FindingKind::LoginNotLinked => (
            says("Alice@contoso.com", POSTED),
            vec![account(10, alice, None)],
            vec!["Alice@contoso.com", POSTED, alice],
        ),
        FindingKind::LoginAndObjectIdOnTwoAccounts => (
            says(alice, POSTED),
            vec![
                account(10, alice, None),
                account(11, "bob@contoso.com", Some(POSTED)),
            ],
            vec![alice, POSTED, "bob@contoso.com"],
        ),
        FindingKind::ObjectIdMismatch => (
            says(alice, POSTED),
            vec![Account {
                object_id_exclusive: true,
                object_id_pinned: true,
                ..account(10, alice, Some(OTHER))
            }],
            vec![alice, POSTED, OTHER, "it was kept"],
        ),
        FindingKind::StaleScimId => (
            DirectorySide {
                scim_id: Uuid::from_u128(10).to_string(),
                ..says(alice, "")
            },
            vec![deleted(account(10, alice, Some(POSTED)))],
            vec![alice, "00000000-0000-0000-0000-00000000000a", "was deleted"],
        ),
        FindingKind::LoginRenamed => (
            says("alice.new@contoso.com", POSTED),
            vec![account(10, alice, Some(POSTED))],
            vec!["alice.new@contoso.com", POSTED, alice],
        ),
        FindingKind::TombstoneLogin => (
            says("0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com", POSTED),
            vec![account(
                10,
                "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com",
                Some(POSTED),
            )],
            vec!["0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com"],
        ),
        FindingKind::DeletedAndPostedAgain => (
            says(alice, POSTED),
            vec![account(10, alice, Some(POSTED))],
            vec![alice, "was deleted in DragOnce"],
        ),
        FindingKind::ActiveOnHold => (
            says(alice, POSTED),
            vec![Account {
                hold: Some(Hold {
                    reason: "On leave".to_owned(),
                    at: time(3),
                }),
                ..account(10, alice, Some(POSTED))
            }],
            vec![alice, "On leave"],
        ),
        FindingKind::LoginTakenSinceDeletion => (
            says(alice, POSTED),
            vec![
                deleted(account(10, alice, Some(POSTED))),
                account(11, alice, None),
            ],
            vec![
                alice,
                POSTED,
                "00000000-0000-0000-0000-00000000000a",
                "00000000-0000-0000-0000-00000000000b",
            ],
        ),
        FindingKind::GroupNameTaken => (
            DirectorySide {
                display_name: "engineering".to_owned(),
                object_id: POSTED.to_owned(),
                ..DirectorySide::default()
            },
            Vec::new(),
            vec!["\"engineering\"", POSTED, OTHER],
        ),
        FindingKind::ProtectedAccount => (
            says(alice, POSTED),
            vec![Account {
                protected: true,
                ..account(10, alice, None)
            }],
            vec![alice, "403"],
        ),
    };
    let mut sides: Vec<_> = accounts.into_iter().map(Side::Account).collect();
    if kind == FindingKind::GroupNameTaken {
        sides.push(Side::Group(group(20, "Engineering")));
    }
    (finding(kind, directory), sides, names)
}

fn every_example() -> impl Iterator<Item = (Finding, Vec<Side>, Vec<&'static str>)> {
    FindingKind::ALL.iter().map(|kind| example(*kind))
}

fn method(pool: &DescriptorPool, name: &str) -> MethodDescriptor {
    let (service, method) = name.split_once('/').expect("it has a service");
    let service = pool
        .get_service_by_name(service)
        .unwrap_or_else(|| panic!("there is no service of {name}"));
    service
        .methods()
        .find(|candidate| candidate.name() == method)
        .unwrap_or_else(|| panic!("there is no method {name}"))
}

/// Reads the request as a client would, unknown fields being errors.
fn check_request(pool: &DescriptorPool, name: &str, request: &Value) {
    let input = method(pool, name).input();
    let read = DynamicMessage::deserialize(input, request.clone())
        .unwrap_or_else(|error| panic!("{name} {request}: {error}"));
    let written = serde_json::to_value(&read).expect("it is JSON");
    assert_eq!(
        written, *request,
        "{name}: in the canonical form, with nothing that is left out"
    );
    assert_eq!(request["tenant"], "contoso", "{name}");
    assert!(!request.to_string().contains('<'), "{name} {request}");
}

fn check_graph(
    http_method: &str,
    url: &str,
    body: Option<&Value>,
    service_principal: &str,
    job: &str,
) {
    let path = url.strip_prefix(GRAPH).unwrap_or_else(|| panic!("{url}"));
    let (version, path) = path.split_once('/').expect("it has a version");
    let path = path
        .strip_prefix(&format!(
            "servicePrincipals/{service_principal}/synchronization/jobs/{job}/"
        ))
        .unwrap_or_else(|| panic!("{url}"));
    let connection = path
        .strip_prefix("objectConnections('")
        .and_then(|rest| rest.strip_suffix("')"));
    match (http_method, version, path, body) {
        ("POST", "v1.0", "pause" | "start", None) | ("GET", "v1.0", "schema", None) => {}
        ("POST", "v1.0", "restart", Some(body)) => {
            let scope = &body["criteria"]["resetScope"];
            assert!(
                ["Full", "Watermark"].iter().any(|known| scope == known),
                "{body}"
            );
        }
        ("POST", "v1.0", "provisionOnDemand", Some(body)) => {
            let subject = &body["parameters"][0]["subjects"][0];
            assert_eq!(subject["objectTypeName"], "User");
            assert_eq!(subject["objectId"], POSTED, "{body}");
            assert!(body["parameters"][0]["ruleId"].is_string(), "{body}");
        }
        ("DELETE", "beta", _, None) => assert_eq!(connection, Some(POSTED), "{url}"),
        _ => panic!("no documented call: {http_method} {url} {body:?}"),
    }
}

fn check(pool: &DescriptorPool, remedies: &[Remedy], service_principal: &str, job: &str) {
    for remedy in remedies {
        assert!(
            !remedy.title.is_empty() && !remedy.steps.is_empty(),
            "{remedy:?}"
        );
        for step in &remedy.steps {
            assert!(!step.effect.is_empty(), "{remedy:?}");
            match &step.call {
                RemedyCall::Rpc { method, request } => check_request(pool, method, request),
                RemedyCall::Graph {
                    http_method,
                    url,
                    body,
                } => {
                    check_graph(http_method, url, body.as_ref(), service_principal, job);
                }
                RemedyCall::Portal {
                    portal,
                    instruction,
                } => {
                    assert!(!portal.is_empty() && !instruction.is_empty(), "{remedy:?}");
                }
            }
        }
    }
}

fn pool() -> DescriptorPool {
    DescriptorPool::decode(provisioning_proto::FILE_DESCRIPTOR_SET).expect("it is a descriptor set")
}

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

/// The calls of this service, read as a client would; what is sent elsewhere may have placeholders.
fn check_requests(remedies: &[Remedy]) {
    let pool = pool();
    for step in remedies.iter().flat_map(|remedy| &remedy.steps) {
        if let RemedyCall::Rpc { method, request } = &step.call {
            check_request(&pool, method, request);
        }
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
    assert_eq!(steps(&remedies[0]), ["RestoreAccount"]);
    assert_eq!(
        steps(&remedies[1]),
        ["PurgeAccount", "schema", "provisionOnDemand"]
    );
    assert!(summary(&finding, &sides).contains("may not bring it back"));
}
