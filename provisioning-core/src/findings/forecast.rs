//! What Entra's next requests about a person are, and what they will be answered. Pure: the rules of the use cases once more, in words.

mod creates;
#[cfg(test)]
mod tests;
mod writes;

use crate::{
    accounts::{self, Account},
    attributes::{error::excerpt, fold::fold},
    clock::Timestamp,
    error::Reason,
    guard::{Batch, BatchItem},
    links::object_id_key,
    tenants::Tenant,
};

/// A request that Entra will send, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedRequest {
    /// HTTP method and path below the SCIM endpoint.
    pub request: String,
    /// The status of the answer.
    pub http_status: u16,
    /// What the answer says, and what Entra makes of it.
    pub outcome: String,
    /// Which rule or state makes it so.
    pub because: String,
}

/// What Entra posted a person in spite of: had it asked for that, it would have found the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NotMatchedBy {
    pub login: bool,
    pub object_id: bool,
}

/// What is known of a person on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub tenant: &'a Tenant,
    pub now: Timestamp,
    /// The login account that Entra has for the person.
    pub user_name: Option<&'a str>,
    /// The Object ID that Entra has for the person.
    pub object_id: Option<&'a str>,
    /// What Entra's mapping does not match by, as its requests have shown.
    pub not_matched_by: NotMatchedBy,
    /// A SCIM id that the question names and that is no account's.
    pub unknown_id: Option<&'a str>,
    /// Every account that any of the names is of, deleted ones too.
    pub accounts: &'a [Account],
    /// What the deprovision guard holds back of them, the longest first.
    pub held: &'a [(BatchItem, Batch)],
}

impl ExpectedRequest {
    /// Whether the deprovision guard holds it back.
    pub(super) const fn is_held(&self) -> bool {
        self.http_status == Reason::DeprovisionHeld.http_status()
    }
}

impl<'a> Scene<'a> {
    fn live(self) -> impl Iterator<Item = &'a Account> {
        self.accounts
            .iter()
            .filter(|account| account.deleted_at.is_none())
    }

    fn by_login(self) -> Option<&'a Account> {
        let key = fold(self.user_name?);
        self.live().find(|account| account.user_name_key == key)
    }

    /// As a filter compares it: exactly.
    fn by_object_id(self) -> Vec<&'a Account> {
        self.live()
            .filter(|account| {
                self.object_id.is_some() && account.object_id.as_deref() == self.object_id
            })
            .collect()
    }

    /// Another account that nobody may share the Object ID with.
    fn claimant(self, than: Option<&Account>) -> Option<&'a Account> {
        let key = object_id_key(self.object_id?);
        self.live().find(|account| {
            account.object_id.as_deref().map(object_id_key).as_ref() == Some(&key)
                && (account.object_id_exclusive || self.tenant.settings.object_id_unique)
                && than.is_none_or(|than| than.id != account.id)
        })
    }

    /// The deleted account that a POST brings back.
    fn restorable(self) -> Option<&'a Account> {
        let key = object_id_key(self.object_id?);
        self.accounts
            .iter()
            .filter(|account| {
                account.object_id.as_deref().map(object_id_key).as_ref() == Some(&key)
            })
            .filter(|account| accounts::restorable(account, self.tenant, self.now))
            .max_by_key(|account| account.deleted_at)
    }

    /// The account that had the login last: a hold of it goes on when the login comes back.
    fn former(self) -> Option<&'a Account> {
        let key = fold(self.user_name?);
        self.accounts
            .iter()
            .filter(|account| account.deleted_at.is_some() && account.user_name_key == key)
            .max_by_key(|account| account.deleted_at)
    }

    /// An id that Entra still has and that is no account's any more.
    fn dead_id(self) -> Option<String> {
        if let Some(id) = self.unknown_id {
            return Some(id.to_owned());
        }
        let deleted = self
            .accounts
            .iter()
            .find(|account| account.deleted_at.is_some() && account.managed)?;
        self.live().next().is_none().then(|| deleted.id.to_string())
    }
}

/// The requests in order. The last one decides.
pub(super) fn expected_requests(scene: Scene<'_>) -> Vec<ExpectedRequest> {
    let mut requests: Vec<ExpectedRequest> = scene
        .dead_id()
        .as_deref()
        .map(dead_id)
        .into_iter()
        .collect();
    let by_login = scene.by_login();
    if let Some(user_name) = scene.user_name.filter(|_| !scene.not_matched_by.login) {
        let found: Vec<_> = by_login.into_iter().collect();
        requests.push(query("userName", user_name, &found));
        if let Some(account) = by_login {
            requests.extend(writes::writes(scene, account));
            return requests;
        }
    }
    if let Some(object_id) = scene.object_id.filter(|_| !scene.not_matched_by.object_id) {
        let found = scene.by_object_id();
        requests.push(query("externalId", object_id, &found));
        match found.as_slice() {
            [] => {}
            [account] => {
                requests.extend(writes::writes(scene, account));
                return requests;
            }
            _ => return requests,
        }
    }
    if scene.user_name.is_some() || scene.object_id.is_some() {
        requests.push(creates::post(scene));
    }
    requests
}

/// What Entra sends first of the person.
pub(super) fn first_request(scene: Scene<'_>) -> String {
    match (scene.user_name, scene.object_id) {
        (Some(user_name), _) => filter("userName", user_name),
        (None, Some(object_id)) => filter("externalId", object_id),
        (None, None) => "GET /Users".to_owned(),
    }
}

fn dead_id(id: &str) -> ExpectedRequest {
    ExpectedRequest {
        request: format!("PATCH /Users/{id}"),
        http_status: 404,
        outcome: "Microsoft Entra logs InvalidAnchor and does not mend that by itself. It sends this only while it knows the id and something of the user \
                  changes; what follows below is sent once it has forgotten the id."
            .to_owned(),
        because: "No account has this id: it was deleted, or never existed.".to_owned(),
    }
}

fn filter(attribute: &str, value: &str) -> String {
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("GET /Users?filter={attribute} eq \"{quoted}\"")
}

fn query(attribute: &str, value: &str, found: &[&Account]) -> ExpectedRequest {
    let outcome = match found {
        [] => "It finds nothing: an empty list.".to_owned(),
        [account] => format!(
            "It finds {}, and Microsoft Entra goes on with its id.",
            named(account)
        ),
        accounts => {
            let names: Vec<_> = accounts.iter().map(|account| named(account)).collect();
            format!(
                "It finds {}. Microsoft Entra cannot choose, logs DuplicateTargetEntries and sends nothing more.",
                names.join(" and ")
            )
        }
    };
    let because = match attribute {
        "userName" => "Login accounts are compared without regard to case.",
        _ => {
            "Object IDs are compared exactly. Microsoft Entra asks this when externalId is a matching attribute of its mapping."
        }
    };
    ExpectedRequest {
        request: filter(attribute, value),
        http_status: 200,
        outcome,
        because: because.to_owned(),
    }
}

fn named(account: &Account) -> String {
    format!(
        "the account {} ({})",
        excerpt(&account.user_name),
        account.id
    )
}
