//! Findings: written with their mutation or not at all, found by what they are about, listed in order, purged with their age.

use provisioning_core::{
    clock::Timestamp,
    findings::{
        Closure, DirectorySide, Finding, FindingKey, FindingKind, LOG_ENTRIES_MAX, OPEN_OF_KIND_MAX,
    },
    ids::{AccountId, LogEntryId, TenantId},
    storage::{
        Commit, ExaminationPlace, FindingPlace, FindingQuery, FindingWrite, Mutation, Storage,
        StorageUrl, Write,
    },
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::{fixture::execute, make, on_every_engine};

/// Enough for no engine to prefer to read them all.
const MANY: u32 = 2_000;

fn finding(at: Timestamp, kind: FindingKind, subject: &str) -> Finding {
    Finding {
        id: LogEntryId::generate(at).uuid(),
        kind,
        subject: subject.to_owned(),
        first_seen_at: at,
        last_seen_at: at,
        count: 1,
        log_entry_ids: vec![LogEntryId::generate(at)],
        directory: DirectorySide {
            object_id: "oid".to_owned(),
            user_name: "Ada@Contoso.example".to_owned(),
            display_name: String::new(),
            scim_id: String::new(),
        },
        accounts: vec![AccountId::generate(at), AccountId::generate(at)],
        group: None,
        closure: None,
    }
}

fn closure(at: Timestamp) -> Closure {
    Closure {
        at,
        detail: "It was found.".to_owned(),
        request_id: "3d3e5a7c-0000-4000-8000-000000000002".to_owned(),
        log_entry_id: Some(LogEntryId::generate(at)),
        actor: "scim".to_owned(),
    }
}

fn closed(finding: &Finding, closure: Closure) -> FindingWrite {
    FindingWrite::Closed {
        id: finding.id,
        kind: finding.kind,
        closure,
    }
}

async fn write(storage: &Storage, tenant: TenantId, findings: Vec<FindingWrite>) {
    let mutation = Mutation {
        findings,
        ..make::mutation(tenant, Write::Nothing)
    };
    assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
}

async fn list(storage: &Storage, tenant: TenantId, closed: bool) -> Vec<Finding> {
    storage.list_findings(tenant, &every(closed)).await.unwrap()
}

const fn every(closed: bool) -> FindingQuery<'static> {
    FindingQuery {
        closed,
        kinds: &[],
        account: None,
        limit: 1_000,
        after: None,
    }
}

async fn has_open(storage: &Storage, tenant: &provisioning_core::tenants::Tenant) -> bool {
    let caller = storage.find_caller(&make::caller_key(tenant)).await;
    caller.unwrap().expect("the tenant is there").open_findings
}

on_every_engine! {
    async fn a_finding_comes_back_as_it_was_written(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        for kind in FindingKind::ALL {
            let written = finding(make::T0, *kind, kind.as_str());
            write(storage, tenant, vec![FindingWrite::Seen(written.clone())]).await;
            assert_eq!(storage.find_finding(tenant, written.id).await.unwrap(), Some(written.clone()));
            let closure = closure(make::seconds(1));
            write(storage, tenant, vec![closed(&written, closure.clone())]).await;
            let closed = Finding { closure: Some(closure), ..written };
            assert_eq!(storage.find_finding(tenant, closed.id).await.unwrap(), Some(closed));
        }
        assert_eq!(list(storage, tenant, false).await, []);
        assert_eq!(list(storage, tenant, true).await.len(), FindingKind::ALL.len());
    }

    async fn what_is_seen_again_is_counted_with_what_is_said_now(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let first = finding(make::T0, FindingKind::LoginNotLinked, "ada");
        write(storage, tenant, vec![FindingWrite::Seen(first.clone())]).await;
        let mut entries = first.log_entry_ids.clone();
        let mut last = first.clone();
        for number in 1..=u64::try_from(LOG_ENTRIES_MAX).unwrap() {
            last = finding(make::seconds(number), FindingKind::LoginNotLinked, "ada");
            last.directory.object_id = format!("oid{number}");
            entries.insert(0, last.log_entry_ids[0]);
            write(storage, tenant, vec![FindingWrite::Seen(last.clone())]).await;
        }
        entries.truncate(LOG_ENTRIES_MAX);
        let expected = Finding {
            id: first.id,
            first_seen_at: first.first_seen_at,
            count: 11,
            log_entry_ids: entries,
            ..last.clone()
        };
        assert_eq!(list(storage, tenant, false).await, std::slice::from_ref(&expected));

        let keys = |finding: &Finding| vec![FindingKey::Account(finding.accounts[1])];
        assert_eq!(storage.find_open_findings(tenant, &keys(&last)).await.unwrap(), [expected]);
        assert_eq!(storage.find_open_findings(tenant, &keys(&first)).await.unwrap(), [], "it is not about these any more");
    }

    async fn a_guid_of_the_directory_stays_when_a_later_request_says_none(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let (guid, other) = ("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "3F6C1B2E-6A55-4E0E-9A5B-0C8F4D1F7A10");
        let by = |object_id: &str| [FindingKey::ObjectId(provisioning_core::links::object_id_key(object_id))];
        // What each request says, and what the finding says then.
        let steps = [("ada", "ada"), (guid, guid), ("", guid), ("ada", guid), (other, other), ("", other)];
        for (number, (said, kept)) in (0..).zip(steps) {
            let mut seen = finding(make::seconds(number), FindingKind::ObjectIdMismatch, "ada");
            said.clone_into(&mut seen.directory.object_id);
            write(storage, tenant, vec![FindingWrite::Seen(seen.clone())]).await;
            let open = list(storage, tenant, false).await;
            assert_eq!((open.len(), open[0].directory.object_id.as_str()), (1, kept), "{said:?}");
            assert_eq!(open[0].accounts, seen.accounts, "the rest is what is said now");
            for object_id in ["ada", guid, other] {
                let found = storage.find_open_findings(tenant, &by(object_id)).await.unwrap();
                assert_eq!(found.len(), usize::from(object_id == kept), "{said:?}: {object_id}");
            }
        }

        for (number, said) in [(10, guid), (11, "")] {
            let mut seen = finding(make::seconds(number), FindingKind::GroupNameTaken, "staff");
            said.clone_into(&mut seen.directory.object_id);
            seen.group = Some(provisioning_core::ids::GroupId::generate(make::T0));
            write(storage, tenant, vec![FindingWrite::Seen(seen.clone())]).await;
            let open = storage.find_open_findings(tenant, &[FindingKey::Group(seen.group.unwrap())]).await.unwrap();
            assert_eq!(open[0].directory, seen.directory, "another group may want the name");
        }
    }

    async fn what_is_found_by_state_opens_once_and_does_not_count(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let first = Finding { count: 0, log_entry_ids: Vec::new(), ..finding(make::T0, FindingKind::ObjectIdShared, "oid") };
        write(storage, tenant, vec![FindingWrite::Found(first.clone())]).await;
        let again = Finding { count: 0, log_entry_ids: Vec::new(), ..finding(make::seconds(1), FindingKind::ObjectIdShared, "oid") };
        write(storage, tenant, vec![FindingWrite::Found(again)]).await;
        assert_eq!(list(storage, tenant, false).await, std::slice::from_ref(&first));
        let seen = finding(make::seconds(2), FindingKind::ObjectIdShared, "oid");
        write(storage, tenant, vec![FindingWrite::Seen(seen.clone())]).await;
        let counted = &list(storage, tenant, false).await[0];
        assert_eq!((counted.id, counted.count, &counted.log_entry_ids), (first.id, 1, &seen.log_entry_ids));
    }

    async fn a_closed_finding_is_closed_once_and_makes_room_for_another(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let first = finding(make::T0, FindingKind::StaleScimId, "7");
        write(storage, tenant, vec![FindingWrite::Seen(first.clone())]).await;
        for second in [1, 2] {
            write(storage, tenant, vec![closed(&first, closure(make::seconds(second)))]).await;
        }
        let closed = list(storage, tenant, true).await;
        assert_eq!(closed[0].closure.as_ref().map(|closure| closure.at), Some(make::seconds(1)));
        let second = finding(make::seconds(3), FindingKind::StaleScimId, "7");
        write(storage, tenant, vec![FindingWrite::Seen(second.clone())]).await;
        assert_eq!((list(storage, tenant, false).await, list(storage, tenant, true).await.len()), (vec![second], 1));
    }

    async fn findings_are_written_with_their_mutation_or_not_at_all(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let ada = make::named("ada");
        let seen = FindingWrite::Seen(finding(make::T0, FindingKind::LoginNotLinked, "ada"));
        let with = |write| Mutation { findings: vec![seen.clone()], log: Some(make::entry(make::T0)), ..make::mutation(tenant, write) };
        assert_eq!(storage.commit(with(Write::Account(ada.clone().into()))).await.unwrap(), Commit::Done);
        assert_eq!(storage.commit(with(Write::Account(make::named("ADA").into()))).await.unwrap(), Commit::UserNameTaken);
        assert_eq!(list(storage, tenant, false).await[0].count, 1);
        let gone = make::next(&ada.account, &serde_json::json!({"userName": "ada"}));
        let stale = provisioning_core::storage::AccountWrite { expected_version: Some(7), ..gone };
        assert_eq!(storage.commit(with(Write::Account(stale.into()))).await.unwrap(), Commit::VersionMismatch);
        assert_eq!(list(storage, tenant, false).await[0].count, 1);
        let shared = [make::linked("bob", "oid"), make::linked("eve", "oid")];
        for account in shared {
            assert_eq!(storage.commit(with(Write::Account(account.into()))).await.unwrap(), Commit::Done);
        }
        assert_eq!(storage.commit(with(Write::Nothing)).await.unwrap(), Commit::Done);
        assert_eq!(list(storage, tenant, false).await[0].count, 4, "whichever way the account is written");
    }

    async fn a_caller_is_told_whether_there_are_open_findings(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        assert!(!has_open(storage, &tenant).await);
        let whole = finding(make::T0, FindingKind::ObjectIdNotGuid, "");
        write(storage, tenant.id, vec![FindingWrite::Seen(whole)]).await;
        assert!(!has_open(storage, &tenant).await, "the one about the tenant as a whole does not count");
        let stale = finding(make::T0, FindingKind::StaleScimId, "7");
        write(storage, tenant.id, vec![FindingWrite::Seen(stale.clone())]).await;
        assert!(has_open(storage, &tenant).await && !has_open(storage, &other).await);
        write(storage, tenant.id, vec![closed(&stale, closure(make::T0))]).await;
        assert!(!has_open(storage, &tenant).await);
    }

    async fn open_findings_are_found_by_any_of_their_keys(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let other = make::stored_tenant(storage, "fabrikam").await.id;
        let guid = "0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF";
        let mut found = finding(make::T0, FindingKind::LoginNotLinked, "ada");
        guid.clone_into(&mut found.directory.object_id);
        "Sales".clone_into(&mut found.directory.display_name);
        "7".clone_into(&mut found.directory.scim_id);
        found.group = Some(provisioning_core::ids::GroupId::generate(make::T0));
        write(storage, tenant, vec![FindingWrite::Seen(found.clone())]).await;
        for key in [
            FindingKey::Account(found.accounts[0]),
            FindingKey::Account(found.accounts[1]),
            FindingKey::Group(found.group.unwrap()),
            FindingKey::ObjectId(guid.to_lowercase()),
            FindingKey::UserName("ada@contoso.example".to_owned()),
            FindingKey::DisplayName("sales".to_owned()),
            FindingKey::ScimId("7".to_owned()),
        ] {
            let keys = [FindingKey::UserName("nobody".to_owned()), key];
            assert_eq!(storage.find_open_findings(tenant, &keys).await.unwrap(), std::slice::from_ref(&found), "{keys:?}");
            assert_eq!(storage.find_open_findings(other, &keys).await.unwrap(), []);
        }
        assert_eq!(storage.find_open_findings(tenant, &[]).await.unwrap(), []);
        write(storage, tenant, vec![closed(&found, closure(make::T0))]).await;
        assert_eq!(storage.find_open_findings(tenant, &[FindingKey::ScimId("7".to_owned())]).await.unwrap(), []);
    }

    async fn object_ids_that_are_no_guids_are_found_until_the_last_is_mended(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        make::stored(storage, tenant, make::linked("guid", "{0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF}")).await;
        let mut unmanaged = make::linked("unmanaged", "unmanaged");
        unmanaged.account.managed = false;
        make::stored(storage, tenant, unmanaged).await;
        assert_eq!(storage.find_unknown_not_guid(tenant, 3).await.unwrap(), []);
        let ada = make::stored(storage, tenant, make::linked("ada", "ada")).await;
        assert_eq!(storage.find_unknown_not_guid(tenant, 3).await.unwrap(), std::slice::from_ref(&ada));
        let open = finding(make::T0, FindingKind::ObjectIdNotGuid, "");
        write(storage, tenant, vec![FindingWrite::Found(open.clone())]).await;
        assert_eq!(storage.find_unknown_not_guid(tenant, 3).await.unwrap(), []);
        assert_eq!(storage.find_cured_not_guid(tenant, None).await.unwrap(), None);
        assert_eq!(storage.find_cured_not_guid(tenant, Some(ada.id)).await.unwrap(), Some(open.id));
        make::stored(storage, tenant, make::deleted(&ada, make::seconds(1))).await;
        assert_eq!(storage.find_cured_not_guid(tenant, None).await.unwrap(), Some(open.id));
    }

    async fn shared_object_ids_are_found_with_who_has_them(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let mut ids = Vec::new();
        for (name, object_id) in [("ada", "x"), ("bob", "x"), ("eve", "y"), ("dan", "z"), ("fay", "z"), ("gil", "z"), ("hal", "z")] {
            ids.push(make::stored(storage, tenant, make::linked(name, object_id)).await);
        }
        let (found, next) = storage.find_unknown_shared(tenant, "", 10).await.unwrap();
        assert_eq!(next, "", "there are no more");
        let keys: Vec<_> = found.iter().map(|(key, accounts)| (key.as_str(), accounts.len())).collect();
        assert_eq!(keys, [("x", 2), ("z", 3)]);
        assert_eq!(found[0].1, [ids[0].id, ids[1].id]);
        // Of x and z a second account has not the claim, and so has of m the only one that is left.
        let first = make::stored(storage, tenant, make::linked("ian", "m")).await;
        make::stored(storage, tenant, make::linked("jim", "m")).await;
        make::stored(storage, tenant, make::deleted(&first, make::seconds(1))).await;
        let mut searched = Vec::new();
        let mut from = String::new();
        for _ in 0..3 {
            let (found, next) = storage.find_unknown_shared(tenant, &from, 1).await.unwrap();
            searched.push((found.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), next.clone()));
            from = next;
        }
        let steps = [(vec!["x"; 0], "x"), (vec!["x"], "z"), (vec!["z"], "")];
        assert_eq!(searched, steps.map(|(keys, next)| (keys.into_iter().map(str::to_owned).collect(), next.to_owned())), "one after the other, to the end");

        write(storage, tenant, vec![FindingWrite::Found(finding(make::T0, FindingKind::ObjectIdShared, "x"))]).await;
        assert_eq!(storage.find_unknown_shared(tenant, "", 10).await.unwrap().0, [found[1].clone()]);
        make::stored(storage, tenant, make::deleted(&ids[0], make::seconds(1))).await;
        let asked = ["x", "y", "none"].map(str::to_owned);
        let mut sharers = storage.find_object_id_sharers(tenant, &asked).await.unwrap();
        sharers.sort();
        let expected = [("none", vec![]), ("x", vec![ids[1].id]), ("y", vec![ids[2].id])];
        assert_eq!(sharers, expected.map(|(key, ids)| (key.to_owned(), ids)));
    }

    async fn only_so_many_of_a_kind_are_open_and_those_are_counted(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        let other = make::stored_tenant(storage, "fabrikam").await.id;
        let stale = |number: usize| finding(make::seconds(1), FindingKind::StaleScimId, &format!("{number:04}"));
        write(storage, tenant, (0..OPEN_OF_KIND_MAX + 5).map(|number| FindingWrite::Seen(stale(number))).collect()).await;
        write(storage, tenant, vec![FindingWrite::Found(stale(OPEN_OF_KIND_MAX + 5))]).await;
        let kinds = [FindingKind::StaleScimId];
        let query = FindingQuery { kinds: &kinds, limit: 2_000, ..every(false) };
        let mut open = storage.list_findings(tenant, &query).await.unwrap();
        open.sort_by(|one, other| one.subject.cmp(&other.subject));
        let subjects: Vec<_> = open.iter().map(|found| found.subject.clone()).collect();
        assert_eq!(subjects, (0..OPEN_OF_KIND_MAX).map(|number| format!("{number:04}")).collect::<Vec<_>>());

        write(storage, tenant, vec![FindingWrite::Seen(stale(7))]).await;
        assert_eq!(storage.find_finding(tenant, open[7].id).await.unwrap().map(|found| found.count), Some(2), "what is open is counted");
        let another = finding(make::T0, FindingKind::LoginNotLinked, "ada");
        write(storage, tenant, vec![FindingWrite::Seen(another.clone())]).await;
        assert_eq!(storage.find_finding(tenant, another.id).await.unwrap(), Some(another), "another kind has its own room");
        write(storage, other, vec![FindingWrite::Seen(stale(7))]).await;
        assert_eq!(list(storage, other, false).await.len(), 1, "another tenant has its own room");

        write(storage, tenant, vec![closed(&open[0], closure(make::T0))]).await;
        write(storage, tenant, vec![FindingWrite::Seen(stale(OPEN_OF_KIND_MAX))]).await;
        let open = storage.list_findings(tenant, &query).await.unwrap();
        assert_eq!(open.len(), OPEN_OF_KIND_MAX);
        assert!(open.iter().any(|found| found.subject == OPEN_OF_KIND_MAX.to_string()), "a closed one makes room");
    }

    async fn an_examination_is_claimed_by_one_and_goes_on_where_the_last_one_ended(fixture: Fixture) {
        let storage = &fixture.storage;
        let mut tenants = Vec::new();
        for identifier in ["contoso", "fabrikam", "initech"] {
            tenants.push(make::stored_tenant(storage, identifier).await.id);
        }
        let mut claims = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (storage, mut tenants) = (storage.clone(), tenants.clone());
            tenants.rotate_left(number % 3);
            claims.spawn(async move { storage.claim_examinations(&tenants, make::seconds(60), make::T0).await.unwrap() });
        }
        let mut claimed = claims.join_all().await.concat();
        claimed.sort_by_key(|(tenant, _)| tenant.uuid());
        tenants.sort_by_key(|tenant| tenant.uuid());
        assert_eq!(claimed, tenants.iter().map(|tenant| (*tenant, ExaminationPlace::default())).collect::<Vec<_>>(), "each by one");

        let found = finding(make::T0, FindingKind::LoginNotLinked, "ada");
        let place = ExaminationPlace { finding: Some(FindingPlace::behind(&found)), object_id_key: "oid".to_owned() };
        write(storage, tenants[0], vec![FindingWrite::Seen(found), FindingWrite::Examined(place.clone())]).await;
        assert_eq!(storage.claim_examinations(&tenants, make::seconds(119), make::seconds(59)).await.unwrap(), [], "it was examined since");
        let mut again = storage.claim_examinations(&tenants[..2], make::seconds(120), make::seconds(60)).await.unwrap();
        again.sort_by_key(|(tenant, _)| tenant.uuid());
        assert_eq!(again, [(tenants[0], place), (tenants[1], ExaminationPlace::default())]);
        let left = storage.claim_examinations(&tenants, make::seconds(121), make::seconds(61)).await.unwrap();
        assert_eq!(left, [(tenants[2], ExaminationPlace::default())]);
        assert_eq!(storage.claim_examinations(&[], make::seconds(200), make::seconds(200)).await.unwrap(), []);
    }

    async fn closed_findings_are_purged_by_their_age_in_steps(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        for second in 0..5 {
            let found = finding(make::T0, FindingKind::StaleScimId, &second.to_string());
            write(storage, tenant, vec![FindingWrite::Seen(found.clone())]).await;
            if second < 4 {
                write(storage, tenant, vec![closed(&found, closure(make::seconds(second)))]).await;
            }
        }
        let mut steps = Vec::new();
        for _ in 0..3 {
            steps.push(storage.purge_findings(tenant, make::seconds(3), 2).await.unwrap());
        }
        assert_eq!(steps, [2, 1, 0]);
        let left: Vec<_> = list(storage, tenant, true).await.into_iter().map(|found| found.subject).collect();
        assert_eq!((left, list(storage, tenant, false).await.len()), (vec!["3".to_owned()], 1));
    }

    async fn findings_are_looked_up_by_indexes(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await.id;
        // Of every kind as many, since a tenant has only so many of one.
        let kinds = FindingKind::ALL.iter().filter(|kind| **kind != FindingKind::ObjectIdNotGuid && **kind != FindingKind::ObjectIdShared).cycle();
        let many = |(number, kind): (u32, &FindingKind)| FindingWrite::Seen(finding(make::seconds(number.into()), *kind, &number.to_string()));
        write(storage, tenant, (0..MANY).zip(kinds).map(many).collect()).await;
        for open in list(storage, tenant, false).await.iter().take(900) {
            write(storage, tenant, vec![closed(open, closure(make::T0))]).await;
        }
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..4_u128 {
            let storage = storage.clone();
            writers.spawn(async move {
                for number in (0..600_u128).filter(|number| number % 4 == writer) {
                    let account = make::linked(&format!("user{number}"), &Uuid::from_u128(number).to_string());
                    assert_eq!(make::write(&storage, tenant, account).await, Commit::Done);
                }
            });
        }
        writers.join_all().await;
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let found = &list(storage, tenant, false).await[0];
        let query = |closed, account| FindingQuery { closed, kinds: &[], account, limit: 10, after: Some(FindingPlace::behind(found)) };
        let keys = [FindingKey::Account(found.accounts[0]), FindingKey::UserName("ada".to_owned())];
        for (plan, index) in [
            (storage.explain_list_findings(tenant, &query(false, None)).await.unwrap(), "findings_open"),
            (storage.explain_list_findings(tenant, &query(true, None)).await.unwrap(), "findings_closed"),
            (storage.explain_list_findings(tenant, &query(false, Some(found.accounts[0]))).await.unwrap(), "finding_keys_key"),
            (storage.explain_find_open_findings(tenant, &keys).await.unwrap(), "finding_keys_key"),
            (storage.explain_find_unknown_not_guid(tenant).await.unwrap(), "accounts_object_id_not_guid"),
            (storage.explain_find_unknown_shared(tenant).await.unwrap(), "accounts_object_id_shared"),
            (storage.explain_find_object_id_sharers(tenant).await.unwrap(), "accounts_object_id_claim_key"),
            (storage.explain_find_object_id_sharers(tenant).await.unwrap(), "accounts_object_id_shared"),
        ] {
            let plan = plan.join("\n");
            assert!(plan.contains(index), "it should use {index}:\n{plan}");
            for scan in ["Seq Scan on findings", "Seq Scan on finding_keys", "Seq Scan on accounts", "SCAN f\n", "SCAN k", "SCAN a\n"] {
                assert!(!plan.contains(scan), "{plan}");
            }
        }
    }
}
