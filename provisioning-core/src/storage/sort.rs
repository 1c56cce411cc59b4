//! The only place where an order becomes SQL: what a row is sorted by, where a page goes on, and how the rows come in order.

use super::{
    PageKey,
    filter::{Bind, Columns, Engine, SortColumn, sqlite_path},
    statement::Statement,
};
use crate::attributes::order::{Order, SortKey, TEXT_CHARS_MAX};

/// What a row is sorted by beside its id, as SQL.
enum Value<'o> {
    /// Nothing.
    Absent,
    /// A column that is never NULL and that an index may hold in order.
    Indexed(&'static str),
    /// A whole number that is never NULL.
    Int(&'static str),
    /// The text in a column.
    Text(&'static str),
    /// What the search document holds.
    Document(&'o SortKey),
}

/// An order of the rows of one kind. Their table is `a`.
pub(super) struct Sorting<'o> {
    engine: Engine,
    columns: &'o Columns,
    value: Value<'o>,
    descending: bool,
}

impl<'o> Sorting<'o> {
    pub fn new(engine: Engine, columns: &'o Columns, order: &'o Order) -> Self {
        let value = match &order.by {
            None => Value::Absent,
            Some(key) => match columns.sort_column(&key.attribute) {
                Some(SortColumn::Indexed(sql)) => Value::Indexed(sql),
                Some(SortColumn::Int(sql)) => Value::Int(sql),
                Some(SortColumn::Text(sql)) => Value::Text(sql),
                None => Value::Document(key),
            },
        };
        Self {
            engine,
            columns,
            value,
            descending: order.descending,
        }
    }

    /// Appends the value that a row is sorted by.
    pub fn push_value<'s>(&self, statement: &'s mut Statement) -> &'s mut Statement {
        match self.value {
            Value::Absent => statement.push("CAST(NULL AS TEXT)"),
            Value::Indexed(sql) | Value::Int(sql) => statement.push(sql),
            Value::Text(sql) => {
                statement
                    .push("substr(CAST(")
                    .push(sql)
                    .push(" AS TEXT), 1, ");
                self.push_end_of_text(statement)
            }
            Value::Document(key) => {
                statement.push("substr(");
                match (self.columns.document(), self.engine) {
                    (None, _) => statement.push("NULL"),
                    (Some(document), Engine::Sqlite) => push_sqlite(statement, document, key),
                    (Some(document), Engine::Postgres) => push_postgres(statement, document, key),
                }
                .push(", 1, ");
                self.push_end_of_text(statement)
            }
        }
    }

    /// SQLite compares bytes. PostgreSQL would order by the language of the database, differently on each server.
    fn push_end_of_text<'s>(&self, statement: &'s mut Statement) -> &'s mut Statement {
        let length = i64::try_from(TEXT_CHARS_MAX).expect("it is a small number");
        statement
            .push("CAST(")
            .bind(Bind::Int(length))
            .push(" AS INTEGER))");
        match self.engine {
            Engine::Sqlite => statement,
            Engine::Postgres => statement.push(" COLLATE \"C\""),
        }
    }

    /// Appends the condition that a row is behind a place.
    pub fn push_after(&self, statement: &mut Statement, after: &PageKey) {
        let id = Bind::Uuid(after.id);
        let beyond = if self.descending { " < " } else { " > " };
        if matches!(self.value, Value::Absent) {
            statement.push(" AND a.id").push(beyond).bind(id);
            return;
        }
        let Some(value) = &after.value else {
            // Behind the last value come the rows without one when ascending, and all with one when descending.
            statement.push(" AND (");
            self.push_value(statement)
                .push(" IS NULL AND a.id")
                .push(beyond)
                .bind(id);
            if self.descending {
                statement.push(" OR ");
                self.push_value(statement).push(" IS NOT NULL");
            }
            statement.push(")");
            return;
        };
        statement.push(" AND ((");
        self.push_value(statement)
            .push(", a.id)")
            .push(beyond)
            .push("(");
        match self.value {
            Value::Int(_) => statement
                .push("CAST(")
                .bind(Bind::Text(value.clone()))
                .push(" AS BIGINT)"),
            Value::Absent | Value::Indexed(_) | Value::Text(_) | Value::Document(_) => {
                statement.bind(Bind::Text(value.clone()))
            }
        }
        .push(", ")
        .bind(id)
        .push(")");
        if !self.descending && self.may_be_null() {
            statement.push(" OR ");
            self.push_value(statement).push(" IS NULL");
        }
        statement.push(")");
    }

    /// Appends the order of the rows that have the value as `sort_value`. The engines agree on where NULL stands only when told, and where there
    /// is none, telling it keeps SQLite from using an index.
    pub fn push_order(&self, statement: &mut Statement) {
        statement.push(match (&self.value, self.descending) {
            (Value::Absent, false) => " ORDER BY a.id",
            (Value::Absent, true) => " ORDER BY a.id DESC",
            (Value::Indexed(_) | Value::Int(_), false) => " ORDER BY sort_value, a.id",
            (Value::Indexed(_) | Value::Int(_), true) => " ORDER BY sort_value DESC, a.id DESC",
            (Value::Text(_) | Value::Document(_), false) => {
                " ORDER BY sort_value ASC NULLS LAST, a.id"
            }
            (Value::Text(_) | Value::Document(_), true) => {
                " ORDER BY sort_value DESC NULLS FIRST, a.id DESC"
            }
        });
    }

    /// The same for rows of several types, of which this is one: in the others the value may stand elsewhere, or there may be none.
    pub fn push_common_order(&self, statement: &mut Statement) {
        let value = match (&self.value, self.engine) {
            (Value::Absent, _) => {
                self.push_order(statement);
                return;
            }
            (Value::Int(_), _) | (_, Engine::Sqlite) => " ORDER BY a.sort_value",
            (Value::Indexed(_) | Value::Text(_) | Value::Document(_), Engine::Postgres) => {
                " ORDER BY a.sort_value COLLATE \"C\""
            }
        };
        statement.push(value).push(if self.descending {
            " DESC NULLS FIRST, a.id DESC"
        } else {
            " ASC NULLS LAST, a.id"
        });
    }

    fn may_be_null(&self) -> bool {
        matches!(self.value, Value::Text(_) | Value::Document(_))
    }
}

/// The text or boolean that a search document holds, as text.
fn push_sqlite<'s>(
    statement: &'s mut Statement,
    document: &'static str,
    key: &SortKey,
) -> &'s mut Statement {
    let path = &key.attribute;
    let whole: Vec<_> = path.schema.iter().chain([&path.name]).collect();
    let part: Vec<_> = path.sub.iter().collect();
    let (document, list, part) = if path.many {
        ("e.value", Some(whole), part)
    } else {
        (document, None, [whole, part].concat())
    };
    let part = statement.keep(Bind::Text(sqlite_path(&part)));
    statement
        .push("(SELECT CASE json_type(")
        .push(document)
        .push(", ")
        .put(part)
        .push(") WHEN 'text' THEN json_extract(")
        .push(document)
        .push(", ")
        .put(part)
        .push(") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END");
    if let Some(list) = list {
        statement
            .push(" FROM json_each(a.search, ")
            .bind(Bind::Text(sqlite_path(&list)))
            .push(") e ORDER BY ");
        if key.has_primary {
            statement.push("json_type(e.value, '$.primary') IS 'true' DESC, ");
        }
        statement.push("e.key LIMIT 1");
    }
    statement.push(")")
}

/// The same on PostgreSQL.
fn push_postgres<'s>(
    statement: &'s mut Statement,
    document: &'static str,
    key: &SortKey,
) -> &'s mut Statement {
    let path = &key.attribute;
    statement.push(
        "(SELECT CASE WHEN jsonb_typeof(v.value) IN ('string', 'boolean') THEN v.value #>> '{}' END FROM (SELECT ",
    );
    statement.push(match (path.many, key.has_primary) {
        (false, _) => "l.value",
        (true, false) => "l.value -> 0",
        (true, true) => {
            "COALESCE(jsonb_path_query_first(l.value, '$[*] ? (@.primary == true)'), l.value -> 0)"
        }
    });
    if let Some(part) = &path.sub {
        statement.push(" -> ").bind(Bind::Text(part.clone()));
    }
    statement.push(" AS value FROM (SELECT ").push(document);
    for key in path.schema.iter().chain([&path.name]) {
        statement.push(" -> ").bind(Bind::Text(key.clone()));
    }
    statement.push(" AS value) l) v)")
}
