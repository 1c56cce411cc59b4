//! A service on fresh data: one process of all roles, restarted on the same data at will.

use std::{path::Path, process::Output};

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use super::{Engine, Process, ScimClient, database::Database, process};

/// A running service. `folder` and the database go when it is dropped.
pub struct Service {
    pub engine: Engine,
    // Before the data, so that it ends first.
    pub process: Process,
    database: Option<Database>,
    folder: TempDir,
    args: Vec<String>,
}

/// A tenant with its SCIM token.
pub struct Tenant {
    pub identifier: String,
    pub endpoint: String,
    pub token: String,
    pub token_id: String,
    pub mask: String,
    pub scim: ScimClient,
}

/// What generated clients call through.
pub type Admin = InterceptedService<Channel, Bearer>;

/// Puts a JWT into every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Service {
    /// Starts on fresh data.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    /// Starts on fresh data with more arguments of `serve`.
    pub async fn start_with(engine: Engine, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create().await),
        };
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let process = serve(folder.path(), database.as_ref(), &args).await;
        Self {
            engine,
            process,
            database,
            folder,
            args,
        }
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Of PostgreSQL; none for SQLite.
    pub fn database_url(&self) -> Option<String> {
        self.database.as_ref().map(Database::url)
    }

    /// The number that a statement answers with, once every change is numbered and, on SQLite, the process has ended.
    pub async fn count_at_rest(&mut self, statement: &'static str) -> i64 {
        if let Some(database) = &self.database {
            while database
                .count("SELECT COUNT(*) FROM changes WHERE number IS NULL")
                .await
                > 0
            {}
            return database.count(statement).await;
        }
        if self.process.is_running() {
            assert!(self.process.stop().await.success());
        }
        let mut connection = SqliteConnection::connect_with(&self.sqlite())
            .await
            .expect("the file is there");
        sqlx::query_scalar(statement)
            .fetch_one(&mut connection)
            .await
            .expect("the statement is right")
    }

    /// Runs a statement beside the service: what a faulty disk or a careless hand does to the data.
    pub async fn execute(&self, statement: &'static str) {
        if let Some(database) = &self.database {
            return database.execute(statement).await;
        }
        let mut connection = SqliteConnection::connect_with(&self.sqlite())
            .await
            .expect("the file is there");
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .expect("the statement is right");
    }

    fn sqlite(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new().filename(self.folder.path().join("provisiond.db"))
    }

    /// Kills the process and starts another on the same data.
    pub async fn kill_and_restart(&mut self) {
        self.process.kill().await;
        self.process = serve(self.folder.path(), self.database.as_ref(), &self.args).await;
    }

    /// Starts another process on the same data, after the one before has ended.
    pub async fn restart_stopped(&mut self) {
        self.process = serve(self.folder.path(), self.database.as_ref(), &self.args).await;
    }

    /// Starts one more process on the same database, with a data folder of its own: another replica.
    pub async fn replica(&self, name: &str, args: &[&str]) -> Process {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        serve(&folder, self.database.as_ref(), &args).await
    }

    /// Runs an administrative subcommand against the service.
    pub async fn cli(&self, args: &[&str]) -> Output {
        cli(args, &self.process, self.data_dir()).await
    }

    /// The same; it must succeed and print JSON.
    pub async fn cli_json(&self, args: &[&str]) -> Value {
        let output = self.cli(&[args, &["--json"]].concat()).await;
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    /// Makes a tenant with its token.
    pub async fn tenant(&self, identifier: &str) -> Tenant {
        self.cli_json(&["tenant", "create", identifier]).await;
        Tenant::from_json(
            identifier,
            &self.cli_json(&["token", "generate", identifier]).await,
        )
    }

    /// Puts a new token in place of the old one.
    pub async fn regenerate(&self, identifier: &str) -> Tenant {
        Tenant::from_json(
            identifier,
            &self.cli_json(&["token", "regenerate", identifier]).await,
        )
    }

    /// The same by way of a [`replica`](Self::replica) of this name.
    pub async fn regenerate_at(&self, replica: &Process, name: &str, identifier: &str) -> Tenant {
        let args = ["token", "regenerate", identifier, "--json"];
        let output = cli(&args, replica, &self.data_dir().join(name)).await;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let made = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        Tenant::from_json(identifier, &made)
    }

    /// Makes a JWT.
    pub async fn jwt(&self, scopes: &[&str], tenant: Option<&str>) -> String {
        let (data_dir, scopes) = (text(self.data_dir()), scopes.join(","));
        let mut args = vec!["jwt", "mint", "--scope", &scopes, "--data-dir", &data_dir];
        args.extend(tenant.iter().flat_map(|tenant| ["--tenant", tenant]));
        let output = process::run(&args.into_iter().map(str::to_owned).collect::<Vec<_>>()).await;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("a JWT is ASCII")
            .trim()
            .to_owned()
    }

    /// A channel without a credential.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(self.process.grpc().to_owned())
            .expect("a URL")
            .connect_lazy()
    }

    /// What generated clients of the operator call through.
    pub async fn operator(&self) -> Admin {
        self.caller(&["platform.operator"], None).await
    }

    /// What generated clients of a caller with these scopes call through.
    pub async fn caller(&self, scopes: &[&str], tenant: Option<&str>) -> Admin {
        self.bearer(&self.jwt(scopes, tenant).await)
    }

    /// What generated clients of the caller with this JWT call through.
    pub fn bearer(&self, jwt: &str) -> Admin {
        InterceptedService::new(
            self.channel(),
            Bearer(format!("Bearer {jwt}").parse().expect("ASCII")),
        )
    }
}

impl Tenant {
    /// Its client of a process that is not the one the endpoint names.
    pub fn at(&self, http: &str) -> ScimClient {
        ScimClient::new(
            format!("{http}/scim/{}/v2", self.identifier),
            Some(self.token.clone()),
        )
    }

    fn from_json(identifier: &str, made: &Value) -> Self {
        let text = |key: &str| {
            made[key]
                .as_str()
                .unwrap_or_else(|| panic!("{key} is a text"))
                .to_owned()
        };
        let (endpoint, token) = (text("endpoint"), text("token"));
        Self {
            identifier: identifier.to_owned(),
            scim: ScimClient::new(endpoint.clone(), Some(token.clone())),
            endpoint,
            token,
            token_id: text("token_id"),
            mask: text("mask"),
        }
    }
}

/// The process's own key, in its data folder, signs the call.
async fn cli(args: &[&str], process: &Process, data_dir: &Path) -> Output {
    let mut args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    args.extend([
        "--grpc".to_owned(),
        process.grpc().to_owned(),
        "--data-dir".to_owned(),
        text(data_dir),
    ]);
    process::run(&args).await
}

async fn serve(folder: &Path, database: Option<&Database>, more: &[String]) -> Process {
    let mut args: Vec<String> = [
        "serve",
        "--migrate",
        "--http-addr",
        "127.0.0.1:0",
        "--grpc-addr",
        "127.0.0.1:0",
        "--data-dir",
    ]
    .map(str::to_owned)
    .into();
    args.push(text(folder));
    if let Some(database) = database {
        args.extend(["--database-url".to_owned(), database.url()]);
    }
    args.extend_from_slice(more);
    Process::start(&args, &folder.join("log")).await
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path is UTF-8").to_owned()
}
