//! The deprovision guard on PostgreSQL: a guarded write is a transaction that begins with the tenant's lock, and each statement after that sees what
//! the one before it has committed.

use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::{Database, findings};
use crate::storage::{
    FindingWrite, StorageError,
    guard::behind::{GuardPurge, guarded_on},
};

guarded_on!(PgConnection, POSTGRES, to_vec);

fn to_vec(ids: &[Uuid]) -> Vec<Uuid> {
    ids.to_vec()
}

impl Database {
    pub async fn drop_items(
        &self,
        tenant: TenantId,
        dropped: &DroppedItems,
    ) -> Result<u64, StorageError> {
        let mut transaction = self.pool.begin().await?;
        let rows = drop_items(&mut transaction, tenant, dropped).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    pub async fn purge_guard(&self, step: &GuardPurge) -> Result<u64, StorageError> {
        let mut connection = self.pool.acquire().await?;
        Ok(purge(&mut connection, step).await?)
    }
}

/// A write that has got past the guard and holds the tenant's lock.
pub(super) struct Guarded<'m> {
    pub transaction: Transaction<'static, Postgres>,
    tenant: TenantId,
    check: &'m GuardCheck,
    verdict: Verdict,
    _permit: SemaphorePermit<'m>,
}

/// Takes the lock and decides. What is held is committed as such.
pub(super) async fn begin<'m>(
    database: &'m Database,
    tenant: TenantId,
    asked: &'m GuardCheck,
) -> Result<Result<Guarded<'m>, Held>, sqlx::Error> {
    // Before the connection is taken, so that who waits for the lock keeps few of them from others.
    let permit = database.guarded_writes.acquire().await;
    let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
    let mut transaction = database.pool.begin().await?;
    Ok(match check(&mut transaction, tenant, asked).await? {
        Ok(verdict) => Ok(Guarded {
            transaction,
            tenant,
            check: asked,
            verdict,
            _permit: permit,
        }),
        Err(held) => {
            transaction.commit().await?;
            Err(held)
        }
    })
}

impl Guarded<'_> {
    /// Commits the write, what it shows and that it has passed; a conflict leaves nothing.
    pub async fn end(
        mut self,
        written: Commit,
        shown: &[FindingWrite],
    ) -> Result<Commit, sqlx::Error> {
        match written {
            Commit::Done => {
                pass(
                    &mut self.transaction,
                    self.tenant,
                    self.check,
                    &self.verdict,
                )
                .await?;
                findings::write(&mut self.transaction, self.tenant, shown).await?;
            }
            Commit::Unchanged => {}
            conflict => {
                self.transaction.rollback().await?;
                return Ok(conflict);
            }
        }
        self.transaction.commit().await?;
        Ok(written)
    }
}
