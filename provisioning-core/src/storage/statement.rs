//! The one place where SQL is put together while running: from texts that stand in the program, with every value bound.

use sqlx::{
    AssertSqlSafe, Postgres, Sqlite, postgres::PgArguments, query::Query, sqlite::SqliteArguments,
};

use super::filter::{self, Bind, Columns, bind_all};
use crate::attributes::filter::Filter;

/// A statement and the values of its `$1`, `$2`, ...
#[derive(Debug)]
pub(super) struct Statement {
    sql: String,
    binds: Vec<Bind>,
}

/// The number of a bound value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

impl Statement {
    /// A statement whose first values are bound already.
    pub fn with(binds: impl Into<Vec<Bind>>) -> Self {
        Self {
            sql: String::new(),
            binds: binds.into(),
        }
    }

    /// Appends a text of the program.
    pub fn push(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends the place of a value.
    pub fn bind(&mut self, bind: Bind) -> &mut Self {
        let place = self.keep(bind);
        self.put(place)
    }

    /// Binds a value whose place is then [`put`](Self::put), perhaps several times.
    pub fn keep(&mut self, bind: Bind) -> Place {
        self.binds.push(bind);
        Place(self.binds.len())
    }

    /// Appends the place of a value.
    pub fn put(&mut self, place: Place) -> &mut Self {
        self.sql.push('$');
        self.sql.push_str(&place.0.to_string());
        self
    }

    /// Appends a filter as a further condition.
    pub fn and_filter(
        &mut self,
        filter: Option<&Filter>,
        engine: filter::Engine,
        columns: &Columns,
    ) -> &mut Self {
        if let Some(filter) = filter {
            let compiled = filter::compile(filter, engine, columns, self.binds.len() + 1);
            self.sql.push_str(" AND ");
            self.sql.push_str(&compiled.sql);
            self.binds.extend(compiled.binds);
        }
        self
    }

    /// Asks for the engine's plan instead of the answer.
    pub fn explained(mut self, engine: filter::Engine) -> Self {
        self.sql.insert_str(
            0,
            match engine {
                filter::Engine::Sqlite => "EXPLAIN QUERY PLAN ",
                filter::Engine::Postgres => "EXPLAIN ",
            },
        );
        self
    }

    pub fn sqlite(&self) -> Query<'_, Sqlite, SqliteArguments> {
        // Safe: the text is of `push`, which takes texts of the program only, of numbers, and of the filter compiler, which binds its values.
        bind_all!(sqlx::query(AssertSqlSafe(self.sql.as_str())), &self.binds)
    }

    pub fn postgres(&self) -> Query<'_, Postgres, PgArguments> {
        // Safe for the same reason.
        bind_all!(sqlx::query(AssertSqlSafe(self.sql.as_str())), &self.binds)
    }
}
