//! All that a database holds, so that two states can be compared: whoever claims to have changed nothing is held to it.

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};

/// Every row of every table of a PostgreSQL database.
pub async fn of_postgres(connection: &mut PgConnection) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the tables are listed");
    let mut dump = Vec::new();
    for table in checked(tables) {
        // The names are the migrations' own.
        let statement = AssertSqlSafe(format!(
            "SELECT row_to_json(t)::text FROM {table} t ORDER BY 1"
        ));
        let rows: Vec<String> = sqlx::query_scalar(statement)
            .fetch_all(&mut *connection)
            .await
            .expect("the table is read");
        dump.extend(rows.into_iter().map(|row| format!("{table} {row}")));
    }
    dump
}

/// Every row of every table of an SQLite file.
pub async fn of_sqlite(options: &SqliteConnectOptions) -> Vec<String> {
    let mut connection = SqliteConnection::connect_with(options)
        .await
        .expect("the file is there");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the tables are listed");
    let mut dump = Vec::new();
    for table in checked(tables) {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info($1) ORDER BY cid")
                .bind(&table)
                .fetch_all(&mut connection)
                .await
                .expect("the columns are listed");
        let quoted: Vec<String> = columns
            .iter()
            .map(|column| format!("quote(\"{column}\")"))
            .collect();
        // The names are the migrations' own.
        let statement = AssertSqlSafe(format!(
            "SELECT {} FROM \"{table}\" ORDER BY 1",
            quoted.join(" || ' ' || ")
        ));
        let rows: Vec<String> = sqlx::query_scalar(statement)
            .fetch_all(&mut connection)
            .await
            .expect("the table is read");
        dump.extend(rows.into_iter().map(|row| format!("{table} {row}")));
    }
    dump
}

/// A dump that finds nothing proves nothing.
fn checked(tables: Vec<String>) -> Vec<String> {
    for table in ["accounts", "groups", "log_entries", "receipts", "changes"] {
        assert!(
            tables.iter().any(|name| name == table),
            "{table} is missing"
        );
    }
    tables
}
