//! Where nothing is wrong, nothing is found.

use entra_sim::{Changes, CyclePlan, Engine as EntraEngine, Scenario, Target};
use provisioning_proto::admin::v1::FindingState;

use super::dragonce::{Dragonce, SCOPES};
use crate::support::{Panel, on_both_engines};

/// A busy day on which nobody is deleted: the login account of a deleted user is a finding.
const BUSY: Changes = Changes {
    soft_delete: 0,
    restore: 0,
    purge: 0,
    ..Changes::BUSY
};

on_both_engines! {
    async fn a_clean_life_leaves_no_finding(service: Service) {
        let tenant = Panel::of(&service).await.tenant("contoso").await;
        let target = Target::parse(&tenant.endpoint, tenant.token.clone().into()).expect("the endpoint is a URL");
        let busy = CyclePlan { changes: BUSY, ..CyclePlan::BUSY };
        let scenario = Scenario {
            groups: 4,
            cycles: vec![CyclePlan::QUIET, busy, busy, CyclePlan::QUIET],
            ..Scenario::new(40, 0)
        };
        let mut engine = EntraEngine::new(target, scenario).expect("the scenario is good");
        engine.run(&mut |_| {}).await;
        engine.restart();
        engine.settle(&mut |_| {}).await;
        assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);
        let jwt = service.jwt(&SCOPES, Some("contoso")).await;
        let dragonce = Dragonce::of(&service, "contoso", &jwt);
        for state in [FindingState::Open, FindingState::Closed] {
            assert_eq!(dragonce.findings(state).await, [], "{state:?}");
        }
    }
}
