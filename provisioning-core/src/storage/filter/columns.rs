//! Which attributes have columns of their own.

use super::{
    Engine,
    related::{GROUPS_OF_ACCOUNT, MEMBERS_OF_GROUP, Related},
};
use crate::{
    attributes::{filter::AttributePath, schema::ENTERPRISE_URN},
    storage::columns::{group_updated_at, group_version},
};

/// Where the attributes of a kind of rows stand.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    attributes: &'static [Column],
    /// The column of search documents.
    pub(super) document: Option<&'static str>,
    /// Lists that stand in rows of their own.
    related: &'static [Related],
    /// SQL for the tenant's id that does not depend on the row.
    pub(super) tenant: Option<&'static str>,
}

impl Columns {
    /// Accounts, as `a`. `tenant` is SQL for the tenant's id that does not depend on the row: a parameter or a sub-query.
    pub const fn accounts(tenant: &'static str) -> Self {
        Self {
            attributes: ACCOUNTS,
            document: Some("a.search"),
            related: GROUPS_OF_ACCOUNT,
            tenant: Some(tenant),
        }
    }

    /// Groups, as `a`, with `tenant` as in [`accounts`](Self::accounts).
    pub const fn groups(tenant: &'static str) -> Self {
        Self {
            attributes: GROUPS,
            document: Some("a.search"),
            related: MEMBERS_OF_GROUP,
            tenant: Some(tenant),
        }
    }

    /// Members of one group, as `a`.
    pub const fn members() -> Self {
        Self {
            attributes: MEMBERS,
            document: None,
            related: &[],
            tenant: None,
        }
    }

    /// Entries of the provisioning log, as `e`.
    pub const fn log_entries() -> Self {
        Self {
            attributes: LOG_ENTRIES,
            document: None,
            related: &[],
            tenant: None,
        }
    }

    /// The column of search documents.
    pub(in crate::storage) const fn document(&self) -> Option<&'static str> {
        self.document
    }

    /// What stands in a column and is sorted by that column.
    pub(in crate::storage) fn sort_column(&self, path: &AttributePath) -> Option<SortColumn> {
        self.find(path).map(|column| match column.kind {
            _ if column.ordered => SortColumn::Indexed(column.sql),
            Kind::Micros | Kind::Int => SortColumn::Int(column.sql),
            // The digits of a version order as its entity tag does.
            Kind::Text | Kind::Word | Kind::Uuid | Kind::Version => SortColumn::Text(column.sql),
        })
    }

    /// The list of that name, where it stands in rows of its own.
    pub(super) fn related(&self, path: &AttributePath) -> Option<&'static Related> {
        self.related.iter().find(|related| related.is(path))
    }

    pub(super) fn find(&self, path: &AttributePath) -> Option<&'static Column> {
        self.attributes.iter().find(|column| {
            column.attribute
                == (
                    path.schema.as_deref(),
                    path.name.as_str(),
                    path.sub.as_deref(),
                )
        })
    }
}

/// How rows are sorted by a column.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) enum SortColumn {
    /// As it is: it is never NULL, and an index may hold the rows in its order.
    Indexed(&'static str),
    /// As a whole number that is never NULL.
    Int(&'static str),
    /// As a text.
    Text(&'static str),
}

/// An attribute and its column.
#[derive(Debug)]
pub(super) struct Column {
    /// URN, attribute, sub-attribute.
    attribute: (Option<&'static str>, &'static str, Option<&'static str>),
    pub(super) sql: &'static str,
    pub(super) kind: Kind,
    /// An empty text stands for no value.
    pub(super) empty_is_none: bool,
    /// It is never NULL, and an index holds the rows in its order.
    ordered: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text that the search document would hold.
    Text,
    /// An ASCII keyword of ours, compared without regard to case.
    Word,
    /// A UUID.
    Uuid,
    /// Microseconds since 1970.
    Micros,
    /// A whole number.
    Int,
    /// A number of which the entity tag is the text in quotes.
    Version,
}

impl Column {
    const fn new(attribute: &'static str, sql: &'static str, kind: Kind) -> Self {
        Self {
            attribute: (None, attribute, None),
            sql,
            kind,
            empty_is_none: false,
            ordered: false,
        }
    }

    const fn meta(sub: &'static str, sql: &'static str, kind: Kind) -> Self {
        Self {
            attribute: (None, "meta", Some(sub)),
            sql,
            kind,
            empty_is_none: false,
            ordered: false,
        }
    }

    const fn log(attribute: &'static str, sql: &'static str, kind: Kind) -> Self {
        Self {
            attribute: (None, attribute, None),
            sql,
            kind,
            empty_is_none: matches!(kind, Kind::Text | Kind::Word),
            ordered: false,
        }
    }

    const fn ordered(self) -> Self {
        Self {
            ordered: true,
            ..self
        }
    }

    /// A part of an element that is a row.
    pub(super) const fn part(
        attribute: &'static str,
        sub: &'static str,
        sql: &'static str,
        kind: Kind,
    ) -> Self {
        Self {
            attribute: (None, attribute, Some(sub)),
            sql,
            kind,
            empty_is_none: false,
            ordered: false,
        }
    }

    pub(super) fn is_sub(&self, attribute: &str, sub: Option<&str>) -> bool {
        self.attribute == (None, attribute, sub)
    }

    /// The column as the text that filters compare.
    pub(super) fn text(&self, engine: Engine) -> String {
        let sql = self.sql;
        match (self.kind, engine) {
            (Kind::Text | Kind::Micros | Kind::Int, _) => sql.to_owned(),
            // The only folding by a database: ASCII, in PostgreSQL by the rules of no language.
            (Kind::Word, Engine::Sqlite) => format!("lower({sql})"),
            (Kind::Word, Engine::Postgres) => format!("lower({sql} COLLATE \"C\")"),
            (Kind::Version, _) => format!("('\"' || CAST({sql} AS TEXT) || '\"')"),
            (Kind::Uuid, Engine::Postgres) => format!("CAST({sql} AS TEXT)"),
            (Kind::Uuid, Engine::Sqlite) => {
                let part = |start, length| format!("lower(hex(substr({sql}, {start}, {length})))");
                format!(
                    "({} || '-' || {} || '-' || {} || '-' || {} || '-' || {})",
                    part(1, 4),
                    part(5, 2),
                    part(7, 2),
                    part(9, 2),
                    part(11, 6)
                )
            }
        }
    }
}

const ACCOUNTS: &[Column] = &[
    Column::new("id", "a.id", Kind::Uuid),
    Column::new("userName", "a.user_name_key", Kind::Text).ordered(),
    Column::new("externalId", "a.object_id", Kind::Text),
    Column::new("displayName", "a.display_name_key", Kind::Text),
    Column {
        attribute: (Some(ENTERPRISE_URN), "employeeNumber", None),
        sql: "a.employee_number_key",
        kind: Kind::Text,
        empty_is_none: false,
        ordered: false,
    },
    Column::meta("created", "a.created_at", Kind::Micros),
    Column::meta("lastModified", "a.updated_at", Kind::Micros),
    Column::meta("version", "a.version", Kind::Version),
];

const GROUPS: &[Column] = &[
    Column::new("id", "a.id", Kind::Uuid),
    Column::new("displayName", "a.display_name_key", Kind::Text).ordered(),
    Column::new("externalId", "a.object_id", Kind::Text),
    Column::meta("created", "a.created_at", Kind::Micros),
    Column::meta("lastModified", group_updated_at!(), Kind::Micros),
    Column::meta(
        "version",
        concat!("(", group_version!(), ")"),
        Kind::Version,
    ),
];

/// By the names of a list of members, and by those of a path into a group.
const MEMBERS: &[Column] = &[
    Column::new("value", "a.id", Kind::Uuid),
    Column::new("type", "a.member_type", Kind::Word),
    Column::new("display", "a.display_key", Kind::Text),
    Column::part("members", "value", "a.id", Kind::Uuid),
    Column::part("members", "type", "a.member_type", Kind::Word),
    Column::part("members", "display", "a.display_key", Kind::Text),
];

const LOG_ENTRIES: &[Column] = &[
    Column::log("id", "e.id", Kind::Uuid),
    Column::log("time", "e.at", Kind::Micros),
    Column::log("operation", "e.operation", Kind::Word),
    Column::log("outcome", "e.outcome", Kind::Word),
    Column::log("resourceType", "e.resource_type", Kind::Word),
    Column::log("resourceId", "e.resource_id", Kind::Text),
    Column::log("objectId", "e.object_id", Kind::Text),
    Column::log("userName", "e.user_name_key", Kind::Text),
    Column::log("httpStatus", "e.http_status", Kind::Int),
    Column::log("scimType", "e.scim_type", Kind::Word),
    Column::log("reason", "e.reason", Kind::Word),
    Column::log("detail", "e.detail", Kind::Text),
    Column::log("requestId", "e.request_id", Kind::Text),
    Column::log("tokenId", "e.token_id", Kind::Text),
    Column::log("actor", "e.actor", Kind::Text),
    Column::log("justification", "e.justification", Kind::Text),
];
