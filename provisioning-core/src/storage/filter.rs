//! The only place where a filter becomes SQL. It means what [`evaluate`](crate::attributes::filter::evaluate) means; a property
//! compares the two on both engines.
//!
//! Nothing of a filter reaches the text of a statement: literals and JSON names are bound, columns come from the tables in
//! [`columns`](Columns). An attribute with a column is asked for there, so that the column's index serves it; every other one in the
//! JSON column of search documents. NULL counts as false, so a predicate may be NULL unless it stands under a NOT, where it is made
//! two-valued. The bounds on filters keep expressions below SQLite's limit of 1,000 levels.

mod columns;
mod json;
mod related;

use uuid::Uuid;

pub use self::columns::Columns;
pub(super) use self::{columns::SortColumn, json::sqlite_path, related::member_rows};
use self::{
    columns::{Column, Kind},
    json::Json,
    related::{Related, pinned},
};
use crate::attributes::{
    filter::{AttributePath, Comparison, Filter, Literal, Operator},
    open,
};

/// Whose SQL is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, with the search document as TEXT.
    Sqlite,
    /// PostgreSQL, with the search document as JSONB.
    Postgres,
}

/// A predicate and the values of its parameters, in order from the first bind on.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// A boolean expression in parentheses.
    pub sql: String,
    /// What to bind.
    pub binds: Vec<Bind>,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// An id.
    Uuid(Uuid),
}

/// Binds values to a query of either engine.
macro_rules! bind_all {
    ($query:expr, $binds:expr) => {{
        let mut query = $query;
        for bind in $binds {
            query = match bind {
                $crate::storage::filter::Bind::Text(text) => query.bind(text.as_str()),
                $crate::storage::filter::Bind::Int(number) => query.bind(*number),
                $crate::storage::filter::Bind::Bool(value) => query.bind(*value),
                $crate::storage::filter::Bind::Uuid(id) => query.bind(*id),
            };
        }
        query
    }};
}
pub(super) use bind_all;

/// Compiles a filter. Its parameters are `$first_bind` and on.
pub fn compile(filter: &Filter, engine: Engine, columns: &Columns, first_bind: usize) -> Compiled {
    let mut compiler = Compiler {
        engine,
        columns,
        first_bind,
        binds: Vec::new(),
    };
    let sql = compiler.filter(filter, Place::Resource, false);
    Compiled {
        sql: format!("({sql})"),
        binds: compiler.binds,
    }
}

/// Where an attribute is looked for.
#[derive(Clone, Copy)]
enum Place {
    /// In a row.
    Resource,
    /// In the element `e` of a list.
    Element,
    /// In the element `e` of a list whose elements are rows.
    Row(&'static Related),
}

impl Place {
    const fn is_resource(self) -> bool {
        matches!(self, Self::Resource)
    }
}

struct Compiler<'c> {
    engine: Engine,
    columns: &'c Columns,
    first_bind: usize,
    binds: Vec<Bind>,
}

impl Compiler<'_> {
    fn bind(&mut self, bind: Bind) -> String {
        self.binds.push(bind);
        format!("${}", self.first_bind + self.binds.len() - 1)
    }

    /// `two_valued`: the result must not be NULL.
    fn filter(&mut self, filter: &Filter, place: Place, two_valued: bool) -> String {
        match filter {
            Filter::And(filters) => self.join(filters, " AND ", place, two_valued),
            Filter::Or(filters) => self.join(filters, " OR ", place, two_valued),
            Filter::Not(filter) => format!("NOT {}", self.filter(filter, place, true)),
            Filter::Present(path) => self.present(path, place),
            Filter::Compare(comparison) => self.comparison(comparison, place, two_valued),
            Filter::Element(path, filter) => match self.email(path, filter) {
                Some(sql) => sql,
                None => self.exists(path, pinned(filter), |compiler, place| {
                    compiler.filter(filter, place, false)
                }),
            },
        }
    }

    fn join(&mut self, filters: &[Filter], word: &str, place: Place, two_valued: bool) -> String {
        let parts: Vec<_> = filters
            .iter()
            .map(|filter| self.filter(filter, place, two_valued))
            .collect();
        format!("({})", parts.join(word))
    }

    /// Never NULL.
    fn present(&mut self, path: &AttributePath, place: Place) -> String {
        if let Some(column) = self.column(path, place) {
            return if column.empty_is_none {
                format!("({} <> '')", column.sql)
            } else {
                format!("({} IS NOT NULL)", column.sql)
            };
        }
        match &path.sub {
            Some(_) if path.many && place.is_resource() => {
                self.exists(path, None, |compiler, place| compiler.present(path, place))
            }
            None if place.is_resource() && self.columns.related(path).is_some() => {
                self.exists(path, None, |_, _| "TRUE".to_owned())
            }
            _ => self.json(path, place).is_present(),
        }
    }

    fn comparison(&mut self, comparison: &Comparison, place: Place, two_valued: bool) -> String {
        let Comparison {
            attribute,
            operator,
            literal,
        } = comparison;
        match (operator, literal) {
            (Operator::Eq, Literal::Null) => format!("NOT {}", self.present(attribute, place)),
            (Operator::Ne, Literal::Null) => self.present(attribute, place),
            (Operator::Ne, _) => format!(
                "NOT {}",
                self.compare(attribute, Operator::Eq, literal, place, true)
            ),
            _ => self.compare(attribute, *operator, literal, place, two_valued),
        }
    }

    fn compare(
        &mut self,
        path: &AttributePath,
        operator: Operator,
        literal: &Literal,
        place: Place,
        two_valued: bool,
    ) -> String {
        if let (Literal::Text { compared, .. }, Operator::Eq, Place::Resource, true) =
            (literal, operator, place, is_email(path, "value"))
        {
            let compared = compared.clone();
            if let Some(sql) = self.emails(&[("value_key", compared)]) {
                return sql;
            }
        }
        let sql = if let Some(column) = self.column(path, place) {
            self.compare_column(column, operator, literal)
        } else if path.many && place.is_resource() {
            let value = match (operator, path.sub.as_deref(), literal) {
                (Operator::Eq, Some("value"), Literal::Text { compared, .. }) => Some(&**compared),
                _ => None,
            };
            return self.exists(path, value, |compiler, place| {
                compiler.compare(path, operator, literal, place, false)
            });
        } else {
            let json = self.json(path, place);
            match literal {
                Literal::Null => "FALSE".to_owned(),
                Literal::Boolean(value) => json.is(*value),
                Literal::Number(number) => {
                    self.compare_json_text(&json, operator, open::order(number))
                }
                Literal::Text { compared, .. } => {
                    self.compare_json_text(&json, operator, compared.clone())
                }
                Literal::Time(time) => self.compare_json_text(&json, operator, time.to_string()),
            }
        };
        if two_valued {
            format!("COALESCE({sql}, FALSE)")
        } else {
            sql
        }
    }

    fn compare_json_text(&mut self, json: &Json, operator: Operator, text: String) -> String {
        let bind = self.bind(Bind::Text(text));
        json.if_text(&self.compare_text(&json.text(), operator, &bind))
    }

    fn compare_column(&mut self, column: &Column, operator: Operator, literal: &Literal) -> String {
        let sign = compare_sign(operator);
        match (column.kind, literal) {
            (Kind::Micros, Literal::Time(time)) => format!(
                "({} {sign} {})",
                column.sql,
                self.bind(Bind::Int(time.micros()))
            ),
            (Kind::Int, Literal::Number(number)) => match number.as_i64() {
                Some(number) => format!("({} {sign} {})", column.sql, self.bind(Bind::Int(number))),
                None => "FALSE".to_owned(),
            },
            (Kind::Uuid, Literal::Text { compared, .. }) if operator == Operator::Eq => {
                match canonical_id(compared) {
                    Some(id) => format!("({} = {})", column.sql, self.bind(Bind::Uuid(id))),
                    None => "FALSE".to_owned(),
                }
            }
            (
                Kind::Text | Kind::Word | Kind::Uuid | Kind::Version,
                Literal::Text { compared, .. },
            ) => {
                let bind = self.bind(Bind::Text(compared.clone()));
                let mut sql = column.text(self.engine);
                if column.empty_is_none && operator != Operator::Eq {
                    sql = format!("NULLIF({sql}, '')");
                }
                self.compare_text(&sql, operator, &bind)
            }
            // The parser gives every literal its attribute's type.
            _ => "FALSE".to_owned(),
        }
    }

    /// Without LIKE, whose wildcards and folding differ from engine to engine.
    fn compare_text(&self, value: &str, operator: Operator, bind: &str) -> String {
        match (operator, self.engine) {
            (Operator::Eq | Operator::Ne, _) => format!("({value} = {bind})"),
            (Operator::Co, Engine::Sqlite) => format!("(instr({value}, {bind}) > 0)"),
            (Operator::Co, Engine::Postgres) => format!("(strpos({value}, {bind}) > 0)"),
            (Operator::Sw, _) => format!("(substr({value}, 1, length({bind})) = {bind})"),
            (Operator::Ew, _) => {
                format!("(substr({value}, length({value}) - length({bind}) + 1) = {bind})")
            }
            // SQLite compares bytes. PostgreSQL would order by the language of the database, differently on each server.
            (Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le, Engine::Sqlite) => {
                format!("({value} {} {bind})", compare_sign(operator))
            }
            (Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le, Engine::Postgres) => {
                format!("({value} COLLATE \"C\" {} {bind})", compare_sign(operator))
            }
        }
    }

    fn column(&self, path: &AttributePath, place: Place) -> Option<&'static Column> {
        match place {
            Place::Resource => self.columns.find(path),
            Place::Element => None,
            Place::Row(related) => related.find(path),
        }
    }

    fn json(&mut self, path: &AttributePath, place: Place) -> Json {
        let (base, keys): (_, Vec<_>) = match place {
            Place::Row(_) => return Json::absent(),
            Place::Element => ("e.value", path.sub.iter().collect()),
            Place::Resource => {
                let Some(document) = self.columns.document else {
                    return Json::absent();
                };
                (
                    document,
                    path.schema
                        .iter()
                        .chain([&path.name])
                        .chain(&path.sub)
                        .collect(),
                )
            }
        };
        self.json_at(base, &keys)
    }

    fn json_at(&mut self, base: &str, keys: &[&String]) -> Json {
        match self.engine {
            Engine::Sqlite => {
                let path = self.bind(Bind::Text(sqlite_path(keys)));
                Json::sqlite(base, &path)
            }
            Engine::Postgres => {
                let binds: Vec<_> = keys
                    .iter()
                    .map(|key| self.bind(Bind::Text((*key).clone())))
                    .collect();
                Json::postgres(base, &binds)
            }
        }
    }

    /// One element of the list satisfies a predicate, for which its value must be the one given, if any is. Never NULL.
    fn exists(
        &mut self,
        path: &AttributePath,
        value: Option<&str>,
        predicate: impl FnOnce(&mut Self, Place) -> String,
    ) -> String {
        if let Some(related) = self.columns.related(path) {
            let place = Place::Row(related);
            let id = value.and_then(canonical_id);
            return match (self.columns.tenant, id) {
                // Uncorrelated, so that both engines begin with the index of the values.
                (Some(tenant), Some(id)) => {
                    let value = self.bind(Bind::Uuid(id));
                    let rows = related.with_value(tenant, &value);
                    format!(
                        "a.id IN (SELECT e.row_id FROM {rows} WHERE {})",
                        predicate(self, place)
                    )
                }
                _ => format!(
                    "EXISTS (SELECT 1 FROM {} WHERE {})",
                    related.rows,
                    predicate(self, place)
                ),
            };
        }
        let Some(document) = self.columns.document else {
            return "FALSE".to_owned();
        };
        let keys: Vec<_> = path.schema.iter().chain([&path.name]).collect();
        let elements = self.json_at(document, &keys).elements();
        format!(
            "EXISTS (SELECT 1 FROM {elements} WHERE {})",
            predicate(self, Place::Element)
        )
    }

    /// `emails[type eq "work" and value eq "a@b.c"]` from the table of mail addresses.
    fn email(&mut self, path: &AttributePath, filter: &Filter) -> Option<String> {
        if path.name != "emails" || path.schema.is_some() {
            return None;
        }
        let terms = match filter {
            Filter::And(terms) => terms.as_slice(),
            other => std::slice::from_ref(other),
        };
        let keys: Option<Vec<_>> = terms.iter().map(email_key).collect();
        let keys = keys.filter(|keys| keys.iter().any(|(column, _)| *column == "value_key"))?;
        self.emails(&keys)
    }

    /// Uncorrelated, so that both engines begin with the index of the mail addresses. Never NULL.
    fn emails(&mut self, keys: &[(&'static str, String)]) -> Option<String> {
        let tenant = self.columns.tenant?;
        let mut sql = format!(
            "a.id IN (SELECT m.account_id FROM account_emails m WHERE m.tenant_id = {tenant}"
        );
        for (column, key) in keys {
            let bind = self.bind(Bind::Text(key.clone()));
            sql = format!("{sql} AND m.{column} = {bind}");
        }
        Some(sql + ")")
    }
}

/// Other ways to write the same UUID are other texts, and an id is compared as text.
fn canonical_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| id.to_string() == text)
}

fn is_email(path: &AttributePath, sub: &str) -> bool {
    path.schema.is_none() && path.name == "emails" && path.sub.as_deref() == Some(sub)
}

fn email_key(term: &Filter) -> Option<(&'static str, String)> {
    let Filter::Compare(Comparison {
        attribute,
        operator: Operator::Eq,
        literal: Literal::Text { compared, .. },
    }) = term
    else {
        return None;
    };
    let column = if is_email(attribute, "value") {
        "value_key"
    } else if is_email(attribute, "type") {
        "type_key"
    } else {
        return None;
    };
    Some((column, compared.clone()))
}

const fn compare_sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Gt => ">",
        Operator::Ge => ">=",
        Operator::Lt => "<",
        Operator::Le => "<=",
        Operator::Eq | Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => "=",
    }
}

#[cfg(test)]
mod tests;
