//! The only place that checks the `.proto` files: style, format, and compatibility with the last release.

use anyhow::Result;

use crate::command::{self, program, say};
use crate::tools::{buf, git};

/// Runs buf three times.
pub fn check() -> Result<()> {
    let buf = buf::find_or_install()?;
    command::run(program(&buf).arg("lint"))?;
    command::run(program(&buf).args(["format", "--diff", "--exit-code"]))?;
    if !git::has_history() {
        say("no history (no .git): what the last release was is not known here");
        return Ok(());
    }
    git::find_or_install()?;
    let tags = command::output(git::git().args([
        "tag",
        "--merged",
        "HEAD",
        "--sort=-version:refname",
        "--list",
        "v*",
    ]))?;
    let Some(release) = tags.lines().next() else {
        say("no release yet (no tag v*): nothing the contract could break");
        return Ok(());
    };
    command::run(program(&buf).args(["breaking", "--against", &format!(".git#tag={release}")]))
}
