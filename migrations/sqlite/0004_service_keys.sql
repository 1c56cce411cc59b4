-- Keys that the service made for itself and that all of its replicas share.
--
-- The same table as in migrations/postgres. They belong to no tenant. A backup holds them, and is as secret as they are.

CREATE TABLE service_keys (
    purpose TEXT NOT NULL,
    secret BLOB NOT NULL,
    PRIMARY KEY (purpose)
) STRICT, WITHOUT ROWID;
