//! `bench numbering`: which way of numbering changes lets the writers of one tenant work side by side.
//!
//! Each mutation is an account's update with its log entry and its change, durable when it is answered. The ways differ in when the change gets
//! its number; each has a tenant of its own with the same accounts.

mod one_writer;
mod sequencer;
mod statements;
mod strategy;
mod tenant;

use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::postgres::PgConnectOptions;

use crate::database::{self, Cluster};
use crate::measure::{Latencies, Series};
use crate::report::{self, Report};
use strategy::Strategy;
use tenant::Tenant;

const DATABASE: &str = "provisioning_bench_numbering";

/// Flags of the benchmark.
#[derive(clap::Args)]
pub struct Args {
    /// The PostgreSQL cluster; a database is made in it and removed.
    #[arg(long)]
    database_url: Option<String>,
    /// Writers of one tenant, one run for each.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64])]
    writers: Vec<u32>,
    /// Accounts of the tenant.
    #[arg(long, default_value_t = 10_000)]
    accounts: u32,
    /// Rounds, in each of which every way has its turn.
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
    let cluster = Cluster::find(args.database_url.as_deref())?;
    let engine = cluster.describe().await?;
    let options = cluster.create(DATABASE).await?;
    let measured = async {
        database::migrate_postgres(&options).await?;
        let mut report = Report::new(format!(
            "Numbering changes: account update + log entry + change, one tenant, {engine}"
        ));
        for writers in &args.writers {
            measure_all(args, &options, *writers, &mut report).await?;
        }
        anyhow::Ok(report)
    };
    let measured = measured.await;
    cluster.remove(DATABASE).await?;
    let mut report = measured?;
    report.note("answered: from the request to its durable answer. numbered: from the request until its change has a number. ms.");
    report.print(args.json)
}

async fn measure_all(
    args: &Args,
    options: &PgConnectOptions,
    writers: u32,
    report: &mut Report,
) -> Result<()> {
    let (accounts, rounds, seconds) = if args.smoke {
        (100, 1, 0.2)
    } else {
        (args.accounts, args.rounds, args.seconds)
    };
    // The sequencer or the one writer has its connection beside the writers'.
    let pool = database::postgres_pool(options.clone(), writers + 1).await?;
    let mut contenders = Vec::new();
    for strategy in Strategy::ALL {
        let tenant = Tenant::create(&pool, accounts).await?;
        contenders.push((strategy, tenant, Series::new(), Latencies::new()));
    }
    for _ in 0..rounds {
        for (strategy, tenant, answered, numbered) in &mut contenders {
            let turn = strategy::turn(
                *strategy,
                &pool,
                tenant,
                writers,
                Duration::from_secs_f64(seconds),
            )
            .await?;
            answered.push(turn.answered);
            numbered.add(&turn.numbered);
        }
    }
    let rates: Vec<f64> = contenders
        .iter()
        .map(|(.., answered, _)| answered.rate())
        .collect();
    for ((strategy, tenant, answered, numbered), rate) in contenders.iter().zip(rates) {
        tenant
            .check(&pool)
            .await
            .with_context(|| format!("after {}", strategy.name()))?;
        report.row([
            ("writers", writers.into()),
            ("way", strategy.name().into()),
            ("mutations/s", report::number(rate)),
            (
                "x counter row",
                report::number(answered.ratio_to(&contenders[0].2)),
            ),
            (
                "answered p50",
                report::millis(answered.latencies().quantile_us(0.5)),
            ),
            (
                "answered p99",
                report::millis(answered.latencies().quantile_us(0.99)),
            ),
            ("numbered p50", report::millis(numbered.quantile_us(0.5))),
            ("numbered p99", report::millis(numbered.quantile_us(0.99))),
        ]);
    }
    pool.close().await;
    Ok(())
}
