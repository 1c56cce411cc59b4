//! The only place that makes and removes the folder of a cluster, ours and those that killed runs left behind.
//!
//! A folder's owner holds a lock on the file `lock` in it. The operating system lets go of the lock when the owner dies, however it
//! dies: a folder whose lock is free is nobody's.

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::user;
use crate::command::{self, say};

const PREFIX: &str = "provisiond-postgres-";
const LOCK: &str = "lock";

/// A new folder, held by us until dropped; the [`Guard`](super::guard::Guard) removes it.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// A folder in the temporary folder, with an empty `data` that an unprivileged user owns.
    pub fn create() -> Result<Self> {
        Self::create_in(&env::temp_dir())
    }

    fn create_in(place: &Path) -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(place)
            .context("no temporary folder")?
            .keep();
        // Locked before it gets its name: a folder with a lock file that nobody holds is always stale.
        let lock = File::create(path.join("lock.new"))?;
        lock.lock()?;
        fs::rename(path.join("lock.new"), path.join(LOCK))?;
        // The server's user must get through to its data.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        fs::DirBuilder::new().mode(0o700).create(data_in(&path))?;
        if user::is_root()? {
            let server = user::unprivileged()?;
            chown(data_in(&path), Some(server.uid), Some(server.gid))?;
        }
        Ok(Self { path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where PostgreSQL keeps its files.
    pub fn data(&self) -> PathBuf {
        data_in(&self.path)
    }
}

/// Removes what killed runs of ours left behind.
pub fn remove_stale(programs: &Path) -> Result<()> {
    for path in stale_in(&env::temp_dir())? {
        say(&format!(
            "removing the cluster of a killed run, {}",
            path.display()
        ));
        end(&path, programs)?;
    }
    Ok(())
}

/// Stops the server in the folder, if one runs, and removes the folder.
pub fn end(path: &Path, programs: &Path) -> Result<()> {
    let data = data_in(path);
    if data.join("postmaster.pid").exists() {
        let mut pg_ctl = user::as_owner_of(&data, &programs.join("pg_ctl"))?;
        // At once: what it would write down is removed in the next line.
        let stopped = command::output(
            pg_ctl
                .args(["stop", "--mode=immediate", "--silent", "--pgdata"])
                .arg(&data),
        );
        // A server that crashed leaves its file behind: then there is nothing to stop.
        if let Err(error) = stopped {
            say(&format!("{error:#}"));
        }
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn data_in(path: &Path) -> PathBuf {
    path.join("data")
}

fn stale_in(place: &Path) -> Result<Vec<PathBuf>> {
    let own_uid = user::own_uid()?;
    let stale = fs::read_dir(place)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        // `metadata` of an entry follows no link: nobody can lead us to a folder elsewhere.
        .filter(|entry| {
            entry
                .metadata()
                .is_ok_and(|data| data.is_dir() && data.uid() == own_uid)
        })
        .map(|entry| entry.path())
        .filter(|path| File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()));
    Ok(stale.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_stale_when_its_owner_has_gone() {
        let place = tempfile::tempdir().expect("a folder");
        let held = Folder::create_in(place.path()).expect("a folder");
        let left = Folder::create_in(place.path()).expect("a folder");
        let left_path = left.path().to_owned();
        drop(left);
        assert_eq!(stale_in(place.path()).expect("readable"), [left_path]);
        assert!(held.data().is_dir());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        fs::write(elsewhere.path().join(LOCK), "").expect("a file");
        std::os::unix::fs::symlink(elsewhere.path(), place.path().join(format!("{PREFIX}link")))
            .expect("a link");
        fs::create_dir(place.path().join(format!("{PREFIX}without-lock"))).expect("a folder");
        fs::create_dir(place.path().join("other")).expect("a folder");
        fs::write(place.path().join("other").join(LOCK), "").expect("a file");
        assert_eq!(
            stale_in(place.path()).expect("readable"),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn a_folder_without_a_server_is_just_removed() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::create_in(place.path()).expect("a folder");
        end(folder.path(), Path::new("/nowhere")).expect("nothing to stop");
        assert!(!folder.path().exists());
        end(folder.path(), Path::new("/nowhere")).expect("removing it again does no harm");
    }
}
