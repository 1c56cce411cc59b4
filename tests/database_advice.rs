//! What PostgreSQL, or a pooler before it, keeps from the service is told once at the start, with what to do about it.

use std::path::Path;

use reqwest::Url;
use tempfile::TempDir;

use crate::support::{Database, Pooler, Process, run};

const NOT_OWNED: &str = "the database user does not own the tables";
const NOT_IN_FORCE: &str = "the database's sessions do not have the settings";

/// A migrated database, and a folder for the processes on it.
struct Ground {
    database: Database,
    folder: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let ground = Self {
            database: Database::create().await,
            folder: tempfile::tempdir().expect("a folder"),
        };
        let migrated = run(&args(&[
            "migrate",
            "--database-url",
            &ground.database.url(),
        ]))
        .await;
        assert!(migrated.status.success(), "{migrated:?}");
        ground
    }

    /// What a process on this URL says while it starts.
    async fn told(&self, url: &str) -> Vec<String> {
        let folder = self.folder.path();
        let data_dir = folder.to_str().expect("UTF-8");
        let process = Process::start(
            &args(&[
                "serve",
                "--http-addr",
                "127.0.0.1:0",
                "--grpc-addr",
                "127.0.0.1:0",
                "--data-dir",
                data_dir,
                "--database-url",
                url,
            ]),
            &folder.join("log"),
        )
        .await;
        let log = process.log();
        drop(process);
        std::fs::remove_file(folder.join("log")).expect("it was written");
        let warnings = log.lines().filter(|line| line.contains("WARN"));
        warnings.map(str::to_owned).collect()
    }

    /// The URL by way of the pooler.
    fn by(&self, pooler: &Pooler) -> String {
        let mut url = Url::parse(&self.database.url()).expect("it is a URL");
        url.set_ip_host(pooler.addr.ip()).expect("it has a host");
        url.set_port(Some(pooler.addr.port())).expect("and a port");
        url.to_string()
    }
}

fn args(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn a_user_who_does_not_own_the_tables_is_told_so() {
    let ground = Ground::new().await;
    assert_eq!(ground.told(&ground.database.url()).await, [""; 0]);
    let guest = ground.database.guest_url().await;
    let [warning] = ground.told(&guest).await.try_into().expect("there is one");
    assert!(
        warning.contains(NOT_OWNED) && warning.contains("GRANT"),
        "{warning}"
    );

    // As the advice says.
    let name = Url::parse(&guest).expect("it is one").username().to_owned();
    ground
        .database
        .execute(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT %I TO {name}', CURRENT_USER); END $$"
        ))
        .await;
    assert_eq!(ground.told(&guest).await, [""; 0]);
}

#[tokio::test]
async fn a_pooler_that_drops_the_options_is_told_of() {
    let ground = Ground::new().await;
    let server = Url::parse(&ground.database.url()).expect("it is a URL");
    let (host, port) = (
        server.host_str().expect("a host"),
        server.port_or_known_default().unwrap_or(5432),
    );
    let pooler = Pooler::start(format!("{host}:{port}")).await;
    let through = ground.by(&pooler);
    let [warning] = ground
        .told(&through)
        .await
        .try_into()
        .expect("there is one");
    assert!(
        warning.contains(NOT_IN_FORCE)
            && warning.contains("enable_seqscan, jit, statement_timeout"),
        "{warning}"
    );

    // As the advice says; of the database rather than the user, who is not only this test's.
    let name = Path::new(server.path())
        .file_name()
        .and_then(|name| name.to_str());
    let name = name.expect("it is named");
    let (_, wanted) = warning
        .split_once("the database user (")
        .expect("it says what");
    let (wanted, _) = wanted.split_once(')').expect("it says what");
    for setting in wanted.split(", ") {
        let alter = format!("ALTER DATABASE {name} SET {setting}");
        ground.database.execute(&alter).await;
    }
    assert_eq!(ground.told(&through).await, [""; 0]);
}
