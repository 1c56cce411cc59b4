//! `POST /Bulk` (RFC 7644 section 3.7): many operations, each a call of its own with a request id and a deadline of its own. What was done
//! stays done, whatever comes of the rest.

use std::collections::HashMap;

use axum::{body::Body, http::StatusCode, response::Response};
use provisioning_proto::v1::{Account, Group, GroupView};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    config::BULK_OPERATIONS_MAX,
    core_client::CallMetadata,
    http::{
        collection::{Caller, Collection, Written},
        exchange::{Exchange, Failure},
        operations,
        preconditions::Preconditions,
        response,
    },
    scim::{
        bulk::{
            self, Bulk, Item, Operation, Outcome, Step, Subject, Verb, defer, reference, substitute,
        },
        error::ScimError,
        list,
        resource_type::ResourceType,
    },
};

/// `POST /Bulk`.
pub(crate) async fn bulk(exchange: Exchange, body: Body) -> Response {
    let result = try_bulk(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_bulk(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let body = exchange.read(body).await?;
    let Bulk {
        fail_on_errors,
        items,
    } = bulk::parse(body.json)?;
    exchange.caller(GroupView::Basic).authenticate().await?;
    let steps = bulk::plan(&items.iter().map(subject).collect::<Vec<_>>());
    let mut run = Run::new(exchange, &items);
    for step in steps {
        match step {
            Step::Perform { index, without } if !run.has_failed(fail_on_errors) => {
                run.perform(index, &without).await;
            }
            Step::Perform { .. } => {}
            Step::Complete { index } => run.complete(index).await,
        }
    }
    let answer = bulk::response(&items, &run.outcomes);
    Ok(response::json(StatusCode::OK, list::to_bytes(&answer)))
}

fn subject(item: &Item) -> Subject<'_> {
    let Ok(operation) = &item.operation else {
        return Subject::default();
    };
    let is_create = operation.verb == Verb::Create;
    let collection = operation.resource_type.collection();
    Subject {
        makes: item.bulk_id.as_deref().filter(|_| is_create),
        acts_on: (!is_create).then(|| format!("{collection}/{}", operation.id)),
        acts_on_made: reference(&operation.id),
        refers_to: operation.references(),
    }
}

/// A bulk request on its way.
struct Run<'a> {
    exchange: &'a Exchange,
    items: &'a [Item],
    deadline: Instant,
    /// The ids of what was made, by `bulkId`.
    made: HashMap<&'a str, String>,
    outcomes: Vec<Option<Outcome>>,
    /// What a resource was made without: its id, and the attributes to add.
    incomplete: HashMap<usize, (String, Map<String, Value>)>,
}

/// What was done, and with which resource.
struct Done {
    id: String,
    etag: Option<String>,
}

impl<'a> Run<'a> {
    fn new(exchange: &'a Exchange, items: &'a [Item]) -> Self {
        Self {
            exchange,
            items,
            deadline: Instant::now() + exchange.origin.facade.config.bulk_timeout,
            made: HashMap::new(),
            outcomes: items.iter().map(|_| None).collect(),
            incomplete: HashMap::new(),
        }
    }

    fn has_failed(&self, fail_on_errors: Option<usize>) -> bool {
        let outcomes = self.outcomes.iter().flatten();
        let errors = outcomes.filter(|outcome| outcome.error.is_some()).count();
        fail_on_errors.is_some_and(|accepted| errors >= accepted.max(1))
    }

    async fn perform(&mut self, index: usize, without: &[String]) {
        let items = self.items;
        let operation = items[index].operation.as_ref();
        let outcome = if self.is_over() {
            failed(over(), self.location_of(operation.ok()))
        } else {
            let metadata = self.metadata(index);
            let result = match operation {
                Ok(operation) => self.try_perform(index, operation, without, &metadata).await,
                Err(error) => Err(error.clone().into()),
            };
            match result {
                Ok(outcome) => outcome,
                Err(failure) => {
                    let error = self.report(operation.ok(), failure, &metadata).await;
                    failed(error, self.location_of(operation.ok()))
                }
            }
        };
        self.outcomes[index] = Some(outcome);
    }

    async fn try_perform(
        &mut self,
        index: usize,
        operation: &Operation,
        without: &[String],
        metadata: &CallMetadata,
    ) -> Result<Outcome, Failure> {
        let id = self.resolve(&operation.id)?;
        let mut data = operation.data.clone();
        let later = defer(&mut data, without);
        operation.substitute(&mut data, &|bulk_id| self.id_of(bulk_id))?;
        let preconditions = Preconditions::of_version(operation.version.as_deref())?;
        let (caller, verb) = (self.caller(metadata), operation.verb);
        let done = match operation.resource_type {
            ResourceType::User => {
                perform::<Account>(&caller, verb, id, &preconditions, data).await?
            }
            ResourceType::Group => {
                perform::<Group>(&caller, verb, id, &preconditions, data).await?
            }
        };
        if verb == Verb::Create {
            let bulk_id = self.items[index].bulk_id.as_deref();
            let made = bulk_id.map(|bulk_id| (bulk_id, done.id.clone()));
            self.made.extend(made);
            if !later.is_empty() {
                self.incomplete.insert(index, (done.id.clone(), later));
            }
        }
        Ok(Outcome {
            status: verb.success(),
            location: Some(self.location(operation.resource_type, &done.id)),
            version: done.etag,
            error: None,
        })
    }

    /// Adds what a resource was made without. If that fails, the resource stays, and the answer says that it lacks something.
    async fn complete(&mut self, index: usize) {
        let items = self.items;
        let (Some((id, later)), Ok(operation)) =
            (self.incomplete.remove(&index), &items[index].operation)
        else {
            return;
        };
        let result = if self.is_over() {
            Err(over())
        } else {
            let metadata = self.metadata(BULK_OPERATIONS_MAX + index);
            match self.try_complete(operation, &id, later, &metadata).await {
                Ok(done) => Ok(done),
                Err(failure) => Err(self.report(Some(operation), failure, &metadata).await),
            }
        };
        match (result, &mut self.outcomes[index]) {
            (Ok(done), Some(outcome)) => outcome.version = done.etag,
            (Ok(_), None) => {}
            (Err(error), outcome) => {
                let location = outcome.take().and_then(|outcome| outcome.location);
                *outcome = Some(failed(error, location));
            }
        }
    }

    async fn try_complete(
        &self,
        operation: &Operation,
        id: &str,
        mut later: Map<String, Value>,
        metadata: &CallMetadata,
    ) -> Result<Done, Failure> {
        substitute(&mut later, &|bulk_id| self.id_of(bulk_id))?;
        let add = json!([{"op": "add", "value": later}]);
        let patch = Map::from_iter([("Operations".to_owned(), add)]);
        let (caller, id) = (self.caller(metadata), id.to_owned());
        let any = Preconditions::default();
        match operation.resource_type {
            ResourceType::User => perform::<Account>(&caller, Verb::Patch, id, &any, patch).await,
            ResourceType::Group => perform::<Group>(&caller, Verb::Patch, id, &any, patch).await,
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// The id in a path, which may be a reference.
    fn resolve(&self, id: &str) -> Result<String, ScimError> {
        reference(id).map_or_else(|| Ok(id.to_owned()), |bulk_id| self.id_of(bulk_id))
    }

    fn id_of(&self, bulk_id: &str) -> Result<String, ScimError> {
        if let Some(id) = self.made.get(bulk_id) {
            return Ok(id.clone());
        }
        let makes = |item: &Item| {
            let is_create = |operation: &Operation| operation.verb == Verb::Create;
            item.bulk_id.as_deref() == Some(bulk_id) && item.operation.as_ref().is_ok_and(is_create)
        };
        if self.items.iter().any(makes) {
            return Err(unmade());
        }
        Err(ScimError::value(
            "The operation refers to a bulkId that no POST of this request has.",
        ))
    }

    /// Where the resource is that an operation names; what was to be made is nowhere.
    fn location_of(&self, operation: Option<&Operation>) -> Option<String> {
        let operation = operation.filter(|operation| operation.verb != Verb::Create)?;
        let id = self.resolve(&operation.id).ok()?;
        Some(self.location(operation.resource_type, &id))
    }

    fn location(&self, resource_type: ResourceType, id: &str) -> String {
        self.exchange.endpoint().resource(resource_type, id)
    }

    /// The metadata of a call of its own, under an id that only this one has.
    fn metadata(&self, number: usize) -> CallMetadata {
        let number = u8::try_from(number + 1).expect("there are at most twice the operations");
        self.exchange.origin.metadata.derived(number)
    }

    fn caller<'b>(&self, metadata: &'b CallMetadata) -> Caller<'b>
    where
        'a: 'b,
    {
        Caller {
            metadata,
            ..self.exchange.caller(GroupView::Basic)
        }
    }

    /// The error for the client; what was refused here is told to the core first, as with a request of its own.
    async fn report(
        &self,
        operation: Option<&Operation>,
        failure: Failure,
        metadata: &CallMetadata,
    ) -> ScimError {
        let (name, id) = match operation {
            None => ("POST /Bulk".to_owned(), String::new()),
            Some(operation) => {
                let method = operation.verb.method();
                let collection = operation.resource_type.collection();
                let one = match operation.verb {
                    Verb::Create => "",
                    Verb::Replace | Verb::Patch | Verb::Delete => "/{id}",
                };
                let id = self.resolve(&operation.id).unwrap_or_default();
                (format!("{method} /{collection}{one}"), id)
            }
        };
        failure.reported(&self.caller(metadata), &name, &id).await
    }
}

/// The futures are large, and those around them would be larger.
async fn perform<R: Collection>(
    caller: &Caller<'_>,
    verb: Verb,
    id: String,
    preconditions: &Preconditions,
    data: Map<String, Value>,
) -> Result<Done, Failure> {
    let written: Written<R> = match verb {
        Verb::Create => Box::pin(operations::create(caller, data)).await?,
        Verb::Replace => Box::pin(operations::replace(caller, &id, preconditions, data)).await?,
        Verb::Patch => {
            let patch = Box::pin(operations::patch(caller, &id, preconditions, data));
            let (patched, _) = patch.await?;
            patched
        }
        Verb::Delete => {
            Box::pin(operations::delete::<R>(caller, &id, preconditions)).await?;
            return Ok(Done { id, etag: None });
        }
    };
    let head = written.resource.head();
    Ok(Done {
        id: head.id.to_owned(),
        etag: Some(head.etag.to_owned()),
    })
}

fn failed(error: ScimError, location: Option<String>) -> Outcome {
    Outcome {
        status: error.status,
        location,
        version: None,
        error: Some(error),
    }
}

/// The operation was not begun. It is not reported either: that would take the time that is over.
fn over() -> ScimError {
    ScimError::unavailable("BulkTimeout")
}

/// RFC 7644 section 3.7.1: 409 for a reference that could not be resolved.
fn unmade() -> ScimError {
    ScimError::new(
        StatusCode::CONFLICT,
        None,
        "The operation refers to a resource of this request that was not made. If the answer has a location, the resource there lacks what \
         was to refer to it.",
    )
}
