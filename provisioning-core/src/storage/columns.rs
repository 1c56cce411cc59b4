//! How rows become domain types: the column lists of the statements, and readers that take the columns in the order of those lists.

use std::{sync::Arc, time::Duration};

use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use super::{GroupMembers, ResourceKind, StorageError, resources::Listed as ListedResource};
use crate::{
    accounts::{Account, Hold},
    attributes::show::Shows,
    call::Caller,
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    groups::{Candidate, Group, Member, MemberType, Membership},
    guard::DeprovisionGuard,
    ids::{AccountId, ChangeId, GroupId, LogEntryId, TenantId},
    log::{LinkStep, LogEntry, Operation, Outcome, ResourceType},
    schemas::{Extended, ExtensionSchema},
    tenants::{
        Dialect, EntraJob, Identifier, Tenant, TenantSettings, UnknownMembers, UnknownSchemas,
    },
    tokens::{SecretHash, Token, TokenId},
};

/// The columns that [`tenant`] reads.
macro_rules! tenant_columns {
    () => {
        "t.id, t.identifier, t.display_name, t.provisioning_enabled, t.dialect, t.object_id_unique, t.tombstone_retention_us, \
         t.unknown_members, t.group_display_name_unique, t.unknown_schemas, t.entra_service_principal_id, \
         t.entra_job_id, t.guard_window_us, t.guard_max_count, t.guard_max_percent, t.version, t.schema_version, t.created_at, t.updated_at"
    };
}

/// The columns that [`token`] reads.
macro_rules! token_columns {
    () => {
        "k.id, k.secret_sha256, k.current, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.replaced_by, k.replaced_at, \
         k.last_used_at, k.last_used_from"
    };
}

/// The columns that [`caller`] reads. Whether the tenant has open findings is a look into an index that is empty for most; the one that is about
/// the tenant as a whole is no reason to look further.
macro_rules! caller_columns {
    () => {
        concat!(
            $crate::storage::columns::tenant_columns!(),
            ", EXISTS (SELECT 1 FROM findings f WHERE f.tenant_id = t.id AND f.closed_at IS NULL AND f.kind <> 'object_id_not_guid'), ",
            $crate::storage::columns::token_columns!()
        )
    };
}

/// The columns that [`account`] reads, with the [groups](account_groups) behind them.
macro_rules! account_columns {
    () => {
        "a.id, a.user_name, a.user_name_key, a.object_id, a.object_id_exclusive, a.directory_active, a.hold_reason, a.hold_at, a.protected, \
         a.managed, a.version, a.created_at, a.updated_at, a.deleted_at, a.document, a.object_id_pinned"
    };
}

/// The columns that [`extension_schema`] reads.
macro_rules! extension_schema_columns {
    () => {
        "s.resource_type, s.definition, s.version"
    };
}

/// The groups of an account `a`, upwards through its memberships, as a JSON array of arrays; a cycle ends, for a row comes only once. Who is in no
/// group costs one look into an index. One more than [`GROUPS_MAX`](crate::accounts::GROUPS_MAX) tells that there are more. Each group of the way
/// has its tenant with it, so that PostgreSQL looks the next ones up by both and never reads all that the tenant has: see
/// [`keyed`](crate::storage::keyed).
macro_rules! account_groups {
    (sqlite) => {
        $crate::storage::columns::account_groups!(
            "json_group_array(json_array(lower(hex(x.id)), x.display_name, x.direct))"
        )
    };
    (postgres) => {
        $crate::storage::columns::account_groups!(
            "CAST(json_agg(json_build_array(x.id, x.display_name, x.direct)) AS TEXT)"
        )
    };
    ($aggregate:literal) => {
        concat!(
            "(CASE WHEN EXISTS (SELECT 1 FROM group_members m WHERE m.tenant_id = a.tenant_id AND m.member_id = a.id) THEN (
                 SELECT ", $aggregate, "
                 FROM (
                     WITH RECURSIVE up (tenant_id, group_id, direct) AS (
                         SELECT m.tenant_id, m.group_id, 1
                         FROM group_members m
                         WHERE m.tenant_id = a.tenant_id AND m.member_id = a.id
                         UNION
                         SELECT m.tenant_id, m.group_id, 0
                         FROM up
                         JOIN groups g ON g.tenant_id = up.tenant_id AND g.id = up.group_id AND g.deleted_at IS NULL
                         JOIN group_members m ON m.tenant_id = up.tenant_id AND m.member_id = up.group_id
                     )
                     SELECT g.id, g.display_name, MAX(up.direct) AS direct
                     FROM up
                     JOIN groups g ON g.tenant_id = up.tenant_id AND g.id = up.group_id AND g.deleted_at IS NULL
                     GROUP BY g.id, g.display_name
                     ORDER BY MAX(up.direct) DESC, g.id
                     LIMIT 1001
                 ) x
             ) END)"
        )
    };
}

/// The columns that [`log_entry`] reads.
macro_rules! log_entry_columns {
    () => {
        "e.id, e.at, e.operation, e.request, e.outcome, e.resource_type, e.resource_id, e.object_id, e.user_name, e.http_status, \
         e.scim_type, e.reason, e.detail, e.request_id, e.token_id, e.actor, e.changes, e.duration_us, e.justification, e.object_id_before, \
         e.object_id_after"
    };
}

/// The version of a group `a`: its own and those of its slots.
macro_rules! group_version {
    () => {
        "a.version + (SELECT CAST(SUM(v.version) AS BIGINT) FROM group_versions v WHERE v.tenant_id = a.tenant_id AND v.group_id = a.id)"
    };
}

/// When a group `a` or its members last changed.
macro_rules! group_updated_at {
    () => {
        "(SELECT CASE WHEN MAX(v.updated_at) > a.updated_at THEN MAX(v.updated_at) ELSE a.updated_at END
          FROM group_versions v WHERE v.tenant_id = a.tenant_id AND v.group_id = a.id)"
    };
}

/// The columns that [`group`] reads.
macro_rules! group_columns {
    () => {
        concat!(
            "a.id, a.display_name, a.display_name_key, a.object_id, a.version, ",
            $crate::storage::columns::group_version!(),
            ", a.created_at, ",
            $crate::storage::columns::group_updated_at!(),
            ", a.document"
        )
    };
}

pub(super) use {
    account_columns, account_groups, caller_columns, extension_schema_columns, group_columns,
    group_updated_at, group_version, log_entry_columns, tenant_columns, token_columns,
};

/// The columns of one row, taken from left to right. A seam: each engine has its own rows.
pub(super) trait Columns {
    /// Goes to the last column.
    fn last(&mut self);
    /// Whether the next column is NULL; if so, `width` columns are passed over.
    fn skip_if_null(&mut self, width: usize) -> Result<bool, sqlx::Error>;
    fn uuid(&mut self) -> Result<Uuid, sqlx::Error>;
    fn uuid_or_null(&mut self) -> Result<Option<Uuid>, sqlx::Error>;
    fn int(&mut self) -> Result<i64, sqlx::Error>;
    fn int_or_null(&mut self) -> Result<Option<i64>, sqlx::Error>;
    fn bool_or_null(&mut self) -> Result<Option<bool>, sqlx::Error>;
    fn text(&mut self) -> Result<String, sqlx::Error>;
    fn text_or_null(&mut self) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&mut self) -> Result<Vec<u8>, sqlx::Error>;

    fn bool(&mut self) -> Result<bool, sqlx::Error> {
        Ok(self.bool_or_null()?.unwrap_or(false))
    }

    fn time(&mut self) -> Result<Timestamp, sqlx::Error> {
        self.int().map(Timestamp::from_micros)
    }

    fn time_or_null(&mut self) -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(self.int_or_null()?.map(Timestamp::from_micros))
    }
}

/// A row and the column that comes next.
pub(super) struct Cursor<'r, R> {
    row: &'r R,
    next: usize,
}

impl<'r, R> Cursor<'r, R> {
    pub fn new(row: &'r R) -> Self {
        Self { row, next: 0 }
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }
}

macro_rules! columns {
    ($row:ty; $($method:ident -> $type:ty,)*) => {
        impl Columns for Cursor<'_, $row> {
            fn last(&mut self) {
                self.next = self.row.len() - 1;
            }

            fn skip_if_null(&mut self, width: usize) -> Result<bool, sqlx::Error> {
                use sqlx::ValueRef as _;
                let null = self.row.try_get_raw(self.next)?.is_null();
                self.next += if null { width } else { 0 };
                Ok(null)
            }

            $(fn $method(&mut self) -> Result<$type, sqlx::Error> {
                self.row.try_get(self.step())
            })*
        }
    };
    ($row:ty) => {
        columns! {
            $row;
            uuid -> Uuid,
            uuid_or_null -> Option<Uuid>,
            int -> i64,
            int_or_null -> Option<i64>,
            bool_or_null -> Option<bool>,
            text -> String,
            text_or_null -> Option<String>,
            bytes -> Vec<u8>,
        }
    };
}

columns!(SqliteRow);
columns!(PgRow);

/// Reads the columns of an outer join: `width` of them, the first of which is never NULL in a row that is there.
fn joined<C: Columns, T>(
    columns: &mut C,
    width: usize,
    read: impl FnOnce(&mut C) -> Result<T, StorageError>,
) -> Result<Option<T>, StorageError> {
    if columns.skip_if_null(width)? {
        Ok(None)
    } else {
        read(columns).map(Some)
    }
}

fn sha256(
    columns: &mut impl Columns,
    table: &'static str,
    column: &'static str,
) -> Result<[u8; 32], StorageError> {
    columns
        .bytes()?
        .try_into()
        .map_err(|_| StorageError::inconsistent(table, column))
}

pub(super) fn tenant(columns: &mut impl Columns) -> Result<Tenant, StorageError> {
    let inconsistent = |column| StorageError::inconsistent("tenants", column);
    Ok(Tenant {
        id: TenantId::from_uuid(columns.uuid()?),
        identifier: Identifier::parse(&columns.text()?)
            .ok_or_else(|| inconsistent("identifier"))?,
        display_name: columns.text()?,
        provisioning_enabled: columns.bool()?,
        settings: TenantSettings {
            dialect: Dialect::from_text(&columns.text()?).ok_or_else(|| inconsistent("dialect"))?,
            object_id_unique: columns.bool()?,
            tombstone_retention: duration(columns.int()?)
                .ok_or_else(|| inconsistent("tombstone_retention_us"))?,
            unknown_members: columns
                .text_or_null()?
                .map(|text| {
                    UnknownMembers::from_text(&text).ok_or_else(|| inconsistent("unknown_members"))
                })
                .transpose()?,
            group_display_name_unique: columns.bool_or_null()?,
            unknown_schemas: columns
                .text_or_null()?
                .map(|text| {
                    UnknownSchemas::from_text(&text).ok_or_else(|| inconsistent("unknown_schemas"))
                })
                .transpose()?,
            entra_job: match (columns.uuid_or_null()?, columns.text_or_null()?) {
                (Some(service_principal_id), Some(job_id)) => Some(EntraJob {
                    service_principal_id,
                    job_id,
                }),
                (None, None) => None,
                _ => return Err(inconsistent("entra_job_id")),
            },
            deprovision_guard: deprovision_guard(columns)?,
        },
        version: columns.int()?,
        schema_version: columns.int()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

/// Three columns; the guard is off where the first is NULL.
fn deprovision_guard(columns: &mut impl Columns) -> Result<Option<DeprovisionGuard>, StorageError> {
    let inconsistent = |column| StorageError::inconsistent("tenants", column);
    let window = columns.int_or_null()?;
    let count = columns.int_or_null()?.map(u32::try_from).transpose();
    let percent = columns.int_or_null()?.map(u32::try_from).transpose();
    let Some(window) = window else {
        return Ok(None);
    };
    Ok(Some(DeprovisionGuard {
        window: duration(window).ok_or_else(|| inconsistent("guard_window_us"))?,
        max_count: count.map_err(|_| inconsistent("guard_max_count"))?,
        max_percent: percent.map_err(|_| inconsistent("guard_max_percent"))?,
    }))
}

const TOKEN_WIDTH: usize = 11;

pub(super) fn token(columns: &mut impl Columns) -> Result<Token, StorageError> {
    Ok(Token {
        id: TokenId::from_text(columns.text()?),
        secret: SecretHash::from_bytes(sha256(columns, "scim_tokens", "secret_sha256")?),
        current: columns.bool()?,
        created_at: columns.time()?,
        created_by: columns.text()?,
        expires_at: columns.time_or_null()?,
        revoked_at: columns.time_or_null()?,
        replaced_by: columns.text_or_null()?.map(TokenId::from_text),
        replaced_at: columns.time_or_null()?,
        last_used_at: columns.time_or_null()?,
        last_used_from: columns.text_or_null()?,
    })
}

/// The tenant, and the token where there is one.
pub(super) fn caller(columns: &mut impl Columns) -> Result<Caller, StorageError> {
    Ok(Caller {
        tenant: tenant(columns)?,
        open_findings: columns.bool()?,
        token: joined(columns, TOKEN_WIDTH, token)?,
    })
}

const ACCOUNT_WIDTH: usize = 17;

pub(super) fn account(columns: &mut impl Columns) -> Result<Account, StorageError> {
    let id = AccountId::from_uuid(columns.uuid()?);
    Ok(Account {
        id,
        user_name: columns.text()?,
        user_name_key: columns.text()?,
        object_id: columns.text_or_null()?,
        object_id_exclusive: columns.bool()?,
        directory_active: columns.bool()?,
        hold: match (columns.text_or_null()?, columns.time_or_null()?) {
            (Some(reason), Some(at)) => Some(Hold { reason, at }),
            (None, None) => None,
            _ => return Err(StorageError::inconsistent("accounts", "hold_at")),
        },
        protected: columns.bool()?,
        managed: columns.bool()?,
        version: columns.int()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        deleted_at: columns.time_or_null()?,
        document: columns.text()?,
        object_id_pinned: columns.bool()?,
        groups: memberships(columns.text_or_null()?)?,
        shows: Shows::new(),
    })
}

/// Direct memberships first, then by name and id.
fn memberships(text: Option<String>) -> Result<Vec<Membership>, StorageError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let rows: Vec<(Option<Uuid>, Option<String>, Option<u8>)> = serde_json::from_str(&text)
        .map_err(|_| StorageError::inconsistent("group_members", "group_id"))?;
    let mut memberships: Vec<_> = rows
        .into_iter()
        .filter_map(|(id, display, direct)| {
            Some(Membership {
                group_id: GroupId::from_uuid(id?),
                display: display?,
                direct: direct? == 1,
            })
        })
        .collect();
    memberships.sort_by(|one, other| {
        let key = |membership: &Membership| {
            (
                !membership.direct,
                membership.display.clone(),
                membership.group_id,
            )
        };
        key(one).cmp(&key(other))
    });
    Ok(memberships)
}

/// The caller, and the account where there is one.
pub(super) fn caller_and_account<C: Columns>(
    columns: &mut C,
) -> Result<(Caller, Option<Account>), StorageError> {
    Ok((caller(columns)?, joined(columns, ACCOUNT_WIDTH, account)?))
}

const GROUP_WIDTH: usize = 9;

pub(super) fn group(columns: &mut impl Columns) -> Result<Group, StorageError> {
    Ok(Group {
        id: GroupId::from_uuid(columns.uuid()?),
        display_name: columns.text()?,
        display_name_key: columns.text()?,
        object_id: columns.text_or_null()?,
        own_version: columns.int()?,
        version: columns.int()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        document: columns.text()?,
        members: None,
        shows: Shows::new(),
    })
}

/// The caller, and the group where there is one.
pub(super) fn caller_and_group<C: Columns>(
    columns: &mut C,
) -> Result<(Caller, Option<Group>), StorageError> {
    Ok((caller(columns)?, joined(columns, GROUP_WIDTH, group)?))
}

/// A group and what it is sorted by, as text.
pub(super) type ListedGroup = (Group, Option<String>);

/// The caller, and the group with its sort value where there is one.
pub(super) fn listed_group<C: Columns>(
    columns: &mut C,
) -> Result<(Caller, Option<ListedGroup>), StorageError> {
    let (caller, group) = caller_and_group(columns)?;
    let sort_value = columns.text_or_null()?;
    Ok((caller, group.map(|group| (group, sort_value))))
}

/// A member and what it is sorted by, as text.
pub(super) fn listed_member(
    columns: &mut impl Columns,
) -> Result<(Member, Option<String>), StorageError> {
    Ok((member(columns)?, columns.text_or_null()?))
}

/// A candidate: its id, whether it is an account's, what it is called where it is anything, whether it is a member, and whether it is protected.
type CandidateRow = (Uuid, u8, Option<String>, u8, u8);

/// Which resource it is, and what it is sorted by.
pub(super) fn listed_resource(columns: &mut impl Columns) -> Result<ListedResource, StorageError> {
    let kind = match columns.int()? {
        0 => ResourceKind::Account,
        _ => ResourceKind::Group,
    };
    Ok(((kind, columns.uuid()?), columns.text_or_null()?))
}

/// The caller, the group where there is one, and the candidates for its members.
pub(super) fn caller_and_candidates<C: Columns>(
    columns: &mut C,
) -> Result<(Caller, Option<Group>, Vec<Candidate>), StorageError> {
    let (caller, group) = caller_and_group(columns)?;
    let inconsistent = || StorageError::inconsistent("group_members", "member_id");
    let rows: Vec<CandidateRow> = match columns.text_or_null()? {
        Some(text) => serde_json::from_str(&text).map_err(|_| inconsistent())?,
        None => Vec::new(),
    };
    let candidate = |(id, is_account, display, is_member, protected): CandidateRow| Candidate {
        id,
        member: display.map(|display| Member {
            id,
            kind: if is_account == 1 {
                MemberType::User
            } else {
                MemberType::Group
            },
            display,
        }),
        is_member: is_member == 1,
        protected: protected == 1,
    };
    Ok((caller, group, rows.into_iter().map(candidate).collect()))
}

pub(super) fn member(columns: &mut impl Columns) -> Result<Member, StorageError> {
    Ok(Member {
        id: columns.uuid()?,
        kind: MemberType::from_text(&columns.text()?)
            .ok_or(StorageError::inconsistent("group_members", "member_type"))?,
        display: columns.text()?,
    })
}

/// A group without members, and one of its members where the row has one.
pub(super) fn group_member<C: Columns>(
    columns: &mut C,
) -> Result<(GroupId, GroupMembers, Option<Member>), StorageError> {
    let id = GroupId::from_uuid(columns.uuid()?);
    let group = GroupMembers {
        own_version: columns.int()?,
        version: columns.int()?,
        updated_at: columns.time()?,
        members: Vec::new(),
    };
    Ok((id, group, joined(columns, 3, member)?))
}

/// An account and what it is sorted by, as text.
pub(super) type Listed = (Account, Option<String>);

/// The caller, and the account with its sort value where there is one.
pub(super) fn listed<C: Columns>(
    columns: &mut C,
) -> Result<(Caller, Option<Listed>), StorageError> {
    let (caller, account) = caller_and_account(columns)?;
    let sort_value = columns.text_or_null()?;
    Ok((caller, account.map(|account| (account, sort_value))))
}

pub(super) fn log_entry(columns: &mut impl Columns) -> Result<LogEntry, StorageError> {
    let inconsistent = |column| StorageError::inconsistent("log_entries", column);
    Ok(LogEntry {
        id: LogEntryId::from_uuid(columns.uuid()?),
        at: columns.time()?,
        operation: Operation::from_text(&columns.text()?)
            .ok_or_else(|| inconsistent("operation"))?,
        request: columns.text()?,
        outcome: Outcome::from_text(&columns.text()?).ok_or_else(|| inconsistent("outcome"))?,
        resource_type: ResourceType::from_text(&columns.text()?)
            .ok_or_else(|| inconsistent("resource_type"))?,
        resource_id: columns.text()?,
        object_id: columns.text()?,
        user_name: columns.text()?,
        http_status: columns
            .int()?
            .try_into()
            .map_err(|_| inconsistent("http_status"))?,
        scim_type: columns.text()?,
        reason: columns.text()?,
        detail: columns.text()?,
        request_id: columns.text()?,
        token_id: columns.text()?,
        actor: columns.text()?,
        changes: serde_json::from_str(&columns.text()?).map_err(|_| inconsistent("changes"))?,
        duration: duration(columns.int()?).ok_or_else(|| inconsistent("duration_us"))?,
        justification: columns.text()?,
        link_step: link_step(columns.text_or_null()?, columns.text_or_null()?)
            .map_err(|()| inconsistent("object_id_after"))?,
    })
}

/// An empty text stands for no Object ID.
fn link_step(before: Option<String>, after: Option<String>) -> Result<Option<LinkStep>, ()> {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    match (before, after) {
        (None, None) => Ok(None),
        (Some(before), Some(after)) => Ok(Some(LinkStep {
            before: filled(before),
            after: filled(after),
        })),
        _ => Err(()),
    }
}

pub(super) fn change(columns: &mut impl Columns) -> Result<Change, StorageError> {
    Ok(Change {
        id: ChangeId::from_uuid(columns.uuid()?),
        at: columns.time()?,
        kind: ChangeKind::from_text(&columns.text()?)
            .ok_or(StorageError::inconsistent("changes", "kind"))?,
        resource: Resource::from_parts(&columns.text()?, columns.uuid()?)
            .ok_or(StorageError::inconsistent("changes", "resource_type"))?,
        version: columns.int()?,
    })
}

const EXTENSION_SCHEMA_WIDTH: usize = 3;

fn extension_schema(columns: &mut impl Columns) -> Result<ExtensionSchema, StorageError> {
    let inconsistent = |column| StorageError::inconsistent("extension_schemas", column);
    let extends = Extended::from_text(&columns.text()?);
    let schema = serde_json::from_str(&columns.text()?);
    Ok(ExtensionSchema {
        extends: extends.ok_or_else(|| inconsistent("resource_type"))?,
        schema: Arc::new(schema.map_err(|_| inconsistent("definition"))?),
        version: columns.int()?,
    })
}

/// The caller, and an extension schema where there is one.
pub(super) fn caller_and_schema<C: Columns>(
    columns: &mut C,
) -> Result<(Caller, Option<ExtensionSchema>), StorageError> {
    let caller = caller(columns)?;
    Ok((
        caller,
        joined(columns, EXTENSION_SCHEMA_WIDTH, extension_schema)?,
    ))
}

/// What a receipt holds beside its key.
pub(super) fn answer(
    columns: &mut impl Columns,
) -> Result<([u8; 32], Vec<u8>, Timestamp), StorageError> {
    Ok((
        sha256(columns, "receipts", "body_sha256")?,
        columns.bytes()?,
        columns.time()?,
    ))
}

/// The number of a change, and the change.
pub(super) fn numbered_change(columns: &mut impl Columns) -> Result<(i64, Change), StorageError> {
    Ok((columns.int()?, change(columns)?))
}

pub(super) fn uuid(columns: &mut impl Columns) -> Result<Uuid, StorageError> {
    Ok(columns.uuid()?)
}

pub(super) fn int(columns: &mut impl Columns) -> Result<i64, StorageError> {
    Ok(columns.int()?)
}

/// A line of a plan: PostgreSQL's only column, or SQLite's last one of four.
pub(super) fn plan_step(columns: &mut impl Columns) -> Result<String, StorageError> {
    columns.last();
    Ok(columns.text()?)
}

fn duration(micros: i64) -> Option<Duration> {
    u64::try_from(micros).ok().map(Duration::from_micros)
}

/// A duration for storage, in whole microseconds.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::GROUPS_MAX;

    #[test]
    fn the_groups_of_an_account_are_ordered() {
        let row =
            |index: u128, name: &str, direct: u8| (Uuid::from_u128(index), name.to_owned(), direct);
        let rows = [
            row(1, "b", 1),
            row(4, "c", 0),
            row(3, "a", 0),
            row(2, "a", 0),
        ];
        let text = serde_json::to_string(&rows).expect("they have a JSON form");
        let found = memberships(Some(text)).expect("they are consistent");
        let ids: Vec<_> = found
            .iter()
            .map(|membership| membership.group_id.uuid().as_u128())
            .collect();
        assert_eq!(ids, [1, 2, 3, 4]);
        assert!(memberships(None).expect("there are none").is_empty());
        let limit = format!("LIMIT {}\n", GROUPS_MAX + 1);
        assert!(
            account_groups!(sqlite).contains(&limit) && account_groups!(postgres).contains(&limit)
        );
    }
}
