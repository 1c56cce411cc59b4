//! The only place that knows where PostgreSQL's server programs may be.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{debian, is_executable};
use crate::command::{self, program, say};

/// Debian keeps each major version in a folder of its own, outside the search path.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// What a cluster is made, run and stopped with.
const NEEDED: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// The folder of the server's programs.
pub fn find_or_install() -> Result<PathBuf> {
    let search_path = env::var_os("PATH").unwrap_or_default();
    let found = find_in(&search_path, Path::new(DEBIAN_VERSIONS));
    let folder = if let Some(folder) = found {
        folder
    } else {
        debian::install("postgresql", "the PostgreSQL server")?;
        find_in(&search_path, Path::new(DEBIAN_VERSIONS)).with_context(|| {
            format!("the installed package has no {NEEDED:?} below {DEBIAN_VERSIONS}")
        })?
    };
    let version = command::output(program(folder.join("postgres")).arg("--version"))?;
    say(&format!("{} in {}", version.trim(), folder.display()));
    Ok(folder)
}

/// What the developer put on the search path wins, then the newest version of Debian's.
fn find_in(search_path: &OsStr, versions: &Path) -> Option<PathBuf> {
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    debian.sort_unstable_by(|a, b| b.cmp(a));
    env::split_paths(search_path)
        .chain(debian.into_iter().map(|(_, folder)| folder))
        .filter(|folder| NEEDED.iter().all(|name| is_executable(&folder.join(name))))
        // A link on the search path leads to a folder where psql and pgbench are, too.
        .find_map(|folder| {
            Some(
                fs::canonicalize(folder.join("postgres"))
                    .ok()?
                    .parent()?
                    .to_owned(),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::super::tests::plant;
    use super::*;

    fn plant_server(folder: &Path) -> PathBuf {
        for name in NEEDED {
            plant(folder, name, 0o755);
        }
        folder.canonicalize().expect("just made")
    }

    #[test]
    fn the_search_path_wins_over_debians_folders() {
        let home = tempfile::tempdir().expect("a folder");
        let own = plant_server(&home.path().join("own"));
        plant_server(&home.path().join("versions/17/bin"));
        assert_eq!(
            find_in(own.as_os_str(), &home.path().join("versions")),
            Some(own)
        );
    }

    #[test]
    fn the_newest_version_is_taken_by_number() {
        let home = tempfile::tempdir().expect("a folder");
        plant_server(&home.path().join("9/bin"));
        plant_server(&home.path().join("common/bin"));
        let newest = plant_server(&home.path().join("15/bin"));
        assert_eq!(find_in(OsStr::new(""), home.path()), Some(newest));
    }

    #[test]
    fn a_folder_without_initdb_is_passed_over() {
        let home = tempfile::tempdir().expect("a folder");
        let client_only = home.path().join("client");
        plant(&client_only, "postgres", 0o755);
        plant(&client_only, "pg_ctl", 0o755);
        assert_eq!(
            find_in(client_only.as_os_str(), &home.path().join("absent")),
            None
        );
    }

    #[test]
    fn links_are_followed_to_the_real_folder() {
        let home = tempfile::tempdir().expect("a folder");
        let real = plant_server(&home.path().join("15/bin"));
        let links = home.path().join("links");
        fs::create_dir(&links).expect("a folder");
        for name in NEEDED {
            std::os::unix::fs::symlink(real.join(name), links.join(name)).expect("a link");
        }
        assert_eq!(
            find_in(links.as_os_str(), &home.path().join("absent")),
            Some(real)
        );
    }
}
