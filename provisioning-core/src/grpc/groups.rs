//! Group <-> message: the stored document is SCIM's JSON, which is the message's serde form.

use provisioning_proto::v1;
use serde_json::{Map, Value};
use tonic::Status;

use super::{
    accounts::{returned, timestamp},
    status,
};
use crate::{
    error::Error,
    groups::{Group, Member, View},
};

/// The message of a group.
pub fn to_proto(group: &Group) -> Result<v1::Group, Status> {
    let message: v1::Group = serde_json::from_str(&group.document)
        .map_err(|error| status(Error::Internal(error.into())))?;
    Ok(v1::Group {
        id: group.id.to_string(),
        members: group
            .members
            .iter()
            .flatten()
            .map(member_to_proto)
            .collect(),
        create_time: Some(timestamp(group.created_at)),
        update_time: Some(timestamp(group.updated_at)),
        etag: group.etag(),
        returned: returned(&group.shows),
        ..message
    })
}

/// The message of a member.
pub fn member_to_proto(member: &Member) -> v1::GroupMember {
    v1::GroupMember {
        value: Some(member.id.to_string()),
        r#ref: None,
        r#type: Some(member.kind.as_str().to_owned()),
        display: Some(member.display.clone()).filter(|display| !display.is_empty()),
    }
}

/// The attributes of a message: what a create or replace asks for. The output-only fields are not among them.
pub fn from_proto(message: Option<&v1::Group>) -> Result<Map<String, Value>, Status> {
    match serde_json::to_value(message.unwrap_or(&v1::Group::default())) {
        Ok(Value::Object(attributes)) => Ok(attributes),
        Ok(_) => unreachable!("a message is an object"),
        Err(error) => Err(status(Error::Internal(error.into()))),
    }
}

/// How much of a group an answer shows.
pub const fn view(view: v1::GroupView) -> View {
    match view {
        v1::GroupView::Unspecified | v1::GroupView::Basic => View::Basic,
        v1::GroupView::Full => View::Full,
    }
}
