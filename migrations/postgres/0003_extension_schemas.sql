-- Extension schemas that tenants define, and what becomes of those that they have not defined.
--
-- The same as in migrations/sqlite.

-- Grows with each change of the tenant's definitions, so that whoever has them in memory knows by any row of the tenant whether they are
-- still good.
ALTER TABLE tenants ADD COLUMN schema_version BIGINT NOT NULL DEFAULT 0;
-- NULL: as the dialect has it.
ALTER TABLE tenants ADD COLUMN unknown_schemas TEXT COLLATE "C";

CREATE TABLE extension_schemas (
    tenant_id UUID NOT NULL,
    -- The URN in lower case.
    urn_key TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    -- As JSON, RFC 7643 section 7.
    definition TEXT NOT NULL,
    -- The tenant's schema version that it was written with.
    version BIGINT NOT NULL,
    CONSTRAINT extension_schemas_pkey PRIMARY KEY (tenant_id, urn_key)
);
