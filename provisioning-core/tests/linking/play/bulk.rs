//! Several requests of the directory in one `/Bulk`, over HTTP: each as if it had come alone.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use provisioning_core::{
    attributes::patch::Op,
    ids::{AccountId, GroupId},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{
    Done,
    directory::{expect, group, settle_created},
    stage::{Side, Stage},
};
use crate::linking::{asked::Asked, model::By, steps::Wish};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

impl Stage {
    /// Sends them, and tells the model of one after the other. Who is meant is settled before the first.
    pub(super) async fn bulk(&self, wishes: &[Wish], mine: &mut Side, other: &Side) -> Done {
        let pool = mine.pool(other);
        let asked: Vec<Asked> = wishes.iter().map(|wish| pool.asked(wish)).collect();
        let operations: Vec<Value> = asked
            .iter()
            .enumerate()
            .map(|(number, asked)| operation(number, asked, mine.group))
            .collect();
        let answered = self.post_bulk(mine, &operations).await;
        assert_eq!(answered.len(), asked.len(), "each is answered");
        let mut about = BTreeSet::new();
        for (asked, answered) in asked.iter().zip(&answered) {
            about.extend(asked.target().map(|target| target.id));
            let expected = expect(&mut mine.model, asked, By::Scim, self.now());
            let status = answered["status"].as_str().expect("it has a status");
            match expected {
                Ok(created) => {
                    assert!(status.starts_with('2'), "{asked:?}: {answered}");
                    let made = || {
                        answered["location"]
                            .as_str()
                            .and_then(|location| location.rsplit('/').next())
                    };
                    if let Some(created) = created {
                        let id = made().and_then(AccountId::parse).expect("it says where");
                        settle_created(&mut mine.model, created, id);
                        about.insert(id);
                    } else if matches!(asked, Asked::CreateGroup(_)) {
                        mine.group = made().and_then(GroupId::parse).expect("it says where");
                    }
                }
                Err(reason) => {
                    assert_eq!(
                        status,
                        reason.http_status().to_string(),
                        "{asked:?}: {answered}"
                    );
                }
            }
        }
        Done {
            expected: Ok(()),
            answered: Ok(()),
            about,
        }
    }

    async fn post_bulk(&self, side: &Side, operations: &[Value]) -> Vec<Value> {
        let body = json!({"schemas": [REQUEST], "Operations": operations});
        let request = Request::post(format!("/scim/{}/v2/Bulk", side.name))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", side.token.expose_secret()),
            )
            .header(header::CONTENT_TYPE, "application/scim+json")
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("it is a request");
        let answer = self.facade.clone().oneshot(request).await;
        let body = answer.expect("it is answered").into_body().collect().await;
        let body = body.expect("it is read").to_bytes();
        let mut answer: Value = serde_json::from_slice(&body).expect("it is JSON");
        match answer["Operations"].take() {
            Value::Array(operations) => operations,
            _ => panic!("no answer to a bulk: {answer}"),
        }
    }
}

fn operation(number: usize, asked: &Asked, group_id: GroupId) -> Value {
    let user = |id: AccountId| format!("/Users/{id}");
    let groups = || format!("/Groups/{group_id}");
    let (method, path, data) = match asked {
        Asked::Create(said) => ("POST", "/Users".to_owned(), Some(json!(said.attributes()))),
        Asked::Replace(target, said) => ("PUT", user(target.id), Some(json!(said.attributes()))),
        Asked::Patch(target, change) => {
            ("PATCH", user(target.id), Some(patch(&change.operation())))
        }
        Asked::Delete(target) => ("DELETE", user(target.id), None),
        Asked::Members(change) => match change.operation() {
            Ok(operation) => ("PATCH", groups(), Some(patch(&operation))),
            Err(body) => ("PUT", groups(), Some(body)),
        },
        Asked::CreateGroup(people) => ("POST", "/Groups".to_owned(), Some(group(people))),
        Asked::DeleteGroup => ("DELETE", groups(), None),
    };
    let mut operation = json!({"method": method, "path": path});
    if method == "POST" {
        operation["bulkId"] = json!(format!("new{number}"));
    }
    if let Some(data) = data {
        operation["data"] = data;
    }
    operation
}

fn patch(operation: &provisioning_core::attributes::patch::Operation) -> Value {
    let op = match operation.op {
        Op::Add => "Add",
        Op::Remove => "Remove",
        Op::Replace => "Replace",
    };
    let mut said = json!({"op": op, "path": operation.path});
    if let Some(value) = &operation.value {
        said["value"] = value.clone();
    }
    json!({"schemas": [PATCH], "Operations": [said]})
}
