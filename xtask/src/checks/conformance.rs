//! The only place that checks that the tests which `docs/scim.md` names are there: its promises are held by them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Where tests stand.
const FOLDERS: [&str; 3] = ["provisioning-core", "scim-facade", "tests"];

/// Looks for every test that the document names.
pub fn check() -> Result<()> {
    let root = workspace::root();
    let mut known = BTreeSet::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut known)?;
    }
    let document = fs::read_to_string(root.join("docs/scim.md")).context("no docs/scim.md")?;
    compare(&named(&document), &known)
}

fn compare(named: &[String], known: &BTreeSet<String>) -> Result<()> {
    ensure!(!named.is_empty(), "docs/scim.md names no test");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| name.split("::").any(|part| !known.contains(part)))
        .map(String::as_str)
        .collect();
    ensure!(
        missing.is_empty(),
        "docs/scim.md names tests that are not there: {}",
        missing.join(", ")
    );
    Ok(())
}

/// What stands in backticks in the last column of a table of tests, and with two colons in a paragraph of tests.
fn named(document: &str) -> Vec<String> {
    let (mut found, mut in_table, mut in_paragraph) = (Vec::new(), false, false);
    for line in document.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        match line.starts_with('|') {
            true if last == "tests" => in_table = true,
            true if in_table => found.extend(in_backticks(last).map(str::to_owned)),
            true => {}
            false => in_table = false,
        }
        in_paragraph = line.starts_with("Tests: ") || in_paragraph && !line.is_empty();
        if in_paragraph {
            let names = in_backticks(line).filter(|name| name.contains("::"));
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of files, folders, modules and functions.
fn collect(folder: &Path, known: &mut BTreeSet<String>) -> Result<()> {
    let name = |path: &Path| {
        path.file_stem()
            .map(|name| name.to_string_lossy().into_owned())
    };
    for entry in fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            known.extend(name(&path));
            collect(&path, known)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            known.extend(name(&path));
            let text = fs::read_to_string(&path)?;
            for word in ["fn ", "mod "] {
                known.extend(text.split(word).skip(1).map(|rest| {
                    rest.chars()
                        .take_while(|character| character.is_alphanumeric() || *character == '_')
                        .collect::<String>()
                }));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
| clause | tests |
|---|---|
| 3 `schemas` | `users::a_read`, `lists` |

| status | when |
|---|---|
| 400 | `mistakes` |

Tests: `queries` and
`filter::tests::a_filter`.

See `other::thing`.
";

    #[test]
    fn tests_are_named_in_tables_and_paragraphs_of_tests() {
        assert_eq!(
            named(DOCUMENT),
            ["users::a_read", "lists", "filter::tests::a_filter"]
        );
    }

    #[test]
    fn what_the_document_names_is_there() {
        check().expect("every named test is there");
    }

    #[test]
    fn a_test_that_is_not_there_is_named() {
        let known = ["users", "a_read"].map(str::to_owned).into();
        compare(&["users::a_read".to_owned()], &known).expect("it is there");
        let error = compare(&["users::a_write".to_owned()], &known).expect_err("it is not");
        assert!(error.to_string().ends_with(": users::a_write"), "{error}");
    }

    #[test]
    fn functions_modules_and_files_are_known() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("inner")).expect("a folder");
        let text = "mod one;\n#[test]\nfn two_words() {}\n";
        fs::write(folder.path().join("inner/file.rs"), text).expect("a file");
        let mut known = BTreeSet::new();
        collect(folder.path(), &mut known).expect("it is readable");
        for name in ["inner", "file", "one", "two_words"] {
            assert!(known.contains(name), "{name}");
        }
    }
}
