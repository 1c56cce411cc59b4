//! The only place that finds or installs git, which tells what the last release was.

use std::process::Command;

use anyhow::Result;

use super::{debian, find};
use crate::command::program;
use crate::workspace;

/// Whether there is a history to ask: an unpacked archive of the source has none.
pub fn has_history() -> bool {
    workspace::root().join(".git").exists()
}

/// Makes sure that git is there where it has something to tell.
pub fn find_or_install() -> Result<()> {
    if has_history() && find("git").is_none() {
        debian::install("git", "git")?;
    }
    Ok(())
}

/// git, at work on this clone whoever it belongs to: CI's user is often not the one who made it.
pub fn git() -> Command {
    let mut git = program("git");
    git.arg("-c")
        .arg(format!("safe.directory={}", workspace::root().display()));
    git
}
