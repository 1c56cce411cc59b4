//! What every end-to-end test shares: the real binary on fresh data, its clients, its end.
//!
//! A case that must hold on both engines is written once with [`on_both_engines!`].

pub mod bodies;
mod buf;
mod database;
mod dump;
mod json;
mod panel;
mod pooler;
mod process;
mod proxy;
pub mod rpc;
mod scim;
mod service;

pub use buf::buf;
pub use database::Database;
pub use json::{at, leaves};
pub use panel::Panel;
pub use pooler::Pooler;
pub use process::{BINARY, Process, run};
pub use proxy::{Line, Proxy};
pub use scim::{Answer, ScimClient, filtered, filtered_at, member_ids};
pub use service::{Admin, Service, Tenant};

use provisioning_proto::v1::Dialect;

/// What a tenant's settings may choose between.
pub const DIALECTS: [Dialect; 2] = [Dialect::Entra, Dialect::Rfc];

/// Where the data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Makes two tests of one async function: `name::sqlite` and `name::postgres`. The function is given a running [`Service`].
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($service:ident: Service) $body:block)+) => {
        $(
            $(#[$attribute])*
            mod $name {
                use super::*;

                async fn case($service: $crate::support::Service) $body

                #[tokio::test]
                async fn sqlite() {
                    case($crate::support::Service::start($crate::support::Engine::Sqlite).await).await;
                }

                #[tokio::test]
                async fn postgres() {
                    case($crate::support::Service::start($crate::support::Engine::Postgres).await).await;
                }
            }
        )+
    };
}
pub(crate) use on_both_engines;

/// As [`on_both_engines!`], for what must hold in both dialects: the function is given a client of a tenant of each.
macro_rules! in_both_dialects {
    ($($(#[$attribute:meta])* async fn $name:ident($scim:ident: ScimClient) $body:block)+) => {
        $(
            $(#[$attribute])*
            async fn $name($scim: $crate::support::ScimClient) $body

            mod $name {
                async fn in_each(engine: $crate::support::Engine) {
                    let service = $crate::support::Service::start(engine).await;
                    let panel = $crate::support::Panel::of(&service).await;
                    for dialect in $crate::support::DIALECTS {
                        println!("in {dialect:?}");
                        super::$name(panel.tenant_in(dialect).await.scim).await;
                    }
                }

                #[tokio::test]
                async fn sqlite() {
                    in_each($crate::support::Engine::Sqlite).await;
                }

                #[tokio::test]
                async fn postgres() {
                    in_each($crate::support::Engine::Postgres).await;
                }
            }
        )+
    };
}
pub(crate) use in_both_dialects;
