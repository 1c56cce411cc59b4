//! Reads `provisiond.toml`, and tells of keys that nothing reads.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use clap::{Args as _, Command};

use super::{Faults, Options};

/// Read when it is there and `--config` names no other.
pub const DEFAULT_FILE: &str = "provisiond.toml";
/// A configuration is a page, not a book.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// More edits than this and a name is not a misspelling but another word.
const EDITS_MAX: usize = 4;

/// Reads the file that was named, or the default one if it is there.
pub fn read(named: Option<&Path>, faults: &mut Faults) -> Options {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match text(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
            return Options::default();
        }
        Err(error) => {
            faults.add(format!(
                "cannot read the configuration file {}: {error}",
                path.display()
            ));
            return Options::default();
        }
    };
    let mut within = Faults::default();
    let options = parse(&text, &mut within);
    for fault in within.0 {
        faults.add(format!("{}: {fault}", path.display()));
    }
    options
}

fn text(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "it is larger than {FILE_BYTES_MAX} bytes; is it the right file?"
        )));
    }
    std::fs::read_to_string(path)
}

/// Reads the text of a file, key by key, so that every fault is told, with the name of its key.
pub fn parse(text: &str, faults: &mut Faults) -> Options {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            // The parser quotes the line at fault, which may hold a password: only its message is handed on.
            let error: toml::de::Error = error;
            faults.add(error.message().to_owned());
            return Options::default();
        }
    };
    let known = keys();
    let mut options = Options::default();
    for (key, value) in table {
        if !known.contains(&key) {
            faults.add(unknown_key("key", &key, &known));
            continue;
        }
        match toml::Table::from_iter([(key.clone(), value)]).try_into::<Options>() {
            Ok(option) => options = options.or(option),
            Err(error) => faults.add(format!("{key}: {}", error.message())),
        }
    }
    options
}

/// Every key of the file: the ids of the flags.
pub fn keys() -> Vec<String> {
    Options::augment_args(Command::new("keys"))
        .get_arguments()
        .map(|arg| arg.get_id().to_string())
        .collect()
}

/// A name that nothing reads, and the nearest that something does.
pub(super) fn unknown_key(what: &str, name: &str, known: &[String]) -> String {
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

    fn faults(text: &str) -> Vec<String> {
        let mut faults = Faults::default();
        parse(text, &mut faults);
        faults.0
    }

    #[test]
    fn an_unknown_key_names_the_nearest_and_hides_no_other_fault() {
        let text =
            "frobnicate_the_whatsit = 1\nhtp_addr = \"127.0.0.1:1\"\npool_size_max = \"many\"";
        let faults = faults(text);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(
            faults[0].starts_with("unknown key frobnicate_the_whatsit; `provisiond serve --help`")
        );
        assert_eq!(faults[1], "unknown key htp_addr; did you mean http_addr?");
        assert!(faults[2].starts_with("pool_size_max: "), "{faults:?}");
    }

    #[test]
    fn every_flag_is_a_key_and_a_variable() {
        let command = Options::augment_args(Command::new("test"));
        for argument in command.get_arguments() {
            let key = argument.get_id().to_string();
            assert_eq!(argument.get_long(), Some(key.replace('_', "-").as_str()));
            assert_eq!(
                argument.get_env().and_then(|name| name.to_str()),
                Some(format!("PROVISIOND_{}", key.to_uppercase()).as_str())
            );
            let [fault] = &faults(&format!("{key} = [[]]"))[..] else {
                panic!("no key is a list of lists: {key}");
            };
            assert!(fault.starts_with(&format!("{key}: ")), "{fault}");
        }
    }

    #[test]
    fn an_error_never_shows_a_value() {
        for text in [
            "database_url = [\"s3cr3t\"]",
            "database_url = \"s3cr3t",
            "database_url = s3cr3t",
        ] {
            let faults = faults(text);
            assert!(!faults.is_empty(), "it is not a text");
            assert!(!faults.join("\n").contains("s3cr3t"), "{faults:?}");
        }
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
