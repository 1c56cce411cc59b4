-- Findings: what stands between Entra and a tenant's accounts and groups.
--
-- The same as in migrations/postgres.

CREATE TABLE findings (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    -- A tenant has one open finding of a kind and subject.
    subject TEXT NOT NULL,
    -- That of the kind, larger where more depends on it: lists are in its order.
    severity INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- The ids of the newest log entries that show it, newest first, with commas between them.
    log_entry_ids TEXT NOT NULL,
    -- What Entra says; empty where it was not told.
    object_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    scim_id TEXT NOT NULL,
    -- The ids of the accounts it is about, with commas between them.
    account_ids TEXT NOT NULL,
    group_id BLOB,
    closed_at INTEGER,
    closure_detail TEXT,
    closure_request_id TEXT,
    closure_log_entry_id BLOB,
    closure_actor TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX findings_open_key ON findings (tenant_id, kind, subject) WHERE closed_at IS NULL;
CREATE INDEX findings_open ON findings (tenant_id, severity, last_seen_at, id) WHERE closed_at IS NULL;
CREATE INDEX findings_closed ON findings (tenant_id, severity, last_seen_at, id) WHERE closed_at IS NOT NULL;
CREATE INDEX findings_closed_subject ON findings (tenant_id, kind, subject) WHERE closed_at IS NOT NULL;
CREATE INDEX findings_closed_at ON findings (tenant_id, closed_at) WHERE closed_at IS NOT NULL;

-- By what a finding is found: each account, group, Object ID, login account, name and SCIM id that it is about, with a word before it that says
-- which of these it is.
CREATE TABLE finding_keys (
    tenant_id BLOB NOT NULL,
    finding_id BLOB NOT NULL,
    key TEXT NOT NULL,
    -- That the finding is.
    closed INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, finding_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_keys_key ON finding_keys (tenant_id, key, closed, finding_id);

-- How far each tenant's findings have been examined: one process at a time goes on from there.
CREATE TABLE finding_examinations (
    tenant_id BLOB NOT NULL,
    examined_at INTEGER NOT NULL,
    -- Behind which open finding to go on: a place in their list as JSON. NULL: at the first.
    finding_place TEXT,
    -- At which Object ID to go on with the search for shared ones; empty: at the first.
    object_id_key TEXT NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

-- The accounts of provisioning whose Object ID is no GUID. The keys of GUIDs are all spelled alike.
CREATE INDEX accounts_object_id_not_guid ON accounts (tenant_id, id)
WHERE managed AND deleted_at IS NULL AND object_id_key NOT GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]';

-- Requests with a SCIM token that were not let in: the newest tells which token Entra presents. Other entries are not in it.
CREATE INDEX log_entries_authenticate ON log_entries (tenant_id, id) WHERE operation = 'authenticate';

-- As for a thousand findings a tenant, a tenth of them open.
INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('findings', 'sqlite_autoindex_findings_1', '10000 1000 1'),
       ('findings', 'findings_open_key', '1000 100 20 1'),
       ('findings', 'findings_open', '1000 100 50 2 1'),
       ('findings', 'findings_closed', '9000 900 450 2 1'),
       ('findings', 'findings_closed_subject', '9000 900 180 5'),
       ('findings', 'findings_closed_at', '9000 900 2'),
       ('finding_keys', 'finding_keys', '30000 3000 3 1'),
       ('finding_keys', 'finding_keys_key', '30000 3000 5 3 1'),
       ('finding_examinations', 'finding_examinations', '10 1'),
       ('accounts', 'accounts_object_id_not_guid', '1000 100 1'),
       ('log_entries', 'log_entries_authenticate', '1000 100 1');
