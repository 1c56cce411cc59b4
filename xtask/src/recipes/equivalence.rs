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
    /// How many random sequences of PATCH requests are compared with a plain model; 0: none.
    #[arg(long, default_value_t = 100_000)]
    patches: u32,
}

/// A property in the tests of provisioning-core, and the variable that says how many cases it has.
const PROPERTIES: [(&str, &str); 2] = [
    (
        "a_filter_finds_the_same_in_memory_in_sqlite_and_in_postgresql",
        "PROPERTY_FILTERS",
    ),
    (
        "a_sequence_of_patches_leaves_what_the_model_says",
        "PROPERTY_PATCHES",
    ),
];

/// Runs both; each prints how much it compared.
pub fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::start()?;
    for ((property, variable), cases) in PROPERTIES.into_iter().zip([args.filters, args.patches]) {
        if cases == 0 {
            continue;
        }
        let mut test = cargo(&["test", "--package=provisioning-core", "--lib", property]);
        cluster.lend(&mut test);
        command::run(
            test.args(["--", "--nocapture"])
                .env(variable, cases.to_string()),
        )?;
    }
    Ok(())
}
