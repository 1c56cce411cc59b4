//! `provisiond token`: the SCIM tokens of a tenant.

use std::time::Duration;

use provisioning_proto::admin::v1::{
    GenerateTokenRequest, ListTokensRequest, RegenerateTokenRequest, RevokeTokenRequest, Token,
    TokenState, token_service_client::TokenServiceClient,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::jwt::parse_duration;
use crate::{
    client::{Connection, Session, explain},
    output::{self, Column, short_time, shown, time},
};

/// The most a page may have.
const PAGE_SIZE: i32 = 200;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Makes the tenant's token and shows it, this once
    Generate {
        #[command(flatten)]
        common: Common,
    },
    /// Makes a new token and shows it, this once; the old one dies
    Regenerate {
        /// How long the old token stays valid, for example 10m; at most 24h [default: not at all]
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        overlap: Option<Duration>,
        #[command(flatten)]
        common: Common,
    },
    /// Kills a token at once
    Revoke {
        /// Which [default: every one that is still accepted]
        #[arg(long, value_name = "ID")]
        token_id: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the tokens the tenant has and had, newest first
    List {
        #[command(flatten)]
        common: Common,
    },
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

/// A token that was just made.
pub struct MadeToken {
    /// For Entra's "Tenant URL".
    pub endpoint: String,
    /// For Entra's "Secret Token".
    pub secret: SecretString,
    /// As it may be shown from now on.
    pub token: Token,
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Generate { common } => {
            let mut client = TokenServiceClient::new(common.connection.open().await?);
            let made = generate(&mut client, &common.identifier)
                .await
                .map_err(|status| explain(&status))?;
            print_made(&made, common.json)
        }
        Command::Regenerate { overlap, common } => {
            let mut client = TokenServiceClient::new(common.connection.open().await?);
            let made = regenerate(&mut client, &common.identifier, overlap)
                .await
                .map_err(|status| explain(&status))?;
            print_made(&made, common.json)
        }
        Command::Revoke { token_id, common } => {
            let mut client = TokenServiceClient::new(common.connection.open().await?);
            let request = RevokeTokenRequest {
                tenant: common.identifier,
                token_id: token_id.unwrap_or_default(),
                ..RevokeTokenRequest::default()
            };
            let response = client
                .revoke_token(request)
                .await
                .map_err(|status| explain(&status))?;
            print_all(&response.into_inner().tokens, common.json)
        }
        Command::List { common } => {
            let mut client = TokenServiceClient::new(common.connection.open().await?);
            print_all(&list(&mut client, &common.identifier).await?, common.json)
        }
    }
}

/// Makes the first token.
pub async fn generate(
    client: &mut TokenServiceClient<Session>,
    tenant: &str,
) -> Result<MadeToken, tonic::Status> {
    let request = GenerateTokenRequest {
        tenant: tenant.to_owned(),
        ..GenerateTokenRequest::default()
    };
    let response = client.generate_token(request).await?.into_inner();
    Ok(MadeToken {
        endpoint: response.endpoint,
        secret: response.secret_token.into(),
        token: response.token.unwrap_or_default(),
    })
}

/// Makes a token in place of the old one.
pub async fn regenerate(
    client: &mut TokenServiceClient<Session>,
    tenant: &str,
    overlap: Option<Duration>,
) -> Result<MadeToken, tonic::Status> {
    let overlap = overlap.and_then(|overlap| prost_types::Duration::try_from(overlap).ok());
    let request = RegenerateTokenRequest {
        tenant: tenant.to_owned(),
        overlap,
        ..RegenerateTokenRequest::default()
    };
    let response = client.regenerate_token(request).await?.into_inner();
    Ok(MadeToken {
        endpoint: response.endpoint,
        secret: response.secret_token.into(),
        token: response.token.unwrap_or_default(),
    })
}

async fn list(
    client: &mut TokenServiceClient<Session>,
    tenant: &str,
) -> anyhow::Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListTokensRequest {
            tenant: tenant.to_owned(),
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = client
            .list_tokens(request)
            .await
            .map_err(|status| explain(&status))?
            .into_inner();
        tokens.extend(page.tokens);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(tokens);
        }
    }
}

fn print_made(made: &MadeToken, as_json: bool) -> anyhow::Result<()> {
    let secret = made.secret.expose_secret();
    if as_json {
        output::line(json!({
            "endpoint": made.endpoint, "token": secret, "token_id": made.token.id, "mask": made.token.mask,
        }))?;
        return Ok(());
    }
    output::line(format_args!("Tenant URL:    {}", made.endpoint))?;
    output::line(format_args!("Secret Token:  {secret}"))?;
    output::line("Paste both into Microsoft Entra. The token is not shown again.")?;
    Ok(())
}

fn print_all(tokens: &[Token], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(Value::from(tokens.iter().map(to_json).collect::<Vec<_>>()))?;
        return Ok(());
    }
    // Times that no token has are left out, so that those which are there fit.
    let columns = [
        Column::Text("token"),
        Column::Fixed("state"),
        Column::Fixed("created"),
        Column::Text("by"),
        Column::Text("ends"),
        Column::Text("last used"),
        Column::Text("from"),
    ];
    let row = |token: &Token| {
        vec![
            token.mask.clone(),
            state(token).to_owned(),
            short_time(token.create_time.as_ref()),
            shown(&token.created_by),
            short_time(token.expire_time.as_ref()),
            short_time(token.last_used_time.as_ref()),
            shown(token.last_used_from()),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    output::line(output::table(&columns, &rows))?;
    Ok(())
}

fn to_json(token: &Token) -> Value {
    json!({
        "token_id": token.id,
        "mask": token.mask,
        "state": state(token),
        "create_time": time(token.create_time.as_ref()),
        "created_by": token.created_by,
        "expire_time": token.expire_time.as_ref().map(|at| time(Some(at))),
        "replaced_by": token.replaced_by,
        "last_used_time": token.last_used_time.as_ref().map(|at| time(Some(at))),
        "last_used_from": token.last_used_from,
    })
}

fn state(token: &Token) -> &'static str {
    match token.state() {
        TokenState::Live => "live",
        TokenState::Overlap => "overlap",
        TokenState::Replaced => "replaced",
        TokenState::Revoked => "revoked",
        TokenState::Unspecified => "unknown",
    }
}
