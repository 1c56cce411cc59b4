//! `cargo xtask fuzz`: the fuzz targets, for a while each. Needs a nightly toolchain; cargo-fuzz is found or built.

use anyhow::{Context, Result, ensure};

use crate::command::{self, program, say};
use crate::tools::cargo_tool::FUZZ;
use crate::workspace;

/// Flags of the recipe.
#[derive(clap::Args)]
pub struct Args {
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only these targets; all when none is named.
    targets: Vec<String>,
}

/// Every target, with whether it needs the whole core rather than the attribute language alone.
const TARGETS: [(&str, bool); 6] = [
    ("filter", false),
    ("path", false),
    ("patch", false),
    ("resource", true),
    ("cursor", true),
    ("token", true),
];

/// Longer inputs are refused by their length.
const INPUT_BYTES_MAX: u32 = 16 * 1024;
/// An input that takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 5;

/// Runs them one after the other; the first crash ends the run, and cargo-fuzz says how to repeat it.
pub fn run(args: &Args) -> Result<()> {
    for target in &args.targets {
        ensure!(
            TARGETS.iter().any(|(name, _)| name == target),
            "there is no fuzz target {target}; there are {}",
            TARGETS.map(|(name, _)| name).join(", ")
        );
    }
    command::output(program("rustup").args(["run", "nightly", "rustc", "--version"])).context(
        "fuzzing needs a nightly compiler: `rustup toolchain install nightly --profile minimal`",
    )?;
    FUZZ.find_or_install()?;
    for (target, needs_core) in TARGETS {
        if args.targets.is_empty() || args.targets.iter().any(|asked| asked == target) {
            say(&format!("fuzzing {target} for {} s", args.seconds));
            command::run(
                program("rustup")
                    .current_dir(workspace::root().join("fuzz"))
                    .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir=."])
                    .args(needs_core.then_some("--features=core"))
                    .args([target, "--"])
                    .arg(format!("-max_total_time={}", args.seconds))
                    .arg(format!("-max_len={INPUT_BYTES_MAX}"))
                    .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
                    .arg("-print_final_stats=1"),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_target_is_run() {
        let folder = workspace::root().join("fuzz/fuzz_targets");
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("there are targets")
            .map(|file| file.expect("it is readable").path())
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        files.sort();
        let mut names = TARGETS.map(|(name, _)| name);
        names.sort_unstable();
        assert_eq!(files, names);
    }

    #[test]
    fn an_unknown_target_is_named() {
        let args = Args {
            seconds: 1,
            targets: vec!["everything".to_owned()],
        };
        let error = run(&args).expect_err("there is none");
        assert!(
            error.to_string().contains("everything; there are filter"),
            "{error}"
        );
    }
}
