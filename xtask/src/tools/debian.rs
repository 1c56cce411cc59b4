//! The only place that installs packages of the operating system.

use anyhow::{Result, ensure};

use super::find;
use crate::command::{self, program, say};
use crate::postgres::user;

/// Installs a Debian or Ubuntu package, asking for rights when we have none.
pub fn install(package: &str, what_for: &str) -> Result<()> {
    ensure!(
        find("apt-get").is_some(),
        "{what_for} is missing, and only apt-get is known here: please install it"
    );
    say(&format!(
        "{what_for} is missing: installing Debian's `{package}`"
    ));
    apt_get(&["update"])?;
    apt_get(&["install", "--yes", "--no-install-recommends", package])
}

fn apt_get(args: &[&str]) -> Result<()> {
    let mut command = if user::is_root()? {
        program("env")
    } else {
        program("sudo")
    };
    if !user::is_root()? {
        command.arg("env");
    }
    // Another package manager may be at work, as on a machine that has just booted.
    command
        .args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=120",
        ])
        .args(args);
    command::run(&mut command)
}
