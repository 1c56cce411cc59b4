//! Opening, migrating and closing a storage.

use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};

use super::{
    Engine, OpenError, Storage, StorageConfig, StorageError, StorageUrl, columns, postgres, read,
    sqlite,
};

impl Storage {
    /// Connects, and checks that what the engine confirms is durable and that its schema is this program's. Does not migrate.
    pub async fn open(config: &StorageConfig) -> Result<Self, OpenError> {
        let engine = match &config.url {
            StorageUrl::Sqlite(path) => {
                Engine::Sqlite(sqlite::Database::open(path, config).await?.into())
            }
            StorageUrl::Postgres(url) => {
                Engine::Postgres(postgres::Database::open(url, config).await?)
            }
        };
        Ok(Self {
            engine: engine.into(),
        })
    }

    /// Applies the migrations that are missing, makes SQLite's file where there is none, and tells the names of what was applied.
    pub async fn migrate(config: &StorageConfig) -> Result<Vec<String>, OpenError> {
        match &config.url {
            StorageUrl::Sqlite(path) => sqlite::migrate(path).await,
            StorageUrl::Postgres(url) => postgres::migrate(url).await,
        }
    }

    /// Lets what is under way come to its end, refuses what comes after, and gives up the database.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(database) => database.close().await,
            Engine::Postgres(database) => database.pool.close().await,
        }
    }

    /// Whether the database answers.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "ping"))]
    pub async fn ping(&self) -> Result<(), StorageError> {
        read!(self, columns::int, "SELECT head FROM change_heads LIMIT 1").map(drop)
    }
}

/// Refuses a database whose migrations are not this program's.
pub(super) async fn check_schema(
    connection: &mut impl Migrate,
    migrator: &Migrator,
) -> Result<(), OpenError> {
    let applied = match connection
        .list_applied_migrations(&migrator.table_name)
        .await
    {
        Ok(applied) => applied,
        Err(MigrateError::Execute(error)) if is_missing_table(&error) => Vec::new(),
        Err(error) => return Err(OpenError::Unreachable(error.into())),
    };
    for found in &applied {
        match migrator.iter().find(|known| known.version == found.version) {
            None => {
                return Err(OpenError::SchemaNewer {
                    version: found.version,
                });
            }
            Some(known) if known.checksum != found.checksum => {
                return Err(OpenError::SchemaChanged {
                    version: found.version,
                });
            }
            Some(_) => {}
        }
    }
    match missing(migrator, applied.len()).next() {
        Some(missing) => Err(OpenError::SchemaOlder {
            missing: name(missing),
        }),
        None => Ok(()),
    }
}

/// How many migrations the database has; none where there is no table of them yet.
pub(super) async fn count_applied(
    connection: &mut impl Migrate,
    migrator: &Migrator,
) -> Result<usize, OpenError> {
    connection
        .ensure_migrations_table(&migrator.table_name)
        .await
        .map_err(migration_error)?;
    let applied = connection
        .list_applied_migrations(&migrator.table_name)
        .await
        .map_err(migration_error)?;
    Ok(applied.len())
}

/// The names of the migrations behind the first `applied`: they are applied in order.
pub(super) fn names(migrator: &Migrator, applied: usize) -> Vec<String> {
    missing(migrator, applied).map(name).collect()
}

fn missing(migrator: &Migrator, applied: usize) -> impl Iterator<Item = &Migration> {
    migrator.iter().skip(applied)
}

fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}

pub(super) fn migration_error(error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::SchemaNewer { version },
        MigrateError::VersionMismatch(version) => OpenError::SchemaChanged { version },
        error => OpenError::Migration(error.into()),
    }
}

/// PostgreSQL has a code for it, SQLite only a text.
fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.code().is_some_and(|code| code == "42P01")
            || error.message().starts_with("no such table")
    })
}
