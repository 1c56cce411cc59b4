//! Kill -9 in the middle of a provisioning cycle: what was acknowledged is there, and accounts, log and changes agree.

use std::{collections::BTreeMap, time::Duration};

use entra_sim::{Engine as EntraEngine, Event, Scenario, Target};
use serde_json::Value;
use tokio::sync::Notify;

use crate::support::{Engine, Panel, Service, Tenant, on_both_engines};

const USERS: usize = 120;
/// Kills, each in a cycle of its own; `CRASH_KILLS` asks for more.
const KILLS: usize = 2;

/// Each counts what must not be. The text is the same for both engines.
const MUST_BE_NONE: [(&str, &str); 4] = [
    (
        "accounts whose versions are not all among the changes",
        "SELECT COUNT(*) FROM accounts a WHERE a.version <> (SELECT COUNT(DISTINCT c.version) FROM changes c \
         WHERE c.tenant_id = a.tenant_id AND c.resource_id = a.id)",
    ),
    (
        "accounts whose last change is another version",
        "SELECT COUNT(*) FROM accounts a WHERE a.version <> (SELECT COALESCE(MAX(c.version), 0) FROM changes c \
         WHERE c.tenant_id = a.tenant_id AND c.resource_id = a.id)",
    ),
    (
        "mutations that are not both in the log and among the changes",
        "SELECT ABS((SELECT COUNT(*) FROM changes) - (SELECT COUNT(*) FROM log_entries \
         WHERE outcome = 'success' AND resource_type = 'User'))",
    ),
    (
        "tenants with a gap in the numbers of their changes",
        "SELECT COUNT(*) FROM (SELECT COUNT(*) AS changes, COUNT(number) AS numbered, COALESCE(MAX(number), 0) AS last \
         FROM changes GROUP BY tenant_id) t WHERE changes <> numbered OR changes <> last",
    ),
];

/// Accounts whose versions are not all in the log, which keeps ids as text.
const fn not_in_the_log(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => {
            "SELECT COUNT(*) FROM accounts a WHERE a.version <> (SELECT COUNT(*) FROM log_entries l \
             WHERE l.tenant_id = a.tenant_id AND l.outcome = 'success' AND l.resource_type = 'User' \
             AND l.resource_id = CAST(a.id AS TEXT))"
        }
        Engine::Sqlite => {
            "SELECT COUNT(*) FROM accounts a WHERE a.version <> (SELECT COUNT(*) FROM log_entries l \
             WHERE l.tenant_id = a.tenant_id AND l.outcome = 'success' AND l.resource_type = 'User' \
             AND REPLACE(l.resource_id, '-', '') = LOWER(HEX(a.id)))"
        }
    }
}

fn kills() -> usize {
    std::env::var("CRASH_KILLS").map_or(KILLS, |kills| {
        kills.parse().expect("CRASH_KILLS is a number")
    })
}

on_both_engines! {
    async fn nothing_acknowledged_is_lost(service: Service) {
        let mut service = service;
        let tenant = service.tenant("acme").await;
        let scenario = Scenario { outage_patience: Duration::ZERO, ..Scenario::new(USERS, kills() + 1) };
        let mut engine = EntraEngine::new(target(&service, &tenant), scenario).expect("the scenario is good");

        for kill in 0..kills() {
            // In the middle of the first cycle, and then now and then.
            let exports_before = if kill == 0 { USERS / 2 } else { 3 + kill * 7 % 30 };
            cycle_with_kill(&mut engine, &mut service, exports_before).await;
            engine.retarget(target(&service, &tenant)).expect("the URL is good");
            assert_eq!(engine.verify_acknowledged().await, []);
        }
        engine.run(&mut |_| {}).await;
        assert_eq!(engine.verify().await, []);
        assert!(engine.report().exit_ok(), "{:#?}", engine.report().in_error);
        assert!(engine.report().ledger.acknowledged() > USERS);

        the_log_tells_the_state(&service, &tenant).await;
        for (what, statement) in MUST_BE_NONE {
            assert_eq!(service.count_at_rest(statement).await, 0, "{what}");
        }
        let statement = not_in_the_log(service.engine);
        assert_eq!(service.count_at_rest(statement).await, 0, "accounts whose versions are not all in the log");
        let accounts = service.count_at_rest("SELECT COUNT(*) FROM accounts WHERE version > 1").await;
        assert!(accounts > 0, "there was something to compare");
    }
}

/// Every account is what the changes of its log entries make of it, one after the other.
async fn the_log_tells_the_state(service: &Service, tenant: &Tenant) {
    let mut told: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let entries = Panel::of(service)
        .await
        .log(
            &tenant.identifier,
            "outcome eq \"success\" and resourceType eq \"User\"",
        )
        .await;
    for entry in entries.into_iter().rev() {
        let account = told.entry(entry.resource_id).or_default();
        for change in entry.changes {
            match change.new_value.as_str() {
                "" => account.remove(&change.attribute),
                json => {
                    let value = serde_json::from_str(json).expect("it is JSON");
                    account.insert(change.attribute, value)
                }
            };
        }
    }
    let users = tenant.at(service.process.http()).all_users().await;
    assert!(users.len() > USERS / 2, "there is something to compare");
    for user in users {
        let id = user["id"].as_str().expect("it has one");
        assert_eq!(flat(&user), told[id], "{id}");
    }
}

/// The attributes of a user as the log names them; those that it was not given are left out.
fn flat(user: &Value) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    for (name, value) in user.as_object().expect("it is an object") {
        match value {
            _ if ["id", "schemas", "meta", "groups"].contains(&name.as_str()) => {}
            Value::Object(parts) => {
                let separator = if name.starts_with("urn:") { ':' } else { '.' };
                for (part, value) in parts {
                    flat.insert(format!("{name}{separator}{part}"), value.clone());
                }
            }
            value => {
                flat.insert(name.clone(), value.clone());
            }
        }
    }
    flat
}

fn target(service: &Service, tenant: &Tenant) -> Target {
    let url = format!("{}/scim/{}/v2", service.process.http(), tenant.identifier);
    Target::parse(&url, tenant.token.clone().into()).expect("the URL is good")
}

/// Plays the next cycle, kills the process after so many exports, and starts another.
async fn cycle_with_kill(engine: &mut EntraEngine, service: &mut Service, exports_before: usize) {
    let enough = Notify::new();
    let mut exports = 0;
    let mut observer = |event: &Event| {
        exports += usize::from(matches!(event, Event::ObjectDone { .. }));
        if exports == exports_before {
            enough.notify_one();
        }
    };
    let kill = async {
        enough.notified().await;
        service.kill_and_restart().await;
    };
    let (report, ()) = tokio::join!(engine.next_cycle(&mut observer), kill);
    let report = report.expect("a cycle was planned");
    assert!(
        report.not_attempted > 0 || report.errors > 0,
        "the kill came in the middle: {report:?}"
    );
}
