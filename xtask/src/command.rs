//! The only place that starts programs: it shows the command line, runs it and turns a failure into an error.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::workspace;

/// How often a program with a time limit is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Tells the developer what happens; on standard error, so that a recipe's result can be piped.
pub fn say(line: &str) {
    eprintln!("==> {line}");
}

/// A program, started in the root folder.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(workspace::root());
    command
}

/// The cargo that started us, without what it tells us about our own package: build scripts of others would see it change.
pub fn cargo(args: &[&str]) -> Command {
    let mut cargo = program(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            cargo.env_remove(name);
        }
    }
    cargo.args(args);
    cargo
}

/// Shows the command and runs it to its end.
pub fn run(command: &mut Command) -> Result<()> {
    say(&line(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", name(command)))?;
    ensure!(status.success(), "`{}` ended with {status}", line(command));
    Ok(())
}

/// Shows the command and runs it; one that takes longer is ended, so that a program that hangs fails like any other.
pub fn run_within(limit: Duration, command: &mut Command) -> Result<()> {
    say(&line(command));
    let mut process = command
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            process.kill()?;
            process.wait()?;
            bail!(
                "`{}` has not ended within {} s",
                line(command),
                limit.as_secs()
            );
        }
        thread::sleep(POLL);
    };
    ensure!(status.success(), "`{}` ended with {status}", line(command));
    Ok(())
}

/// Runs the command silently and gives what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "`{}` ended with {}\n{printed}{}",
        line(command),
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(printed.into_owned())
}

/// The command as one could type it: variables set for it, name, arguments.
fn line(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter(|(key, _)| *key != "PATH")
        .filter_map(|(key, value)| Some(format!("{}={}", key.display(), quoted(value?))));
    let args = command.get_args().map(quoted);
    variables
        .chain([name(command)])
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The file name of the program.
fn name(command: &Command) -> String {
    let program = command.get_program();
    let file = std::path::Path::new(program).file_name().unwrap_or(program);
    file.display().to_string()
}

fn quoted(word: &OsStr) -> String {
    let word = word.display().to_string();
    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"$&|;<>*?()".contains(c))
    {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_could_be_typed() {
        let mut command = Command::new("/opt/bin/cargo");
        command
            .env("RUSTDOCFLAGS", "-D warnings")
            .env("PATH", "/long")
            .env_remove("GONE")
            .args(["doc", "it's"]);
        assert_eq!(
            line(&command),
            r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s'"
        );
    }

    #[test]
    fn a_failing_program_is_an_error_with_its_words() {
        let error =
            output(Command::new("sh").args(["-c", "echo wrong >&2; exit 3"])).expect_err("exit 3");
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("wrong"),
            "{text}"
        );
        assert!(run(Command::new("sh").args(["-c", "exit 1"])).is_err());
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let error = run_within(Duration::ZERO, Command::new("sleep").arg("600"))
            .expect_err("it takes longer");
        assert!(
            error
                .to_string()
                .contains("`sleep 600` has not ended within 0 s"),
            "{error}"
        );
        run_within(Duration::from_mins(10), &mut Command::new("true")).expect("it ends");
        run_within(Duration::from_mins(10), &mut Command::new("false"))
            .expect_err("it ends with 1");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = output(&mut Command::new("/nowhere/absent")).expect_err("it does not exist");
        assert!(error.to_string().contains("cannot start absent"), "{error}");
    }
}
