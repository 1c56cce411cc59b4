//! The benchmarks: load against the real binary, beside what the same machine does at most, in the same run.
//!
//! A figure alone says little on a shared machine, so the contenders take turns for a few seconds each, over several rounds, and what
//! counts is the ratio within a round. Nothing here asserts a time.

mod commands;
mod database;
mod ids;
mod load;
mod measure;
mod people;
mod process;
mod raw;
mod report;
mod service;
mod skeleton;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use commands::{growth, numbering, scim};

/// Measures the service beside the machine's own limits.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Match, get, create and PATCH over HTTP, beside the bare skeleton and the engine alone.
    Scim(scim::Args),
    /// Ways of numbering changes on PostgreSQL.
    Numbering(numbering::Args),
    /// What a request costs in a small tenant and in a large one.
    Growth(growth::Args),
    /// Serves the bare skeleton until standard input ends.
    #[command(hide = true)]
    Skeleton(skeleton::Args),
}

#[tokio::main]
async fn main() -> Result<()> {
    // A dropped benchmark drops its servers and folders with it.
    tokio::select! {
        done = run(Cli::parse().command) => done,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C"),
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Scim(args) => scim::run(&args).await,
        Command::Numbering(args) => numbering::run(&args).await,
        Command::Growth(args) => growth::run(&args).await,
        Command::Skeleton(args) => skeleton::run(&args).await,
    }
}
