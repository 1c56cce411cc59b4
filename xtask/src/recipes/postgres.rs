//! `cargo xtask postgres`: a cluster to work with, until Ctrl-C.

use std::thread;

use anyhow::Result;

use crate::command::say;
use crate::postgres::{Cluster, URL_VARIABLE};

/// Starts it and waits to be ended; its guard cleans up.
pub fn run() -> Result<()> {
    let cluster = Cluster::start()?;
    println!("{}", cluster.url());
    say(&format!(
        "export {URL_VARIABLE}={} lets the tests use it; Ctrl-C stops it and removes its data",
        cluster.url()
    ));
    loop {
        thread::park();
    }
}
