//! Plays Microsoft Entra ID's provisioning engine against any SCIM endpoint.
//!
//! It is a client and nothing else: it knows HTTP, a base URL and a bearer token, never the server's inside. A simulated
//! directory ([`Directory`]) changes from cycle to cycle as a [`Scenario`] says; the [`Engine`] exports it the way Entra does
//! (probe, match, create, update, disable, delete, references last) and the [`Report`] says what Entra's provisioning log
//! would show. Everything but durations follows from the scenario's seed.
//!
//! [`check_readiness`] plays Microsoft's own validation tests instead, one by one, and says of each what was asked and answered, and what to
//! change.
//!
//! Where Microsoft's documents leave a choice open, the module that makes it says which one was taken. Users and groups are
//! exported alike: links, escrow, log and report do not depend on the type of an object.
//!
//! Between cycles a test can change the directory by hand ([`Engine::directory_mut`]), edit the mapping ([`Engine::edit_mapping`]),
//! and do with the job what an admin does in the portal or by Microsoft Graph ([`Engine::reset`], [`Engine::graph`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use entra_sim::{Engine, Scenario, Target};
//!
//! let target = Target::parse("https://scim.example.com/scim/acme/v2", "the secret token".into())?;
//! let mut engine = Engine::new(target, Scenario::new(200, 3))?;
//! engine.run(&mut |event| println!("{event:?}")).await;
//! assert!(engine.verify().await.is_empty());
//! assert!(engine.report().exit_ok());
//! # Ok(())
//! # }
//! ```

mod body;
mod changes;
mod client;
mod connection;
mod connections;
mod directory;
mod engine;
mod error_code;
mod event;
mod export;
mod graph;
mod ledger;
mod mapping;
mod matching;
mod membership;
mod population;
mod quarantine;
mod readiness;
mod reference;
mod report;
mod scenario;
mod source;
mod target;
mod verify;

pub use directory::{Directory, DirectoryGroup, DirectoryUser, Lifecycle, ObjectId, ObjectType};
pub use engine::{Engine, JobRunning, ResetScope, UnknownResetScope};
pub use error_code::ErrorCode;
pub use event::{Event, Phase};
pub use graph::{GraphStatus, JobAddress};
pub use ledger::{Ledger, Outcome, Verb, Write};
pub use matching::{ExternalId, Mapping, Matching};
pub use quarantine::Quarantine;
pub use readiness::{Exchange, ReadinessReport, ReadinessTest, check_readiness, readiness_tests};
pub use report::{Action, CycleReport, ObjectInError, ProvisioningLogEntry, Report, Status};
pub use scenario::{Changes, CycleKind, CyclePlan, FlagMode, RetryAfter, Scenario};
pub use target::{Target, TargetError};
pub use verify::Difference;
