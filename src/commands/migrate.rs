//! `provisiond migrate`: brings the database to this program's schema.

use std::path::PathBuf;

use clap::builder::{StringValueParser, TypedValueParser as _};
use secrecy::SecretString;

use crate::{
    config::{Config, Options},
    output, service,
    telemetry::Telemetry,
};

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    /// The service's configuration file, for what is not said here [default: provisiond.toml, if it is there]
    #[arg(long, env = "PROVISIOND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder, with the embedded database [default: ./provisiond-data]
    #[arg(long, env = "PROVISIOND_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// postgres://… or sqlite:FILE; better set in the environment or the file, where `ps` does not show it [default: SQLite in the data folder]
    #[arg(long, env = "PROVISIOND_DATABASE_URL", value_name = "URL", value_parser = StringValueParser::new().map(SecretString::from), hide_env_values = true)]
    database_url: Option<SecretString>,
}

/// Migrates.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let options = Options {
        data_dir: args.data_dir,
        database_url: args.database_url,
        ..Options::default()
    };
    let (storage, telemetry) = Config::load_storage(options, args.config.as_deref())?;
    let telemetry = Telemetry::install(&telemetry)?;
    let applied = service::migrate(&storage).await;
    telemetry.flush();
    for migration in &applied? {
        output::line(format_args!("applied {migration}"))?;
    }
    Ok(output::line("the database is at this program's schema")?)
}
