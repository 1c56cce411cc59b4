-- Links that admins set, and the history of links.
--
-- The same as in migrations/sqlite.

-- A DragOnce admin set the Object ID: SCIM leaves it as it is.
ALTER TABLE accounts ADD COLUMN object_id_pinned BOOLEAN NOT NULL DEFAULT FALSE;

-- Why, as an admin told.
ALTER TABLE log_entries ADD COLUMN justification TEXT COLLATE "C" NOT NULL DEFAULT '';
-- The Object ID of the account before and after, empty where it had none. Both are NULL in an entry that did not change it: so only a link step
-- costs anything in the indexes.
ALTER TABLE log_entries ADD COLUMN object_id_before TEXT COLLATE "C";
ALTER TABLE log_entries ADD COLUMN object_id_after TEXT COLLATE "C";

CREATE INDEX log_entries_link_steps ON log_entries (tenant_id, id) WHERE object_id_after IS NOT NULL;
CREATE INDEX log_entries_link_steps_of_account ON log_entries (tenant_id, resource_id, id) WHERE object_id_after IS NOT NULL;
