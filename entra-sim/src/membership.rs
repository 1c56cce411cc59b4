//! The only place that exports the members of groups: one account in one PATCH, as apps outside the gallery get them. Several
//! changes of one group are under way at once.
//!
//! A member is sent once its account is linked and looked after. Whoever leaves the scope stays in the group, and whose account is
//! deleted is nowhere: neither is sent. Microsoft's documents do not say what a job without links does about members; here all of
//! them are put in again, which a server answers as done.

use serde_json::Value;

use crate::body;
use crate::client::ScimClient;
use crate::connection::{Connection, Escrow, Membership, Memberships};
use crate::directory::{DirectoryGroup, ObjectType};
use crate::error_code::Step;
use crate::export::{Effect, Exported, expect_success};
use crate::ledger::Verb;
use crate::mapping;
use crate::report::Action;
use crate::scenario::FlagMode;

/// What is to be done about one member. The text is the account's SCIM id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MemberChange {
    Add(String),
    Remove(String),
}

/// A change to send.
pub(crate) struct MemberJob<'a> {
    pub(crate) group: &'a DirectoryGroup,
    pub(crate) connection: &'a Connection,
    pub(crate) change: MemberChange,
    pub(crate) flag: FlagMode,
}

/// The change that a membership needs, if any.
pub(crate) fn needed(
    is_member: bool,
    user: &Connection,
    membership: Option<&Membership>,
) -> Option<MemberChange> {
    let sent = membership.and_then(|membership| membership.sent.as_ref());
    if is_member {
        let id = &user.managed_link()?.scim_id;
        return (sent != Some(id)).then(|| MemberChange::Add(id.clone()));
    }
    let id = &user.link.as_ref()?.scim_id;
    (sent == Some(id)).then(|| MemberChange::Remove(id.clone()))
}

/// Sends one change; whatever happens is in the result. The group's connection comes back as it went: others change its members
/// at the same time.
pub(crate) async fn export(client: &ScimClient, job: &MemberJob<'_>) -> Exported {
    let mut out = Exported::begin(job.connection, Action::Update);
    let group_id = job
        .connection
        .link
        .as_ref()
        .map(|link| link.scim_id.clone())
        .expect("only linked groups get a job for a member");
    let (body, path, value) = match &job.change {
        MemberChange::Add(id) => (
            body::add_member(id, job.flag),
            mapping::member_path(id),
            Value::Bool(true),
        ),
        MemberChange::Remove(id) => (
            body::remove_member(id, job.flag),
            mapping::member_path(id),
            Value::Null,
        ),
    };
    out.changed = vec!["members".to_owned()];
    let result = client.patch(ObjectType::Group, &group_id, &body).await;
    let result = out.record(
        ObjectType::Group,
        job.group.object_id,
        Verb::Patch,
        vec![(path, value)],
        expect_success(result, Step::ById),
    );
    match result {
        Ok(_) => {
            out.patched = true;
            out.effect = Some(Effect::MemberChanged);
        }
        Err(refusal) => out.fail(refusal),
    }
    out
}

impl Memberships {
    /// Nothing is wanted of a member: what failed is forgotten.
    pub(crate) fn settle(&mut self, user: usize) {
        if let Some(membership) = self.members.get_mut(&user) {
            membership.escrow = None;
            membership.last_error = None;
        }
    }

    /// Takes over what came of a change, and says when it will be tried again.
    pub(crate) fn book(
        &mut self,
        user: usize,
        change: &MemberChange,
        exported: &Exported,
        tick: u32,
    ) -> Option<Escrow> {
        let membership = self.members.entry(user).or_default();
        membership.last_error = exported.error();
        if membership.last_error.is_some() {
            membership.escrow = Some(Escrow::after_failure(membership.escrow, tick));
            return membership.escrow;
        }
        membership.escrow = None;
        membership.sent = match change {
            MemberChange::Add(id) => Some(id.clone()),
            MemberChange::Remove(_) => None,
        };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Link;
    use crate::mapping::Observed;

    fn account(id: &str, managed: bool) -> Connection {
        let link = Link {
            scim_id: id.to_owned(),
            observed: Observed::default(),
            managed,
        };
        Connection {
            link: Some(link),
            ..Connection::default()
        }
    }

    fn sent(id: &str) -> Membership {
        Membership {
            sent: Some(id.to_owned()),
            ..Membership::default()
        }
    }

    #[test]
    fn a_member_is_sent_once_and_again_under_another_account() {
        let add = |id: &str| Some(MemberChange::Add(id.to_owned()));
        let alice = account("7", true);
        assert_eq!(needed(true, &alice, None), add("7"));
        assert_eq!(needed(true, &alice, Some(&sent("7"))), None);
        assert_eq!(
            needed(true, &account("8", true), Some(&sent("7"))),
            add("8")
        );
    }

    #[test]
    fn only_who_was_sent_is_taken_out() {
        let alice = account("7", true);
        let remove = Some(MemberChange::Remove("7".to_owned()));
        assert_eq!(needed(false, &alice, Some(&sent("7"))), remove);
        assert_eq!(needed(false, &alice, None), None);
        assert_eq!(
            needed(false, &Connection::default(), Some(&sent("7"))),
            None
        );
    }

    #[test]
    fn who_is_out_of_scope_is_left_where_they_are() {
        let alice = account("7", false);
        assert_eq!(needed(true, &alice, None), None);
        assert_eq!(needed(true, &alice, Some(&sent("7"))), None);
    }
}
