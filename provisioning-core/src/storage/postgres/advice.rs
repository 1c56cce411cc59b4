//! What the server, or what stands before it, does not give the service: it works without, but slowly, so its operator is told once at the start.

use sqlx::PgConnection;

use super::statistics;

/// Those of the settings `$1` that the session does not have with the values `$2`.
const NOT_IN_FORCE: &str = "
    SELECT w.name
    FROM UNNEST($1::TEXT[], $2::TEXT[]) w (name, setting)
    LEFT JOIN pg_settings s ON s.name = w.name
    WHERE s.setting IS DISTINCT FROM w.setting
    ORDER BY w.name";

/// Looks at a connection that was opened with these settings.
pub(super) async fn advise(
    connection: &mut PgConnection,
    settings: &[(&str, &str)],
) -> Result<(), sqlx::Error> {
    let (names, values): (Vec<&str>, Vec<&str>) = settings.iter().copied().unzip();
    let not_in_force: Vec<String> = sqlx::query_scalar(NOT_IN_FORCE)
        .bind(names)
        .bind(values)
        .fetch_all(&mut *connection)
        .await?;
    if !not_in_force.is_empty() {
        let wanted: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        tracing::warn!(
            "the database's sessions do not have the settings that they are opened with ({}), so statements may be planned badly or run without an \
             end: a connection pooler has to pass the startup parameter `options` on, or else give the database user ({}) with ALTER ROLE … SET",
            not_in_force.join(", "),
            wanted.join(", ")
        );
    }
    if !statistics::may_be_made(connection).await? {
        tracing::warn!(
            "the database user does not own the tables, so the planner's statistics are not made while they grow and a first synchronisation is \
             slow: let the user own them, or make it a member of the role that does (GRANT … TO …)"
        );
    }
    Ok(())
}
