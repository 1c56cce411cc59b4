//! The one integration binary of the crate.

mod accounts;
mod admin;
mod storage;
mod world;
