//! The only place that decides what one user or group needs and does it: match, create, update, disable, delete.

use serde_json::Value;

use crate::body;
use crate::client::{Answer, ScimClient};
use crate::connection::{Connection, Escrow, Link};
use crate::directory::{ObjectId, ObjectType};
use crate::error_code::{ErrorCode, Refusal, Step, Stop};
use crate::ledger::{Outcome, Verb, Write};
use crate::mapping::{self, Edit, Observed, Slot};
use crate::matching::Matching;
use crate::report::{Action, Status};
use crate::scenario::FlagMode;
use crate::source::{Source, Standing};

/// How an account or group that is already linked is read before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadBy {
    /// `GET` by its id: a cycle over changes.
    Id,
    /// The matching query: a cycle over everything, and provision on demand.
    Match,
}

/// One object to export.
pub(crate) struct Job<'a> {
    pub(crate) source: Source,
    pub(crate) connection: &'a Connection,
    pub(crate) read_by: ReadBy,
    pub(crate) flag: FlagMode,
    pub(crate) tick: u32,
}

/// How an export went, and what the engine now knows.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) connection: Connection,
    pub(crate) action: Action,
    pub(crate) status: Status,
    pub(crate) error_code: Option<ErrorCode>,
    pub(crate) detail: String,
    pub(crate) changed: Vec<String>,
    pub(crate) writes: Vec<Write>,
    pub(crate) effect: Option<Effect>,
    pub(crate) matched: bool,
    pub(crate) patched: bool,
    pub(crate) repeated: bool,
    pub(crate) stop: Option<Stop>,
}

/// What a successful export did to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Created,
    Updated,
    Disabled,
    Enabled,
    Deleted,
    Referenced,
    MemberChanged,
}

impl Exported {
    pub(crate) fn begin(connection: &Connection, action: Action) -> Self {
        Self {
            connection: connection.clone(),
            action,
            status: Status::Success,
            error_code: None,
            detail: String::new(),
            changed: Vec::new(),
            writes: Vec::new(),
            effect: None,
            matched: false,
            patched: false,
            repeated: false,
            stop: None,
        }
    }

    fn skip(&mut self, code: ErrorCode, detail: &str) {
        self.action = Action::Other;
        self.status = Status::Skipped;
        self.error_code = Some(code);
        detail.clone_into(&mut self.detail);
    }

    pub(crate) fn fail(&mut self, refusal: Refusal) {
        self.status = Status::Failure;
        self.error_code = Some(refusal.code);
        self.detail.clone_from(&refusal.detail);
        self.effect = None;
        self.stop = refusal.stop;
        self.connection.last_error = Some((refusal.code, refusal.detail));
    }

    /// Why it failed; none when it did not.
    pub(crate) fn error(&self) -> Option<(ErrorCode, String)> {
        let code = self.error_code?;
        (self.status == Status::Failure).then(|| (code, self.detail.clone()))
    }

    /// Sorts a write's end into acknowledged, ambiguous and without effect, and notes it.
    pub(crate) fn record(
        &mut self,
        object_type: ObjectType,
        object_id: ObjectId,
        verb: Verb,
        set: Vec<(String, Value)>,
        result: Result<Answer, Refusal>,
    ) -> Result<Answer, Refusal> {
        let outcome = match &result {
            Ok(_) => Outcome::Acknowledged,
            Err(refusal) if refusal.ambiguous => Outcome::Ambiguous,
            Err(_) => return result,
        };
        let linked = self
            .connection
            .link
            .as_ref()
            .map(|link| link.scim_id.clone());
        let scim_id = linked.or_else(|| result.as_ref().ok().and_then(id_of));
        self.writes.push(Write {
            object_type,
            object_id,
            scim_id,
            verb,
            set,
            outcome,
        });
        result
    }
}

/// Exports one object; whatever happens is in the result.
pub(crate) async fn export(client: &ScimClient, job: &Job<'_>) -> Exported {
    let mut out = Exported::begin(job.connection, Action::Update);
    let result = attempt(client, job, &mut out).await;
    out.connection.seen_revision = Some(job.source.revision);
    match result {
        Ok(()) => {
            out.connection.escrow = None;
            out.connection.last_error = None;
        }
        Err(refusal) => {
            out.connection.escrow = Some(Escrow::after_failure(job.connection.escrow, job.tick));
            out.fail(refusal);
        }
    }
    out
}

async fn attempt(client: &ScimClient, job: &Job<'_>, out: &mut Exported) -> Result<(), Refusal> {
    let is_entitled = match job.source.standing {
        Standing::Gone => return delete(client, job, out).await,
        Standing::Entitled => true,
        Standing::NotEntitled => false,
    };
    let managed = out.connection.managed_link().cloned();
    let known = match managed {
        Some(link) => Some(read(client, job, &link).await?),
        // Disabled users are not created. A create without an answer may have made an account all the same.
        None if !is_entitled && !out.connection.ambiguous_create => {
            out.skip(
                ErrorCode::NotEffectivelyEntitled,
                "the user is not active, so no account is made",
            );
            return Ok(());
        }
        None => find(client, &job.source)
            .await?
            .inspect(|_| out.matched = true),
    };
    match known {
        Some(link) => {
            let first_export = out.matched;
            out.connection.link = Some(link);
            out.connection.ambiguous_create = false;
            update(client, job, out, first_export).await
        }
        None if is_entitled => create(client, job, out).await,
        None => {
            out.connection.ambiguous_create = false;
            out.skip(
                ErrorCode::NotEffectivelyEntitled,
                "the user is not active, so no account is made",
            );
            Ok(())
        }
    }
}

/// The matching queries in turn, until one hits: no hit, one hit, or an error.
async fn find(client: &ScimClient, source: &Source) -> Result<Option<Link>, Refusal> {
    for (matching, value) in &source.keys {
        let answer = client.find(source.object_type, *matching, value).await;
        let answer = expect_success(answer, Step::Match)?;
        match hits(&answer)? {
            [] => {}
            [resource] => {
                check_hit(source.object_type, *matching, value, resource)?;
                return link_of(source.object_type, resource).map(Some);
            }
            several => {
                return Err(Refusal::of(
                    ErrorCode::DuplicateTargetEntries,
                    format!(
                        "{} have this {}",
                        several.len(),
                        matching.attribute(source.object_type)
                    ),
                ));
            }
        }
    }
    Ok(None)
}

/// Entra would link whatever comes back; naming the broken filter helps more than taking over a stranger.
fn check_hit(
    object_type: ObjectType,
    matching: Matching,
    asked: &str,
    resource: &Value,
) -> Result<(), Refusal> {
    let attribute = matching.attribute(object_type);
    let shown = mapping::member(resource, attribute).and_then(Value::as_str);
    if shown.is_some_and(|shown| matching.is_same(asked, shown)) {
        return Ok(());
    }
    Err(Refusal::of(
        ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering,
        format!("the filter on {attribute} returned what has another {attribute}"),
    ))
}

/// Reads a linked object again. Matching queries that miss it (the name has changed) are followed by a read by id.
async fn read(client: &ScimClient, job: &Job<'_>, link: &Link) -> Result<Link, Refusal> {
    let object_type = job.source.object_type;
    if job.read_by == ReadBy::Match {
        for (matching, value) in &job.source.keys {
            let answer = client.find(object_type, *matching, value).await;
            let answer = expect_success(answer, Step::Match)?;
            let hits = hits(&answer)?;
            let linked = hits
                .iter()
                .find(|resource| resource["id"] == link.scim_id.as_str());
            if let Some(resource) = linked {
                return link_of(object_type, resource);
            }
            if !hits.is_empty() {
                break;
            }
        }
    }
    let answer = client.get(object_type, &link.scim_id).await;
    link_of(object_type, &expect_success(answer, Step::ById)?.body)
}

async fn create(client: &ScimClient, job: &Job<'_>, out: &mut Exported) -> Result<(), Refusal> {
    let source = &job.source;
    out.action = Action::Create;
    // A link that was left behind when the user lost the assignment is of no use: the name found nobody.
    out.connection.link = None;
    let sent: Vec<(String, Value)> = source
        .values
        .iter()
        .filter_map(|(slot, value)| Some((slot.path(), value.clone()?)))
        .collect();
    let body = body::create(source);
    let result = client.create(source.object_type, &body).await;
    let result = expect_success(result, Step::Create);
    let changed = sent.iter().map(|(path, _)| path.clone()).collect();
    let result = out.record(
        source.object_type,
        source.object_id,
        Verb::Create,
        sent,
        result,
    );
    if let Err(refusal) = &result {
        out.connection.ambiguous_create |= refusal.ambiguous;
    }
    out.connection.link = Some(link_of(source.object_type, &result?.body)?);
    out.connection.ambiguous_create = false;
    out.connection.exported_revision = Some(source.revision);
    out.connection.exported_manager = None;
    out.changed = changed;
    out.effect = Some(Effect::Created);
    Ok(())
}

async fn update(
    client: &ScimClient,
    job: &Job<'_>,
    out: &mut Exported,
    first_export: bool,
) -> Result<(), Refusal> {
    let link = out
        .connection
        .link
        .clone()
        .expect("the caller has just linked");
    let edits = link.observed.edits(&job.source);
    if edits.is_empty() {
        out.skip(ErrorCode::RedundantExport, "nothing differs");
    } else {
        patch(client, job, out, &link, &edits, first_export).await?;
    }
    out.connection.exported_revision = Some(job.source.revision);
    if let (Some(link), false) = (&mut out.connection.link, job.source.assigned) {
        // The loss is exported; from now on the account is nobody's business here.
        link.managed = false;
    }
    Ok(())
}

async fn patch(
    client: &ScimClient,
    job: &Job<'_>,
    out: &mut Exported,
    link: &Link,
    edits: &[Edit],
    first_export: bool,
) -> Result<(), Refusal> {
    let source = &job.source;
    let effect = edits
        .iter()
        .find(|edit| edit.slot == Slot::Plain("active"))
        .map_or(Effect::Updated, |edit| match edit.value {
            Value::Bool(true) => Effect::Enabled,
            _ => Effect::Disabled,
        });
    if effect == Effect::Disabled {
        out.action = Action::Disable;
    }
    out.changed = edits.iter().map(|edit| edit.slot.path()).collect();
    let unchanged = out.connection.exported_revision == Some(source.revision);
    let sent: Vec<(String, Value)> = edits
        .iter()
        .map(|edit| (edit.slot.path(), edit.value.clone()))
        .collect();
    let body = body::patch(edits, job.flag);
    let result = client.patch(source.object_type, &link.scim_id, &body).await;
    let result = expect_success(result, Step::ById);
    let answer = out.record(
        source.object_type,
        source.object_id,
        Verb::Patch,
        sent,
        result,
    )?;
    if let Some(link) = &mut out.connection.link {
        observe(link, source.object_type, &answer, |observed| {
            observed.accept(source);
        });
    }
    out.patched = true;
    out.repeated = unchanged && !first_export;
    out.effect = Some(effect);
    Ok(())
}

async fn delete(client: &ScimClient, job: &Job<'_>, out: &mut Exported) -> Result<(), Refusal> {
    let source = &job.source;
    out.action = Action::Delete;
    let id = out
        .connection
        .link
        .as_ref()
        .map(|link| link.scim_id.clone())
        .unwrap_or_default();
    let result = match client.delete(source.object_type, &id).await {
        // Gone is what was wanted.
        Ok(answer) if answer.status == 404 => {
            "it was gone already".clone_into(&mut out.detail);
            Ok(answer)
        }
        other => expect_success(other, Step::ById),
    };
    out.record(
        source.object_type,
        source.object_id,
        Verb::Delete,
        Vec::new(),
        result,
    )?;
    out.connection.link = None;
    out.effect = Some(Effect::Deleted);
    Ok(())
}

pub(crate) fn expect_success(
    result: Result<Answer, crate::client::Failure>,
    step: Step,
) -> Result<Answer, Refusal> {
    match result {
        Ok(answer) if answer.is_success() => Ok(answer),
        Ok(answer) => Err(Refusal::from_answer(&answer, step)),
        Err(failure) => Err(Refusal::from_failure(failure, step)),
    }
}

/// The resources of a list. A list without `Resources` is no list: RFC 7644 allows it for an empty one, Entra does not.
pub(crate) fn hits(answer: &Answer) -> Result<&[Value], Refusal> {
    mapping::member(&answer.body, "Resources")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| Refusal::incompatible("the answer to a filter is no list with Resources"))
}

/// After a PATCH: what the server shows, or what it was sent when it shows nothing (204, or a body that is no such resource).
pub(crate) fn observe(
    link: &mut Link,
    object_type: ObjectType,
    answer: &Answer,
    accept: impl FnOnce(&mut Observed),
) {
    if id_of(answer).as_deref() == Some(link.scim_id.as_str()) {
        link.observed = Observed::read(&answer.body, object_type);
    } else {
        accept(&mut link.observed);
    }
}

fn link_of(object_type: ObjectType, resource: &Value) -> Result<Link, Refusal> {
    let id = mapping::member(resource, "id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Refusal::incompatible("the resource came without a readable id"))?;
    Ok(Link {
        scim_id: id.to_owned(),
        observed: Observed::read(resource, object_type),
        managed: true,
    })
}

fn id_of(answer: &Answer) -> Option<String> {
    mapping::member(&answer.body, "id")?
        .as_str()
        .map(str::to_owned)
}
