//! The only place that decides which user runs PostgreSQL: it refuses to run as root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

const ROOT: u32 = 0;

/// A user of this machine without rights.
#[derive(Debug, PartialEq, Eq)]
pub struct Unprivileged {
    pub uid: u32,
    pub gid: u32,
}

/// Whether we run as root.
pub fn is_root() -> Result<bool> {
    Ok(own_uid()? == ROOT)
}

/// Who we are, read from what we own.
pub fn own_uid() -> Result<u32> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}

/// The user to run as instead of root: the package's own, else the one that owns nothing.
pub fn unprivileged() -> Result<Unprivileged> {
    let users =
        fs::read_to_string("/etc/passwd").context("cannot read the users of this machine")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| find_in(&users, name))
        .context(
            "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody",
        )
}

/// Reads `name:password:uid:gid:…`.
fn find_in(users: &str, name: &str) -> Option<Unprivileged> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (found && uid != ROOT).then_some(Unprivileged { uid, gid })
    })
}

/// The program, to be run as the owner of the folder and in it: PostgreSQL's tools insist on both.
pub fn as_owner_of(folder: &Path, program: &Path) -> Result<Command> {
    let owner = fs::metadata(folder).with_context(|| format!("no folder {}", folder.display()))?;
    let mut command = Command::new(program);
    command.current_dir(folder);
    if owner.uid() != own_uid()? {
        command.uid(owner.uid()).gid(owner.gid());
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\n\
        # a line of no use\n\
        postgres-exporter:x:7:8::/:/bin/false\n\
        postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        assert_eq!(
            find_in(USERS, "postgres"),
            Some(Unprivileged { uid: 101, gid: 104 })
        );
        assert_eq!(find_in(USERS, "nobody"), None);
    }

    #[test]
    fn root_is_never_the_unprivileged_user() {
        assert_eq!(find_in(USERS, "root"), None);
        assert_eq!(find_in("postgres:x:0:0::/:/bin/sh", "postgres"), None);
    }

    #[test]
    fn a_folder_of_ours_needs_no_other_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let id = crate::command::output(
            as_owner_of(folder.path(), Path::new("id"))
                .expect("a command")
                .arg("-u"),
        );
        assert_eq!(
            id.expect("id runs").trim(),
            own_uid().expect("a uid").to_string()
        );
    }
}
