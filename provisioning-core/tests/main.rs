//! The one integration binary of the crate.

mod admin;
mod storage;
