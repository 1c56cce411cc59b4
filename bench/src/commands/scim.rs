//! `bench scim`: the requests that Entra sends most, at the real program, beside the bare skeleton and the engine alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::RngExt as _;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::database::{self, Cluster};
use crate::ids::{self, Ids};
use crate::load::Operation;
use crate::measure::{self, Latencies, Sample, Series};
use crate::people;
use crate::process::Server;
use crate::raw::pgbench::Pgbench;
use crate::raw::{Engine, Mutation, NewAccount};
use crate::report::{self, Report};
use crate::service::{self, Service};
use crate::skeleton::{On, Skeleton};

const SKELETON_DATABASE: &str = "provisioning_bench_skeleton";
const SERVICE_DATABASE: &str = "provisioning_bench_service";

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
    /// Accounts of the tenant before the load.
    #[arg(long, default_value_t = 10_000)]
    accounts: u32,
    /// Clients, each with one connection.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Rounds, in each of which every contender has its turn.
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

/// An engine, as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EngineName {
    /// Embedded.
    Sqlite,
    /// In `TEST_POSTGRES_URL`.
    Postgres,
}

/// How large everything is.
struct Size {
    accounts: u32,
    connections: u32,
    rounds: u32,
    duration: Duration,
}

/// Runs it.
pub async fn run(args: &Args) -> Result<()> {
    let size = if args.smoke {
        Size {
            accounts: 50,
            connections: 2,
            rounds: 1,
            duration: Duration::from_millis(100),
        }
    } else {
        let duration = Duration::from_secs_f64(args.seconds);
        Size {
            accounts: args.accounts,
            connections: args.connections,
            rounds: args.rounds,
            duration,
        }
    };
    let binary = service::binary(args.binary.as_deref()).await?;
    let mut report = Report::new(format!(
        "SCIM requests: {} connections, {} accounts, {} rounds of {:?}",
        size.connections, size.accounts, size.rounds, size.duration
    ));
    for engine in &args.engines {
        match engine {
            EngineName::Sqlite => sqlite(&binary, &size, &mut report).await?,
            EngineName::Postgres => {
                let cluster = Cluster::find(args.database_url.as_deref())?;
                let measured = postgres(&binary, &cluster, &size, &mut report).await;
                cluster.remove(SKELETON_DATABASE).await?;
                cluster.remove(SERVICE_DATABASE).await?;
                measured?;
            }
        }
    }
    report.note("p50, p99: ms. CPU: microseconds of the server's process for a request, its database server's not counted.");
    report.note("x: the service's rate divided by this one's, the median of the rounds. The budget is 0.8 of the skeleton.");
    report.print(args.json)
}

async fn sqlite(binary: &Path, size: &Size, report: &mut Report) -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("skeleton.db");
    database::migrate_sqlite(&file).await?;
    let service = Service::start(binary, None, size.accounts).await?;
    measure_engine("SQLite", On::Sqlite(&file), None, service, size, report).await
}

async fn postgres(
    binary: &Path,
    cluster: &Cluster,
    size: &Size,
    report: &mut Report,
) -> Result<()> {
    let engine = cluster.describe().await?;
    let of_skeleton = cluster.create(SKELETON_DATABASE).await?;
    database::migrate_postgres(&of_skeleton).await?;
    let of_service = cluster.create(SERVICE_DATABASE).await?;
    let service = Service::start(binary, Some(&of_service), size.accounts).await?;
    let pgbench = Pgbench::find(&of_skeleton)?;
    report.note(format!(
        "{engine}; the engine alone is {}",
        if pgbench.is_some() {
            "pgbench"
        } else {
            "a loop on sqlx"
        }
    ));
    measure_engine(
        "PostgreSQL",
        On::Postgres(&of_skeleton),
        pgbench,
        service,
        size,
        report,
    )
    .await
}

/// The turns of one operation.
struct Contest {
    operation: Operation,
    engine: Series,
    skeleton: Series,
    service: Series,
}

async fn measure_engine(
    name: &str,
    on: On<'_>,
    pgbench: Option<Pgbench>,
    service: Service,
    size: &Size,
    report: &mut Report,
) -> Result<()> {
    let engine = Arc::new(on.open(size.connections).await?);
    engine.preload(size.accounts).await?;
    let skeleton = Skeleton::start(on, size.accounts).await?;
    let mut wire = Series::new();
    let mut contests = Operation::HOT.map(|operation| Contest {
        operation,
        engine: Series::new(),
        skeleton: Series::new(),
        service: Series::new(),
    });
    for _ in 0..size.rounds {
        wire.push(
            with_cpu(
                &skeleton.server,
                skeleton
                    .target
                    .turn(Operation::Nothing, size.connections, size.duration),
            )
            .await?,
        );
        for contest in &mut contests {
            let operation = contest.operation;
            contest.engine.push(match &pgbench {
                Some(pgbench) => {
                    pgbench
                        .turn(operation, size.accounts, size.connections, size.duration)
                        .await?
                }
                None => alone(&engine, operation, size).await?,
            });
            let turn = skeleton
                .target
                .turn(operation, size.connections, size.duration);
            contest.skeleton.push(
                with_cpu(&skeleton.server, turn)
                    .await
                    .context("the skeleton")?,
            );
            let turn = service
                .target
                .turn(operation, size.connections, size.duration);
            contest.service.push(
                with_cpu(&service.server, turn)
                    .await
                    .context("the service")?,
            );
        }
    }
    report.row(line(name, "nothing", "skeleton (wire)", &wire, None));
    for contest in &contests {
        let operation = contest.operation.name();
        report.row(line(
            name,
            &operation,
            "engine alone",
            &contest.engine,
            Some(&contest.service),
        ));
        report.row(line(
            name,
            &operation,
            "skeleton",
            &contest.skeleton,
            Some(&contest.service),
        ));
        report.row(line(name, &operation, "service", &contest.service, None));
    }
    let mib =
        |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.0}"));
    report.note(format!(
        "{name}: the service was ready after {} ms; resident memory {} MiB idle, {} MiB after the load",
        service.server.ready_after.as_millis(),
        mib(service.idle_mib),
        mib(service.server.resident_mib()),
    ));
    Ok(())
}

fn line<'a>(
    engine: &str,
    operation: &str,
    contender: &str,
    series: &Series,
    service: Option<&Series>,
) -> [(&'a str, serde_json::Value); 8] {
    let latencies = series.latencies();
    [
        ("engine", engine.into()),
        ("operation", operation.into()),
        ("contender", contender.into()),
        ("per second", report::number(series.rate())),
        (
            "x",
            report::number_or_null(service.map(|service| service.ratio_to(series))),
        ),
        ("p50", report::millis(latencies.quantile_us(0.5))),
        ("p99", report::millis(latencies.quantile_us(0.99))),
        ("CPU", report::number_or_null(series.server_cpu_us())),
    ]
}

/// The turn, and what it cost the server.
pub async fn with_cpu(
    server: &Server,
    turn: impl Future<Output = Result<Sample>>,
) -> Result<Sample> {
    let before = server.cpu();
    let mut sample = turn.await?;
    sample.server_cpu = before
        .zip(server.cpu())
        .map(|(before, after)| after.saturating_sub(before));
    Ok(sample)
}

/// The statements without HTTP.
async fn alone(engine: &Arc<Engine>, operation: Operation, size: &Size) -> Result<Sample> {
    let (accounts, duration, started) = (u64::from(size.accounts), size.duration, Instant::now());
    let ids = Arc::new(Ids::new());
    let mut tasks = JoinSet::new();
    for _ in 0..size.connections {
        let (engine, ids) = (Arc::clone(engine), Arc::clone(&ids));
        tasks.spawn(async move {
            let mut latencies = Latencies::new();
            while started.elapsed() < duration {
                let number = rand::rng().random_range(0..accounts);
                let begun = Instant::now();
                statement(&engine, operation, number, &ids).await?;
                latencies.record(begun.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let parts = tasks.join_all().await;
    Ok(measure::sample(
        started,
        parts.into_iter().collect::<Result<Vec<_>>>()?,
    ))
}

async fn statement(engine: &Engine, operation: Operation, number: u64, ids: &Ids) -> Result<()> {
    let id = ids::numbered(number);
    let is_found = match operation {
        Operation::Match => engine
            .find_by_user_name(&people::user_name(number))
            .await?
            .is_some(),
        Operation::Get => engine.find_by_id(id).await?.is_some(),
        Operation::Create => {
            let new = ids.id();
            let user_name = format!("{new}@bench.example");
            let account = NewAccount {
                id: new,
                object_id: new.to_string(),
                document: people::document(&user_name),
                user_name,
            };
            engine.write(Mutation::Create(account)).await?.version == 1
        }
        Operation::Patch => {
            let active = rand::rng().random();
            engine
                .write(Mutation::SetActive { id, active })
                .await?
                .version
                > 1
        }
        Operation::MatchBy(_)
        | Operation::Page { .. }
        | Operation::Cursor(_)
        | Operation::Membership(_)
        | Operation::Nothing => {
            unreachable!("these have no statement of their own")
        }
    };
    ensure!(
        is_found,
        "{} of number {number} found nothing",
        operation.name()
    );
    Ok(())
}
