//! `provisiond findings`: what stands between Entra and a tenant's accounts and groups, with what can be done about it.

use provisioning_proto::admin::v1::{
    DismissFindingRequest, DragonceSide, Finding, FindingKind, FindingState, ListFindingsRequest,
    Remedy, RemedyStep, Severity, dragonce_side::Resource, link_service_client::LinkServiceClient,
    remedy_step::Call,
};
use serde_json::{Value, json};

use super::guard::times;
use crate::{
    client::{Connection, explain},
    output::{self, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE_MAX: i32 = 200;

/// What the command line says.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The tenant's Subscriber Identifier
    #[arg(required = true)]
    identifier: Option<String>,
    /// Shows closed ones instead: those that are cured or dismissed
    #[arg(long)]
    closed: bool,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What else can be done with findings.
#[derive(clap::Subcommand)]
enum Command {
    /// Closes a finding that is meant to be so; it opens again when Microsoft Entra shows it again
    Dismiss(Dismiss),
}

/// Which finding, and why.
#[derive(clap::Args)]
struct Dismiss {
    /// The tenant's Subscriber Identifier
    identifier: String,
    /// The finding's id
    id: String,
    /// Why; kept with the finding and in the provisioning log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Checks everything and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Some(Command::Dismiss(args)) => dismiss(args).await,
        None => list(args).await,
    }
}

async fn dismiss(args: Dismiss) -> anyhow::Result<()> {
    let mut client = LinkServiceClient::new(args.connection.open().await?);
    let request = DismissFindingRequest {
        tenant: args.identifier,
        finding_id: args.id,
        reason: args.reason,
        validate_only: args.dry_run,
        ..DismissFindingRequest::default()
    };
    let response = client
        .dismiss_finding(request)
        .await
        .map_err(|status| explain(&status))?;
    let finding = response.into_inner().finding.unwrap_or_default();
    if args.json {
        output::line(to_json(&finding))?;
    } else {
        output::line(text(&finding))?;
    }
    Ok(())
}

/// Shows them, page by page.
async fn list(args: Args) -> anyhow::Result<()> {
    let mut client = LinkServiceClient::new(args.connection.open().await?);
    let mut request = ListFindingsRequest {
        tenant: args.identifier.unwrap_or_default(),
        page_size: PAGE_SIZE_MAX,
        ..ListFindingsRequest::default()
    };
    request.set_state(if args.closed {
        FindingState::Closed
    } else {
        FindingState::Open
    });
    let mut any = false;
    loop {
        let page = client
            .list_findings(request.clone())
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        for finding in &page.findings {
            if args.json {
                output::line(to_json(finding))?;
            } else {
                if any {
                    output::line("")?;
                }
                output::line(text(finding))?;
            }
            any = true;
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if !any && !args.json {
        output::line(
            "Nothing stands between Microsoft Entra and this tenant's accounts and groups.",
        )?;
    }
    Ok(())
}

/// A finding for people: what is wrong, then each way to mend it.
pub fn text(finding: &Finding) -> String {
    let mut lines = vec![
        format!(
            "{} {} ({}, first seen {}, last {}, {}, id {})",
            severity(finding).to_uppercase(),
            kind(finding),
            state(finding),
            short_time(finding.first_seen_time.as_ref()),
            short_time(finding.last_seen_time.as_ref()),
            times(finding.count),
            finding.id,
        ),
        format!("  {}", shown(&finding.summary)),
    ];
    for (number, remedy) in finding.remedies.iter().enumerate() {
        lines.push(format!("  {}. {}", number + 1, shown(&remedy.title)));
        lines.extend(remedy.steps.iter().flat_map(step_lines));
    }
    if let Some(closure) = &finding.closure {
        lines.push(format!(
            "  closed {}: {}",
            short_time(closure.time.as_ref()),
            shown(&closure.detail)
        ));
    }
    lines.join("\n")
}

fn step_lines(step: &RemedyStep) -> [String; 2] {
    let call = match &step.call {
        Some(Call::Rpc(rpc)) => format!("{} {}", rpc.method, rpc.request_json),
        Some(Call::Graph(graph)) => {
            let call = format!("{} {}", graph.http_method, graph.url);
            if graph.body_json.is_empty() {
                call
            } else {
                format!("{call} {}", graph.body_json)
            }
        }
        Some(Call::Portal(portal)) => format!("{}: {}", portal.portal, portal.instruction),
        None => String::new(),
    };
    [
        format!("     {}", shown(&call)),
        format!("       -> {}", shown(&step.effect)),
    ]
}

/// The finding for programs.
pub fn to_json(finding: &Finding) -> Value {
    let directory = finding.directory.clone().unwrap_or_default();
    json!({
        "id": finding.id,
        "kind": kind(finding),
        "severity": severity(finding),
        "state": state(finding),
        "summary": finding.summary,
        "first_seen_time": time(finding.first_seen_time.as_ref()),
        "last_seen_time": time(finding.last_seen_time.as_ref()),
        "count": finding.count,
        "log_entry_ids": finding.log_entry_ids,
        "directory": {
            "object_id": directory.object_id,
            "user_name": directory.user_name,
            "display_name": directory.display_name,
            "scim_id": directory.scim_id,
        },
        "dragonce": finding.dragonce.iter().map(side_json).collect::<Vec<_>>(),
        "remedies": finding.remedies.iter().map(remedy_json).collect::<Vec<_>>(),
        "closure": finding.closure.as_ref().map(|closure| json!({
            "time": time(closure.time.as_ref()),
            "detail": closure.detail,
            "request_id": closure.request_id,
            "log_entry_id": closure.log_entry_id,
            "actor": closure.actor,
        })),
    })
}

fn side_json(side: &DragonceSide) -> Value {
    let (account_id, group_id) = match &side.resource {
        Some(Resource::AccountId(id)) => (Some(id), None),
        Some(Resource::GroupId(id)) => (None, Some(id)),
        None => (None, None),
    };
    json!({
        "account_id": account_id,
        "group_id": group_id,
        "object_id": side.object_id,
        "user_name": side.user_name,
        "display_name": side.display_name,
        "status": side.status,
        "etag": side.etag,
    })
}

fn remedy_json(remedy: &Remedy) -> Value {
    let steps = remedy.steps.iter().map(|step| match &step.call {
        Some(Call::Rpc(rpc)) => json!({
            "rpc": rpc.method,
            "request": from_json(&rpc.request_json),
            "effect": step.effect,
        }),
        Some(Call::Graph(graph)) => json!({
            "graph": format!("{} {}", graph.http_method, graph.url),
            "body": from_json(&graph.body_json),
            "effect": step.effect,
        }),
        Some(Call::Portal(portal)) => json!({
            "portal": portal.portal,
            "instruction": portal.instruction,
            "effect": step.effect,
        }),
        None => json!({ "effect": step.effect }),
    });
    json!({"title": remedy.title, "steps": steps.collect::<Vec<_>>()})
}

/// A body as a part of what is printed; null where there is none.
fn from_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// As filters and texts name it.
fn kind(finding: &Finding) -> String {
    FindingKind::try_from(finding.kind)
        .map_or("unknown", |kind| {
            kind.as_str_name().trim_start_matches("FINDING_KIND_")
        })
        .to_lowercase()
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity() {
        Severity::Unspecified => "unknown",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn state(finding: &Finding) -> &'static str {
    match finding.state() {
        FindingState::Unspecified => "unknown",
        FindingState::Open => "open",
        FindingState::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use provisioning_proto::admin::v1::{GraphCall, PortalStep, RpcCall};

    use super::*;

    fn step(call: Call) -> RemedyStep {
        RemedyStep {
            call: Some(call),
            effect: "It does this.".to_owned(),
        }
    }

    fn finding() -> Finding {
        let mut finding = Finding {
            id: "1".to_owned(),
            summary: "Something is wrong.".to_owned(),
            count: 3,
            remedies: vec![Remedy {
                title: "It is so".to_owned(),
                steps: vec![
                    step(Call::Rpc(RpcCall {
                        method: "a.B/C".to_owned(),
                        request_json: "{\"tenant\":\"contoso\"}".to_owned(),
                    })),
                    step(Call::Graph(GraphCall {
                        http_method: "POST".to_owned(),
                        url: "https://graph.microsoft.com/v1.0/x/pause".to_owned(),
                        body_json: String::new(),
                    })),
                    step(Call::Portal(PortalStep {
                        portal: "Microsoft Entra admin centre".to_owned(),
                        instruction: "Click.".to_owned(),
                    })),
                ],
            }],
            ..Finding::default()
        };
        finding.set_kind(FindingKind::LoginNotLinked);
        finding.set_severity(Severity::Error);
        finding.set_state(FindingState::Open);
        finding
    }

    #[test]
    fn a_finding_is_told_with_what_to_send_and_to_do() {
        let text = text(&finding());
        for line in [
            "ERROR login_not_linked (open",
            "  Something is wrong.",
            "  1. It is so",
            "     a.B/C {\"tenant\":\"contoso\"}",
            "     POST https://graph.microsoft.com/v1.0/x/pause",
            "     Microsoft Entra admin centre: Click.",
            "       -> It does this.",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn programs_get_requests_as_objects() {
        let json = to_json(&finding());
        let steps = &json["remedies"][0]["steps"];
        assert_eq!(steps[0]["request"]["tenant"], "contoso");
        assert_eq!(steps[1]["body"], Value::Null);
        assert_eq!(json["kind"], "login_not_linked");
        assert_eq!(json["closure"], Value::Null);
    }
}
