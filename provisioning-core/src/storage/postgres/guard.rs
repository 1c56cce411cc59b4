//! The deprovision guard on PostgreSQL: a guarded write is a transaction that begins with the tenant's lock, and each statement after that sees what
//! the one before it has committed.

use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::{Database, commit::receipt_exists, findings};
use crate::storage::{
    Mutation, StorageError,
    guard::behind::{GuardPurge, guarded_on},
};

guarded_on!(PgConnection, POSTGRES, to_vec);

fn to_vec(ids: &[Uuid]) -> Vec<Uuid> {
    ids.to_vec()
}

impl Database {
    /// Leave to wait for a tenant's lock. One rule for all who do, so that together they keep few connections from others; and whoever gets none in time is
    /// told that the storage is unavailable.
    pub(super) async fn leave_to_wait(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        let wait_max = self.pool.options().get_acquire_timeout();
        tokio::time::timeout(wait_max, self.guarded_writes.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)
    }

    pub async fn drop_items(
        &self,
        tenant: TenantId,
        dropped: &DroppedItems,
    ) -> Result<u64, StorageError> {
        let _leave = self.leave_to_wait().await?;
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

/// A write that holds the tenant's lock.
pub(super) struct Guarded<'m> {
    pub transaction: Transaction<'static, Postgres>,
    mutation: &'m Mutation,
    part: &'m GuardPart,
    base: GuardBase,
    verdict: Option<Verdict>,
    _leave: SemaphorePermit<'m>,
}

/// Takes the lock; none when the same request was answered while it was waited for, which then has nothing to ask the guard any more.
pub(super) async fn begin<'m>(
    database: &'m Database,
    mutation: &'m Mutation,
    part: &'m GuardPart,
) -> Result<Option<Guarded<'m>>, sqlx::Error> {
    let leave = database.leave_to_wait().await?;
    let mut transaction = database.pool.begin().await?;
    let base = lock(&mut transaction, mutation.tenant_id).await?;
    if let Some(receipt) = &mutation.receipt
        && receipt_exists(&mut transaction, mutation.tenant_id, receipt).await?
    {
        return Ok(None);
    }
    Ok(Some(Guarded {
        transaction,
        mutation,
        part,
        base,
        verdict: None,
        _leave: leave,
    }))
}

impl Guarded<'_> {
    /// Asks the guard, where the write has to get past it. What is held is committed as such.
    pub async fn pass(mut self) -> Result<Result<Self, Held>, sqlx::Error> {
        let Some(asked) = &self.part.check else {
            return Ok(Ok(self));
        };
        let tenant = self.mutation.tenant_id;
        match check(&mut self.transaction, tenant, asked, self.base).await? {
            Ok(verdict) => {
                self.verdict = Some(verdict);
                Ok(Ok(self))
            }
            Err(held) => {
                self.transaction.commit().await?;
                Ok(Err(held))
            }
        }
    }

    /// Commits the write, what it shows and what it means for the guard; a conflict leaves nothing.
    pub async fn end(mut self, written: Commit) -> Result<Commit, sqlx::Error> {
        let (tenant, connection) = (self.mutation.tenant_id, &mut *self.transaction);
        if written != Commit::Done {
            self.transaction.rollback().await?;
            return Ok(written);
        }
        findings::write(connection, tenant, &self.mutation.findings).await?;
        settle(connection, tenant, self.part, self.verdict.as_ref()).await?;
        self.transaction.commit().await?;
        Ok(written)
    }
}
