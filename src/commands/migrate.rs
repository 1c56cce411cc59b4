//! `provisiond migrate`: brings the database to this program's schema.

use super::Configuration;
use crate::{output, service, telemetry::Telemetry};

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: Configuration,
}

/// Migrates.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.configuration.load()?;
    let telemetry = Telemetry::install(&config.telemetry)?;
    let applied = service::migrate(&config.storage).await;
    telemetry.flush();
    for migration in &applied? {
        output::line(format_args!("applied {migration}"))?;
    }
    Ok(output::line("the database is at this program's schema")?)
}
