//! Reads of who is in a group. A member that is deleted is not seen.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{
    Storage, StorageError,
    columns::{self, group_updated_at, group_version},
    filter::{self, Bind, Columns, member_rows},
    groups::json_ids,
    keyed::keyed,
    list::page,
    query::{MemberPage, RowQuery},
    read,
    sort::Sorting,
    statement::Statement,
};
use crate::{
    clock::Timestamp,
    groups::Member,
    ids::{AccountId, GroupId, TenantId},
};

/// Of each group its versions and times, once without a member and once with each; at most `$3` rows. One snapshot: the members are those of that
/// version.
macro_rules! members_of {
    ($groups:expr) => {
        concat!(
            "WITH page AS MATERIALIZED (
                 SELECT a.tenant_id, a.id, a.version AS own_version, ",
            group_version!(),
            "        AS version, ",
            group_updated_at!(),
            "        AS updated_at
                 FROM ",
            $groups,
            "    AND a.deleted_at IS NULL)
             SELECT p.id, p.own_version, p.version, p.updated_at, NULL, NULL, NULL
             FROM page p
             UNION ALL
             SELECT p.id, p.own_version, p.version, p.updated_at, m.member_id, m.member_type,
                 COALESCE(u.display_name, u.user_name, n.display_name)
             FROM page p
             CROSS JOIN ",
            member_rows!(),
            " WHERE m.tenant_id = $1 AND m.group_id = p.id AND (u.id IS NOT NULL OR n.id IS NOT NULL)
             LIMIT $3"
        )
    };
}

/// The members of the group `$2` but for some.
macro_rules! other_members {
    ($except:literal) => {
        concat!(
            "SELECT m.member_id FROM group_members m WHERE m.tenant_id = $1 AND m.group_id = $2 AND NOT ",
            $except,
            " ORDER BY m.member_id LIMIT $4"
        )
    };
}

pub(super) const OTHER_MEMBERS_SQLITE: &str =
    other_members!("m.member_id IN (SELECT unhex(j.value, '-') FROM json_each($3) j)");
const OTHER_MEMBERS_POSTGRES: &str =
    other_members!("EXISTS (SELECT FROM UNNEST($3::UUID[]) k (id) WHERE k.id = m.member_id)");

const MEMBERS_SQLITE: &str = members_of!(
    "groups a WHERE a.tenant_id = $1 AND a.id IN (SELECT unhex(j.value, '-') FROM json_each($2) j)"
);
const MEMBERS_POSTGRES: &str = members_of!(concat!(
    keyed!("$1::UUID", "$2"),
    " k JOIN groups a ON a.tenant_id = k.tenant_id AND a.id = k.id"
));

/// Those of the protected accounts, deleted ones among them, that are members of the group `$2`. From the accounts, which are few, and not from the
/// members.
const PROTECTED_MEMBERS: &str = "
    SELECT a.id
    FROM accounts a
    CROSS JOIN group_members m
    WHERE a.tenant_id = $1 AND a.protected AND m.tenant_id = $1 AND m.group_id = $2 AND m.member_id = a.id
    ORDER BY a.id
    LIMIT $3";

/// The members of the group `$2`, as `a`.
const MEMBERS: &str = concat!(
    " FROM (
         SELECT m.member_id AS id, m.member_type, COALESCE(u.display_name, u.user_name, n.display_name) AS display,
             COALESCE(u.display_name_key, u.user_name_key, n.display_name_key) AS display_key
         FROM ",
    member_rows!(),
    "    WHERE m.tenant_id = $1 AND m.group_id = $2 AND (u.id IS NOT NULL OR n.id IS NOT NULL)
     ) a
     WHERE TRUE"
);

/// A group with its members at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMembers {
    /// The group's own version: its attributes as they were read before are those of the same moment if they had it.
    pub own_version: i64,
    /// The version that the members belong to.
    pub version: i64,
    /// When the group or its members had last changed.
    pub updated_at: Timestamp,
    /// By id.
    pub members: Vec<Member>,
}

impl Storage {
    /// Finds the members of groups, of all together at most `limit`; none at all when there are more. Groups that are not there are left out.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_members"))]
    pub async fn find_members(
        &self,
        tenant: TenantId,
        groups: &[GroupId],
        limit: u32,
    ) -> Result<Option<BTreeMap<GroupId, GroupMembers>>, StorageError> {
        let ids: Vec<Uuid> = groups.iter().map(|id| id.uuid()).collect();
        let allowed = limit as usize + ids.len();
        let rows_max = i64::try_from(allowed + 1).unwrap_or(i64::MAX);
        let rows = read!(
            self,
            columns::group_member,
            sqlite(MEMBERS_SQLITE; tenant.uuid(), json_ids(&ids), rows_max),
            postgres(MEMBERS_POSTGRES; tenant.uuid(), &ids, rows_max)
        )?;
        if rows.len() > allowed {
            return Ok(None);
        }
        let mut found: BTreeMap<GroupId, GroupMembers> = BTreeMap::new();
        for (id, empty, member) in rows {
            let group = found.entry(id).or_insert(empty);
            group.members.extend(member);
        }
        for group in found.values_mut() {
            group.members.sort_by_key(|member| member.id);
        }
        Ok(Some(found))
    }

    /// Finds the members of a group but for some, also those that are deleted, by id.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_other_members"))]
    pub async fn find_other_members(
        &self,
        tenant: TenantId,
        group: GroupId,
        except: &[Uuid],
        limit: u32,
    ) -> Result<Vec<Uuid>, StorageError> {
        let limit = i64::from(limit);
        read!(
            self,
            columns::uuid,
            sqlite(OTHER_MEMBERS_SQLITE; tenant.uuid(), group.uuid(), json_ids(except), limit),
            postgres(OTHER_MEMBERS_POSTGRES; tenant.uuid(), group.uuid(), except, limit)
        )
    }

    /// Finds the protected accounts that are members of a group, also those that are deleted, by id.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_protected_members"))]
    pub async fn find_protected_members(
        &self,
        tenant: TenantId,
        group: GroupId,
        limit: u32,
    ) -> Result<Vec<AccountId>, StorageError> {
        let ids = read!(self, columns::uuid, PROTECTED_MEMBERS; tenant.uuid(), group.uuid(), i64::from(limit))?;
        Ok(ids.into_iter().map(AccountId::from_uuid).collect())
    }

    /// Lists the members of a group.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_members"))]
    pub async fn list_members(
        &self,
        tenant: TenantId,
        group: GroupId,
        query: &RowQuery<'_>,
    ) -> Result<MemberPage, StorageError> {
        let statement = list_statement(self.engine.dialect(), tenant, group, query);
        let rows = read!(
            self,
            columns::listed_member,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )?;
        let (members, next) = page(rows, query.limit, |member| member.id);
        Ok(MemberPage { members, next })
    }

    /// How the engine would answer [`list_members`](Self::list_members), in its own words.
    pub async fn explain_list_members(
        &self,
        tenant: TenantId,
        group: GroupId,
        query: &RowQuery<'_>,
    ) -> Result<Vec<String>, StorageError> {
        let engine = self.engine.dialect();
        let statement = list_statement(engine, tenant, group, query).explained(engine);
        read!(
            self,
            columns::plan_step,
            sqlite = statement.sqlite(),
            postgres = statement.postgres()
        )
    }
}

fn list_statement(
    engine: filter::Engine,
    tenant: TenantId,
    group: GroupId,
    query: &RowQuery<'_>,
) -> Statement {
    let columns = Columns::members();
    let sorting = Sorting::new(engine, &columns, &query.order);
    let mut statement = Statement::with([Bind::Uuid(tenant.uuid()), Bind::Uuid(group.uuid())]);
    statement.push("SELECT a.id, a.member_type, a.display, CAST(");
    sorting
        .push_value(&mut statement)
        .push(" AS TEXT) AS sort_value")
        .push(MEMBERS);
    statement.and_filter(query.filter, engine, &columns);
    if let Some(after) = &query.after {
        sorting.push_after(&mut statement, after);
    }
    sorting.push_order(&mut statement);
    statement
        .push(" LIMIT ")
        // One more, which tells whether there is a next page.
        .bind(Bind::Int(i64::from(query.limit) + 1));
    statement
}
