//! A PostgreSQL database for one test.

use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

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

    /// The URL of a user who may read and write the tables there are, and owns none of them. It goes with the database.
    pub async fn guest_url(&self) -> String {
        let guest = self.guest();
        self.execute(&format!("CREATE ROLE {guest} LOGIN PASSWORD '{guest}'"))
            .await;
        self.execute(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {guest}"
        ))
        .await;
        let mut url = Url::parse(&self.url()).expect("it is a URL");
        url.set_username(&guest).expect("it has users");
        url.set_password(Some(&guest)).expect("they have passwords");
        url.to_string()
    }

    fn guest(&self) -> String {
        format!("{}_guest", self.name)
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
        let server = self.server.clone();
        let statements = [
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
            format!("DROP ROLE IF EXISTS {}", self.guest()),
        ];
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                for statement in &statements {
                    execute(&server, statement).await?;
                }
                Ok::<_, sqlx::Error>(())
            })
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
