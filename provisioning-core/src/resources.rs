//! Queries over every type of resource, RFC 7644 section 3.4.2.1: accounts and groups in one order.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Core,
    accounts::Account,
    attributes::schema::ResourceSchema,
    call::{Admitted, Call},
    error::Error,
    groups::{Group, View},
    listing::{List, ListQuery, ParsedQuery, known_total},
    log::{LogEntry, Operation},
    storage::{FoundResources, ResourceKind, ResourceQuery, RowQuery},
};

const LIST: List = List {
    method: "ListResources",
    of: None,
};

/// A resource of any type.
#[derive(Clone, Debug)]
pub enum Resource {
    /// An account.
    Account(Account),
    /// A group.
    Group(Group),
}

/// A page of resources.
#[derive(Debug)]
pub struct ResourcePage {
    /// The resources.
    pub resources: Vec<Resource>,
    /// Where the next page begins; `None` on the last.
    pub next_page_token: Option<String>,
    /// How many match in all; behind a page token, how many did when the first page was read.
    pub total_size: i64,
}

/// A query as each type reads it.
struct Parsed {
    accounts: ParsedQuery,
    groups: ParsedQuery,
}

impl Core {
    /// Reads a page of accounts and groups. One statement chooses them, one for each type reads them.
    pub async fn list_resources(
        &self,
        call: &Call,
        query: &ListQuery,
        view: View,
    ) -> Result<ResourcePage, Error> {
        let admitted = self.authenticate(call).await?;
        let parsed = self.parse_resource_query(call, &admitted, query).await?;
        let statement = parsed.statement(query.page_size);
        let tenant = admitted.tenant.id;
        if query.count_only {
            return Ok(ResourcePage {
                resources: Vec::new(),
                next_page_token: None,
                total_size: self.storage().count_resources(tenant, &statement).await?,
            });
        }
        let FoundResources { found, next } =
            self.storage().list_resources(tenant, &statement).await?;
        let (counted, skip) = (parsed.accounts.total, parsed.accounts.skip);
        let total_size = match known_total(counted, skip, found.len(), next.is_none()) {
            Some(total) => total,
            None => self.storage().count_resources(tenant, &statement).await?,
        };
        Ok(ResourcePage {
            resources: self.read_resources(call, &found, view).await?,
            next_page_token: next.map(|after| query.token(self, call, LIST, &after, total_size)),
            total_size,
        })
    }

    /// Reads what was found, in its order. What was deleted in between is left out.
    async fn read_resources(
        &self,
        call: &Call,
        found: &[(ResourceKind, Uuid)],
        view: View,
    ) -> Result<Vec<Resource>, Error> {
        let ids = |wanted| -> Vec<String> {
            let of_kind = found.iter().filter(|(kind, _)| *kind == wanted);
            of_kind.map(|(_, id)| id.to_string()).collect()
        };
        let mut read = HashMap::new();
        let accounts = ids(ResourceKind::Account);
        if !accounts.is_empty() {
            for account in self.batch_get_accounts(call, &accounts).await? {
                read.insert(account.id.uuid(), Resource::Account(account));
            }
        }
        let groups = ids(ResourceKind::Group);
        if !groups.is_empty() {
            for group in self.batch_get_groups(call, &groups, view).await? {
                read.insert(group.id.uuid(), Resource::Group(group));
            }
        }
        Ok(found.iter().filter_map(|(_, id)| read.remove(id)).collect())
    }

    /// Reads the query by the schemas in force, once for each type: a name may stand for another attribute in each.
    async fn parse_resource_query(
        &self,
        call: &Call,
        admitted: &Admitted,
        query: &ListQuery,
    ) -> Result<Parsed, Error> {
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        let parse =
            |schema: &ResourceSchema, other| query.parse(self, call, LIST, &schema.beside(other));
        let accounts = parse(&schemas.user, &schemas.group);
        let groups = parse(&schemas.group, &schemas.user);
        match (accounts, groups) {
            (Ok(accounts), Ok(groups)) => Ok(Parsed { accounts, groups }),
            (Err(refusal), _) | (_, Err(refusal)) => {
                let entry = LogEntry::new(call, Operation::List, self.now());
                Err(self.log_refusal(admitted, entry, refusal.into()).await)
            }
        }
    }
}

impl Parsed {
    fn statement(&self, limit: u32) -> ResourceQuery<'_> {
        let of = |parsed: &'_ ParsedQuery| RowQuery {
            filter: None,
            order: parsed.order.clone(),
            limit,
            skip: parsed.skip,
            after: parsed.after.clone(),
        };
        ResourceQuery {
            accounts: RowQuery {
                filter: self.accounts.filter.as_ref(),
                ..of(&self.accounts)
            },
            groups: RowQuery {
                filter: self.groups.filter.as_ref(),
                ..of(&self.groups)
            },
        }
    }
}
