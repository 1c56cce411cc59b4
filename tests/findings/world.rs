//! A tenant with Entra's engine before it: two people, Alice and Bob, of whom Alice is the one that things happen to.

use entra_sim::{
    CycleKind, CyclePlan, CycleReport, Directory, DirectoryUser, Engine as EntraEngine, JobAddress,
    Mapping, ObjectId, Scenario, Target,
};
use provisioning_proto::admin::v1::{EntraJob, TenantSettings};
use tonic::transport::Channel;

use super::dragonce::{Dragonce, SCOPES};
use crate::support::{Panel, Service};

/// Alice's login account in Entra.
pub const ALICE: &str = "alice@contoso.com";
/// Alice's Object ID.
pub const ALICE_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
/// Alice's place in the directory.
pub const ALICE_AT: usize = 0;
/// Bob's.
pub const BOB_AT: usize = 1;
const BOB: &str = "bob@contoso.com";
const BOB_ID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

const SERVICE_PRINCIPAL: &str = "5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11";
const JOB: &str = "scim.9a21f0f28d2a4f8ebf987363c4aed4ef.1";

const INCREMENTAL: CyclePlan = CyclePlan {
    kind: CycleKind::Incremental,
    ..CyclePlan::QUIET
};

/// A running service.
pub struct Stage<'s> {
    service: &'s Service,
    panel: Panel,
}

impl<'s> Stage<'s> {
    pub async fn of(service: &'s Service) -> Self {
        Self {
            panel: Panel::of(service).await,
            service,
        }
    }

    /// A tenant of its own, and Entra before its first cycle.
    pub async fn world(&self, identifier: &str, mapping: Mapping) -> World {
        let settings = TenantSettings {
            entra_job: Some(EntraJob {
                service_principal_id: SERVICE_PRINCIPAL.to_owned(),
                job_id: JOB.to_owned(),
            }),
            ..TenantSettings::default()
        };
        let tenant = self.panel.tenant_with(identifier, settings).await;
        let target = Target::parse(&tenant.endpoint, tenant.token.clone().into())
            .expect("the endpoint is a URL");
        let scenario = Scenario {
            mapping,
            cycles: Vec::new(),
            // One cycle at a time.
            settle_cycles_max: 1,
            ..Scenario::new(0, 0)
        };
        let engine = EntraEngine::with_directory(target, scenario, directory())
            .expect("the scenario is good");
        let jwt = self.service.jwt(&SCOPES, Some(identifier)).await;
        World {
            dragonce: Dragonce::of(self.service, identifier, &jwt),
            engine,
            channel: self.service.channel(),
            authorization: format!("Bearer {jwt}"),
        }
    }
}

/// A tenant and its Entra.
pub struct World {
    /// What the tenant's admin does.
    pub dragonce: Dragonce,
    /// What Entra does.
    pub engine: EntraEngine,
    pub channel: Channel,
    pub authorization: String,
}

impl World {
    /// Entra's next cycle in which there is something to do: what changed, and what waits in escrow.
    pub async fn cycle(&mut self) -> CycleReport {
        let played = self.engine.report().cycles.len();
        self.engine.settle(&mut |_| {}).await;
        if self.engine.report().cycles.len() == played {
            self.engine.cycle(INCREMENTAL, &mut |_| {}).await;
        }
        let cycles = &self.engine.report().cycles;
        cycles.last().expect("one was played").clone()
    }

    /// A cycle that must not fail.
    pub async fn good_cycle(&mut self) -> CycleReport {
        let cycle = self.cycle().await;
        assert_eq!(self.engine.report().in_error, []);
        assert_eq!((cycle.errors, &cycle.stopped), (0, &None));
        cycle
    }

    /// A cycle over everything without a change: it must send nothing that writes.
    pub async fn quiet_cycle(&mut self) {
        let cycle = self.engine.cycle(CyclePlan::QUIET, &mut |_| {}).await;
        let writes = (cycle.created, cycle.patches, cycle.deleted, cycle.errors);
        assert_eq!(writes, (0, 0, 0, 0), "{cycle:?}");
    }

    /// Something of Alice changes in Entra, so that her next cycle has something to say.
    pub fn promote_alice(&mut self) {
        self.engine.directory_mut().update(ALICE_AT, |user| {
            let title = user.job_title.as_deref().unwrap_or("Engineer");
            user.job_title = Some(format!("Senior {title}"));
        });
    }

    /// Alice's account as Entra knows it.
    pub fn alice(&self) -> String {
        self.linked(ALICE_AT)
    }

    /// Bob's.
    pub fn bob(&self) -> String {
        self.linked(BOB_AT)
    }

    fn linked(&self, index: usize) -> String {
        let linked = self.engine.linked(index);
        linked.expect("there is an account").to_owned()
    }
}

/// Where the tenants' settings say the job is.
pub fn job() -> JobAddress {
    JobAddress {
        service_principal_id: SERVICE_PRINCIPAL.to_owned(),
        job_id: JOB.to_owned(),
    }
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    for (user_name, id) in [(ALICE, ALICE_ID), (BOB, BOB_ID)] {
        let id = ObjectId(id.parse().expect("a GUID"));
        let mut user = DirectoryUser::new(id, user_name);
        user.display_name.clone_from(&user.mail_nickname);
        directory.add(user);
    }
    directory
}
