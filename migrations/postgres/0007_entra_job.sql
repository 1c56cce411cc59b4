-- Where a tenant's provisioning job is in Microsoft Graph: both, or neither.
--
-- The same columns as in migrations/sqlite.

ALTER TABLE tenants ADD COLUMN entra_service_principal_id UUID;
ALTER TABLE tenants ADD COLUMN entra_job_id TEXT COLLATE "C";
