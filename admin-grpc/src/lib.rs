//! The panel's gRPC services: tenants, SCIM tokens, links, acts on accounts, extension schemas, the deprovision guard and the provisioning log.
//!
//! A thin face over the use cases of [`provisioning_core::Core`]: messages in, use cases called, messages out. Who may call what is decided
//! before, by the core's rules.

mod accounts;
mod bulk_links;
mod diagnosis;
mod findings;
mod guard;
mod links;
mod logs;
mod readiness;
mod schemas;
mod tenants;
mod tokens;
mod wire;

use std::sync::Arc;

use provisioning_core::Core;
use provisioning_proto::admin::v1::{
    account_admin_service_server::AccountAdminServiceServer,
    deprovision_guard_service_server::DeprovisionGuardServiceServer,
    extension_schema_service_server::ExtensionSchemaServiceServer,
    link_service_server::LinkServiceServer, log_service_server::LogServiceServer,
    readiness_service_server::ReadinessServiceServer, tenant_service_server::TenantServiceServer,
    token_service_server::TokenServiceServer,
};
use tonic::service::Routes;

pub use readiness::{CannotPlay, Configuration, PlayReadiness};

/// The largest request message: the longest filter, name and reason together stay far below it.
pub const MESSAGE_SIZE_MAX: usize = 64 << 10;
/// The largest request message that defines a schema: one that is too large shall be told so, not cut off.
const SCHEMA_MESSAGE_SIZE_MAX: usize = 4 * provisioning_core::schemas::DEFINITION_BYTES_MAX;

/// Adds the panel's services. `player` plays readiness checks.
pub fn add_to(routes: Routes, core: &Core, player: Arc<dyn PlayReadiness>) -> Routes {
    routes
        .add_service(
            TenantServiceServer::new(tenants::Service::new(core.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            TokenServiceServer::new(tokens::Service::new(core.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            LinkServiceServer::new(links::Service::new(core.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            AccountAdminServiceServer::new(accounts::Service::new(core.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            ExtensionSchemaServiceServer::new(schemas::Service::new(core.clone()))
                .max_decoding_message_size(SCHEMA_MESSAGE_SIZE_MAX),
        )
        .add_service(
            DeprovisionGuardServiceServer::new(guard::Service::new(core.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            ReadinessServiceServer::new(readiness::Service::new(core.clone(), player))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            LogServiceServer::new(logs::Service::new(core.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
}
