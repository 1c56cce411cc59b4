//! A SCIM server of a few lines that does what Microsoft's tests want, and one thing wrong where it is told to.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
    response::IntoResponse as _,
};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet};

pub const TOKEN: &str = "a-token-nobody-may-see";

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The bugs of entra.md section 11 that a test can see from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    RemovingOneMemberEmptiesTheGroup,
    DottedKeysAreNames,
    OpsAreCaseSensitive,
    NoElementIsMade,
    ExternalIdCannotBePatched,
    ReplaceWithoutPathIsPut,
    NothingFoundIs404,
    InactiveUsersAreHidden,
    NoPatch,
    UniquenessRegardsCase,
    MembersCannotBeExcluded,
    ManagerIsNotReturned,
    UserAgentIsDemanded,
    OnlyPlainJson,
    FilterOnExternalIdFails,
    DeleteOfNobodyIs400,
    DeletedUsersStayVisible,
    TokenIsSentBack,
}

/// A running server.
pub struct Server {
    world: Arc<Mutex<World>>,
    url: String,
    _tasks: JoinSet<()>,
}

struct World {
    fault: Option<Fault>,
    users: Vec<Value>,
    groups: Vec<Value>,
    deleted: Vec<Value>,
    next_id: u32,
}

impl Server {
    pub async fn start(fault: Option<Fault>) -> Self {
        let world = Arc::new(Mutex::new(World {
            fault,
            users: Vec::new(),
            groups: Vec::new(),
            deleted: Vec::new(),
            next_id: 0,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scim", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(Arc::clone(&world));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            world,
            url,
            _tasks: tasks,
        }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// How many users and groups there are.
    pub fn resources(&self) -> usize {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.users.len() + world.groups.len()
    }
}

type Answer = (u16, Value);

fn error(status: u16, detail: &str) -> Answer {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    (
        status,
        json!({"schemas": schemas, "status": status.to_string(), "detail": detail}),
    )
}

async fn serve(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = world.refusal(&method, &headers).unwrap_or_else(|| {
        world.answer(
            &method,
            &uri,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    });
    let status = StatusCode::from_u16(status).unwrap();
    if body.is_null() {
        return status.into_response();
    }
    (
        status,
        [(header::CONTENT_TYPE, "application/scim+json")],
        body.to_string(),
    )
        .into_response()
}

impl World {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn refusal(&self, method: &Method, headers: &HeaderMap) -> Option<Answer> {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if text(header::AUTHORIZATION) != format!("Bearer {TOKEN}") {
            return Some(error(401, "no"));
        }
        if self.has(Fault::TokenIsSentBack) {
            return Some(error(400, text(header::AUTHORIZATION)));
        }
        if self.has(Fault::UserAgentIsDemanded) && text(header::USER_AGENT).is_empty() {
            return Some(error(403, "blocked"));
        }
        if self.has(Fault::OnlyPlainJson) && text(header::CONTENT_TYPE).contains("scim+json") {
            return Some(error(415, "application/json only"));
        }
        (self.has(Fault::NoPatch) && method == Method::PATCH).then(|| error(405, "no PATCH"))
    }

    fn answer(&mut self, method: &Method, uri: &Uri, body: Value) -> Answer {
        let path = uri.path().strip_prefix("/scim/").unwrap_or_default();
        let (collection, id) = path.split_once('/').unwrap_or((path, ""));
        let query = Query::parse(uri.query().unwrap_or_default());
        if collection == "Schemas" {
            return (200, schemas());
        }
        match (method.as_str(), id.is_empty()) {
            ("GET", true) => self.list(collection, &query),
            ("POST", true) => self.create(collection, body),
            ("GET", false) => match self.find(collection, id) {
                Some(found) => (200, self.shown(found, &query)),
                None => error(404, "nobody"),
            },
            ("PATCH", false) => self.patch(collection, id, &body),
            ("DELETE", false) => self.delete(collection, id),
            _ => error(405, "no such call"),
        }
    }

    fn all(&self, collection: &str) -> &Vec<Value> {
        if collection == "Users" {
            &self.users
        } else {
            &self.groups
        }
    }

    fn all_mut(&mut self, collection: &str) -> &mut Vec<Value> {
        if collection == "Users" {
            &mut self.users
        } else {
            &mut self.groups
        }
    }

    fn find(&self, collection: &str, id: &str) -> Option<&Value> {
        let gone = self
            .deleted
            .iter()
            .filter(|_| self.has(Fault::DeletedUsersStayVisible));
        self.all(collection)
            .iter()
            .chain(gone)
            .find(|resource| resource["id"] == id)
    }

    fn shown(&self, resource: &Value, query: &Query) -> Value {
        let mut shown = resource.clone();
        let fields = shown.as_object_mut().unwrap();
        if query.excluded == "members" && !self.has(Fault::MembersCannotBeExcluded) {
            fields.remove("members");
        }
        if let Some(Value::Object(extension)) = fields.get_mut(ENTERPRISE)
            && self.has(Fault::ManagerIsNotReturned)
        {
            extension.remove("manager");
        }
        shown
    }

    fn list(&self, collection: &str, query: &Query) -> Answer {
        if query.filter.contains("externalId") && self.has(Fault::FilterOnExternalIdFails) {
            return error(500, "unknown attribute");
        }
        let is_hidden = |resource: &&Value| {
            self.has(Fault::InactiveUsersAreHidden) && resource["active"] == false
        };
        let all = self
            .all(collection)
            .iter()
            .filter(|resource| !is_hidden(resource));
        let found: Vec<&Value> = all
            .filter(|resource| matches(resource, &query.filter))
            .collect();
        if found.is_empty() && !query.filter.is_empty() && self.has(Fault::NothingFoundIs404) {
            return error(404, "nothing");
        }
        let page: Vec<Value> = found
            .iter()
            .skip(query.start.max(1) - 1)
            .take(query.count)
            .map(|resource| self.shown(resource, query))
            .collect();
        (
            200,
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": found.len(),
                "startIndex": query.start.max(1), "itemsPerPage": page.len(), "Resources": page}),
        )
    }

    fn is_taken(&self, collection: &str, resource: &Value) -> bool {
        let attribute = if collection == "Users" {
            "userName"
        } else {
            "displayName"
        };
        let key = |value: &Value| {
            let name = value[attribute].as_str().unwrap_or_default();
            if self.has(Fault::UniquenessRegardsCase) {
                name.to_owned()
            } else {
                name.to_lowercase()
            }
        };
        let mut others = self
            .all(collection)
            .iter()
            .filter(|other| other["id"] != resource["id"]);
        others.any(|other| key(other) == key(resource))
    }

    fn create(&mut self, collection: &str, mut resource: Value) -> Answer {
        if self.is_taken(collection, &resource) {
            let (status, mut body) = error(409, "taken");
            body["scimType"] = json!("uniqueness");
            return (status, body);
        }
        self.next_id += 1;
        resource["id"] = json!(format!("id-{}", self.next_id));
        resource["meta"] = json!({"resourceType": collection.trim_end_matches('s')});
        self.all_mut(collection).push(resource.clone());
        (201, resource)
    }

    fn delete(&mut self, collection: &str, id: &str) -> Answer {
        let all = self.all_mut(collection);
        let Some(at) = all.iter().position(|resource| resource["id"] == id) else {
            let status = if self.has(Fault::DeleteOfNobodyIs400) {
                400
            } else {
                404
            };
            return error(status, "nobody");
        };
        let gone = all.remove(at);
        self.deleted.push(gone);
        (204, Value::Null)
    }

    fn patch(&mut self, collection: &str, id: &str, body: &Value) -> Answer {
        let Some(at) = self
            .all(collection)
            .iter()
            .position(|resource| resource["id"] == id)
        else {
            return error(404, "nobody");
        };
        let mut changed = self.all(collection)[at].clone();
        for operation in body["Operations"].as_array().unwrap() {
            let op = operation["op"].as_str().unwrap();
            if self.has(Fault::OpsAreCaseSensitive) && op.to_lowercase() != op {
                return error(400, "invalid op");
            }
            let (op, value) = (op.to_lowercase(), &operation["value"]);
            let done = match operation["path"].as_str() {
                Some(path) => self.apply(&mut changed, &op, path, value),
                None => self.apply_object(&mut changed, &op, value.as_object().unwrap()),
            };
            if let Err(detail) = done {
                return error(400, detail);
            }
        }
        if self.is_taken(collection, &changed) {
            return error(409, "taken");
        }
        if changed[ENTERPRISE].is_object() {
            let schemas = changed["schemas"].as_array_mut().unwrap();
            if !schemas.contains(&json!(ENTERPRISE)) {
                schemas.push(json!(ENTERPRISE));
            }
        }
        self.all_mut(collection)[at] = changed;
        (204, Value::Null)
    }

    fn apply_object(
        &self,
        resource: &mut Value,
        op: &str,
        object: &Map<String, Value>,
    ) -> Result<(), &'static str> {
        if self.has(Fault::ReplaceWithoutPathIsPut) {
            let fields = resource.as_object_mut().unwrap();
            fields.retain(|name, _| {
                ["id", "meta", "schemas", "userName", "displayName"].contains(&name.as_str())
            });
        }
        for (path, value) in object {
            if self.has(Fault::DottedKeysAreNames) && path.contains('.') {
                resource[path] = value.clone();
            } else {
                self.apply(resource, op, path, value)?;
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        resource: &mut Value,
        op: &str,
        path: &str,
        value: &Value,
    ) -> Result<(), &'static str> {
        if path == "externalId" && self.has(Fault::ExternalIdCannotBePatched) {
            return Ok(());
        }
        if path.starts_with("members") {
            self.apply_members(resource, op, path, value);
            return Ok(());
        }
        let value = match value {
            Value::String(text) if text.is_empty() => &Value::Null,
            Value::Object(object) if object.get("value") == Some(&json!("")) => &Value::Null,
            _ if op == "remove" => &Value::Null,
            other => other,
        };
        if let Some(name) = path.strip_prefix(ENTERPRISE) {
            let name = name.trim_start_matches(':');
            let value = match value {
                Value::String(id) if name == "manager" => json!({"value": id}),
                other => other.clone(),
            };
            set(&mut resource[ENTERPRISE], name, value);
        } else if let Some((list, rest)) = path.split_once('[') {
            let (filter, sub) = rest.split_once("].").unwrap();
            let (key, literal) = filter.split_once(" eq ").unwrap();
            let wanted: Value = serde_json::from_str(literal).unwrap();
            if !resource[list].is_array() {
                resource[list] = json!([]);
            }
            let elements = resource[list].as_array_mut().unwrap();
            let at = elements.iter().position(|element| element[key] == wanted);
            let at = match at {
                Some(at) => at,
                None if self.has(Fault::NoElementIsMade) => return Err("noTarget"),
                None => {
                    elements.push(json!({key: wanted}));
                    elements.len() - 1
                }
            };
            set(&mut elements[at], sub, value.clone());
        } else if let Some((name, sub)) = path.split_once('.') {
            set(&mut resource[name], sub, value.clone());
        } else {
            set(resource, path, value.clone());
        }
        Ok(())
    }

    fn apply_members(&self, group: &mut Value, op: &str, path: &str, value: &Value) {
        let named: Vec<Value> = match path.split('"').nth(1) {
            Some(id) => vec![json!(id)],
            None => value
                .as_array()
                .into_iter()
                .flatten()
                .map(|member| member["value"].clone())
                .collect(),
        };
        let mut members = group["members"].as_array().cloned().unwrap_or_default();
        match op {
            "remove" if named.is_empty() || self.has(Fault::RemovingOneMemberEmptiesTheGroup) => {
                members.clear();
            }
            "remove" => members.retain(|member| !named.contains(&member["value"])),
            "replace" => members = value.as_array().cloned().unwrap_or_default(),
            _ => members.extend(value.as_array().into_iter().flatten().cloned()),
        }
        group["members"] = members.into();
    }
}

/// Null takes away.
fn set(of: &mut Value, name: &str, value: Value) {
    if value.is_null() {
        if let Some(fields) = of.as_object_mut() {
            fields.remove(name);
        }
    } else {
        of[name] = value;
    }
}

struct Query {
    filter: String,
    excluded: String,
    start: usize,
    count: usize,
}

impl Query {
    fn parse(query: &str) -> Self {
        let value = |name: &str| {
            let raw = query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            let raw = raw.unwrap_or_default().replace('+', " ");
            percent_encoding::percent_decode_str(&raw)
                .decode_utf8()
                .unwrap()
                .into_owned()
        };
        Self {
            filter: value("filter"),
            excluded: value("excludedAttributes"),
            start: value("startIndex").parse().unwrap_or(1),
            count: value("count").parse().unwrap_or(100),
        }
    }
}

/// Comparisons joined by `and`.
fn matches(resource: &Value, filter: &str) -> bool {
    let terms = filter.split(" and ").filter(|term| !term.is_empty());
    terms.into_iter().all(|term| {
        let (path, literal) = term.split_once(" eq ").expect("only eq is asked for");
        let wanted: Value = serde_json::from_str(literal).unwrap();
        let value = if path.ends_with("manager") || path.ends_with("manager.value") {
            &resource[ENTERPRISE]["manager"]["value"]
        } else {
            &resource[path]
        };
        match (value, &wanted) {
            (Value::String(value), Value::String(wanted))
                if ["userName", "displayName"].contains(&path) =>
            {
                value.to_lowercase() == wanted.to_lowercase()
            }
            _ => *value == wanted,
        }
    })
}

fn attribute(name: &str, of_type: &str) -> Value {
    json!({"name": name, "type": of_type, "description": name, "multiValued": false, "required": false, "caseExact": false,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none"})
}

fn plain(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| attribute(name, "string")).collect()
}

fn complex(name: &str, subs: &[&str], types: &[&str]) -> Value {
    let mut attribute = attribute(name, "complex");
    let mut sub_attributes = plain(subs);
    attribute["multiValued"] = json!(!types.is_empty());
    if !types.is_empty() {
        let mut kind = plain(&["type"]).remove(0);
        kind["canonicalValues"] = json!(types);
        sub_attributes.push(kind);
    }
    attribute["subAttributes"] = sub_attributes.into();
    attribute
}

fn schemas() -> Value {
    let address = [
        "formatted",
        "streetAddress",
        "locality",
        "region",
        "postalCode",
        "country",
    ];
    let name = [
        "formatted",
        "familyName",
        "givenName",
        "middleName",
        "honorificPrefix",
        "honorificSuffix",
    ];
    let mut user = plain(&[
        "userName",
        "active",
        "externalId",
        "displayName",
        "title",
        "preferredLanguage",
        "nickName",
        "userType",
        "locale",
        "timezone",
        "profileUrl",
    ]);
    user.extend([
        complex("name", &name, &[]),
        complex("emails", &["value"], &["work", "home", "other"]),
        complex(
            "phoneNumbers",
            &["value"],
            &["work", "mobile", "fax", "home", "other", "pager"],
        ),
        complex("addresses", &address, &["work", "home", "other"]),
        complex("roles", &["value", "display"], &["work"]),
    ]);
    let mut enterprise = plain(&[
        "employeeNumber",
        "department",
        "costCenter",
        "organization",
        "division",
    ]);
    enterprise.push(complex("manager", &["value"], &[]));
    let mut group = plain(&["displayName", "externalId"]);
    group.push(complex("members", &["value"], &["User"]));
    let schemas = [(USER, user), (ENTERPRISE, enterprise), (GROUP, group)];
    let schemas: Vec<_> = schemas
        .into_iter()
        .map(|(id, attributes)| json!({"id": id, "attributes": attributes}))
        .collect();
    json!({"totalResults": schemas.len(), "Resources": schemas})
}
