//! `provisiond logs`: the provisioning log of a tenant, newest first.

use provisioning_proto::admin::v1::{
    ListLogEntriesRequest, LogEntry, Operation, Outcome, log_service_client::LogServiceClient,
};
use serde_json::{Value, json};

use crate::{
    client::{Connection, Session, explain},
    output::{self, Column, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE_MAX: usize = 200;

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    /// The tenant's Subscriber Identifier
    identifier: String,
    /// Which entries, in SCIM's filter grammar: outcome eq "failure" and userName eq "a@b.c"
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Shows it.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut client = LogServiceClient::new(args.connection.open().await?);
    let entries = list(
        &mut client,
        &args.identifier,
        args.filter.as_deref().unwrap_or_default(),
        args.limit,
    )
    .await?;
    if args.json {
        for entry in &entries {
            output::line(to_json(entry))?;
        }
    } else {
        output::line(table(&entries))?;
    }
    Ok(())
}

/// Reads the newest entries.
pub async fn list(
    client: &mut LogServiceClient<Session>,
    tenant: &str,
    filter: &str,
    limit: usize,
) -> anyhow::Result<Vec<LogEntry>> {
    let mut entries = Vec::new();
    let mut page_token = String::new();
    while entries.len() < limit {
        let page_size =
            i32::try_from((limit - entries.len()).min(PAGE_SIZE_MAX)).expect("at most a page");
        let request = ListLogEntriesRequest {
            tenant: tenant.to_owned(),
            filter: filter.to_owned(),
            page_size,
            page_token,
        };
        let page = client
            .list_log_entries(request)
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        entries.extend(page.log_entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(entries)
}

/// The entries for people.
pub fn table(entries: &[LogEntry]) -> String {
    let columns = [
        Column::Fixed("time"),
        Column::Fixed("operation"),
        Column::Fixed("outcome"),
        Column::Fixed("status"),
        Column::Text("user name"),
        Column::Text("detail"),
    ];
    let row = |entry: &LogEntry| {
        vec![
            short_time(entry.time.as_ref()),
            operation(entry),
            outcome(entry).to_owned(),
            entry.http_status.to_string(),
            shown(&entry.user_name),
            shown(said(entry)),
        ]
    };
    output::table(&columns, &entries.iter().map(row).collect::<Vec<_>>())
}

/// What there is to read of an entry, the most telling first.
fn said(entry: &LogEntry) -> &str {
    [&entry.detail, &entry.justification, &entry.request]
        .into_iter()
        .find(|text| !text.is_empty())
        .map_or("", String::as_str)
}

/// What was asked for, as filters write it.
pub fn operation(entry: &LogEntry) -> String {
    Operation::try_from(entry.operation)
        .map_or("unknown", |operation| {
            operation.as_str_name().trim_start_matches("OPERATION_")
        })
        .to_lowercase()
}

/// How it ended, as filters write it.
pub fn outcome(entry: &LogEntry) -> &'static str {
    match entry.outcome() {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Unspecified => "unknown",
    }
}

fn to_json(entry: &LogEntry) -> Value {
    let changes: Vec<Value> = entry
        .changes
        .iter()
        .map(|change| json!({"attribute": change.attribute, "old": change.old_value, "new": change.new_value}))
        .collect();
    json!({
        "id": entry.id,
        "time": time(entry.time.as_ref()),
        "operation": operation(entry),
        "request": entry.request,
        "outcome": outcome(entry),
        "resource_type": entry.resource_type,
        "resource_id": entry.resource_id,
        "object_id": entry.object_id,
        "user_name": entry.user_name,
        "http_status": entry.http_status,
        "scim_type": entry.scim_type,
        "reason": entry.reason,
        "detail": entry.detail,
        "request_id": entry.request_id,
        "token_id": entry.token_id,
        "actor": entry.actor,
        "justification": entry.justification,
        "changes": changes,
    })
}
