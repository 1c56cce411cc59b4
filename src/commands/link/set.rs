//! `provisiond link set`, `unset` and `revert`: the Object ID of one account. Each looks first, shows what that tells, and then changes what was seen.

use provisioning_proto::{
    admin::v1::{
        HandOver, LinkObjectIdRequest, LinkObjectIdResponse, LinkPreview, MatchPreview,
        RevertLinkStepRequest, RevertLinkStepResponse, UnlinkObjectIdRequest,
        UnlinkObjectIdResponse, link_object_id_request, link_service_client::LinkServiceClient,
        unlink_object_id_request,
    },
    v1::Account,
};
use serde_json::{Value, json};
use tonic::Status;

use super::{Common, Named, history::or_none};
use crate::{
    client::explain,
    output::{self, shown},
};

/// What the command line says of `set`.
#[derive(clap::Args)]
pub struct Set {
    /// The account, by its login account or its id
    #[arg(value_name = "LOGIN|ID")]
    account: Named,
    /// The Object ID that the Microsoft Entra admin centre shows for the user: a GUID
    object_id: String,
    #[command(flatten)]
    act: Act,
}

/// What the command line says of `unset`.
#[derive(clap::Args)]
pub struct Unset {
    /// The account, by its login account or its id
    #[arg(value_name = "LOGIN|ID")]
    account: Named,
    #[command(flatten)]
    act: Act,
}

/// What the command line says of `revert`.
#[derive(clap::Args)]
pub struct Revert {
    /// The step, as `provisiond link history` shows it
    step: String,
    #[command(flatten)]
    act: Act,
}

/// Why, and whether at all.
#[derive(clap::Args)]
struct Act {
    /// Why; kept in the link history and in the provisioning log
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Shows what would change, and changes nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

/// What the three calls answer alike.
struct Answer {
    account: Account,
    previous_object_id: Option<String>,
    preview: Option<LinkPreview>,
}

macro_rules! answer_from {
    ($response:ident, $previous:expr) => {
        impl From<$response> for Answer {
            fn from(response: $response) -> Self {
                Self {
                    previous_object_id: $previous(response.previous_object_id),
                    account: response.account.unwrap_or_default(),
                    preview: response.preview,
                }
            }
        }
    };
}
answer_from!(LinkObjectIdResponse, std::convert::identity);
answer_from!(RevertLinkStepResponse, std::convert::identity);
answer_from!(UnlinkObjectIdResponse, Some);

/// Sets an Object ID.
pub async fn set(args: Set) -> anyhow::Result<()> {
    let Set {
        account,
        object_id,
        act,
    } = args;
    let mut client = LinkServiceClient::new(act.common.connection.open().await?);
    act.look_and_do(async |etag, validate_only| {
        let request = LinkObjectIdRequest {
            tenant: act.common.tenant.clone(),
            account: Some(match &account {
                Named::Id(id) => link_object_id_request::Account::AccountId(id.clone()),
                Named::UserName(user_name) => {
                    link_object_id_request::Account::UserName(user_name.clone())
                }
            }),
            object_id: object_id.clone(),
            etag,
            reason: act.reason(),
            validate_only,
            ..LinkObjectIdRequest::default()
        };
        Ok(client.link_object_id(request).await?.into_inner().into())
    })
    .await
}

/// Takes an Object ID off.
pub async fn unset(args: Unset) -> anyhow::Result<()> {
    let Unset { account, act } = args;
    let mut client = LinkServiceClient::new(act.common.connection.open().await?);
    act.look_and_do(async |etag, validate_only| {
        let request = UnlinkObjectIdRequest {
            tenant: act.common.tenant.clone(),
            account: Some(match &account {
                Named::Id(id) => unlink_object_id_request::Account::AccountId(id.clone()),
                Named::UserName(user_name) => {
                    unlink_object_id_request::Account::UserName(user_name.clone())
                }
            }),
            etag,
            reason: act.reason(),
            validate_only,
            ..UnlinkObjectIdRequest::default()
        };
        Ok(client.unlink_object_id(request).await?.into_inner().into())
    })
    .await
}

/// Takes a step back.
pub async fn revert(args: Revert) -> anyhow::Result<()> {
    let Revert { step, act } = args;
    let mut client = LinkServiceClient::new(act.common.connection.open().await?);
    act.look_and_do(async |etag, validate_only| {
        let request = RevertLinkStepRequest {
            tenant: act.common.tenant.clone(),
            link_step_id: step.clone(),
            etag,
            reason: act.reason(),
            validate_only,
            ..RevertLinkStepRequest::default()
        };
        Ok(client.revert_link_step(request).await?.into_inner().into())
    })
    .await
}

impl Act {
    fn reason(&self) -> String {
        self.reason.clone().unwrap_or_default()
    }

    /// Asks what would change, and does just that: with the etag of what was seen, so that nobody's newer change is lost.
    async fn look_and_do(
        &self,
        mut send: impl AsyncFnMut(String, bool) -> Result<Answer, Status>,
    ) -> anyhow::Result<()> {
        let seen = send(String::new(), true)
            .await
            .map_err(|status| explain(&status))?;
        let preview = seen.preview.clone().unwrap_or_default();
        if !self.common.json {
            output::line(told(&seen, &preview))?;
        }
        let answer = if self.dry_run {
            seen
        } else {
            send(seen.account.etag, false)
                .await
                .map_err(|status| explain(&status))?
        };
        if self.common.json {
            output::line(to_json(&answer, &preview, self.dry_run))?;
        } else if self.dry_run {
            output::line("Nothing was changed: this is a dry run.")?;
        } else {
            output::line(format_args!(
                "Done; its etag is {} now.",
                answer.account.etag
            ))?;
        }
        Ok(())
    }
}

/// What will change, for people.
fn told(answer: &Answer, preview: &LinkPreview) -> String {
    let account = &answer.account;
    let mut lines = vec![
        format!("{} ({})", shown(&account.user_name), account.id),
        format!(
            "  Object ID {} -> {}",
            or_none(answer.previous_object_id.as_deref().unwrap_or_default()),
            or_none(account.object_id.as_deref().unwrap_or_default())
        ),
    ];
    if !preview.matches.is_empty() {
        lines.push("WHAT MICROSOFT ENTRA'S NEXT QUERIES FIND".to_owned());
        lines.extend(preview.matches.iter().flat_map(match_lines));
    }
    if !preview.hand_overs.is_empty() {
        lines.push("ACCOUNTS THAT ANOTHER ENTRA USER REACHES".to_owned());
        lines.extend(preview.hand_overs.iter().flat_map(hand_over_lines));
    }
    lines.join("\n")
}

fn match_lines(matched: &MatchPreview) -> [String; 3] {
    [
        format!("  {}", shown(&matched.filter)),
        format!(
            "    before: {}",
            or_none(&matched.account_ids_before.join(", "))
        ),
        format!(
            "    after:  {}",
            or_none(&matched.account_ids_after.join(", "))
        ),
    ]
}

fn hand_over_lines(hand_over: &HandOver) -> [String; 2] {
    [
        format!(
            "  {} ({})",
            shown(&hand_over.user_name),
            hand_over.account_id
        ),
        format!(
            "    {} -> {}",
            or_none(&hand_over.object_id_before),
            or_none(&hand_over.object_id_after)
        ),
    ]
}

fn to_json(answer: &Answer, preview: &LinkPreview, dry_run: bool) -> Value {
    let matches = preview.matches.iter().map(|matched| {
        json!({
            "filter": matched.filter,
            "account_ids_before": matched.account_ids_before,
            "account_ids_after": matched.account_ids_after,
        })
    });
    let hand_overs = preview.hand_overs.iter().map(|hand_over| {
        json!({
            "account_id": hand_over.account_id,
            "user_name": hand_over.user_name,
            "object_id_before": hand_over.object_id_before,
            "object_id_after": hand_over.object_id_after,
        })
    });
    json!({
        "account_id": answer.account.id,
        "user_name": answer.account.user_name,
        "previous_object_id": answer.previous_object_id,
        "object_id": answer.account.object_id,
        "etag": answer.account.etag,
        "dry_run": dry_run,
        "preview": {
            "matches": matches.collect::<Vec<_>>(),
            "hand_overs": hand_overs.collect::<Vec<_>>(),
        },
    })
}
