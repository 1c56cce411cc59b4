//! The only SQL. One [`Storage`] over two engines: embedded SQLite and PostgreSQL.
//!
//! Where the engines agree a statement stands once, and `read!` expands its use for each. Where one needs its own, for correctness or speed,
//! it stands in that engine's module: every write does. SQLite's one writer commits what is waiting as a group (`sqlite`); PostgreSQL
//! takes a mutation, its log entry, its change and its receipt in one statement (`postgres`).

mod accounts;
mod binds;
mod changes;
mod columns;
mod config;
mod deleted;
mod diagnosis;
mod error;
pub mod filter;
mod findings;
mod groups;
mod guard;
mod history;
mod keyed;
mod links;
mod list;
mod log;
mod members;
mod mutation;
mod open;
mod postgres;
mod query;
mod resources;
mod schemas;
mod service_keys;
mod sharing;
mod sort;
mod sqlite;
mod statement;
mod tenants;
mod writes;

use std::sync::Arc;

pub use self::{
    accounts::CreateCandidates,
    config::{StorageConfig, StorageUrl},
    diagnosis::Names,
    error::{OpenError, StorageError},
    findings::{ExaminationPlace, FindingPlace, FindingQuery, FindingWrite},
    groups::GroupBasis,
    guard::{BatchDecision, DroppedItems, GuardBase, GuardPart, GuardedTenant},
    history::History,
    links::ObjectIdHolder,
    members::GroupMembers,
    mutation::{
        AccountIndex, AccountWrite, Commit, EmailKey, GroupDocument, GroupWrite, Mutation,
        NewMember, RevokedToken, SchemaChange, SchemaWrite, Write,
    },
    query::{AccountPage, GroupPage, MemberPage, PageKey, RowQuery},
    resources::{FoundResources, ResourceKind, ResourceQuery},
    writes::TokenUse,
};

/// The data of every tenant. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    engine: Arc<Engine>,
}

enum Engine {
    Sqlite(Box<sqlite::Database>),
    Postgres(postgres::Database),
}

impl Engine {
    /// The engine's name in OpenTelemetry's semantic conventions.
    const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }
}

/// A statement that differs in a few words between the engines.
struct PerEngine {
    sqlite: &'static str,
    postgres: &'static str,
}

/// Runs one reading statement on the engine and reads each row: `read!(self, reader, SQL; bind, bind)`, or, where the engines need their own,
/// `read!(self, reader, sqlite(SQL; bind), postgres(SQL; bind))` or `read!(self, reader, each(SQL; bind))` with a [`PerEngine`], or with queries that are built, `read!(self, reader, sqlite = query, postgres
/// = query)`. The expansion is checked against each driver. On PostgreSQL a read whose connection turns out to be broken is repeated once on a
/// connection known to work.
macro_rules! read {
    ($storage:expr, $reader:path, sqlite = $sqlite:expr, postgres = $postgres:expr) => {
        match &*$storage.engine {
            $crate::storage::Engine::Sqlite(database) => {
                let rows = database.readers.fetch_all($sqlite).await?;
                rows.iter().map(|row| $reader(&mut $crate::storage::columns::Cursor::new(row))).collect::<Result<Vec<_>, StorageError>>()
            }
            $crate::storage::Engine::Postgres(database) => {
                let mut rows = $postgres.fetch_all(&database.pool).await;
                if rows.as_ref().is_err_and($crate::storage::postgres::is_broken_connection) {
                    rows = $postgres.fetch_all(&mut *database.working_connection().await?).await;
                }
                rows?.iter().map(|row| $reader(&mut $crate::storage::columns::Cursor::new(row))).collect::<Result<Vec<_>, StorageError>>()
            }
        }
    };
    ($storage:expr, $reader:path, sqlite($sqlite:expr $(; $($s:expr),*)?), postgres($postgres:expr $(; $($p:expr),*)?)) => {
        $crate::storage::read!(
            $storage,
            $reader,
            sqlite = sqlx::query($sqlite)$($(.bind($s))*)?,
            postgres = sqlx::query($postgres)$($(.bind($p))*)?
        )
    };
    ($storage:expr, $reader:path, each($sql:expr $(; $($bind:expr),*)?)) => {
        $crate::storage::read!(
            $storage,
            $reader,
            sqlite($sql.sqlite $(; $($bind),*)?),
            postgres($sql.postgres $(; $($bind),*)?)
        )
    };
    ($storage:expr, $reader:path, $sql:expr $(; $($bind:expr),*)?) => {
        $crate::storage::read!($storage, $reader, sqlite($sql $(; $($bind),*)?), postgres($sql $(; $($bind),*)?))
    };
}
use read;
