//! `cargo xtask bench`: the benchmarks, in release mode and with PostgreSQL up.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::postgres::Cluster;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// Passed on to the benchmarks; `--help` for theirs comes after `--`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

/// Runs them.
pub fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::start()?;
    let mut bench = cargo(&["run", "--release", "--package=bench", "--"]);
    cluster.lend(&mut bench);
    command::run(bench.args(&args.bench))
}
