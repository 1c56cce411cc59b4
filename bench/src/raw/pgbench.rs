//! PostgreSQL's own load generator with our statements: what the engine does without any client of ours.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::process::Command;

use super::{BY_ID, BY_USER_NAME, TENANT, TOKEN_ID, postgres, tenant_id};
use crate::database;
use crate::load::Operation;
use crate::measure::{self, Latencies, Sample};
use crate::people;

const USER_NAME: &str =
    "'user' || LPAD(CAST(CAST(:n AS BIGINT) AS TEXT), 8, '0') || '@bench.example'";
const ID: &str =
    "CAST('01900000-0000-7000-8000-' || LPAD(TO_HEX(CAST(:n AS BIGINT)), 12, '0') AS UUID)";
const NOW_US: &str = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)";
const NEW_ID: &str = "GEN_RANDOM_UUID()";
/// Not padded, for that would cut it: the numbers of new logins are long.
const NEW_USER_NAME: &str = "'user' || CAST(CAST(:n AS BIGINT) AS TEXT) || '@bench.example'";
/// New logins are drawn from here: a collision is as good as impossible.
const NEW_NUMBERS: &str = "1000000000, 9000000000000000";

/// The program and its scripts.
pub struct Pgbench {
    program: PathBuf,
    database_url: String,
    folder: TempDir,
}

impl Pgbench {
    /// If there is a pgbench on the search path.
    pub fn find(options: &PgConnectOptions) -> Result<Option<Self>> {
        let search_path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&search_path)
            .map(|folder| folder.join("pgbench"))
            .find(|program| program.is_file());
        found
            .map(|program| {
                Ok(Self {
                    program,
                    database_url: database::url(options),
                    folder: TempDir::new()?,
                })
            })
            .transpose()
    }

    /// One turn.
    pub async fn turn(
        &self,
        operation: Operation,
        accounts: u32,
        connections: u32,
        duration: Duration,
    ) -> Result<Sample> {
        let turn = tempfile::tempdir_in(self.folder.path())?;
        let script = turn.path().join("script.sql");
        fs::write(&script, self::script(operation, accounts))?;
        let pgbench = Command::new(&self.program)
            .args([
                "--no-vacuum",
                "--protocol=prepared",
                "--jobs=2",
                "--log",
                "--random-seed=rand",
            ])
            .arg(format!("--client={connections}"))
            .arg(format!("--time={}", duration.as_secs_f64().ceil()))
            .arg(format!(
                "--log-prefix={}",
                turn.path().join("log").display()
            ))
            .arg(format!("--file={}", script.display()))
            .arg(&self.database_url)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot start pgbench")?;
        let printed = String::from_utf8_lossy(&pgbench.stdout);
        ensure!(
            pgbench.status.success(),
            "pgbench failed: {}",
            String::from_utf8_lossy(&pgbench.stderr)
        );
        let rate: f64 =
            rate(&printed).with_context(|| format!("pgbench prints no tps:\n{printed}"))?;
        let latencies = latencies(turn.path())?;
        let elapsed = Duration::from_secs_f64(measure::count_f64(latencies.count()) / rate);
        Ok(Sample {
            elapsed,
            latencies,
            server_cpu: None,
        })
    }
}

/// The number of `tps = 1234.5 (without initial connection time)`.
fn rate(printed: &str) -> Option<f64> {
    let line = printed.lines().find(|line| line.starts_with("tps = "))?;
    line.split_whitespace().nth(2)?.parse().ok()
}

/// The third column of each line of each log is a transaction's time in microseconds.
fn latencies(folder: &Path) -> Result<Latencies> {
    let mut latencies = Latencies::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with("log") {
            for line in fs::read_to_string(file.path())?.lines() {
                let time = line.split(' ').nth(2).and_then(|time| time.parse().ok());
                latencies.record_us(
                    time.with_context(|| format!("not a line of pgbench's log: {line}"))?,
                );
            }
        }
    }
    Ok(latencies)
}

/// The same statement that the skeleton binds values to, with the values in it.
fn script(operation: Operation, accounts: u32) -> String {
    let known = format!("\\set n random(0, {})\n", accounts.saturating_sub(1));
    let (tenant, token, tenant_id) = (
        literal(TENANT),
        literal(TOKEN_ID),
        format!("CAST({} AS UUID)", literal(&tenant_id().to_string())),
    );
    match operation {
        Operation::Match => known + &inline(BY_USER_NAME, &[&tenant, &token, USER_NAME]),
        Operation::Get => known + &inline(BY_ID, &[&tenant, &token, ID]),
        Operation::Patch => {
            known
                + "\\set a random(0, 1)\n"
                + &inline(
                    postgres::SET_ACTIVE,
                    &[NEW_ID, NEW_ID, NOW_US, &tenant_id, ID, "(:a = 1)"],
                )
        }
        Operation::Create => {
            let person = people::user_name(0);
            let (document, search) = (
                literal(&people::document(&person)),
                literal(&people::search(&person)),
            );
            let values = [
                NEW_ID,
                NEW_ID,
                NOW_US,
                &tenant_id,
                NEW_ID,
                NEW_USER_NAME,
                "CAST(GEN_RANDOM_UUID() AS TEXT)",
                &document,
                &search,
            ];
            format!("\\set n random({NEW_NUMBERS})\n") + &inline(postgres::CREATE, &values)
        }
        Operation::MatchBy(_)
        | Operation::Page { .. }
        | Operation::Cursor(_)
        | Operation::Membership(_)
        | Operation::Nothing => {
            unreachable!("these are not measured on the engine alone")
        }
    }
}

/// The statement on one line, with each parameter replaced by its value.
fn inline(sql: &str, values: &[&str]) -> String {
    let mut sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    // The highest first: `$1` is also the beginning of `$10`.
    for (index, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", index + 1), value);
    }
    sql + ";\n"
}

/// A text. pgbench takes a word behind a colon for a variable, wherever it stands.
fn literal(text: &str) -> String {
    format!(
        "REPLACE('{}', '~', CHR(58))",
        text.replace('\'', "''").replace(':', "~")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_gets_its_value() {
        for operation in [
            Operation::Match,
            Operation::Get,
            Operation::Create,
            Operation::Patch,
        ] {
            let script = script(operation, 100);
            assert!(!script.contains('$'), "{script}");
            let variables = script
                .split(':')
                .skip(1)
                .filter(|rest| rest.starts_with(char::is_alphanumeric));
            assert!(
                variables
                    .into_iter()
                    .all(|rest| rest.starts_with("n ") || rest.starts_with("a ")),
                "{script}"
            );
            assert_eq!(
                script.lines().last().map(|line| line.ends_with(';')),
                Some(true),
                "{script}"
            );
        }
    }

    #[test]
    fn the_rate_is_read() {
        let printed = "latency average = 0.5 ms\ninitial connection time = 9 ms\ntps = 24300.25 (without initial connection time)\n";
        assert_eq!(rate(printed), Some(24_300.25));
        assert_eq!(rate("pgbench: error"), None);
    }

    #[test]
    fn a_text_has_no_colon() {
        assert_eq!(literal("it's:a"), "REPLACE('it''s~a', '~', CHR(58))");
    }
}
