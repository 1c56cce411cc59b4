//! `provisiond serve`: serves until it is told to stop.

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Configuration;
use crate::{output, service::Service, telemetry::Telemetry};

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    configuration: Configuration,

    /// Brings the database to this program's schema first
    #[arg(long, help_heading = "Service")]
    migrate: bool,
}

/// Serves.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.configuration.load()?;
    // Before the service: a signal that comes while it starts must not kill it half way.
    let mut signals = StopSignals::new()?;
    let telemetry = Telemetry::install(&config.telemetry)?;
    let service = tokio::select! {
        started = Service::start(&config, args.migrate) => started?,
        () = signals.received() => return Ok(()),
    };
    output::line(service.ready_line())?;
    tracing::info!(
        http = service.http_url(),
        grpc = service.grpc_url(),
        "serving"
    );
    until_stopped(service, &mut signals, config.shutdown_grace).await;
    // Blocks while the last spans are sent.
    tokio::task::spawn_blocking(|| telemetry.flush())
        .await
        .context("the telemetry was not flushed")
}

/// Serves until a signal comes, then stops in good order.
pub async fn until_stopped(service: Service, signals: &mut StopSignals, grace: Duration) {
    signals.received().await;
    tracing::info!(
        "asked to stop; running requests have {} seconds to end",
        grace.as_secs()
    );
    service.stop(grace, signals.received()).await;
}

/// SIGTERM and SIGINT. SIGHUP means "read your files again" and is not for this.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl StopSignals {
    /// From here on the signals no longer kill.
    pub fn new() -> anyhow::Result<Self> {
        let watch = |kind| signal(kind).context("cannot watch signals");
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
            hangup: watch(SignalKind::hangup())?,
        })
    }

    /// Waits for the next.
    pub async fn received(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {}
            }
        }
    }
}
