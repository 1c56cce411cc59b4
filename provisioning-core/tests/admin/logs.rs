//! The provisioning log: filtered, paged, kept apart by tenant.

use std::time::Duration;

use provisioning_core::{error::Reason, log::Outcome};
use tokio_util::sync::CancellationToken;

use crate::world::{CONTOSO, FABRIKAM, World, admin, on_every_engine, reason};

on_every_engine! {
    async fn entries_are_filtered(world: World) {
        world.create_account("alice@contoso.com", None).await;
        world.clock.advance(Duration::from_mins(1));
        let since = world.core.now();
        let taken = world.try_create_account("ALICE@contoso.com", None).await;
        assert_eq!(reason(taken), Reason::Uniqueness);

        let failures = world.log(CONTOSO, "outcome eq \"failure\"").await;
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].outcome, failures[0].http_status), (Outcome::Failure, 409));
        for (filter, count) in [
            ("httpStatus ge 400", 1),
            ("operation eq \"create\" and userName eq \"Alice@Contoso.com\"", 2),
            ("userName sw \"alice\" and not (outcome eq \"failure\")", 1),
            ("scimType eq \"uniqueness\" or reason eq \"TOKEN_EXISTS\"", 1),
            (&format!("time ge \"{since}\""), 1),
            (&format!("time lt \"{since}\" and operation eq \"create\" and resourceType eq \"User\""), 1),
            ("actor eq \"nobody\"", 0),
            (&format!("id eq \"{}\"", failures[0].id), 1),
        ] {
            assert_eq!(world.log(CONTOSO, filter).await.len(), count, "{filter}");
        }
    }

    async fn a_filter_that_cannot_be_read_is_refused(world: World) {
        for filter in ["operation eq", "secret eq \"x\"", "outcome eq \"failure\" and", "time gt \"yesterday\""] {
            let refused = world.core.list_log_entries(&admin(CONTOSO), filter, 10, "").await;
            assert_eq!(reason(refused), Reason::InvalidFilter, "{filter}");
        }
    }

    async fn entries_are_listed_newest_first_and_page_by_page(world: World) {
        for number in 0..5 {
            world.clock.advance(Duration::from_secs(1));
            world.create_account(&format!("user{number}@contoso.com"), None).await;
        }
        let filter = "operation eq \"create\" and resourceType eq \"User\"";
        let (mut listed, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = world.core.list_log_entries(&admin(CONTOSO), filter, 2, &page_token).await.expect("it is a page");
            listed.extend(page.entries.into_iter().map(|entry| entry.user_name));
            match page.next_page_token {
                Some(next) => page_token = next,
                None => break,
            }
        }
        let expected: Vec<_> = (0..5).rev().map(|number| format!("user{number}@contoso.com")).collect();
        assert_eq!(listed, expected);

        let elsewhere = world.core.list_log_entries(&admin(CONTOSO), "operation eq \"create\"", 2, &page_token).await;
        assert_eq!(reason(elsewhere), Reason::InvalidPageToken, "the token belongs to another filter");
    }

    async fn history_that_has_outlived_its_retention_is_removed(world: World) {
        world.create_account("alice@contoso.com", None).await;
        world.clock.advance(Duration::from_hours(24 * 100));
        world.create_account("bob@contoso.com", None).await;
        let number_of_changes = world.changes(CONTOSO).await.len();
        assert_eq!(number_of_changes, 2);
        let cancel = CancellationToken::new();
        let upkeep = async {
            world.core.run_upkeep(cancel.clone()).await;
        };
        let watch = async {
            // Changes go after 90 days, the log after 400.
            while world.changes(CONTOSO).await.len() > 1 {}
            assert_eq!(world.log(CONTOSO, "resourceType eq \"User\"").await.len(), 2);
            cancel.cancel();
        };
        tokio::join!(upkeep, watch);

        world.clock.advance(Duration::from_hours(24 * 301));
        let cancel = CancellationToken::new();
        let upkeep = async {
            world.core.run_upkeep(cancel.clone()).await;
        };
        let watch = async {
            while world.log(CONTOSO, "resourceType eq \"User\"").await.len() > 1 {}
            cancel.cancel();
        };
        tokio::join!(upkeep, watch);
        assert_eq!(world.log(CONTOSO, "resourceType eq \"User\"").await[0].user_name, "bob@contoso.com");
    }

    async fn an_entry_is_read_by_its_own_tenant_only(world: World) {
        world.create_tenant(FABRIKAM).await;
        world.create_account("alice@contoso.com", None).await;
        let entry = world.log(CONTOSO, "resourceType eq \"User\"").await.remove(0);
        let id = entry.id.to_string();
        assert_eq!(world.core.get_log_entry(&admin(CONTOSO), &id).await.expect("it is there"), entry);
        assert_eq!(reason(world.core.get_log_entry(&admin(FABRIKAM), &id).await), Reason::LogEntryNotFound);
        assert_eq!(reason(world.core.get_log_entry(&admin(CONTOSO), "not an id").await), Reason::LogEntryNotFound);
        assert!(world.log(FABRIKAM, "resourceType eq \"User\"").await.is_empty());
    }
}
