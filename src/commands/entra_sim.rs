//! `provisiond entra-sim`: plays Microsoft Entra's provisioning against a SCIM endpoint.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{
    ValueEnum,
    builder::{StringValueParser, TypedValueParser as _},
};
use entra_sim::{
    Difference, Engine, ExternalId, FlagMode, Mapping, Matching, ProvisioningLogEntry, Report,
    Scenario, Status, Target,
};
use provisioning_core::clock::{Clock as _, SystemClock};
use secrecy::SecretString;
use serde_json::json;

use super::readiness;
use crate::{
    output::{self, Column, shown},
    progress::Progress,
    tls,
};

/// What of the log is shown besides failures.
const ENTRIES_SHOWN: usize = 20;
/// A server that refuses everyone needs no longer list to make its point.
const FAILURES_SHOWN: usize = 100;

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    /// The SCIM endpoint, as in Entra's "Tenant URL"
    #[arg(long, env = "PROVISIOND_SCIM_URL", value_name = "URL")]
    url: String,
    /// The token, as in Entra's "Secret Token"; better set in the environment, where `ps` does not show it
    #[arg(long, env = "PROVISIOND_SCIM_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = StringValueParser::new().map(SecretString::from))]
    token: SecretString,
    /// Certificate (PEM) of the authority behind an https URL [default: the system's authorities]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Users in the directory before the first cycle
    #[arg(long, value_name = "N", default_value_t = 200)]
    users: usize,
    /// Groups in the directory before the first cycle
    #[arg(long, value_name = "N", default_value_t = 0)]
    groups: usize,
    /// Matching attribute; several by precedence, with commas. `user-name` is the displayName of groups
    #[arg(
        long = "match",
        value_enum,
        value_delimiter = ',',
        default_value = "user-name"
    )]
    matching: Vec<MatchBy>,
    /// What is mapped to the users' externalId
    #[arg(long, value_enum, default_value_t = ExternalIdSource::ObjectId)]
    external_id: ExternalIdSource,
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
    /// Plays Microsoft's validation tests instead: 0 when every mandatory one passed
    #[arg(long, conflicts_with_all = ["users", "cycles", "flag", "seed", "concurrency", "domain"])]
    readiness: bool,
}

/// By what objects are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MatchBy {
    UserName,
    ExternalId,
}

/// Where `externalId` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExternalIdSource {
    ObjectId,
    MailNickname,
}

impl Args {
    fn mapping(&self) -> Mapping {
        let matching = self.matching.iter().map(|attribute| match attribute {
            MatchBy::UserName => Matching::Name,
            MatchBy::ExternalId => Matching::ExternalId,
        });
        Mapping {
            external_id: match self.external_id {
                ExternalIdSource::ObjectId => ExternalId::ObjectId,
                ExternalIdSource::MailNickname => ExternalId::MailNickname,
            },
            matching: matching.collect(),
        }
    }
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
    let mut target = Target::parse(&args.url, args.token.clone()).context("--url")?;
    if let Some(ca) = &args.ca {
        target = target.with_authority(tls::read_authority(ca).context("--ca")?);
    }
    if args.readiness {
        return readiness::run(&target, args.json).await;
    }
    for flag in args.flag.modes() {
        let scenario = Scenario {
            seed: args.seed,
            flag: *flag,
            concurrency: args.concurrency,
            domain: domain(&args, *flag),
            groups: args.groups,
            mapping: args.mapping(),
            ..Scenario::new(args.users, args.cycles)
        };
        let played = examine(play(target.clone(), scenario).await?).await;
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
    let scenario = Scenario {
        started_at: jiff::Timestamp::from_microsecond(SystemClock.now().as_micros())
            .context("the clock is out of range")?,
        ..scenario
    };
    let mut engine = Engine::new(target, scenario)?;
    let mut progress = Progress::new();
    engine.run(&mut |event| progress.see(event)).await;
    progress.finish();
    Ok(engine)
}

/// Looks at the server after the play.
pub async fn examine(engine: Engine) -> Played {
    // A server that let nobody in is not asked for everybody.
    let differences = if engine.never_connected() {
        Vec::new()
    } else {
        engine.verify().await
    };
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
    print_log(&report.log)?;
    print_findings(played)?;
    output::line(format_args!(
        "\nflag {}: {} cycles, {} requests, {} objects in error, {} repeated PATCHes, {} differences: {}",
        words(flag),
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

/// As `--flag` says it.
const fn words(flag: FlagMode) -> &'static str {
    match flag {
        FlagMode::Off => "off",
        FlagMode::On => "on",
    }
}

/// What Entra's administrator would read: how much was done, what failed, and what was done last.
fn print_log(log: &[ProvisioningLogEntry]) -> anyhow::Result<()> {
    let mut totals = BTreeMap::<_, BTreeMap<_, usize>>::new();
    for entry in log {
        *totals
            .entry(entry.action)
            .or_default()
            .entry(entry.status)
            .or_default() += 1;
    }
    output::line(format_args!(
        "The provisioning log has {} entries:",
        log.len()
    ))?;
    let columns = ["action", "success", "failure", "skipped"].map(Column::Fixed);
    let rows: Vec<_> = totals
        .into_iter()
        .map(|(action, counts)| {
            let count = |status| counts.get(&status).copied().unwrap_or_default().to_string();
            vec![
                action.to_string(),
                count(Status::Success),
                count(Status::Failure),
                count(Status::Skipped),
            ]
        })
        .collect();
    output::line(output::table(&columns, &rows))?;

    let newest = || log.iter().rev();
    let failures = || newest().filter(|entry| entry.status == Status::Failure);
    print_entries(
        "failures",
        failures().take(FAILURES_SHOWN),
        failures().count(),
    )?;
    let others = || newest().filter(|entry| entry.status != Status::Failure);
    print_entries(
        "other entries",
        others().take(ENTRIES_SHOWN),
        others().count(),
    )
}

/// Newest first.
fn print_entries<'e>(
    what: &str,
    entries: impl Iterator<Item = &'e ProvisioningLogEntry>,
    of: usize,
) -> anyhow::Result<()> {
    let rows: Vec<_> = entries
        .map(|entry| {
            vec![
                format!("{:.3}", entry.time),
                entry.action.to_string(),
                entry.status.to_string(),
                shown(entry.source_name.as_deref().unwrap_or_default()),
                shown(&reason(entry)),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    output::line(format_args!("\nThe newest {} of {of} {what}:", rows.len()))?;
    let columns = [
        Column::Fixed("time"),
        Column::Fixed("action"),
        Column::Fixed("status"),
        Column::Text("user or group"),
        Column::Text("detail"),
    ];
    Ok(output::line(output::table(&columns, &rows))?)
}

/// Why it did not succeed; what was sent, if it did.
fn reason(entry: &ProvisioningLogEntry) -> String {
    match entry.error_code {
        Some(code) if entry.detail.is_empty() => code.to_string(),
        Some(code) => format!("{code}: {}", entry.detail),
        None => entry.changed_properties.join(", "),
    }
}

/// What is wrong, a line each; nothing when nothing is.
pub fn print_findings(played: &Played) -> anyhow::Result<()> {
    let Played {
        report,
        differences,
    } = played;
    for object in &report.in_error {
        output::line(format_args!(
            "in error: {} ({}): {}: {}",
            object.object_id,
            object.target_id.as_deref().unwrap_or("not linked"),
            object.error_code,
            shown(&object.detail),
        ))?;
    }
    for difference in differences {
        output::line(format_args!(
            "different: {} {}: expected {}, found {}",
            difference.object_id,
            shown(&difference.what),
            shown(&difference.expected),
            shown(&difference.found),
        ))?;
    }
    if let Some(why) = report
        .cycles
        .last()
        .and_then(|cycle| cycle.stopped.as_ref())
    {
        output::line(format_args!("stopped: {}", shown(why)))?;
    }
    if let Some(reason) = report.quarantined {
        output::line(format_args!("in quarantine: {reason}"))?;
    }
    Ok(())
}
