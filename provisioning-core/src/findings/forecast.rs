//! What Entra's next requests about a person are, and what they will be answered. Pure: the rules of the use cases once more, in words.

use crate::{
    accounts::{self, Account},
    attributes::{error::excerpt, fold::fold},
    clock::Timestamp,
    error::Reason,
    guard::{Batch, BatchItem, BatchState, DeprovisionAction},
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
            requests.extend(writes(scene, account));
            return requests;
        }
    }
    if let Some(object_id) = scene.object_id.filter(|_| !scene.not_matched_by.object_id) {
        let found = scene.by_object_id();
        requests.push(query("externalId", object_id, &found));
        match found.as_slice() {
            [] => {}
            [account] => {
                requests.extend(writes(scene, account));
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

/// What Entra writes of an account that it has found. Where it wants to suspend or delete it and may not, nothing else follows.
fn writes(scene: Scene<'_>, account: &Account) -> Vec<ExpectedRequest> {
    let wanted = |action: DeprovisionAction| match action {
        // Protection refuses these before the guard is asked, and what is suspended is not suspended again.
        DeprovisionAction::Suspend => account.directory_active && !account.protected,
        DeprovisionAction::Delete => !account.protected,
        DeprovisionAction::RemoveMember => true,
    };
    let waits: Vec<&(BatchItem, Batch)> = scene
        .held
        .iter()
        .filter(|(item, _)| item.key.account_id == account.id.uuid() && wanted(item.key.action))
        .collect();
    let goes = waits
        .iter()
        .any(|(item, _)| item.key.action != DeprovisionAction::RemoveMember);
    let mut requests: Vec<ExpectedRequest> = waits
        .iter()
        .filter(|(item, _)| !goes || item.key.action != DeprovisionAction::RemoveMember)
        .map(|(item, batch)| held(scene.tenant, account, item, batch))
        .collect();
    if !goes {
        requests.push(patch(scene, account));
    }
    requests
}

/// The request that the deprovision guard holds back.
fn held(tenant: &Tenant, account: &Account, item: &BatchItem, batch: &Batch) -> ExpectedRequest {
    let (request, what) = match item.key.action {
        DeprovisionAction::Suspend => (
            format!("PATCH /Users/{}", account.id),
            format!("the suspension of {}", named(account)),
        ),
        DeprovisionAction::Delete => (
            format!("DELETE /Users/{}", account.id),
            format!("the deletion of {}", named(account)),
        ),
        DeprovisionAction::RemoveMember => (
            format!("PATCH /Groups/{}", item.key.group_id),
            format!(
                "the removal of {} from the group {}",
                named(account),
                excerpt(&item.group_display_name)
            ),
        ),
    };
    let (since, id, tenant) = (item.first_seen_at, batch.id, tenant.identifier.as_str());
    // A batch that was approved holds nothing.
    let decide = if batch.state == BatchState::Dismissed {
        format!(
            "which was dismissed. If it shall happen after all, approve that batch (DeprovisionGuardService/ApproveDeprovisionBatch, or provisiond \
             guard approve {tenant} {id}); if not, bring the user back into the scope of provisioning in Microsoft Entra."
        )
    } else {
        format!(
            "which waits for a decision: approve it if it is meant (DeprovisionGuardService/ApproveDeprovisionBatch, or provisiond guard approve \
             {tenant} {id}), or dismiss it (DeprovisionGuardService/DismissDeprovisionBatch, or provisiond guard dismiss {tenant} {id})."
        )
    };
    ExpectedRequest {
        request,
        http_status: Reason::DeprovisionHeld.http_status(),
        outcome: "Nothing is changed, and Microsoft Entra tries again in later cycles.".to_owned(),
        because: format!(
            "The deprovision guard holds {what} since {since}, in the batch {id}, {decide}"
        ),
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
        (Some(object_id), Some(kept)) if account.object_id_pinned => {
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
    if let Some(tombstone) = restorable.filter(|tombstone| tombstone.protected) {
        return answer(
            403,
            "No account is created or brought back. Microsoft Entra tries again in later cycles."
                .to_owned(),
            format!(
                "The deleted account {} of this Object ID is protected: only an admin may restore it (RestoreAccount) or remove it (PurgeAccount).",
                tombstone.id
            ),
        );
    }
    let on_hold = if scene.former().is_some_and(|former| former.hold.is_some())
        || restorable.is_some_and(|tombstone| tombstone.hold.is_some())
    {
        " It is on hold, as the deleted account of this login was."
    } else {
        ""
    };
    if let Some(tombstone) = restorable {
        return answer(
            201,
            format!(
                "The deleted account {} comes back with its id and its groups.{on_hold}",
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
            format!("A second account with the same Object ID is created, which is a finding.{on_hold}"),
            format!("{} has the Object ID, and does not hold it exclusively.", named(other)),
        ),
        None => answer(
            201,
            format!("A new account is created.{on_hold}"),
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        accounts::Hold,
        attributes::show::Shows,
        guard::ItemKey,
        ids::{AccountId, BatchId, TenantId},
        tenants::{Identifier, TenantSettings},
    };

    const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
    const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";
    const ALICE: &str = "alice@contoso.com";

    fn tenant() -> Tenant {
        Tenant {
            id: TenantId::from_uuid(Uuid::from_u128(1)),
            identifier: Identifier::parse("contoso").expect("it is one"),
            display_name: String::new(),
            provisioning_enabled: true,
            settings: TenantSettings::default(),
            version: 1,
            schema_version: 0,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    fn account(number: u128, user_name: &str, object_id: Option<&str>) -> Account {
        Account {
            id: AccountId::from_uuid(Uuid::from_u128(number)),
            user_name: user_name.to_owned(),
            user_name_key: fold(user_name),
            object_id: object_id.map(str::to_owned),
            object_id_exclusive: false,
            object_id_pinned: false,
            directory_active: true,
            hold: None,
            protected: false,
            managed: true,
            version: 1,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
            deleted_at: None,
            document: "{}".to_owned(),
            groups: Vec::new(),
            shows: Shows::new(),
        }
    }

    /// What comes last when Entra has the login of alice and the GUID.
    fn last(accounts: &[Account], not_matched_by: NotMatchedBy) -> ExpectedRequest {
        let tenant = tenant();
        let mut requests = expected_requests(Scene {
            tenant: &tenant,
            now: Timestamp::from_micros(10),
            user_name: Some(ALICE),
            object_id: Some(GUID),
            not_matched_by,
            unknown_id: None,
            accounts,
            held: &[],
        });
        requests.pop().expect("something is sent")
    }

    /// What the guard holds of the account 2.
    fn held_back(action: DeprovisionAction, state: BatchState) -> (BatchItem, Batch) {
        let group = match action {
            DeprovisionAction::RemoveMember => Uuid::from_u128(20),
            DeprovisionAction::Suspend | DeprovisionAction::Delete => Uuid::nil(),
        };
        let at = Timestamp::from_micros(5);
        let item = BatchItem {
            key: ItemKey {
                account_id: Uuid::from_u128(2),
                action,
                group_id: group,
            },
            user_name: ALICE.to_owned(),
            object_id: GUID.to_owned(),
            group_display_name: "Engineering".to_owned(),
            first_seen_at: at,
            last_seen_at: at,
            count: 1,
            passed_at: None,
        };
        let batch = Batch {
            id: BatchId::from_uuid(Uuid::from_u128(30)),
            state,
            created_at: at,
            updated_at: at,
            suspends: 1,
            deletes: 0,
            member_removals: 0,
            passed: 0,
            decided_by: String::new(),
            decided_at: None,
            reason: String::new(),
            version: 1,
        };
        (item, batch)
    }

    /// What is written of alice, with what comes of it.
    fn written(account: Account, held: &[(BatchItem, Batch)]) -> Vec<(String, u16)> {
        let tenant = tenant();
        let requests = expected_requests(Scene {
            tenant: &tenant,
            now: Timestamp::from_micros(10),
            user_name: Some(ALICE),
            object_id: Some(GUID),
            not_matched_by: NotMatchedBy::default(),
            unknown_id: None,
            accounts: &[account],
            held,
        });
        requests
            .into_iter()
            .filter(|expected| !expected.request.starts_with("GET "))
            .map(|expected| (expected.request, expected.http_status))
            .collect()
    }

    fn found(account: Account) -> ExpectedRequest {
        last(&[account], NotMatchedBy::default())
    }

    const BY_OBJECT_ID: NotMatchedBy = NotMatchedBy {
        login: true,
        object_id: false,
    };
    const BY_LOGIN: NotMatchedBy = NotMatchedBy {
        login: false,
        object_id: true,
    };

    #[test]
    fn a_protected_account_is_never_written() {
        let expected = found(Account {
            protected: true,
            ..account(2, ALICE, None)
        });
        assert_eq!(expected.http_status, 403);
        assert!(expected.because.contains("UnprotectAccount"));
    }

    #[test]
    fn what_the_guard_holds_is_refused_until_its_batch_is_approved() {
        let alice = || account(2, ALICE, Some(GUID));
        let user = format!("/Users/{}", Uuid::from_u128(2));
        let group = format!("/Groups/{}", Uuid::from_u128(20));
        for state in [BatchState::Pending, BatchState::Dismissed] {
            let suspension = held_back(DeprovisionAction::Suspend, state);
            let deletion = held_back(DeprovisionAction::Delete, state);
            let removal = held_back(DeprovisionAction::RemoveMember, state);
            assert_eq!(
                written(alice(), std::slice::from_ref(&removal)),
                [
                    (format!("PATCH {group}"), 429),
                    (format!("PATCH {user}"), 204)
                ],
                "the user stays otherwise"
            );
            assert_eq!(
                written(alice(), &[suspension.clone(), removal, deletion]),
                [
                    (format!("PATCH {user}"), 429),
                    (format!("DELETE {user}"), 429)
                ]
            );
            let suspended = Account {
                directory_active: false,
                ..alice()
            };
            assert_eq!(
                written(suspended, &[suspension]),
                [(format!("PATCH {user}"), 204)],
                "there is nothing to suspend any more"
            );
        }
    }

    #[test]
    fn who_reads_that_the_guard_holds_it_knows_the_batch_and_what_to_do() {
        let alice = account(2, ALICE, Some(GUID));
        for (state, parts) in [
            (
                BatchState::Pending,
                ["waits for a decision", "guard dismiss"],
            ),
            (
                BatchState::Dismissed,
                ["was dismissed", "back into the scope"],
            ),
        ] {
            let (item, batch) = held_back(DeprovisionAction::Suspend, state);
            let because = held(&tenant(), &alice, &item, &batch).because;
            let approve = format!("provisiond guard approve contoso {}", batch.id);
            for part in parts.into_iter().chain([approve.as_str()]) {
                assert!(because.contains(part), "{part}: {because}");
            }
            assert!(
                because.contains(&item.first_seen_at.to_string()),
                "{because}"
            );
        }
    }

    #[test]
    fn a_hold_outlasts_what_entra_says() {
        let expected = found(Account {
            hold: Some(Hold {
                reason: String::new(),
                at: Timestamp::from_micros(0),
            }),
            ..account(2, ALICE, Some(GUID))
        });
        assert_eq!(expected.http_status, 204);
        assert!(expected.outcome.contains("stays suspended"));
        assert!(expected.because.contains("ReleaseAccount"));
    }

    #[test]
    fn a_suspension_of_entra_ends_with_entra() {
        let expected = found(Account {
            directory_active: false,
            ..account(2, ALICE, Some(GUID))
        });
        assert!(
            expected
                .outcome
                .contains("until Microsoft Entra sends active=true")
        );
    }

    #[test]
    fn an_object_id_that_nobody_linked_gives_way() {
        let expected = found(account(2, ALICE, Some(OTHER_GUID)));
        assert_eq!(expected.http_status, 204);
        assert!(
            expected
                .outcome
                .contains(&format!("gets the Object ID \"{GUID}\""))
        );
    }

    #[test]
    fn a_link_of_an_admin_is_kept() {
        let expected = found(Account {
            object_id_exclusive: true,
            object_id_pinned: true,
            ..account(2, ALICE, Some(OTHER_GUID))
        });
        assert_eq!(expected.http_status, 204);
        assert!(
            expected
                .outcome
                .contains(&format!("stays \"{OTHER_GUID}\""))
        );
    }

    #[test]
    fn the_account_of_the_object_id_gets_the_login_when_it_is_free() {
        let bob = account(3, "bob@contoso.com", Some(GUID));
        let renamed = last(std::slice::from_ref(&bob), BY_OBJECT_ID);
        assert_eq!(renamed.http_status, 204);
        assert!(renamed.outcome.contains("login account becomes"));
        let taken = last(&[bob, account(2, ALICE, None)], BY_OBJECT_ID);
        assert_eq!(
            (taken.request.as_str(), taken.http_status),
            (format!("PATCH /Users/{}", Uuid::from_u128(3)).as_str(), 409)
        );
    }

    #[test]
    fn two_accounts_of_one_object_id_end_the_search() {
        let accounts = [
            account(3, "bob@contoso.com", Some(GUID)),
            account(4, "carol@contoso.com", Some(GUID)),
        ];
        let expected = last(&accounts, NotMatchedBy::default());
        assert!(expected.request.starts_with("GET /Users?filter=externalId"));
        assert!(expected.outcome.contains("DuplicateTargetEntries"));
    }

    #[test]
    fn a_second_account_shares_an_object_id_that_is_not_exclusive() {
        let bob = account(3, "bob@contoso.com", Some(GUID));
        let shared = last(std::slice::from_ref(&bob), BY_LOGIN);
        assert_eq!(shared.http_status, 201);
        assert!(shared.outcome.contains("same Object ID"));
        let exclusive = Account {
            object_id_exclusive: true,
            ..bob
        };
        assert_eq!(last(&[exclusive], BY_LOGIN).http_status, 409);
    }

    #[test]
    fn only_a_guid_within_its_retention_brings_an_account_back() {
        let deleted = Account {
            deleted_at: Some(Timestamp::from_micros(5)),
            ..account(2, ALICE, Some(GUID))
        };
        assert!(found(deleted.clone()).outcome.contains("comes back"));
        let protected = Account {
            protected: true,
            ..deleted.clone()
        };
        assert_eq!(found(protected).http_status, 403);
        let on_hold = Account {
            hold: Some(Hold {
                reason: String::new(),
                at: Timestamp::from_micros(0),
            }),
            object_id: None,
            ..deleted.clone()
        };
        let anew = found(on_hold);
        assert!(
            anew.outcome
                .contains("A new account is created. It is on hold"),
            "{}",
            anew.outcome
        );
        let taken = last(&[deleted, account(3, ALICE, None)], BY_OBJECT_ID);
        assert_eq!(taken.http_status, 409);
        assert!(taken.because.contains("cannot be restored"));
    }

    #[test]
    fn what_is_asked_for_is_quoted_as_a_filter_wants_it() {
        assert_eq!(
            filter("userName", "a\"b\\c"),
            "GET /Users?filter=userName eq \"a\\\"b\\\\c\""
        );
    }
}
