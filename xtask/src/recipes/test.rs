//! `cargo xtask test`, also called `ci`: everything that must hold before a change is done.
//!
//! Steps run on after a failure, as long as the code compiles: one run shows all there is to mend. The tests come last, so that
//! their summary ends the log.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::checks;
use crate::command::{self, cargo, say};
use crate::postgres::Cluster;
use crate::tools;
use crate::tools::cargo_tool::NEXTEST;
use crate::workspace;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// Run only the tests, with these arguments of `cargo nextest run`, e.g. `-- -p provisioning-core a_name`.
    #[arg(last = true)]
    nextest: Vec<String>,
}

/// A name and what must hold.
type Step = (&'static str, fn() -> Result<()>);

/// In this order: what is quick to know comes first.
const STEPS: [Step; 14] = [
    ("tools", find_tools),
    ("format", || {
        command::run(&mut cargo(&["fmt", "--all", "--check"]))
    }),
    ("contract", checks::contract::check),
    ("migrations", checks::migrations::check),
    ("layers", checks::layers::check),
    ("conformance", checks::conformance::check),
    (BUILD, || {
        command::run(&mut cargo(&["nextest", "run", "--workspace", "--no-run"]))
    }),
    ("lints", lint),
    ("documents", document),
    ("doc tests", || {
        command::run(&mut cargo(&["test", "--doc", "--workspace"]))
    }),
    ("quickstart", quickstart),
    ("benchmarks", benchmarks),
    ("scim2-tester", check_with_scim2_tester),
    ("tests", || test(&[])),
];

/// The step without which those after it say nothing new.
const BUILD: &str = "build";

/// The variable that says which Python has scim2-tester.
const SCIM2_TESTER_VARIABLE: &str = "TEST_SCIM2_TESTER_PYTHON";

/// It takes seconds; this is for a machine under load.
const QUICKSTART_MAX: Duration = Duration::from_mins(3);

/// Runs all steps, or only the tests that were asked for.
pub fn run(args: &Args) -> Result<()> {
    if !args.nextest.is_empty() {
        NEXTEST.find_or_install()?;
        return test(&args.nextest);
    }
    let started = Instant::now();
    let mut report = Vec::new();
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        say(&format!("step: {name}"));
        let step_started = Instant::now();
        let outcome = step();
        let seconds = step_started.elapsed().as_secs_f32();
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        report.push(format!("{word}  {name:12} {seconds:6.1} s"));
        if let Err(error) = outcome {
            say(&format!("{error:#}"));
            failed.push(name);
            if name == BUILD {
                break;
            }
        }
    }
    for line in &report {
        say(line);
    }
    if !failed.is_empty() {
        bail!(
            "{} ({} of {} steps were run)",
            failed.join(", "),
            report.len(),
            STEPS.len()
        );
    }
    say(&format!(
        "all {} steps passed in {:.0} s",
        STEPS.len(),
        started.elapsed().as_secs_f32()
    ));
    Ok(())
}

/// Finds or installs everything first: what is missing is known before the long builds.
fn find_tools() -> Result<()> {
    NEXTEST.find_or_install()?;
    tools::git::find_or_install()?;
    tools::buf::find_or_install()?;
    tools::postgres::find_or_install()?;
    tools::scim2_tester::find_or_install()?;
    Ok(())
}

fn lint() -> Result<()> {
    command::run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// A broken link in a comment is an error.
fn document() -> Result<()> {
    let mut doc = cargo(&[
        "doc",
        "--no-deps",
        "--workspace",
        "--document-private-items",
    ]);
    command::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The README's first command, in a folder where nothing is yet.
fn quickstart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    command::run(&mut cargo(&["build", "--release"]))?;
    let mut quickstart = cargo(&["run", "--release", "--manifest-path"]);
    quickstart
        .arg(workspace::root().join("Cargo.toml"))
        .args(["--", "quickstart", "--exit"])
        .current_dir(folder.path());
    command::run_within(QUICKSTART_MAX, &mut quickstart)
}

/// Every benchmark for a moment: nothing is measured, but what measures still works.
fn benchmarks() -> Result<()> {
    let cluster = Cluster::start()?;
    for name in ["scim", "growth", "numbering"] {
        let mut bench = cargo(&["run", "--release", "--package=bench", "--", name, "--smoke"]);
        cluster.lend(&mut bench);
        command::run(&mut bench)?;
    }
    Ok(())
}

/// The checks of others, against both engines: what they found and left out stands in the log.
fn check_with_scim2_tester() -> Result<()> {
    let cluster = Cluster::start()?;
    let mut nextest = cargo(&["nextest", "run", "--workspace"]);
    cluster.lend(&mut nextest);
    nextest.args(["--profile", "scim2-tester"]).env(
        SCIM2_TESTER_VARIABLE,
        tools::scim2_tester::find_or_install()?,
    );
    command::run(&mut nextest)
}

/// Both engines are up, or the tests fail: none is skipped for want of one.
fn test(args: &[String]) -> Result<()> {
    let cluster = Cluster::start()?;
    let mut nextest = cargo(&["nextest", "run"]);
    if !names_a_package(args) {
        nextest.arg("--workspace");
    }
    cluster.lend(&mut nextest);
    command::run(nextest.args(args))
}

fn names_a_package(args: &[String]) -> bool {
    args.iter().any(|arg| {
        arg.starts_with("--package") || (arg.starts_with("-p") && !arg.starts_with("--"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_is_recognised_in_every_spelling() {
        let named = |args: &[&str]| {
            names_a_package(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for args in [
            &["-p", "xtask"][..],
            &["-pxtask"],
            &["--package", "xtask"],
            &["a_name", "--package=xtask"],
        ] {
            assert!(named(args), "{args:?}");
        }
        for args in [
            &[][..],
            &["a_name"],
            &["--no-capture"],
            &["--profile", "ci"],
        ] {
            assert!(!named(args), "{args:?}");
        }
    }
}
