//! The only place for the bodies of requests, in both of Entra's PATCH forms (Microsoft's
//! `application-provisioning-config-problem-scim-compatibility`).

use serde_json::{Map, Value, json};

use crate::directory::ObjectType;
use crate::mapping::{self, ENTERPRISE, Edit, MANAGER, Slot};
use crate::scenario::FlagMode;
use crate::source::Source;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// No schema of SCIM; the documented body of a group has it.
const ADSCIM_GROUP: &str =
    "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The body of `POST /Users` or `POST /Groups`. The flag does not change it. A new group never carries members.
pub(crate) fn create(source: &Source) -> Value {
    let mut body = Map::new();
    let (schemas, resource_type) = match source.object_type {
        ObjectType::User => ([USER, ENTERPRISE], "User"),
        ObjectType::Group => ([GROUP, ADSCIM_GROUP], "Group"),
    };
    body.insert("schemas".to_owned(), json!(schemas));
    for (slot, value) in &source.values {
        if let Some(value) = value {
            place(&mut body, *slot, value.clone());
        }
    }
    body.insert("meta".to_owned(), json!({"resourceType": resource_type}));
    if source.object_type == ObjectType::User {
        body.insert("roles".to_owned(), json!([]));
    }
    Value::Object(body)
}

fn place(body: &mut Map<String, Value>, slot: Slot, value: Value) {
    match slot {
        Slot::Plain(name) => {
            body.insert(name.to_owned(), value);
        }
        Slot::Name(part) => object(body, "name").insert_value(part, value),
        Slot::Enterprise(name) => object(body, ENTERPRISE).insert_value(name, value),
        Slot::Typed(list, kind, part) => {
            let elements = body.entry(list).or_insert_with(|| json!([]));
            let elements = elements
                .as_array_mut()
                .expect("only this match puts it there");
            let at = elements
                .iter()
                .position(|element| element["type"] == kind)
                .unwrap_or_else(|| {
                    elements.push(new_element(list, kind));
                    elements.len() - 1
                });
            elements[at].insert_value(part, value);
        }
    }
}

/// Only mails and addresses are marked primary by the template.
fn new_element(list: &str, kind: &str) -> Value {
    match list {
        "phoneNumbers" => json!({"type": kind}),
        _ => json!({"primary": true, "type": kind}),
    }
}

fn object<'a>(body: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    body.entry(name).or_insert_with(|| json!({}))
}

trait InsertValue {
    fn insert_value(&mut self, name: &str, value: Value);
}

impl InsertValue for Value {
    fn insert_value(&mut self, name: &str, value: Value) {
        self.as_object_mut()
            .expect("the caller made an object")
            .insert(name.to_owned(), value);
    }
}

/// The body of a `PATCH` of attributes.
pub(crate) fn patch(edits: &[Edit], flag: FlagMode) -> Value {
    envelope(&match flag {
        FlagMode::Off => edits.iter().map(verbose).collect(),
        FlagMode::On => grouped(edits),
    })
}

/// Sets the manager, whose value is the SCIM id on the server.
pub(crate) fn set_manager(id: &str, was_empty: bool, flag: FlagMode) -> Value {
    let value = match flag {
        FlagMode::Off => json!(id),
        FlagMode::On => json!({"value": id}),
    };
    envelope(&[json!({"op": verb(was_empty, flag), "path": MANAGER.path(), "value": value})])
}

/// Takes the manager away.
pub(crate) fn remove_manager(flag: FlagMode) -> Value {
    let op = match flag {
        FlagMode::Off => "Remove",
        FlagMode::On => "remove",
    };
    envelope(&[json!({"op": op, "path": MANAGER.path()})])
}

/// Puts one account into a group.
pub(crate) fn add_member(id: &str, flag: FlagMode) -> Value {
    let op = verb(true, flag);
    envelope(&[json!({"op": op, "path": "members", "value": [{"$ref": null, "value": id}]})])
}

/// Takes one account out of a group.
pub(crate) fn remove_member(id: &str, flag: FlagMode) -> Value {
    envelope(&[match flag {
        FlagMode::Off => {
            json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": id}]})
        }
        FlagMode::On => json!({"op": "remove", "path": mapping::member_path(id)}),
    }])
}

fn envelope(operations: &[Value]) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

fn verb(was_empty: bool, flag: FlagMode) -> &'static str {
    match (flag, was_empty) {
        (FlagMode::Off, true) => "Add",
        (FlagMode::Off, false) => "Replace",
        (FlagMode::On, true) => "add",
        (FlagMode::On, false) => "replace",
    }
}

/// Without the flag: one operation each, always with a path, booleans as words.
fn verbose(edit: &Edit) -> Value {
    let value = match edit.value {
        Value::Bool(true) => json!("True"),
        Value::Bool(false) => json!("False"),
        ref other => other.clone(),
    };
    json!({"op": verb(edit.was_empty, FlagMode::Off), "path": edit.slot.path(), "value": value})
}

/// With the flag: value paths apart, the rest in one operation without a path for each verb. One attribute alone keeps its path.
fn grouped(edits: &[Edit]) -> Vec<Value> {
    let with_path = |edit: &&Edit| {
        let op = verb(edit.was_empty, FlagMode::On);
        json!({"op": op, "path": edit.slot.path(), "value": edit.value})
    };
    let (typed, plain): (Vec<_>, Vec<_>) = edits
        .iter()
        .partition(|edit| matches!(edit.slot, Slot::Typed(..)));
    let mut operations: Vec<Value> = typed.iter().map(with_path).collect();
    for was_empty in [true, false] {
        let same: Vec<&Edit> = plain
            .iter()
            .copied()
            .filter(|edit| edit.was_empty == was_empty)
            .collect();
        match same.as_slice() {
            [] => {}
            [alone] => operations.push(with_path(alone)),
            several => {
                let value: Map<String, Value> = several
                    .iter()
                    .map(|edit| (edit.slot.path(), edit.value.clone()))
                    .collect();
                operations.push(json!({"op": verb(was_empty, FlagMode::On), "value": value}));
            }
        }
    }
    operations
}

#[cfg(test)]
mod tests;
