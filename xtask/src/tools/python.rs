//! The only place that installs packages of Python's index: each into an environment of its own, nothing outside the project.

use std::path::Path;

use anyhow::Result;

use super::{debian, find};
use crate::command::{self, program};

/// Makes an environment in a folder and installs packages into it.
pub fn install(folder: &Path, packages: &[&str]) -> Result<()> {
    let environment = |python: &str| command::run(program(python).args(["-m", "venv"]).arg(folder));
    // Debian's python3 comes without venv, a fresh Debian without python3.
    if find("python3").is_none() || environment("python3").is_err() {
        debian::install("python3-venv", "Python with venv")?;
        environment("python3")?;
    }
    let pip = folder.join("bin/pip");
    command::run(program(pip).args(["install", "--quiet"]).args(packages))
}
