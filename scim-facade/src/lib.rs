//! The HTTP SCIM front: turns what Entra sends into calls of the contract, and the answers into SCIM JSON.
//!
//! It keeps no state and decides nothing about accounts. `entra` turns Entra's shapes into what RFC 7644 says, `scim` maps the
//! RFC's JSON to the contract's messages and back, `http` holds the routes, and `core_client` is the one door to the core.

mod channel;
mod config;
mod core_client;
mod entra;
mod http;
mod scim;

pub use channel::{CoreChannel, from_channel, from_routes};
pub use config::FacadeConfig;
pub use http::router;
