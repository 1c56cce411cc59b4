//! `bench growth`: what a request costs in a small tenant and in a large one, on the first page and on the last, in a small group and in large ones,
//! at the real program.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::scim::{EngineName, with_cpu};
use crate::database::Cluster;
use crate::load::{Matching, Operation};
use crate::measure::Series;
use crate::report::{self, Report};
use crate::service::{self, Service};

/// The databases of the small and the large tenant.
const DATABASES: [&str; 2] = ["provisioning_bench_small", "provisioning_bench_large"];
const PAGE_SIZE: u32 = 100;
/// Of a walk by cursor: the service's largest page.
const CURSOR_PAGE_SIZE: u32 = 200;
/// Members of the groups, the last one of as many as the tenant allows.
const GROUP_SIZES: [usize; 3] = [100, 10_000, 100_000];
/// People who come and go in a group.
const GUESTS: usize = 1_000;

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
    /// Accounts of the large tenant; 1000000 takes some minutes to create. Groups are as large as it allows.
    #[arg(long, default_value_t = 110_000)]
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

impl Args {
    /// Accounts of the small and of the large tenant.
    fn sizes(&self) -> [u32; 2] {
        if self.smoke {
            [20, 500]
        } else {
            [self.small, self.large]
        }
    }
}

/// Runs it.
pub async fn run(args: &Args) -> Result<()> {
    let binary = service::binary(args.binary.as_deref()).await?;
    let sizes = args.sizes();
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
    report.note("x: what a request costs in the large, as a multiple of the small: the median of the rounds. The budget is 1.5.");
    report.note("The first page by cursor counts what matches; the later ones are told.");
    report.print(args.json)
}

async fn compare(
    name: &str,
    args: &Args,
    small: &Service,
    large: &Service,
    report: &mut Report,
) -> Result<()> {
    let page = Operation::Page {
        start: 1,
        count: PAGE_SIZE,
    };
    let matches = Matching::ALL.map(Operation::MatchBy);
    let tenants = [Operation::Match, Operation::Get, Operation::Patch, page];
    for operation in tenants.into_iter().chain(matches) {
        let sides = [(small, operation), (large, operation)];
        let labels = [args.sizes()[0], args.sizes()[1]].map(|size| format!("{size} accounts"));
        let of = measure(args, sides).await?;
        row(report, name, operation, labels, &of);
    }

    let pages = large.target.walk(CURSOR_PAGE_SIZE).await?;
    let sides = [0, 1].map(|end| (large, Operation::Cursor(end)));
    let labels = ["page 1".to_owned(), format!("page {pages}")];
    let of = measure(args, sides).await?;
    row(report, name, Operation::Cursor(0), labels, &of);

    let guests = if args.smoke { 20 } else { GUESTS };
    let accounts = args.sizes()[1] as usize;
    let members = GROUP_SIZES.map(|size| size.min(accounts - guests));
    large.target.make_groups(&members, guests).await?;
    for index in 1..members.len() {
        let sides = [0, index].map(|group| (large, Operation::Membership(group)));
        let labels = [members[0], members[index]].map(|size| format!("group of {size}"));
        let of = measure(args, sides).await?;
        row(report, name, Operation::Membership(index), labels, &of);
    }
    Ok(())
}

/// Both sides in turn.
async fn measure(args: &Args, sides: [(&Service, Operation); 2]) -> Result<[Series; 2]> {
    let (rounds, duration) = if args.smoke {
        (1, Duration::from_millis(100))
    } else {
        (args.rounds, Duration::from_secs_f64(args.seconds))
    };
    let mut series = [Series::new(), Series::new()];
    for _ in 0..rounds {
        for ((service, operation), series) in sides.into_iter().zip(&mut series) {
            let turn = service.target.turn(operation, args.connections, duration);
            series.push(
                with_cpu(&service.server, turn)
                    .await
                    .context("the service")?,
            );
        }
    }
    Ok(series)
}

fn row(
    report: &mut Report,
    engine: &str,
    operation: Operation,
    [small, large]: [String; 2],
    [of_small, of_large]: &[Series; 2],
) {
    report.row([
        ("engine", engine.into()),
        ("operation", operation.name().into()),
        ("small", small.into()),
        ("large", large.into()),
        ("small per second", report::number(of_small.rate())),
        ("large per second", report::number(of_large.rate())),
        ("x", report::number(of_small.ratio_to(of_large))),
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
