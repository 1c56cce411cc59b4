//! `cargo xtask test`, also called `ci`: everything that must hold before a change is done.
//!
//! All steps run, also after a failure: one run shows all there is to mend. The tests come last, so that their summary ends the log.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::checks;
use crate::command::{self, cargo, program, say};
use crate::postgres::Cluster;
use crate::tools;
use crate::tools::cargo_tool::NEXTEST;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// Run only the tests, with these arguments of `cargo nextest run`, e.g. `-- -p provisioning-core a_name`.
    #[arg(last = true)]
    nextest: Vec<String>,
}

/// One thing that must hold.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// In this order: what is quick to know comes first.
const STEPS: [Step; 10] = [
    Step {
        name: "tools",
        run: find_tools,
    },
    Step {
        name: "format",
        run: || command::run(&mut cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "contract",
        run: checks::contract::check,
    },
    Step {
        name: "migrations",
        run: checks::migrations::check,
    },
    Step {
        name: "layers",
        run: checks::layers::check,
    },
    Step {
        name: "lints",
        run: lint,
    },
    Step {
        name: "documents",
        run: document,
    },
    Step {
        name: "doc tests",
        run: || command::run(&mut cargo(&["test", "--doc", "--workspace"])),
    },
    Step {
        name: "quickstart",
        run: quickstart,
    },
    Step {
        name: "tests",
        run: || test(&[]),
    },
];

/// Runs all steps, or only the tests that were asked for.
pub fn run(args: &Args) -> Result<()> {
    if !args.nextest.is_empty() {
        NEXTEST.find_or_install()?;
        return test(&args.nextest);
    }
    let started = Instant::now();
    let mut report = Vec::new();
    let mut failed = Vec::new();
    for step in &STEPS {
        say(&format!("step: {}", step.name));
        let step_started = Instant::now();
        let outcome = (step.run)();
        let seconds = step_started.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => report.push(format!("passed  {:11} {seconds:6.1} s", step.name)),
            Err(error) => {
                say(&format!("{error:#}"));
                report.push(format!("FAILED  {:11} {seconds:6.1} s", step.name));
                failed.push(step.name);
            }
        }
    }
    for line in &report {
        say(line);
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} steps: {}",
            failed.len(),
            STEPS.len(),
            failed.join(", ")
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
    tools::buf::find_or_install()?;
    tools::postgres::find_or_install()?;
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
    let provisiond = crate::workspace::root().join("target/release/provisiond");
    command::run(
        program(provisiond)
            .args(["quickstart", "--exit"])
            .current_dir(folder.path()),
    )
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
