//! What Entra's next requests about a person are, and what they will be answered. Pure: the rules of the use cases once more, in words.

use crate::{
    accounts::{self, Account},
    attributes::{error::excerpt, fold::fold},
    clock::Timestamp,
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

/// What is known of a person on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub tenant: &'a Tenant,
    pub now: Timestamp,
    /// Whether the tenant has a SCIM token that is accepted now.
    pub has_token: bool,
    /// The login account that Entra has for the person.
    pub user_name: Option<&'a str>,
    /// The Object ID that Entra has for the person.
    pub object_id: Option<&'a str>,
    /// Entra did not find the account by its login the last time, and posted: its mapping does not match by the login.
    pub posts: bool,
    /// A SCIM id that the question names and that is no account's.
    pub unknown_id: Option<&'a str>,
    /// Every account that any of the names is of, deleted ones too.
    pub accounts: &'a [Account],
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
    if let Some(refused) = refused_before_all(scene) {
        return vec![refused];
    }
    let mut requests: Vec<ExpectedRequest> = scene
        .dead_id()
        .as_deref()
        .map(dead_id)
        .into_iter()
        .collect();
    let by_login = scene.by_login();
    if let Some(user_name) = scene.user_name.filter(|_| !scene.posts) {
        let found: Vec<_> = by_login.into_iter().collect();
        requests.push(query("userName", user_name, &found));
        if let Some(account) = by_login {
            requests.push(patch(scene, account));
            return requests;
        }
    }
    if let Some(object_id) = scene.object_id {
        let found = scene.by_object_id();
        requests.push(query("externalId", object_id, &found));
        match found.as_slice() {
            [] => {}
            [account] => {
                requests.push(patch(scene, account));
                return requests;
            }
            _ => return requests,
        }
    }
    if scene.user_name.is_some() || scene.object_id.is_some() {
        requests.push(post(scene));
    }
    requests
}

/// What no request of the tenant gets past.
fn refused_before_all(scene: Scene<'_>) -> Option<ExpectedRequest> {
    let request = match (scene.user_name, scene.object_id) {
        (Some(user_name), _) => filter("userName", user_name),
        (None, Some(object_id)) => filter("externalId", object_id),
        (None, None) => "GET /Users".to_owned(),
    };
    if !scene.has_token {
        return Some(ExpectedRequest {
            request,
            http_status: 401,
            outcome: "Microsoft Entra is refused, and puts the whole job into quarantine. Nothing is changed in DragOnce.".to_owned(),
            because: "The tenant has no SCIM token that is valid now. Generate one in the DragOnce Admin Panel (GenerateToken or RegenerateToken) and \
                      paste it into Secret Token in Microsoft Entra."
                .to_owned(),
        });
    }
    (!scene.tenant.provisioning_enabled).then(|| ExpectedRequest {
        request,
        http_status: 403,
        outcome: "Microsoft Entra is refused and tries again in later cycles. Nothing is changed in DragOnce.".to_owned(),
        because: "User Provisioning is switched off for this subscription (EnableProvisioning).".to_owned(),
    })
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

fn patch(scene: Scene<'_>, account: &Account) -> ExpectedRequest {
    let answer = |http_status, outcome: String, because: String| ExpectedRequest {
        request: format!("PATCH /Users/{}", account.id),
        http_status,
        outcome,
        because,
    };
    if account.protected {
        return answer(
            403,
            "Microsoft Entra is refused each time, and tries again in later cycles.".to_owned(),
            "A DragOnce admin protected the account: provisioning may read it and never change it (UnprotectAccount).".to_owned(),
        );
    }
    let wants_login = scene
        .user_name
        .filter(|user_name| fold(user_name) != account.user_name_key);
    if let (Some(user_name), Some(holder)) = (wants_login, scene.by_login()) {
        return answer(
            409,
            format!(
                "The account does not get the login account {}. Nothing of the request is done.",
                excerpt(user_name)
            ),
            format!("{} has that login account.", named(holder)),
        );
    }
    let wants_object_id = scene.object_id.filter(|object_id| {
        account.object_id.as_deref().map(object_id_key) != Some(object_id_key(object_id))
    });
    let status = scene.tenant.settings.dialect.rules().account_patch_status;
    let mut done: Vec<String> = Vec::new();
    let mut because: Vec<String> = Vec::new();
    match (wants_object_id, &account.object_id) {
        (Some(object_id), Some(kept))
            if account.object_id_exclusive && !scene.tenant.settings.object_id_unique =>
        {
            done.push(format!(
                "The Object ID stays {}, and everything else is done.",
                excerpt(kept)
            ));
            because.push(format!(
                "A DragOnce admin linked the account, so that the directory's Object ID {} is not taken over; it is a finding.",
                excerpt(object_id)
            ));
        }
        (Some(object_id), had) => {
            if let Some(claimant) = scene.claimant(Some(account)) {
                return answer(
                    409,
                    format!(
                        "The account does not get the Object ID {}. Nothing of the request is done.",
                        excerpt(object_id)
                    ),
                    format!("{} holds that Object ID exclusively.", named(claimant)),
                );
            }
            done.push(format!(
                "The account gets the Object ID {}.",
                excerpt(object_id)
            ));
            because.push(had.as_deref().map_or_else(
                || "It has none yet.".to_owned(),
                |had| format!("It has {} now, which no admin set.", excerpt(had)),
            ));
        }
        (None, _) => {}
    }
    if let Some(user_name) = wants_login {
        done.push(format!("The login account becomes {}.", excerpt(user_name)));
        because.push("Nobody else has that login account.".to_owned());
    }
    if !account.managed {
        done.push("The account, which was here before Microsoft Entra, is adopted: provisioning writes it from then on.".to_owned());
        because.push("It was found by a matching query.".to_owned());
    }
    if done.is_empty() {
        done.push(
            "The account is updated. Microsoft Entra sends this only when an attribute differs."
                .to_owned(),
        );
        because.push("Both sides have the same Object ID and login account.".to_owned());
    }
    if account.hold.is_some() {
        done.push("The account stays suspended.".to_owned());
        because.push(
            "A DragOnce admin's hold counts, whatever Microsoft Entra says (ReleaseAccount)."
                .to_owned(),
        );
    } else if !account.directory_active {
        done.push(
            "The account stays suspended until Microsoft Entra sends active=true.".to_owned(),
        );
        because.push(
            "Microsoft Entra suspended it: the user is disabled, deleted or not assigned there."
                .to_owned(),
        );
    }
    answer(status, done.join(" "), because.join(" "))
}

fn post(scene: Scene<'_>) -> ExpectedRequest {
    let answer = |http_status, outcome: String, because: String| ExpectedRequest {
        request: "POST /Users".to_owned(),
        http_status,
        outcome,
        because,
    };
    let restorable = scene.restorable();
    if let Some(holder) = scene.by_login() {
        let because = match (restorable, &holder.object_id) {
            (Some(tombstone), _) if tombstone.user_name_key == holder.user_name_key => format!(
                "{} has the login account, so the deleted account {} of this Object ID cannot be restored.",
                named(holder),
                tombstone.id
            ),
            (_, None) => format!(
                "{} has the login account, and no Object ID (LinkObjectId).",
                named(holder)
            ),
            (_, Some(object_id)) => format!(
                "{} has the login account, with the Object ID {}.",
                named(holder),
                excerpt(object_id)
            ),
        };
        return answer(
            409,
            "No account is created. Microsoft Entra logs the conflict and tries again in later cycles.".to_owned(),
            because,
        );
    }
    if let Some(claimant) = scene.claimant(None) {
        return answer(
            409,
            "No account is created. Microsoft Entra logs the conflict and tries again in later cycles.".to_owned(),
            format!("{} holds the Object ID exclusively.", named(claimant)),
        );
    }
    if let Some(tombstone) = restorable {
        return answer(
            201,
            format!(
                "The deleted account {} comes back with its id and its groups.",
                tombstone.id
            ),
            format!(
                "It has the same Object ID, which is a GUID, and its retention has not ended: it was deleted on {}.",
                tombstone.deleted_at.unwrap_or(scene.now)
            ),
        );
    }
    let shared = scene.object_id.map(object_id_key).and_then(|key| {
        scene
            .live()
            .find(|account| account.object_id.as_deref().map(object_id_key).as_ref() == Some(&key))
    });
    match shared {
        Some(other) => answer(
            201,
            "A second account with the same Object ID is created, which is a finding.".to_owned(),
            format!("{} has the Object ID, and does not hold it exclusively.", named(other)),
        ),
        None => answer(
            201,
            "A new account is created.".to_owned(),
            "No account has the login account or the Object ID, and no deleted one can be restored.".to_owned(),
        ),
    }
}

fn named(account: &Account) -> String {
    format!(
        "the account {} ({})",
        excerpt(&account.user_name),
        account.id
    )
}
