-- Deleted accounts by their login, and protected accounts.
--
-- The same indexes as in migrations/sqlite.

-- Whether the account of a login that was deleted last was on hold: then the next one begins on hold as well.
CREATE INDEX accounts_user_name_deleted ON accounts (tenant_id, user_name_key, deleted_at) WHERE deleted_at IS NOT NULL;
-- Few: a group's protected members are found from them.
CREATE INDEX accounts_protected ON accounts (tenant_id, id) WHERE protected;
