//! A PostgreSQL database for one test.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::dump;

/// Where the server is; set by `cargo xtask test`.
const VARIABLE: &str = "TEST_POSTGRES_URL";

/// A database that is gone when the test is over.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes it.
    pub async fn create() -> Self {
        let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!("{VARIABLE} is not set: run `cargo xtask test`, which starts PostgreSQL")
        });
        let name = format!("e2e_{}", unique());
        // Of a run that was killed, with the same process id.
        execute(
            &server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await
        .expect("the server is there");
        execute(
            &server,
            &format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"),
        )
        .await
        .expect("the server makes databases");
        Self { server, name }
    }

    /// Its URL: that of the server with another database in its path.
    pub fn url(&self) -> String {
        let (server, _) = self
            .server
            .rsplit_once('/')
            .expect("the URL of a server names a database");
        format!("{server}/{}", self.name)
    }

    /// The number that a statement answers with.
    pub async fn count(&self, statement: &'static str) -> i64 {
        let mut connection = PgConnection::connect(&self.url())
            .await
            .expect("the database is there");
        sqlx::query_scalar(statement)
            .fetch_one(&mut connection)
            .await
            .expect("the statement is right")
    }

    /// Everything that is in it, once every change is numbered.
    pub async fn dump(&self) -> Vec<String> {
        while self
            .count("SELECT COUNT(*) FROM changes WHERE number IS NULL")
            .await
            > 0
        {}
        let mut connection = PgConnection::connect(&self.url())
            .await
            .expect("the database is there");
        dump::of_postgres(&mut connection).await
    }

    /// Runs a statement.
    pub async fn execute(&self, statement: &str) {
        execute(&self.url(), statement)
            .await
            .expect("the statement is right");
    }
}

impl Drop for Database {
    /// The test's runtime may be on its way out: a thread and a runtime of its own do the work.
    fn drop(&mut self) {
        let (server, statement) = (
            self.server.clone(),
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(execute(&server, &statement))
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("the test's database was not removed: {error}");
        }
    }
}

async fn execute(server: &str, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    // The text is the test's own, and names are made here, of digits and letters.
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
