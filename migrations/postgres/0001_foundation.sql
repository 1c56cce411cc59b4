-- Tenants, SCIM tokens, accounts, the provisioning log, changes and receipts.
--
-- The same tables as in migrations/sqlite. tenant_id comes first in every key and index. Ids, times (microseconds since 1970 UTC) and folded
-- keys come from the program; texts that are compared or ordered are compared byte by byte. No foreign keys, triggers, sequences or
-- extensions, so that the schema fits distributed PostgreSQL.

CREATE TABLE tenants (
    id UUID NOT NULL,
    identifier TEXT COLLATE "C" NOT NULL,
    display_name TEXT NOT NULL,
    provisioning_enabled BOOLEAN NOT NULL,
    dialect TEXT COLLATE "C" NOT NULL,
    object_id_unique BOOLEAN NOT NULL,
    tombstone_retention_us BIGINT NOT NULL,
    -- NULL: what the dialect says.
    unknown_members TEXT COLLATE "C",
    group_display_name_unique BOOLEAN,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_identifier_key UNIQUE (identifier)
);

CREATE TABLE scim_tokens (
    tenant_id UUID NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    secret_sha256 BYTEA NOT NULL,
    -- True or NULL, never false: unique, so a tenant has at most one current token.
    current BOOLEAN,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    replaced_by TEXT COLLATE "C",
    replaced_at BIGINT,
    last_used_at BIGINT,
    last_used_from TEXT,
    CONSTRAINT scim_tokens_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT scim_tokens_current_key UNIQUE (tenant_id, current)
);

CREATE TABLE accounts (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    user_name TEXT NOT NULL,
    user_name_key TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C",
    object_id_exclusive BOOLEAN NOT NULL,
    -- What an Object ID is compared by: a GUID in its canonical spelling, any other text as it is.
    object_id_key TEXT COLLATE "C",
    -- The key again, NULL in those that share it with another: one holder has it, so that an exclusive one meets every other.
    object_id_claim TEXT COLLATE "C",
    directory_active BOOLEAN NOT NULL,
    hold_reason TEXT,
    hold_at BIGINT,
    protected BOOLEAN NOT NULL,
    managed BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    employee_number_key TEXT COLLATE "C",
    -- As it is shown beside a membership.
    display_name TEXT,
    display_name_key TEXT COLLATE "C",
    -- The attributes as SCIM JSON: text, so that it comes back as it was written.
    document TEXT NOT NULL,
    -- What filters and sorting look into, folded.
    search JSONB NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX accounts_user_name_key ON accounts (tenant_id, user_name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX accounts_object_id_claim_key ON accounts (tenant_id, object_id_claim) WHERE object_id_claim IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX accounts_object_id ON accounts (tenant_id, object_id) WHERE object_id IS NOT NULL;
CREATE INDEX accounts_object_id_shared ON accounts (tenant_id, object_id_key) WHERE object_id_key IS NOT NULL AND object_id_claim IS NULL;
CREATE INDEX accounts_object_id_deleted ON accounts (tenant_id, object_id_key) WHERE object_id_key IS NOT NULL AND deleted_at IS NOT NULL;
CREATE INDEX accounts_employee_number_key ON accounts (tenant_id, employee_number_key) WHERE employee_number_key IS NOT NULL;
CREATE INDEX accounts_deleted_at ON accounts (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE account_emails (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    position BIGINT NOT NULL,
    value_key TEXT COLLATE "C" NOT NULL,
    type_key TEXT COLLATE "C",
    CONSTRAINT account_emails_pkey PRIMARY KEY (tenant_id, account_id, position)
);

CREATE INDEX account_emails_value_key ON account_emails (tenant_id, value_key, type_key, account_id);

CREATE TABLE log_entries (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    at BIGINT NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    request TEXT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    user_name TEXT NOT NULL,
    user_name_key TEXT COLLATE "C" NOT NULL,
    http_status BIGINT NOT NULL,
    scim_type TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    token_id TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    changes TEXT NOT NULL,
    duration_us BIGINT NOT NULL,
    CONSTRAINT log_entries_pkey PRIMARY KEY (tenant_id, id)
);

CREATE INDEX log_entries_object_id ON log_entries (tenant_id, object_id, id);
CREATE INDEX log_entries_user_name_key ON log_entries (tenant_id, user_name_key, id);

CREATE TABLE changes (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    -- NULL until the change has been numbered.
    number BIGINT,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id UUID NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT changes_number_key UNIQUE (tenant_id, number)
);

-- The sequencer's work list, in the order in which it numbers. It works for all tenants, so this index does not begin with one.
CREATE INDEX changes_pending ON changes (at, version, id) WHERE number IS NULL;

CREATE TABLE change_heads (
    tenant_id UUID NOT NULL,
    head BIGINT NOT NULL,
    CONSTRAINT change_heads_pkey PRIMARY KEY (tenant_id)
);

CREATE TABLE receipts (
    tenant_id UUID NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    request_id UUID NOT NULL,
    body_sha256 BYTEA NOT NULL,
    response BYTEA NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT receipts_pkey PRIMARY KEY (tenant_id, caller, method, request_id)
);

CREATE INDEX receipts_at ON receipts (tenant_id, at);
