//! The readers: a few connections that take turns. Each reads one statement at a time, and SQLite gives the statement up when its time is over or
//! when nobody waits for it any more.
//!
//! A pool of sqlx cannot do that: SQLite asks the connection whether to go on, and only here is it known for which statement.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow},
};
use tokio::{sync::Semaphore, time::timeout};

/// Readers work beside the writer; more than this many only take turns on the cores of a machine for which SQLite is right.
const READERS: u32 = 4;
/// Steps of SQLite's machine between two looks at the clock: a fraction of a millisecond, so that looking costs nothing.
const STEPS_BETWEEN_LOOKS: i32 = 2_000;

/// The connections. The semaphore has a permit for each that may be open; those at rest are in `idle`.
pub(in crate::storage) struct Readers {
    options: SqliteConnectOptions,
    turn_wait_max: Duration,
    statement_timeout: Duration,
    turns: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

struct Reader {
    connection: SqliteConnection,
    deadline: Deadline,
}

/// Until when the connection's statement may run, in microseconds since the connection was opened. What is dropped in the middle of a statement
/// is over.
struct Deadline {
    opened: Instant,
    at_us: Arc<AtomicU64>,
}

impl Readers {
    /// Opens one connection, to know that it can be done.
    pub async fn open(
        options: SqliteConnectOptions,
        turn_wait_max: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, sqlx::Error> {
        let first = Reader::open(&options).await?;
        Ok(Self {
            options,
            turn_wait_max,
            statement_timeout,
            turns: Semaphore::new(READERS as usize),
            idle: Mutex::new(vec![first]),
        })
    }

    /// Runs a reading statement within its time, on a connection of its own.
    pub async fn fetch_all(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let _turn = timeout(self.turn_wait_max, self.turns.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let at_rest = self.idle().pop();
        let mut reader = match at_rest {
            Some(reader) => reader,
            None => Reader::open(&self.options).await?,
        };
        reader.deadline.set(self.statement_timeout);
        let rows = query.fetch_all(&mut reader.connection).await;
        // A connection with any other fault is not used again.
        if matches!(rows, Ok(_) | Err(sqlx::Error::Database(_))) {
            self.idle().push(reader);
        }
        rows
    }

    /// Lets what is being read come to its end, and refuses what comes after.
    pub async fn close(&self) {
        let all = self.turns.acquire_many(READERS).await;
        self.turns.close();
        drop(all);
        let readers = std::mem::take(&mut *self.idle());
        for reader in readers {
            // What was only read leaves nothing to be done.
            let _ = reader.connection.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = options.connect().await?;
        let deadline = Deadline {
            opened: Instant::now(),
            at_us: Arc::default(),
        };
        let (opened, at_us) = (deadline.opened, Arc::clone(&deadline.at_us));
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS_BETWEEN_LOOKS, move || {
                micros(opened.elapsed()) < at_us.load(Ordering::Relaxed)
            });
        Ok(Self {
            connection,
            deadline,
        })
    }
}

impl Deadline {
    fn set(&self, from_now: Duration) {
        let at = self.opened.elapsed().saturating_add(from_now);
        self.at_us.store(micros(at), Ordering::Relaxed);
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.at_us.store(0, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
