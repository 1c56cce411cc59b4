//! What goes wrong in storage, by what the caller can do next, and the one place that reads a driver's errors.

use std::{io, path::PathBuf};

use crate::error::{BoxError, Error};

/// Why a storage call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The engine cannot be reached, cannot write, or is overloaded. A write may or may not have happened: try again with the same
    /// `request_id` or look first.
    #[error("storage is unavailable")]
    Unavailable(#[source] BoxError),
    /// A row holds what the program never writes.
    #[error("table {table} holds an unexpected {column}")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// In which column.
        column: &'static str,
    },
    /// A fault in a statement or in its use.
    #[error("storage refused a statement")]
    Internal(#[source] BoxError),
}

impl StorageError {
    /// A row of `table` holds what the program never writes.
    pub(super) const fn inconsistent(table: &'static str, column: &'static str) -> Self {
        Self::Inconsistent { table, column }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => Self::Unavailable(error.into()),
            StorageError::Inconsistent { .. } | StorageError::Internal(_) => {
                Self::Internal(error.into())
            }
        }
    }
}

/// Sorts a driver's error by who can mend it.
impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

/// Whether an error stands for the engine's state rather than for a faulty statement.
pub(super) fn is_outage(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match error {
        E::Io(_)
        | E::Tls(_)
        | E::PoolTimedOut
        | E::PoolClosed
        | E::WorkerCrashed
        | E::BeginFailed
        | E::Protocol(_) => true,
        E::Database(cause) => is_outage_code(cause.code().as_deref().unwrap_or_default()),
        _ => false,
    }
}

/// The same of a database's code.
///
/// PostgreSQL's SQLSTATE has five characters: connections (08), roll-backs and serialization (40), resources (53), an operator's or a
/// timeout's interruption (57), the system under it (58), read-only (25006) and an invalid cluster (XX). SQLite's extended code has at most
/// four, the primary code in its low byte: aborted to corrupt (4 to 11), full (13), cannot open (14).
fn is_outage_code(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "53", "57", "58", "25006", "XX"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 4..=11 | 13 | 14))
}

/// Why a storage could not be opened, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not answer, or refuses the credential.
    #[error("cannot reach the database; check its address, its credentials and that it runs")]
    Unreachable(#[source] BoxError),
    /// The text is not a PostgreSQL URL.
    #[error("the database URL is not one of PostgreSQL (postgres://user@host/database)")]
    InvalidUrl,
    /// A file cannot be made or read.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process owns the data folder.
    #[error(
        "{path} is in use by another process; an embedded database belongs to one process at a time, stop that one first"
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The server may lose what it has confirmed.
    #[error(
        "the server runs with {setting} = {value}: it may lose writes it has confirmed; set {setting} = on"
    )]
    NotDurable {
        /// Which setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// The server is too old.
    #[error("the server is PostgreSQL {found}; {required} or newer is needed")]
    ServerTooOld {
        /// What it is.
        found: String,
        /// What it has to be.
        required: u32,
    },
    /// The database cannot hold every text.
    #[error("the database is encoded in {encoding}; create it with ENCODING 'UTF8'")]
    Encoding {
        /// What it is.
        encoding: String,
    },
    /// Migrations of this program are missing in the database.
    #[error(
        "the database is not at this program's schema, {missing} is missing; run `provisiond migrate`"
    )]
    SchemaOlder {
        /// The first missing migration.
        missing: String,
    },
    /// The database has migrations that this program does not know.
    #[error(
        "the database has migration {version}, which this program does not know; run the newer program"
    )]
    SchemaNewer {
        /// The first unknown migration.
        version: i64,
    },
    /// A migration was changed after it was applied.
    #[error(
        "migration {version} in the database is not the one of this program; restore the database or the program"
    )]
    SchemaChanged {
        /// Which.
        version: i64,
    },
    /// A key that the service made for itself was changed.
    #[error("table service_keys holds what is not a key; restore the database")]
    ServiceKey,
    /// A migration failed; it was rolled back.
    #[error("a migration failed and was rolled back")]
    Migration(#[source] BoxError),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreachable(error.into())
    }
}

/// The table and columns of a violated unique constraint, as text: PostgreSQL tells the constraint's name, SQLite the columns.
pub(super) fn violated_unique(error: &sqlx::Error) -> Option<&str> {
    let error = error
        .as_database_error()
        .filter(|error| error.is_unique_violation())?;
    Some(error.constraint().unwrap_or_else(|| error.message()))
}
