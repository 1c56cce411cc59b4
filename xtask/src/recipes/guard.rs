//! `cargo xtask guard`: a scoping mistake against the deprovision guard at full size. The tests play the same with a tenth of the users.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::postgres::Cluster;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// Users in the directory: four of five are unassigned, one of fifty may be suspended within a window.
    #[arg(long, default_value_t = 2_500)]
    users: u32,
}

/// Plays it on both engines.
pub fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::start()?;
    let mut test = cargo(&["test", "--package=provisiond", "--test=e2e", "guard::"]);
    cluster.lend(&mut test);
    command::run(test.env("GUARD_USERS", args.users.to_string()))
}
