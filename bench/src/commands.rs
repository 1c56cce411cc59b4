//! One file per benchmark.

pub mod growth;
pub mod numbering;
pub mod scim;
