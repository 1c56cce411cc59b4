//! The only place that makes of a directory object what is exported: its standing, its mapped values, its matching queries.

use serde_json::Value;

use crate::directory::{DirectoryGroup, DirectoryUser, ObjectId, ObjectType};
use crate::mapping::{self, Slot};
use crate::matching::{Mapping, Matching};

/// What Entra wants of an object on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// To be there.
    Entitled,
    /// Not to be made; one that is there is to be inactive.
    NotEntitled,
    /// Not to be there.
    Gone,
}

/// One object as the mapping sees it; of any type.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) object_type: ObjectType,
    pub(crate) object_id: ObjectId,
    pub(crate) name: String,
    pub(crate) revision: u64,
    pub(crate) standing: Standing,
    /// Whether Entra looks after the object once this is exported.
    pub(crate) assigned: bool,
    /// What each mapped attribute should hold; none where the directory has no value.
    pub(crate) values: Vec<(Slot, Option<Value>)>,
    /// The matching queries, in turn.
    pub(crate) keys: Vec<(Matching, String)>,
}

impl Source {
    /// Of a user.
    pub(crate) fn of_user(user: &DirectoryUser, mapping: &Mapping) -> Self {
        let standing = match (user.is_purged(), user.is_active()) {
            (true, _) => Standing::Gone,
            (false, true) => Standing::Entitled,
            (false, false) => Standing::NotEntitled,
        };
        let values = mapping::user_values(user, mapping.external_id);
        Self {
            object_type: ObjectType::User,
            object_id: user.object_id,
            name: user.user_principal_name.clone(),
            revision: user.revision,
            standing,
            assigned: user.assigned,
            keys: keys(mapping, &user.user_principal_name, &values),
            values,
        }
    }

    /// Of a group.
    pub(crate) fn of_group(group: &DirectoryGroup, mapping: &Mapping) -> Self {
        let standing = if group.is_in_scope() {
            Standing::Entitled
        } else {
            Standing::Gone
        };
        let values = mapping::group_values(group);
        Self {
            object_type: ObjectType::Group,
            object_id: group.object_id,
            name: group.display_name.clone(),
            revision: group.revision,
            standing,
            assigned: group.assigned,
            keys: keys(mapping, &group.display_name, &values),
            values,
        }
    }
}

/// An attribute without a value finds nobody and is not asked for.
fn keys(
    mapping: &Mapping,
    name: &str,
    values: &[(Slot, Option<Value>)],
) -> Vec<(Matching, String)> {
    let value = |matching| match matching {
        Matching::Name => Some(name.to_owned()),
        Matching::ExternalId => values
            .iter()
            .find(|(slot, _)| *slot == Slot::Plain("externalId"))
            .and_then(|(_, value)| value.as_ref()?.as_str().map(str::to_owned)),
    };
    mapping
        .matching
        .iter()
        .filter_map(|matching| Some((*matching, value(*matching)?)))
        .collect()
}
