//! The tenant whose accounts are updated, and the check that its numbers are what was promised.

use std::sync::Arc;

use anyhow::{Result, ensure};
use rand::RngExt as _;
use sqlx::PgPool;
use uuid::Uuid;

use crate::ids::{self, Ids};
use crate::raw::postgres;

/// A tenant with accounts.
#[derive(Clone)]
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// How many it has.
    accounts: u32,
    /// Where new ids come from.
    pub ids: Arc<Ids>,
}

impl Tenant {
    /// A new one.
    pub async fn create(pool: &PgPool, accounts: u32) -> Result<Self> {
        let ids = Arc::new(Ids::new());
        let tenant = Self {
            id: ids.id(),
            accounts,
            ids,
        };
        postgres::preload(pool, tenant.id, accounts).await?;
        sqlx::query("INSERT INTO change_heads (tenant_id, head) VALUES ($1, 0)")
            .bind(tenant.id)
            .execute(pool)
            .await?;
        Ok(tenant)
    }

    /// The id of any account.
    pub fn random_account(&self) -> Uuid {
        ids::numbered(rand::rng().random_range(0..self.accounts).into())
    }

    /// Every change has a number, none twice, none left out, and each has its log entry.
    pub async fn check(&self, pool: &PgPool) -> Result<()> {
        let (changes, numbers, last, head, entries): (i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COUNT(DISTINCT number), COALESCE(MAX(number), 0),
                    (SELECT head FROM change_heads WHERE tenant_id = $1),
                    (SELECT COUNT(*) FROM log_entries WHERE tenant_id = $1)
             FROM changes
             WHERE tenant_id = $1",
        )
        .bind(self.id)
        .fetch_one(pool)
        .await?;
        ensure!(
            [numbers, last, head, entries] == [changes; 4],
            "{changes} changes have {numbers} numbers up to {last}, the head is {head}, {entries} log entries"
        );
        Ok(())
    }
}
