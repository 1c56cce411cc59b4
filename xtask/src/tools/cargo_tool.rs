//! The only place that finds or installs cargo's own subcommands.

use anyhow::Result;

use crate::command::{self, cargo, say};

/// One subcommand of cargo that comes as a crate.
pub struct CargoTool {
    subcommand: &'static str,
    install: &'static [&'static str],
}

/// Runs the tests. Its self-update is left out: it doubles the time to build it.
pub const NEXTEST: CargoTool = CargoTool {
    subcommand: "nextest",
    install: &[
        "cargo-nextest",
        "--no-default-features",
        "--features",
        "default-no-update",
    ],
};

/// Checks dependencies.
pub const DENY: CargoTool = CargoTool {
    subcommand: "deny",
    install: &["cargo-deny"],
};

/// Runs the fuzz targets.
pub const FUZZ: CargoTool = CargoTool {
    subcommand: "fuzz",
    install: &["cargo-fuzz"],
};

impl CargoTool {
    /// Makes sure that `cargo <subcommand>` works.
    pub fn find_or_install(&self) -> Result<()> {
        if let Ok(version) = command::output(&mut cargo(&[self.subcommand, "--version"])) {
            say(version.lines().next().unwrap_or(self.subcommand));
            return Ok(());
        }
        say(&format!(
            "cargo-{} is missing: building it from crates.io, which takes some minutes once",
            self.subcommand
        ));
        // Unoptimised: it is built in a fraction of the time, and what it starts runs as fast as ever.
        let mut install = cargo(&["install", "--locked", "--debug"]);
        command::run(
            install
                .args(self.install)
                .env("CARGO_PROFILE_DEV_DEBUG", "false"),
        )
    }
}
