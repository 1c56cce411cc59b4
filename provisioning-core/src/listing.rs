//! What every list of resources reads from its request in the same way: a filter, an order, and where the page begins.

use uuid::Uuid;

use crate::{
    Core,
    attributes::{
        filter::{self, Filter, Operator},
        order::Order,
        schema::ResourceSchema,
    },
    call::Call,
    error::{Reason, Refusal},
    page_token::{Query, invalid_page_token},
    storage::PageKey,
};

/// SCIM's startIndex is bounded: a walk that far by index is a mistake, page tokens are for it.
const SKIP_MAX: u32 = 1_000_000;
/// Which resources to list.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// In SCIM's grammar; empty: all.
    pub filter: String,
    /// A SCIM attribute name, perhaps with ` desc`; empty: by creation.
    pub order_by: String,
    /// How many at most, within bounds.
    pub page_size: u32,
    /// From the page before.
    pub page_token: String,
    /// How many to pass over.
    pub skip: i32,
    /// Only count.
    pub count_only: bool,
}

/// A list: what binds its page tokens.
#[derive(Clone, Copy)]
pub(crate) struct List {
    /// The RPC.
    pub method: &'static str,
    /// The resource that the list is a part of.
    pub of: Option<Uuid>,
}

/// A [`ListQuery`] that was read.
pub(crate) struct ParsedQuery {
    /// Which.
    pub filter: Option<Filter>,
    /// In which order.
    pub order: Order,
    /// Behind which place.
    pub after: Option<PageKey>,
    /// How many matched when the first page was read.
    pub total: Option<i64>,
    /// How many to pass over.
    pub skip: u32,
}

/// How many resources there are in all, where a page of `read` of them behind `skip` tells it: a token says what was counted with the first page,
/// and where the listing ends within that page, nothing needs to be counted.
pub(crate) fn known_total(
    counted: Option<i64>,
    skip: u32,
    read: usize,
    ends_here: bool,
) -> Option<i64> {
    counted.or_else(|| {
        (ends_here && (read > 0 || skip == 0))
            .then(|| i64::from(skip) + i64::try_from(read).unwrap_or(i64::MAX))
    })
}

impl ParsedQuery {
    /// Whether it is what Entra asks to match a resource: equality on an attribute that an index serves. Such a look-up costs next to nothing and
    /// is one statement with the authentication.
    pub fn is_match(&self, indexed: &[&str]) -> bool {
        self.order == Order::default()
            && self.skip == 0
            && matches!(&self.filter, Some(Filter::Compare(comparison)) if comparison.operator == Operator::Eq
                && comparison.attribute.schema.is_none()
                && comparison.attribute.sub.is_none()
                && indexed.contains(&comparison.attribute.name.as_str()))
    }
}

impl ListQuery {
    /// Reads the query of a list.
    pub(crate) fn parse(
        &self,
        core: &Core,
        call: &Call,
        list: List,
        schema: &ResourceSchema,
    ) -> Result<ParsedQuery, Refusal> {
        let filter = match self.filter.as_str() {
            "" => None,
            text => {
                let endpoint = core.scim_endpoint(&call.tenant);
                let filter = filter::parse(text, schema)?;
                Some(filter.located(&endpoint, &schema.resource_type))
            }
        };
        let order = Order::parse(&self.order_by, schema)?;
        let skip = u32::try_from(self.skip)
            .ok()
            .filter(|skip| *skip <= SKIP_MAX)
            .ok_or_else(|| {
                Refusal::new(
                    Reason::TooMany,
                    format!(
                        "At most {SKIP_MAX} can be passed over (skip; startIndex in SCIM). Go on with a page token (a cursor in SCIM)."
                    ),
                )
                .field("skip")
            })?;
        let (after, total) = match self.query(core, call, list).open(&self.page_token)? {
            None => (None, None),
            Some(_) if skip > 0 => {
                return Err(Refusal::new(
                    Reason::InvalidRequest,
                    "skip and page_token do not go together.",
                )
                .field("skip"));
            }
            Some(place) => {
                let after: PageKey =
                    serde_json::from_slice(&place.position).map_err(|_| invalid_page_token())?;
                (Some(after), place.total)
            }
        };
        Ok(ParsedQuery {
            filter,
            order,
            after,
            total,
            skip,
        })
    }

    /// The page token of the page behind `after`.
    pub(crate) fn token(
        &self,
        core: &Core,
        call: &Call,
        list: List,
        after: &PageKey,
        total_size: i64,
    ) -> String {
        let position = serde_json::to_vec(after).expect("keys are texts and numbers");
        self.query(core, call, list)
            .token(&position, Some(total_size))
    }

    fn query<'c>(&self, core: &'c Core, call: &Call, list: List) -> Query<'c> {
        let of = list.of.map(|id| id.to_string()).unwrap_or_default();
        core.query(
            list.method,
            None,
            &[call.tenant.as_str(), &of, &self.filter, &self.order_by],
        )
    }
}
