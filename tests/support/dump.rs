//! All that the database holds, as text: what a request that changes nothing must leave as it was.

use std::collections::BTreeMap;

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};

use super::Service;

/// The rows of each table, in order.
pub type Dump = BTreeMap<String, Vec<String>>;

/// Written every 30 seconds, whatever is asked for.
const VOLATILE: [&str; 2] = ["last_used_at", "last_used_from"];

impl Service {
    /// Every row of every table, beside the running service, once all changes have their numbers. Left out are tables whose name begins with one
    /// of these texts.
    pub async fn dump(&self, but: &[&str]) -> Dump {
        let dump = match self.database_url() {
            Some(url) => postgres(&url).await,
            None => sqlite(&self.data_dir().join("provisiond.db")).await,
        };
        assert!(dump.contains_key("accounts"), "the dump shows something");
        dump.into_iter()
            .filter(|(table, _)| !but.iter().any(|start| table.starts_with(start)))
            .collect()
    }
}

async fn postgres(url: &str) -> Dump {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the database is there");
    let pending = "SELECT COUNT(*) FROM changes WHERE number IS NULL";
    while sqlx::query_scalar::<_, i64>(pending)
        .fetch_one(&mut connection)
        .await
        .expect("the statement is right")
        > 0
    {}
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&mut connection)
            .await
            .expect("the statement is right");
    let [one, other] = VOLATILE;
    let mut dump = Dump::new();
    for table in tables {
        let rows = format!(
            "SELECT CAST(to_jsonb(t) - '{one}' - '{other}' AS TEXT) FROM \"{table}\" t ORDER BY 1"
        );
        let rows = sqlx::query_scalar(AssertSqlSafe(rows));
        let rows = rows
            .fetch_all(&mut connection)
            .await
            .expect("the statement is right");
        dump.insert(table, rows);
    }
    dump
}

async fn sqlite(file: &std::path::Path) -> Dump {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .expect("the file is there");
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(&mut connection)
            .await
            .expect("the statement is right");
    let mut dump = Dump::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&mut connection)
            .await
            .expect("the statement is right");
        let texts: Vec<String> = columns
            .iter()
            .filter(|column| !VOLATILE.contains(&column.as_str()))
            .map(|column| format!("quote(\"{column}\")"))
            .collect();
        let rows = format!(
            "SELECT {} FROM \"{table}\" ORDER BY 1",
            texts.join(" || '|' || ")
        );
        let rows = sqlx::query_scalar(AssertSqlSafe(rows));
        let rows = rows
            .fetch_all(&mut connection)
            .await
            .expect("the statement is right");
        dump.insert(table, rows);
    }
    dump
}
