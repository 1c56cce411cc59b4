//! Reads the `PROVISIOND_` variables: which are the program's, which are misspelt, which cannot be read.

use std::{
    error::Error as _,
    ffi::{OsStr, OsString},
};

use clap::{
    Args as _, Command, FromArgMatches as _,
    error::{ContextKind, ContextValue},
};

use super::{
    Faults, Options,
    file::{keys, unknown_key},
};

/// How the variables that belong to the program start.
const PREFIX: &str = "PROVISIOND_";
/// What Kubernetes sets in every container beside a service that is named provisiond.
const FOREIGN: [&str; 2] = ["PROVISIOND_SERVICE_", "PROVISIOND_PORT"];
/// Variables of the program that are not keys of the file.
const NOT_IN_FILE: [&str; 5] = [
    "PROVISIOND_CONFIG",
    "PROVISIOND_GRPC",
    "PROVISIOND_GRPC_CA",
    "PROVISIOND_SCIM_URL",
    "PROVISIOND_SCIM_TOKEN",
];

/// The variables of this process that are set to something, by name.
pub fn variables() -> Vec<(String, OsString)> {
    let mut variables: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        // To a shell, an empty variable is how one is taken back.
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .collect();
    variables.sort();
    variables
}

/// What the variables say. One that looks like the program's and is not is a fault, as is one that cannot be read.
pub fn read(variables: &[(String, OsString)], faults: &mut Faults) -> Options {
    let known: Vec<String> = keys()
        .iter()
        .map(|key| variable(key))
        .chain(NOT_IN_FILE.map(str::to_owned))
        .collect();
    let mut options = Options::default();
    for (name, value) in variables {
        if FOREIGN.iter().any(|foreign| name.starts_with(foreign)) {
            continue;
        }
        if !known.contains(name) {
            faults.add(unknown_key("environment variable", name, &known));
            continue;
        }
        match parse(name, value) {
            Ok(option) => options = options.or(option),
            Err(fault) => faults.add(format!("{name}: {fault}")),
        }
    }
    options
}

/// The command without the variables that are empty or cannot be read: for those nobody is to be told of a flag that was not typed.
pub fn without_unusable(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let is_unusable = arg.get_env().is_some_and(|name| {
                let value = std::env::var_os(name).unwrap_or_default();
                // An unset one has no say either, but stays for the help.
                std::env::var_os(name).is_some()
                    && (value.is_empty()
                        || name
                            .to_str()
                            .is_some_and(|name| parse(name, &value).is_err()))
            });
            if is_unusable {
                arg.env(None::<&'static str>)
            } else {
                arg
            }
        })
        .mut_subcommands(without_unusable)
}

/// Reads one variable as its flag would be read; nothing when it is that of no key.
fn parse(name: &str, value: &OsStr) -> Result<Options, String> {
    let Some(key) = keys().into_iter().find(|key| variable(key) == name) else {
        return Ok(Options::default());
    };
    let mut flag = OsString::from(format!("--{}=", key.replace('_', "-")));
    flag.push(value);
    Options::augment_args(Command::new("variable").no_binary_name(true))
        .mut_args(|arg| arg.env(None::<&'static str>))
        .try_get_matches_from([flag])
        .and_then(|matches| Options::from_arg_matches(&matches))
        .map_err(|error| reason(&error))
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase())
}

/// Without the flag, which nobody typed.
fn reason(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(values))) => {
            format!("it must be one of {}", values.join(", "))
        }
        _ => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(variables: &[(&str, &str)]) -> Vec<String> {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        let mut faults = Faults::default();
        read(&variables, &mut faults);
        faults.0
    }

    #[test]
    fn a_misspelt_variable_is_refused_and_kubernetes_is_not() {
        let faults = faults(&[
            ("PROVISIOND_HTP_ADDR", "127.0.0.1:1"),
            ("PROVISIOND_SERVICE_HOST", "10.0.0.1"),
            ("PROVISIOND_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("PROVISIOND_HTTP_ADDR", "127.0.0.1:1"),
            ("PROVISIOND_GRPC", "http://127.0.0.1:1"),
        ]);
        assert_eq!(
            faults,
            [
                "unknown environment variable PROVISIOND_HTP_ADDR; did you mean PROVISIOND_HTTP_ADDR?"
            ]
        );
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_named() {
        assert_eq!(
            faults(&[
                ("PROVISIOND_HTTP_ADDR", "nowhere"),
                ("PROVISIOND_GRPC_REFLECTION", "perhaps"),
                ("PROVISIOND_ROLE", "king"),
                ("PROVISIOND_POOL_SIZE_MAX", "many"),
            ]),
            [
                "PROVISIOND_HTTP_ADDR: invalid socket address syntax",
                "PROVISIOND_GRPC_REFLECTION: it must be one of true, false",
                "PROVISIOND_ROLE: it must be one of all, core, facade",
                "PROVISIOND_POOL_SIZE_MAX: invalid digit found in string",
            ]
        );
    }

    #[test]
    fn every_key_can_be_set() {
        let variables = [
            ("PROVISIOND_HTTP_ADDR".to_owned(), "127.0.0.1:1".into()),
            ("PROVISIOND_LOG_LEVEL".to_owned(), "debug".into()),
        ];
        let mut faults = Faults::default();
        let options = read(&variables, &mut faults);
        assert_eq!(options.http_addr.map(|addr| addr.port()), Some(1));
        assert_eq!(options.log_level.as_deref(), Some("debug"));
        assert!(faults.0.is_empty());
    }
}
