//! Keeps a protection and the directory's writes of groups apart, so that each is before or after the other.
//!
//! Whoever is to be protected is taken alone, and then the groups that it is in. A directory's change of members shares the accounts that it names
//! before it looks whether one is protected; what clears or ends a group has that group alone by then.

use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::{Database, commit::decide, findings};
use crate::{
    ids::TenantId,
    storage::{AccountWrite, Commit, Mutation, keyed::keyed},
};

const TAKE_ACCOUNT: &str = "SELECT FROM accounts WHERE tenant_id = $1 AND id = $2 FOR UPDATE";
/// The memberships are read first, and each group by its own key: see [`keyed`].
const SHARE_ITS_GROUPS: &str = "
    SELECT
    FROM (
        SELECT tenant_id, group_id AS id
        FROM group_members
        WHERE tenant_id = $1 AND member_id = $2
        OFFSET 0
    ) k
    JOIN groups g ON g.tenant_id = k.tenant_id AND g.id = k.id
    ORDER BY g.id
    FOR SHARE OF g";
/// In no other writer's way: only who takes an account alone waits for it.
const SHARE_ACCOUNTS: &str = concat!(
    "SELECT FROM ",
    keyed!("$1::UUID", "$2"),
    " k JOIN accounts a ON a.tenant_id = k.tenant_id AND a.id = k.id ORDER BY a.id FOR KEY SHARE OF a"
);

impl Database {
    /// Runs the one statement of an account that is protected from then on. A change of its memberships that was decided before is waited for, and one
    /// that comes after finds it protected.
    pub(super) async fn execute_protected(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        mutation: &Mutation,
        write: &AccountWrite,
    ) -> Result<Commit, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for sql in [TAKE_ACCOUNT, SHARE_ITS_GROUPS] {
            sqlx::query(sql)
                .bind(mutation.tenant_id.uuid())
                .bind(write.account.id.uuid())
                .execute(&mut *transaction)
                .await?;
        }
        let written = query.execute(&mut *transaction).await;
        let written = decide(written, Commit::VersionMismatch)?;
        if written == Commit::Done {
            findings::write(&mut transaction, mutation.tenant_id, &mutation.findings).await?;
            transaction.commit().await?;
        }
        Ok(written)
    }
}

/// Keeps these accounts from being protected until the end of the transaction.
pub(super) async fn share_accounts(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query(SHARE_ACCOUNTS)
        .bind(tenant.uuid())
        .bind(ids)
        .execute(connection)
        .await
        .map(drop)
}
