//! The only place that exports references: a user's manager, once both ends are linked.

use serde_json::Value;

use crate::body;
use crate::client::ScimClient;
use crate::connection::{Connection, Escrow};
use crate::directory::{DirectoryUser, ObjectType};
use crate::error_code::Step;
use crate::export::{Effect, Exported, expect_success, observe};
use crate::ledger::Verb;
use crate::mapping::MANAGER;
use crate::report::Action;
use crate::scenario::FlagMode;

/// What an account says about the user's manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    Nobody,
    /// The SCIM id of the manager's account.
    Id(String),
}

/// What the directory wants an account to say; `None` when the manager has no account, so that nothing can be said.
pub(crate) fn wanted(user: &DirectoryUser, connections: &[Connection]) -> Option<Manager> {
    let Some(manager) = user.manager else {
        return Some(Manager::Nobody);
    };
    let link = connections.get(manager)?.link.as_ref()?;
    Some(Manager::Id(link.scim_id.clone()))
}

/// A reference to send.
pub(crate) struct ReferenceJob<'a> {
    pub(crate) user: &'a DirectoryUser,
    pub(crate) connection: &'a Connection,
    pub(crate) change: Manager,
    pub(crate) flag: FlagMode,
    pub(crate) tick: u32,
}

/// The change that a user's account needs, if any. A manager that Entra never set is never taken away: null is not sent.
pub(crate) fn needed(
    user: &DirectoryUser,
    connection: &Connection,
    wanted: Option<Manager>,
) -> Option<Manager> {
    let link = connection.managed_link().filter(|_| !user.is_purged())?;
    let observed = link.observed.manager.as_ref();
    let change = wanted?;
    let is_needed = match &change {
        Manager::Id(id) => observed != Some(id),
        Manager::Nobody => {
            observed.is_some() && matches!(connection.exported_manager, Some(Manager::Id(_)))
        }
    };
    is_needed.then_some(change)
}

/// Sends a reference; whatever happens is in the result.
pub(crate) async fn export(client: &ScimClient, job: &ReferenceJob<'_>) -> Exported {
    let mut out = Exported::begin(job.connection, Action::Update);
    let link = job
        .connection
        .link
        .as_ref()
        .expect("only linked accounts get a reference job");
    let before = &link.observed.manager;
    let (body, sent) = match &job.change {
        Manager::Id(id) => (
            body::set_manager(id, before.is_none(), job.flag),
            Value::from(id.as_str()),
        ),
        Manager::Nobody => (body::remove_manager(job.flag), Value::Null),
    };
    out.changed = vec![MANAGER.path()];
    let result = client.patch(ObjectType::User, &link.scim_id, &body).await;
    let result = out.record(
        ObjectType::User,
        job.user.object_id,
        Verb::Patch,
        vec![(MANAGER.path(), sent)],
        expect_success(result, Step::ById),
    );
    match result {
        Ok(answer) => {
            out.patched = true;
            out.repeated = job.connection.exported_manager.as_ref() == Some(&job.change);
            out.effect = Some(Effect::Referenced);
            if let Some(link) = &mut out.connection.link {
                observe(link, ObjectType::User, &answer, |observed| {
                    observed.manager = match &job.change {
                        Manager::Id(id) => Some(id.clone()),
                        Manager::Nobody => None,
                    };
                });
            }
            out.connection.exported_manager = Some(job.change.clone());
            out.connection.reference_escrow = None;
            if out.connection.escrow.is_none() {
                out.connection.last_error = None;
            }
        }
        Err(refusal) => {
            out.connection.reference_escrow = Some(Escrow::after_failure(
                job.connection.reference_escrow,
                job.tick,
            ));
            out.fail(refusal);
        }
    }
    out
}
