//! What the state of the accounts shows of findings: Object IDs that are no GUIDs, and those that several accounts have.

use uuid::Uuid;

use crate::{
    accounts::Account,
    ids::{AccountId, TenantId},
    storage::{
        PerEngine, Storage, StorageError,
        columns::{self, Columns, account, account_columns},
        read,
    },
};

/// The key of an Object ID, and up to three of the accounts that have it.
pub type SharedObjectId = (String, Vec<AccountId>);

/// Whether an account `a` of provisioning has an Object ID that is no GUID: the words of its index.
macro_rules! not_guid {
    (sqlite) => {
        "a.managed AND a.deleted_at IS NULL AND a.object_id_key NOT GLOB \
         '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'"
    };
    (postgres) => {
        "a.managed AND a.deleted_at IS NULL AND a.object_id_key !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'"
    };
}

/// That the finding of a kind and subject is open, or was closed by an admin: an admin's word stands until a request shows the mismatch again.
macro_rules! known {
    ($kind:literal, $subject:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM findings f WHERE f.tenant_id = $1 AND f.kind = '",
            $kind,
            "' AND f.subject = ",
            $subject,
            "         AND f.closed_at IS NULL)
              OR EXISTS (SELECT 1 FROM findings f WHERE f.tenant_id = $1 AND f.kind = '",
            $kind,
            "' AND f.subject = ",
            $subject,
            "            AND f.closed_at IS NOT NULL AND f.closure_actor NOT IN ('', 'scim')))"
        )
    };
}

/// Accounts whose Object ID is no GUID, unless that is known.
macro_rules! unknown_not_guid {
    ($engine:ident) => {
        concat!(
            "SELECT ",
            account_columns!(),
            ", NULL
             FROM accounts a
             WHERE a.tenant_id = $1 AND ",
            not_guid!($engine),
            " AND NOT ",
            known!("object_id_not_guid", "''"),
            " ORDER BY a.id
             LIMIT $2"
        )
    };
}
const UNKNOWN_NOT_GUID: PerEngine = PerEngine {
    sqlite: unknown_not_guid!(sqlite),
    postgres: unknown_not_guid!(postgres),
};

/// The open finding, when no other account than `$2` is left that it is about.
macro_rules! cured_not_guid {
    ($engine:ident) => {
        concat!(
            "SELECT f.id
             FROM findings f
             WHERE f.tenant_id = $1 AND f.kind = 'object_id_not_guid' AND f.subject = '' AND f.closed_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.tenant_id = $1 AND a.id <> $2 AND ",
            not_guid!($engine),
            ")"
        )
    };
}
const CURED_NOT_GUID: PerEngine = PerEngine {
    sqlite: cured_not_guid!(sqlite),
    postgres: cured_not_guid!(postgres),
};

/// The next Object ID that an account has without its claim, from a key on or behind one.
macro_rules! next_unclaimed {
    ($from:literal) => {
        concat!(
            "(SELECT a.object_id_key
              FROM accounts a
              WHERE a.tenant_id = $1 AND a.object_id_key IS NOT NULL AND a.object_id_claim IS NULL AND a.deleted_at IS NULL
                AND a.object_id_key ",
            $from,
            " ORDER BY a.object_id_key
              LIMIT 1)"
        )
    };
}

/// An account that has the Object ID of `s` without its claim.
macro_rules! unclaimed_holder {
    ($offset:literal) => {
        concat!(
            "(SELECT a.id
              FROM accounts a
              WHERE a.tenant_id = $1 AND a.object_id_key = s.object_id_key AND a.object_id_claim IS NULL AND a.deleted_at IS NULL
              LIMIT 1 OFFSET ",
            $offset,
            ")"
        )
    };
}

/// Of Object IDs `s`, three of the accounts that have one: who has its claim, and two of the others.
macro_rules! sharers {
    () => {
        concat!(
            "SELECT s.object_id_key,
                 (SELECT a.id
                  FROM accounts a
                  WHERE a.tenant_id = $1 AND a.object_id_claim = s.object_id_key AND a.deleted_at IS NULL) AS claimant,
                 ", unclaimed_holder!("0"), " AS one, ", unclaimed_holder!("1"), " AS another"
        )
    };
}

/// Object IDs that more than one account has, unless that is known. Whoever shares one has not its claim, but for the first. From one to the next
/// by the index, whatever the number of accounts that share one: `$2` of them from `$3` on, and the one after them without accounts.
macro_rules! unknown_shared {
    () => {
        concat!(
            "WITH RECURSIVE unclaimed (object_id_key, step) AS (
                 SELECT ",
            next_unclaimed!(">= $3"),
            ", 1
                 UNION ALL
                 SELECT ",
            next_unclaimed!("> u.object_id_key"),
            ", u.step + 1
                 FROM unclaimed u
                 WHERE u.object_id_key IS NOT NULL AND u.step <= $2
             )
             SELECT x.object_id_key, x.claimant, x.one, x.another
             FROM (",
            sharers!(),
            "    FROM unclaimed s
                  WHERE s.object_id_key IS NOT NULL AND s.step <= $2 AND NOT ",
            known!("object_id_shared", "s.object_id_key"),
            ") x
             WHERE x.claimant IS NOT NULL OR x.another IS NOT NULL
             UNION ALL
             SELECT u.object_id_key, NULL, NULL, NULL
             FROM unclaimed u
             WHERE u.object_id_key IS NOT NULL AND u.step > $2"
        )
    };
}
const UNKNOWN_SHARED: &str = unknown_shared!();

/// The keys come as one list: the statement is one text, however many there are.
const SHARERS: PerEngine = PerEngine {
    sqlite: concat!(
        sharers!(),
        " FROM (SELECT j.value AS object_id_key FROM json_each($2) j) s"
    ),
    postgres: concat!(sharers!(), " FROM UNNEST($2::TEXT[]) s (object_id_key)"),
};

impl Storage {
    /// Finds accounts of provisioning whose Object ID is no GUID, at most `limit`; none when the tenant's finding of it is open, or an admin
    /// closed it.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_unknown_not_guid"))]
    pub async fn find_unknown_not_guid(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<Account>, StorageError> {
        read!(self, account, each(UNKNOWN_NOT_GUID; tenant.uuid(), i64::from(limit)))
    }

    /// Finds the open finding of Object IDs that are no GUIDs, when no account but `except` has such a one.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_cured_not_guid"))]
    pub async fn find_cured_not_guid(
        &self,
        tenant: TenantId,
        except: Option<AccountId>,
    ) -> Result<Option<Uuid>, StorageError> {
        let except = except.map_or(Uuid::nil(), AccountId::uuid);
        let ids = read!(self, columns::uuid, each(CURED_NOT_GUID; tenant.uuid(), except))?;
        Ok(ids.into_iter().next())
    }

    /// How the engine would answer [`find_unknown_not_guid`](Self::find_unknown_not_guid), in its own words.
    pub async fn explain_find_unknown_not_guid(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<String>, StorageError> {
        const EXPLAIN: PerEngine = PerEngine {
            sqlite: concat!("EXPLAIN QUERY PLAN ", unknown_not_guid!(sqlite)),
            postgres: concat!("EXPLAIN ", unknown_not_guid!(postgres)),
        };
        read!(self, columns::plan_step, each(EXPLAIN; tenant.uuid(), 3_i64))
    }

    /// Finds Object IDs, by their keys, that several accounts have and of which no finding is known, with up to three of those accounts. Looks at most
    /// at `steps` Object IDs, in the order of their keys, from `from` on; an empty one is the first. Tells as well from where on to look the next time.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_unknown_shared"))]
    pub async fn find_unknown_shared(
        &self,
        tenant: TenantId,
        from: &str,
        steps: u32,
    ) -> Result<(Vec<SharedObjectId>, String), StorageError> {
        let mut shared =
            read!(self, sharers, UNKNOWN_SHARED; tenant.uuid(), i64::from(steps), from)?;
        let next = shared.extract_if(.., |(_, accounts)| accounts.is_empty());
        let next = next.map(|(key, _)| key).next().unwrap_or_default();
        Ok((shared, next))
    }

    /// How the engine would answer [`find_unknown_shared`](Self::find_unknown_shared), in its own words.
    pub async fn explain_find_unknown_shared(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<String>, StorageError> {
        const EXPLAIN: PerEngine = PerEngine {
            sqlite: concat!("EXPLAIN QUERY PLAN ", unknown_shared!()),
            postgres: concat!("EXPLAIN ", unknown_shared!()),
        };
        read!(self, columns::plan_step, each(EXPLAIN; tenant.uuid(), 1_i64, ""))
    }

    /// Finds who has Object IDs, by their keys: of each up to three accounts that are not deleted.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_object_id_sharers"))]
    pub async fn find_object_id_sharers(
        &self,
        tenant: TenantId,
        object_id_keys: &[String],
    ) -> Result<Vec<(String, Vec<AccountId>)>, StorageError> {
        let json = serde_json::to_string(object_id_keys).expect("texts have a JSON form");
        read!(
            self,
            sharers,
            sqlite(SHARERS.sqlite; tenant.uuid(), &json),
            postgres(SHARERS.postgres; tenant.uuid(), object_id_keys)
        )
    }

    /// How the engine would answer [`find_object_id_sharers`](Self::find_object_id_sharers), in its own words.
    pub async fn explain_find_object_id_sharers(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<String>, StorageError> {
        const SQLITE: &str = concat!(
            "EXPLAIN QUERY PLAN ",
            sharers!(),
            " FROM (SELECT j.value AS object_id_key FROM json_each($2) j) s"
        );
        const POSTGRES: &str = concat!(
            "EXPLAIN ",
            sharers!(),
            " FROM UNNEST($2::TEXT[]) s (object_id_key)"
        );
        let none: [String; 0] = [];
        read!(
            self,
            columns::plan_step,
            sqlite(SQLITE; tenant.uuid(), "[]"),
            postgres(POSTGRES; tenant.uuid(), &none[..])
        )
    }
}

/// The key of an Object ID, and the accounts that have it.
fn sharers(columns: &mut impl Columns) -> Result<(String, Vec<AccountId>), StorageError> {
    let key = columns.text()?;
    let holders = [
        columns.uuid_or_null()?,
        columns.uuid_or_null()?,
        columns.uuid_or_null()?,
    ];
    let holders = holders.into_iter().flatten().map(AccountId::from_uuid);
    Ok((key, holders.collect()))
}
