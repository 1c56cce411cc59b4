//! `cargo xtask bombs`: what it costs to refuse nested and long filters and paths, and how that grows with their length.

use anyhow::Result;

use crate::command::{self, cargo};

/// Measures, prints a table, and fails when a cost grows more than linearly.
pub fn run() -> Result<()> {
    command::run(&mut cargo(&[
        "bench",
        "--package=provisioning-core",
        "--bench=bombs",
    ]))
}
