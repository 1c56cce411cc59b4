//! `provisiond entra-sim`: plays Microsoft Entra's provisioning against a SCIM endpoint.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{
    ValueEnum,
    builder::{StringValueParser, TypedValueParser as _},
};
use entra_sim::{Difference, Engine, FlagMode, Report, Scenario, Target};
use secrecy::SecretString;
use serde_json::json;

use crate::{output, progress::Progress};

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    /// The SCIM endpoint, as in Entra's "Tenant URL"
    #[arg(long, env = "PROVISIOND_SCIM_URL", value_name = "URL")]
    url: String,
    /// The token, as in Entra's "Secret Token"; better set in the environment, where `ps` does not show it
    #[arg(long, env = "PROVISIOND_SCIM_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = StringValueParser::new().map(SecretString::from))]
    token: SecretString,
    /// Users in the directory before the first cycle
    #[arg(long, value_name = "N", default_value_t = 200)]
    users: usize,
    /// Cycles: the first provisions everyone, the others a busy day each; one without changes follows
    #[arg(long, value_name = "N", default_value_t = 3)]
    cycles: usize,
    /// PATCH bodies with ?aadOptscim062020, without, or one run each
    #[arg(long, value_enum, default_value_t = Flag::Off)]
    flag: Flag,
    /// Same seed, same directory and same changes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Objects exported at the same time
    #[arg(long, value_name = "N", default_value_t = 8)]
    concurrency: usize,
    /// Mail domain of the users
    #[arg(long, value_name = "DOMAIN", default_value = "contoso.com")]
    domain: String,
    /// Prints the whole report as JSON, one object a run
    #[arg(long)]
    json: bool,
}

/// Which form of PATCH bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flag {
    Off,
    On,
    Both,
}

impl Flag {
    const fn modes(self) -> &'static [FlagMode] {
        match self {
            Self::Off => &[FlagMode::Off],
            Self::On => &[FlagMode::On],
            Self::Both => &[FlagMode::Off, FlagMode::On],
        }
    }
}

/// What a run came to.
pub struct Played {
    /// What was done.
    pub report: Report,
    /// Where the server is not as it should be.
    pub differences: Vec<Difference>,
}

impl Played {
    /// Whether nothing is wrong.
    pub fn ok(&self) -> bool {
        self.report.exit_ok() && self.differences.is_empty()
    }
}

/// Plays. The exit code is 0 when every run ended well.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut all_ok = true;
    for flag in args.flag.modes() {
        let target = Target::parse(&args.url, args.token.clone()).context("--url")?;
        let scenario = Scenario {
            seed: args.seed,
            flag: *flag,
            concurrency: args.concurrency,
            domain: domain(&args, *flag),
            ..Scenario::new(args.users, args.cycles)
        };
        let played = examine(play(target, scenario).await?).await;
        all_ok &= played.ok();
        print(&played, *flag, args.json)?;
    }
    Ok(if all_ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Each of two runs has users of its own, so that the second does not find those of the first.
fn domain(args: &Args, flag: FlagMode) -> String {
    match (args.flag, flag) {
        (Flag::Both, FlagMode::On) => format!("flag.{}", args.domain),
        (Flag::Both, FlagMode::Off) | (Flag::Off | Flag::On, _) => args.domain.clone(),
    }
}

/// Plays one scenario.
pub async fn play(target: Target, scenario: Scenario) -> anyhow::Result<Engine> {
    let mut engine = Engine::new(target, scenario)?;
    let mut progress = Progress::new();
    engine.run(&mut |event| progress.see(event)).await;
    progress.finish();
    Ok(engine)
}

/// Looks at the server after the play.
pub async fn examine(engine: Engine) -> Played {
    let differences = engine.verify().await;
    Played {
        report: engine.into_report(),
        differences,
    }
}

fn print(played: &Played, flag: FlagMode, as_json: bool) -> anyhow::Result<()> {
    let Played {
        report,
        differences,
    } = played;
    if as_json {
        output::line(
            json!({ "ok": played.ok(), "flag": flag, "differences": differences, "report": report }),
        )?;
        return Ok(());
    }
    print_findings(played)?;
    output::line(format_args!(
        "flag {flag:?}: {} cycles, {} requests, {} objects in error, {} repeated PATCHes, {} differences: {}",
        report.cycles.len(),
        report
            .cycles
            .iter()
            .map(|cycle| cycle.requests)
            .sum::<u64>(),
        report.in_error.len(),
        report.repeated_patches(),
        differences.len(),
        if played.ok() { "good" } else { "NOT good" },
    ))?;
    Ok(())
}

/// What is wrong, a line each; nothing when nothing is.
pub fn print_findings(played: &Played) -> anyhow::Result<()> {
    let Played {
        report,
        differences,
    } = played;
    for object in &report.in_error {
        output::line(format_args!(
            "in error: {} ({}): {:?}: {}",
            object.object_id,
            object.target_id.as_deref().unwrap_or("no account"),
            object.error_code,
            output::shown(&object.detail),
        ))?;
    }
    for difference in differences {
        output::line(format_args!(
            "different: {} {}: expected {}, found {}",
            difference.object_id,
            output::shown(&difference.what),
            output::shown(&difference.expected),
            output::shown(&difference.found),
        ))?;
    }
    if let Some(reason) = report.quarantined {
        output::line(format_args!("in quarantine: {reason:?}"))?;
    }
    Ok(())
}
