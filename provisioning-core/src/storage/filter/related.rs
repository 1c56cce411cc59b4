//! Lists that stand in rows of their own: the members of a group, and the groups of an account.

use super::columns::{Column, Kind};
use crate::attributes::filter::{AttributePath, Comparison, Filter, Literal, Operator};

/// Members with what they are: `m` is the membership, `u` the account and `n` the group, one of which is there unless it is deleted.
macro_rules! member_rows {
    () => {
        "group_members m
         LEFT JOIN accounts u ON u.tenant_id = m.tenant_id AND u.id = m.member_id AND m.member_type = 'User' AND u.deleted_at IS NULL
         LEFT JOIN groups n ON n.tenant_id = m.tenant_id AND n.id = m.member_id AND m.member_type = 'Group' AND n.deleted_at IS NULL"
    };
}
pub(in crate::storage) use member_rows;

/// A list whose elements are rows.
#[derive(Debug)]
pub(super) struct Related {
    /// The attribute.
    attribute: &'static str,
    /// The elements of the row `a`, as a table.
    pub(super) rows: &'static str,
    /// All rows `a` with the element of one value, as a table: the text before the tenant, and those after each of the tenant's and the value's
    /// places.
    with_value: &'static [Part],
    columns: &'static [Column],
}

/// A part of a statement.
#[derive(Debug)]
pub(super) enum Part {
    /// A text.
    Sql(&'static str),
    /// The place of the tenant's id.
    Tenant,
    /// The place of the value.
    Value,
}
use Part::{Sql, Tenant, Value};

impl Related {
    pub(super) fn is(&self, path: &AttributePath) -> bool {
        path.schema.is_none() && path.name == self.attribute
    }

    pub(super) fn find(&self, path: &AttributePath) -> Option<&'static Column> {
        self.columns
            .iter()
            .find(|column| column.is_sub(self.attribute, path.sub.as_deref()))
    }

    /// The rows `a.id` that have an element of that value, as a table with the elements' columns and `row_id`.
    pub(super) fn with_value(&self, tenant: &str, value: &str) -> String {
        self.with_value
            .iter()
            .map(|part| match part {
                Sql(sql) => sql,
                Tenant => tenant,
                Value => value,
            })
            .collect()
    }
}

/// The value that an element must be equal to in order to satisfy the filter.
pub(super) fn pinned(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::Compare(Comparison {
            attribute,
            operator: Operator::Eq,
            literal: Literal::Text { compared, .. },
        }) if attribute.sub.as_deref() == Some("value") => Some(compared),
        Filter::And(filters) => filters.iter().find_map(pinned),
        _ => None,
    }
}

pub(super) const MEMBERS_OF_GROUP: &[Related] = &[Related {
    attribute: "members",
    rows: concat!(
        "(SELECT m.member_id AS id, m.member_type AS type, COALESCE(u.display_name_key, u.user_name_key, n.display_name_key) AS display_key
          FROM ",
        member_rows!(),
        " WHERE m.tenant_id = a.tenant_id AND m.group_id = a.id AND (u.id IS NOT NULL OR n.id IS NOT NULL)) e"
    ),
    with_value: &[
        Sql(concat!(
            "(SELECT m.group_id AS row_id, m.member_id AS id, m.member_type AS type,
                  COALESCE(u.display_name_key, u.user_name_key, n.display_name_key) AS display_key
              FROM ",
            member_rows!(),
            " WHERE m.tenant_id = "
        )),
        Tenant,
        Sql(" AND m.member_id = "),
        Value,
        Sql(" AND (u.id IS NOT NULL OR n.id IS NOT NULL)) e"),
    ],
    columns: &[
        Column::part("members", "value", "e.id", Kind::Uuid),
        Column::part("members", "type", "e.type", Kind::Word),
        Column::part("members", "display", "e.display_key", Kind::Text),
    ],
}];

/// Upwards from the account, and for one group downwards to the accounts. A cycle of groups ends, for a row comes only once.
pub(super) const GROUPS_OF_ACCOUNT: &[Related] = &[Related {
    attribute: "groups",
    rows: "(WITH RECURSIVE up (group_id, direct) AS (
                SELECT m.group_id, 1
                FROM group_members m
                JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id AND g.deleted_at IS NULL
                WHERE m.tenant_id = a.tenant_id AND m.member_id = a.id
                UNION
                SELECT m.group_id, 0
                FROM up
                JOIN group_members m ON m.tenant_id = a.tenant_id AND m.member_id = up.group_id
                JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id AND g.deleted_at IS NULL
            )
            SELECT g.id, g.display_name_key AS display_key, CASE MAX(up.direct) WHEN 1 THEN 'direct' ELSE 'indirect' END AS type
            FROM up
            JOIN groups g ON g.tenant_id = a.tenant_id AND g.id = up.group_id
            GROUP BY g.id, g.display_name_key) e",
    with_value: &[
        Sql("(WITH RECURSIVE down (member_id, direct) AS (
                SELECT m.member_id, 1
                FROM group_members m
                WHERE m.tenant_id = "),
        Tenant,
        Sql(" AND m.group_id = "),
        Value,
        Sql("   UNION
                SELECT m.member_id, 0
                FROM down d
                JOIN groups n ON n.tenant_id = "),
        Tenant,
        Sql("       AND n.id = d.member_id AND n.deleted_at IS NULL
                JOIN group_members m ON m.tenant_id = n.tenant_id AND m.group_id = n.id
            )
            SELECT d.member_id AS row_id, g.id, g.display_name_key AS display_key,
                CASE MAX(d.direct) WHEN 1 THEN 'direct' ELSE 'indirect' END AS type
            FROM down d
            CROSS JOIN groups g
            WHERE g.tenant_id = "),
        Tenant,
        Sql(" AND g.id = "),
        Value,
        Sql(" AND g.deleted_at IS NULL
            GROUP BY d.member_id, g.id, g.display_name_key) e"),
    ],
    columns: &[
        Column::part("groups", "value", "e.id", Kind::Uuid),
        Column::part("groups", "type", "e.type", Kind::Text),
        Column::part("groups", "display", "e.display_key", Kind::Text),
    ],
}];
