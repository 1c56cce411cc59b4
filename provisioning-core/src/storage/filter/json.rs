//! How each engine looks into a search document.

/// A value in a document, as SQL.
pub(super) enum Json {
    /// A document as text and a parameter that holds the path.
    Sqlite { document: String, path: String },
    /// An expression of type JSONB.
    Postgres(String),
    /// No value.
    Absent,
}

/// A JSON path of quoted labels. Names cannot hold a quote or a backslash: [`resolve`](crate::attributes::resolve) refuses them.
pub(in crate::storage) fn sqlite_path(keys: &[&String]) -> String {
    keys.iter()
        .fold("$".to_owned(), |path, key| format!("{path}.\"{key}\""))
}

impl Json {
    pub(super) fn sqlite(document: &str, path: &str) -> Self {
        Self::Sqlite {
            document: document.to_owned(),
            path: path.to_owned(),
        }
    }

    pub(super) fn postgres(document: &str, keys: &[String]) -> Self {
        let steps = keys.iter().fold(document.to_owned(), |steps, key| {
            format!("{steps} -> {key}::text")
        });
        Self::Postgres(format!("({steps})"))
    }

    pub(super) fn absent() -> Self {
        Self::Absent
    }

    /// Never NULL.
    pub(super) fn is_present(&self) -> String {
        match self {
            Self::Sqlite { document, path } => {
                format!("(json_type({document}, {path}) IS NOT NULL)")
            }
            Self::Postgres(value) => format!("({value} IS NOT NULL)"),
            Self::Absent => "FALSE".to_owned(),
        }
    }

    /// Whether it is the boolean.
    pub(super) fn is(&self, expected: bool) -> String {
        match self {
            Self::Sqlite { document, path } => {
                format!("(json_type({document}, {path}) = '{expected}')")
            }
            Self::Postgres(value) => format!("({value} = '{expected}'::jsonb)"),
            Self::Absent => "FALSE".to_owned(),
        }
    }

    /// Its text, if it is one.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Sqlite { document, path } => format!("json_extract({document}, {path})"),
            Self::Postgres(value) => format!("({value} #>> '{{}}')"),
            Self::Absent => "NULL".to_owned(),
        }
    }

    /// A predicate about [`text`](Self::text) that holds only if it is one.
    pub(super) fn if_text(&self, predicate: &str) -> String {
        match self {
            Self::Sqlite { document, path } => {
                format!("(json_type({document}, {path}) = 'text' AND {predicate})")
            }
            Self::Postgres(value) => format!("(jsonb_typeof({value}) = 'string' AND {predicate})"),
            Self::Absent => "FALSE".to_owned(),
        }
    }

    /// The elements, if it is a list, as rows `e` with the column `value`.
    pub(super) fn elements(&self) -> String {
        match self {
            Self::Sqlite { document, path } => format!("json_each({document}, {path}) e"),
            Self::Postgres(value) => format!(
                "jsonb_array_elements(CASE jsonb_typeof({value}) WHEN 'array' THEN {value} END) e(value)"
            ),
            Self::Absent => "(SELECT NULL AS value WHERE FALSE) e".to_owned(),
        }
    }
}
