//! A real cluster, started by the real program.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// PostgreSQL's first message of any client, "do you speak TLS?": a server that is up answers with one letter.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

fn answers(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let mut letter = [0];
    stream.write_all(&SSL_REQUEST).is_ok() && stream.read_exact(&mut letter).is_ok()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("readable").next().is_none()
}

#[test]
fn a_cluster_ends_when_its_starter_is_killed() {
    let place = tempfile::tempdir().expect("a folder");
    // The server's own user must get through.
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let mut starter = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("postgres")
        .env_remove("TEST_POSTGRES_URL")
        .env("TMPDIR", place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xtask starts");
    let mut url = String::new();
    BufReader::new(starter.stdout.take().expect("piped"))
        .read_line(&mut url)
        .expect("a line");
    let address = url
        .trim()
        .strip_prefix("postgres://postgres@")
        .and_then(|rest| rest.strip_suffix("/postgres"));
    let address = address.unwrap_or_else(|| panic!("no URL but {url:?}"));
    assert!(answers(address), "nobody answers on {address}");
    assert!(!is_empty(place.path()));

    starter.kill().expect("kill -9");
    // The guard holds the other end until it has cleaned up.
    let mut words = String::new();
    starter
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut words)
        .expect("text");
    starter.wait().expect("it has ended");
    assert!(is_empty(place.path()), "something is left behind: {words}");
    assert!(!answers(address), "the server still runs: {words}");
}
