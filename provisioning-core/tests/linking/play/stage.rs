//! What is played on: a storage, and in it two tenants for each sequence.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::Router;
use provisioning_core::{
    Core,
    accounts::{self, ListQuery},
    call::Call,
    clock::{Clock as _, Timestamp},
    grpc::{
        self,
        authentication::Authenticator,
        jwt::{JwksSource, JwtConfig, JwtKeys},
    },
    guard::DeprovisionGuard,
    ids::{AccountId, GroupId},
    tenants::{Dialect, NewTenant, TenantSettings},
};
use scim_facade::FacadeConfig;
use secrecy::SecretString;
use serde_json::json;

use crate::{
    linking::{
        asked::Pool,
        model::{By, Tenant, WINDOW},
        steps::Settings,
    },
    storage::Fixture,
    world::{World, admin, fresh, operator, scim},
};

/// More than a sequence makes accounts.
pub const PAGE: u32 = 200;
/// The name of the one group.
pub const GROUP: &str = "Group";

/// A storage on which sequences are played one after the other, each on tenants of its own.
pub struct Stage {
    pub world: World,
    /// SCIM over HTTP, before the same core.
    pub facade: Router,
    played: AtomicU32,
}

/// One of the two tenants.
pub struct Side {
    pub name: String,
    pub token: SecretString,
    /// The last group that there was.
    pub group: GroupId,
    pub model: Tenant,
    /// As it was read last.
    pub read: Accounts,
}

/// What storage has of a tenant, deleted accounts too.
pub type Accounts = BTreeMap<AccountId, accounts::Account>;

impl Side {
    pub fn admin(&self) -> Call {
        admin(&self.name)
    }

    pub fn entra(&self) -> Call {
        scim(&self.name, &self.token)
    }

    pub fn call(&self, by: By) -> Call {
        match by {
            By::Scim => self.entra(),
            By::Jwt => self.admin(),
        }
    }

    pub fn pool<'a>(&'a self, other: &'a Self) -> Pool<'a> {
        Pool {
            mine: &self.model.accounts,
            others: &other.model.accounts,
        }
    }
}

impl Stage {
    pub async fn new(fixture: Fixture) -> Self {
        let world = World::new(fixture).await;
        Self {
            facade: facade(&world.core).await,
            world,
            played: AtomicU32::new(0),
        }
    }

    /// Two new tenants, each with a group that nobody is in.
    pub async fn sides(&self, settings: [Settings; 2]) -> [Side; 2] {
        let number = self.played.fetch_add(1, Ordering::Relaxed);
        [
            self.side(&format!("first{number}"), settings[0]).await,
            self.side(&format!("second{number}"), settings[1]).await,
        ]
    }

    async fn side(&self, name: &str, settings: Settings) -> Side {
        let dialect = if settings.rfc {
            Dialect::Rfc
        } else {
            Dialect::Entra
        };
        let deprovision_guard = settings.guard.map(|limit| DeprovisionGuard {
            window: WINDOW,
            max_count: Some(limit),
            max_percent: None,
        });
        let new = NewTenant {
            display_name: String::new(),
            provisioning_enabled: true,
            settings: TenantSettings {
                dialect,
                object_id_unique: settings.unique,
                group_display_name_unique: Some(true),
                deprovision_guard,
                ..TenantSettings::default()
            },
        };
        let operator = operator(name);
        fresh(self.core().create_tenant(&operator, new, false, None).await);
        let token = self.world.generate(name).await.text;
        let group = json!({"displayName": GROUP});
        let group = group.as_object().expect("it is an object");
        let admin = admin(name);
        let group = self.core().create_group(&admin, group, false, None).await;
        Side {
            name: name.to_owned(),
            token,
            group: fresh(group).group.id,
            model: Tenant::new(settings),
            read: Accounts::new(),
        }
    }

    pub const fn core(&self) -> &Core {
        &self.world.core
    }

    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub async fn read(&self, side: &Side) -> Accounts {
        let query = ListQuery {
            page_size: PAGE,
            ..ListQuery::default()
        };
        let live = self.core().list_accounts(&side.admin(), &query).await;
        let deleted = self
            .core()
            .list_deleted_accounts(&side.admin(), PAGE, "")
            .await;
        let live = live.expect("they are listed").accounts;
        let deleted = deleted.expect("they are listed").accounts;
        live.into_iter()
            .chain(deleted)
            .map(|account| (account.id, account))
            .collect()
    }
}

/// SCIM tokens are all that comes through it.
async fn facade(core: &Core) -> Router {
    // The second one to do so finds it done.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let keys = folder.path().join("jwks.json");
    std::fs::write(&keys, r#"{"keys":[]}"#).expect("the keys are written");
    let config = JwtConfig {
        issuer: "nobody".to_owned(),
        audience: "nobody".to_owned(),
        source: JwksSource::File(keys),
    };
    let keys = JwtKeys::load(config).await.expect("they are read");
    let routes = grpc::layered(grpc::routes(core), &Authenticator::new(keys.into()), core);
    scim_facade::router(
        scim_facade::from_routes(routes),
        FacadeConfig::new("https://scim.example"),
    )
}
