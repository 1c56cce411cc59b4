//! Reading groups: one, a batch, a page of many; and the members of one.

use super::{Group, GroupKey, MEMBERS_MAX, View, refusals};
use crate::{
    Core,
    attributes::fold::{NAME_BYTES_MAX, fold},
    call::Call,
    error::{Error, Reason, Refusal},
    findings::{Act, Reached},
    ids::GroupId,
    log::{LogEntry, Operation, ResourceType},
    tenants::Tenant,
};

/// Ids in one batch.
const BATCH_MAX: usize = 200;
/// How often members are read again because the attributes of their group have changed meanwhile.
const ATTEMPTS_MAX: u32 = 5;

impl Core {
    /// Reads one group.
    pub async fn get_group(&self, call: &Call, key: &GroupKey, view: View) -> Result<Group, Error> {
        if let GroupKey::DisplayName(text) | GroupKey::ObjectId(text) = key
            && (text.contains('\0') || text.len() > NAME_BYTES_MAX * 3)
        {
            return Err(self.refuse_group_id(call, Operation::Get, "").await);
        }
        for _ in 0..ATTEMPTS_MAX {
            let (caller, mut groups) = self.storage().find_groups(&call.caller_key(), key).await?;
            let admitted = self.admit(call, caller).await?;
            let mut entry = LogEntry::new(call, Operation::Get, self.now());
            entry.resource_type = ResourceType::Group;
            let asked = match key {
                GroupKey::Id(id) => {
                    entry.resource_id = id.to_string();
                    entry.resource_id.clone()
                }
                GroupKey::DisplayName(_) => String::new(),
                GroupKey::ObjectId(object_id) => {
                    entry.object_id.clone_from(object_id);
                    object_id.clone()
                }
            };
            let refusal = match (groups.pop(), groups.is_empty()) {
                (Some(group), true) => match self
                    .with_members(call, &admitted.tenant, vec![group], view)
                    .await
                {
                    Ok(Some(mut groups)) => match groups.pop() {
                        Some(group) => {
                            let reached = Reached::Group {
                                act: Act::Read,
                                group: &group,
                                named: false,
                            };
                            self.notice(call, &admitted, reached).await;
                            return Ok(group);
                        }
                        None => continue,
                    },
                    Ok(None) => continue,
                    Err(Error::Refused(refusal)) => *refusal,
                    Err(error) => return Err(error),
                },
                (None, _) => refusals::not_found(&asked),
                (Some(_), false) => refusals::several(match key {
                    GroupKey::Id(_) => "id",
                    GroupKey::DisplayName(_) => "display_name",
                    GroupKey::ObjectId(_) => "object_id",
                }),
            };
            return Err(self.log_refusal(&admitted, entry, refusal.into()).await);
        }
        Err(refusals::contention().into())
    }

    /// The key of a name, as a caller wrote it.
    pub fn display_name_key(display_name: &str) -> GroupKey {
        GroupKey::DisplayName(fold(display_name))
    }

    /// Says that an id from outside cannot be one, in the way of an id that names nothing.
    pub async fn refuse_group_id(&self, call: &Call, operation: Operation, id: &str) -> Error {
        match self.authenticate(call).await {
            Ok(admitted) => {
                let mut entry = LogEntry::new(call, operation, self.now());
                entry.resource_type = ResourceType::Group;
                id.clone_into(&mut entry.resource_id);
                self.log_refusal(&admitted, entry, refusals::not_found(id).into())
                    .await
            }
            Err(error) => error,
        }
    }

    /// Reads a group that was written just now; `None` when it is gone by now. Where it has more members than an answer holds, it comes without:
    /// the write was made.
    pub async fn find_written_group(
        &self,
        call: &Call,
        id: GroupId,
        view: View,
    ) -> Result<Option<Group>, Error> {
        let mut view = view;
        for _ in 0..ATTEMPTS_MAX {
            let (caller, groups) = self
                .storage()
                .find_groups(&call.caller_key(), &GroupKey::Id(id))
                .await?;
            let tenant = self.admit(call, caller).await?.tenant;
            match self.with_members(call, &tenant, groups, view).await {
                Ok(Some(mut groups)) => return Ok(groups.pop()),
                Ok(None) => {}
                Err(Error::Refused(_)) => view = View::Basic,
                Err(error) => return Err(error),
            }
        }
        Err(refusals::contention().into())
    }

    /// Reads groups by id, in the order of the ids; ids that name nothing are left out.
    pub async fn batch_get_groups(
        &self,
        call: &Call,
        ids: &[String],
        view: View,
    ) -> Result<Vec<Group>, Error> {
        if ids.len() > BATCH_MAX {
            return Err(Refusal::new(
                Reason::TooMany,
                format!("ids holds more than {BATCH_MAX} ids. Ask in several calls."),
            )
            .field("ids")
            .into());
        }
        let ids: Vec<GroupId> = ids.iter().filter_map(|id| GroupId::parse(id)).collect();
        for _ in 0..ATTEMPTS_MAX {
            let (caller, mut groups) = self
                .storage()
                .batch_find_groups(&call.caller_key(), &ids)
                .await?;
            let tenant = self.admit(call, caller).await?.tenant;
            groups.sort_by_key(|group| ids.iter().position(|id| *id == group.id));
            if let Some(groups) = self.with_members(call, &tenant, groups, view).await? {
                return Ok(groups);
            }
        }
        Err(refusals::contention().into())
    }

    /// The groups with as much as the view shows. With members, group and members are those of one moment; `None` when the attributes of a group
    /// have changed since they were read.
    pub(super) async fn with_members(
        &self,
        call: &Call,
        tenant: &Tenant,
        groups: Vec<Group>,
        view: View,
    ) -> Result<Option<Vec<Group>>, Error> {
        let schemas = self.schemas_of(call, tenant).await?;
        let mut groups: Vec<Group> = groups
            .into_iter()
            .map(|group| group.shown(&schemas.group))
            .collect();
        if view == View::Basic || groups.is_empty() {
            return Ok(Some(groups));
        }
        let ids: Vec<GroupId> = groups.iter().map(|group| group.id).collect();
        let Some(mut found) = self
            .storage()
            .find_members(tenant.id, &ids, MEMBERS_MAX)
            .await?
        else {
            return Err(refusals::too_many_to_answer().into());
        };
        for group in &mut groups {
            let Some(members) = found
                .remove(&group.id)
                .filter(|found| found.own_version == group.own_version)
            else {
                return Ok(None);
            };
            group.version = members.version;
            group.updated_at = members.updated_at;
            group.members = Some(members.members);
            if !tenant.settings.rules().member_display {
                let members = group.members.iter_mut().flatten();
                members.for_each(|member| member.display.clear());
            }
        }
        Ok(Some(groups))
    }
}
