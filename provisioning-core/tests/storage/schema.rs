//! Both engines have the same schema: tables, columns, nullability and what is unique.

use std::collections::BTreeMap;

use provisioning_core::storage::Storage;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};

use super::fixture::Database;

/// Of a table: its columns with whether they may be NULL, and its unique sets of columns.
type Tables = BTreeMap<String, (BTreeMap<String, bool>, Vec<Vec<String>>)>;

async fn sqlite() -> Tables {
    let database = Database::sqlite();
    Storage::migrate(&database.config()).await.unwrap();
    let options = SqliteConnectOptions::new().filename(database.path());
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut tables = Tables::new();
    for name in names {
        let columns = sqlx::query("SELECT name, \"notnull\" FROM pragma_table_info($1)")
            .bind(&name)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let columns = columns
            .iter()
            .map(|row| (row.get(0), !row.get::<bool, _>(1)))
            .collect();
        let indexes: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_index_list($1) WHERE \"unique\"")
                .bind(&name)
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let mut unique = Vec::new();
        for index in indexes {
            let columns =
                sqlx::query_scalar("SELECT name FROM pragma_index_info($1) ORDER BY seqno")
                    .bind(index);
            unique.push(columns.fetch_all(&mut connection).await.unwrap());
        }
        unique.sort();
        tables.insert(name, (columns, unique));
    }
    tables
}

async fn postgres() -> Tables {
    let database = Database::postgres().await;
    Storage::migrate(&database.config()).await.unwrap();
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let mut tables = Tables::new();
    let columns = "SELECT table_name::TEXT, column_name::TEXT, is_nullable = 'YES' FROM information_schema.columns
                   WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'";
    for row in sqlx::query(columns)
        .fetch_all(&mut connection)
        .await
        .unwrap()
    {
        tables
            .entry(row.get(0))
            .or_default()
            .0
            .insert(row.get(1), row.get(2));
    }
    let unique = "SELECT t.relname::TEXT,
                         ARRAY(SELECT a.attname::TEXT FROM UNNEST(i.indkey) WITH ORDINALITY k (number, position)
                               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.position)
                  FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
                  WHERE i.indisunique AND n.nspname = 'public' AND t.relname NOT LIKE '\\_%'";
    for row in sqlx::query(AssertSqlSafe(unique))
        .fetch_all(&mut connection)
        .await
        .unwrap()
    {
        tables
            .get_mut(row.get::<&str, _>(0))
            .unwrap()
            .1
            .push(row.get(1));
    }
    for (_, unique) in tables.values_mut() {
        unique.sort();
    }
    tables
}

#[tokio::test]
async fn the_engines_have_the_same_tables() {
    let (sqlite, postgres) = (sqlite().await, postgres().await);
    assert_eq!(sqlite.len(), 20, "{:?}", sqlite.keys());
    assert_eq!(sqlite, postgres);
}

/// Beside those of keys: what each is of and where it holds only in part, as the engine writes it.
async fn indexes() -> [BTreeMap<String, (Vec<String>, bool)>; 2] {
    let database = Database::sqlite();
    Storage::migrate(&database.config()).await.unwrap();
    let options = SqliteConnectOptions::new().filename(database.path());
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let named: Vec<(String, String)> = sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND name NOT LIKE '\\_%' ESCAPE '\\'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut sqlite = BTreeMap::new();
    for (name, sql) in named {
        let columns =
            sqlx::query_scalar("SELECT name FROM pragma_index_info($1) ORDER BY seqno").bind(&name);
        let columns = columns.fetch_all(&mut connection).await.unwrap();
        sqlite.insert(
            name,
            (columns, sql.split_whitespace().any(|word| word == "WHERE")),
        );
    }

    let database = Database::postgres().await;
    Storage::migrate(&database.config()).await.unwrap();
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let indexes = "SELECT x.relname::TEXT,
                          ARRAY(SELECT a.attname::TEXT FROM UNNEST(i.indkey) WITH ORDINALITY k (number, position)
                                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.position),
                          i.indpred IS NOT NULL
                   FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
                   WHERE n.nspname = 'public' AND x.relname NOT LIKE '\\_%'
                     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)";
    let postgres = sqlx::query(AssertSqlSafe(indexes))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let postgres = postgres
        .iter()
        .map(|row| (row.get(0), (row.get(1), row.get(2))))
        .collect();
    [sqlite, postgres]
}

#[tokio::test]
async fn the_engines_have_the_same_indexes() {
    let [sqlite, mut postgres] = indexes().await;
    // SQLite's writer numbers a change as it records it.
    assert!(postgres.remove("changes_pending").is_some());
    for partial in [
        "log_entries_link_steps",
        "log_entries_link_steps_of_account",
    ] {
        assert!(
            sqlite[partial].1,
            "{partial} must cost nothing but of link steps"
        );
    }
    assert_eq!(sqlite, postgres);
}

#[tokio::test]
async fn the_tenant_comes_first_in_every_unique_set() {
    for (table, (_, unique)) in sqlite().await {
        for columns in unique {
            let expected = match table.as_str() {
                "tenants" => ["id", "identifier"].as_slice(),
                // The service's own.
                "service_keys" => &["purpose"],
                _ => &["tenant_id"],
            };
            assert!(
                expected.contains(&columns[0].as_str()),
                "{table}: {columns:?}"
            );
        }
    }
}

#[test]
fn the_migrations_have_the_same_numbers_and_names() {
    let names = |engine: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(engine);
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}
