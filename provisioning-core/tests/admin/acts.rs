//! What an admin decides of an account: holds that SCIM does not lift, protection, restore and purge.

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, AccountKey, Act, ActTarget, CreateOutcome, Precondition},
    attributes::patch::{Op, Operation as PatchOperation},
    call::Call,
    changes::{ChangeKind, Resource},
    error::{Error, Reason},
    groups::{GroupKey, View},
    ids::AccountId,
    log::Operation,
    receipts::{Answer, Once},
    tenants::TenantSettings,
};
use serde_json::{Map, Value, json};

use crate::world::{CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, reason, scim};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const DAY: Duration = Duration::from_hours(24);
const RETENTION: Duration = TenantSettings::TOMBSTONE_RETENTION_DEFAULT;

fn target(id: AccountId, reason: &str) -> ActTarget {
    ActTarget {
        account_id: id,
        precondition: Precondition::default(),
        reason: reason.to_owned(),
    }
}

async fn act(world: &World, act: Act, id: AccountId) -> Result<Account, Error> {
    act_because(world, act, id, "because").await
}

async fn act_because(
    world: &World,
    act: Act,
    id: AccountId,
    reason: &str,
) -> Result<Account, Error> {
    world.clock.advance(Duration::from_micros(1));
    match world
        .core
        .act_on_account(&admin(CONTOSO), act, &target(id, reason), None)
        .await?
    {
        Answer::Fresh(account) => Ok(account),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn entra(world: &World) -> Call {
    scim(CONTOSO, &world.generate(CONTOSO).await.text)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => panic!("it is an object"),
    }
}

fn user(user_name: &str, object_id: &str) -> Map<String, Value> {
    object(
        json!({"userName": user_name, "externalId": object_id, "emails": [{"value": user_name, "type": "work"}]}),
    )
}

async fn post(
    world: &World,
    call: &Call,
    attributes: &Map<String, Value>,
) -> Result<(Account, CreateOutcome), Error> {
    world.clock.advance(Duration::from_micros(1));
    match world
        .core
        .create_account(call, attributes, false, None)
        .await?
    {
        Answer::Fresh(created) => Ok((created.account, created.outcome)),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn delete(world: &World, call: &Call, id: AccountId) -> Account {
    world.clock.advance(Duration::from_micros(1));
    fresh(
        world
            .core
            .delete_account(call, id, &Precondition::default(), None)
            .await,
    )
    .account
}

async fn get(world: &World, id: AccountId) -> Account {
    world
        .core
        .get_account(&admin(CONTOSO), &AccountKey::Id(id))
        .await
        .expect("it is there")
}

fn set(path: &str, value: Value) -> Vec<PatchOperation> {
    vec![PatchOperation {
        op: Op::Replace,
        path: Some(path.to_owned()),
        value: Some(value),
    }]
}

async fn deleted(world: &World, tenant: &str) -> Vec<AccountId> {
    let page = world
        .core
        .list_deleted_accounts(&admin(tenant), 200, "")
        .await
        .expect("they are listed");
    page.accounts.iter().map(|account| account.id).collect()
}

/// A group of the account; its id.
async fn group_of(world: &World, id: AccountId) -> provisioning_core::ids::GroupId {
    let attributes = object(
        json!({"displayName": format!("Group of {id}"), "members": [{"value": id.to_string()}]}),
    );
    fresh(
        world
            .core
            .create_group(&admin(CONTOSO), &attributes, false, None)
            .await,
    )
    .group
    .id
}

on_every_engine! {
    async fn a_hold_suspends_and_a_release_gives_back_what_the_directory_says(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let held = act_because(&world, Act::Hold, alice.id, "Left on 3 May").await.expect("it is held");
        assert_eq!(held.hold.as_ref().map(|hold| hold.reason.as_str()), Some("Left on 3 May"));
        assert!(held.directory_active && !held.effectively_active());
        assert_eq!((held.version, get(&world, alice.id).await), (alice.version + 1, held.clone()));
        assert_eq!(held.document, alice.document, "SCIM sees nothing of it");
        assert_eq!(world.changes(CONTOSO).await.last(), Some(&(ChangeKind::Updated, Resource::Account(alice.id), held.version)));
        let entry = &world.log(CONTOSO, "operation eq \"hold\"").await[0];
        assert_eq!((entry.actor.as_str(), entry.resource_id.as_str()), ("admin", alice.id.to_string().as_str()));
        assert_eq!(entry.justification, "Left on 3 May");
        assert_eq!((entry.changes[0].attribute.as_str(), &entry.changes[0].new), ("hold", &Some(json!("Left on 3 May"))));

        let released = act(&world, Act::Release, alice.id).await.expect("it is released");
        assert!(released.hold.is_none() && released.effectively_active());
        assert_eq!(world.log(CONTOSO, "operation eq \"release\"").await[0].changes[0].old, Some(json!("Left on 3 May")));
    }

    async fn what_is_so_already_changes_nothing(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        for undone in [Act::Release, Act::Unprotect, Act::Restore] {
            assert_eq!(act(&world, undone, alice.id).await.expect("it is answered"), alice, "{undone:?}");
        }
        for done in [Act::Hold, Act::Protect] {
            let once = act(&world, done, alice.id).await.expect("it is done");
            assert_eq!(act(&world, done, alice.id).await.expect("it is so"), once, "{done:?}");
        }
        let entries = world.log(CONTOSO, "actor eq \"admin\"").await;
        assert_eq!(entries.len(), 3, "the create, the hold and the protection");
    }

    async fn another_reason_takes_the_place_of_the_first(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let first = act_because(&world, Act::Hold, alice.id, "first").await.expect("it is held").hold.expect("it is");
        let second = act_because(&world, Act::Hold, alice.id, "second").await.expect("it is held").hold.expect("it is");
        assert_eq!((second.reason.as_str(), second.at), ("second", first.at));
        let change = &world.log(CONTOSO, "operation eq \"hold\"").await[0].changes[0];
        assert_eq!((&change.old, &change.new), (&Some(json!("first")), &Some(json!("second"))));
    }

    async fn a_hold_needs_a_reason_in_one_line(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        for bad in ["", " ", "a\nb"] {
            assert_eq!(reason(act_because(&world, Act::Hold, alice.id, bad).await), Reason::InvalidRequest, "{bad:?}");
        }
        assert_eq!(reason(act_because(&world, Act::Release, alice.id, "a\0b").await), Reason::InvalidRequest);
        act_because(&world, Act::Release, alice.id, "").await.expect("a release needs none");
    }

    async fn validating_and_an_old_etag_change_nothing(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let mut preview = target(alice.id, "because");
        preview.precondition.validate_only = true;
        let shown = fresh(world.core.act_on_account(&admin(CONTOSO), Act::Hold, &preview, None).await);
        assert!(!shown.effectively_active());
        let mut stale = target(alice.id, "because");
        stale.precondition.etag = Some("\"9\"".to_owned());
        let refused = world.core.act_on_account(&admin(CONTOSO), Act::Hold, &stale, None).await;
        assert_eq!(reason(refused), Reason::EtagMismatch);
        assert_eq!(get(&world, alice.id).await, alice);
        assert!(world.log(CONTOSO, "operation eq \"hold\" and outcome eq \"success\"").await.is_empty());
    }

    async fn a_repeated_act_is_answered_as_the_first_time(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        let encode = |account: &Account| account.etag().into_bytes();
        let once = || Some(Once { encode: &encode, ..once(1, 1) });
        let admin = admin(CONTOSO);
        let held = fresh(world.core.act_on_account(&admin, Act::Hold, &target(alice.id, "because"), once()).await);
        act(&world, Act::Release, alice.id).await.expect("it is released");
        match world.core.act_on_account(&admin, Act::Hold, &target(alice.id, "because"), once()).await.expect("it is answered") {
            Answer::Replayed(bytes) => assert_eq!(bytes, held.etag().into_bytes()),
            Answer::Fresh(_) => panic!("it was held again"),
        }
        assert!(get(&world, alice.id).await.hold.is_none());
    }

    async fn a_deleted_account_is_neither_held_nor_protected(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        delete(&world, &admin(CONTOSO), alice.id).await;
        for act_ in [Act::Hold, Act::Release, Act::Protect, Act::Unprotect] {
            let Err(Error::Refused(refusal)) = act(&world, act_, alice.id).await else { panic!("{act_:?}: it is deleted") };
            assert_eq!(refusal.reason, Reason::AccountNotFound);
            assert!(refusal.detail.contains("RestoreAccount") && refusal.detail.contains("alice@contoso.com"));
        }
        assert_eq!(world.log(CONTOSO, "reason eq \"ACCOUNT_NOT_FOUND\"").await.len(), 4);
    }

    async fn an_account_of_a_foreign_tenant_is_nobodys(world: World) {
        world.create_tenant(FABRIKAM).await;
        let theirs = world.create_account_in(FABRIKAM, "alice@contoso.com", None).await;
        for act_ in [Act::Hold, Act::Protect, Act::Restore, Act::Purge] {
            assert_eq!(reason(act(&world, act_, theirs.id).await), Reason::AccountNotFound, "{act_:?}");
        }
    }

    async fn no_request_of_the_directory_lifts_a_hold(world: World) {
        let entra = entra(&world).await;
        let (alice, _) = post(&world, &entra, &user("alice@contoso.com", GUID)).await.expect("she is made");
        let hold = act_because(&world, Act::Hold, alice.id, "Left").await.expect("it is held").hold;
        for active in [false, true] {
            let patched = world.core.patch_account(&entra, alice.id, &set("active", json!(active)), &Precondition::default(), None).await;
            assert_eq!(fresh(patched).account.hold, hold);
        }
        let mut attributes = user("alice@contoso.com", GUID);
        attributes.insert("active".to_owned(), json!(true));
        let replaced = fresh(world.core.replace_account(&entra, alice.id, &attributes, &Precondition::default(), None).await).account;
        assert!(replaced.hold == hold && !replaced.effectively_active());
        delete(&world, &entra, alice.id).await;
        let (restored, outcome) = post(&world, &entra, &user("alice@contoso.com", GUID)).await.expect("she is restored");
        assert_eq!((restored.id, outcome, &restored.hold), (alice.id, CreateOutcome::Restored, &hold));
        assert!(restored.directory_active && !restored.effectively_active());
    }

    async fn a_login_that_is_deleted_on_hold_comes_back_on_hold(world: World) {
        let directory = entra(&world).await;
        // Not a GUID, so that the tombstone is not restored.
        let attributes = user("alice@contoso.com", "alice");
        let (alice, _) = post(&world, &directory, &attributes).await.expect("she is made");
        let hold = act_because(&world, Act::Hold, alice.id, "Left").await.expect("it is held").hold;
        delete(&world, &directory, alice.id).await;
        let (next, outcome) = post(&world, &directory, &user("ALICE@contoso.com", "another")).await.expect("she is made anew");
        assert_eq!((outcome, &next.hold), (CreateOutcome::Created, &hold));
        assert_ne!(next.id, alice.id);
        let entry = &world.log(CONTOSO, "operation eq \"create\"").await[0];
        assert!(entry.detail.contains(&alice.id.to_string()) && entry.detail.contains("Left"), "{}", entry.detail);

        // An admin's release is not undone by the tombstone of before.
        act(&world, Act::Release, next.id).await.expect("it is released");
        delete(&world, &directory, next.id).await;
        let (last, _) = post(&world, &directory, &attributes).await.expect("she is made once more");
        assert!(last.effectively_active());
    }

    async fn a_protected_account_is_not_written_by_the_directory(world: World) {
        let entra = entra(&world).await;
        let (alice, _) = post(&world, &entra, &user("alice@contoso.com", GUID)).await.expect("she is made");
        let protected = act(&world, Act::Protect, alice.id).await.expect("it is protected");
        let none = Precondition::default();
        let writes = [
            world.core.patch_account(&entra, alice.id, &set("active", json!(false)), &none, None).await.map(drop),
            world.core.replace_account(&entra, alice.id, &user("mallory@contoso.com", GUID), &none, None).await.map(drop),
            world.core.delete_account(&entra, alice.id, &none, None).await.map(drop),
        ];
        for write in writes {
            assert_eq!(reason(write), Reason::AccountProtected);
        }
        assert_eq!(get(&world, alice.id).await, protected);
        let found = world.core.get_account(&entra, &AccountKey::Id(alice.id)).await.expect("it is seen");
        assert_eq!(found, protected);

        // An admin deletes her; the directory does not bring her back, and makes nobody in her place.
        delete(&world, &admin(CONTOSO), alice.id).await;
        let Err(Error::Refused(refusal)) = post(&world, &entra, &user("alice@contoso.com", GUID)).await else { panic!("she is protected") };
        assert_eq!(refusal.reason, Reason::AccountProtected);
        assert!(refusal.metadata.contains(&("account_id", alice.id.to_string())));
        act(&world, Act::Restore, alice.id).await.expect("an admin brings her back");
        act(&world, Act::Unprotect, alice.id).await.expect("it is unprotected");
        delete(&world, &entra, alice.id).await;
        let (restored, _) = post(&world, &entra, &user("alice@contoso.com", GUID)).await.expect("she is restored");
        assert_eq!(restored.id, alice.id);
    }

    async fn a_restored_account_has_its_id_link_hold_and_groups(world: World) {
        let alice = world.create_account("alice@contoso.com", None).await;
        world.link(alice.id, GUID).await.expect("it is free");
        let group = group_of(&world, alice.id).await;
        act(&world, Act::Hold, alice.id).await.expect("it is held");
        let before = get(&world, alice.id).await;
        let tombstone = delete(&world, &admin(CONTOSO), alice.id).await;
        assert_eq!(deleted(&world, CONTOSO).await, [alice.id]);

        let restored = act(&world, Act::Restore, alice.id).await.expect("it is restored");
        let expected = Account { version: tombstone.version + 1, updated_at: restored.updated_at, ..before };
        assert_eq!(restored, expected);
        assert!(restored.object_id_exclusive && restored.object_id_pinned);
        assert_eq!((get(&world, alice.id).await, deleted(&world, CONTOSO).await), (restored.clone(), vec![]));
        let found = world.core.get_account(&admin(CONTOSO), &AccountKey::ObjectId(GUID.to_owned())).await.expect("it is found");
        assert_eq!(found.groups[0].group_id, group);
        assert_eq!(world.changes(CONTOSO).await.last(), Some(&(ChangeKind::Created, Resource::Account(alice.id), restored.version)));
        assert_eq!(world.log(CONTOSO, "operation eq \"restore\"").await.len(), 1);
        assert_eq!(reason(world.try_create_account("bob@contoso.com", Some(GUID)).await), Reason::Uniqueness, "the link is exclusive again");
    }

    async fn a_restore_is_refused_by_the_name_of_who_has_what_it_needs(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        delete(&world, &admin(CONTOSO), alice.id).await;
        let next = world.create_account("Alice@contoso.com", None).await;
        let holder = |refused: Result<Account, Error>| match refused {
            Err(Error::Refused(refusal)) => {
                assert_eq!(refusal.reason, Reason::Uniqueness);
                refusal.metadata.iter().find(|(name, _)| *name == "account_id").map(|(_, id)| id.clone())
            }
            other => panic!("it was not refused: {other:?}"),
        };
        assert_eq!(holder(act(&world, Act::Restore, alice.id).await), Some(next.id.to_string()));
        let mut preview = target(alice.id, "");
        preview.precondition.validate_only = true;
        let previewed = world.core.act_on_account(&admin(CONTOSO), Act::Restore, &preview, None).await;
        assert_eq!(reason(previewed), Reason::Uniqueness, "a preview refuses the same");

        delete(&world, &admin(CONTOSO), next.id).await;
        let bob = world.create_account("bob@contoso.com", None).await;
        world.link(bob.id, GUID).await.expect("it is free");
        assert_eq!(holder(act(&world, Act::Restore, alice.id).await), Some(bob.id.to_string()));
        world.unlink(bob.id).await;
        act(&world, Act::Restore, alice.id).await.expect("nothing is in its way");
    }

    async fn a_restore_and_a_create_of_one_login_at_once_do_not_both_succeed(world: World) {
        for round in 0..10 {
            let login = format!("alice{round}@contoso.com");
            let alice = world.create_account(&login, None).await;
            delete(&world, &admin(CONTOSO), alice.id).await;
            let restore = target(alice.id, "");
            let call = admin(CONTOSO);
            let (restored, created) = tokio::join!(
                world.core.act_on_account(&call, Act::Restore, &restore, None),
                world.try_create_account(&login, None)
            );
            let refused = [restored.err(), created.err()].into_iter().flatten().collect::<Vec<_>>();
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert_eq!(reason::<()>(Err(refused.into_iter().next().expect("there is one"))), Reason::Uniqueness);
        }
    }

    async fn after_the_retention_nothing_is_restored(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        delete(&world, &admin(CONTOSO), alice.id).await;
        world.clock.advance(RETENTION);
        let Err(Error::Refused(refusal)) = act(&world, Act::Restore, alice.id).await else { panic!("it is too late") };
        assert_eq!(refusal.reason, Reason::RetentionEnded);
        assert!(refusal.detail.contains("30 days"));
        let entra = entra(&world).await;
        let (next, outcome) = post(&world, &entra, &user("alice@contoso.com", GUID)).await.expect("she is made anew");
        assert_eq!(outcome, CreateOutcome::Created);
        assert_ne!(next.id, alice.id);
    }

    async fn only_what_is_deleted_is_purged_and_then_nothing_is_left(world: World) {
        let alice = world.create_account("alice@contoso.com", Some(GUID)).await;
        let group = group_of(&world, alice.id).await;
        let Err(Error::Refused(refusal)) = act(&world, Act::Purge, alice.id).await else { panic!("she lives") };
        assert_eq!(refusal.reason, Reason::AccountNotFound);
        assert!(refusal.detail.contains("not deleted"));

        let tombstone = delete(&world, &admin(CONTOSO), alice.id).await;
        let changes = world.changes(CONTOSO).await;
        let encode = |_: &Account| vec![1];
        let once = || Some(Once { encode: &encode, ..once(1, 1) });
        let mut with_etag = target(alice.id, "Asked for by the person");
        with_etag.precondition.etag = Some(tombstone.etag());
        let call = admin(CONTOSO);
        fresh(world.core.act_on_account(&call, Act::Purge, &with_etag, once()).await);
        let again = world.core.act_on_account(&call, Act::Purge, &with_etag, once()).await.expect("it is answered");
        assert!(matches!(again, Answer::Replayed(_)), "a repeated purge is answered as the first time");
        assert!(deleted(&world, CONTOSO).await.is_empty());
        assert_eq!(world.changes(CONTOSO).await, changes, "followers were told of the end when it was deleted");
        let entry = &world.log(CONTOSO, "operation eq \"purge\" and outcome eq \"success\"").await[0];
        assert_eq!((entry.operation, entry.user_name.as_str()), (Operation::Purge, "alice@contoso.com"));
        assert_eq!(entry.justification, "Asked for by the person");
        for act_ in [Act::Restore, Act::Purge, Act::Hold] {
            assert_eq!(reason(act(&world, act_, alice.id).await), Reason::AccountNotFound, "{act_:?}");
        }
        assert!(world.memberships(CONTOSO, group, alice.id).await.is_empty(), "no membership waits for her return");
        let next = world.create_account("alice@contoso.com", Some(GUID)).await;
        assert!(next.id != alice.id && next.groups.is_empty(), "an id is never used again");
    }

    async fn deleted_accounts_are_listed_page_by_page_the_latest_first(world: World) {
        world.create_tenant(FABRIKAM).await;
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let account = world.create_account(name, None).await;
            delete(&world, &admin(CONTOSO), account.id).await;
            ids.insert(0, account.id);
        }
        world.create_account("living", None).await;
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let page = world.core.list_deleted_accounts(&admin(CONTOSO), 2, &token).await.expect("they are listed");
            assert!(page.accounts.len() <= 2 && page.accounts.iter().all(|account| account.deleted_at.is_some()));
            listed.extend(page.accounts.iter().map(|account| account.id));
            let Some(next) = page.next_page_token else { break };
            assert_eq!(reason(world.core.list_deleted_accounts(&admin(FABRIKAM), 2, &next).await), Reason::InvalidPageToken);
            token = next;
        }
        assert_eq!(listed, ids);
        assert!(deleted(&world, FABRIKAM).await.is_empty());
    }

    async fn upkeep_purges_by_each_tenants_retention(world: World) {
        world.create_tenant(FABRIKAM).await;
        let changes = provisioning_core::tenants::TenantChanges { tombstone_retention: Some(DAY), ..Default::default() };
        fresh(world.core.update_tenant(&crate::world::operator(FABRIKAM), &changes, &Precondition::default(), None).await);
        for tenant in [CONTOSO, FABRIKAM] {
            for number in 0..7 {
                let account = world.create_account_in(tenant, &format!("user{number}"), None).await;
                fresh(world.core.delete_account(&admin(tenant), account.id, &Precondition::default(), None).await);
            }
        }
        world.clock.advance(DAY + Duration::from_secs(1));
        world.upkeep_until(|| async { deleted(&world, FABRIKAM).await.is_empty() }).await;
        assert_eq!(deleted(&world, CONTOSO).await.len(), 7);
        world.clock.advance(RETENTION);
        world.upkeep_until(|| async { deleted(&world, CONTOSO).await.is_empty() }).await;
    }

    async fn a_purge_that_was_stopped_goes_on_where_it_was(world: World) {
        let mut groups = Vec::new();
        for number in 0..7 {
            let account = world.create_account(&format!("user{number}@contoso.com"), None).await;
            groups.push((group_of(&world, account.id).await, account.id));
            delete(&world, &admin(CONTOSO), account.id).await;
        }
        world.clock.advance(RETENTION + DAY);
        // Each step is whole: what it has not taken is as it was.
        for left in [5, 3] {
            assert_eq!(world.purge_tombstones(CONTOSO, RETENTION, 2).await, 2);
            let listed = deleted(&world, CONTOSO).await;
            assert_eq!(listed.len(), left);
            for (group, account) in &groups {
                let memberships = world.memberships(CONTOSO, *group, *account).await;
                assert_eq!(memberships.len(), usize::from(listed.contains(account)), "memberships go with their account");
            }
        }
        // The process ends here; the next one has no memory of it.
        world.upkeep_until(|| async { deleted(&world, CONTOSO).await.is_empty() }).await;
        for (group, account) in groups {
            assert!(world.memberships(CONTOSO, group, account).await.is_empty());
            let key = GroupKey::Id(group);
            let read = world.core.get_group(&admin(CONTOSO), &key, View::Full).await.expect("the group stays");
            assert_eq!(read.members, Some(vec![]));
        }
    }

    async fn a_purge_and_a_restore_at_once_lose_nothing(world: World) {
        // A replica whose clock is behind still restores what another purges.
        let replica = world.replica_with_its_clock_standing_still();
        let mut accounts = Vec::new();
        for round in 0..20 {
            let account = world.create_account(&format!("user{round}@contoso.com"), None).await;
            let group = group_of(&world, account.id).await;
            delete(&world, &admin(CONTOSO), account.id).await;
            accounts.push((account, group));
        }
        world.clock.advance(RETENTION + DAY);
        let purge = async {
            while world.purge_tombstones(CONTOSO, RETENTION, 1).await > 0 {}
        };
        let restore = async {
            let call = admin(CONTOSO);
            let mut restored = Vec::new();
            for (account, _) in accounts.iter().rev() {
                let answer = replica.act_on_account(&call, Act::Restore, &target(account.id, ""), None).await;
                restored.push((account.id, answer.is_ok()));
            }
            restored
        };
        let ((), restored) = tokio::join!(purge, restore);
        for (id, restored) in restored {
            let (account, group) = accounts.iter().find(|(account, _)| account.id == id).expect("it is one of them");
            let memberships = world.memberships(CONTOSO, *group, id).await;
            if restored {
                let found = get(&world, id).await;
                assert_eq!((found.user_name.as_str(), found.groups.len(), memberships.len()), (account.user_name.as_str(), 1, 1));
            } else {
                assert!(memberships.is_empty());
                assert_eq!(reason(act(&world, Act::Restore, id).await), Reason::AccountNotFound);
            }
        }
    }
}
