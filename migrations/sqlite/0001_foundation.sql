-- Tenants, SCIM tokens, accounts, the provisioning log, changes and receipts.
--
-- The same tables as in migrations/postgres. tenant_id comes first in every key and index. Ids (16 bytes), times (microseconds since 1970 UTC)
-- and folded keys come from the program. Tables whose rows are small or found by their key alone are stored in the key's own tree.

CREATE TABLE tenants (
    id BLOB NOT NULL,
    identifier TEXT NOT NULL,
    display_name TEXT NOT NULL,
    provisioning_enabled INTEGER NOT NULL,
    dialect TEXT NOT NULL,
    object_id_unique INTEGER NOT NULL,
    tombstone_retention_us INTEGER NOT NULL,
    -- NULL: what the dialect says.
    unknown_members TEXT,
    group_display_name_unique INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (identifier)
) STRICT, WITHOUT ROWID;

CREATE TABLE scim_tokens (
    tenant_id BLOB NOT NULL,
    id TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL,
    -- True or NULL, never false: unique, so a tenant has at most one current token.
    current INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    replaced_by TEXT,
    replaced_at INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, current)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL,
    object_id TEXT,
    object_id_exclusive INTEGER NOT NULL,
    -- What an Object ID is compared by: a GUID in its canonical spelling, any other text as it is.
    object_id_key TEXT,
    -- The key again, NULL in those that share it with another: one holder has it, so that an exclusive one meets every other.
    object_id_claim TEXT,
    directory_active INTEGER NOT NULL,
    hold_reason TEXT,
    hold_at INTEGER,
    protected INTEGER NOT NULL,
    managed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    employee_number_key TEXT,
    -- As it is shown beside a membership.
    display_name TEXT,
    display_name_key TEXT,
    -- The attributes as SCIM JSON: text, so that it comes back as it was written.
    document TEXT NOT NULL,
    -- What filters and sorting look into, folded.
    search TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX accounts_user_name_key ON accounts (tenant_id, user_name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX accounts_object_id_claim_key ON accounts (tenant_id, object_id_claim) WHERE object_id_claim IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX accounts_object_id ON accounts (tenant_id, object_id) WHERE object_id IS NOT NULL;
CREATE INDEX accounts_object_id_shared ON accounts (tenant_id, object_id_key) WHERE object_id_key IS NOT NULL AND object_id_claim IS NULL;
CREATE INDEX accounts_object_id_deleted ON accounts (tenant_id, object_id_key) WHERE object_id_key IS NOT NULL AND deleted_at IS NOT NULL;
CREATE INDEX accounts_employee_number_key ON accounts (tenant_id, employee_number_key) WHERE employee_number_key IS NOT NULL;
CREATE INDEX accounts_deleted_at ON accounts (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE account_emails (
    tenant_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    value_key TEXT NOT NULL,
    type_key TEXT,
    PRIMARY KEY (tenant_id, account_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_emails_value_key ON account_emails (tenant_id, value_key, type_key, account_id);

CREATE TABLE log_entries (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    request TEXT NOT NULL,
    outcome TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    scim_type TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    request_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    changes TEXT NOT NULL,
    duration_us INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX log_entries_object_id ON log_entries (tenant_id, object_id, id);
CREATE INDEX log_entries_user_name_key ON log_entries (tenant_id, user_name_key, id);

CREATE TABLE changes (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    -- Never NULL here: the one writer numbers a change as it records it.
    number INTEGER,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE change_heads (
    tenant_id BLOB NOT NULL,
    head INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
    tenant_id BLOB NOT NULL,
    caller TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id BLOB NOT NULL,
    body_sha256 BLOB NOT NULL,
    response BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, caller, method, request_id)
) STRICT;

CREATE INDEX receipts_at ON receipts (tenant_id, at);

-- What SQLite takes for granted when it chooses an index: fixed, so that plans do not change with the data, and chosen as for a million rows of
-- ten tenants. Without it, it reads a tenant's accounts in the order of ids rather than look an Object ID up.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('accounts', 'sqlite_autoindex_accounts_1', '1000000 100000 1'),
       ('accounts', 'accounts_user_name_key', '1000000 100000 1'),
       ('accounts', 'accounts_object_id_claim_key', '1000000 100000 1'),
       ('accounts', 'accounts_object_id', '1000000 100000 2'),
       ('accounts', 'accounts_object_id_shared', '10000 1000 2'),
       ('accounts', 'accounts_object_id_deleted', '10000 1000 2'),
       ('accounts', 'accounts_employee_number_key', '1000000 100000 2'),
       ('accounts', 'accounts_deleted_at', '10000 1000 2'),
       ('account_emails', 'account_emails', '1000000 100000 2 1'),
       ('account_emails', 'account_emails_value_key', '1000000 100000 2 2 1'),
       ('log_entries', 'sqlite_autoindex_log_entries_1', '1000000 100000 1'),
       ('log_entries', 'log_entries_object_id', '1000000 100000 20 1'),
       ('log_entries', 'log_entries_user_name_key', '1000000 100000 20 1'),
       ('changes', 'changes', '1000000 100000 1'),
       ('changes', 'sqlite_autoindex_changes_2', '1000000 100000 1'),
       ('receipts', 'sqlite_autoindex_receipts_1', '10000 1000 100 10 1'),
       ('receipts', 'receipts_at', '10000 1000 2');
