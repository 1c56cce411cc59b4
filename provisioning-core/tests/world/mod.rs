//! What the tests of use cases share: a core over an empty storage with one tenant, callers, and a clock that is moved.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use provisioning_core::{
    Core, CoreSettings, Retention,
    accounts::{Account, AccountKey, Created, Precondition},
    call::{Call, Credential, Principal, Scope, Settled},
    changes::{ChangeKind, Resource},
    clock::{Clock as _, ManualClock, Timestamp},
    error::{Error, Reason},
    ids::{AccountId, GroupId, RequestId},
    links::{LinkTarget, Linked},
    log::LogEntry,
    receipts::{Answer, Once, ReceiptKey},
    storage::Storage,
    tenants::{Identifier, NewTenant, Tenant, TenantSettings},
    tokens::{GeneratedToken, PresentedToken},
};
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::storage::Fixture;

/// Makes one test for each engine out of `async fn name(world: World) { .. }`.
macro_rules! on_every_engine {
    ($(async fn $name:ident($world:ident: World) $body:block)*) => {
        $crate::storage::on_every_engine! {
            $(async fn $name(fixture: Fixture) {
                let $world = World::new(fixture).await;
                $body
            })*
        }
    };
}
pub(crate) use on_every_engine;

/// The tenant that every world begins with.
pub const CONTOSO: &str = "contoso";
/// Another one.
pub const FABRIKAM: &str = "fabrikam";

/// A core over an empty storage with one tenant.
pub struct World {
    pub core: Core,
    pub clock: Arc<ManualClock>,
    fixture: Fixture,
}

impl World {
    pub async fn new(fixture: Fixture) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(
            1_800_000_000_000_000,
        )));
        let world = Self {
            core: core(&fixture.storage, &clock),
            clock,
            fixture,
        };
        world.create_tenant(CONTOSO).await;
        world
    }

    /// Another core over the same storage, whose clock stays behind.
    pub fn replica_with_its_clock_standing_still(&self) -> Core {
        core(
            &self.fixture.storage,
            &Arc::new(ManualClock::new(self.clock.now())),
        )
    }

    /// The storage, for what no use case writes.
    pub fn storage(&self) -> &Storage {
        &self.fixture.storage
    }

    /// Runs a statement on the database, behind the back of the service.
    pub async fn execute(&self, statement: &str) {
        self.fixture.execute(statement).await;
    }

    pub async fn create_tenant(&self, tenant: &str) -> Tenant {
        let new = NewTenant {
            display_name: String::new(),
            provisioning_enabled: true,
            settings: TenantSettings::default(),
        };
        fresh(
            self.core
                .create_tenant(&operator(tenant), new, false, None)
                .await,
        )
    }

    pub async fn generate(&self, tenant: &str) -> GeneratedToken {
        fresh(self.core.generate_token(&admin(tenant), None).await)
    }

    pub async fn regenerate(&self, tenant: &str, overlap: Duration) -> GeneratedToken {
        fresh(
            self.core
                .regenerate_token(&admin(tenant), overlap, None)
                .await,
        )
    }

    pub async fn create_account(&self, user_name: &str, object_id: Option<&str>) -> Account {
        self.create_account_in(CONTOSO, user_name, object_id).await
    }

    pub async fn create_account_in(
        &self,
        tenant: &str,
        user_name: &str,
        object_id: Option<&str>,
    ) -> Account {
        fresh(
            self.try_create_account_in(tenant, user_name, object_id)
                .await,
        )
        .account
    }

    pub async fn try_create_account(
        &self,
        user_name: &str,
        object_id: Option<&str>,
    ) -> Result<Answer<Created>, Error> {
        self.try_create_account_in(CONTOSO, user_name, object_id)
            .await
    }

    async fn try_create_account_in(
        &self,
        tenant: &str,
        user_name: &str,
        object_id: Option<&str>,
    ) -> Result<Answer<Created>, Error> {
        let mut attributes = json!({"userName": user_name});
        if let Some(object_id) = object_id {
            attributes["externalId"] = json!(object_id);
        }
        let attributes = attributes.as_object().expect("it is an object");
        self.core
            .create_account(&admin(tenant), attributes, false, None)
            .await
    }

    pub async fn link(&self, id: AccountId, object_id: &str) -> Result<Linked, Error> {
        self.tick();
        let (admin, target) = (admin(CONTOSO), self.link_target(id).await);
        let linked = self.core.link_object_id(&admin, &target, object_id, None);
        Ok(fresh(Ok(linked.await?)))
    }

    pub async fn unlink(&self, id: AccountId) {
        self.tick();
        let target = self.link_target(id).await;
        fresh(
            self.core
                .unlink_object_id(&admin(CONTOSO), &target, None)
                .await,
        );
    }

    /// Moves the clock on, so that what comes next is the newest in every list.
    pub fn tick(&self) {
        self.clock.advance(Duration::from_millis(1));
    }

    /// What it takes to change the link of the account as it is now.
    pub async fn link_target(&self, id: AccountId) -> LinkTarget {
        LinkTarget {
            account: AccountKey::Id(id),
            precondition: Precondition {
                etag: Some(self.account(id).await.etag()),
                validate_only: false,
            },
            reason: String::new(),
        }
    }

    /// The account as it is now.
    pub async fn account(&self, id: AccountId) -> Account {
        self.core
            .get_account(&admin(CONTOSO), &AccountKey::Id(id))
            .await
            .expect("it is there")
    }

    /// A call of the tenant's Entra.
    pub async fn entra(&self) -> Call {
        let token = self.generate(CONTOSO).await;
        scim(CONTOSO, &token.text)
    }

    /// The newest log entries that match.
    pub async fn log(&self, tenant: &str, filter: &str) -> Vec<LogEntry> {
        self.core
            .list_log_entries(&admin(tenant), filter, 200, "")
            .await
            .expect("the log is read")
            .entries
    }

    /// Removes what is left of deleted groups.
    pub async fn purge(&self) {
        let tenant = self
            .core
            .get_tenant(&admin(CONTOSO))
            .await
            .expect("it is there");
        while self
            .fixture
            .storage
            .purge_groups(tenant.id, 3)
            .await
            .expect("it is purged")
            > 0
        {}
    }

    /// One step of removing a tenant's deleted accounts; how many.
    pub async fn purge_tombstones(&self, tenant: &str, retention: Duration, limit: u32) -> u64 {
        let tenant = self
            .core
            .get_tenant(&admin(tenant))
            .await
            .expect("it is there");
        let deadline = self.clock.now().minus(retention);
        self.fixture
            .storage
            .purge_tombstones(tenant.id, deadline, limit)
            .await
            .expect("it is purged")
    }

    /// The account among the members of a group as storage keeps them, deleted ones too.
    pub async fn memberships(&self, tenant: &str, group: GroupId, account: AccountId) -> Vec<Uuid> {
        let tenant = self
            .core
            .get_tenant(&admin(tenant))
            .await
            .expect("it is there");
        let members = self
            .fixture
            .storage
            .find_other_members(tenant.id, group, &[], 100)
            .await
            .expect("they are read");
        members
            .into_iter()
            .filter(|id| *id == account.uuid())
            .collect()
    }

    /// Lets the upkeep of a new process work until something holds.
    pub async fn upkeep_until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        let core = core(&self.fixture.storage, &self.clock);
        let cancel = CancellationToken::new();
        let watch = async {
            while !holds().await {
                tokio::task::yield_now().await;
            }
            cancel.cancel();
        };
        let work = Box::pin(async { tokio::join!(core.run_upkeep(cancel.clone()), watch) });
        tokio::time::timeout(Duration::from_secs(30), work)
            .await
            .expect("upkeep does it");
    }

    /// What happened, in order, with the versions after it.
    pub async fn changes(&self, tenant: &str) -> Vec<(ChangeKind, Resource, i64)> {
        let tenant = self
            .core
            .get_tenant(&admin(tenant))
            .await
            .expect("it is there");
        self.fixture
            .storage
            .number_changes(1_000)
            .await
            .expect("they are numbered");
        let changes = self
            .fixture
            .storage
            .list_changes(tenant.id, 0, 1_000)
            .await
            .expect("they are listed");
        changes
            .into_iter()
            .map(|(_, change)| (change.kind, change.resource, change.version))
            .collect()
    }
}

/// A call of the tenant's admin.
pub fn admin(tenant: &str) -> Call {
    let principal = Principal {
        subject: "admin".to_owned(),
        scopes: vec![Scope::ProvisioningAdmin],
        tenant: Some(identifier(tenant)),
        expires_at: None,
    };
    call(tenant, Credential::Principal(principal))
}

/// A call of an operator.
pub fn operator(tenant: &str) -> Call {
    let principal = Principal {
        subject: "operator".to_owned(),
        scopes: vec![Scope::PlatformOperator],
        tenant: None,
        expires_at: None,
    };
    call(tenant, Credential::Principal(principal))
}

/// A call with a SCIM token.
pub fn scim(tenant: &str, text: &SecretString) -> Call {
    call(
        tenant,
        Credential::ScimToken(PresentedToken::parse(text).expect("it is well formed")),
    )
}

fn core(storage: &Storage, clock: &Arc<ManualClock>) -> Core {
    let settings = CoreSettings {
        public_base_url: "https://scim.example".to_owned(),
        retention: Retention::default(),
    };
    Core::new(storage.clone(), clock.clone(), settings)
}

fn identifier(text: &str) -> Identifier {
    Identifier::parse(text).expect("it is an identifier")
}

fn call(tenant: &str, credential: Credential) -> Call {
    Call {
        credential,
        tenant: identifier(tenant),
        request_id: RequestId::from_caller(None),
        remote: None,
        started: Instant::now(),
        validate_only: false,
        settled: Settled::default(),
    }
}

/// Asks for the work to be done once; the answer is not kept.
pub fn once<R>(request: u128, body: u8) -> Once<'static, R> {
    let key = ReceiptKey {
        caller: "jwt/admin".to_owned(),
        method: "Test".to_owned(),
        request_id: Uuid::from_u128(request),
    };
    Once {
        key,
        body_sha256: [body; 32],
        encode: &|_| Vec::new(),
    }
}

/// The answer, which was made now.
#[track_caller]
pub fn fresh<R>(answer: Result<Answer<R>, Error>) -> R {
    match answer.expect("it is answered") {
        Answer::Fresh(answer) => answer,
        Answer::Replayed(_) => panic!("it was answered before"),
    }
}

/// Why it was refused.
#[track_caller]
pub fn reason<R>(result: Result<R, Error>) -> Reason {
    match result {
        Err(Error::Refused(refusal)) => refusal.reason,
        Err(error) => panic!("it failed: {error}"),
        Ok(_) => panic!("it was not refused"),
    }
}
