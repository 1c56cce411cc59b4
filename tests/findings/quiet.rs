//! Where nothing is wrong, nothing is found but what is good to know.

use entra_sim::{CyclePlan, DirectoryUser, Engine as EntraEngine, Lifecycle, Scenario, Target};
use provisioning_proto::admin::v1::{FindingKind, FindingState, Severity};

use super::dragonce::{Dragonce, SCOPES};
use crate::support::{Panel, on_both_engines};

on_both_engines! {
    async fn a_clean_life_finds_only_who_is_in_entras_recycle_bin(service: Service) {
        let tenant = Panel::of(&service).await.tenant("contoso").await;
        let target = Target::parse(&tenant.endpoint, tenant.token.clone().into()).expect("the endpoint is a URL");
        let scenario = Scenario {
            groups: 4,
            cycles: vec![CyclePlan::QUIET, CyclePlan::BUSY, CyclePlan::BUSY, CyclePlan::BUSY, CyclePlan::BUSY, CyclePlan::QUIET],
            ..Scenario::new(40, 0)
        };
        let mut engine = EntraEngine::new(target, scenario).expect("the scenario is good");
        engine.run(&mut |_| {}).await;
        let in_the_bin = |engine: &EntraEngine| -> Vec<String> {
            let users = engine.directory().users().iter();
            let deleted = users.filter(|user| matches!(user.lifecycle, Lifecycle::SoftDeleted { .. }));
            let mut names: Vec<_> = deleted.map(|user| user.user_principal_name.clone()).collect();
            names.sort();
            names
        };
        let users = engine.directory().users();
        assert!(!in_the_bin(&engine).is_empty() && users.iter().any(DirectoryUser::is_purged), "the life is a whole one");
        engine.restart();
        engine.settle(&mut |_| {}).await;
        assert!(engine.report().exit_ok(), "{:?}", engine.report().in_error);

        let jwt = service.jwt(&SCOPES, Some("contoso")).await;
        let dragonce = Dragonce::of(&service, "contoso", &jwt);
        let open = dragonce.findings(FindingState::Open).await;
        let mut found: Vec<_> = open.iter().map(|finding| finding.directory.as_ref().expect("it is set").user_name.clone()).collect();
        found.sort();
        assert_eq!(found, in_the_bin(&engine), "{open:#?}");
        let closed = dragonce.findings(FindingState::Closed).await;
        assert!(!closed.is_empty(), "some came back, or are gone for good");
        for finding in open.iter().chain(&closed) {
            assert_eq!((finding.kind(), finding.severity()), (FindingKind::TombstoneLogin, Severity::Info), "{finding:#?}");
        }
        for finding in &closed {
            assert_eq!(finding.closure.as_ref().expect("it says why").actor, "scim", "{finding:#?}");
        }
    }
}
