//! The one integration binary of the crate.

mod accounts;
mod admin;
mod groups;
mod storage;
mod world;
