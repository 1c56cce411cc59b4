-- Links that admins set, and the history of links.
--
-- The same as in migrations/postgres.

-- A DragOnce admin set the Object ID: SCIM leaves it as it is.
ALTER TABLE accounts ADD COLUMN object_id_pinned INTEGER NOT NULL DEFAULT 0;

-- Why, as an admin told.
ALTER TABLE log_entries ADD COLUMN justification TEXT NOT NULL DEFAULT '';
-- The Object ID of the account before and after, empty where it had none. Both are NULL in an entry that did not change it: so only a link step
-- costs anything in the indexes.
ALTER TABLE log_entries ADD COLUMN object_id_before TEXT;
ALTER TABLE log_entries ADD COLUMN object_id_after TEXT;

CREATE INDEX log_entries_link_steps ON log_entries (tenant_id, id) WHERE object_id_after IS NOT NULL;
CREATE INDEX log_entries_link_steps_of_account ON log_entries (tenant_id, resource_id, id) WHERE object_id_after IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('log_entries', 'log_entries_link_steps', '10000 1000 1'),
       ('log_entries', 'log_entries_link_steps_of_account', '10000 1000 2 1');
