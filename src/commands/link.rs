//! `provisiond link`: connects accounts with their Entra objects.

mod history;
mod import;
mod set;

use std::process::ExitCode;

use uuid::Uuid;

pub use self::history::{step_json, step_line};
use crate::client::Connection;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Sets the Object ID of one account, after showing what that changes for Microsoft Entra
    Set(set::Set),
    /// Takes the Object ID off one account, so that Microsoft Entra may set it again
    Unset(set::Unset),
    /// Gives an account back the Object ID that it had before a step of its history
    Revert(set::Revert),
    /// Shows how accounts came to their Object IDs, newest first
    History(history::History),
    /// Links the accounts of a CSV file, and tells of each line what became of it
    Import(import::Import),
}

/// What every subcommand takes.
#[derive(clap::Args)]
pub struct Common {
    /// The tenant's Subscriber Identifier
    #[arg(long, value_name = "IDENT")]
    tenant: String,
    /// Prints JSON, one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// An account as the command line names it: a UUID is its id, anything else its login account.
#[derive(Clone)]
enum Named {
    Id(String),
    UserName(String),
}

impl From<String> for Named {
    fn from(text: String) -> Self {
        if Uuid::try_parse(&text).is_ok() {
            Self::Id(text)
        } else {
            Self::UserName(text)
        }
    }
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Set(args) => set::set(args).await.map(|()| ExitCode::SUCCESS),
        Command::Unset(args) => set::unset(args).await.map(|()| ExitCode::SUCCESS),
        Command::Revert(args) => set::revert(args).await.map(|()| ExitCode::SUCCESS),
        Command::History(args) => history::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Import(args) => import::run(args).await,
    }
}
