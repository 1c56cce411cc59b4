//! Lists of findings, single ones, and those that an admin dismisses.

use provisioning_core::{
    error::Reason,
    findings::{FindingKind, ListFindings, Presented},
    log::Operation,
    receipts::{Answer, Once},
};

use super::{Entra, GUID, OTHER_GUID, list, only, open, open_kinds};
use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, reason};

/// A refused person, two that share an Object ID, and one whose Object ID is no GUID.
async fn several(world: &World, entra: &Entra<'_>) {
    entra
        .post("carol@contoso.com", Some("carol"))
        .await
        .expect("it is created");
    for name in ["dave@contoso.com", "erin@contoso.com"] {
        entra
            .post(name, Some(OTHER_GUID))
            .await
            .expect("it is created");
    }
    for name in ["alice@contoso.com", "bob@contoso.com"] {
        world.create_account(name, None).await;
    }
    entra.refused("alice@contoso.com", Some(GUID)).await;
    entra
        .refused(
            "bob@contoso.com",
            Some("1d2b4a5e-0000-4000-8000-000000000001"),
        )
        .await;
}

async fn dismiss(
    world: &World,
    id: &str,
    validate_only: bool,
    once: Option<Once<'_, Presented>>,
) -> Answer<Presented> {
    let call = admin(CONTOSO);
    let dismissed = world
        .core
        .dismiss_finding(&call, id, "They are twins", validate_only, once);
    dismissed.await.expect("it is dismissed")
}

on_every_engine! {
    async fn the_most_severe_come_first_then_the_ones_seen_last_page_by_page(world: World) {
        let entra = Entra::new(&world).await;
        several(&world, &entra).await;
        let all: Vec<_> = open(&world).await.into_iter().map(|found| (found.finding.kind, found.finding.directory.user_name)).collect();
        let expected = [
            (FindingKind::LoginNotLinked, "bob@contoso.com".to_owned()),
            (FindingKind::LoginNotLinked, "alice@contoso.com".to_owned()),
            (FindingKind::ObjectIdShared, "erin@contoso.com".to_owned()),
            (FindingKind::ObjectIdNotGuid, "carol@contoso.com".to_owned()),
        ];
        assert_eq!(all, expected);
        let mut asked = ListFindings { page_size: 1, ..ListFindings::default() };
        let mut paged = Vec::new();
        loop {
            let page = world.core.list_findings(&admin(CONTOSO), &asked).await.expect("it is listed");
            paged.extend(page.findings.into_iter().map(|found| (found.finding.kind, found.finding.directory.user_name)));
            match page.next_page_token {
                Some(token) => asked.page_token = token,
                None => break,
            }
        }
        assert_eq!(paged, expected);
        asked.kinds = vec![FindingKind::ObjectIdShared];
        assert_eq!(reason(world.core.list_findings(&admin(CONTOSO), &asked).await), Reason::InvalidPageToken);
    }

    async fn they_are_listed_by_kind_and_by_account(world: World) {
        let entra = Entra::new(&world).await;
        several(&world, &entra).await;
        let asked = ListFindings { kinds: vec![FindingKind::ObjectIdShared, FindingKind::StaleScimId], page_size: 10, ..ListFindings::default() };
        let page = world.core.list_findings(&admin(CONTOSO), &asked).await.expect("it is listed");
        let shared = only(page.findings, FindingKind::ObjectIdShared);
        let asked = ListFindings { account: Some(shared.finding.accounts[1]), page_size: 10, ..ListFindings::default() };
        let page = world.core.list_findings(&admin(CONTOSO), &asked).await.expect("it is listed");
        assert_eq!(only(page.findings, FindingKind::ObjectIdShared).finding, shared.finding);
    }

    async fn another_tenants_are_not_seen(world: World) {
        world.create_tenant(FABRIKAM).await;
        let entra = Entra::new(&world).await;
        several(&world, &entra).await;
        let found = &open(&world).await[0];
        let asked = ListFindings { page_size: 10, ..ListFindings::default() };
        let page = world.core.list_findings(&admin(FABRIKAM), &asked).await.expect("it is listed");
        assert!(page.findings.is_empty());
        let got = world.core.get_finding(&admin(FABRIKAM), &found.finding.id.to_string()).await;
        assert_eq!(reason(got), Reason::FindingNotFound);
        let got = world.core.get_finding(&admin(CONTOSO), &found.finding.id.to_string()).await;
        assert_eq!(got.expect("it is there"), *found);
        assert_eq!(reason(world.core.get_finding(&admin(CONTOSO), "nothing").await), Reason::FindingNotFound);
    }

    async fn a_dismissed_finding_is_closed_once_and_says_by_whom_and_why(world: World) {
        let entra = Entra::new(&world).await;
        world.create_account("alice@contoso.com", None).await;
        entra.refused("alice@contoso.com", Some(GUID)).await;
        let id = only(open(&world).await, FindingKind::LoginNotLinked).finding.id.to_string();
        let Answer::Fresh(tried) = dismiss(&world, &id, true, None).await else { panic!("it is tried") };
        assert!(tried.finding.closure.is_some());
        only(open(&world).await, FindingKind::LoginNotLinked);

        let Answer::Fresh(dismissed) = dismiss(&world, &id, false, Some(once(1, 1))).await else { panic!("it is fresh") };
        let closure = dismissed.finding.closure.clone().expect("it is closed");
        assert_eq!((closure.actor.as_str(), closure.detail.contains("They are twins")), ("admin", true));
        let entries = world.log(CONTOSO, "operation eq \"finding_dismiss\"").await;
        assert_eq!((entries.len(), Some(entries[0].id)), (1, closure.log_entry_id));
        assert_eq!((entries[0].operation, entries[0].resource_id.as_str()), (Operation::FindingDismiss, id.as_str()));
        assert!(entries[0].detail.contains("They are twins"));
        assert_eq!(open_kinds(&world).await, []);

        let Answer::Fresh(again) = dismiss(&world, &id, false, None).await else { panic!("it is fresh") };
        assert_eq!(again.finding, dismissed.finding, "it stays as it is");
        assert_eq!(world.log(CONTOSO, "operation eq \"finding_dismiss\"").await.len(), 1);

        entra.refused("alice@contoso.com", Some(GUID)).await;
        assert_ne!(only(open(&world).await, FindingKind::LoginNotLinked).finding.id.to_string(), id, "it opens again when it is shown again");
    }

    async fn a_dismissal_that_is_only_tried_changes_nothing_of_what_is_counted(world: World) {
        let entra = Entra::new(&world).await;
        entra.post("carol@contoso.com", Some("carol")).await.expect("it is created");
        let found = only(open(&world).await, FindingKind::ObjectIdNotGuid).finding;
        dismiss(&world, &found.id.to_string(), true, None).await;
        entra.post("dave@contoso.com", Some("dave")).await.expect("it is created");
        assert_eq!(only(open(&world).await, FindingKind::ObjectIdNotGuid).finding.count, 1, "once a minute");

        dismiss(&world, &found.id.to_string(), false, None).await;
        entra.post("erin@contoso.com", Some("erin")).await.expect("it is created");
        assert_ne!(only(open(&world).await, FindingKind::ObjectIdNotGuid).finding.id, found.id, "who shows it again opens it at once");
    }

    async fn what_is_not_there_cannot_be_dismissed(world: World) {
        let id = "01900000-0000-7000-8000-000000000000";
        let refused = world.core.dismiss_finding(&admin(CONTOSO), id, "", false, None).await;
        assert_eq!(reason(refused), Reason::FindingNotFound);
    }

    async fn the_state_does_not_open_what_an_admin_dismissed(world: World) {
        world.create_account("alice@contoso.com", Some(GUID)).await;
        world.create_account("bob@contoso.com", Some(GUID)).await;
        let found = only(open(&world).await, FindingKind::ObjectIdShared);
        let call = admin(CONTOSO);
        fresh(world.core.dismiss_finding(&call, &found.finding.id.to_string(), "", false, None).await);
        assert_eq!((open_kinds(&world).await, list(&world, true).await.len()), (vec![], 1));
        let entra = Entra::new(&world).await;
        entra.post("carol@contoso.com", Some(GUID)).await.expect("it is created");
        only(open(&world).await, FindingKind::ObjectIdShared);
    }
}
