//! What the compiler cannot see: one file per rule of the project.

pub mod conformance;
pub mod contract;
pub mod layers;
pub mod migrations;
