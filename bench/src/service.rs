//! The real program as the thing measured: built, started on an engine, with a tenant, a token and people.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::process::Command;

use crate::database;
use crate::load::Target;
use crate::process::Server;
use crate::raw;

/// Clients that create the people in the beginning; many, for the sake of group commit.
const PRELOAD_CONNECTIONS: u32 = 64;
/// Beside the binary's own default, so that no client waits for a connection.
const POOL_SIZE_MAX: &str = "16";

/// A running service.
pub struct Service {
    /// The process.
    pub server: Server,
    /// What is put under load.
    pub target: Arc<Target>,
    /// Resident memory before the first request.
    pub idle_mib: Option<f64>,
    _folder: TempDir,
}

impl Service {
    /// Starts it, on SQLite unless there is a database, and creates people by SCIM.
    pub async fn start(
        binary: &Path,
        database: Option<&PgConnectOptions>,
        people: u32,
    ) -> Result<Self> {
        let folder = TempDir::new()?;
        let data_dir = folder.path().join("data");
        let log = folder.path().join("log");
        let mut serve = Command::new(binary);
        serve
            .args([
                "serve",
                "--http-addr=127.0.0.1:0",
                "--grpc-addr=127.0.0.1:0",
                "--data-dir",
            ])
            .arg(&data_dir)
            .env("PROVISIOND_POOL_SIZE_MAX", POOL_SIZE_MAX)
            .stderr(File::create(&log)?);
        if let Some(database) = database {
            // Not as a flag, which every user of the machine could read.
            serve
                .arg("--migrate")
                .env("PROVISIOND_DATABASE_URL", database::url(database));
        }
        let server = Server::start(serve)
            .await
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        let idle_mib = server.resident_mib();
        let grpc = server
            .grpc
            .as_deref()
            .context("the ready line names the gRPC address")?;
        let _tenant: serde_json::Value =
            administer(binary, &data_dir, grpc, &["tenant", "create", raw::TENANT]).await?;
        let token: Token =
            administer(binary, &data_dir, grpc, &["token", "generate", raw::TENANT]).await?;
        let path = token
            .endpoint
            .splitn(4, '/')
            .nth(3)
            .context("the endpoint is a URL with a path")?;
        let base = format!("/{}", path.trim_end_matches('/'));
        let mut target = Target::new(server.http, base, token.token, Vec::new());
        target
            .preload(people, PRELOAD_CONNECTIONS)
            .await
            .context("cannot create the people")?;
        Ok(Self {
            server,
            target: Arc::new(target),
            idle_mib,
            _folder: folder,
        })
    }
}

/// What `token generate --json` prints.
#[derive(Deserialize)]
struct Token {
    endpoint: String,
    token: String,
}

/// Runs a subcommand against the running service.
async fn administer<T: DeserializeOwned>(
    binary: &Path,
    data_dir: &Path,
    grpc: &str,
    words: &[&str],
) -> Result<T> {
    let output = Command::new(binary)
        .args(words)
        .args(["--json", "--grpc", grpc, "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{} does not print JSON", words.join(" ")))
}

/// The program to measure: the one given, or a release build of this workspace.
pub async fn binary(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return given
            .canonicalize()
            .with_context(|| format!("there is no {}", given.display()));
    }
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args([
            "build",
            "--release",
            "--package=provisiond",
            "--bin=provisiond",
            "--message-format=json-render-diagnostics",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the program does not build");
    let built = String::from_utf8(output.stdout)?;
    let mut executables = built
        .lines()
        .filter_map(|line| serde_json::from_str::<Built>(line).ok()?.executable);
    executables.next_back().context("cargo built no program")
}

/// What cargo says of a thing it built.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
}
