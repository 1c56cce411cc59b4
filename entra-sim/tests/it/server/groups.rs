//! The groups of the tests' server: strict about what Entra sends of them.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::{Recorded, World, error, list_of, matching, reply};

const WITHOUT_MEMBERS: &str = "excludedAttributes=members";

impl World {
    pub(super) fn answer_of_groups(&mut self, request: &Recorded) -> Response<Body> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let id = path.strip_prefix("/Groups/");
        match (request.method.as_str(), id) {
            ("GET", None) => {
                let filter = query
                    .strip_prefix("excludedAttributes=members&filter=")
                    .expect("groups are only found by filter, without members");
                let found: Vec<Value> = matching(self.groups.values(), filter)
                    .map(without_members)
                    .collect();
                reply(200, &list_of(&found))
            }
            ("POST", None) => self.create_group(request.body.clone()),
            ("GET", Some(id)) => match self.groups.get(id) {
                Some(group) if query == WITHOUT_MEMBERS => reply(200, &without_members(group)),
                Some(group) => reply(200, group),
                None => error(404, "no such group"),
            },
            ("PATCH", Some(id)) => self.patch_group(id, &request.body),
            ("DELETE", Some(id)) => match self.groups.remove(id) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => error(404, "no such group"),
            },
            _ => error(405, "no such call"),
        }
    }

    fn create_group(&mut self, mut group: Value) -> Response<Body> {
        assert!(group["members"].is_null(), "a new group carries no members");
        let is_taken = self
            .groups
            .values()
            .any(|other| other["displayName"] == group["displayName"]);
        if is_taken {
            return error(409, "displayName is already in use");
        }
        let id = format!("grp-{}", group["externalId"].as_str().unwrap());
        group["id"] = json!(id);
        group["members"] = json!([]);
        self.groups.insert(id, group.clone());
        reply(201, &without_members(&group))
    }

    /// One operation, and on members one element: what an app outside the gallery gets.
    fn patch_group(&mut self, id: &str, body: &Value) -> Response<Body> {
        let Some(group) = self.groups.get_mut(id) else {
            return error(404, "no such group");
        };
        let [operation] = body["Operations"].as_array().unwrap().as_slice() else {
            panic!("one operation: {body}");
        };
        let op = operation["op"].as_str().unwrap().to_ascii_lowercase();
        let path = operation["path"].as_str().unwrap();
        let members = group["members"].as_array_mut().unwrap();
        match (op.as_str(), path) {
            ("add", "members") => {
                let id = only(&operation["value"]);
                assert!(self.accounts.contains_key(id), "the member has an account");
                members.push(json!({"value": id}));
            }
            ("remove", "members") => {
                let id = only(&operation["value"]);
                members.retain(|member| member["value"] != id);
            }
            ("remove", path) => {
                let id = path
                    .strip_prefix("members[value eq \"")
                    .and_then(|rest| rest.strip_suffix("\"]"))
                    .unwrap();
                members.retain(|member| member["value"] != id);
            }
            ("replace", "displayName") => group["displayName"] = operation["value"].clone(),
            other => panic!("no such operation: {other:?}"),
        }
        StatusCode::NO_CONTENT.into_response()
    }

    /// The ids of a group's members, in order.
    pub fn members(&self, id: &str) -> Vec<String> {
        let members = self.groups[id]["members"].as_array().unwrap();
        let mut ids: Vec<String> = members
            .iter()
            .map(|member| member["value"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    }
}

fn only(value: &Value) -> &str {
    let [element] = value.as_array().unwrap().as_slice() else {
        panic!("one member: {value}");
    };
    element["value"].as_str().unwrap()
}

fn without_members(group: &Value) -> Value {
    let mut group = group.clone();
    group.as_object_mut().unwrap().remove("members");
    group
}
