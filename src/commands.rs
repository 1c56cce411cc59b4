//! The subcommands: one module each. Here is only what they share: parsing, the runtime, exit codes.

mod account;
mod diagnose;
mod entra_sim;
mod findings;
mod guard;
mod jwt;
mod link;
mod logs;
mod migrate;
mod quickstart;
mod readiness;
mod serve;
mod tenant;
mod token;

use std::{ffi::OsString, io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::config::{Config, ConfigError, Options, without_unusable};

/// `EX_USAGE` of sysexits.h: the command line is wrong.
const EXIT_USAGE: u8 = 64;
/// `EX_CONFIG` of sysexits.h: the configuration is wrong.
const EXIT_CONFIG: u8 = 78;

/// Keeps DragOnce accounts in step with a customer's Microsoft Entra ID: SCIM in front, gRPC behind.
#[derive(Parser)]
#[command(name = "provisiond", version, arg_required_else_help = true)]
enum Cli {
    /// Tries everything at once: serves, plays Entra against itself, shows the log and what to paste into Entra
    Quickstart(quickstart::Args),
    /// Serves SCIM and gRPC
    Serve(serve::Args),
    /// Brings the database to this program's schema
    Migrate(migrate::Args),
    /// Creates, lists, updates, enables and disables tenants of a running service
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Generates, regenerates, revokes and lists SCIM tokens of a running service
    #[command(subcommand)]
    Token(token::Command),
    /// Holds, protects, restores and purges accounts of a running service
    #[command(subcommand)]
    Account(account::Command),
    /// Shows what the deprovision guard of a tenant holds back, and approves or dismisses it
    #[command(subcommand)]
    Guard(guard::Command),
    /// Makes JWTs for gRPC calls
    #[command(subcommand)]
    Jwt(jwt::Command),
    /// Connects accounts of a running service with their Entra objects
    #[command(subcommand)]
    Link(link::Command),
    /// Shows the provisioning log of a tenant
    Logs(logs::Args),
    /// Shows what stands between Entra and a tenant's accounts and groups, and what to do about it
    Findings(findings::Args),
    /// Explains one account, login account or Object ID: how it stands, what Entra will do next, and why
    Diagnose(diagnose::Args),
    /// Plays Microsoft Entra's provisioning against a SCIM endpoint
    EntraSim(entra_sim::Args),
}

/// Where the configuration comes from.
#[derive(clap::Args)]
struct Configuration {
    /// Configuration file [default: provisiond.toml, if it is there]
    #[arg(long, env = "PROVISIOND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Configuration {
    fn load(self) -> Result<Config, ConfigError> {
        Config::load(self.options, self.config.as_deref())
    }
}

/// Does what the command line asks for.
pub fn run() -> ExitCode {
    let cli = match parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when even this cannot be printed.
            let _ = error.print();
            return if error.use_stderr() {
                EXIT_USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run_on_runtime(cli) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<ConfigError>() {
                EXIT_CONFIG.into()
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn parse(words: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = without_unusable(Cli::command());
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn run_on_runtime(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        match cli {
            Cli::Quickstart(args) => quickstart::run(args).await,
            Cli::Serve(args) => serve::run(args).await.map(|()| ExitCode::SUCCESS),
            Cli::Migrate(args) => migrate::run(args).await.map(|()| ExitCode::SUCCESS),
            Cli::Tenant(command) => tenant::run(command).await.map(|()| ExitCode::SUCCESS),
            Cli::Token(command) => token::run(command).await.map(|()| ExitCode::SUCCESS),
            Cli::Account(command) => account::run(command).await.map(|()| ExitCode::SUCCESS),
            Cli::Guard(command) => guard::run(command).await.map(|()| ExitCode::SUCCESS),
            Cli::Jwt(command) => jwt::run(command).map(|()| ExitCode::SUCCESS),
            Cli::Link(command) => link::run(command).await,
            Cli::Logs(args) => logs::run(args).await.map(|()| ExitCode::SUCCESS),
            Cli::Findings(args) => findings::run(args).await.map(|()| ExitCode::SUCCESS),
            Cli::Diagnose(args) => diagnose::run(args).await.map(|()| ExitCode::SUCCESS),
            Cli::EntraSim(args) => entra_sim::run(args).await,
        }
    })
}

/// Whoever reads our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_guard_is_switched_off_or_set_and_nothing_in_between() {
        for line in [
            "tenant update acme",
            "tenant update acme --guard-off --guard-max-count 50",
            "tenant update acme --guard-off --guard-window 1h",
            "tenant update acme --guard-window 1h",
            "tenant update acme --guard-max-percent 0",
        ] {
            let words = std::iter::once("provisiond").chain(line.split(' '));
            assert!(parse(words.map(OsString::from)).is_err(), "{line}");
        }
    }

    #[test]
    fn the_calls_of_scripts_parse() {
        for line in [
            "serve --data-dir d --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0 --database-url postgres://h/d",
            "serve --role facade --core-url http://127.0.0.1:1 --grpc-reflection=false",
            "tenant create acme --json --grpc http://127.0.0.1:1 --data-dir d --disabled",
            "tenant update acme --guard-max-count 50 --guard-max-percent 10 --guard-window 1h --json",
            "tenant update acme --guard-off",
            "guard show acme --items --json",
            "guard approve acme 0198d4c0-0000-7000-8000-000000000000 --reason ok --json",
            "guard dismiss acme",
            "token generate acme --json --grpc http://127.0.0.1:1 --data-dir d",
            "token regenerate acme --json --overlap 10m",
            "account hold acme 0190c0de-0000-7000-8000-000000000000 --reason left --json --grpc http://127.0.0.1:1",
            "account restore acme 0190c0de-0000-7000-8000-000000000000 --dry-run",
            "account deleted acme --json",
            "jwt mint --scope accounts.read --scope accounts.write --tenant acme --subject panel --ttl 1h",
            "logs acme --filter x --limit 5",
            "link import links.csv --tenant acme --dry-run --json --reason why --data-dir d",
            "link set alice@contoso.com 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef --tenant acme --reason why --json --grpc http://127.0.0.1:1 --data-dir d",
            "link set 0190c0de-0000-7000-8000-000000000000 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef --tenant acme --dry-run",
            "link unset alice@contoso.com --tenant acme --reason why",
            "link revert 0190c0de-0000-7000-8000-000000000000 --tenant acme --reason why",
            "link history --tenant acme --limit 5 --json",
            "findings dismiss acme 0190c0de-0000-7000-8000-000000000000 --reason meant --json",
            "tenant update acme --entra-job 5d1f0f6e-5a3e-4c1e-9d1b-1f4c0a3b2e11 scim.1 --guard-max-count 5",
            "tenant update acme --no-entra-job",
            "findings acme --json --closed --grpc http://127.0.0.1:1 --data-dir d",
            "diagnose acme --user-name a@b.c",
            "diagnose acme --object-id 1 --json --grpc http://127.0.0.1:1",
            "diagnose acme --account-id 1",
            "entra-sim --url http://h/scim/acme/v2 --token t --users 10 --groups 2 --match external-id,user-name --external-id object-id --cycles 2 --flag both --seed 7 --concurrency 4 --json",
            "quickstart --exit",
            "migrate --data-dir d --database-url postgres://h/d --config f",
        ] {
            let words = std::iter::once("provisiond").chain(line.split(' '));
            assert!(parse(words.map(OsString::from)).is_ok(), "{line}");
        }
    }

    #[test]
    fn one_thing_is_diagnosed_at_a_time() {
        for line in ["diagnose acme", "diagnose acme --user-name a --object-id b"] {
            let words = std::iter::once("provisiond").chain(line.split(' '));
            assert!(parse(words.map(OsString::from)).is_err(), "{line}");
        }
    }

    /// The words of a line as a shell reads them: blanks, both kinds of quotes, a comment.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for c in line.chars() {
            match (c, quote) {
                ('\'' | '"', None) => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (c, Some(open)) if c == open => quote = None,
                ('#', None) if word.is_none() => break,
                (c, None) if c.is_whitespace() => words.extend(word.take()),
                (c, _) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    #[test]
    fn the_commands_of_the_guides_parse() {
        let guides = [
            include_str!("../README.md"),
            include_str!("../docs/linking.md"),
            include_str!("../docs/operating.md"),
        ];
        let mut parsed = 0;
        for line in guides
            .map(|guide| guide.replace("\\\n", " "))
            .iter()
            .flat_map(|guide| guide.lines())
        {
            let words = words(line.trim());
            if words.first().is_some_and(|word| word == "provisiond") {
                let error = parse(words.into_iter().map(OsString::from)).err();
                assert!(
                    error.is_none(),
                    "{line}: {}",
                    error.map(|error| error.to_string()).unwrap_or_default()
                );
                parsed += 1;
            }
        }
        assert!(parsed > 20, "they were read");
    }
}
