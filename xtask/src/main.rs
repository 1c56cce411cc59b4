//! The developer's loop. CI runs the same recipes: what passes here passes there.
//!
//! One recipe is one file in `recipes/`, with its flags as a clap `Args` and a `run`; it gets a line in [`Recipe`] and one in [`main`].

mod checks;
mod command;
mod postgres;
mod recipes;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, checks, tests and measures the project.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    recipe: Recipe,
}

#[derive(Subcommand)]
enum Recipe {
    /// Find or install what the tests need, then run every check and every test.
    #[command(visible_alias = "ci")]
    Test(recipes::test::Args),
    /// Run the benchmarks against both engines, with a PostgreSQL cluster up.
    Bench(recipes::bench::Args),
    /// Compare random filters on both engines with memory, and random PATCH requests with a plain model.
    Equivalence(recipes::equivalence::Args),
    /// Play a scoping mistake of 2,500 users against the deprovision guard, on both engines.
    Guard(recipes::guard::Args),
    /// Play random sequences of directory and admin on accounts and their links, and compare with a plain model.
    Linking(recipes::linking::Args),
    /// Run the fuzz targets for a while each.
    Fuzz(recipes::fuzz::Args),
    /// Measure what refusing nested and long filters costs.
    Bombs,
    /// Start a throw-away PostgreSQL cluster, print its URL, and stop it at Ctrl-C.
    Postgres,
    /// Check licences, banned crates and sources of every dependency.
    Deny(recipes::deny::Args),
    /// Ends a cluster when its starter has gone.
    #[command(hide = true)]
    PostgresGuard(postgres::guard::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().recipe {
        Recipe::Test(args) => recipes::test::run(&args),
        Recipe::Bench(args) => recipes::bench::run(&args),
        Recipe::Equivalence(args) => recipes::equivalence::run(&args),
        Recipe::Guard(args) => recipes::guard::run(&args),
        Recipe::Linking(args) => recipes::linking::run(&args),
        Recipe::Fuzz(args) => recipes::fuzz::run(&args),
        Recipe::Bombs => recipes::bombs::run(),
        Recipe::Postgres => recipes::postgres::run(),
        Recipe::Deny(args) => recipes::deny::run(&args),
        Recipe::PostgresGuard(args) => postgres::guard::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
