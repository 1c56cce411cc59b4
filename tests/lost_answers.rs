//! Creates that the service does and whose answers never arrive: Entra does not know of the accounts, and finds each of them in its next cycle.

use std::collections::BTreeMap;

use ::entra_sim::{CyclePlan, Engine as EntraEngine, Scenario, Target};
use serde_json::Value;

use crate::support::{Line, Panel, Proxy, on_both_engines};

/// Users in the directory; most are created in the first cycle.
const USERS: usize = 1_100;
/// So many creates at least lose their answer.
const LOST_MIN: usize = 1_000;

/// The SCIM ids by Object ID: of each Object ID one.
fn ids(users: &[Value]) -> BTreeMap<&str, &str> {
    let ids: BTreeMap<_, _> = users
        .iter()
        .map(|user| {
            let [object_id, id] = ["externalId", "id"].map(|name| user[name].as_str());
            (object_id.expect("a text"), id.expect("a text"))
        })
        .collect();
    assert_eq!(ids.len(), users.len(), "no Object ID has two accounts");
    ids
}

on_both_engines! {
    async fn creates_whose_answer_is_lost_end_as_one_account_each(service: Service) {
        let panel = Panel::of(&service).await;
        let tenant = panel.tenant("acme").await;
        let proxy = Proxy::start(service.process.http().trim_start_matches("http://")).await;
        let endpoint = format!("http://{}/scim/acme/v2", proxy.addr);
        let target = Target::parse(&endpoint, tenant.token.clone().into()).expect("the endpoint is a URL");
        let scenario = Scenario { cycles: vec![CyclePlan::QUIET], ..Scenario::new(USERS, 1) };
        let mut engine = EntraEngine::new(target, scenario).expect("the scenario is good");

        proxy.set(Line::LosingCreates);
        let first = engine.cycle(CyclePlan::QUIET, &mut |_| {}).await.clone();
        let made = tenant.scim.all_users().await;
        assert!(made.len() >= LOST_MIN, "{} creates lost their answer", made.len());
        assert_eq!((first.created, first.errors), (0, made.len()), "Entra knows of none: {first:?}");

        proxy.set(Line::Open);
        let second = engine.cycle(CyclePlan::QUIET, &mut |_| {}).await.clone();
        assert_eq!((second.created, second.errors), (0, 0), "each is found: {second:?}");
        assert!(second.matched >= made.len(), "{second:?}");
        let after = tenant.scim.all_users().await;
        assert_eq!(ids(&after), ids(&made), "nobody was made twice");
        assert_eq!(engine.verify().await, []);
        assert_eq!(engine.report().in_error, []);
        assert_eq!(panel.log("acme", "operation eq \"create\" and outcome eq \"failure\"").await.len(), 0);
    }
}
