//! `cargo xtask linking`: the campaign of linking at full size. The tests play the same sequences, a few dozen of them.

use std::path::Path;

use anyhow::Result;

use crate::command::{self, cargo};
use crate::postgres::Cluster;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// How many random sequences are played on SQLite; one in eight of them is played on PostgreSQL as well.
    #[arg(long, default_value_t = 50_000)]
    sequences: u32,
}

/// The tests of provisioning-core that play them, one an engine.
const CAMPAIGN: &str = "linking::sequences_of_linking";
/// Where files are memory: the campaign is about what is written, not about when the disk has it.
const MEMORY: &str = "/dev/shm";

/// Plays them; each engine tells how far it is.
pub fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::start()?;
    // Optimised, since it runs for minutes.
    let mut test = cargo(&[
        "test",
        "--release",
        "--package=provisioning-core",
        "--test=main",
        CAMPAIGN,
    ]);
    cluster.lend(&mut test);
    if Path::new(MEMORY).is_dir() {
        test.env("TMPDIR", MEMORY);
    }
    command::run(
        test.args(["--", "--nocapture", "--test-threads=1"])
            .env("PROPERTY_LINKING", args.sequences.to_string()),
    )
}
