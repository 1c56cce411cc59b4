//! The only protobuf of the core: its services, the mapping of messages and errors, and the authentication of callers.

pub mod account_service;
pub mod accounts;
pub mod authentication;
pub mod changes;
mod facade_service;
mod failures;
pub mod group_service;
pub mod groups;
pub mod jwt;
mod request;
mod resource_service;
pub mod rules;
pub mod schema_service;
mod status;

use provisioning_proto::v1::{
    account_service_server::AccountServiceServer, facade_service_server::FacadeServiceServer,
    group_service_server::GroupServiceServer, resource_service_server::ResourceServiceServer,
    schema_service_server::SchemaServiceServer,
};
use tonic::service::Routes;

pub use request::{CallTenant, across_tenants, call, idempotent, once};
pub use status::{status, unavailable};

use crate::{Core, grpc::authentication::Authenticator};

/// The largest request message: SCIM's body limit of 1 MiB as protobuf, where a number of two bytes becomes thirteen.
pub const MESSAGE_SIZE_MAX: usize = 16 << 20;

/// The services behind the layers that stand before all of them, the outer one first: the log of what fails without a use case's entry, and the authentication.
pub fn layered(services: Routes, authenticator: &Authenticator, core: &Core) -> Routes {
    failures::log_failures(authenticator.protect(services), core)
}

/// The services that any DragOnce service or facade may call; the panel's are in the crate `admin-grpc`.
pub fn routes(core: &Core) -> Routes {
    Routes::new(
        AccountServiceServer::new(account_service::Service::new(core.clone()))
            .max_decoding_message_size(MESSAGE_SIZE_MAX),
    )
    .add_service(
        GroupServiceServer::new(group_service::Service::new(core.clone()))
            .max_decoding_message_size(MESSAGE_SIZE_MAX),
    )
    .add_service(
        ResourceServiceServer::new(resource_service::Service::new(core.clone()))
            .max_decoding_message_size(MESSAGE_SIZE_MAX),
    )
    .add_service(
        FacadeServiceServer::new(facade_service::Service::new(core.clone()))
            .max_decoding_message_size(MESSAGE_SIZE_MAX),
    )
    .add_service(
        SchemaServiceServer::new(schema_service::Service::new(core.clone()))
            .max_decoding_message_size(MESSAGE_SIZE_MAX),
    )
}
