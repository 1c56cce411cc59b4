//! Reads `provisiond.toml`, and tells of keys and variables that nothing reads.

use std::path::Path;

use clap::{Args as _, Command};

use super::{ConfigError, Options};

/// Read when it is there and `--config` names no other.
pub const DEFAULT_FILE: &str = "provisiond.toml";
/// A configuration is a page, not a book.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
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
/// More edits than this and a name is not a misspelling but another word.
const EDITS_MAX: usize = 4;

/// Reads the file that was named, or the default one if it is there.
pub fn read(named: Option<&Path>) -> Result<Options, ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            return Err(ConfigError::one(format!(
                "{} is larger than {FILE_BYTES_MAX} bytes; is it the right file?",
                path.display()
            )));
        }
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Options::default());
        }
        _ => {}
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::one(format!(
            "cannot read the configuration file {}: {error}",
            path.display()
        ))
    })?;
    parse(&text).map_err(|error| error.within(path))
}

/// Reads the text of a file.
pub fn parse(text: &str) -> Result<Options, ConfigError> {
    // The parser quotes the line at fault, which may hold a password: only its message is handed on.
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::one(error.message().to_owned()))?;
    let known = keys();
    let unknown: Vec<String> = table
        .keys()
        .filter(|key| !known.contains(key))
        .map(|key| unknown_key("key", key, &known))
        .collect();
    if !unknown.is_empty() {
        return Err(ConfigError(unknown));
    }
    Options::try_from(table)
}

impl TryFrom<toml::Table> for Options {
    type Error = ConfigError;

    /// Key by key, so that every error is told, with the name of its key.
    fn try_from(table: toml::Table) -> Result<Self, ConfigError> {
        let mut options = Self::default();
        let mut errors = Vec::new();
        for (key, value) in table {
            let single = toml::Table::from_iter([(key.clone(), value)]);
            match single.try_into::<Self>() {
                Ok(option) => options = options.or(option),
                Err(error) => errors.push(format!("{key}: {}", error.message())),
            }
        }
        if errors.is_empty() {
            Ok(options)
        } else {
            Err(ConfigError(errors))
        }
    }
}

/// Refuses variables that look like the program's and are not.
pub fn check_environment(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    let known: Vec<String> = keys()
        .into_iter()
        .map(|key| format!("{PREFIX}{}", key.to_uppercase()))
        .chain(NOT_IN_FILE.map(str::to_owned))
        .collect();
    let unknown: Vec<String> = names
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .filter(|name| !FOREIGN.iter().any(|foreign| name.starts_with(foreign)))
        .map(|name| unknown_key("environment variable", &name, &known))
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(ConfigError(unknown))
    }
}

/// Every key of the file: the ids of the flags.
pub fn keys() -> Vec<String> {
    Options::augment_args(Command::new("keys"))
        .get_arguments()
        .map(|arg| arg.get_id().to_string())
        .collect()
}

fn unknown_key(what: &str, name: &str, known: &[String]) -> String {
    let nearest = known
        .iter()
        .map(|key| (edits(name, key), key))
        .min()
        .filter(|(edits, _)| *edits <= EDITS_MAX);
    match nearest {
        Some((_, key)) => format!("unknown {what} {name}; did you mean {key}?"),
        None => format!("unknown {what} {name}; `provisiond serve --help` lists what there is"),
    }
}

/// Levenshtein's distance: insertions, deletions and replacements between two words.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.iter().enumerate() {
            let replace = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = parse("htp_addr = \"127.0.0.1:1\"\nfrobnicate_the_whatsit = 1")
            .expect_err("neither key is known");
        let text = error.to_string();
        assert!(
            text.contains("unknown key htp_addr; did you mean http_addr?"),
            "{text}"
        );
        assert!(
            text.contains("unknown key frobnicate_the_whatsit; `provisiond serve --help`"),
            "{text}"
        );
    }

    #[test]
    fn every_flag_is_a_key_and_a_variable() {
        let command = Options::augment_args(Command::new("test"));
        for argument in command.get_arguments() {
            let key = argument.get_id().to_string();
            assert_eq!(argument.get_long(), Some(key.replace('_', "-").as_str()));
            assert_eq!(
                argument.get_env().and_then(|name| name.to_str()),
                Some(format!("{PREFIX}{}", key.to_uppercase()).as_str())
            );
            let known = parse(&format!("{key} = [[]]"))
                .expect_err("no key is a list of lists")
                .to_string();
            assert!(known.contains(&format!("{key}: ")), "{known}");
        }
    }

    #[test]
    fn an_error_never_shows_a_value() {
        for text in [
            "database_url = [\"s3cr3t\"]",
            "database_url = \"s3cr3t",
            "database_url = s3cr3t",
        ] {
            let error = parse(text).expect_err("it is not a text");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn a_misspelt_variable_is_refused_and_kubernetes_is_not() {
        let names = [
            "PROVISIOND_HTP_ADDR",
            "PROVISIOND_SERVICE_HOST",
            "PROVISIOND_PORT_8080_TCP",
            "PROVISIOND_HTTP_ADDR",
            "HOME",
        ];
        let error =
            check_environment(names.map(str::to_owned).into_iter()).expect_err("one is misspelt");
        assert_eq!(
            error.0,
            [
                "unknown environment variable PROVISIOND_HTP_ADDR; did you mean PROVISIOND_HTTP_ADDR?"
            ]
        );
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(
            (
                edits("", "abc"),
                edits("abc", "abc"),
                edits("kitten", "sitting")
            ),
            (3, 0, 3)
        );
    }
}
