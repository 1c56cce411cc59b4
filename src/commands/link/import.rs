//! `provisiond link import`: links the accounts of a CSV file.

use std::{io::Read, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail, ensure};
use provisioning_core::links::LINES_MAX;
use provisioning_proto::admin::v1::{
    BulkLinkLine, BulkLinkObjectIdsRequest, BulkLinkObjectIdsResponse, BulkLinkOptions,
    BulkLinkOutcome, bulk_link_object_ids_request::Message, link_service_client::LinkServiceClient,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Common;
use crate::{
    client::explain,
    output::{self, Column, shown},
};

/// What the command line says.
#[derive(clap::Args)]
pub struct Import {
    /// The CSV file; its first line names the columns, `user_name` and `object_id` among them
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Tells what would become of each line, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Why; kept in the link history and in the provisioning log
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

/// A row of the file. Other columns may be there.
#[derive(Deserialize)]
struct Row {
    user_name: String,
    object_id: String,
}

/// How many lines ended how.
#[derive(Default)]
struct Count {
    linked: usize,
    unchanged: usize,
    failed: usize,
}

/// Does it. Fails when a line did.
pub async fn run(args: Import) -> anyhow::Result<ExitCode> {
    let file = std::fs::File::open(&args.file)
        .with_context(|| format!("cannot open {}", args.file.display()))?;
    // The whole file is read before anything is sent: a mistake in it changes nothing.
    let rows = read(file).with_context(|| format!("{} is not sent", args.file.display()))?;
    let sent = rows.len();
    let options = BulkLinkOptions {
        tenant: args.common.tenant,
        reason: args.reason,
        validate_only: args.dry_run,
    };
    let messages = std::iter::once(Message::Options(options))
        .chain(rows.into_iter().map(Message::Line))
        .map(|message| BulkLinkObjectIdsRequest {
            message: Some(message),
        });
    let mut client = LinkServiceClient::new(args.common.connection.open().await?);
    let mut answers = client
        .bulk_link_object_ids(tokio_stream::iter(messages))
        .await
        .map_err(|status| explain(&status))?
        .into_inner();

    let mut count = Count::default();
    let mut table = Vec::new();
    while let Some(answer) = answers.message().await.map_err(|status| explain(&status))? {
        count.add(&answer);
        if args.common.json {
            output::line(to_json(&answer))?;
        } else {
            table.push(row(&answer));
        }
    }
    if !args.common.json {
        let columns = [
            Column::Fixed("line"),
            Column::Fixed("outcome"),
            Column::Text("user name"),
            Column::Text("object id"),
            Column::Text("before"),
            Column::Text("detail"),
        ];
        output::line(output::table(&columns, &table))?;
    }
    let Count {
        linked,
        unchanged,
        failed,
    } = count;
    let would_be = if args.dry_run { "would be " } else { "" };
    eprintln!("{linked} {would_be}linked, {unchanged} unchanged, {failed} failed");
    if linked + unchanged + failed != sent {
        bail!("the service answered fewer lines than the file has; import it again");
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Reads the rows.
fn read(file: impl Read) -> anyhow::Result<Vec<BulkLinkLine>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(file);
    let headers = reader.headers()?;
    for column in ["user_name", "object_id"] {
        ensure!(
            headers.iter().any(|header| header == column),
            "its first line must name the columns user_name,object_id; {column} is not there"
        );
    }
    let mut lines = Vec::new();
    for row in reader.deserialize() {
        let Row {
            user_name,
            object_id,
        } = row?;
        ensure!(
            lines.len() < LINES_MAX as usize,
            "it has more than {LINES_MAX} lines; split it"
        );
        lines.push(BulkLinkLine {
            user_name,
            object_id,
            etag: String::new(),
        });
    }
    Ok(lines)
}

impl Count {
    fn add(&mut self, answer: &BulkLinkObjectIdsResponse) {
        match answer.outcome() {
            BulkLinkOutcome::Linked => self.linked += 1,
            BulkLinkOutcome::Unchanged => self.unchanged += 1,
            BulkLinkOutcome::Failed | BulkLinkOutcome::Unspecified => self.failed += 1,
        }
    }
}

fn outcome(answer: &BulkLinkObjectIdsResponse) -> &'static str {
    match answer.outcome() {
        BulkLinkOutcome::Linked => "linked",
        BulkLinkOutcome::Unchanged => "unchanged",
        BulkLinkOutcome::Failed => "failed",
        BulkLinkOutcome::Unspecified => "unknown",
    }
}

fn row(answer: &BulkLinkObjectIdsResponse) -> Vec<String> {
    vec![
        answer.line.to_string(),
        outcome(answer).to_owned(),
        shown(&answer.user_name),
        shown(&answer.object_id),
        shown(&answer.previous_object_id),
        shown(&answer.detail),
    ]
}

fn to_json(answer: &BulkLinkObjectIdsResponse) -> Value {
    json!({
        "line": answer.line,
        "outcome": outcome(answer),
        "user_name": answer.user_name,
        "object_id": answer.object_id,
        "account_id": answer.account_id,
        "previous_object_id": answer.previous_object_id,
        "reason": answer.reason,
        "detail": answer.detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_a_spreadsheet_writes_it_is_read() {
        let text = "\u{feff}name,user_name,object_id\r\n\"Doe, Jane\", jane@contoso.com ,0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\r\n";
        let lines = read(text.as_bytes()).expect("it is read");
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].user_name, "jane@contoso.com");
        assert_eq!(lines[0].object_id, "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef");
    }

    #[test]
    fn a_file_with_a_mistake_is_not_read_at_all() {
        let named = "user_name,object_id\n";
        for (text, why) in [
            ("user,object_id\na,b\n".to_owned(), "user_name is not there"),
            (String::new(), "user_name is not there"),
            (format!("{named}a,b\nc\n"), "fields"),
            (
                named.to_owned() + &"a,b\n".repeat(LINES_MAX as usize + 1),
                "split it",
            ),
        ] {
            let error = read(text.as_bytes()).expect_err("it is refused");
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }
}
