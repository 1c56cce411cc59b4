//! Many links in one run: each line is judged by itself, and a dry run judges it as if those before it had been done.

use std::time::Duration;

use provisioning_core::{
    accounts::Account,
    call::Credential,
    clock::Clock as _,
    error::{Error, Reason},
    links::{BulkLine, LINES_MAX, LineOutcome, LineReport},
};

use crate::world::{CONTOSO, FABRIKAM, World, admin, on_every_engine, reason};

fn guid(number: u32) -> String {
    format!("{number:08x}-8d2a-4f8e-bf98-7363c4aed4ef")
}

fn line(user_name: &str, object_id: &str) -> BulkLine {
    BulkLine {
        user_name: user_name.to_owned(),
        object_id: object_id.to_owned(),
        etag: None,
    }
}

async fn run(world: &World, lines: &[BulkLine], dry: bool) -> Vec<LineReport> {
    let mut run = world
        .core
        .bulk_link(
            admin(CONTOSO),
            "Moved from the old directory".to_owned(),
            dry,
        )
        .await
        .expect("it begins");
    let mut reports = Vec::new();
    for line in lines {
        reports.push(run.link(line).await.expect("it is judged"));
    }
    reports
}

/// `Err` with the reason.
fn outcomes(reports: &[LineReport]) -> Vec<Result<LineOutcome, Reason>> {
    reports
        .iter()
        .map(|report| match &report.outcome {
            Ok(outcome) => Ok(*outcome),
            Err(refusal) => Err(refusal.reason),
        })
        .collect()
}

/// What a run and a dry run must judge alike.
async fn lines(world: &World) -> (Vec<Account>, Vec<BulkLine>) {
    let alice = world.create_account("alice@contoso.com", None).await;
    let bob = world
        .create_account("bob@contoso.com", Some(&guid(2)))
        .await;
    let carol = world
        .create_account("carol@contoso.com", Some(&guid(3)))
        .await;
    let lines = vec![
        line("ALICE@contoso.com", &guid(1).to_uppercase()),
        line("alice@contoso.com", &guid(1)),
        // It was given away by the line before.
        line("bob@contoso.com", &guid(1)),
        // It is Bob's, until he has another.
        line("alice@contoso.com", &guid(2)),
        line("bob@contoso.com", &guid(4)),
        line("alice@contoso.com", &guid(2)),
        // And so it is free again.
        line("carol@contoso.com", &guid(1)),
        line("carol@contoso.com", "carol"),
        line("nobody@contoso.com", &guid(9)),
        line("", &guid(9)),
        // The columns are swapped: that it is no GUID tells more than that nobody is called so.
        line(&guid(9), "nobody@contoso.com"),
        BulkLine {
            etag: Some(alice.etag()),
            ..line("alice@contoso.com", &guid(5))
        },
        BulkLine {
            etag: Some("\"3\"".to_owned()),
            ..line("alice@contoso.com", &guid(5))
        },
    ];
    (vec![alice, bob, carol], lines)
}

const JUDGED: [Result<LineOutcome, Reason>; 13] = [
    Ok(LineOutcome::Linked),
    Ok(LineOutcome::Unchanged),
    Err(Reason::Uniqueness),
    Err(Reason::Uniqueness),
    Ok(LineOutcome::Linked),
    Ok(LineOutcome::Linked),
    Ok(LineOutcome::Linked),
    Err(Reason::InvalidValue),
    Err(Reason::AccountNotFound),
    Err(Reason::AccountNotFound),
    Err(Reason::InvalidValue),
    Err(Reason::EtagMismatch),
    Ok(LineOutcome::Linked),
];

on_every_engine! {
    async fn each_line_is_a_link_of_its_own(world: World) {
        let (accounts, lines) = lines(&world).await;
        let reports = run(&world, &lines, false).await;
        assert_eq!(outcomes(&reports), JUDGED);
        assert_eq!(reports.iter().map(|report| report.line).collect::<Vec<_>>(), (1..=13).collect::<Vec<_>>());
        let ids: Vec<_> = reports.iter().map(|report| report.account_id).collect();
        let [alice, bob, carol] = [0, 1, 2].map(|index| Some(accounts[index].id));
        assert_eq!(ids, [alice, alice, bob, alice, bob, alice, carol, carol, None, None, None, alice, alice], "also of what was refused");
        assert_eq!(reports[6].previous_object_id, Some(guid(3)));
        for (account, object_id) in accounts.iter().zip([5, 4, 1]) {
            let linked = world.account(account.id).await;
            assert_eq!((linked.object_id, linked.object_id_pinned), (Some(guid(object_id)), true));
        }
        let entries = world.log(CONTOSO, "operation eq \"link\"").await;
        assert_eq!(entries.len(), 12, "each but the one that changed nothing");
        assert!(entries.iter().all(|entry| entry.justification == "Moved from the old directory"));
    }

    async fn a_dry_run_judges_alike_and_changes_nothing(world: World) {
        let (accounts, lines) = lines(&world).await;
        let log = world.log(CONTOSO, "").await;
        let reports = run(&world, &lines, true).await;
        assert_eq!(outcomes(&reports), JUDGED);
        assert_eq!(reports[6].previous_object_id, Some(guid(3)));
        for account in &accounts {
            assert_eq!(world.account(account.id).await, *account);
        }
        assert_eq!(world.log(CONTOSO, "").await, log);
        let done = run(&world, &lines, false).await;
        let told = |reports: &[LineReport]| reports.iter().map(|report| (report.account_id, report.previous_object_id.clone())).collect::<Vec<_>>();
        assert_eq!(told(&done), told(&reports));
    }

    async fn who_shares_an_object_id_is_seen_by_a_dry_run(world: World) {
        for name in ["a", "b", "c"] {
            world.create_account(&format!("{name}@contoso.com"), Some(&guid(7))).await;
        }
        let lines = [line("a@contoso.com", &guid(1)), line("b@contoso.com", &guid(2)), line("a@contoso.com", &guid(7)), line("c@contoso.com", &guid(3)), line("a@contoso.com", &guid(7))];
        let judged = [Ok(LineOutcome::Linked), Ok(LineOutcome::Linked), Err(Reason::Uniqueness), Ok(LineOutcome::Linked), Ok(LineOutcome::Linked)];
        assert_eq!(outcomes(&run(&world, &lines, true).await), judged);
        assert_eq!(outcomes(&run(&world, &lines, false).await), judged);
    }

    async fn a_jwt_that_expires_on_the_way_ends_the_run_with_a_report_of_what_was_done(world: World) {
        for name in ["alice", "bob"] {
            world.create_account(&format!("{name}@contoso.com"), None).await;
        }
        for dry in [true, false] {
            let mut call = admin(CONTOSO).validating(dry);
            let Credential::Principal(principal) = &mut call.credential else { panic!("an admin has a JWT") };
            principal.expires_at = Some(world.clock.now().plus(Duration::from_mins(1)));
            let mut run = world.core.bulk_link(call, String::new(), dry).await.expect("it begins");
            run.link(&line("alice@contoso.com", &guid(1))).await.expect("it is judged");
            run.link(&line("nobody@contoso.com", &guid(1))).await.expect("it is judged");
            world.clock.advance(Duration::from_mins(1));
            match run.link(&line("bob@contoso.com", &guid(2))).await {
                Err(Error::Refused(refusal)) => {
                    assert_eq!(refusal.reason, Reason::InvalidCredential);
                    assert!(refusal.detail.contains("Lines answered before: 2 (1 linked, 0 unchanged, 1 refused)"), "{refusal}");
                }
                other => panic!("it goes on: {other:?}"),
            }
        }
        assert_eq!(world.log(CONTOSO, "operation eq \"link\" and outcome eq \"success\"").await.len(), 1);
        let [entry] = world.log(CONTOSO, "operation eq \"request_rejected\"").await.try_into().expect("one is written, and none of the dry run");
        assert_eq!((entry.http_status, entry.actor.as_str()), (401, "admin"));
        assert!(entry.request.ends_with("/BulkLinkObjectIds") && entry.detail.contains("1 linked"), "{entry:?}");
    }

    async fn a_run_is_for_its_tenant_and_has_an_end(world: World) {
        world.create_tenant(FABRIKAM).await;
        world.create_account_in(FABRIKAM, "theirs@contoso.com", None).await;
        let refused = run(&world, &[line("theirs@contoso.com", &guid(1))], true).await;
        assert_eq!(outcomes(&refused), [Err(Reason::AccountNotFound)]);
        let unreadable = world.core.bulk_link(admin(CONTOSO), "a\nb".to_owned(), true).await;
        assert_eq!(reason(unreadable.map(drop)), Reason::InvalidRequest);
        let nowhere = world.core.bulk_link(admin("nowhere"), String::new(), true).await;
        assert_eq!(reason(nowhere.map(drop)), Reason::TenantNotFound);
    }
}

/// One engine is enough: nothing of it is stored.
#[tokio::test]
async fn behind_the_last_line_the_run_ends() {
    let world = World::new(crate::storage::Fixture::sqlite().await).await;
    let mut run = world
        .core
        .bulk_link(admin(CONTOSO), String::new(), true)
        .await
        .expect("it begins");
    let nobody = line("", &guid(1));
    for _ in 0..LINES_MAX {
        run.link(&nobody).await.expect("it is judged");
    }
    match run.link(&nobody).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.reason, Reason::TooMany),
        other => panic!("it goes on: {other:?}"),
    }
}
