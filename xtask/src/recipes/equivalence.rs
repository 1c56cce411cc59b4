//! `cargo xtask equivalence`: random filters and random PATCH requests at full size. The tests run the same properties with a few hundred cases.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::postgres::Cluster;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// How many random filters are compared in memory, on SQLite and on PostgreSQL; 0: none.
    #[arg(long, default_value_t = 100_000)]
    filters: u32,
    /// How many random sequences of PATCH requests are compared with a plain model in memory; 0: none.
    #[arg(long, default_value_t = 100_000)]
    patches: u32,
    /// How many of them are stored, on each engine; 0: none.
    #[arg(long, default_value_t = 5_000)]
    stored_patches: u32,
    /// How many random filters over random memberships are compared in memory, on SQLite and on PostgreSQL; 0: none.
    #[arg(long, default_value_t = 20_000)]
    membership_filters: u32,
}

/// Where a property of provisioning-core stands, its name, and the variable that says how many cases it has.
const PROPERTIES: [(&str, &str, &str); 4] = [
    (
        "--lib",
        "a_filter_finds_the_same_in_memory_in_sqlite_and_in_postgresql",
        "PROPERTY_FILTERS",
    ),
    (
        "--test=main",
        "a_sequence_of_patches_leaves_what_the_model_says",
        "PROPERTY_PATCHES",
    ),
    (
        "--test=main",
        "a_stored_account_is_what_the_model_says_after_each_patch",
        "PROPERTY_STORED_PATCHES",
    ),
    (
        "--lib",
        "a_filter_over_memberships_finds_the_same_in_memory_in_sqlite_and_in_postgresql",
        "PROPERTY_MEMBERSHIP_FILTERS",
    ),
];

/// Runs each; each prints how much it compared.
pub fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::start()?;
    let cases = [
        args.filters,
        args.patches,
        args.stored_patches,
        args.membership_filters,
    ];
    for ((place, property, variable), cases) in PROPERTIES.into_iter().zip(cases) {
        if cases == 0 {
            continue;
        }
        let mut test = cargo(&["test", "--package=provisioning-core", place, property]);
        cluster.lend(&mut test);
        command::run(
            test.args(["--", "--nocapture"])
                .env(variable, cases.to_string()),
        )?;
    }
    Ok(())
}
