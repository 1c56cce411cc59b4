//! The only place that looks at the server after the cycles and says where it differs from what it should hold.

use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Answer;
use crate::connection::Link;
use crate::directory::{DirectoryUser, ObjectId};
use crate::engine::Engine;
use crate::error_code::{Refusal, Step};
use crate::export::{expect_success, hits};
use crate::ledger::Promise;
use crate::mapping::{self, MANAGER};
use crate::reference::{self, Manager};

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The object in Entra.
    pub object_id: ObjectId,
    /// The account on the server, when known.
    pub scim_id: Option<String>,
    /// The attribute, or what was asked.
    pub what: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Engine {
    /// Compares the server with the directory: every linked account is found by its name and by its id and holds every mapped
    /// attribute, suspended ones too; what was purged is gone. Empty when all is well.
    pub async fn verify(&self) -> Vec<Difference> {
        let deleted = self.deleted_accounts();
        let deleted = &deleted;
        let checks = (0..self.connections().len()).map(|index| async move {
            let user = &self.directory().users()[index];
            let connection = &self.connections()[index];
            let mut found = Findings::of(user.object_id);
            match &connection.link {
                Some(link) if link.managed => {
                    let manager_was_sent = connection.exported_manager.is_some();
                    self.check_linked(user, link, manager_was_sent, &mut found)
                        .await;
                }
                Some(link) => self.check_unmanaged(link, &mut found).await,
                None if connection.last_error.is_some() => {
                    found.add("provisioned", "an account", "an error");
                }
                None if user.is_active() => found.add("provisioned", "an account", "none"),
                None => self.check_absent(user, deleted, &mut found).await,
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
            .map(|(id, _)| *id)
            .collect();
        let gone = &gone;
        let checks = promises.iter().map(|(scim_id, promise)| async move {
            let object_id = promise.object_id.expect("a promise comes from a write");
            let mut found = Findings::of(object_id).on(scim_id);
            match self.client().get_user(scim_id).await {
                Ok(answer) => check_promise(&answer, promise, gone, &mut found),
                Err(failure) => found.refuse(&Refusal::from_failure(failure, Step::ById)),
            }
            found.differences
        });
        collect(checks, self.concurrency()).await
    }

    async fn check_linked(
        &self,
        user: &DirectoryUser,
        link: &Link,
        manager_was_sent: bool,
        found: &mut Findings,
    ) {
        found.scim_id = Some(link.scim_id.clone());
        match expect_success(self.client().get_user(&link.scim_id).await, Step::ById) {
            Ok(answer) => {
                let wanted = reference::wanted(user, self.connections());
                check_attributes(user, &answer.body, wanted, manager_was_sent, found);
            }
            Err(refusal) => found.refuse(&refusal),
        }
        match self.ids_by_name(&user.user_principal_name).await {
            Ok(ids) if ids == [link.scim_id.as_str()] => {}
            Ok(ids) => found.add("userName filter", &link.scim_id, &ids.join(", ")),
            Err(refusal) => found.refuse(&refusal),
        }
    }

    /// Unassigned: suspended, and nothing else is promised.
    async fn check_unmanaged(&self, link: &Link, found: &mut Findings) {
        found.scim_id = Some(link.scim_id.clone());
        match expect_success(self.client().get_user(&link.scim_id).await, Step::ById) {
            Ok(answer) => {
                let active = mapping::read_path(&answer.body, "active");
                found.compare("active", &Value::Bool(false), active.as_ref());
            }
            Err(refusal) => found.refuse(&refusal),
        }
    }

    /// Purged, or never active: nobody has the name, and a deleted account is gone.
    async fn check_absent(
        &self,
        user: &DirectoryUser,
        deleted: &[(ObjectId, String)],
        found: &mut Findings,
    ) {
        let deleted = deleted
            .iter()
            .find(|(object_id, _)| *object_id == user.object_id);
        if let Some((_, scim_id)) = deleted {
            found.scim_id = Some(scim_id.clone());
            match self.client().get_user(scim_id).await {
                Ok(answer) if answer.status == 404 => {}
                Ok(answer) => found.add("GET by id", "404", &answer.status.to_string()),
                Err(failure) => found.refuse(&Refusal::from_failure(failure, Step::ById)),
            }
            match self.ids_by_name(&user.user_principal_name).await {
                Ok(ids) if ids.is_empty() => {}
                Ok(ids) => found.add("userName filter", "no account", &ids.join(", ")),
                Err(refusal) => found.refuse(&refusal),
            }
        }
    }

    async fn ids_by_name(&self, user_name: &str) -> Result<Vec<String>, Refusal> {
        let answer = expect_success(self.client().find_users(user_name).await, Step::Match)?;
        Ok(hits(&answer)?
            .iter()
            .filter_map(|resource| mapping::member(resource, "id")?.as_str())
            .map(str::to_owned)
            .collect())
    }

    fn deleted_accounts(&self) -> Vec<(ObjectId, String)> {
        let promises = self.report().ledger.promises();
        promises
            .iter()
            .filter(|(_, promise)| promise.must_be_gone)
            .filter_map(|(scim_id, promise)| Some((promise.object_id?, (*scim_id).to_owned())))
            .collect()
    }
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

fn check_attributes(
    user: &DirectoryUser,
    resource: &Value,
    wanted: Option<Manager>,
    manager_was_sent: bool,
    found: &mut Findings,
) {
    for (slot, expected) in mapping::desired(user) {
        if let Some(expected) = expected {
            found.compare(&slot.path(), &expected, slot.read(resource));
        }
    }
    let manager = mapping::read_path(resource, &MANAGER.path());
    match wanted {
        Some(Manager::Id(id)) => found.compare(&MANAGER.path(), &id.into(), manager.as_ref()),
        Some(Manager::Nobody) if manager_was_sent => {
            found.compare(&MANAGER.path(), &Value::Null, manager.as_ref());
        }
        Some(Manager::Nobody) | None => {}
    }
}

fn check_promise(answer: &Answer, promise: &Promise, gone: &[&str], found: &mut Findings) {
    match answer.status {
        200 if promise.must_be_gone => found.add("GET by id", "404", "200"),
        200 => {
            for (path, allowed) in &promise.values {
                let value = mapping::read_path(&answer.body, path).unwrap_or_default();
                // A server may drop the reference to an account that is deleted.
                let dangling = *path == MANAGER.path()
                    && value.is_null()
                    && allowed
                        .iter()
                        .filter_map(Value::as_str)
                        .any(|id| gone.contains(&id));
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
