//! Findings, on every engine: what opens one, what counts, what cures it and what does not.

mod bounds;
mod cures;
mod lists;
mod protection;
mod races;
mod sightings;

use std::time::Duration;

use provisioning_core::{
    accounts::{Account, AccountKey, CreateOutcome, ListQuery, Precondition},
    attributes::patch::{Op, Operation},
    call::Call,
    error::{Error, Reason},
    findings::{FindingKind, ListFindings, Presented},
    links::LinkTarget,
    receipts::Answer,
    storage::{Commit, Mutation, Write},
};
use serde_json::{Map, Value, json};

use crate::{
    storage::make,
    world::{CONTOSO, World, admin, fresh, reason, scim},
};

const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OTHER_GUID: &str = "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10";

/// The directory's side of a tenant: what Entra sends, each request with a call of its own.
struct Entra<'w> {
    world: &'w World,
    token: secrecy::SecretString,
}

impl<'w> Entra<'w> {
    async fn new(world: &'w World) -> Self {
        let token = world.generate(CONTOSO).await.text;
        Self { world, token }
    }

    /// A request a second after the one before.
    fn call(&self) -> Call {
        self.world.clock.advance(Duration::from_secs(1));
        scim(CONTOSO, &self.token)
    }

    async fn post(
        &self,
        user_name: &str,
        object_id: Option<&str>,
    ) -> Result<(Account, CreateOutcome), Error> {
        post(self.world, &self.call(), user_name, object_id).await
    }

    /// A POST that is refused as a conflict.
    #[track_caller]
    fn refused(&self, user_name: &str, object_id: Option<&str>) -> impl Future<Output = ()> {
        let call = self.call();
        async move {
            let refused = post(self.world, &call, user_name, object_id).await;
            assert_eq!(reason(refused), Reason::Uniqueness);
        }
    }

    async fn patch(&self, account: &Account, path: &str, value: Value) -> Result<(), Error> {
        let operation = Operation {
            op: Op::Replace,
            path: Some(path.to_owned()),
            value: Some(value),
        };
        patch(self.world, &self.call(), account, operation).await
    }

    async fn get(&self, account: &Account) -> Result<Account, Error> {
        let key = AccountKey::Id(account.id);
        self.world.core.get_account(&self.call(), &key).await
    }

    async fn delete(&self, account: &Account) {
        delete(self.world, &self.call(), account).await;
    }

    /// A matching query; answers how many it finds.
    async fn find(&self, filter: &str) -> usize {
        self.find_as(&self.call(), filter).await
    }

    async fn find_as(&self, call: &Call, filter: &str) -> usize {
        let query = ListQuery {
            filter: filter.to_owned(),
            page_size: 100,
            ..ListQuery::default()
        };
        let page = self.world.core.list_accounts(call, &query).await;
        page.expect("it is answered").accounts.len()
    }
}

async fn post(
    world: &World,
    call: &Call,
    user_name: &str,
    object_id: Option<&str>,
) -> Result<(Account, CreateOutcome), Error> {
    let mut attributes = json!({ "userName": user_name });
    if let Some(object_id) = object_id {
        attributes["externalId"] = json!(object_id);
    }
    let attributes = object(attributes);
    match world
        .core
        .create_account(call, &attributes, false, None)
        .await?
    {
        Answer::Fresh(created) => Ok((created.account, created.outcome)),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn patch(
    world: &World,
    call: &Call,
    account: &Account,
    operation: Operation,
) -> Result<(), Error> {
    let precondition = Precondition::default();
    world
        .core
        .patch_account(call, account.id, &[operation], &precondition, None)
        .await
        .map(drop)
}

async fn delete(world: &World, call: &Call, account: &Account) {
    let precondition = Precondition::default();
    fresh(
        world
            .core
            .delete_account(call, account.id, &precondition, None)
            .await,
    );
}

async fn rename(world: &World, account: &Account, user_name: &str) {
    let operation = Operation {
        op: Op::Replace,
        path: Some("userName".to_owned()),
        value: Some(json!(user_name)),
    };
    world.clock.advance(Duration::from_secs(1));
    patch(world, &admin(CONTOSO), account, operation)
        .await
        .expect("it is renamed");
}

async fn link(world: &World, account: &Account, object_id: &str) {
    let key = AccountKey::Id(account.id);
    let seen = world.core.get_account(&admin(CONTOSO), &key).await;
    let seen = seen.expect("it is there");
    let target = LinkTarget {
        account: AccountKey::Id(account.id),
        precondition: Precondition {
            etag: Some(seen.etag()),
            validate_only: false,
        },
        reason: String::new(),
    };
    fresh(
        world
            .core
            .link_object_id(&admin(CONTOSO), &target, object_id, None)
            .await,
    );
}

/// Writes what an admin decides of an account.
async fn settle(world: &World, account: &Account, settle: impl FnOnce(&mut Account)) {
    let key = AccountKey::Id(account.id);
    let now = world.core.get_account(&admin(CONTOSO), &key).await;
    let now = now.expect("it is there");
    let document = serde_json::from_str(&now.document).expect("it is JSON");
    let mut write = make::next(&now, &document);
    settle(&mut write.account);
    let tenant = tenant(world).await;
    let mutation: Mutation = make::mutation(tenant, Write::Account(write.into()));
    assert_eq!(
        world.storage().commit(mutation).await.expect("it answers"),
        Commit::Done
    );
}

async fn tenant(world: &World) -> provisioning_core::ids::TenantId {
    let tenant = world.core.get_tenant(&admin(CONTOSO)).await;
    tenant.expect("it is there").id
}

async fn list(world: &World, closed: bool) -> Vec<Presented> {
    let asked = ListFindings {
        closed,
        page_size: 100,
        ..ListFindings::default()
    };
    let page = world.core.list_findings(&admin(CONTOSO), &asked).await;
    page.expect("they are listed").findings
}

async fn open(world: &World) -> Vec<Presented> {
    list(world, false).await
}

/// The kinds of the open findings.
async fn open_kinds(world: &World) -> Vec<FindingKind> {
    let open = open(world).await;
    open.iter().map(|found| found.finding.kind).collect()
}

/// The one open finding, which must be of that kind.
#[track_caller]
fn only(findings: Vec<Presented>, kind: FindingKind) -> Presented {
    let kinds: Vec<_> = findings.iter().map(|found| found.finding.kind).collect();
    assert_eq!(kinds, [kind]);
    findings.into_iter().next().expect("there is one")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}
