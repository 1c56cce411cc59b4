//! The only place that looks at the server after the cycles and says where it differs from what it should hold.

use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Answer;
use crate::connection::Link;
use crate::connections::Object;
use crate::directory::{ObjectId, ObjectType};
use crate::engine::Engine;
use crate::error_code::{Refusal, Step};
use crate::export::{expect_success, hits};
use crate::ledger::Promise;
use crate::mapping::{self, MANAGER};
use crate::matching::Matching;
use crate::reference::{self, Manager};
use crate::source::{Source, Standing};

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The object in Entra.
    pub object_id: ObjectId,
    /// The account or group on the server, when known.
    pub scim_id: Option<String>,
    /// The attribute, or what was asked.
    pub what: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Engine {
    /// Compares the server with the directory: every linked account and group is found by its name and by its id and holds every
    /// mapped attribute and member, suspended ones too; what was purged is gone. Empty when all is well.
    pub async fn verify(&self) -> Vec<Difference> {
        let deleted = self.deleted();
        let deleted = &deleted;
        let checks = self.connections().objects().map(|object| async move {
            let source = self.source(object);
            let connection = self.connections().get(object);
            let mut found = Findings::of(source.object_id);
            match &connection.link {
                Some(link) if link.managed => {
                    self.check_linked(object, &source, link, &mut found).await;
                }
                Some(link) => self.check_unmanaged(link, &mut found).await,
                None if connection.last_error.is_some() => {
                    found.add("provisioned", "it is", "an error");
                }
                None if source.standing == Standing::Entitled => {
                    found.add("provisioned", "it is", "it is not");
                }
                None => self.check_absent(&source, deleted, &mut found).await,
            }
            found.differences
        });
        collect(checks, self.concurrency()).await
    }

    /// Looks for every write the server acknowledged: after a crash each must be found, unless a later write without an answer
    /// may have replaced it. Empty when nothing is lost.
    pub async fn verify_acknowledged(&self) -> Vec<Difference> {
        let promises = self.report().ledger.promises();
        let gone: Vec<&str> = promises
            .iter()
            .filter(|(_, promise)| !promise.must_exist)
            .map(|((_, id), _)| *id)
            .collect();
        let gone = &gone;
        let checks = promises
            .iter()
            .map(|((object_type, scim_id), promise)| async move {
                let object_id = promise.object_id.expect("a promise comes from a write");
                let mut found = Findings::of(object_id).on(scim_id);
                match self.client().get_whole(*object_type, scim_id).await {
                    Ok(answer) => check_promise(&answer, promise, gone, &mut found),
                    Err(failure) => found.refuse(&Refusal::from_failure(failure, Step::ById)),
                }
                found.differences
            });
        collect(checks, self.concurrency()).await
    }

    async fn check_linked(
        &self,
        object: Object,
        source: &Source,
        link: &Link,
        found: &mut Findings,
    ) {
        found.scim_id = Some(link.scim_id.clone());
        let answer = self
            .client()
            .get_whole(object.object_type, &link.scim_id)
            .await;
        match expect_success(answer, Step::ById) {
            Ok(answer) => {
                check_attributes(source, &answer.body, found);
                match object.object_type {
                    ObjectType::User => self.check_manager(object.index, &answer.body, found),
                    ObjectType::Group => self.check_members(object.index, &answer.body, found),
                }
            }
            Err(refusal) => found.refuse(&refusal),
        }
        match self.ids_by_name(source).await {
            Ok(ids) if ids == [link.scim_id.as_str()] => {}
            Ok(ids) => found.add(&by_name(source), &link.scim_id, &ids.join(", ")),
            Err(refusal) => found.refuse(&refusal),
        }
    }

    fn check_manager(&self, index: usize, resource: &Value, found: &mut Findings) {
        let user = &self.directory().users()[index];
        let was_sent = self.connections().users[index].exported_manager.is_some();
        let manager = mapping::read_path(resource, &MANAGER.path());
        match reference::wanted(user, &self.connections().users) {
            Some(Manager::Id(id)) => found.compare(&MANAGER.path(), &id.into(), manager.as_ref()),
            Some(Manager::Nobody) if was_sent => {
                found.compare(&MANAGER.path(), &Value::Null, manager.as_ref());
            }
            Some(Manager::Nobody) | None => {}
        }
    }

    /// Everybody with an account that Entra looks after is in the group or is not, as the directory says.
    fn check_members(&self, index: usize, resource: &Value, found: &mut Findings) {
        let group = &self.directory().groups()[index];
        for (user, connection) in self.connections().users.iter().enumerate() {
            let Some(link) = connection.managed_link() else {
                continue;
            };
            let path = mapping::member_path(&link.scim_id);
            let shown = mapping::has_member(resource, &link.scim_id);
            let expected = group.members.contains(&user);
            if shown != expected {
                found.add(&path, &expected.to_string(), &shown.to_string());
            }
        }
    }

    /// Unassigned: suspended, and nothing else is promised.
    async fn check_unmanaged(&self, link: &Link, found: &mut Findings) {
        found.scim_id = Some(link.scim_id.clone());
        let answer = self.client().get(ObjectType::User, &link.scim_id).await;
        match expect_success(answer, Step::ById) {
            Ok(answer) => {
                let active = mapping::read_path(&answer.body, "active");
                found.compare("active", &Value::Bool(false), active.as_ref());
            }
            Err(refusal) => found.refuse(&refusal),
        }
    }

    /// Purged, or never active: nobody has the name, and what was deleted is gone.
    async fn check_absent(
        &self,
        source: &Source,
        deleted: &[(ObjectId, String)],
        found: &mut Findings,
    ) {
        let deleted = deleted
            .iter()
            .find(|(object_id, _)| *object_id == source.object_id);
        if let Some((_, scim_id)) = deleted {
            found.scim_id = Some(scim_id.clone());
            match self.client().get(source.object_type, scim_id).await {
                Ok(answer) if answer.status == 404 => {}
                Ok(answer) => found.add("GET by id", "404", &answer.status.to_string()),
                Err(failure) => found.refuse(&Refusal::from_failure(failure, Step::ById)),
            }
            match self.ids_by_name(source).await {
                Ok(ids) if ids.is_empty() => {}
                Ok(ids) => found.add(&by_name(source), "nobody", &ids.join(", ")),
                Err(refusal) => found.refuse(&refusal),
            }
        }
    }

    async fn ids_by_name(&self, source: &Source) -> Result<Vec<String>, Refusal> {
        let answer = self
            .client()
            .find(source.object_type, Matching::Name, &source.name)
            .await;
        let answer = expect_success(answer, Step::Match)?;
        Ok(hits(&answer)?
            .iter()
            .filter_map(|resource| mapping::member(resource, "id")?.as_str())
            .map(str::to_owned)
            .collect())
    }

    fn deleted(&self) -> Vec<(ObjectId, String)> {
        let promises = self.report().ledger.promises();
        promises
            .iter()
            .filter(|(_, promise)| promise.must_be_gone)
            .filter_map(|((_, scim_id), promise)| Some((promise.object_id?, (*scim_id).to_owned())))
            .collect()
    }
}

/// How a difference names the matching query.
fn by_name(source: &Source) -> String {
    format!("{} filter", Matching::Name.attribute(source.object_type))
}

async fn collect<F>(checks: impl Iterator<Item = F>, concurrency: usize) -> Vec<Difference>
where
    F: Future<Output = Vec<Difference>>,
{
    stream::iter(checks)
        .buffered(concurrency)
        .map(stream::iter)
        .flatten()
        .collect()
        .await
}

fn check_attributes(source: &Source, resource: &Value, found: &mut Findings) {
    for (slot, expected) in &source.values {
        if let Some(expected) = expected {
            found.compare(&slot.path(), expected, slot.read(resource));
        }
    }
}

fn check_promise(answer: &Answer, promise: &Promise, gone: &[&str], found: &mut Findings) {
    match answer.status {
        200 if promise.must_be_gone => found.add("GET by id", "404", "200"),
        200 => {
            for (path, allowed) in &promise.values {
                let value = mapping::read_path(&answer.body, path).unwrap_or_default();
                // A server may drop the reference to an account that is deleted.
                let dangling = value.is_null() && refers_to(path, allowed, gone);
                if !allowed.contains(&value) && !dangling {
                    let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
                    found.add(path, &allowed.join(" or "), &value.to_string());
                }
            }
        }
        404 if !promise.must_exist => {}
        404 => found.add("GET by id", "200", "404"),
        _ => found.refuse(&Refusal::from_answer(answer, Step::ById)),
    }
}

/// Whether a path is a reference that was promised to one of these accounts.
fn refers_to(path: &str, allowed: &[Value], ids: &[&str]) -> bool {
    if *path == MANAGER.path() {
        return allowed
            .iter()
            .filter_map(Value::as_str)
            .any(|id| ids.contains(&id));
    }
    ids.iter().any(|id| *path == mapping::member_path(id))
}

/// Differences of one object.
struct Findings {
    object_id: ObjectId,
    scim_id: Option<String>,
    differences: Vec<Difference>,
}

impl Findings {
    fn of(object_id: ObjectId) -> Self {
        Self {
            object_id,
            scim_id: None,
            differences: Vec::new(),
        }
    }

    fn on(mut self, scim_id: &str) -> Self {
        self.scim_id = Some(scim_id.to_owned());
        self
    }

    fn add(&mut self, what: &str, expected: &str, found: &str) {
        self.differences.push(Difference {
            object_id: self.object_id,
            scim_id: self.scim_id.clone(),
            what: what.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    fn compare(&mut self, path: &str, expected: &Value, found: Option<&Value>) {
        let found = found.unwrap_or(&Value::Null);
        if expected != found {
            self.add(path, &expected.to_string(), &found.to_string());
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.add(
            "answer",
            "success",
            &format!("{}: {}", refusal.code, refusal.detail),
        );
    }
}
