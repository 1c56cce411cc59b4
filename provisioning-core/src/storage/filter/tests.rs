//! A filter means the same in memory, in SQLite and in PostgreSQL.

mod own;
mod property;
mod related;
mod walk;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection,
};

use super::*;
use crate::attributes::{
    Map,
    filter::{self, DEPTH_MAX, FILTER_BYTES_MAX, TERMS_MAX},
    schema::{ENTERPRISE_URN, ResourceSchema},
    search::{self, Record},
    validate,
};

const TENANT: Uuid = Uuid::from_u128(7);

/// An account with all that storage derives from it.
struct Stored {
    id: Uuid,
    document: Map,
    record_micros: [i64; 2],
    version: i64,
}

impl Stored {
    fn new(index: usize, document: &Value) -> Self {
        let mut document = document.as_object().expect("an object").clone();
        document.entry("active").or_insert(Value::Bool(true));
        let canonical =
            validate::canonical(&document, ResourceSchema::user()).expect("it is valid");
        let number = i64::try_from(index).expect("few accounts");
        Self {
            id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index as u128),
            document: canonical.document,
            record_micros: [number * 1_000_000, number * 2_500_001],
            version: number + 1,
        }
    }

    fn stored_search(&self) -> Map {
        search::search_document(&self.document, ResourceSchema::user())
    }

    fn search(&self) -> Map {
        let [created_micros, updated_micros] = self.record_micros;
        search::with_record(
            self.stored_search(),
            &Record {
                id: &self.id.to_string(),
                created_micros,
                updated_micros,
                version: self.version,
            },
        )
    }
}

/// Inserts accounts; the same texts for both engines, since both take `$n`.
macro_rules! insert {
    ($connection:expr, $stored:expr, $search:literal) => {
        for stored in $stored {
            let search = stored.stored_search();
            let text = |name: &str| search.get(name).and_then(Value::as_str).map(str::to_owned);
            let employee_number = search.get(ENTERPRISE_URN).and_then(|urn| urn["employeeNumber"].as_str()).map(str::to_owned);
            sqlx::query(AssertSqlSafe(format!(
                "INSERT INTO accounts (tenant_id, id, user_name, user_name_key, object_id, object_id_exclusive, directory_active, protected, \
                 managed, version, created_at, updated_at, employee_number_key, display_name_key, document, search) \
                 VALUES ($1, $2, '', $3, $4, FALSE, $5, FALSE, TRUE, $6, $7, $8, $9, $10, '', {})", $search
            )))
            .bind(TENANT)
            .bind(stored.id)
            .bind(text("userName"))
            .bind(text("externalId"))
            .bind(search["active"].as_bool())
            .bind(stored.version)
            .bind(stored.record_micros[0])
            .bind(stored.record_micros[1])
            .bind(employee_number)
            .bind(text("displayName"))
            .bind(Value::Object(search.clone()).to_string())
            .execute(&mut *$connection)
            .await
            .expect("the account is new");
            for (position, (value, kind)) in search::emails(&search).enumerate() {
                // Another tenant's mail addresses with the same account ids must never be found.
                for (tenant, value) in [(TENANT, value.to_owned()), (Uuid::from_u128(8), "work".to_owned())] {
                    sqlx::query("INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key) VALUES ($1, $2, $3, $4, $5)")
                        .bind(tenant)
                        .bind(stored.id)
                        .bind(i64::try_from(position).expect("few mail addresses"))
                        .bind(value)
                        .bind(kind)
                        .execute(&mut *$connection)
                        .await
                        .expect("the mail address is new");
                }
            }
        }
    };
}

/// The ids that an engine finds.
macro_rules! select {
    ($connection:expr, $engine:expr, $filter:expr) => {{
        let compiled = compile($filter, $engine, &Columns::accounts("$1"), 2);
        let sql = format!(
            "SELECT a.id FROM accounts a WHERE a.tenant_id = $1 AND {}",
            compiled.sql
        );
        let query = bind_all!(
            sqlx::query(AssertSqlSafe(sql)).bind(TENANT),
            &compiled.binds
        );
        let rows = query
            .fetch_all(&mut *$connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {} for {}", compiled.sql, $filter));
        rows.iter()
            .map(|row| row.get::<Uuid, _>(0))
            .collect::<BTreeSet<_>>()
    }};
}

/// Both engines with the tables of the migrations, empty. PostgreSQL works within a transaction that is never committed.
struct Engines {
    runtime: tokio::runtime::Runtime,
    sqlite: SqliteConnection,
    postgres: PgConnection,
    /// How often they were emptied.
    emptied: u32,
}

/// Within one transaction PostgreSQL keeps, and meets again in each scan, what was deleted: once in so often it gets new files, which takes longer.
const DELETIONS: u32 = 100;

impl Engines {
    fn start(name: &str) -> Self {
        let url = std::env::var("TEST_POSTGRES_URL").expect(
            "TEST_POSTGRES_URL is not set: run `cargo xtask test`, which starts PostgreSQL",
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the runtime starts");
        let (sqlite, postgres) = runtime.block_on(async {
            let mut sqlite = SqliteConnection::connect("sqlite::memory:")
                .await
                .expect("SQLite is compiled in");
            for migration in sqlx::migrate!("../migrations/sqlite").iter() {
                sqlite
                    .execute(migration.sql.clone())
                    .await
                    .expect("the migration runs");
            }
            let mut postgres = PgConnection::connect(&url)
                .await
                .expect("PostgreSQL answers at TEST_POSTGRES_URL");
            let schema = format!("filter_{name}_{}", std::process::id());
            postgres
                .execute(AssertSqlSafe(format!(
                    "BEGIN; CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}"
                )))
                .await
                .expect("the schema is new");
            for migration in sqlx::migrate!("../migrations/postgres").iter() {
                postgres
                    .execute(migration.sql.clone())
                    .await
                    .expect("the migration runs");
            }
            (sqlite, postgres)
        });
        Self {
            runtime,
            sqlite,
            postgres,
            emptied: 0,
        }
    }

    fn empty(&mut self, tables: &[&str]) {
        self.emptied += 1;
        let postgres = if self.emptied.is_multiple_of(DELETIONS) {
            "TRUNCATE"
        } else {
            "DELETE FROM"
        };
        self.runtime.block_on(async {
            for table in tables {
                let sql = format!("DELETE FROM {table}");
                let emptied = self.sqlite.execute(AssertSqlSafe(sql)).await;
                emptied.expect("the table is there");
                let sql = format!("{postgres} {table}");
                let emptied = self.postgres.execute(AssertSqlSafe(sql)).await;
                emptied.expect("the table is there");
            }
        });
    }

    fn store(&mut self, stored: &[Stored]) {
        self.empty(&["accounts", "account_emails"]);
        let Self {
            runtime,
            sqlite,
            postgres,
            ..
        } = self;
        runtime.block_on(async {
            insert!(sqlite, stored, "$11");
            insert!(postgres, stored, "$11::text::jsonb");
        });
    }

    fn select(&mut self, filter: &Filter) -> [BTreeSet<Uuid>; 2] {
        let Self {
            runtime,
            sqlite,
            postgres,
            ..
        } = self;
        runtime.block_on(async {
            [
                select!(sqlite, Engine::Sqlite, filter),
                select!(postgres, Engine::Postgres, filter),
            ]
        })
    }

    #[track_caller]
    fn compare(&mut self, stored: &[Stored], text: &str) -> BTreeSet<Uuid> {
        self.compare_by(ResourceSchema::user(), stored, text)
    }

    /// The filter is read by that schema.
    #[track_caller]
    fn compare_by(
        &mut self,
        schema: &ResourceSchema,
        stored: &[Stored],
        text: &str,
    ) -> BTreeSet<Uuid> {
        let filter = filter::parse(text, schema).unwrap_or_else(|error| panic!("{error}: {text}"));
        let expected: BTreeSet<_> = stored
            .iter()
            .filter(|stored| filter::evaluate(&filter, &stored.search()))
            .map(|stored| stored.id)
            .collect();
        let [sqlite, postgres] = self.select(&filter);
        assert_eq!(sqlite, expected, "SQLite: {text}");
        assert_eq!(postgres, expected, "PostgreSQL: {text}");
        expected
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A case that the property found, or that is too rare for it to find.
#[test]
fn odd_cases_are_the_same_as_well() {
    let mut engines = Engines::start("odd");
    let stored: Vec<_> = [
        json!({"userName": "a", "emails": [{"value": "A@B.c", "type": "work", "primary": true}, {"value": "x%y", "type": "home"}], "externalId": "Ab"}),
        json!({"userName": "b", "emails": [{"value": "a@b.c", "type": "home"}], "name": {"familyName": "é"}, "title": "İ_\\\"'"}),
        json!({"userName": "c", "urn:x:Custom:2.0:User": {"tag": [{"value": "1"}], "n": 1}, ENTERPRISE_URN: {"manager": {"value": "M"}}}),
        json!({"userName": "K", "urn:x:Custom:2.0:User": {"tag": "1", "n": "1"}, "active": false, "title": "\u{10000}"}),
    ]
    .iter()
    .enumerate()
    .map(|(index, document)| Stored::new(index, document))
    .collect();
    engines.store(&stored);
    for (text, found) in [
        ("userName eq \"\u{212a}\"", vec![3]),
        ("externalId eq \"ab\"", vec![]),
        ("externalId eq \"Ab\"", vec![0]),
        ("emails[type eq \"work\"].value eq \"a@b.C\"", vec![0]),
        (
            "emails[type eq \"work\" and primary eq true].value eq \"a@b.C\"",
            vec![0],
        ),
        (
            "emails.value eq \"a@b.c\" and emails.type eq \"home\"",
            vec![0, 1],
        ),
        ("emails eq \"x%Y\"", vec![0]),
        // Only another tenant has this mail address.
        ("emails eq \"work\"", vec![]),
        ("emails ne \"a@b.c\"", vec![2, 3]),
        ("emails co \"%\"", vec![0]),
        ("title sw \"İ_\"", vec![1]),
        ("title ew \"\\\"'\"", vec![1]),
        ("title gt \"\u{ffff}\"", vec![3]),
        ("not (title gt \"\u{ffff}\")", vec![0, 1, 2]),
        ("not (name.familyName eq \"E\\u0301\")", vec![0, 2, 3]),
        ("manager eq \"M\"", vec![2]),
        ("urn:x:Custom:2.0:User:tag eq \"1\"", vec![2, 3]),
        ("urn:x:Custom:2.0:User:n eq 1", vec![2]),
        ("urn:x:Custom:2.0:User:n pr", vec![2, 3]),
        ("active eq \"False\"", vec![3]),
        ("active ne true", vec![3]),
        ("meta.version eq \"\\\"2\\\"\"", vec![1]),
        ("id ew \"0002\"", vec![2]),
        ("id eq \"01900000-0000-7000-8000-000000000003\"", vec![3]),
        ("id eq \"not-an-id\"", vec![]),
        ("schemas eq \"URN:X:custom:2.0:User\"", vec![2, 3]),
        ("title eq null and not (emails pr)", vec![2]),
    ] {
        let expected: BTreeSet<_> = found
            .into_iter()
            .map(|index: usize| stored[index].id)
            .collect();
        assert_eq!(engines.compare(&stored, text), expected, "{text}");
    }
}

/// Engines have limits of their own; ours stay below them.
#[test]
fn the_largest_filters_run_on_both_engines() {
    let mut engines = Engines::start("caps");
    let stored = [Stored::new(
        0,
        &json!({"userName": "a", "emails": [{"value": "a"}]}),
    )];
    engines.store(&stored);
    let deep = |prefix: &str, leaf: &str| {
        format!(
            "{}{leaf}{}",
            prefix.repeat(DEPTH_MAX - 1),
            ")".repeat(DEPTH_MAX - 1)
        )
    };
    for text in [
        vec!["userName ne \"b\""; TERMS_MAX].join(" and "),
        vec!["userName eq \"b\""; TERMS_MAX].join(" or "),
        vec!["title sw \"b\""; TERMS_MAX].join(" or "),
        vec!["emails.type ne \"x\""; TERMS_MAX].join(" and "),
        vec!["emails[type ne \"x\"]"; TERMS_MAX].join(" and "),
        vec!["urn:x:Custom:2.0:User:tag ne 1"; TERMS_MAX].join(" and "),
        deep("not (", "emails.type eq \"x\""),
        deep("(", &vec!["emails[type eq \"x\"]"; TERMS_MAX].join(" or ")),
        deep("not (title pr or ", "emails[value co \"x\"]"),
        format!("userName co \"{}\"", "x".repeat(FILTER_BYTES_MAX - 20)),
    ] {
        engines.compare(&stored, &text);
    }
}

/// What Entra may match on is answered from an index.
#[test]
fn matching_attributes_are_asked_in_their_columns() {
    for (text, expected) in [
        ("userName eq \"A\"", "((a.user_name_key = $2))"),
        ("externalId eq \"A\"", "((a.object_id = $2))"),
        (
            "id eq \"01900000-0000-7000-8000-000000000003\"",
            "((a.id = $2))",
        ),
        (
            "emails eq \"A\"",
            "(a.id IN (SELECT m.account_id FROM account_emails m WHERE m.tenant_id = $1 AND m.value_key = $2))",
        ),
        (
            "emails[type eq \"work\"].value eq \"A\"",
            "(a.id IN (SELECT m.account_id FROM account_emails m WHERE m.tenant_id = $1 AND m.type_key = $2 AND m.value_key = $3))",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"7\"",
            "((a.employee_number_key = $2))",
        ),
        ("displayName eq \"A\"", "((a.display_name_key = $2))"),
    ] {
        let filter = filter::parse(text, ResourceSchema::user()).expect("it is valid");
        for engine in [Engine::Sqlite, Engine::Postgres] {
            assert_eq!(
                compile(&filter, engine, &Columns::accounts("$1"), 2).sql,
                expected,
                "{text}"
            );
        }
    }
}

/// A cluster in the language of C would not show it.
#[test]
fn postgresql_orders_by_bytes() {
    let filter = filter::parse("title gt \"a\"", ResourceSchema::user()).expect("it is valid");
    let sql = compile(&filter, Engine::Postgres, &Columns::accounts("$1"), 2).sql;
    assert!(sql.contains(" COLLATE \"C\" > $3"), "{sql}");
}

#[test]
fn nothing_of_a_filter_reaches_the_statement() {
    let marker = "zqx";
    let text = format!(
        "userName eq \"{marker}\" and title co \"{marker}\" and urn:{marker}:{marker}:User:{marker}.{marker} eq \"{marker}\" \
         and emails[display eq \"{marker}\"] and not (urn:{marker}:User:{marker}[{marker} eq 1] or id sw \"{marker}\")"
    );
    let filter = filter::parse(&text, ResourceSchema::user()).expect("it is valid");
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let compiled = compile(&filter, engine, &Columns::accounts("$1"), 2);
        assert!(!compiled.sql.contains(marker), "{}", compiled.sql);
        assert!(
            compiled
                .sql
                .contains(&format!("${}", compiled.binds.len() + 1))
                && !compiled
                    .sql
                    .contains(&format!("${}", compiled.binds.len() + 2))
        );
    }
}

#[test]
fn log_entries_are_filtered_by_their_columns() {
    for (text, sqlite, postgres) in [
        (
            "outcome eq \"FAILURE\"",
            "((lower(e.outcome) = $1))",
            "((lower(e.outcome COLLATE \"C\") = $1))",
        ),
        (
            "userName eq \"Alice\"",
            "((e.user_name_key = $1))",
            "((e.user_name_key = $1))",
        ),
        (
            "httpStatus ge 400",
            "((e.http_status >= $1))",
            "((e.http_status >= $1))",
        ),
        (
            "time gt 2026-01-01T00:00:00Z",
            "((e.at > $1))",
            "((e.at > $1))",
        ),
        (
            "detail co \"x\"",
            "((instr(NULLIF(e.detail, ''), $1) > 0))",
            "((strpos(NULLIF(e.detail, ''), $1) > 0))",
        ),
        (
            "objectId pr",
            "((e.object_id <> ''))",
            "((e.object_id <> ''))",
        ),
        (
            "not (objectId eq null)",
            "(NOT NOT (e.object_id <> ''))",
            "(NOT NOT (e.object_id <> ''))",
        ),
    ] {
        let filter = filter::parse(text, ResourceSchema::log_entry()).expect("it is valid");
        assert_eq!(
            compile(&filter, Engine::Sqlite, &Columns::log_entries(), 1).sql,
            sqlite,
            "{text}"
        );
        assert_eq!(
            compile(&filter, Engine::Postgres, &Columns::log_entries(), 1).sql,
            postgres,
            "{text}"
        );
    }
}
