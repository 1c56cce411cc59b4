//! Account <-> message: the stored document is SCIM's JSON, which is the message's serde form.

use std::collections::BTreeMap;

use provisioning_proto::v1;
use serde_json::{Map, Value};
use tonic::Status;

use super::status;
use crate::{
    accounts::{Account, GROUPS_MAX},
    attributes::show::Shows,
    clock::Timestamp,
    error::Error,
    groups::Membership,
    tenants::Dialect,
};

/// The message of an account.
pub fn to_proto(account: &Account) -> Result<v1::Account, Status> {
    let message: v1::Account = serde_json::from_str(&account.document)
        .map_err(|error| status(Error::Internal(error.into())))?;
    Ok(with_columns(message, account))
}

/// The message of an account with only some of its attributes: those in `names` and the always returned ones.
pub fn to_proto_with(account: &Account, names: &[String]) -> Result<v1::Account, Status> {
    if names.is_empty() {
        return to_proto(account);
    }
    let mut document: Map<String, Value> = serde_json::from_str(&account.document)
        .map_err(|error| status(Error::Internal(error.into())))?;
    document.retain(|attribute, _| {
        attribute == "userName" || names.iter().any(|name| asks_for(name, attribute))
    });
    let message: v1::Account = serde_json::from_value(Value::Object(document))
        .map_err(|error| status(Error::Internal(error.into())))?;
    let mut message = with_columns(message, account);
    if !names.iter().any(|name| asks_for(name, "groups")) {
        message.groups.clear();
        message.groups_truncated = false;
    }
    Ok(message)
}

/// Whether a SCIM name means the attribute or something in it. Whole attributes are enough here: the front that asked cuts further.
fn asks_for(name: &str, attribute: &str) -> bool {
    let name = name
        .strip_prefix("urn:ietf:params:scim:schemas:core:2.0:User:")
        .unwrap_or(name);
    name.get(..attribute.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(attribute))
        && name[attribute.len()..]
            .chars()
            .next()
            .is_none_or(|next| matches!(next, '.' | '[' | ':'))
}

/// The groups that an account shows, and whether there are more.
fn groups(memberships: &[Membership]) -> (Vec<v1::MultiValue>, bool) {
    let shown = memberships.iter().take(GROUPS_MAX).map(membership);
    (shown.collect(), memberships.len() > GROUPS_MAX)
}

/// A group that the account is in, as one of its values.
fn membership(membership: &Membership) -> v1::MultiValue {
    v1::MultiValue {
        value: Some(membership.group_id.to_string()),
        display: Some(membership.display.clone()),
        r#type: Some(
            if membership.direct {
                "direct"
            } else {
                "indirect"
            }
            .to_owned(),
        ),
        primary: None,
        r#ref: None,
    }
}

/// When attributes are shown, in the words of RFC 7643 section 7.
pub fn returned(shows: &Shows) -> BTreeMap<String, String> {
    let words = shows
        .iter()
        .map(|(path, returned)| (path.clone(), returned.as_str().to_owned()));
    words.collect()
}

fn with_columns(mut message: v1::Account, account: &Account) -> v1::Account {
    message.id = account.id.to_string();
    message.hold = account.hold.as_ref().map(|hold| v1::Hold {
        reason: hold.reason.clone(),
        create_time: Some(timestamp(hold.at)),
    });
    message.protected = account.protected;
    message.effectively_active = account.effectively_active();
    (message.groups, message.groups_truncated) = groups(&account.groups);
    message.create_time = Some(timestamp(account.created_at));
    message.update_time = Some(timestamp(account.updated_at));
    message.delete_time = account.deleted_at.map(timestamp);
    message.etag = account.etag();
    message.returned = returned(&account.shows);
    message
}

/// The attributes of a message: what a create or replace asks for. The output-only fields are not among them.
pub fn from_proto(message: Option<&v1::Account>) -> Result<Map<String, Value>, Status> {
    match serde_json::to_value(message.unwrap_or(&v1::Account::default())) {
        Ok(Value::Object(attributes)) => Ok(attributes),
        Ok(_) => unreachable!("a message is an object"),
        Err(error) => Err(status(Error::Internal(error.into()))),
    }
}

/// A time on the wire.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("less than a second");
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos,
    }
}

/// A dialect on the wire.
pub const fn dialect(dialect: Dialect) -> v1::Dialect {
    match dialect {
        Dialect::Entra => v1::Dialect::Entra,
        Dialect::Rfc => v1::Dialect::Rfc,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::GroupId;

    #[test]
    fn groups_are_shown_up_to_a_bound_and_the_answer_says_when_there_are_more() {
        let membership = Membership {
            group_id: GroupId::from_uuid(Uuid::from_u128(1)),
            display: "g".to_owned(),
            direct: true,
        };
        for (there, shown, is_truncated) in [
            (0, 0, false),
            (GROUPS_MAX, GROUPS_MAX, false),
            (GROUPS_MAX + 1, GROUPS_MAX, true),
        ] {
            let (groups, truncated) = groups(&vec![membership.clone(); there]);
            assert_eq!((groups.len(), truncated), (shown, is_truncated));
        }
    }

    #[test]
    fn names_ask_for_whole_attributes() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (name, attribute) in [
            ("emails", "emails"),
            ("Emails.value", "emails"),
            ("emails[type eq \"work\"].value", "emails"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:title", "title"),
            (&format!("{urn}:department"), urn),
        ] {
            assert!(asks_for(name, attribute), "{name}");
        }
        assert!(
            !asks_for("name", "nickName") && !asks_for("names", "name") && !asks_for("é", "name")
        );
    }
}
