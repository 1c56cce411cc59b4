//! The one integration binary of the crate.

mod accounts;
mod admin;
mod groups;
mod patches;
mod resources;
mod storage;
mod world;
