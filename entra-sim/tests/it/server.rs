//! The server of these tests: honest, small, strict about what Entra sends, and breakable on purpose.

mod groups;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use entra_sim::Target;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

pub const TOKEN: &str = "a-token-nobody-may-see";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What the server does instead of answering well.
#[derive(Clone, Debug)]
pub enum Fault {
    Status(u16),
    RetryAfter(u16, u64),
    Body(Value),
    /// The connection breaks before anything is done.
    Dropped,
    /// The connection breaks after everything is done.
    Lost,
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub method: Method,
    pub path: String,
    pub body: Value,
}

type FaultOf = Box<dyn FnMut(&Recorded) -> Option<Fault> + Send>;
type ViewOf = fn(&mut Value);

pub struct World {
    pub accounts: BTreeMap<String, Value>,
    pub groups: BTreeMap<String, Value>,
    pub requests: Vec<Recorded>,
    fault_of: FaultOf,
    view: ViewOf,
}

/// The server and its world; the world outlives a kill.
pub struct Server {
    world: Arc<Mutex<World>>,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Server {
    pub async fn start() -> Self {
        let world = World {
            accounts: BTreeMap::new(),
            groups: BTreeMap::new(),
            requests: Vec::new(),
            fault_of: Box::new(|_| None),
            view: |_| {},
        };
        Self::start_with(Arc::new(Mutex::new(world))).await
    }

    async fn start_with(world: Arc<Mutex<World>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&world)));
        Self {
            world,
            address,
            tasks,
        }
    }

    /// Cuts every connection, as a killed process does.
    pub fn kill(&mut self) {
        self.tasks.abort_all();
    }

    /// The same data under another address.
    pub async fn restart(&self) -> Self {
        Self::start_with(Arc::clone(&self.world)).await
    }

    pub fn target(&self) -> Target {
        self.target_at("")
    }

    pub fn target_at(&self, query: &str) -> Target {
        let url = format!("http://{}/scim/acme/v2{query}", self.address);
        Target::parse(&url, TOKEN.into()).unwrap()
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub fn break_with(&self, fault_of: impl FnMut(&Recorded) -> Option<Fault> + Send + 'static) {
        self.world().fault_of = Box::new(fault_of);
    }

    pub fn repair(&self) {
        self.break_with(|_| None);
    }

    /// What is shown of each account, for servers that show something else than they hold.
    pub fn show(&self, view: ViewOf) {
        self.world().view = view;
    }

    pub fn insert(&self, id: &str, account: Value) {
        let mut account = account;
        account["id"] = json!(id);
        self.world().accounts.insert(id.to_owned(), account);
    }

    pub fn account(&self, id: &str) -> Value {
        self.world().accounts[id].clone()
    }

    /// The requests since the last call.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.world().requests)
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, world: Arc<Mutex<World>>) {
    let router = Router::new().fallback(serve).with_state(world);
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let router = router.clone();
        let service = tower::service_fn(move |request: Request<_>| {
            let router = router.clone();
            async move {
                let response = router.oneshot(request.map(Body::new)).await.unwrap();
                match response.extensions().get::<Fault>() {
                    // An error of the service makes the server close the connection without an answer.
                    Some(_) => Err(io::Error::other("cut")),
                    None => Ok(response),
                }
            }
        });
        connections.spawn(async move {
            let service = TowerToHyperService::new(service);
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn serve(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    check_headers(&headers, !body.is_empty());
    let path = uri.path_and_query().unwrap().as_str();
    let recorded = Recorded {
        method,
        path: path.strip_prefix("/scim/acme/v2").unwrap().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mut world = lock(&world);
    world.requests.push(recorded.clone());
    let fault = (world.fault_of)(&recorded);
    match fault {
        None => world.answer(&recorded),
        Some(Fault::Status(status)) => error(status, "broken on purpose"),
        Some(Fault::RetryAfter(status, seconds)) => {
            let mut response = error(status, "slow down");
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
            response
        }
        Some(Fault::Body(body)) => reply(200, &body),
        Some(fault @ Fault::Dropped) => cut(fault),
        Some(fault @ Fault::Lost) => {
            world.answer(&recorded);
            cut(fault)
        }
    }
}

/// What Entra sends and, more important, what it does not.
fn check_headers(headers: &HeaderMap, has_body: bool) {
    let names: Vec<&str> = headers.keys().map(header::HeaderName::as_str).collect();
    let expected: &[&str] = if has_body {
        &["authorization", "content-length", "content-type", "host"]
    } else {
        &["authorization", "host"]
    };
    let mut sorted: Vec<&str> = names
        .into_iter()
        .filter(|name| has_body || *name != "content-length")
        .collect();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
    if has_body {
        assert_eq!(
            headers["content-type"],
            "application/scim+json; charset=utf-8"
        );
    }
}

fn cut(fault: Fault) -> Response<Body> {
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(fault);
    response
}

fn reply(status: u16, body: &Value) -> Response<Body> {
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, "application/scim+json")],
        body.to_string(),
    )
        .into_response()
}

fn error(status: u16, detail: &str) -> Response<Body> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "detail": detail,
    });
    reply(status, &body)
}

impl World {
    fn answer(&mut self, request: &Recorded) -> Response<Body> {
        if request.path.starts_with("/Groups") {
            return self.answer_of_groups(request);
        }
        let id = request.path.strip_prefix("/Users/");
        match (request.method.as_str(), id) {
            ("GET", None) => self.find(&request.path),
            ("POST", None) => self.create(request.body.clone()),
            ("GET", Some(id)) => self.show(id, 200),
            ("PATCH", Some(id)) => self.patch(id, &request.body),
            ("DELETE", Some(id)) => match self.accounts.remove(id) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => error(404, "no such account"),
            },
            _ => error(405, "no such call"),
        }
    }

    fn find(&self, path: &str) -> Response<Body> {
        let filter = path
            .strip_prefix("/Users?filter=")
            .expect("users are only found by filter");
        let found: Vec<Value> = matching(self.accounts.values(), filter)
            .map(|account| self.seen(account))
            .collect();
        reply(200, &list_of(&found))
    }

    /// Ids follow from the object, so that they do not depend on who came first.
    fn create(&mut self, mut account: Value) -> Response<Body> {
        let name = account["userName"]
            .as_str()
            .expect("userName is always sent")
            .to_lowercase();
        if self
            .accounts
            .values()
            .any(|other| other["userName"].as_str().unwrap().to_lowercase() == name)
        {
            return error(409, "userName is already in use");
        }
        let id = format!(
            "acc/{}",
            account["externalId"].as_str().unwrap().replace('-', "")
        );
        let id = id.replace('/', "-");
        account["id"] = json!(id);
        self.accounts.insert(id.clone(), account);
        self.show(&id, 201)
    }

    fn show(&self, id: &str, status: u16) -> Response<Body> {
        match self.accounts.get(id) {
            Some(account) => reply(status, &self.seen(account)),
            None => error(404, "no such account"),
        }
    }

    fn seen(&self, account: &Value) -> Value {
        let mut account = account.clone();
        (self.view)(&mut account);
        account
    }

    fn patch(&mut self, id: &str, body: &Value) -> Response<Body> {
        let Some(account) = self.accounts.get(id) else {
            return error(404, "no such account");
        };
        let mut changed = account.clone();
        for operation in body["Operations"]
            .as_array()
            .expect("a PATCH has operations")
        {
            let op = operation["op"].as_str().unwrap().to_ascii_lowercase();
            let value = &operation["value"];
            match (operation["path"].as_str(), op.as_str()) {
                (Some(path), "remove") => set(&mut changed, path, Value::Null),
                (Some(path), "add" | "replace") => set(&mut changed, path, value.clone()),
                (None, "add" | "replace") => {
                    for (path, value) in value.as_object().expect("no path, so an object") {
                        set(&mut changed, path, value.clone());
                    }
                }
                other => panic!("no such operation: {other:?}"),
            }
        }
        let name = changed["userName"].as_str().unwrap().to_lowercase();
        let taken = self.accounts.iter().any(|(other, account)| {
            other != id && account["userName"].as_str().unwrap().to_lowercase() == name
        });
        if taken {
            return error(409, "userName is already in use");
        }
        self.accounts.insert(id.to_owned(), changed);
        // Half of the servers answer so, half so; by the id, each account is treated alike.
        if id.bytes().map(u32::from).sum::<u32>() % 2 == 0 {
            StatusCode::NO_CONTENT.into_response()
        } else {
            self.show(id, 200)
        }
    }
}

/// What an `eq` filter selects, without regard to case.
fn matching<'r>(
    resources: impl Iterator<Item = &'r Value>,
    filter: &str,
) -> impl Iterator<Item = &'r Value> {
    let filter = filter.replace('+', " ");
    let filter = percent_encoding::percent_decode_str(&filter)
        .decode_utf8()
        .unwrap()
        .into_owned();
    let (attribute, value) = filter
        .strip_suffix('"')
        .and_then(|filter| filter.split_once(" eq \""))
        .map(|(attribute, value)| (attribute.to_owned(), value.to_lowercase()))
        .expect("the filter compares one attribute");
    resources.filter(move |resource| {
        resource[&attribute]
            .as_str()
            .is_some_and(|found| found.to_lowercase() == value)
    })
}

fn list_of(found: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": found.len(), "startIndex": 1, "itemsPerPage": found.len(), "Resources": found,
    })
}

/// Sets an attribute by the kinds of path Entra uses.
fn set(account: &mut Value, path: &str, value: Value) {
    if let Some(name) = path.strip_prefix(ENTERPRISE) {
        let name = name.trim_start_matches(':');
        let value = match (name, value) {
            ("manager", Value::String(id)) => json!({"value": id}),
            (_, other) => other,
        };
        account[ENTERPRISE][name] = value;
    } else if let Some((list, rest)) = path.split_once("[type eq \"") {
        let (kind, part) = rest
            .split_once("\"].")
            .expect("a value path ends with an attribute");
        if !account[list].is_array() {
            account[list] = json!([]);
        }
        let elements = account[list].as_array_mut().unwrap();
        let at = elements
            .iter()
            .position(|element| element["type"] == kind)
            .unwrap_or_else(|| {
                elements.push(json!({"type": kind}));
                elements.len() - 1
            });
        elements[at][part] = value;
    } else if let Some(part) = path.strip_prefix("name.") {
        account["name"][part] = value;
    } else {
        account[path] = match (path, value) {
            ("active", Value::String(word)) => json!(word.eq_ignore_ascii_case("true")),
            (_, other) => other,
        };
    }
}
