//! Reads of groups. Each is one statement, which answers who calls as well; members are read by [`members`](super::members).

use uuid::Uuid;

use super::{
    Storage, StorageError,
    accounts::{caller_sql, token_id},
    columns::{self, caller_and_candidates, caller_and_group, caller_columns, group_columns},
    filter::Columns,
    keyed::keyed_by_identifier,
    list::{Listing, list_statement, page, tenant_sql},
    query::{GroupPage, RowQuery},
    read,
};
use crate::{
    attributes::filter::Filter,
    call::{Caller, CallerKey},
    groups::{Candidate, Group, GroupKey},
    ids::{GroupId, TenantId},
};

/// Removes members of deleted groups of the tenant `$1`, at most `$2`: with `group_id` those that they have, with `member_id` their own memberships.
macro_rules! purge_members {
    ($join:literal, $side:literal) => {
        concat!(
            "DELETE FROM group_members
             WHERE (tenant_id, group_id, member_id) IN (
                 SELECT m.tenant_id, m.group_id, m.member_id
                 FROM groups g
                 ",
            $join,
            " group_members m ON m.tenant_id = g.tenant_id AND m.",
            $side,
            " = g.id
                 WHERE g.tenant_id = $1 AND g.deleted_at IS NOT NULL
                 LIMIT $2
             )"
        )
    };
}
pub(super) use purge_members;

/// The caller and the groups of which a predicate holds.
macro_rules! caller_and_groups {
    ($predicate:literal) => {
        caller_and_groups!(joined concat!("groups a ON a.tenant_id = t.id AND a.deleted_at IS NULL AND ", $predicate))
    };
    (joined $groups:expr) => {
        concat!(
            "SELECT ",
            caller_columns!(),
            ", ",
            group_columns!(),
            " ",
            caller_sql!(),
            " LEFT JOIN ",
            $groups,
            " WHERE t.identifier = $1"
        )
    };
}

const BY_ID: &str = caller_and_groups!("a.id = $3");
/// Two are enough to know that a name or Object ID is shared.
const BY_DISPLAY_NAME: &str = concat!(
    caller_and_groups!("a.display_name_key = $3"),
    " ORDER BY a.id LIMIT 2"
);
const BY_OBJECT_ID: &str = concat!(
    caller_and_groups!("a.object_id = $3"),
    " ORDER BY a.id LIMIT 2"
);

/// The ids come as one JSON array: the statement is one text, however many there are.
const BATCH_SQLITE: &str =
    caller_and_groups!("a.id IN (SELECT unhex(j.value, '-') FROM json_each($3) j)");
const BATCH_POSTGRES: &str = caller_and_groups!(joined concat!(
    "(",
    keyed_by_identifier!("$3"),
    " n JOIN groups a ON a.tenant_id = n.tenant_id AND a.id = n.id AND a.deleted_at IS NULL) ON TRUE"
));

/// What stands behind the ids of members that a request names, as a JSON array of arrays; `n` are the ids, beside the tenant and the
/// group.
macro_rules! candidates_from {
    ($($ids:literal),*) => {
        concat!(
            "FROM (
                 SELECT n.id, CASE WHEN u.deleted_at IS NULL THEN u.id END AS account_id, g.id AS group_id,
                     COALESCE(CASE WHEN u.deleted_at IS NULL THEN COALESCE(u.display_name, u.user_name) END, g.display_name) AS display,
                     CASE WHEN m.member_id IS NULL THEN 0 ELSE 1 END AS is_member, CASE WHEN u.protected THEN 1 ELSE 0 END AS protected
                 FROM ",
            $($ids,)*
            "    n
                 LEFT JOIN accounts u ON u.tenant_id = n.tenant_id AND u.id = n.id
                 LEFT JOIN groups g ON g.tenant_id = n.tenant_id AND g.id = n.id AND g.deleted_at IS NULL
                 LEFT JOIN group_members m ON m.tenant_id = n.tenant_id AND m.group_id = n.group_id AND m.member_id = n.id
             ) c
             WHERE c.display IS NOT NULL OR c.is_member = 1"
        )
    };
}

/// The caller, the group of which a predicate holds, and the candidates `$4`.
macro_rules! write_basis {
    (sqlite, $predicate:literal, $group:literal) => {
        concat!(
            "SELECT ", caller_columns!(), ", ", group_columns!(),
            ", (SELECT json_group_array(json_array(lower(hex(c.id)), c.account_id IS NOT NULL, c.display, c.is_member, c.protected)) ",
            candidates_from!("(SELECT t.id AS tenant_id, ", $group, " AS group_id, unhex(j.value, '-') AS id FROM json_each($4) j)"),
            ") ", caller_sql!(),
            " LEFT JOIN groups a ON a.tenant_id = t.id AND a.deleted_at IS NULL AND ", $predicate,
            " WHERE t.identifier = $1"
        )
    };
    (postgres, $predicate:literal, $group:literal) => {
        concat!(
            "SELECT ", caller_columns!(), ", ", group_columns!(),
            ", (SELECT CAST(json_agg(json_build_array(c.id, CASE WHEN c.account_id IS NULL THEN 0 ELSE 1 END, c.display, c.is_member, c.protected)) AS TEXT) ",
            candidates_from!("(SELECT t.id AS tenant_id, ", $group, " AS group_id, x.id FROM UNNEST($4::UUID[]) x (id) OFFSET 0)"),
            ") ", caller_sql!(),
            " LEFT JOIN groups a ON a.tenant_id = t.id AND a.deleted_at IS NULL AND ", $predicate,
            " WHERE t.identifier = $1"
        )
    };
}

const WRITE_BASIS_SQLITE: &str = write_basis!(sqlite, "a.id = $3", "$3");
const WRITE_BASIS_POSTGRES: &str = write_basis!(postgres, "a.id = $3", "$3");
/// A new group has no members yet.
const CREATE_BASIS_SQLITE: &str = write_basis!(sqlite, "a.display_name_claim = $3", "NULL");
const CREATE_BASIS_POSTGRES: &str =
    write_basis!(postgres, "a.display_name_claim = $3", "CAST(NULL AS UUID)");

const GROUPS: Listing = Listing {
    inner: "a.id, a.display_name, a.display_name_key, a.object_id, a.version, a.created_at, a.updated_at, a.document",
    outer: group_columns!(),
    table: "groups",
    columns: Columns::groups(tenant_sql!()),
};

/// What a write rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupBasis {
    /// The group, or for a create the one that holds the name.
    pub group: Option<Group>,
    /// Those of the ids asked for behind which something stands, in no particular order.
    pub candidates: Vec<Candidate>,
}

impl Storage {
    /// Finds the caller, and the groups of that key: at most two, since several may share a name or an Object ID. Without members.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_groups"))]
    pub async fn find_groups(
        &self,
        key: &CallerKey,
        group: &GroupKey,
    ) -> Result<(Option<Caller>, Vec<Group>), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let rows = match group {
            GroupKey::Id(id) => read!(self, caller_and_group, BY_ID; tenant, token, id.uuid()),
            GroupKey::DisplayName(key) => {
                read!(self, caller_and_group, BY_DISPLAY_NAME; tenant, token, key)
            }
            GroupKey::ObjectId(id) => {
                read!(self, caller_and_group, BY_OBJECT_ID; tenant, token, id)
            }
        }?;
        Ok(split(rows))
    }

    /// Finds the caller, and those of the groups that are there, in no particular order. Without members.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "batch_find_groups"))]
    pub async fn batch_find_groups(
        &self,
        key: &CallerKey,
        ids: &[GroupId],
    ) -> Result<(Option<Caller>, Vec<Group>), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let rows = read!(
            self,
            caller_and_group,
            sqlite(BATCH_SQLITE; tenant, token, json_ids(&ids)),
            postgres(BATCH_POSTGRES; tenant, token, &ids)
        )?;
        Ok(split(rows))
    }

    /// Finds the caller, and a page of the groups. Without members.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_groups"))]
    pub async fn list_groups(
        &self,
        key: &CallerKey,
        query: &RowQuery<'_>,
    ) -> Result<(Option<Caller>, GroupPage), StorageError> {
        let statement = list_statement(self.engine.dialect(), key, &GROUPS, query);
        let rows = read!(
            self,
            columns::listed_group,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        let mut caller = None;
        let mut listed = Vec::with_capacity(rows.len());
        for (row_caller, group) in rows {
            caller.get_or_insert(row_caller);
            listed.extend(group);
        }
        let (groups, next) = page(listed, query.limit, |group| group.id.uuid());
        Ok((caller, GroupPage { groups, next }))
    }

    /// How the engine would answer [`list_groups`](Self::list_groups), in its own words: which indexes it would use.
    pub async fn explain_list_groups(
        &self,
        key: &CallerKey,
        query: &RowQuery<'_>,
    ) -> Result<Vec<String>, StorageError> {
        self.explain(key, &GROUPS, query).await
    }

    /// Counts the groups that match.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "count_groups"))]
    pub async fn count_groups(
        &self,
        tenant: TenantId,
        filter: Option<&Filter>,
    ) -> Result<i64, StorageError> {
        let rows = "groups a WHERE a.tenant_id = $1 AND a.deleted_at IS NULL";
        self.count(tenant, rows, &Columns::groups("$1"), filter)
            .await
    }

    /// Finds the caller and what a change of a group rests on: the group, and what stands behind the ids of members. Reads no other member.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_group_basis"))]
    pub async fn find_group_basis(
        &self,
        key: &CallerKey,
        group: GroupId,
        ids: &[Uuid],
    ) -> Result<(Option<Caller>, GroupBasis), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let rows = read!(
            self,
            caller_and_candidates,
            sqlite(WRITE_BASIS_SQLITE; tenant, token, group.uuid(), json_ids(ids)),
            postgres(WRITE_BASIS_POSTGRES; tenant, token, group.uuid(), ids)
        )?;
        Ok(basis(rows))
    }

    /// Finds the caller and what a create rests on: the group that claims the name, and what stands behind the ids of members.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_create_group_basis"))]
    pub async fn find_create_group_basis(
        &self,
        key: &CallerKey,
        display_name_key: &str,
        ids: &[Uuid],
    ) -> Result<(Option<Caller>, GroupBasis), StorageError> {
        let (tenant, token) = (key.tenant.as_str(), token_id(key));
        let rows = read!(
            self,
            caller_and_candidates,
            sqlite(CREATE_BASIS_SQLITE; tenant, token, display_name_key, json_ids(ids)),
            postgres(CREATE_BASIS_POSTGRES; tenant, token, display_name_key, ids)
        )?;
        Ok(basis(rows))
    }
}

/// Ids as a JSON array of texts.
pub(super) fn json_ids(ids: &[Uuid]) -> String {
    ids.iter()
        .map(Uuid::to_string)
        .collect::<serde_json::Value>()
        .to_string()
}

/// Every row repeats the caller; there is one row without a group when there is no group.
fn split(rows: Vec<(Caller, Option<Group>)>) -> (Option<Caller>, Vec<Group>) {
    let mut caller = None;
    let mut groups = Vec::with_capacity(rows.len());
    for (row_caller, group) in rows {
        caller.get_or_insert(row_caller);
        groups.extend(group);
    }
    (caller, groups)
}

fn basis(rows: Vec<(Caller, Option<Group>, Vec<Candidate>)>) -> (Option<Caller>, GroupBasis) {
    match rows.into_iter().next() {
        Some((caller, group, candidates)) => (Some(caller), GroupBasis { group, candidates }),
        None => (None, GroupBasis::default()),
    }
}
