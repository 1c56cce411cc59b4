//! What a link will change for Entra: which accounts its matching queries find, and which accounts another Entra object reaches than before.
//!
//! An Entra object reaches an account when the query for its Object ID finds that account and no other: of several, Entra takes none.

use serde_json::Value;

use crate::{accounts::Account, ids::AccountId, storage::ObjectIdHolder};

/// Accounts that share the old Object ID, of which a preview tells at most this many.
pub(super) const SHARERS_MAX: u32 = 20;

/// What a link changes for Entra.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkPreview {
    /// What its matching queries find.
    pub matches: Vec<MatchPreview>,
    /// Accounts that change hands.
    pub hand_overs: Vec<HandOver>,
}

/// The answer to one matching query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchPreview {
    /// As Entra sends it.
    pub filter: String,
    /// What it finds now.
    pub before: Vec<AccountId>,
    /// What it will find.
    pub after: Vec<AccountId>,
}

/// An account that another Entra object reaches than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Which account.
    pub account_id: AccountId,
    /// Its login account.
    pub user_name: String,
    /// The Object ID by which it is reached now.
    pub before: Option<String>,
    /// The one by which it will be reached.
    pub after: Option<String>,
}

/// Of an account before and after, where `holders` are the accounts that have its old Object ID now, itself among them.
pub(super) fn preview(old: &Account, new: &Account, holders: &[ObjectIdHolder]) -> LinkPreview {
    let by_login = MatchPreview {
        filter: equals("userName", &new.user_name),
        before: vec![old.id],
        after: vec![new.id],
    };
    let by_object_id = |object_id: &str, before: Vec<AccountId>, after: Vec<AccountId>| {
        let filter = equals("externalId", object_id);
        MatchPreview {
            filter,
            before,
            after,
        }
    };
    if old.object_id == new.object_id {
        let unmoved = new
            .object_id
            .as_deref()
            .map(|object_id| by_object_id(object_id, vec![old.id], vec![new.id]));
        return LinkPreview {
            matches: unmoved.into_iter().chain([by_login]).collect(),
            hand_overs: Vec::new(),
        };
    }

    let mut matches = Vec::new();
    let mut hand_overs = Vec::new();
    if let Some(object_id) = &new.object_id {
        // Whoever else had it would have been refused.
        matches.push(by_object_id(object_id, Vec::new(), vec![new.id]));
    }
    let mut reached_by = None;
    if let Some(object_id) = &old.object_id {
        // Entra compares the spelling, too.
        let found: Vec<&ObjectIdHolder> = holders
            .iter()
            .filter(|holder| holder.object_id == *object_id)
            .collect();
        let left: Vec<&ObjectIdHolder> = found
            .iter()
            .copied()
            .filter(|holder| holder.id != old.id)
            .collect();
        let ids = |holders: &[&ObjectIdHolder]| holders.iter().map(|holder| holder.id).collect();
        matches.push(by_object_id(object_id, ids(&found), ids(&left)));
        reached_by = left.is_empty().then(|| object_id.clone());
        if let [only] = left.as_slice() {
            hand_overs.push(HandOver {
                account_id: only.id,
                user_name: only.user_name.clone(),
                before: None,
                after: Some(object_id.clone()),
            });
        }
    }
    if reached_by != new.object_id {
        let own = HandOver {
            account_id: new.id,
            user_name: new.user_name.clone(),
            before: reached_by,
            after: new.object_id.clone(),
        };
        hand_overs.insert(0, own);
    }
    matches.push(by_login);
    LinkPreview {
        matches,
        hand_overs,
    }
}

/// In SCIM's grammar a value is a JSON string.
fn equals(attribute: &str, value: &str) -> String {
    format!("{attribute} eq {}", Value::from(value))
}
