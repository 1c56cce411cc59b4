//! `bench growth`: what a request costs in a small tenant and in a large one, at the real program.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::scim::{EngineName, with_cpu};
use crate::database::Cluster;
use crate::load::Operation;
use crate::measure::Series;
use crate::report::{self, Report};
use crate::service::{self, Service};

/// The databases of the small and the large tenant.
const DATABASES: [&str; 2] = ["provisioning_bench_small", "provisioning_bench_large"];
const PAGE_SIZE: u32 = 100;

/// Flags of the benchmark.
#[derive(clap::Args)]
pub struct Args {
    /// The program to measure [default: a release build of this workspace]
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The PostgreSQL cluster; databases are made in it and removed.
    #[arg(long)]
    database_url: Option<String>,
    /// Which engines.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [EngineName::Sqlite, EngineName::Postgres])]
    engines: Vec<EngineName>,
    /// Accounts of the small tenant.
    #[arg(long, default_value_t = 10_000)]
    small: u32,
    /// Accounts of the large tenant; 1000000 takes some minutes to create.
    #[arg(long, default_value_t = 100_000)]
    large: u32,
    /// Clients, each with one connection.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Rounds, in each of which both have their turn.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long a turn is.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Everything, but tiny: shows that the harness works.
    #[arg(long)]
    smoke: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub async fn run(args: &Args) -> Result<()> {
    let binary = service::binary(args.binary.as_deref()).await?;
    let sizes = if args.smoke {
        [20, 200]
    } else {
        [args.small, args.large]
    };
    let mut report = Report::new(format!(
        "Growth: {} accounts beside {} accounts, {} connections",
        sizes[1], sizes[0], args.connections
    ));
    for engine in &args.engines {
        match engine {
            EngineName::Sqlite => {
                let small = Service::start(&binary, None, sizes[0]).await?;
                let large = Service::start(&binary, None, sizes[1]).await?;
                compare("SQLite", args, &small, &large, &mut report).await?;
            }
            EngineName::Postgres => {
                let cluster = Cluster::find(args.database_url.as_deref())?;
                let compared = async {
                    let small = cluster.create(DATABASES[0]).await?;
                    let large = cluster.create(DATABASES[1]).await?;
                    let small = Service::start(&binary, Some(&small), sizes[0]).await?;
                    let large = Service::start(&binary, Some(&large), sizes[1]).await?;
                    compare("PostgreSQL", args, &small, &large, &mut report).await
                };
                let compared = compared.await;
                for database in DATABASES {
                    cluster.remove(database).await?;
                }
                compared?;
            }
        }
    }
    report.note("x: what a request costs in the large tenant, as a multiple of the small one: the median of the rounds. The budget is 1.5.");
    report.print(args.json)
}

async fn compare(
    name: &str,
    args: &Args,
    small: &Service,
    large: &Service,
    report: &mut Report,
) -> Result<()> {
    let (rounds, duration) = if args.smoke {
        (1, Duration::from_millis(100))
    } else {
        (args.rounds, Duration::from_secs_f64(args.seconds))
    };
    let page = Operation::Page {
        start: 1,
        count: PAGE_SIZE,
    };
    for operation in [Operation::Match, Operation::Get, Operation::Patch, page] {
        let (mut of_small, mut of_large) = (Series::new(), Series::new());
        for _ in 0..rounds {
            for (service, series) in [(small, &mut of_small), (large, &mut of_large)] {
                let turn = service.target.turn(operation, args.connections, duration);
                series.push(
                    with_cpu(&service.server, turn)
                        .await
                        .context("the service")?,
                );
            }
        }
        report.row([
            ("engine", name.into()),
            ("operation", operation.name().into()),
            ("small per second", report::number(of_small.rate())),
            ("large per second", report::number(of_large.rate())),
            ("x", report::number(of_small.ratio_to(&of_large))),
            (
                "small p99",
                report::millis(of_small.latencies().quantile_us(0.99)),
            ),
            (
                "large p99",
                report::millis(of_large.latencies().quantile_us(0.99)),
            ),
        ]);
    }
    Ok(())
}
