//! What the directory and services ask for, sent to the core, and what the model says of it.

use std::collections::BTreeSet;

use provisioning_core::{
    accounts::{CreateOutcome, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    clock::Timestamp,
    error::{Error, Reason},
    ids::{AccountId, GroupId},
    receipts::Answer,
};
use serde_json::{Map, Value, json};

use super::{
    Done,
    stage::{GROUP, Side, Stage},
};
use crate::linking::{
    asked::{Asked, Change, Members, Target},
    model::{self, By, Created, Tenant},
};

/// How a request was answered.
pub struct Sent {
    pub answer: model::Answer,
    /// The account that a create made or brought back.
    pub created: Option<(AccountId, CreateOutcome)>,
    /// The group that was made.
    pub group: Option<GroupId>,
}

impl Sent {
    const fn of(answer: model::Answer) -> Self {
        Self {
            answer,
            created: None,
            group: None,
        }
    }
}

/// How it was answered; a fault is a failure of the test.
pub fn answer<T>(result: Result<T, Error>) -> model::Answer {
    match result {
        Ok(_) => Ok(()),
        Err(Error::Refused(refusal)) => Err(refusal.reason),
        Err(error) => panic!("it failed: {error:?}"),
    }
}

impl Change {
    /// The operation of a PATCH.
    pub fn operation(&self) -> Operation {
        match self {
            Self::UserName(text) => operation(Op::Replace, "userName", Some(json!(text))),
            Self::ObjectId(None) => operation(Op::Remove, "externalId", None),
            Self::ObjectId(Some(text)) => operation(Op::Replace, "externalId", Some(json!(text))),
            Self::Active(active) => operation(Op::Replace, "active", Some(json!(active))),
        }
    }
}

impl Members {
    /// The operation of a PATCH, or the members of a PUT.
    pub fn operation(&self) -> Result<Operation, Value> {
        match self {
            Self::Add(people) => Ok(operation(Op::Add, "members", Some(values(people)))),
            Self::Remove(people) => Ok(operation(Op::Remove, "members", Some(values(people)))),
            Self::Clear => Ok(operation(Op::Remove, "members", None)),
            Self::Replace(people) => Err(group(people)),
        }
    }
}

fn operation(op: Op, path: &str, value: Option<Value>) -> Operation {
    Operation {
        op,
        path: Some(path.to_owned()),
        value,
    }
}

fn values(people: &[Target]) -> Value {
    let ids = people.iter().map(|target| target.id.to_string());
    ids.map(|id| json!({ "value": id })).collect()
}

/// The group with these members.
pub fn group(people: &[Target]) -> Value {
    json!({"displayName": GROUP, "members": values(people)})
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("it is an object")
}

/// What the model says of it.
pub fn expect(
    model: &mut Tenant,
    asked: &Asked,
    by: By,
    now: Timestamp,
) -> Result<Option<Created>, Reason> {
    match asked {
        Asked::Create(said) => return model.create(said, now).map(Some),
        Asked::Replace(target, said) => model.replace(target.place, said, by, now),
        Asked::Patch(target, change) => model.patch(target.place, change, by, now),
        Asked::Delete(target) => model.delete(target.place, by, now),
        Asked::Members(change) => model.change_members(change, now),
        Asked::CreateGroup(people) => model.create_group(people),
        Asked::DeleteGroup => model.delete_group(now),
    }
    .map(|()| None)
}

/// Takes over who was created, and checks that it is who the model says.
pub fn settle_created(model: &mut Tenant, created: Created, id: AccountId) {
    match created {
        Created::New => {
            let known = model.accounts.iter().any(|account| account.id == id);
            assert!(!known, "an id is never used again");
            model.accounts.last_mut().expect("it was added").id = id;
        }
        Created::Restored(index) => assert_eq!(id, model.accounts[index].id),
    }
}

impl Stage {
    /// Sends one request, and tells the model.
    pub(super) async fn direct(&self, asked: &Asked, by: By, mine: &mut Side) -> Done {
        let sent = Box::pin(self.send(asked, &mine.call(by), mine.group)).await;
        let expected = expect(&mut mine.model, asked, by, self.now());
        let mut about: BTreeSet<AccountId> =
            asked.target().map(|target| target.id).into_iter().collect();
        if let (Ok(Some(created)), Some((id, outcome))) = (expected, sent.created) {
            let restored = matches!(created, Created::Restored(_));
            assert_eq!(outcome == CreateOutcome::Restored, restored, "{asked:?}");
            settle_created(&mut mine.model, created, id);
            about.insert(id);
        }
        mine.group = sent.group.unwrap_or(mine.group);
        Done {
            expected: expected.map(drop),
            answered: sent.answer,
            about,
        }
    }

    /// Sends one request.
    pub async fn send(&self, asked: &Asked, call: &Call, group_id: GroupId) -> Sent {
        let core = self.core();
        let any = Precondition::default();
        match asked {
            Asked::Create(said) => {
                let created = core
                    .create_account(call, &said.attributes(), false, None)
                    .await;
                let made = match &created {
                    Ok(Answer::Fresh(created)) => Some((created.account.id, created.outcome)),
                    Ok(Answer::Replayed(_)) | Err(_) => None,
                };
                Sent {
                    created: made,
                    ..Sent::of(answer(created))
                }
            }
            Asked::Replace(target, said) => {
                let attributes = said.attributes();
                let replaced = core.replace_account(call, target.id, &attributes, &any, None);
                Sent::of(answer(replaced.await))
            }
            Asked::Patch(target, change) => {
                let operations = [change.operation()];
                let patched = core.patch_account(call, target.id, &operations, &any, None);
                Sent::of(answer(patched.await))
            }
            Asked::Delete(target) => Sent::of(answer(
                core.delete_account(call, target.id, &any, None).await,
            )),
            Asked::Members(change) => Sent::of(match change.operation() {
                Ok(operation) => {
                    let operations = [operation];
                    answer(
                        core.patch_group(call, group_id, &operations, &any, None)
                            .await,
                    )
                }
                Err(body) => {
                    let put = core.replace_group(call, group_id, object(&body), &any, None);
                    answer(put.await)
                }
            }),
            Asked::CreateGroup(people) => {
                let body = group(people);
                let created = core.create_group(call, object(&body), false, None).await;
                let made = match &created {
                    Ok(Answer::Fresh(written)) => Some(written.group.id),
                    Ok(Answer::Replayed(_)) | Err(_) => None,
                };
                Sent {
                    group: made,
                    ..Sent::of(answer(created))
                }
            }
            Asked::DeleteGroup => {
                Sent::of(answer(core.delete_group(call, group_id, &any, None).await))
            }
        }
    }
}
