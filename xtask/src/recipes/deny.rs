//! `cargo xtask deny`: what `deny.toml` forbids. Not part of the tests: building cargo-deny takes minutes, and advisories need GitHub.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::tools::cargo_tool::DENY;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// Also look for known vulnerabilities in the advisory database, which lies on GitHub.
    #[arg(long)]
    advisories: bool,
}

/// Checks licences, bans and sources.
pub fn run(args: &Args) -> Result<()> {
    DENY.find_or_install()?;
    let mut deny = cargo(&[
        "deny",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    if args.advisories {
        deny.arg("advisories");
    }
    command::run(&mut deny)
}
