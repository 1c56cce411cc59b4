//! The embedded engine: one file, owned by one process, read through a few connections and written by one.
//!
//! Everything that is confirmed is durable (WAL with `synchronous=FULL`); the [`writer`] makes that cheap by committing as a group what is
//! waiting.

mod findings;
mod groups;
mod guard;
mod readers;
mod statements;
mod tokens;
mod writer;

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{OpenError, StorageConfig, StorageError, open, service_keys};
use crate::service_key::{Purpose, ServiceKey};
use readers::Readers;
use writer::Writer;

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Readers and the writer do not wait for each other in WAL mode; what remains are moments such as recovery after a crash.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages (of 4 KiB) in the WAL after which a commit also moves them into the database, which costs two more flushes. A page that was written many
/// times is moved once, so a long WAL is cheap; reading one of 32 MiB after a crash takes a fraction of a second.
const CHECKPOINT_PAGES: &str = "8192";
/// After a checkpoint the WAL file is cut to this size.
const WAL_SIZE_MAX: &str = "67108864";
/// KiB of pages that the writer keeps, as SQLite writes it: the upper levels of every index of some hundred thousand accounts. Taken as it
/// fills.
const WRITER_CACHE_KIB: &str = "-32768";

pub(in crate::storage) struct Database {
    pub readers: Readers,
    pub page_token_key: ServiceKey,
    writer: Writer,
    /// Held while the database is open.
    lock: Mutex<Option<File>>,
}

impl Database {
    pub async fn open(path: &Path, config: &StorageConfig) -> Result<Self, OpenError> {
        if !path.exists() {
            return Err(OpenError::SchemaOlder {
                missing: path.display().to_string(),
            });
        }
        let lock = lock(path)?;
        let mut connection = connect(path).await?;
        open::check_schema(&mut connection, &MIGRATOR).await?;
        let page_token_key = service_keys::sqlite(&mut connection, Purpose::PageTokens).await?;
        let readers = Readers::open(
            reader_options(path),
            config.acquire_timeout,
            config.statement_timeout,
        )
        .await?;
        let writer = Writer::start(connection, writer_options(path), config.acquire_timeout);
        Ok(Self {
            readers,
            page_token_key,
            writer,
            lock: Mutex::new(Some(lock)),
        })
    }

    pub async fn close(&self) {
        self.writer.stop().await;
        self.readers.close().await;
        drop(
            self.lock
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take(),
        );
    }
}

/// Makes the file where there is none, and applies what is missing.
pub(in crate::storage) async fn migrate(path: &Path) -> Result<Vec<String>, OpenError> {
    let _lock = lock(path)?;
    private_file(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    let mut connection = connect(path).await?;
    let applied = open::count_applied(&mut connection, &MIGRATOR).await?;
    MIGRATOR
        .run(&mut connection)
        .await
        .map_err(open::migration_error)?;
    connection.close().await?;
    Ok(open::names(&MIGRATOR, applied))
}

async fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
    Ok(writer_options(path).connect().await?)
}

fn writer_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", WAL_SIZE_MAX)
        .pragma("cache_size", WRITER_CACHE_KIB)
        .disable_statement_logging()
}

fn reader_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(false)
        .statement_cache_capacity(STATEMENTS_MAX)
        .disable_statement_logging()
}

/// The statements a connection keeps prepared: all of ours, and the shapes of filters that callers use most.
const STATEMENTS_MAX: usize = 100;

/// Takes the file lock that keeps a second process from writing to the same database.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let file = private_file(&path).map_err(|source| OpenError::File {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// Opens a file, and makes it where there is none: only its owner may read it.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

impl From<writer::Stopped> for StorageError {
    fn from(stopped: writer::Stopped) -> Self {
        Self::Unavailable(stopped.into())
    }
}
