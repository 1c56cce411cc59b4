//! Servers in processes of their own: started, asked what they cost, ended with the benchmark.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const READY_WITHIN: Duration = Duration::from_mins(1);
/// Linux counts processor time in hundredths, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

/// What a server prints on standard output, as one line, when it serves.
#[derive(Deserialize)]
struct Ready {
    http: String,
    grpc: Option<String>,
}

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    /// Its end tells a server of ours to end.
    _stdin: Option<ChildStdin>,
    _stdout: BufReader<ChildStdout>,
    /// Where it serves HTTP.
    pub http: SocketAddr,
    /// The URL where it serves gRPC.
    pub grpc: Option<String>,
    /// From its start to its ready line.
    pub ready_after: Duration,
}

impl Server {
    /// Starts it and waits for its ready line.
    pub async fn start(mut command: Command) -> Result<Self> {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("cannot start {}", command.as_std().get_program().display())
            })?;
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        timeout(READY_WITHIN, stdout.read_line(&mut line))
            .await
            .context("the server does not become ready")??;
        let ready_after = started.elapsed();
        let ready: Ready = serde_json::from_str(&line)
            .context("the server ended, or its first line is not the ready line")?;
        let http = ready
            .http
            .strip_prefix("http://")
            .context("it serves plain HTTP")?;
        let http = http
            .trim_end_matches('/')
            .parse()
            .context("it names an address")?;
        let stdin = child.stdin.take();
        Ok(Self {
            child,
            _stdin: stdin,
            _stdout: stdout,
            http,
            grpc: ready.grpc,
            ready_after,
        })
    }

    /// Processor time so far, user and system; on Linux.
    pub fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        // The second field is the name, which may hold anything, in parentheses; the times are the 14th and 15th.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        let ticks: u32 =
            fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
        Some(TICK * ticks)
    }

    /// Resident memory now, in MiB; on Linux.
    pub fn resident_mib(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib / 1024.0)
    }
}
