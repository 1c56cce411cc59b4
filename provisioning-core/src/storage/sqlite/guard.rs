//! The deprovision guard on the embedded engine, within the writer's transaction. The writer is alone, so what it looks at stays so.

use sqlx::SqliteConnection;

use crate::storage::{groups::json_ids, guard::behind::guarded_on};

guarded_on!(SqliteConnection, SQLITE, json_ids);
