-- The deprovision guard: its limits, what has passed within the window, and what was held back.
--
-- The same as in migrations/sqlite.

-- NULL: the guard is off.
ALTER TABLE tenants ADD COLUMN guard_window_us BIGINT;
-- NULL: no such limit.
ALTER TABLE tenants ADD COLUMN guard_max_count BIGINT;
ALTER TABLE tenants ADD COLUMN guard_max_percent BIGINT;

-- The row that a tenant's guarded writes lock, so that they are decided one after the other. It holds of how many accounts a share is taken.
CREATE TABLE deprovision_guards (
    tenant_id UUID NOT NULL,
    -- When the accounts were counted; 0: never.
    began_at BIGINT NOT NULL,
    base BIGINT NOT NULL,
    CONSTRAINT deprovision_guards_pkey PRIMARY KEY (tenant_id)
);

-- Those of whom a share is taken are counted by it.
CREATE INDEX accounts_managed_active ON accounts (tenant_id) WHERE managed AND directory_active AND deleted_at IS NULL;

-- What has passed and counts, one row for each step of time: a window has 600 steps, whatever passes.
CREATE TABLE deprovision_events (
    tenant_id UUID NOT NULL,
    -- The end of the step.
    at BIGINT NOT NULL,
    -- How many have passed within it.
    amount BIGINT NOT NULL,
    CONSTRAINT deprovision_events_pkey PRIMARY KEY (tenant_id, at)
);

CREATE TABLE deprovision_batches (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    -- True or NULL, never false: unique, so a tenant has at most one pending batch.
    pending BOOLEAN,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    suspends BIGINT NOT NULL,
    deletes BIGINT NOT NULL,
    member_removals BIGINT NOT NULL,
    passed BIGINT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at BIGINT,
    reason TEXT NOT NULL,
    -- Grows by one with every decision.
    version BIGINT NOT NULL,
    CONSTRAINT deprovision_batches_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT deprovision_batches_pending_key UNIQUE (tenant_id, pending)
);

CREATE INDEX deprovision_batches_decided_at ON deprovision_batches (tenant_id, decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE deprovision_items (
    tenant_id UUID NOT NULL,
    batch_id UUID NOT NULL,
    -- An account, or of a removal the group that is a member.
    account_id UUID NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    -- Of a removal; else the nil UUID.
    group_id UUID NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    passed_at BIGINT,
    CONSTRAINT deprovision_items_pkey PRIMARY KEY (tenant_id, batch_id, account_id, action, group_id)
);

-- What has not passed waits in one batch only.
CREATE UNIQUE INDEX deprovision_items_open_key ON deprovision_items (tenant_id, account_id, action, group_id) WHERE passed_at IS NULL;
