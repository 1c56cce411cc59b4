//! The statements of the ways of numbering: all write the same rows, and differ in where the number comes from.

/// An account's update with its log entry and its change. `$1` is the tenant and `$3` the time.
macro_rules! update {
    (accounts: $accounts:literal, head: $head:literal, entry: $entry:literal, change: $change:literal, number: $number:literal, from: $from:literal) => {
        concat!(
            "account AS (
                UPDATE accounts a
                SET directory_active = NOT directory_active, version = version + 1, updated_at = $3 ",
            $accounts,
            "),
            entry AS (
                INSERT INTO log_entries (
                    tenant_id, id, at, operation, request, outcome, resource_type, resource_id, object_id, user_name, user_name_key,
                    http_status, scim_type, reason, detail, request_id, token_id, actor, changes, duration_us
                )
                SELECT tenant_id, ", $entry, ", $3, 'update', 'PATCH', 'success', 'User', CAST(id AS TEXT), object_id, user_name,
                    user_name_key, 200, '', '', '', '', 'token', 'scim', '[{\"path\":\"active\",\"old\":true,\"new\":false}]', 900
                FROM account
            )",
            $head,
            "
            INSERT INTO changes (tenant_id, id, number, at, kind, resource_type, resource_id, version)
            SELECT account.tenant_id, ", $change, ", ", $number, ", $3, 'updated', 'User', account.id, account.version
            FROM ", $from
        )
    };
}

/// `$2` is the account, `$4` the log entry, `$5` the change. The account is locked before the head, always: two statements that lock in different
/// orders would wait for each other.
pub const UPDATE_COUNTED: &str = concat!(
    "WITH ",
    update!(
        accounts: "WHERE tenant_id = $1 AND id = $2 RETURNING tenant_id, id, object_id, user_name, user_name_key, version",
        head: ", head AS (
            UPDATE change_heads SET head = head + 1 WHERE tenant_id = (SELECT tenant_id FROM account) RETURNING head
        )",
        entry: "$4",
        change: "$5",
        number: "head.head",
        from: "account, head"
    )
);

/// The same; `$6` is the number or NULL.
pub const UPDATE: &str = concat!(
    "WITH ",
    update!(
        accounts: "WHERE tenant_id = $1 AND id = $2 RETURNING tenant_id, id, object_id, user_name, user_name_key, version",
        head: "",
        entry: "$4",
        change: "$5",
        number: "CAST($6 AS BIGINT)",
        from: "account"
    )
);

/// `$2` are the accounts, none of them twice, `$4` the log entries, `$5` the changes.
pub const UPDATE_BATCH: &str = concat!(
    "WITH head AS (
        UPDATE change_heads
        SET head = head + CARDINALITY($2::UUID[])
        WHERE tenant_id = $1
        RETURNING head - CARDINALITY($2::UUID[]) AS base
    ),
    job AS (SELECT * FROM UNNEST($2::UUID[], $4::UUID[], $5::UUID[]) WITH ORDINALITY j (account_id, entry_id, change_id, position)), ",
    update!(
        accounts: "FROM job
            WHERE tenant_id = $1 AND a.id = job.account_id
            RETURNING a.tenant_id, a.id, object_id, user_name, user_name_key, version, job.entry_id, job.change_id, job.position",
        head: "",
        entry: "entry_id",
        change: "account.change_id",
        number: "head.base + account.position",
        from: "account, head"
    )
);

/// Locks the head of the tenant `$1` until the end of the transaction.
pub const HEAD_LOCK: &str = "SELECT head FROM change_heads WHERE tenant_id = $1 FOR UPDATE";
/// Sets the head of the tenant `$1`.
pub const HEAD_SET: &str = "UPDATE change_heads SET head = $2 WHERE tenant_id = $1";

/// What has no number yet, at most `$2`, with the head.
pub const PENDING: &str = "
    SELECT c.id, h.head
    FROM changes c
    JOIN change_heads h ON h.tenant_id = c.tenant_id
    WHERE c.tenant_id = $1 AND c.number IS NULL
    ORDER BY c.at, c.version, c.id
    LIMIT $2";

/// Numbers the changes `$3` behind the head `$2`, if it is still that: another process may number as well.
pub const NUMBER: &str = "
    WITH advanced AS (
        UPDATE change_heads
        SET head = head + CARDINALITY($3::UUID[])
        WHERE tenant_id = $1 AND head = $2
        RETURNING tenant_id
    )
    UPDATE changes c
    SET number = $2 + n.position
    FROM advanced a, UNNEST($3::UUID[]) WITH ORDINALITY n (id, position)
    WHERE c.tenant_id = a.tenant_id AND c.id = n.id";
