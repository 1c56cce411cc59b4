//! What the engines' writes share: the columns they write, in the order in which the values are bound. Macros, so that each use is checked
//! against its driver.

/// Writes every column of an account: `$1` to `$22`. It holds the claim of its Object ID, or, `shared from` where another does, has none.
macro_rules! account_insert {
    ($search:literal) => {
        account_insert!(@ $search, "$7", "VALUES (", ")")
    };
    ($search:literal, shared from $source:literal) => {
        account_insert!(@ $search, "NULL", "SELECT ", $source)
    };
    (@ $search:literal, $claim:literal, $open:literal, $close:literal) => {
        concat!(
            "INSERT INTO accounts (
                 tenant_id, id, user_name, user_name_key, object_id, object_id_exclusive, object_id_key, object_id_claim, directory_active,
                 hold_reason, hold_at, protected, managed, version, created_at, updated_at, deleted_at, employee_number_key,
                 display_name, display_name_key, document, object_id_pinned, search
             ) ",
            $open,
            "$1, $2, $3, $4, $5, $6, $7, ",
            $claim,
            ", $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, ",
            $search,
            $close
        )
    };
}

/// Writes every column of the account `$1`, `$2` if it is at the version `$23`; with the claim of its Object ID, or without `if` another holds it.
macro_rules! account_update {
    ($search:literal) => {
        account_update!(@ $search, "$7", "")
    };
    ($search:literal, shared if $condition:literal) => {
        account_update!(@ $search, "NULL", $condition)
    };
    (@ $search:literal, $claim:literal, $condition:literal) => {
        concat!(
            "UPDATE accounts
             SET user_name = $3, user_name_key = $4, object_id = $5, object_id_exclusive = $6, object_id_key = $7, object_id_claim = ",
            $claim,
            ",   directory_active = $8, hold_reason = $9, hold_at = $10, protected = $11, managed = $12, version = $13, created_at = $14,
                 updated_at = $15, deleted_at = $16, employee_number_key = $17, display_name = $18, display_name_key = $19,
                 document = $20, object_id_pinned = $21, search = ",
            $search,
            " WHERE tenant_id = $1 AND id = $2 AND version = $23 ",
            $condition
        )
    };
}

/// The 22 values of an account, in the order of [`account_insert`].
macro_rules! bind_account {
    ($query:expr, $tenant:expr, $write:expr) => {{
        let (account, index) = (&$write.account, &$write.index);
        $query
            .bind($tenant.uuid())
            .bind(account.id.uuid())
            .bind(&account.user_name)
            .bind(&account.user_name_key)
            .bind(&account.object_id)
            .bind(account.object_id_exclusive)
            .bind(
                account
                    .object_id
                    .as_deref()
                    .map($crate::links::object_id_key),
            )
            .bind(account.directory_active)
            .bind(account.hold.as_ref().map(|hold| &hold.reason))
            .bind(account.hold.as_ref().map(|hold| hold.at.as_micros()))
            .bind(account.protected)
            .bind(account.managed)
            .bind(account.version)
            .bind(account.created_at.as_micros())
            .bind(account.updated_at.as_micros())
            .bind(account.deleted_at.map(|at| at.as_micros()))
            .bind(&index.employee_number_key)
            .bind(&index.display_name)
            .bind(&index.display_name_key)
            .bind(&account.document)
            .bind(account.object_id_pinned)
            .bind(&index.search)
    }};
}

/// The columns of a group in the order of [`bind_group`], behind its tenant and id.
macro_rules! group_columns {
    () => {
        "display_name, display_name_key, display_name_claim, object_id, version, created_at, updated_at, document, search"
    };
}

/// The 9 values of a group behind its tenant and id.
macro_rules! bind_group {
    ($query:expr, $document:expr) => {{
        let document: &crate::storage::GroupDocument = $document;
        $query
            .bind(&document.display_name)
            .bind(&document.display_name_key)
            .bind(
                document
                    .display_name_unique
                    .then_some(&document.display_name_key),
            )
            .bind(&document.object_id)
            .bind(document.own_version)
            .bind(document.created_at.as_micros())
            .bind(document.updated_at.as_micros())
            .bind(&document.document)
            .bind(&document.search)
    }};
}

/// The columns of a log entry, in the order of [`bind_log_entry`] behind the tenant.
macro_rules! log_entry_insert {
    () => {
        "INSERT INTO log_entries (
             tenant_id, id, at, operation, request, outcome, resource_type, resource_id, object_id, user_name, user_name_key, http_status,
             scim_type, reason, detail, request_id, token_id, actor, changes, duration_us, justification, object_id_before, object_id_after
         )"
    };
}

/// The 22 values of a log entry, all NULL where there is none.
macro_rules! bind_log_entry {
    ($query:expr, $entry:expr) => {{
        let entry: Option<&crate::log::LogEntry> = $entry;
        $query
            .bind(entry.map(|entry| entry.id.uuid()))
            .bind(entry.map(|entry| entry.at.as_micros()))
            .bind(entry.map(|entry| entry.operation.as_str()))
            .bind(entry.map(|entry| &entry.request))
            .bind(entry.map(|entry| entry.outcome.as_str()))
            .bind(entry.map(|entry| entry.resource_type.as_str()))
            .bind(entry.map(|entry| &entry.resource_id))
            .bind(entry.map(|entry| &entry.object_id))
            .bind(entry.map(|entry| &entry.user_name))
            .bind(entry.map(|entry| crate::attributes::fold::fold(&entry.user_name)))
            .bind(entry.map(|entry| i64::from(entry.http_status)))
            .bind(entry.map(|entry| &entry.scim_type))
            .bind(entry.map(|entry| &entry.reason))
            .bind(entry.map(|entry| &entry.detail))
            .bind(entry.map(|entry| &entry.request_id))
            .bind(entry.map(|entry| &entry.token_id))
            .bind(entry.map(|entry| &entry.actor))
            .bind(entry.map(|entry| {
                serde_json::to_string(&entry.changes)
                    .expect("names and JSON values have a JSON form")
            }))
            .bind(entry.map(|entry| $crate::storage::columns::micros(entry.duration)))
            .bind(entry.map(|entry| &entry.justification))
            .bind(
                entry
                    .and_then(|entry| entry.link_step.as_ref())
                    .map(|step| step.before.as_deref().unwrap_or_default()),
            )
            .bind(
                entry
                    .and_then(|entry| entry.link_step.as_ref())
                    .map(|step| step.after.as_deref().unwrap_or_default()),
            )
    }};
}

/// The 6 values of a change, all NULL where there is none.
macro_rules! bind_change {
    ($query:expr, $change:expr) => {{
        let change: Option<&crate::changes::Change> = $change;
        $query
            .bind(change.map(|change| change.id.uuid()))
            .bind(change.map(|change| change.at.as_micros()))
            .bind(change.map(|change| change.kind.as_str()))
            .bind(change.map(|change| change.resource.type_name()))
            .bind(change.map(|change| change.resource.uuid()))
            .bind(change.map(|change| change.version))
    }};
}

/// The 6 values of a receipt behind the tenant, all NULL where there is none.
macro_rules! bind_receipt {
    ($query:expr, $receipt:expr) => {{
        let receipt: Option<&crate::receipts::Receipt> = $receipt;
        $query
            .bind(receipt.map(|receipt| &receipt.key.caller))
            .bind(receipt.map(|receipt| &receipt.key.method))
            .bind(receipt.map(|receipt| receipt.key.request_id))
            .bind(receipt.map(|receipt| &receipt.body_sha256[..]))
            .bind(receipt.map(|receipt| &receipt.response))
            .bind(receipt.map(|receipt| receipt.at.as_micros()))
    }};
}

/// Writes every column of a token: `$1` to `$12`.
pub(super) const TOKEN_INSERT: &str = "
    INSERT INTO scim_tokens (
        tenant_id, id, secret_sha256, current, created_at, created_by, expires_at, revoked_at, replaced_by, replaced_at, last_used_at,
        last_used_from
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// The current token `$2` of the tenant `$1` gives way to `$3` at `$4`, and is accepted until `$5`.
pub(super) const TOKEN_RETIRE: &str = "
    UPDATE scim_tokens
    SET current = NULL, replaced_by = $3, replaced_at = $4, expires_at = $5
    WHERE tenant_id = $1 AND id = $2 AND current AND revoked_at IS NULL";

/// A token revoked before stays as it is, and so does one of which `$3`, whether it is the current one, is not true.
pub(super) const TOKEN_REVOKE: &str = "
    UPDATE scim_tokens
    SET current = NULL, revoked_at = $4
    WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND COALESCE(current, FALSE) = $3";

/// Only forward in time.
pub(super) const TOKEN_TOUCH: &str = "
    UPDATE scim_tokens
    SET last_used_at = $3, last_used_from = $4
    WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3)";

macro_rules! bind_token {
    ($query:expr, $tenant:expr, $token:expr) => {{
        let token: &crate::tokens::Token = $token;
        $query
            .bind($tenant.uuid())
            .bind(token.id.as_str())
            .bind(&token.secret.as_bytes()[..])
            .bind(token.current.then_some(true))
            .bind(token.created_at.as_micros())
            .bind(&token.created_by)
            .bind(token.expires_at.map(|at| at.as_micros()))
            .bind(token.revoked_at.map(|at| at.as_micros()))
            .bind(token.replaced_by.as_ref().map(|id| id.as_str()))
            .bind(token.replaced_at.map(|at| at.as_micros()))
            .bind(token.last_used_at.map(|at| at.as_micros()))
            .bind(&token.last_used_from)
    }};
}

/// Writes every column of a tenant but the schema version, which begins at 0: `$1` to `$18`.
pub(super) const TENANT_INSERT: &str = "
    INSERT INTO tenants (
        id, identifier, display_name, provisioning_enabled, dialect, object_id_unique, tombstone_retention_us, unknown_members,
        group_display_name_unique, unknown_schemas, entra_service_principal_id, entra_job_id, version, created_at, updated_at,
        guard_window_us, guard_max_count, guard_max_percent
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";

/// Takes the schema version of the tenant `$1` from `$3` to `$2`, so that its definitions change one after the other.
pub(super) const SCHEMA_VERSION: &str =
    "UPDATE tenants SET schema_version = $2 WHERE id = $1 AND schema_version = $3";

/// The URN is unique without regard to case.
pub(super) const SCHEMA_PUT: &str = "
    INSERT INTO extension_schemas (tenant_id, urn_key, resource_type, definition, version)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, urn_key) DO UPDATE
    SET resource_type = EXCLUDED.resource_type, definition = EXCLUDED.definition, version = EXCLUDED.version";
pub(super) const SCHEMA_DELETE: &str =
    "DELETE FROM extension_schemas WHERE tenant_id = $1 AND urn_key = $2";

/// Where the tenant's changes will be counted.
pub(super) const HEAD_INSERT: &str = "INSERT INTO change_heads (tenant_id, head) VALUES ($1, 0)";

/// Writes every column of the tenant `$1` but its identifier, which is part of an endpoint that customers have pasted, if it is at the version
/// `$19`. `$2` is compared, so that the values are those of [`TENANT_INSERT`]. The schema version goes its own way.
pub(super) const TENANT_UPDATE: &str = "
    UPDATE tenants
    SET display_name = $3, provisioning_enabled = $4, dialect = $5, object_id_unique = $6, tombstone_retention_us = $7, unknown_members = $8,
        group_display_name_unique = $9, unknown_schemas = $10, entra_service_principal_id = $11, entra_job_id = $12, version = $13,
        created_at = $14, updated_at = $15, guard_window_us = $16, guard_max_count = $17, guard_max_percent = $18
    WHERE id = $1 AND identifier = $2 AND version = $19";

/// Every linked account of the tenant `$1` holds its Object ID exclusively; fails if two have the same.
pub(super) const CLAIM_OBJECT_IDS: &str = "
    UPDATE accounts
    SET object_id_exclusive = $2, object_id_claim = object_id_key
    WHERE tenant_id = $1 AND object_id IS NOT NULL AND NOT object_id_exclusive";

/// Whether another account than `$2` of the tenant `$1` shares the Object ID of the key `$3`, without holding its claim.
pub(super) const OBJECT_ID_IS_SHARED: &str = "
    SELECT EXISTS (
        SELECT 1
        FROM accounts
        WHERE tenant_id = $1 AND id <> $2 AND object_id_key = $3 AND object_id_claim IS NULL AND deleted_at IS NULL
    )";

/// Every group of the tenant `$1` claims its name; fails if two have the same.
pub(super) const CLAIM_DISPLAY_NAMES: &str = "
    UPDATE groups
    SET display_name_claim = display_name_key
    WHERE tenant_id = $1 AND deleted_at IS NULL AND display_name_claim IS NULL";

/// Groups of the tenant `$1` may share a name.
pub(super) const RELEASE_DISPLAY_NAMES: &str = "
    UPDATE groups
    SET display_name_claim = NULL
    WHERE tenant_id = $1 AND deleted_at IS NULL AND display_name_claim IS NOT NULL";

macro_rules! bind_tenant {
    ($query:expr, $tenant:expr) => {{
        let tenant: &crate::tenants::Tenant = $tenant;
        let guard = tenant.settings.deprovision_guard.as_ref();
        $query
            .bind(tenant.id.uuid())
            .bind(tenant.identifier.as_str())
            .bind(&tenant.display_name)
            .bind(tenant.provisioning_enabled)
            .bind(tenant.settings.dialect.as_str())
            .bind(tenant.settings.object_id_unique)
            .bind($crate::storage::columns::micros(
                tenant.settings.tombstone_retention,
            ))
            .bind(tenant.settings.unknown_members.map(|rule| rule.as_str()))
            .bind(tenant.settings.group_display_name_unique)
            .bind(tenant.settings.unknown_schemas.map(|rule| rule.as_str()))
            .bind(
                tenant
                    .settings
                    .entra_job
                    .as_ref()
                    .map(|job| job.service_principal_id),
            )
            .bind(
                tenant
                    .settings
                    .entra_job
                    .as_ref()
                    .map(|job| job.job_id.as_str()),
            )
            .bind(tenant.version)
            .bind(tenant.created_at.as_micros())
            .bind(tenant.updated_at.as_micros())
            .bind(guard.map(|guard| $crate::storage::columns::micros(guard.window)))
            .bind(guard.and_then(|guard| guard.max_count).map(i64::from))
            .bind(guard.and_then(|guard| guard.max_percent).map(i64::from))
    }};
}

/// Writes or deletes the definition of a [`SchemaWrite`](super::SchemaWrite).
macro_rules! schema_query {
    ($tenant:expr, $write:expr) => {{
        let write: &$crate::storage::SchemaWrite = $write;
        let (sql, schema) = match &write.change {
            $crate::storage::SchemaChange::Put(schema) => {
                ($crate::storage::binds::SCHEMA_PUT, schema)
            }
            $crate::storage::SchemaChange::Delete(schema) => {
                ($crate::storage::binds::SCHEMA_DELETE, schema)
            }
        };
        let query = sqlx::query(sql)
            .bind($tenant.uuid())
            .bind(schema.schema.id.to_ascii_lowercase());
        match &write.change {
            $crate::storage::SchemaChange::Put(schema) => query
                .bind(schema.extends.as_str())
                .bind(
                    serde_json::to_string(&schema.schema)
                        .expect("names and words have a JSON form"),
                )
                .bind(schema.version),
            $crate::storage::SchemaChange::Delete(_) => query,
        }
    }};
}

pub(super) use {
    account_insert, account_update, bind_account, bind_change, bind_group, bind_log_entry,
    bind_receipt, bind_tenant, bind_token, group_columns, log_entry_insert, schema_query,
};

/// Which conflict the violation of a unique constraint stands for; `None` for one that the program never runs into.
pub(super) fn conflict(error: &sqlx::Error) -> Option<super::Commit> {
    use super::Commit;
    let violated = super::error::violated_unique(error)?;
    let conflicts = [
        ("user_name_key", Commit::UserNameTaken),
        ("object_id_claim", Commit::ObjectIdTaken),
        ("display_name_claim", Commit::DisplayNameTaken),
        ("current", Commit::TokenExists),
        ("identifier", Commit::TenantExists),
        ("receipts", Commit::RequestIdUsed),
    ];
    conflicts
        .into_iter()
        .find(|(part, _)| violated.contains(part))
        .map(|(_, commit)| commit)
}
