//! One process of the real binary: started, read until it is ready, ended.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_provisiond");
/// Far above what a start or a stop takes on a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running process. Killed when dropped; its log is printed when the test has failed.
pub struct Process {
    child: Child,
    log: PathBuf,
    /// The ready line.
    pub ready: Value,
}

impl Process {
    /// Starts `provisiond` with these arguments and waits until it is ready.
    pub async fn start(args: &[String], log: &Path) -> Self {
        Self::start_with_env(args, log, &[]).await
    }

    /// The same with more in its environment.
    pub async fn start_with_env(args: &[String], log: &Path, env: &[(&str, &Path)]) -> Self {
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the log can be written");
        let mut child = command(args)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(PATIENCE, lines.next_line()).await;
        let Ok(Ok(Some(line))) = line else {
            panic!("it did not become ready; its log:\n{}", read(log));
        };
        let ready = serde_json::from_str(&line).expect("the ready line is JSON");
        Self {
            child,
            log: log.to_owned(),
            ready,
        }
    }

    /// Where SCIM is.
    pub fn http(&self) -> &str {
        self.ready["http"].as_str().expect("this role serves HTTP")
    }

    /// Where gRPC is.
    pub fn grpc(&self) -> &str {
        self.ready["grpc"].as_str().expect("this role serves gRPC")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().expect("it runs").try_into().ok();
        let pid = pid.and_then(Pid::from_raw).expect("a process has an id");
        kill_process(pid, signal).expect("it runs");
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// SIGKILL: as if the power were cut.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends in time")
            .expect("it can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- log of the process ---\n{}--- end of the log ---",
                self.log()
            );
        }
    }
}

/// Runs a subcommand to its end.
pub async fn run(args: &[String]) -> Output {
    timeout(
        PATIENCE,
        command(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output(),
    )
    .await
    .expect("it ends in time")
    .expect("the binary starts")
}

/// Nothing of the developer's own settings reaches the process.
fn command(args: &[String]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(std::env::temp_dir());
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("PROVISIOND_") || name.starts_with("OTEL_"))
        {
            command.env_remove(name);
        }
    }
    command
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
