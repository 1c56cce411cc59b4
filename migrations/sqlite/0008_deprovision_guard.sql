-- The deprovision guard: its limits, what has passed within the window, and what was held back.
--
-- The same as in migrations/postgres.

-- NULL: the guard is off.
ALTER TABLE tenants ADD COLUMN guard_window_us INTEGER;
-- NULL: no such limit.
ALTER TABLE tenants ADD COLUMN guard_max_count INTEGER;
ALTER TABLE tenants ADD COLUMN guard_max_percent INTEGER;

-- The row that a tenant's guarded writes lock, so that they are decided one after the other. It holds of how many accounts a share is taken.
CREATE TABLE deprovision_guards (
    tenant_id BLOB NOT NULL,
    -- When the accounts were counted; 0: never.
    began_at INTEGER NOT NULL,
    base INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

-- Those of whom a share is taken are counted by it.
CREATE INDEX accounts_managed_active ON accounts (tenant_id) WHERE managed AND directory_active AND deleted_at IS NULL;

-- What has passed and counts, one row for each step of time: a window has 600 steps, whatever passes.
CREATE TABLE deprovision_events (
    tenant_id BLOB NOT NULL,
    -- The end of the step.
    at INTEGER NOT NULL,
    -- How many have passed within it.
    amount INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE deprovision_batches (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    -- True or NULL, never false: unique, so a tenant has at most one pending batch.
    pending INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    suspends INTEGER NOT NULL,
    deletes INTEGER NOT NULL,
    member_removals INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER,
    reason TEXT NOT NULL,
    -- Grows by one with every decision.
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, pending)
) STRICT, WITHOUT ROWID;

CREATE INDEX deprovision_batches_decided_at ON deprovision_batches (tenant_id, decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE deprovision_items (
    tenant_id BLOB NOT NULL,
    batch_id BLOB NOT NULL,
    -- An account, or of a removal the group that is a member.
    account_id BLOB NOT NULL,
    action TEXT NOT NULL,
    -- Of a removal; else the nil UUID.
    group_id BLOB NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    passed_at INTEGER,
    PRIMARY KEY (tenant_id, batch_id, account_id, action, group_id)
) STRICT, WITHOUT ROWID;

-- What has not passed waits in one batch only.
CREATE UNIQUE INDEX deprovision_items_open_key ON deprovision_items (tenant_id, account_id, action, group_id) WHERE passed_at IS NULL;

-- As for ten tenants, each with ten batches of a thousand items.
INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('accounts', 'accounts_managed_active', '1000000 100000'),
       ('deprovision_guards', 'deprovision_guards', '10 1'),
       ('deprovision_events', 'deprovision_events', '6000 600 1'),
       ('deprovision_batches', 'deprovision_batches', '100 10 1'),
       ('deprovision_batches', 'sqlite_autoindex_deprovision_batches_2', '100 10 1'),
       ('deprovision_batches', 'deprovision_batches_decided_at', '100 10 1'),
       ('deprovision_items', 'deprovision_items', '100000 10000 1000 1 1 1'),
       ('deprovision_items', 'deprovision_items_open_key', '100000 10000 1 1 1');
