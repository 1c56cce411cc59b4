//! Where the data lives and how much may be asked of it at once.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum StorageUrl {
    /// The file of an embedded SQLite database.
    Sqlite(PathBuf),
    /// A PostgreSQL URL; it may hold a password.
    Postgres(SecretString),
}

/// How a storage is opened.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// Where the data lives.
    pub url: StorageUrl,
    /// PostgreSQL: the most connections of this process.
    pub pool_size_max: u32,
    /// How long a call waits for a connection, or for room in the writer's queue, before it is answered "unavailable".
    pub acquire_timeout: Duration,
    /// How long the engine works at one statement before it gives it up: any of PostgreSQL's, the reading ones of SQLite.
    pub statement_timeout: Duration,
}

impl StorageConfig {
    /// The defaults: one connection more than a server of a few cores can use at once, and waits shorter than a client's.
    pub fn new(url: StorageUrl) -> Self {
        Self {
            url,
            pool_size_max: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
        }
    }
}
