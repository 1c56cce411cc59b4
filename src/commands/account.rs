//! `provisiond account`: what an admin decides of an account, whatever the directory says.

use provisioning_proto::{
    admin::v1::{
        HoldAccountRequest, ListDeletedAccountsRequest, ProtectAccountRequest, PurgeAccountRequest,
        ReleaseAccountRequest, RestoreAccountRequest, UnprotectAccountRequest,
        account_admin_service_client::AccountAdminServiceClient,
    },
    v1::Account,
};
use serde_json::{Value, json};

use crate::{
    client::{Connection, explain},
    output::{self, Column, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE: i32 = 200;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Suspends an account until it is released, whatever Microsoft Entra says
    Hold {
        /// Why: shown with the hold, and kept in the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        target: Target,
    },
    /// Ends a hold: the account is as active as Microsoft Entra says
    Release(Act),
    /// Protects an account (break-glass): Microsoft Entra cannot write it
    Protect(Act),
    /// Lets Microsoft Entra write it again
    Unprotect(Act),
    /// Lists deleted accounts that are not purged yet, latest deletion first
    Deleted(Common),
    /// Brings a deleted account back with its id, link and groups
    Restore(Act),
    /// Removes a deleted account for good
    Purge(Act),
}

/// What may be done without a reason.
#[derive(clap::Args)]
pub struct Act {
    /// Why: kept in the log
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    target: Target,
}

/// Which account, on what condition.
#[derive(clap::Args)]
pub struct Target {
    #[command(flatten)]
    common: Common,
    /// The account's id
    account_id: String,
    /// Only if the account still has this etag
    #[arg(long, value_name = "ETAG", default_value = "")]
    etag: String,
    /// Checks everything and changes nothing
    #[arg(long)]
    dry_run: bool,
}

/// What every subcommand takes.
#[derive(clap::Args)]
pub struct Common {
    /// The tenant's Subscriber Identifier
    identifier: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// The request of an act; the requests differ in their names only.
macro_rules! request {
    ($name:ident, $target:expr, $reason:expr) => {
        $name {
            tenant: $target.common.identifier.clone(),
            account_id: $target.account_id.clone(),
            reason: $reason,
            etag: $target.etag.clone(),
            request_id: String::new(),
            validate_only: $target.dry_run,
        }
    };
}

/// Does an act and prints the account after it.
macro_rules! act {
    ($act:expr, $method:ident, $request:ident) => {{
        let Act { reason, target } = $act;
        let mut client = AccountAdminServiceClient::new(target.common.connection.open().await?);
        let response = client
            .$method(request!($request, target, reason))
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        print_one(&response.account.unwrap_or_default(), target.common.json)
    }};
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Hold { reason, target } => {
            act!(Act { reason, target }, hold_account, HoldAccountRequest)
        }
        Command::Release(act) => act!(act, release_account, ReleaseAccountRequest),
        Command::Protect(act) => act!(act, protect_account, ProtectAccountRequest),
        Command::Unprotect(act) => act!(act, unprotect_account, UnprotectAccountRequest),
        Command::Restore(act) => act!(act, restore_account, RestoreAccountRequest),
        Command::Purge(Act { reason, target }) => {
            let mut client = AccountAdminServiceClient::new(target.common.connection.open().await?);
            client
                .purge_account(request!(PurgeAccountRequest, target, reason))
                .await
                .map_err(|status| explain(&status))?;
            print_purged(&target)
        }
        Command::Deleted(common) => {
            let accounts = list_deleted(&common).await?;
            print_deleted(&accounts, common.json)
        }
    }
}

async fn list_deleted(common: &Common) -> anyhow::Result<Vec<Account>> {
    let mut client = AccountAdminServiceClient::new(common.connection.open().await?);
    let mut accounts = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListDeletedAccountsRequest {
            tenant: common.identifier.clone(),
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = client
            .list_deleted_accounts(request)
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        accounts.extend(page.accounts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(accounts);
        }
    }
}

fn print_one(account: &Account, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(to_json(account))?;
        return Ok(());
    }
    let user_name = shown(&account.user_name);
    output::line(format_args!("{user_name}: {}", state(account)))?;
    Ok(())
}

fn print_purged(target: &Target) -> anyhow::Result<()> {
    let (id, purged) = (&target.account_id, !target.dry_run);
    if target.common.json {
        output::line(json!({"account_id": id, "purged": purged}))?;
    } else if purged {
        output::line(format_args!("{}: removed for good", shown(id)))?;
    } else {
        output::line(format_args!("{}: can be removed for good", shown(id)))?;
    }
    Ok(())
}

fn print_deleted(accounts: &[Account], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(Value::from(
            accounts.iter().map(to_json).collect::<Vec<_>>(),
        ))?;
        return Ok(());
    }
    let columns = [
        Column::Fixed("id"),
        Column::Text("user name"),
        Column::Text("object id"),
        Column::Fixed("deleted"),
        Column::Text("on hold"),
    ];
    let row = |account: &Account| {
        vec![
            account.id.clone(),
            shown(&account.user_name),
            shown(account.object_id.as_deref().unwrap_or_default()),
            short_time(account.delete_time.as_ref()),
            account
                .hold
                .as_ref()
                .map(|hold| shown(&hold.reason))
                .unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    output::line(output::table(&columns, &rows))?;
    Ok(())
}

fn to_json(account: &Account) -> Value {
    json!({
        "account_id": account.id,
        "user_name": account.user_name,
        "object_id": account.object_id,
        "effectively_active": account.effectively_active,
        "hold": account.hold.as_ref().map(|hold| json!({
            "reason": hold.reason,
            "create_time": time(hold.create_time.as_ref()),
        })),
        "protected": account.protected,
        "delete_time": account.delete_time.as_ref().map(|at| time(Some(at))),
        "etag": account.etag,
    })
}

/// What stands in the way of the person, or that nothing does.
fn state(account: &Account) -> String {
    let protected = if account.protected { ", protected" } else { "" };
    let activity = match &account.hold {
        _ if account.delete_time.is_some() => "deleted".to_owned(),
        Some(hold) => format!("on hold ({})", shown(&hold.reason)),
        None if account.effectively_active => "active".to_owned(),
        None => "suspended by Microsoft Entra".to_owned(),
    };
    format!("{activity}{protected}")
}
