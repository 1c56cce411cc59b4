-- Groups and who is in them.
--
-- The same tables as in migrations/sqlite; what holds for 0001 holds here.

CREATE TABLE groups (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    display_name TEXT NOT NULL,
    display_name_key TEXT COLLATE "C" NOT NULL,
    -- The key where the name must be unique, NULL where it may be shared.
    display_name_claim TEXT COLLATE "C",
    object_id TEXT COLLATE "C",
    -- Of the group's own attributes; see group_versions.
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Set until the members of a deleted group are removed, and the group with them.
    deleted_at BIGINT,
    -- The attributes as SCIM JSON, without the members.
    document TEXT NOT NULL,
    search JSONB NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX groups_display_name_claim_key ON groups (tenant_id, display_name_claim) WHERE display_name_claim IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX groups_display_name_key ON groups (tenant_id, display_name_key, id);
CREATE INDEX groups_object_id ON groups (tenant_id, object_id) WHERE object_id IS NOT NULL;
CREATE INDEX groups_deleted_at ON groups (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;

-- A member that is deleted stays here, unseen, until it is restored or purged.
CREATE TABLE group_members (
    tenant_id UUID NOT NULL,
    group_id UUID NOT NULL,
    member_id UUID NOT NULL,
    member_type TEXT COLLATE "C" NOT NULL,
    added_at BIGINT NOT NULL,
    CONSTRAINT group_members_pkey PRIMARY KEY (tenant_id, group_id, member_id)
);

CREATE INDEX group_members_member_id ON group_members (tenant_id, member_id, group_id);

-- A change of members takes one of the group's slots and counts there, so that several can be under way at once: the group's version is the sum
-- of its own and of these. Whoever needs the group alone takes all of them. A deleted group's slots are closed.
CREATE TABLE group_versions (
    tenant_id UUID NOT NULL,
    group_id UUID NOT NULL,
    slot BIGINT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed BOOLEAN NOT NULL,
    CONSTRAINT group_versions_pkey PRIMARY KEY (tenant_id, group_id, slot)
);
