-- Findings: what stands between Entra and a tenant's accounts and groups.
--
-- The same as in migrations/sqlite.

CREATE TABLE findings (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    -- A tenant has one open finding of a kind and subject.
    subject TEXT COLLATE "C" NOT NULL,
    -- That of the kind, larger where more depends on it: lists are in its order.
    severity BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    -- The ids of the newest log entries that show it, newest first, with commas between them.
    log_entry_ids TEXT NOT NULL,
    -- What Entra says; empty where it was not told.
    object_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    scim_id TEXT NOT NULL,
    -- The ids of the accounts it is about, with commas between them.
    account_ids TEXT NOT NULL,
    group_id UUID,
    closed_at BIGINT,
    closure_detail TEXT,
    closure_request_id TEXT,
    closure_log_entry_id UUID,
    closure_actor TEXT COLLATE "C",
    CONSTRAINT findings_pkey PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX findings_open_key ON findings (tenant_id, kind, subject) WHERE closed_at IS NULL;
CREATE INDEX findings_open ON findings (tenant_id, severity, last_seen_at, id) WHERE closed_at IS NULL;
CREATE INDEX findings_closed ON findings (tenant_id, severity, last_seen_at, id) WHERE closed_at IS NOT NULL;
CREATE INDEX findings_closed_subject ON findings (tenant_id, kind, subject) WHERE closed_at IS NOT NULL;
CREATE INDEX findings_closed_at ON findings (tenant_id, closed_at) WHERE closed_at IS NOT NULL;

-- By what a finding is found: each account, group, Object ID, login account, name and SCIM id that it is about, with a word before it that says
-- which of these it is.
CREATE TABLE finding_keys (
    tenant_id UUID NOT NULL,
    finding_id UUID NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    -- That the finding is.
    closed BOOLEAN NOT NULL,
    CONSTRAINT finding_keys_pkey PRIMARY KEY (tenant_id, finding_id, key)
);

CREATE INDEX finding_keys_key ON finding_keys (tenant_id, key, closed, finding_id);

-- How far each tenant's findings have been examined: one process at a time goes on from there.
CREATE TABLE finding_examinations (
    tenant_id UUID NOT NULL,
    examined_at BIGINT NOT NULL,
    -- Behind which open finding to go on: a place in their list as JSON. NULL: at the first.
    finding_place TEXT,
    -- At which Object ID to go on with the search for shared ones; empty: at the first.
    object_id_key TEXT COLLATE "C" NOT NULL,
    CONSTRAINT finding_examinations_pkey PRIMARY KEY (tenant_id)
);

-- The accounts of provisioning whose Object ID is no GUID. The keys of GUIDs are all spelled alike.
CREATE INDEX accounts_object_id_not_guid ON accounts (tenant_id, id)
WHERE managed AND deleted_at IS NULL AND object_id_key !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

-- Requests with a SCIM token that were not let in: the newest tells which token Entra presents. Other entries are not in it.
CREATE INDEX log_entries_authenticate ON log_entries (tenant_id, id) WHERE operation = 'authenticate';
