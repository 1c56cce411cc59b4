//! The programs the recipes need besides cargo: found when they are there, installed when not.

pub mod buf;
pub mod cargo_tool;
pub mod debian;
pub mod git;
pub mod postgres;
mod python;
pub mod scim2_tester;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program on the caller's search path.
pub fn find(name: &str) -> Option<PathBuf> {
    find_in(&env::var_os("PATH").unwrap_or_default(), name)
}

fn find_in(search_path: &OsStr, name: &str) -> Option<PathBuf> {
    env::split_paths(search_path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty program with these permissions.
    pub fn plant(folder: &Path, name: &str, mode: u32) {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join(name), "").expect("a file");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).expect("its mode");
    }

    #[test]
    fn the_first_executable_on_the_search_path_is_found() {
        let home = tempfile::tempdir().expect("a folder");
        let (first, second, third) = (
            home.path().join("1"),
            home.path().join("2"),
            home.path().join("3"),
        );
        plant(&first, "buf", 0o644);
        plant(&second, "buf", 0o755);
        plant(&third, "buf", 0o755);
        let search_path = env::join_paths([&first, &second, &third]).expect("a path");
        assert_eq!(find_in(&search_path, "buf"), Some(second.join("buf")));
        assert_eq!(find_in(&search_path, "absent"), None);
    }
}
