//! The bare skeleton of the service: HTTP, one statement, JSON, and nothing else. No authentication, no validation, no filters, no contract
//! between facade and core. It writes the same rows as durably, so it is the limit of the service's shape on this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio::process::Command;
use uuid::Uuid;

use crate::database;
use crate::ids::{self, Ids};
use crate::load::Target;
use crate::people;
use crate::process::Server;
use crate::raw::{self, Account, Engine, Mutation, NewAccount};

const URL_VARIABLE: &str = "BENCH_SKELETON_DATABASE_URL";
/// The endpoint's path.
const BASE: &str = "/scim/bench/v2";
/// As the service has.
const CONNECTIONS: u32 = 16;

/// Flags of the hidden subcommand.
#[derive(clap::Args)]
pub struct Args {
    /// The SQLite file; without it, the database that the environment names.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// The skeleton in a process of its own, so that what it costs can be told from what its clients cost.
pub struct Skeleton {
    /// The process.
    pub server: Server,
    /// What is put under load.
    pub target: Arc<Target>,
}

impl Skeleton {
    /// Starts it on a preloaded file or database.
    pub async fn start(on: On<'_>, people: u32) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("skeleton");
        match on {
            On::Sqlite(file) => command.arg("--file").arg(file),
            On::Postgres(options) => command.env(URL_VARIABLE, database::url(options)),
        };
        let server = Server::start(command).await?;
        let ids = (0..people)
            .map(|number| ids::numbered(number.into()).to_string())
            .collect();
        let target = Target::new(server.http, BASE.to_owned(), "none".to_owned(), ids);
        Ok(Self {
            server,
            target: Arc::new(target),
        })
    }
}

/// What the skeleton stands on.
#[derive(Clone, Copy)]
pub enum On<'a> {
    /// A file with the service's tables.
    Sqlite(&'a Path),
    /// A database with the service's tables.
    Postgres(&'a PgConnectOptions),
}

impl On<'_> {
    /// Opens it in this process.
    pub async fn open(self, connections: u32) -> Result<Engine> {
        Ok(match self {
            On::Sqlite(file) => Engine::Sqlite(raw::sqlite::Database::open(file).await?),
            On::Postgres(options) => {
                Engine::Postgres(raw::postgres::Database::open(options.clone(), connections).await?)
            }
        })
    }
}

/// Serves until standard input ends.
pub async fn run(args: &Args) -> Result<()> {
    let engine = if let Some(file) = &args.file {
        On::Sqlite(file).open(CONNECTIONS).await?
    } else {
        let url = std::env::var(URL_VARIABLE)
            .with_context(|| format!("neither --file nor {URL_VARIABLE}"))?;
        let options = url.parse::<PgConnectOptions>()?.disable_statement_logging();
        On::Postgres(&options).open(CONNECTIONS).await?
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let ready =
        serde_json::json!({ "ready": true, "http": format!("http://{}", listener.local_addr()?) });
    println!("{ready}");
    // Whatever comes, and be it an error: at its end, the one who started us has gone.
    let input_ends = || io::copy(&mut io::stdin(), &mut io::sink());
    let stopped = async move { drop(tokio::task::spawn_blocking(input_ends).await) };
    Ok(axum::serve(listener, router(engine))
        .with_graceful_shutdown(stopped)
        .await?)
}

struct Shared {
    engine: Engine,
    ids: Ids,
}

fn router(engine: Engine) -> Router {
    Router::new()
        .route("/nothing", get(nothing))
        .route(&format!("{BASE}/Users"), get(find).post(create))
        .route(&format!("{BASE}/Users/{{id}}"), get(by_id).patch(patch))
        .with_state(Arc::new(Shared {
            engine,
            ids: Ids::new(),
        }))
}

type Answer = Result<Response, Failure>;

/// What the load takes for the end of the turn.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

/// The wire's limit: an answer of the usual size.
async fn nothing() -> Response {
    json(
        StatusCode::OK,
        people::create_body("user00000000@bench.example", ""),
    )
}

async fn find(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let user_name = query
        .split("%22")
        .nth(1)
        .context("the filter compares with a text")?
        .replace("%40", "@");
    let found = shared.engine.find_by_user_name(&user_name).await?;
    let total = usize::from(found.is_some());
    let resource = found
        .as_ref()
        .map(resource)
        .transpose()?
        .unwrap_or_default();
    let list = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{total},"startIndex":1,"itemsPerPage":{total},"Resources":[{resource}]}}"#
    );
    Ok(json(StatusCode::OK, list))
}

async fn by_id(State(shared): State<Arc<Shared>>, UrlPath(id): UrlPath<Uuid>) -> Answer {
    Ok(match shared.engine.find_by_id(id).await? {
        Some(account) => json(StatusCode::OK, resource(&account)?),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

/// What a create has to read; the rest is stored as it came.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    user_name: &'a str,
    external_id: &'a str,
}

async fn create(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let create: Create<'_> = serde_json::from_slice(&body)?;
    let account = NewAccount {
        id: shared.ids.id(),
        user_name: create.user_name.to_owned(),
        object_id: create.external_id.to_owned(),
        document: people::document(create.user_name),
    };
    let account = shared.engine.write(Mutation::Create(account)).await?;
    Ok(json(StatusCode::CREATED, resource(&account)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Patch<'a> {
    #[serde(borrow)]
    operations: [PatchOperation<'a>; 1],
}

#[derive(Deserialize)]
struct PatchOperation<'a> {
    value: &'a str,
}

async fn patch(
    State(shared): State<Arc<Shared>>,
    UrlPath(id): UrlPath<Uuid>,
    body: Bytes,
) -> Answer {
    let patch: Patch<'_> = serde_json::from_slice(&body)?;
    let active = patch.operations[0].value == "True";
    let account = shared
        .engine
        .write(Mutation::SetActive { id, active })
        .await?;
    Ok(json(StatusCode::OK, resource(&account)?))
}

/// The account as SCIM shows it: what has columns, then the stored attributes.
fn resource(account: &Account) -> Result<String> {
    let attributes = account
        .document
        .strip_prefix('{')
        .context("a document is an object")?;
    Ok(format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"{}","externalId":{},"userName":{},"active":{},"meta":{{"resourceType":"User","version":"W/\"{}\"","location":"http://localhost{BASE}/Users/{}"}},{attributes}"#,
        account.id,
        serde_json::to_string(&account.object_id)?,
        serde_json::to_string(&account.user_name)?,
        account.directory_active,
        account.version,
        account.id,
    ))
}

fn json(status: StatusCode, body: String) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/scim+json")],
        body,
    )
        .into_response()
}
