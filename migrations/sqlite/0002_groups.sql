-- Groups and who is in them.
--
-- The same tables as in migrations/postgres; what holds for 0001 holds here.

CREATE TABLE groups (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    display_name TEXT NOT NULL,
    display_name_key TEXT NOT NULL,
    -- The key where the name must be unique, NULL where it may be shared.
    display_name_claim TEXT,
    object_id TEXT,
    -- Of the group's own attributes; see group_versions.
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Set until the members of a deleted group are removed, and the group with them.
    deleted_at INTEGER,
    -- The attributes as SCIM JSON, without the members.
    document TEXT NOT NULL,
    search TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX groups_display_name_claim_key ON groups (tenant_id, display_name_claim) WHERE display_name_claim IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX groups_display_name_key ON groups (tenant_id, display_name_key, id);
CREATE INDEX groups_object_id ON groups (tenant_id, object_id) WHERE object_id IS NOT NULL;
CREATE INDEX groups_deleted_at ON groups (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;

-- A member that is deleted stays here, unseen, until it is restored or purged.
CREATE TABLE group_members (
    tenant_id BLOB NOT NULL,
    group_id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    member_type TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_member_id ON group_members (tenant_id, member_id, group_id);

-- A change of members counts in one of the group's slots: the group's version is the sum of its own and of these. Here there is one slot, for
-- there is one writer. A deleted group's slots are closed.
CREATE TABLE group_versions (
    tenant_id BLOB NOT NULL,
    group_id BLOB NOT NULL,
    slot INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, slot)
) STRICT, WITHOUT ROWID;

-- As for a hundred thousand groups of ten tenants, with ten million members.
INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('groups', 'sqlite_autoindex_groups_1', '100000 10000 1'),
       ('groups', 'groups_display_name_claim_key', '100000 10000 1'),
       ('groups', 'groups_display_name_key', '100000 10000 1 1'),
       ('groups', 'groups_object_id', '100000 10000 2'),
       ('groups', 'groups_deleted_at', '1000 100 2'),
       ('group_members', 'group_members', '10000000 1000000 100 1'),
       ('group_members', 'group_members_member_id', '10000000 1000000 10 1'),
       ('group_versions', 'group_versions', '100000 10000 1 1');
