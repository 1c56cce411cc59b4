//! The only place that finds or installs buf, which checks the contract.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{find, is_executable, python};
use crate::command::{self, program, say};
use crate::workspace;

/// The version installed when there is none: lint rules differ between versions.
const VERSION: &str = "1.75.0";

/// The program. npm's package and the one for pip carry the same binary; nothing is installed outside the project.
pub fn find_or_install() -> Result<PathBuf> {
    let tools = workspace::tools();
    let by_npm = tools.join("buf-npm");
    let by_pip = tools.join("buf-pip");
    let places = [by_npm.join("node_modules/.bin/buf"), by_pip.join("bin/buf")];
    let installed = || places.iter().find(|file| is_executable(file)).cloned();

    let buf = if let Some(buf) = find("buf").or_else(installed) {
        buf
    } else {
        say("buf is missing: installing it into target/xtask-tools");
        if find("npm").is_some() {
            install_by_npm(&by_npm)?;
        } else {
            python::install(&by_pip, &[&format!("buf-bin=={VERSION}")])?;
        }
        installed().context("the installed package has no buf")?
    };
    let version = command::output(program(&buf).arg("--version"))?;
    say(&format!("buf {} in {}", version.trim(), buf.display()));
    Ok(buf)
}

fn install_by_npm(folder: &Path) -> Result<()> {
    let package = format!("@bufbuild/buf@{VERSION}");
    command::run(
        program("npm")
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder)
            .arg(package),
    )
}
