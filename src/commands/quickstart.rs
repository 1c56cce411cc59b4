//! `provisiond quickstart`: everything at once, on loopback, with nothing prepared.

use std::{
    collections::BTreeMap, io::ErrorKind, net::SocketAddr, net::TcpListener, process::ExitCode,
};

use ::entra_sim::{Scenario, Target};
use anyhow::Context as _;
use provisioning_proto::admin::v1::{
    LogEntry, log_service_client::LogServiceClient, tenant_service_client::TenantServiceClient,
    token_service_client::TokenServiceClient,
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tonic::Code;

use super::{
    Configuration,
    entra_sim::{self, Played},
    logs,
    serve::{self, StopSignals},
    tenant,
    token::{self, MadeToken},
};
use crate::{
    client::{Connection, Session, Signer, explain},
    config::{Config, ConfigError, DEFAULT_GRPC_ADDR, DEFAULT_HTTP_ADDR, Role},
    output::{self, Column, quoted},
    service::Service,
    telemetry::Telemetry,
};

/// The tenant that is made.
const TENANT: &str = "demo";
/// The first cycle, two busy days (what was deleted in the first is restored or purged in the second), and a quiet one.
const CYCLES: usize = 3;
/// What of the provisioning log is shown.
const LOG_ENTRIES_SHOWN: usize = 20;
/// What of the provisioning log is counted.
const LOG_ENTRIES_COUNTED: usize = 10_000;

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    /// Ends after the show instead of serving on: 0 when all went well, 1 otherwise
    #[arg(long)]
    exit: bool,
    /// Prints one JSON summary instead
    #[arg(long)]
    json: bool,
    /// Users that are provisioned
    #[arg(long, value_name = "N", default_value_t = 200)]
    users: usize,
    #[command(flatten)]
    configuration: Configuration,
}

/// Shows everything.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Args {
        exit,
        json,
        users,
        mut configuration,
    } = args;
    let options = &mut configuration.options;
    // The request lines of two hundred users would bury what is to be seen.
    options.log_level.get_or_insert_with(|| "warn".to_owned());
    options
        .http_addr
        .get_or_insert_with(|| free(DEFAULT_HTTP_ADDR));
    options
        .grpc_addr
        .get_or_insert_with(|| free(DEFAULT_GRPC_ADDR));
    let config = configuration.load()?;
    if config.role != Role::All {
        let fault = "role: quickstart serves every role in one process; leave role out, or use `provisiond serve`";
        return Err(ConfigError::one(fault).into());
    }

    let mut signals = StopSignals::new()?;
    let telemetry = Telemetry::install(&config.telemetry)?;
    let service = Service::start(&config, true).await?;
    let shown = tokio::select! {
        shown = show(&config, &service, users, json) => shown.map(Some),
        () = signals.received() => Ok(None),
    };
    if matches!(shown, Ok(Some(_))) && !exit {
        eprintln!("\nServing. Stop with Ctrl-C.");
        serve::until_stopped(service, &mut signals, config.shutdown_grace).await;
    } else {
        service
            .stop(config.shutdown_grace, signals.received())
            .await;
    }
    tokio::task::spawn_blocking(|| telemetry.flush())
        .await
        .context("the telemetry was not flushed")?;
    match shown? {
        Some(false) if exit => Ok(ExitCode::FAILURE),
        Some(_) | None => Ok(ExitCode::SUCCESS),
    }
}

/// The address, or any free port when another process is there.
fn free(addr: SocketAddr) -> SocketAddr {
    match TcpListener::bind(addr) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            eprintln!("{addr} is taken by another process; a free port is used instead");
            SocketAddr::new(addr.ip(), 0)
        }
        Ok(_) | Err(_) => addr,
    }
}

/// Makes the tenant and its token, plays Entra, and tells about it. Whether all went well.
async fn show(
    config: &Config,
    service: &Service,
    users: usize,
    as_json: bool,
) -> anyhow::Result<bool> {
    let session = connect(config, service).await?;
    let tenant_is_new = ensure_tenant(&session).await?;
    let (made, token_is_new) = make_token(&session).await?;
    if !as_json {
        say_hello(config, service, tenant_is_new, token_is_new, users)?;
    }
    let target = Target::parse(&made.endpoint, made.secret.clone())?;
    let engine = entra_sim::play(target, scenario(users, &made, tenant_is_new)).await?;
    // Before the server is examined: looking for what was deleted is logged too.
    let entries = logs::list(
        &mut LogServiceClient::new(session),
        TENANT,
        "",
        LOG_ENTRIES_COUNTED,
    )
    .await?;
    let played = entra_sim::examine(engine).await;
    if as_json {
        output::line(summary_json(service, &made, &played, &entries))?;
    } else {
        print_log(&entries)?;
        print_result(&played)?;
        print_next_steps(config, service, &made)?;
    }
    Ok(played.ok())
}

/// Those who work for the company of a second run are others: the people of the first are still there, and were renamed, suspended and
/// deleted since.
fn scenario(users: usize, made: &MadeToken, is_first: bool) -> Scenario {
    let scenario = Scenario::new(users, CYCLES);
    if is_first {
        return scenario;
    }
    let run = &made.token.id;
    Scenario {
        seed: u64::from_str_radix(run, 16).unwrap_or(scenario.seed),
        domain: format!("{run}.{}", scenario.domain),
        ..scenario
    }
}

async fn connect(config: &Config, service: &Service) -> anyhow::Result<Session> {
    let connection = Connection {
        grpc: service.grpc_url().map(str::to_owned),
        grpc_ca: config.grpc.tls.as_ref().map(|tls| tls.cert.clone()),
        signer: Signer {
            data_dir: Some(config.data_dir.clone()),
            jwt_issuer: Some(config.jwt.issuer.clone()),
            jwt_audience: Some(config.jwt.audience.clone()),
            config: None,
        },
    };
    connection.open().await
}

async fn ensure_tenant(session: &Session) -> anyhow::Result<bool> {
    match tenant::create(
        &mut TenantServiceClient::new(session.clone()),
        TENANT,
        Some("Demo"),
        false,
    )
    .await
    {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::AlreadyExists => Ok(false),
        Err(status) => Err(explain(&status)),
    }
}

/// The old token cannot be shown again, so a second quickstart makes a new one.
async fn make_token(session: &Session) -> anyhow::Result<(MadeToken, bool)> {
    let mut client = TokenServiceClient::new(session.clone());
    match token::generate(&mut client, TENANT).await {
        Ok(made) => Ok((made, true)),
        Err(status) if status.code() == Code::AlreadyExists => {
            let made = token::regenerate(&mut client, TENANT, None)
                .await
                .map_err(|status| explain(&status))?;
            Ok((made, false))
        }
        Err(status) => Err(explain(&status)),
    }
}

fn say_hello(
    config: &Config,
    service: &Service,
    tenant_is_new: bool,
    token_is_new: bool,
    users: usize,
) -> anyhow::Result<()> {
    output::line(format_args!(
        "SCIM on {}",
        service.http_url().unwrap_or_default()
    ))?;
    output::line(format_args!(
        "gRPC on {}",
        service.grpc_url().unwrap_or_default()
    ))?;
    output::line(format_args!("Data in {}", config.data_dir.display()))?;
    let tenant = if tenant_is_new {
        "made"
    } else {
        "was there already"
    };
    let token = if token_is_new {
        "generated"
    } else {
        "regenerated; the one before no longer works"
    };
    output::line(format_args!(
        "Tenant {TENANT} {tenant}, its SCIM token {token}.\n"
    ))?;
    output::line(format_args!(
        "Playing Microsoft Entra with {users} users against the SCIM endpoint:"
    ))?;
    Ok(())
}

fn print_log(entries: &[LogEntry]) -> anyhow::Result<()> {
    let newest = &entries[..entries.len().min(LOG_ENTRIES_SHOWN)];
    output::line(format_args!(
        "\nThe newest {} of {} entries of the provisioning log:",
        newest.len(),
        entries.len()
    ))?;
    output::line(logs::table(newest))?;
    output::line("\nBy operation:")?;
    let columns = ["operation", "success", "failure"].map(Column::Fixed);
    let row = |(operation, counts): (String, Counts)| {
        vec![
            operation,
            counts.success.to_string(),
            counts.failure.to_string(),
        ]
    };
    let rows: Vec<_> = count(entries).into_iter().map(row).collect();
    output::line(output::table(&columns, &rows))?;
    Ok(())
}

/// Entries of one operation.
#[derive(Clone, Copy, Default, serde::Serialize)]
struct Counts {
    success: u32,
    failure: u32,
}

fn count(entries: &[LogEntry]) -> BTreeMap<String, Counts> {
    let mut counts = BTreeMap::<String, Counts>::new();
    for entry in entries {
        let counts = counts.entry(logs::operation(entry)).or_default();
        match logs::outcome(entry) {
            "success" => counts.success += 1,
            _ => counts.failure += 1,
        }
    }
    counts
}

fn print_result(played: &Played) -> anyhow::Result<()> {
    entra_sim::print_findings(played)?;
    let result = if played.ok() {
        "All went well: every account is as the directory says, and a cycle without changes sent nothing."
    } else {
        "NOT all went well; see above."
    };
    output::line(format_args!("\n{result}"))?;
    Ok(())
}

fn print_next_steps(config: &Config, service: &Service, made: &MadeToken) -> anyhow::Result<()> {
    let grpc = service.grpc_url().unwrap_or_default();
    let address = grpc.split_once("://").map_or(grpc, |(_, address)| address);
    // Whoever tries the program has not installed it: its name alone may find nothing.
    let program = std::env::current_exe().context("the program has no path")?;
    let program = quoted(&program.to_string_lossy());
    let data_dir = quoted(&config.data_dir.to_string_lossy());
    let method = "dragonce.provisioning.admin.v1.LogService/ListLogEntries";
    let body =
        format!(r#"{{"tenant":"{TENANT}","filter":"operation eq \"suspend\"","page_size":3}}"#);
    output::line(
        "\nTo connect Microsoft Entra, paste under Enterprise application, Provisioning, Admin Credentials:",
    )?;
    output::line(format_args!("  Tenant URL:    {}", made.endpoint))?;
    output::line(format_args!(
        "  Secret Token:  {}",
        made.secret.expose_secret()
    ))?;
    output::line(
        "(Entra needs an https URL that it can reach: put a certificate and --public-base-url in front.)",
    )?;
    output::line("\nA first gRPC call, the contract read from the server:")?;
    output::line(format_args!(
        "  JWT=$({program} jwt mint --scope platform.operator --data-dir {data_dir})"
    ))?;
    output::line(format_args!(
        "  buf curl --protocol grpc --http2-prior-knowledge -H \"Authorization: Bearer $JWT\" -d '{body}' {grpc}/{method}"
    ))?;
    output::line(format_args!(
        "  grpcurl -plaintext -H \"Authorization: Bearer $JWT\" -d '{body}' {address} {method}"
    ))?;
    Ok(())
}

fn summary_json(
    service: &Service,
    made: &MadeToken,
    played: &Played,
    entries: &[LogEntry],
) -> serde_json::Value {
    json!({
        "ok": played.ok(),
        "http": service.http_url(),
        "grpc": service.grpc_url(),
        "tenant": TENANT,
        "endpoint": made.endpoint,
        "token": made.secret.expose_secret(),
        "token_id": made.token.id,
        "mask": made.token.mask,
        "cycles": played.report.cycles,
        "in_error": played.report.in_error,
        "differences": played.differences,
        "log": count(entries),
    })
}
