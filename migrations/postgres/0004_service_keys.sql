-- Keys that the service made for itself and that all of its replicas share.
--
-- The same table as in migrations/sqlite. They belong to no tenant. A backup holds them, and is as secret as they are.

CREATE TABLE service_keys (
    purpose TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    CONSTRAINT service_keys_pkey PRIMARY KEY (purpose)
);
