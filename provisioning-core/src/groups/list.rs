//! Lists: a page of groups, a page of one group's members.

use super::{Group, GroupKey, Member, View, refusals};
use crate::{
    Core,
    attributes::schema::ResourceSchema,
    call::Call,
    error::Error,
    findings::{Act, Reached, matched_by},
    ids::GroupId,
    listing::{List, ListQuery, ParsedQuery, known_total},
    log::{LogEntry, Operation, ResourceType},
    storage::RowQuery,
};

const LIST: List = List {
    method: "ListGroups",
    of: None,
};
const LIST_MEMBERS: List = List {
    method: "ListGroupMembers",
    of: None,
};
/// What Entra matches a group by.
const INDEXED: &[&str] = &["id", "displayName", "externalId"];
/// How often members are read again because the attributes of their group have changed meanwhile.
const ATTEMPTS_MAX: u32 = 5;

/// A page of groups.
#[derive(Debug)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<Group>,
    /// Where the next page begins; `None` on the last.
    pub next_page_token: Option<String>,
    /// How many match in all; behind a page token, how many did when the first page was read.
    pub total_size: i64,
}

/// Which members to list.
#[derive(Clone, Debug, Default)]
pub struct ListMembersQuery {
    /// In SCIM's grammar, over the parts of a member; empty: all.
    pub filter: String,
    /// `value`, `type` or `display`, perhaps with ` desc`; empty: by `value`.
    pub order_by: String,
    /// How many at most, within bounds.
    pub page_size: u32,
    /// From the page before.
    pub page_token: String,
}

/// A page of members.
#[derive(Debug)]
pub struct MemberPage {
    /// The members.
    pub members: Vec<Member>,
    /// Where the next page begins; `None` on the last.
    pub next_page_token: Option<String>,
}

impl Core {
    /// Reads a page of groups.
    pub async fn list_groups(
        &self,
        call: &Call,
        query: &ListQuery,
        view: View,
    ) -> Result<GroupPage, Error> {
        let parsed = self.parse_group_query(call, query).await?;
        if query.count_only {
            let admitted = self.authenticate(call).await?;
            let total_size = self
                .storage()
                .count_groups(admitted.tenant.id, parsed.filter.as_ref())
                .await?;
            return Ok(GroupPage {
                groups: Vec::new(),
                next_page_token: None,
                total_size,
            });
        }
        let statement = RowQuery {
            filter: parsed.filter.as_ref(),
            order: parsed.order,
            limit: query.page_size,
            skip: parsed.skip,
            after: parsed.after,
        };
        for _ in 0..ATTEMPTS_MAX {
            let (caller, page) = self
                .storage()
                .list_groups(&call.caller_key(), &statement)
                .await?;
            let admitted = self.admit(call, caller).await?;
            if let ([group], None, Some(act)) = (
                page.groups.as_slice(),
                &page.next,
                matched_by(query, parsed.filter.as_ref()),
            ) {
                let reached = Reached::Group {
                    act,
                    group,
                    named: act == Act::MatchedByName,
                };
                self.notice(call, &admitted, reached).await;
            }
            let tenant = admitted.tenant;
            let groups = match self.with_members(call, &tenant, page.groups, view).await {
                Ok(Some(groups)) => groups,
                Ok(None) => continue,
                Err(error) => return Err(self.refuse_list(call, "", error).await),
            };
            let total = known_total(parsed.total, parsed.skip, groups.len(), page.next.is_none());
            let total_size = match total {
                Some(total) => total,
                None => {
                    self.storage()
                        .count_groups(tenant.id, parsed.filter.as_ref())
                        .await?
                }
            };
            let next_page_token = page
                .next
                .map(|after| query.token(self, call, LIST, &after, total_size));
            return Ok(GroupPage {
                groups,
                next_page_token,
                total_size,
            });
        }
        Err(refusals::contention().into())
    }

    /// Reads a page of a group's members.
    pub async fn list_group_members(
        &self,
        call: &Call,
        id: GroupId,
        query: &ListMembersQuery,
    ) -> Result<MemberPage, Error> {
        let asked = ListQuery {
            filter: query.filter.clone(),
            order_by: query.order_by.clone(),
            page_size: query.page_size,
            page_token: query.page_token.clone(),
            skip: 0,
            count_only: false,
        };
        let id_text = id.to_string();
        let list = List {
            of: Some(id.uuid()),
            ..LIST_MEMBERS
        };
        let parsed = match asked.parse(self, call, list, ResourceSchema::group_member()) {
            Ok(parsed) => parsed,
            Err(refusal) => return Err(self.refuse_list(call, &id_text, refusal.into()).await),
        };
        let (caller, groups) = self
            .storage()
            .find_groups(&call.caller_key(), &GroupKey::Id(id))
            .await?;
        let tenant = self.admit(call, caller).await?.tenant.id;
        if groups.is_empty() {
            let refusal = refusals::not_found(&id_text);
            return Err(self.refuse_list(call, &id_text, refusal.into()).await);
        }
        let mut order = parsed.order;
        // A member's value is its id, the order of which is that of storage.
        order.by = order.by.filter(|key| key.attribute.name != "value");
        let statement = RowQuery {
            filter: parsed.filter.as_ref(),
            order,
            limit: query.page_size,
            skip: 0,
            after: parsed.after,
        };
        let page = self.storage().list_members(tenant, id, &statement).await?;
        let next_page_token = page
            .next
            .map(|after| asked.token(self, call, list, &after, 0));
        Ok(MemberPage {
            members: page.members,
            next_page_token,
        })
    }

    /// Reads the query by the schemas in force. A match needs none but the built-in ones; for any other query the caller is found first, so that
    /// whoever has no valid token makes the storage look for nothing.
    async fn parse_group_query(
        &self,
        call: &Call,
        query: &ListQuery,
    ) -> Result<ParsedQuery, Error> {
        let known = self.known_schemas(call);
        let parsed = query.parse(self, call, LIST, &known.group);
        if parsed.as_ref().is_ok_and(|parsed| parsed.is_match(INDEXED)) {
            return Ok(parsed?);
        }
        let admitted = self.authenticate(call).await?;
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        let parsed = if schemas.version == known.version {
            parsed
        } else {
            query.parse(self, call, LIST, &schemas.group)
        };
        match parsed {
            Ok(parsed) => Ok(parsed),
            Err(refusal) => Err(self.refuse_list(call, "", refusal.into()).await),
        }
    }

    async fn refuse_list(&self, call: &Call, resource_id: &str, error: Error) -> Error {
        match self.authenticate(call).await {
            Ok(admitted) => {
                let mut entry = LogEntry::new(call, Operation::List, self.now());
                entry.resource_type = ResourceType::Group;
                resource_id.clone_into(&mut entry.resource_id);
                self.log_refusal(&admitted, entry, error).await
            }
            Err(error) => error,
        }
    }
}
