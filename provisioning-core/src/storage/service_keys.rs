//! The keys that all replicas share, read when a storage is opened, and made by the replica that opens it first.

use sqlx::{PgConnection, SqliteConnection};

use super::{Engine, OpenError, Storage};
use crate::service_key::{Purpose, ServiceKey};

const FIND: &str = "SELECT secret FROM service_keys WHERE purpose = $1";

/// Of several replicas that start together, all keep what the first one made.
const INSERT: &str =
    "INSERT INTO service_keys (purpose, secret) VALUES ($1, $2) ON CONFLICT (purpose) DO NOTHING";

impl Storage {
    /// The key that page tokens are sealed with.
    pub fn page_token_key(&self) -> &ServiceKey {
        match &*self.engine {
            Engine::Sqlite(database) => &database.page_token_key,
            Engine::Postgres(database) => &database.page_token_key,
        }
    }
}

/// Finds the key of a purpose, or makes it. Expanded for each engine, so that it is checked against its driver.
macro_rules! find_or_make {
    ($connection:expr, $purpose:expr) => {{
        let purpose = $purpose.as_str();
        let find = sqlx::query_scalar::<_, Vec<u8>>(FIND).bind(purpose);
        if let Some(secret) = find.fetch_optional(&mut *$connection).await? {
            return key(secret);
        }
        let made = ServiceKey::generate();
        sqlx::query(INSERT)
            .bind(purpose)
            .bind(made.as_bytes())
            .execute(&mut *$connection)
            .await?;
        let find = sqlx::query_scalar::<_, Vec<u8>>(FIND).bind(purpose);
        key(find.fetch_one(&mut *$connection).await?)
    }};
}

pub(super) async fn sqlite(
    connection: &mut SqliteConnection,
    purpose: Purpose,
) -> Result<ServiceKey, OpenError> {
    find_or_make!(connection, purpose)
}

pub(super) async fn postgres(
    connection: &mut PgConnection,
    purpose: Purpose,
) -> Result<ServiceKey, OpenError> {
    find_or_make!(connection, purpose)
}

fn key(secret: Vec<u8>) -> Result<ServiceKey, OpenError> {
    ServiceKey::from_bytes(secret).ok_or(OpenError::ServiceKey)
}
