//! What health checks are told: serving while the storage answers, not serving from the moment a stop was asked for.

use std::time::Duration;

use provisioning_core::Core;
use provisioning_proto::{
    admin::v1::{
        account_admin_service_server, deprovision_guard_service_server,
        extension_schema_service_server, link_service_server, log_service_server,
        readiness_service_server, tenant_service_server, token_service_server,
    },
    v1::{
        account_service_server, facade_service_server, group_service_server,
        resource_service_server, schema_service_server,
    },
};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

/// How often the storage is asked. An orchestrator looks every few seconds.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// A storage that takes longer than this to say that it is there is not there.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Every service of the contract, and the whole.
const SERVICES: [&str; 14] = [
    "",
    account_service_server::SERVICE_NAME,
    facade_service_server::SERVICE_NAME,
    group_service_server::SERVICE_NAME,
    resource_service_server::SERVICE_NAME,
    schema_service_server::SERVICE_NAME,
    extension_schema_service_server::SERVICE_NAME,
    tenant_service_server::SERVICE_NAME,
    token_service_server::SERVICE_NAME,
    link_service_server::SERVICE_NAME,
    log_service_server::SERVICE_NAME,
    readiness_service_server::SERVICE_NAME,
    account_admin_service_server::SERVICE_NAME,
    deprovision_guard_service_server::SERVICE_NAME,
];

/// Tells every service's status.
pub async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}

/// Keeps the status in step with the storage, until a stop was asked for.
pub async fn watch(reporter: HealthReporter, core: Core, drain: CancellationToken) {
    let mut checks = tokio::time::interval(CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut serving = true;
    while drain.run_until_cancelled(checks.tick()).await.is_some() {
        let answers = matches!(timeout(CHECK_TIMEOUT, core.ping()).await, Ok(Ok(())));
        if answers != serving {
            serving = answers;
            if serving {
                tracing::info!("the storage answers again");
                report(&reporter, ServingStatus::Serving).await;
            } else {
                tracing::error!(
                    "the storage does not answer; requests are answered 503 until it does"
                );
                report(&reporter, ServingStatus::NotServing).await;
            }
        }
    }
    report(&reporter, ServingStatus::NotServing).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_of_the_contract_has_a_status() {
        let pool = prost_reflect::DescriptorPool::decode(provisioning_proto::FILE_DESCRIPTOR_SET)
            .expect("it is a descriptor set");
        let mut contract: Vec<String> = pool
            .services()
            .map(|service| service.full_name().to_owned())
            .collect();
        let mut told: Vec<String> = SERVICES[1..]
            .iter()
            .map(|service| (*service).to_owned())
            .collect();
        contract.sort();
        told.sort();
        assert_eq!(contract, told);
    }
}
