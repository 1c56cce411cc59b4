//! Owns the data: accounts, tokens, links, the provisioning log and the change numbers of every tenant.
//!
//! Layers point one way: [`grpc`] (wire) -> use cases on [`Core`] -> domain types; [`storage`] holds the only SQL. There is no HTTP here.

pub mod accounts;
pub mod attributes;
pub mod call;
pub mod changes;
pub mod clock;
mod core;
pub mod error;
pub mod findings;
pub mod groups;
pub mod grpc;
pub mod guard;
pub mod ids;
pub mod links;
mod listing;
pub mod log;
pub mod page_token;
pub mod receipts;
pub mod resources;
mod retention;
pub mod schemas;
pub mod service_key;
pub mod storage;
pub mod tenants;
pub mod tokens;

pub use crate::{
    core::{Core, CoreSettings},
    retention::Retention,
};
