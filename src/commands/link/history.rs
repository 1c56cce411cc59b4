//! `provisiond link history`: how accounts came to their Object IDs.

use anyhow::anyhow;
use provisioning_proto::{
    admin::v1::{LinkStep, ListLinkHistoryRequest, link_service_client::LinkServiceClient},
    v1::{
        GetAccountRequest, account_service_client::AccountServiceClient, get_account_request::Key,
    },
};
use serde_json::{Value, json};
use tonic::Code;

use super::{Common, Named};
use crate::{
    client::{Session, explain},
    output::{self, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE_MAX: usize = 200;

/// What the command line says.
#[derive(clap::Args)]
pub struct History {
    /// One account, by its login account or its id; a deleted one by its id [default: all accounts]
    #[arg(value_name = "LOGIN|ID")]
    account: Option<Named>,
    /// How many steps at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    common: Common,
}

/// Shows it.
pub async fn run(args: History) -> anyhow::Result<()> {
    let session = args.common.connection.open().await?;
    let account_id = match args.account {
        None => String::new(),
        Some(Named::Id(id)) => id,
        Some(Named::UserName(user_name)) => {
            find_id(session.clone(), &args.common.tenant, user_name).await?
        }
    };
    let mut client = LinkServiceClient::new(session);
    let mut steps = Vec::new();
    let mut page_token = String::new();
    while steps.len() < args.limit {
        let page_size = (args.limit - steps.len()).min(PAGE_SIZE_MAX);
        let request = ListLinkHistoryRequest {
            tenant: args.common.tenant.clone(),
            account_id: account_id.clone(),
            page_size: i32::try_from(page_size).expect("at most a page"),
            page_token,
        };
        let page = client
            .list_link_history(request)
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        steps.extend(page.steps);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for step in &steps {
        if args.common.json {
            output::line(step_json(step))?;
        } else {
            let user_name = shown(&step.user_name);
            output::line(format_args!(
                "{} {user_name} ({})",
                step.id, step.account_id
            ))?;
            output::line(step_line(step))?;
        }
    }
    if steps.is_empty() && !args.common.json {
        output::line(
            "No account came to its Object ID, or lost it, as far back as the log is kept.",
        )?;
    }
    Ok(())
}

async fn find_id(session: Session, tenant: &str, user_name: String) -> anyhow::Result<String> {
    let request = GetAccountRequest {
        tenant: tenant.to_owned(),
        key: Some(Key::UserName(user_name)),
    };
    let response = AccountServiceClient::new(session)
        .get_account(request)
        .await
        .map_err(|status| match status.code() {
            Code::NotFound => {
                anyhow!("no account has this login account; a deleted one is shown by its id")
            }
            _ => explain(&status),
        })?;
    Ok(response.into_inner().account.unwrap_or_default().id)
}

/// A step for people, without whose it is.
pub fn step_line(step: &LinkStep) -> String {
    format!(
        "  {} {} -> {} by {} {}",
        short_time(step.time.as_ref()),
        or_none(&step.previous_object_id),
        or_none(&step.object_id),
        shown(&step.actor),
        shown(&step.reason),
    )
    .trim_end()
    .to_owned()
}

/// A step for programs.
pub fn step_json(step: &LinkStep) -> Value {
    json!({
        "id": step.id,
        "time": time(step.time.as_ref()),
        "account_id": step.account_id,
        "user_name": step.user_name,
        "previous_object_id": step.previous_object_id,
        "object_id": step.object_id,
        "actor": step.actor,
        "reason": step.reason,
        "request_id": step.request_id,
    })
}

/// An Object ID or ids, where there may be none.
pub fn or_none(text: &str) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        shown(text)
    }
}
