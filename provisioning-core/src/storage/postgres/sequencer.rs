//! Numbers the changes that have been committed, in steps that several processes may take at once.
//!
//! A step reads what is pending with the heads of the tenants, in one snapshot, gives out the numbers behind each head, and writes both in one
//! statement that holds only for tenants whose head is still the one that was read. Two steps at once therefore cannot give the same number, nor
//! leave one out: one of them writes nothing for that tenant.
//!
//! Pending changes are numbered in the order of their times. Of one account that is the order of its versions, for its times grow strictly,
//! and a version is only written after the one before was committed: whoever sees one sees all before it.

use std::collections::BTreeMap;

use sqlx::Row as _;
use uuid::Uuid;

use super::{Database, tries::Tries};
use crate::storage::StorageError;

/// The oldest first, so that a full step never takes a change and leaves an older one of the same account.
const PENDING: &str = "
    SELECT c.tenant_id, c.id, h.head
    FROM changes c
    JOIN change_heads h ON h.tenant_id = c.tenant_id
    WHERE c.number IS NULL
    ORDER BY c.at, c.version, c.id
    LIMIT $1";

/// `$1` to `$3`: the tenants, the heads that were read and the new ones. `$4` to `$6`: the tenants, ids and numbers of the changes.
const NUMBER: &str = "
    WITH advanced AS (
        UPDATE change_heads h
        SET head = n.head
        FROM UNNEST($1::UUID[], $2::BIGINT[], $3::BIGINT[]) n (tenant_id, old, head)
        WHERE h.tenant_id = n.tenant_id AND h.head = n.old
        RETURNING h.tenant_id
    )
    UPDATE changes c
    SET number = n.number
    FROM UNNEST($4::UUID[], $5::UUID[], $6::BIGINT[]) n (tenant_id, id, number)
    JOIN advanced a ON a.tenant_id = n.tenant_id
    WHERE c.tenant_id = n.tenant_id AND c.id = n.id";

impl Database {
    pub async fn number_changes(&self, limit: u32) -> Result<u64, StorageError> {
        let pending = sqlx::query(PENDING)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        if pending.is_empty() {
            return Ok(0);
        }
        let mut heads: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
        let (mut tenants, mut ids, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for row in &pending {
            let (tenant, id, head): (Uuid, Uuid, i64) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let (_, last) = heads.entry(tenant).or_insert((head, head));
            *last += 1;
            tenants.push(tenant);
            ids.push(id);
            numbers.push(*last);
        }
        let head_tenants: Vec<Uuid> = heads.keys().copied().collect();
        let (old, new): (Vec<i64>, Vec<i64>) = heads.values().copied().unzip();
        let mut tries = Tries::default();
        loop {
            let number = sqlx::query(NUMBER)
                .bind(&head_tenants)
                .bind(&old)
                .bind(&new)
                .bind(&tenants)
                .bind(&ids)
                .bind(&numbers);
            match number.execute(&self.pool).await {
                Err(error) if tries.again(&error).await => {}
                result => return Ok(result?.rows_affected()),
            }
        }
    }
}
