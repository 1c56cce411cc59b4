//! The only place that checks that both engines have the same migrations, by number and name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Compares the file names of the engines' folders.
pub fn check() -> Result<()> {
    let migrations = workspace::root().join("migrations");
    compare(
        &names(&migrations.join("sqlite"))?,
        &names(&migrations.join("postgres"))?,
    )
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    fs::read_dir(folder)
        .with_context(|| format!("no folder {}", folder.display()))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .filter(|name| {
            name.as_ref().is_ok_and(|name| {
                Path::new(name)
                    .extension()
                    .is_some_and(|kind| kind == "sql")
            })
        })
        .collect()
}

fn compare(sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>) -> Result<()> {
    ensure!(!sqlite.is_empty(), "there are no migrations");
    let lonely: Vec<_> = sqlite
        .symmetric_difference(postgres)
        .map(String::as_str)
        .collect();
    ensure!(
        lonely.is_empty(),
        "migrations of one engine only: {}",
        lonely.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_engines_have_the_same_names() {
        let both = set(&["0001_accounts.sql", "0002_log.sql"]);
        compare(&both, &both).expect("equal");
    }

    #[test]
    fn a_migration_of_one_engine_is_named() {
        let error = compare(&set(&["0001_a.sql"]), &set(&["0001_a.sql", "0002_b.sql"]))
            .expect_err("one is missing");
        assert!(error.to_string().ends_with(": 0002_b.sql"), "{error}");
    }

    #[test]
    fn no_migration_at_all_is_an_error() {
        compare(&set(&[]), &set(&[])).expect_err("nothing was compared");
    }

    #[test]
    fn only_sql_files_count() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("0001_a.sql"), "").expect("a file");
        fs::write(folder.path().join("README.md"), "").expect("a file");
        assert_eq!(
            names(folder.path()).expect("readable"),
            set(&["0001_a.sql"])
        );
    }
}
