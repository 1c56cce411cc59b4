//! `provisiond guard`: what the deprovision guard of a tenant holds back.

use anyhow::anyhow;
use provisioning_proto::admin::v1::{
    ApproveDeprovisionBatchRequest, DeprovisionBatch, DeprovisionBatchItem, DeprovisionGuard,
    DismissDeprovisionBatchRequest, GetDeprovisionGuardRequest, GetDeprovisionGuardResponse,
    ListDeprovisionBatchItemsRequest, ListDeprovisionBatchesRequest,
    deprovision_guard_service_client::DeprovisionGuardServiceClient,
};
use serde_json::{Value, json};

use crate::{
    client::{Connection, Session, explain},
    output::{self, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE: i32 = 200;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Shows the limits, how much of them is used, and the newest batches of what was held back
    Show {
        /// Shows who a batch affects, as well
        #[arg(long)]
        items: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lets a batch pass: each part of it when Microsoft Entra sends it again
    Approve {
        /// Why; kept with the batch and in the log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
    /// Refuses a batch: everything stays as it is, however often Microsoft Entra sends it
    Dismiss {
        /// Why; kept with the batch and in the log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
}

/// What every subcommand takes.
#[derive(clap::Args)]
pub struct Common {
    /// The tenant's Subscriber Identifier
    identifier: String,
    /// The batch [default: the one that waits for a decision]
    batch: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

type Client = DeprovisionGuardServiceClient<Session>;

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Show { items, common } => show(&common, items).await,
        Command::Approve { reason, common } => {
            let mut client = Client::new(common.connection.open().await?);
            let (batch_id, etag) = named(&mut client, &common).await?;
            let request = ApproveDeprovisionBatchRequest {
                tenant: common.identifier,
                batch_id,
                reason,
                etag,
                ..ApproveDeprovisionBatchRequest::default()
            };
            let response = client
                .approve_deprovision_batch(request)
                .await
                .map_err(|status| explain(&status))?;
            print_decided(response.into_inner().batch, common.json)
        }
        Command::Dismiss { reason, common } => {
            let mut client = Client::new(common.connection.open().await?);
            let (batch_id, etag) = named(&mut client, &common).await?;
            let request = DismissDeprovisionBatchRequest {
                tenant: common.identifier,
                batch_id,
                reason,
                etag,
                ..DismissDeprovisionBatchRequest::default()
            };
            let response = client
                .dismiss_deprovision_batch(request)
                .await
                .map_err(|status| explain(&status))?;
            print_decided(response.into_inner().batch, common.json)
        }
    }
}

/// The batch of a decision, with the etag where it is the one that waits: nobody else's decision is overruled unseen.
async fn named(client: &mut Client, common: &Common) -> anyhow::Result<(String, String)> {
    if let Some(batch) = &common.batch {
        return Ok((batch.clone(), String::new()));
    }
    let guard = get(client, &common.identifier).await?;
    guard
        .pending_batch
        .map(|batch| (batch.id, batch.etag))
        .ok_or_else(|| {
            anyhow!(
                "nothing waits for a decision; `provisiond guard show {}` lists what was decided",
                common.identifier
            )
        })
}

async fn get(client: &mut Client, tenant: &str) -> anyhow::Result<GetDeprovisionGuardResponse> {
    let request = GetDeprovisionGuardRequest {
        tenant: tenant.to_owned(),
    };
    let response = client
        .get_deprovision_guard(request)
        .await
        .map_err(|status| explain(&status))?;
    Ok(response.into_inner())
}

async fn show(common: &Common, with_items: bool) -> anyhow::Result<()> {
    let mut client = Client::new(common.connection.open().await?);
    let guard = get(&mut client, &common.identifier).await?;
    let request = ListDeprovisionBatchesRequest {
        tenant: common.identifier.clone(),
        page_size: PAGE_SIZE,
        ..ListDeprovisionBatchesRequest::default()
    };
    let mut batches = client
        .list_deprovision_batches(request)
        .await
        .map_err(|status| explain(&status))?
        .into_inner()
        .batches;
    if let Some(named) = &common.batch {
        batches.retain(|batch| batch.id == *named);
    }
    let pending = guard.pending_batch.as_ref().map(|batch| batch.id.clone());
    let of = common.batch.clone().or(pending).filter(|_| with_items);
    let items = match &of {
        Some(batch) => items(&mut client, &common.identifier, batch).await?,
        None => Vec::new(),
    };
    if common.json {
        output::line(json!({
            "guard": guard.guard.as_ref().map(limits_to_json),
            "used": guard.used,
            "limit": guard.limit,
            "pending_batch": guard.pending_batch.as_ref().map(batch_to_json),
            "batches": batches.iter().map(batch_to_json).collect::<Vec<_>>(),
            "items": items.iter().map(item_to_json).collect::<Vec<_>>(),
        }))?;
        return Ok(());
    }
    match &guard.guard {
        Some(limits) => output::line(format_args!(
            "deprovision guard: {}; {} of {} used",
            limits_to_text(limits),
            guard.used,
            guard.limit
        ))?,
        None => output::line("deprovision guard: off")?,
    }
    for batch in &batches {
        output::line(batch_text(batch))?;
    }
    if let Some(batch) = of.filter(|_| !items.is_empty()) {
        output::line(format_args!("in the batch {batch}:"))?;
    }
    for item in &items {
        output::line(item_text(item))?;
    }
    Ok(())
}

async fn items(
    client: &mut Client,
    tenant: &str,
    batch: &str,
) -> anyhow::Result<Vec<DeprovisionBatchItem>> {
    let mut items = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListDeprovisionBatchItemsRequest {
            tenant: tenant.to_owned(),
            batch_id: batch.to_owned(),
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = client
            .list_deprovision_batch_items(request)
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        items.extend(page.items);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(items);
        }
    }
}

fn print_decided(batch: Option<DeprovisionBatch>, as_json: bool) -> anyhow::Result<()> {
    let batch = batch.unwrap_or_default();
    if as_json {
        output::line(batch_to_json(&batch))?;
    } else {
        output::line(batch_text(&batch))?;
    }
    Ok(())
}

/// A batch for people. Each line has what belongs together, so that it is read in 80 columns.
fn batch_text(batch: &DeprovisionBatch) -> String {
    let mut lines = vec![
        format!("batch {}: {}", batch.id, state(batch)),
        format!("  since {}", short_time(batch.create_time.as_ref())),
        format!(
            "  suspends {}, deletes {}, removals from groups {}, passed {}",
            batch.suspends, batch.deletes, batch.member_removals, batch.passed
        ),
    ];
    if !batch.decided_by.is_empty() {
        let by = shown(&batch.decided_by);
        let at = short_time(batch.decide_time.as_ref());
        lines.push(format!("  decided {at} by {by}"));
    }
    if !batch.reason.is_empty() {
        lines.push(format!("  reason: {}", shown(&batch.reason)));
    }
    lines.join("\n")
}

/// What waits in a batch, for people.
fn item_text(item: &DeprovisionBatchItem) -> String {
    let from = if item.group_display_name.is_empty() {
        String::new()
    } else {
        format!(" from the group {}", shown(&item.group_display_name))
    };
    let mut lines = vec![
        format!("  {} {}{from}", action(item), shown(&item.user_name)),
        format!("    account {}", item.account_id),
        format!(
            "    asked for {}, the last time {}",
            times(item.count),
            short_time(item.last_seen_time.as_ref())
        ),
    ];
    if item.pass_time.is_some() {
        let at = short_time(item.pass_time.as_ref());
        lines.push(format!("    passed {at}"));
    }
    lines.join("\n")
}

/// How often, in words.
pub fn times(count: i64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn batch_to_json(batch: &DeprovisionBatch) -> Value {
    json!({
        "id": batch.id,
        "state": state(batch),
        "create_time": time(batch.create_time.as_ref()),
        "update_time": time(batch.update_time.as_ref()),
        "suspends": batch.suspends,
        "deletes": batch.deletes,
        "member_removals": batch.member_removals,
        "passed": batch.passed,
        "decided_by": batch.decided_by,
        "decide_time": time(batch.decide_time.as_ref()),
        "reason": batch.reason,
        "etag": batch.etag,
    })
}

fn item_to_json(item: &DeprovisionBatchItem) -> Value {
    json!({
        "action": action(item),
        "account_id": item.account_id,
        "user_name": item.user_name,
        "object_id": item.object_id,
        "group_id": item.group_id,
        "group_display_name": item.group_display_name,
        "first_seen_time": time(item.first_seen_time.as_ref()),
        "last_seen_time": time(item.last_seen_time.as_ref()),
        "count": item.count,
        "pass_time": time(item.pass_time.as_ref()),
    })
}

/// The limits in JSON.
pub fn limits_to_json(guard: &DeprovisionGuard) -> Value {
    json!({
        "window_seconds": window_s(guard),
        "max_count": guard.max_count,
        "max_percent": guard.max_percent,
    })
}

/// The limits in words.
pub fn limits_to_text(guard: &DeprovisionGuard) -> String {
    let limits = [
        guard.max_count.map(|count| count.to_string()),
        guard.max_percent.map(|percent| format!("{percent} %")),
    ];
    let limits: Vec<_> = limits.into_iter().flatten().collect();
    format!(
        "at most {} within {}",
        limits.join(" or "),
        window(window_s(guard))
    )
}

/// In the largest unit that it is a whole number of, as the command line takes it.
fn window(seconds: i64) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

fn window_s(guard: &DeprovisionGuard) -> i64 {
    guard.window.as_ref().map_or(0, |window| window.seconds)
}

fn state(batch: &DeprovisionBatch) -> String {
    word(batch.state().as_str_name(), "DEPROVISION_BATCH_STATE_")
}

fn action(item: &DeprovisionBatchItem) -> String {
    word(item.action().as_str_name(), "DEPROVISION_ACTION_")
}

/// The name of an enum's value without its prefix, as the log writes such values.
fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

#[cfg(test)]
mod tests {
    use provisioning_proto::admin::v1::{DeprovisionAction, DeprovisionBatchState};

    use super::*;

    #[test]
    fn limits_are_told_as_the_smaller_of_two() {
        let guard = DeprovisionGuard {
            window: Some(prost_types::Duration {
                seconds: 3_600,
                nanos: 0,
            }),
            max_count: Some(50),
            max_percent: Some(10),
        };
        assert_eq!(limits_to_text(&guard), "at most 50 or 10 % within 1 h");
    }

    #[test]
    fn what_waits_is_read_in_80_columns() {
        let id = "0198d4c0-0000-7000-8000-000000000000".to_owned();
        let at = Some(prost_types::Timestamp {
            seconds: 1_800_000_000,
            nanos: 123_000_000,
        });
        let mut batch = DeprovisionBatch {
            id: id.clone(),
            create_time: at,
            suspends: 100_000,
            deletes: 100_000,
            member_removals: 100_000,
            passed: 100_000,
            decided_by: "provisiond-cli".to_owned(),
            decide_time: at,
            reason: "A group was emptied by mistake".to_owned(),
            ..DeprovisionBatch::default()
        };
        batch.set_state(DeprovisionBatchState::Dismissed);
        let mut item = DeprovisionBatchItem {
            account_id: id,
            user_name: "a.rather.long.name@contoso.com".to_owned(),
            group_display_name: "Engineering".to_owned(),
            count: 1_000,
            last_seen_time: at,
            pass_time: at,
            ..DeprovisionBatchItem::default()
        };
        item.set_action(DeprovisionAction::RemoveMember);
        for text in [batch_text(&batch), item_text(&item)] {
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
        }
        assert!(
            item_text(&item).contains(
                "remove_member a.rather.long.name@contoso.com from the group Engineering"
            )
        );
    }

    #[test]
    fn states_and_actions_are_words() {
        let batch = DeprovisionBatch {
            state: DeprovisionBatchState::Pending.into(),
            ..DeprovisionBatch::default()
        };
        assert_eq!(state(&batch), "pending");
    }
}
