//! Where the use cases of accounts and groups meet the guard. What is not guarded costs nothing here.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Affected, DeprovisionAction, DeprovisionGuard, GuardCheck, Held, refusals};
use crate::{
    Core,
    accounts::Account,
    attributes::patch::{Op, Operation},
    call::Admitted,
    error::Error,
    ids::{BatchId, GroupId, TenantId},
    storage::{DroppedItems, GroupWrite, GuardPart},
};

/// The limits that hold for a caller: only the directory is guarded, admins and services are not.
fn limits(admitted: &Admitted) -> Option<&DeprovisionGuard> {
    let guard = admitted.tenant.settings.deprovision_guard.as_ref();
    guard.filter(|_| admitted.by_scim())
}

impl Core {
    /// What the change of an account has to get past.
    pub(crate) async fn guard_account(
        &self,
        admitted: &Admitted,
        old: &Account,
        new: &Account,
        only_asks: bool,
    ) -> Result<Option<GuardCheck>, Error> {
        let action = if new.deleted_at.is_some() {
            DeprovisionAction::Delete
        } else if old.directory_active && !new.directory_active {
            DeprovisionAction::Suspend
        } else {
            return Ok(None);
        };
        let affected = Affected::Accounts(action, vec![old.id.uuid()]);
        self.guard(admitted, affected, only_asks).await
    }

    /// What a write of a group has to get past, by which members may leave.
    pub(crate) async fn guard_members(
        &self,
        admitted: &Admitted,
        write: &GroupWrite,
        only_asks: bool,
    ) -> Result<Option<GuardCheck>, Error> {
        let affected = match write {
            GroupWrite::Delete { id, .. } => Affected::OtherMembers(*id, Vec::new()),
            GroupWrite::Change {
                id, clear: true, ..
            } => Affected::OtherMembers(*id, write.named_come()),
            GroupWrite::Change { id, remove, .. } if !remove.is_empty() => {
                Affected::Members(*id, remove.clone())
            }
            GroupWrite::Change { .. } | GroupWrite::Create { .. } => return Ok(None),
        };
        self.guard(admitted, affected, only_asks).await
    }

    async fn guard(
        &self,
        admitted: &Admitted,
        affected: Affected,
        only_asks: bool,
    ) -> Result<Option<GuardCheck>, Error> {
        let Some(limits) = limits(admitted) else {
            return Ok(None);
        };
        let at = self.now();
        let count_kept = if only_asks {
            limits.count_shown()
        } else {
            limits.window
        };
        Ok(Some(GuardCheck {
            limits: limits.clone(),
            affected,
            counted: self
                .count_for(admitted.tenant.id, limits, count_kept)
                .await?,
            id: BatchId::generate(at),
            at,
        }))
    }

    /// Counts the accounts of which a share may pass, where a share is limited and the last count is older than `kept`.
    pub(super) async fn count_for(
        &self,
        tenant_id: TenantId,
        limits: &DeprovisionGuard,
        kept: Duration,
    ) -> Result<Option<i64>, Error> {
        if limits.max_percent.is_none() {
            return Ok(None);
        }
        let stored = self.storage().find_guard_base(tenant_id).await?;
        let since = self.now().minus(kept);
        if stored.is_some_and(|stored| stored.began_at > since) {
            return Ok(None);
        }
        Ok(Some(self.storage().count_managed_active(tenant_id).await?))
    }

    /// Refuses what the guard would hold, and writes nothing: for a request that only asks.
    pub(crate) async fn preview_guard(
        &self,
        admitted: &Admitted,
        check: Option<&GuardCheck>,
    ) -> Result<(), Error> {
        let Some(check) = check else {
            return Ok(());
        };
        let held = self
            .storage()
            .preview_guard(admitted.tenant.id, check)
            .await?;
        held.map_or(Ok(()), |held| Err(held_error(admitted, held)))
    }

    /// The directory wants an account active, or members in a group: what would suspend, delete or remove them and waits or was decided is moot, once the
    /// request is done.
    pub(crate) async fn moot_items(
        &self,
        admitted: &Admitted,
        group: Option<GroupId>,
        wanted: &[Uuid],
    ) -> Result<Vec<DroppedItems>, Error> {
        if wanted.is_empty() || limits(admitted).is_none() {
            return Ok(Vec::new());
        }
        let group_id = group.map_or(Uuid::nil(), GroupId::uuid);
        let open = self
            .storage()
            .find_open_items(admitted.tenant.id, group_id, wanted)
            .await?;
        let of_action = |action: &DeprovisionAction| {
            let of_it = open.iter().filter(|item| item.action == *action);
            let ids: Vec<Uuid> = of_it.map(|item| item.account_id).collect();
            (!ids.is_empty()).then_some(DroppedItems {
                action: *action,
                group_id,
                ids,
            })
        };
        Ok(DeprovisionAction::ALL
            .iter()
            .filter_map(of_action)
            .collect())
    }
}

/// What a mutation has to do with the guard; most have nothing.
pub(crate) fn guard_part(check: Option<GuardCheck>, moot: Vec<DroppedItems>) -> Option<GuardPart> {
    (check.is_some() || !moot.is_empty()).then_some(GuardPart { check, moot })
}

/// What the log says of a request by which something became moot; empty where nothing did.
pub(crate) fn told_moot(moot: &[DroppedItems]) -> String {
    let count: usize = moot.iter().map(|items| items.ids.len()).sum();
    match count {
        0 => String::new(),
        1 => "The deprovision guard holds one thing less: Microsoft Entra wants the opposite now."
            .to_owned(),
        _ => format!(
            "The deprovision guard holds {count} things less: Microsoft Entra wants the opposite now."
        ),
    }
}

/// The refusal of what is held.
pub(crate) fn held_error(admitted: &Admitted, held: Held) -> Error {
    match &admitted.tenant.settings.deprovision_guard {
        Some(limits) => refusals::held(held, limits, &admitted.tenant.identifier).into(),
        None => Error::Internal("a write was held that is not guarded".into()),
    }
}

/// Whether a request says that the account is to be active.
#[derive(Clone, Copy)]
pub(crate) enum Said<'a> {
    /// A PUT.
    Attributes(&'a Map<String, Value>),
    /// A PATCH.
    Operations(&'a [Operation]),
}

impl<'a> Said<'a> {
    /// The Object ID that it says, the last one where it says several.
    pub(crate) fn object_id(self) -> Option<&'a str> {
        match self {
            Self::Attributes(attributes) => said_object_id(attributes),
            Self::Operations(operations) => operations.iter().rev().find_map(|operation| {
                match (operation.op, &operation.path, &operation.value) {
                    (Op::Add | Op::Replace, Some(path), Some(value)) => {
                        value.as_str().filter(|_| is_attribute(path, "externalId"))
                    }
                    (Op::Add | Op::Replace, None, Some(Value::Object(attributes))) => {
                        said_object_id(attributes)
                    }
                    _ => None,
                }
            }),
        }
    }

    /// Whether it says so; the last word counts where it says several.
    pub(crate) fn active(self) -> bool {
        let said = match self {
            Self::Attributes(attributes) => said_active(attributes),
            Self::Operations(operations) => operations.iter().rev().find_map(operation_said_active),
        };
        said == Some(true)
    }
}

fn operation_said_active(operation: &Operation) -> Option<bool> {
    match (operation.op, &operation.path, &operation.value) {
        (Op::Add | Op::Replace, Some(path), Some(value)) => {
            value.as_bool().filter(|_| is_attribute(path, "active"))
        }
        (Op::Add | Op::Replace, None, Some(Value::Object(attributes))) => said_active(attributes),
        _ => None,
    }
}

fn said_active(attributes: &Map<String, Value>) -> Option<bool> {
    let active = attributes
        .iter()
        .find(|(name, _)| is_attribute(name, "active"));
    active.and_then(|(_, value)| value.as_bool())
}

fn said_object_id(attributes: &Map<String, Value>) -> Option<&str> {
    attributes
        .iter()
        .find(|(name, _)| is_attribute(name, "externalId"))
        .and_then(|(_, value)| value.as_str())
}

/// The attribute by its name, or with the URN of its schema.
fn is_attribute(path: &str, attribute: &str) -> bool {
    let name = path.rsplit_once(':').map_or(path, |(_, name)| name);
    name.eq_ignore_ascii_case(attribute)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(op: Op, path: Option<&str>, value: Value) -> bool {
        let operation = Operation {
            op,
            path: path.map(str::to_owned),
            value: Some(value),
        };
        Said::Operations(&[operation]).active()
    }

    #[test]
    fn the_last_word_about_active_counts() {
        let operation = |value| Operation {
            op: Op::Replace,
            path: Some("active".to_owned()),
            value: Some(json!(value)),
        };
        for words in [[true, false], [false, true]] {
            let operations = words.map(operation);
            assert_eq!(
                Said::Operations(&operations).active(),
                words[1],
                "{words:?}"
            );
        }
    }

    #[test]
    fn a_request_says_an_object_id() {
        let operation = |op, path: Option<&str>, value| Operation {
            op,
            path: path.map(str::to_owned),
            value: Some(value),
        };
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User:externalId";
        for (said, expected) in [
            (
                operation(Op::Replace, Some("externalId"), json!("a")),
                Some("a"),
            ),
            (operation(Op::Add, Some(urn), json!("a")), Some("a")),
            (
                operation(Op::Add, None, json!({"externalID": "a"})),
                Some("a"),
            ),
            (operation(Op::Replace, Some("title"), json!("a")), None),
            (operation(Op::Remove, Some("externalId"), json!("a")), None),
            (operation(Op::Replace, Some("externalId"), json!(7)), None),
        ] {
            let said = [said, operation(Op::Replace, Some("title"), json!("b"))];
            assert_eq!(Said::Operations(&said).object_id(), expected, "{said:?}");
        }
        let put = json!({"userName": "b", "externalId": "a"});
        let put = put.as_object().expect("it is an object");
        assert_eq!(Said::Attributes(put).object_id(), Some("a"));
    }

    #[test]
    fn a_request_says_that_the_account_is_to_be_active() {
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User:active";
        assert!(patch(Op::Replace, Some("active"), json!(true)));
        assert!(patch(Op::Add, Some("Active"), json!(true)));
        assert!(patch(Op::Replace, Some(urn), json!(true)));
        assert!(patch(
            Op::Replace,
            None,
            json!({"title": "x", "active": true})
        ));
        let put = json!({"userName": "a", "active": true});
        assert!(Said::Attributes(put.as_object().expect("it is one")).active());
    }

    #[test]
    fn anything_else_does_not() {
        assert!(!patch(Op::Replace, Some("active"), json!(false)));
        assert!(!patch(Op::Remove, Some("active"), json!(true)));
        assert!(!patch(Op::Replace, Some("title"), json!(true)));
        assert!(!patch(Op::Replace, None, json!({"title": "active"})));
        assert!(!Said::Attributes(&Map::new()).active());
    }
}
