//! `provisiond diagnose`: how one account, login account or Object ID stands, what Entra will do next, and why.

use provisioning_proto::{
    admin::v1::{
        DiagnoseAccountRequest, DiagnoseAccountResponse, ExpectedRequest,
        diagnose_account_request::Subject, link_service_client::LinkServiceClient,
    },
    v1::Account,
};
use serde_json::{Value, json};

use super::{
    findings,
    link::{step_json, step_line},
};
use crate::{
    client::{Connection, explain},
    output::{self, shown, time},
};

/// What the command line says.
#[derive(clap::Args)]
pub struct Args {
    /// The tenant's Subscriber Identifier
    identifier: String,
    #[command(flatten)]
    asked: Asked,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What is to be explained.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Asked {
    /// Whoever has or had this login account
    #[arg(long, value_name = "LOGIN")]
    user_name: Option<String>,
    /// Whoever has or had this Object ID
    #[arg(long, value_name = "GUID")]
    object_id: Option<String>,
    /// The account of this id
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
}

impl Asked {
    fn subject(self) -> Option<Subject> {
        let user_name = self.user_name.map(Subject::UserName);
        user_name
            .or(self.object_id.map(Subject::ObjectId))
            .or(self.account_id.map(Subject::AccountId))
    }
}

/// Asks and shows it.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut client = LinkServiceClient::new(args.connection.open().await?);
    let tenant = args.identifier;
    let request = DiagnoseAccountRequest {
        tenant: tenant.clone(),
        subject: args.asked.subject(),
    };
    let diagnosis = client
        .diagnose_account(request)
        .await
        .map_err(|status| explain(&status))?
        .into_inner();
    if args.json {
        output::line(to_json(&diagnosis))?;
    } else {
        output::line(text(&tenant, &diagnosis))?;
    }
    Ok(())
}

/// For people: the summary first, then what it rests on.
fn text(tenant: &str, diagnosis: &DiagnoseAccountResponse) -> String {
    let mut lines = vec![shown(&diagnosis.summary)];
    let mut part = |title: &str, part: Vec<String>| {
        if !part.is_empty() {
            lines.push(String::new());
            lines.push(title.to_owned());
            lines.extend(part);
        }
    };
    part(
        "WHAT MICROSOFT ENTRA WILL SEND",
        diagnosis
            .expected_requests
            .iter()
            .flat_map(expected_lines)
            .collect(),
    );
    part(
        "OPEN FINDINGS",
        diagnosis.findings.iter().map(findings::text).collect(),
    );
    part(
        "HOW IT CAME TO ITS OBJECT ID",
        diagnosis.link_steps.iter().map(step_line).collect(),
    );
    part(
        "NEWEST LOG ENTRIES",
        diagnosis
            .log_entry_ids
            .iter()
            .map(|id| format!("  provisiond logs {tenant} --filter 'id eq \"{id}\"'"))
            .collect(),
    );
    lines.join("\n")
}

fn expected_lines(expected: &ExpectedRequest) -> [String; 3] {
    [
        format!("  {} -> {}", shown(&expected.request), expected.http_status),
        format!("     {}", shown(&expected.outcome)),
        format!("     because: {}", shown(&expected.because)),
    ]
}

fn to_json(diagnosis: &DiagnoseAccountResponse) -> Value {
    let expected = diagnosis.expected_requests.iter().map(|expected| {
        json!({
            "request": expected.request,
            "http_status": expected.http_status,
            "outcome": expected.outcome,
            "because": expected.because,
        })
    });
    json!({
        "summary": diagnosis.summary,
        "accounts": diagnosis.accounts.iter().map(account_json).collect::<Vec<_>>(),
        "expected_requests": expected.collect::<Vec<_>>(),
        "findings": diagnosis.findings.iter().map(findings::to_json).collect::<Vec<_>>(),
        "log_entry_ids": diagnosis.log_entry_ids,
        "link_steps": diagnosis.link_steps.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn account_json(account: &Account) -> Value {
    json!({
        "id": account.id,
        "user_name": account.user_name,
        "object_id": account.object_id,
        "active": account.active,
        "hold": account.hold.as_ref().map(|hold| &hold.reason),
        "protected": account.protected,
        "effectively_active": account.effectively_active,
        "delete_time": account.delete_time.as_ref().map(|at| time(Some(at))),
        "etag": account.etag,
    })
}
