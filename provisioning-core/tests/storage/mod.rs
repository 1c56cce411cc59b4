//! The storage conformance suite: what every method promises, shown on every engine.

mod accounts;
mod callers;
mod changes;
mod concurrency;
mod deadlines;
mod deleted;
mod diagnosis;
mod extension_schemas;
mod findings;
mod fixture;
mod groups;
mod guard;
mod links;
mod listing;
mod log;
pub mod make;
mod opening;
mod plans;
mod receipts;
mod schema;
mod sharing;
mod statistics;
mod tenants;
mod tokens;
mod upkeep;

pub(crate) use fixture::on_every_engine;
pub use fixture::{Fixture, execute, left_alone, rows_read, waiting_for_locks};
