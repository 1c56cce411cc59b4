//! Entra's engine, played against the real binary: nobody ends in error, and what has not changed is not sent again.

use ::entra_sim::{Changes, CyclePlan, Engine as EntraEngine, FlagMode, Scenario, Target};

use crate::support::{Panel, Tenant, on_both_engines};

/// Users in the directory; `SIM_USERS` asks for more.
const USERS: usize = 120;
/// Users of the story with groups, and groups.
const USERS_IN_GROUPS: usize = 40;
const GROUPS: usize = 8;
const CYCLES: usize = 3;

fn users() -> usize {
    std::env::var("SIM_USERS").map_or(USERS, |users| users.parse().expect("SIM_USERS is a number"))
}

fn target(tenant: &Tenant) -> Target {
    Target::parse(&tenant.endpoint, tenant.token.clone().into()).expect("the endpoint is a URL")
}

/// Plays a scenario to its end. Everything must be as the directory says.
async fn play(panel: &Panel, tenant: &Tenant, flag: FlagMode, scenario: Scenario) {
    let mut engine = EntraEngine::new(target(tenant), Scenario { flag, ..scenario })
        .expect("the scenario is good");
    engine.run(&mut |_| {}).await;
    // Looked at first: the checks below ask for accounts that are gone.
    let failures = panel
        .log(&tenant.identifier, "outcome eq \"failure\"")
        .await;
    assert!(failures.is_empty(), "{flag:?}: {failures:?}");
    assert_eq!(engine.verify().await, [], "{flag:?}");
    assert_eq!(engine.verify_acknowledged().await, [], "{flag:?}");
    let report = engine.report();
    assert_eq!(report.in_error, [], "{flag:?}");
    assert_eq!(
        (report.quarantined, report.repeated_patches()),
        (None, 0),
        "{flag:?}"
    );
    let last = report.cycles.last().expect("cycles were played");
    assert_eq!(
        (last.patches, last.created, last.deleted, last.errors),
        (0, 0, 0, 0),
        "a cycle without changes sends none: {last:?}"
    );
    assert!(report.exit_ok());
}

on_both_engines! {
    async fn three_cycles_in_both_flag_modes_end_well(service: Service) {
        let panel = Panel::of(&service).await;
        for (flag, identifier) in [(FlagMode::Off, "without-flag"), (FlagMode::On, "with-flag")] {
            let tenant = panel.tenant(identifier).await;
            play(&panel, &tenant, flag, Scenario::new(users(), CYCLES)).await;
            for operation in ["create", "patch", "suspend", "activate", "delete"] {
                let entries = panel.log(identifier, &format!("operation eq \"{operation}\" and resourceType eq \"User\"")).await;
                assert!(!entries.is_empty(), "the story has no {operation}");
            }
        }
    }

    async fn groups_and_their_members_end_well_in_both_flag_modes(service: Service) {
        let panel = Panel::of(&service).await;
        for (flag, identifier) in [(FlagMode::Off, "without-flag"), (FlagMode::On, "with-flag")] {
            let tenant = panel.tenant(identifier).await;
            let scenario = Scenario { groups: GROUPS, ..Scenario::new(USERS_IN_GROUPS, CYCLES) };
            play(&panel, &tenant, flag, scenario).await;
            for operation in ["create", "patch", "delete"] {
                let entries = panel.log(identifier, &format!("operation eq \"{operation}\" and resourceType eq \"Group\"")).await;
                assert!(!entries.is_empty(), "the story has no {operation} of a group");
            }
        }
    }

    async fn a_job_that_was_restarted_finds_everyone_and_changes_nothing(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let scenario = Scenario { cycles: vec![CyclePlan::QUIET], ..Scenario::new(40, 1) };
        let mut engine = EntraEngine::new(target(&tenant), scenario).expect("the scenario is good");
        engine.run(&mut |_| {}).await;
        let before = tenant.scim.all_users().await;

        engine.restart();
        let cycle = engine.cycle(CyclePlan::QUIET, &mut |_| {}).await.clone();
        assert_eq!((cycle.created, cycle.errors, cycle.patches), (0, 0, 0), "{cycle:?}");
        assert!(cycle.matched >= 40, "{cycle:?}");
        assert_eq!(tenant.scim.all_users().await, before);
    }

    async fn regeneration_in_the_middle_costs_no_account(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let mut engine = EntraEngine::new(target(&tenant), Scenario::new(40, 2)).expect("the scenario is good");
        engine.next_cycle(&mut |_| {}).await;
        let renewed = service.regenerate("acme").await;
        let refused = engine.cycle(CyclePlan { changes: Changes::BUSY, ..CyclePlan::QUIET }, &mut |_| {}).await.clone();
        assert!(refused.stopped.is_some(), "the old token is refused: {refused:?}");
        assert!(engine.report().quarantined.is_some());
        engine.retarget(target(&renewed)).expect("the endpoint is a URL");
        engine.run(&mut |_| {}).await;
        assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);
        assert_eq!(engine.verify().await, []);
    }
}
