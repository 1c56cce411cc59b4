//! The only place that ends a cluster when its starter ends, however it ends: returning, Ctrl-C, or `kill -9`.
//!
//! The guard is a second process of this program that reads a pipe nobody ever writes to. When the starter dies, the operating
//! system closes the pipe, and the guard stops the server. It needs no signal handler, and Ctrl-C does not reach it.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::folder::{self, Folder};
use crate::command::say;

/// What the guard process is told.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of the cluster.
    folder: PathBuf,
    /// Where PostgreSQL's programs are.
    programs: PathBuf,
}

/// The guard process: waits for the end of its starter, then ends the cluster.
pub fn run(args: &Args) -> Result<()> {
    io::stdin()
        .read_to_end(&mut Vec::new())
        .context("cannot wait for the starter's end")?;
    folder::end(&args.folder, &args.programs)
}

/// The starter's side; dropping it waits until the cluster has ended.
pub struct Guard {
    process: Child,
    // Its lock says that the folder is in use.
    _folder: Folder,
}

impl Guard {
    pub fn start(folder: Folder, programs: &Path) -> Result<Self> {
        // This very program, also when a build has put another file in its place since.
        let process = Command::new("/proc/self/exe")
            .arg("postgres-guard")
            .arg(folder.path())
            .arg(programs)
            .stdin(Stdio::piped())
            // A group of its own: Ctrl-C on the terminal goes to the starter's.
            .process_group(0)
            .spawn()
            .context("cannot start the guard of the cluster")?;
        Ok(Self {
            process,
            _folder: folder,
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // `wait` closes the pipe first.
        match self.process.wait() {
            Ok(status) if status.success() => {}
            other => say(&format!("the guard of the cluster failed: {other:?}")),
        }
    }
}
