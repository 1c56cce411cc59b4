-- Extension schemas that tenants define, and what becomes of those that they have not defined.
--
-- The same as in migrations/postgres.

-- Grows with each change of the tenant's definitions, so that whoever has them in memory knows by any row of the tenant whether they are
-- still good.
ALTER TABLE tenants ADD COLUMN schema_version INTEGER NOT NULL DEFAULT 0;
-- NULL: as the dialect has it.
ALTER TABLE tenants ADD COLUMN unknown_schemas TEXT;

CREATE TABLE extension_schemas (
    tenant_id BLOB NOT NULL,
    -- The URN in lower case.
    urn_key TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    -- As JSON, RFC 7643 section 7.
    definition TEXT NOT NULL,
    -- The tenant's schema version that it was written with.
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, urn_key)
) STRICT;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('extension_schemas', 'sqlite_autoindex_extension_schemas_1', '100 10 1');
