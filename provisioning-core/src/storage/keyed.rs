//! Rows of one tenant by many ids, on PostgreSQL.
//!
//! PostgreSQL knows how many rows a tenant has on average, and of a young table not even that. Offered `tenant_id = $1 AND id = ANY($2)`, it may read
//! all of what it takes for a small tenant and throw most of it away. Behind `OFFSET 0` tenant and id are a pair that it can only look up, row by row
//! and in the index of both: what is asked for costs what it holds, however large the tenant is.

/// The ids `$ids` of the tenant `$tenant`, as a table to join `tenant_id` and `id` with.
macro_rules! keyed {
    ($tenant:literal, $ids:literal) => {
        concat!(
            "(SELECT ",
            $tenant,
            " AS tenant_id, x.id FROM UNNEST(",
            $ids,
            "::UUID[]) x (id) OFFSET 0)"
        )
    };
}

/// The same where the tenant is known by its identifier `$1`.
macro_rules! keyed_by_identifier {
    ($ids:literal) => {
        concat!(
            "(SELECT o.id AS tenant_id, x.id FROM tenants o CROSS JOIN UNNEST(",
            $ids,
            "::UUID[]) x (id) WHERE o.identifier = $1 OFFSET 0)"
        )
    };
}

pub(super) use {keyed, keyed_by_identifier};
