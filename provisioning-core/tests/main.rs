//! The one integration binary of the crate.

mod accounts;
mod admin;
mod findings;
mod groups;
mod grpc;
mod guard;
mod linking;
mod patches;
mod resources;
mod storage;
mod world;
