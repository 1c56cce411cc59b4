//! A PostgreSQL cluster of our own: made in a temporary folder, on loopback, gone when we are.

mod folder;
pub mod guard;
pub mod user;

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{self, say};
use crate::tools;
use folder::Folder;
use guard::Guard;

/// The variable the tests read the cluster's URL from.
pub const URL_VARIABLE: &str = "TEST_POSTGRES_URL";

/// Durable as in production, which the service insists on; reached on loopback only, so no password. No Unix socket: its
/// path may be longer than an address may be.
const SETTINGS: &str = "
fsync = on
synchronous_commit = on
max_connections = 200
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
";

/// Another process may take a free port before PostgreSQL does.
const PORTS_TRIED_MAX: u32 = 5;

/// A running cluster; dropping it stops it and removes its data.
pub struct Cluster {
    url: String,
    programs: Option<PathBuf>,
    _guard: Option<Guard>,
}

impl Cluster {
    /// The cluster that the environment names, or a new one.
    pub fn start() -> Result<Self> {
        if let Ok(url) = env::var(URL_VARIABLE) {
            say(&format!("using the PostgreSQL of {URL_VARIABLE}"));
            return Ok(Self {
                url,
                programs: None,
                _guard: None,
            });
        }
        Self::create()
    }

    fn create() -> Result<Self> {
        let programs = tools::postgres::find_or_install()?;
        let folder = Folder::create()?;
        folder::remove_stale(&programs)?;
        let data = folder.data();
        let guard = Guard::start(folder, &programs)?;
        say(&format!("making a cluster in {}", data.display()));
        initialise(&programs, &data)?;
        let port = listen(&programs, &data)?;
        say(&format!("PostgreSQL listens on 127.0.0.1:{port}, fsync on"));
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        Ok(Self {
            url,
            programs: Some(programs),
            _guard: Some(guard),
        })
    }

    /// Where a superuser reaches the cluster.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells the program where the cluster is, and lets it find psql and pgbench.
    pub fn lend(&self, command: &mut Command) {
        command.env(URL_VARIABLE, &self.url);
        if let Some(programs) = &self.programs {
            let search_path = env::var_os("PATH").unwrap_or_default();
            let folders = env::split_paths(&search_path).chain([programs.clone()]);
            command.env(
                "PATH",
                env::join_paths(folders).expect("these came from a search path"),
            );
        }
    }
}

fn initialise(programs: &Path, data: &Path) -> Result<()> {
    let mut initdb = user::as_owner_of(data, &programs.join("initdb"))?;
    // No sync here: a half-made cluster that a crash leaves behind is thrown away anyway.
    initdb
        .args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--pgdata",
        ])
        .arg(data);
    command::output(&mut initdb).with_context(|| {
        format!(
            "can its owner reach {}? TMPDIR chooses another place",
            data.display()
        )
    })?;
    let mut configuration = OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))?;
    configuration.write_all(SETTINGS.as_bytes())?;
    Ok(())
}

/// Starts the server on a free port.
fn listen(programs: &Path, data: &Path) -> Result<u16> {
    let log = data.join("server.log");
    for _ in 0..PORTS_TRIED_MAX {
        let port = free_port()?;
        let mut pg_ctl = user::as_owner_of(data, &programs.join("pg_ctl"))?;
        pg_ctl
            .args(["start", "--wait", "--silent", "--timeout=60"])
            .arg(format!("--options=-p {port}"));
        let started = command::output(pg_ctl.arg("--log").arg(&log).arg("--pgdata").arg(data));
        let Err(error) = started else { return Ok(port) };
        let words = fs::read_to_string(&log).unwrap_or_default();
        if !words.contains("could not bind") {
            bail!("{error:#}\n{words}");
        }
    }
    bail!("{PORTS_TRIED_MAX} free ports were taken before PostgreSQL could bind them")
}

/// A port of loopback that nobody listens on now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().expect("a port");
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("nobody listens on it");
    }

    #[test]
    fn a_program_is_told_where_the_cluster_is() {
        let cluster = Cluster {
            url: "postgres://here".into(),
            programs: Some("/opt/pg/bin".into()),
            _guard: None,
        };
        let mut command = Command::new("any");
        cluster.lend(&mut command);
        let variable = |name: &str| {
            let (_, value) = command
                .get_envs()
                .find(|(key, _)| *key == name)
                .expect("set");
            value.expect("a value").to_owned()
        };
        assert_eq!(variable(URL_VARIABLE), "postgres://here");
        assert_eq!(
            env::split_paths(&variable("PATH")).last(),
            Some("/opt/pg/bin".into())
        );
    }
}
