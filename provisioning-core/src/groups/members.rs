//! The one place that reads what a request says of members: the members of a resource, and the operations of a PATCH that are about them.
//! Everything else of a PATCH is left to [`patch`].
//!
//! An id names an account or another group of the tenant. What else stands beside it (`display`, `type`, unknown sub-attributes) is passed over:
//! the service knows it better.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Candidate, Delta, MEMBERS_IN_REQUEST_MAX, Member, refusals};
use crate::{
    attributes::{
        filter::{Comparison, Filter, Literal, Operator, matches_element},
        fold::fold,
        patch::{self, Op, Operation, PatchError, PatchProblem, PatchRules},
        path::{self, Path},
        schema::ResourceSchema,
    },
    error::{Reason, Refusal},
    ids::GroupId,
};

const MEMBERS: &str = "members";

/// An id of a member as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Named {
    /// It may name something.
    Id(Uuid),
    /// It names nothing.
    Other(String),
}

impl Named {
    fn parse(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(id) => Self::Id(id),
            Err(_) => Self::Other(text.to_owned()),
        }
    }
}

/// What one operation does to members.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    Add(Vec<Named>),
    Remove(Vec<Named>),
    Clear,
    /// Those that a filter selects go, of those listed where some are.
    RemoveSelected(Filter, Option<Vec<Named>>),
    /// Others come in place of those that a filter selects.
    ReplaceSelected(Filter, Vec<Named>),
}

/// What a request does to members, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// With the index of the operation.
    changes: Vec<(usize, Change)>,
    ignored: Vec<String>,
}

/// A PATCH taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Split {
    /// What is about members.
    pub members: Changes,
    /// What is not.
    pub others: Vec<Operation>,
    /// The index of each of the others among all.
    pub indexes: Vec<usize>,
}

/// What a request comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Folded {
    pub delta: Delta,
    /// Ids that were to be added and name nothing.
    pub unknown: BTreeSet<String>,
}

/// Takes the members out of a resource, as POST and PUT bring it.
pub(super) fn take(attributes: &mut Map<String, Value>) -> Result<Vec<Named>, Refusal> {
    let keys: Vec<String> = attributes
        .keys()
        .filter(|key| is_members(key))
        .cloned()
        .collect();
    match keys.as_slice() {
        [] => Ok(Vec::new()),
        [key] => {
            let value = attributes.shift_remove(key).unwrap_or_default();
            let named = named(&value)?;
            if named.len() > MEMBERS_IN_REQUEST_MAX {
                return Err(refusals::too_many_in_request());
            }
            Ok(named)
        }
        _ => Err(
            Refusal::new(Reason::InvalidSyntax, "members is given more than once").field(MEMBERS),
        ),
    }
}

fn is_members(key: &str) -> bool {
    matches!(
        path::parse(key, ResourceSchema::group()),
        Ok(Path::Attribute { extension: None, attribute, filter: None, sub: None }) if attribute.name == MEMBERS
    )
}

/// The ids in a value: one or a list, each as an object with a `value` or as a text. Null and what is empty names nothing.
fn named(value: &Value) -> Result<Vec<Named>, Refusal> {
    let elements = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    let mut found = Vec::with_capacity(elements.len());
    for element in elements {
        match element {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => found.push(Named::parse(text)),
            Value::Object(object) => found.extend(named_object(object)?),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => return Err(not_an_id()),
        }
    }
    Ok(found)
}

/// By `value`, or else by the last part of `$ref`.
fn named_object(object: &Map<String, Value>) -> Result<Option<Named>, Refusal> {
    let field = |name: &str| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    match field("value") {
        Some(Value::String(text)) if !text.is_empty() => return Ok(Some(Named::parse(text))),
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => return Err(not_an_id()),
    }
    Ok(field("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .filter(|id| !id.is_empty())
        .map(Named::parse))
}

fn not_an_id() -> Refusal {
    Refusal::new(
        Reason::InvalidValue,
        "members must be a list of objects whose value is the id of a member",
    )
    .field(MEMBERS)
}

/// Takes a PATCH apart into what is about members and what is not. Below `endpoint` is what a `$ref` in a filter may name.
pub(super) fn split(
    operations: &[Operation],
    rules: PatchRules,
    endpoint: &str,
) -> Result<Split, Refusal> {
    if operations.len() > patch::OPERATIONS_MAX {
        let error = PatchError {
            operation: patch::OPERATIONS_MAX,
            problem: PatchProblem::TooMany,
        };
        return Err(error.into());
    }
    let mut splitter = Splitter {
        rules,
        endpoint,
        index: 0,
        split: Split::default(),
    };
    for (index, operation) in operations.iter().enumerate() {
        splitter.index = index;
        splitter.operation(operation)?;
    }
    if splitter.split.members.named().count() > MEMBERS_IN_REQUEST_MAX {
        return Err(refusals::too_many_in_request());
    }
    Ok(splitter.split)
}

struct Splitter<'e> {
    rules: PatchRules,
    endpoint: &'e str,
    index: usize,
    split: Split,
}

impl Splitter<'_> {
    fn operation(&mut self, operation: &Operation) -> Result<(), Refusal> {
        let path = operation.path.as_deref().filter(|path| !path.is_empty());
        let parsed = path.map(|path| path::parse(path, ResourceSchema::group()));
        match (parsed, &operation.value) {
            (
                Some(Ok(Path::Attribute {
                    extension: None,
                    attribute,
                    filter,
                    sub,
                })),
                value,
            ) if attribute.name == MEMBERS => {
                let sub = sub.map(|sub| sub.name.clone());
                self.members(operation.op, filter, sub.as_deref(), value.as_ref())
            }
            (None | Some(Ok(Path::Core)), Some(Value::Object(object)))
                if operation.op != Op::Remove =>
            {
                self.object(operation, object)
            }
            _ => {
                self.other(operation.clone());
                Ok(())
            }
        }
    }

    /// Without a path to an attribute each key of the value is one.
    fn object(
        &mut self,
        operation: &Operation,
        object: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let mut rest = Map::new();
        for (key, value) in object {
            match path::parse(key, ResourceSchema::group()) {
                Ok(Path::Attribute {
                    extension: None,
                    attribute,
                    filter,
                    sub,
                }) if attribute.name == MEMBERS => {
                    let sub = sub.map(|sub| sub.name.clone());
                    self.members(operation.op, filter, sub.as_deref(), Some(value))?;
                }
                Ok(Path::Core) if value.is_object() => {
                    let nested = value.as_object().cloned().unwrap_or_default();
                    self.object(operation, &nested)?;
                }
                _ => {
                    rest.insert(key.clone(), value.clone());
                }
            }
        }
        if !rest.is_empty() || object.is_empty() {
            self.other(Operation {
                op: operation.op,
                path: None,
                value: Some(Value::Object(rest)),
            });
        }
        Ok(())
    }

    fn other(&mut self, operation: Operation) {
        self.split.others.push(operation);
        self.split.indexes.push(self.index);
    }

    fn members(
        &mut self,
        op: Op,
        filter: Option<Filter>,
        sub: Option<&str>,
        value: Option<&Value>,
    ) -> Result<(), Refusal> {
        let filter = filter.map(|filter| filter.located_element(self.endpoint));
        let field = format!("operations[{}]", self.index);
        let named =
            || named(value.unwrap_or(&Value::Null)).map_err(|refusal| refusal.field(field.clone()));
        if op != Op::Remove && value.is_none() {
            return Err(self.refusal(PatchProblem::NoValue));
        }
        let change = match (op, sub, filter) {
            (Op::Add, None | Some("value"), None) => Change::Add(named()?),
            // What a membership consists of is settled when it is made.
            (_, Some(sub), _) => {
                let name = format!("{MEMBERS}.{sub}");
                if !self.rules.ignore_unknown {
                    return Err(self.refusal(PatchProblem::NotWritable(name)));
                }
                if !self.split.members.ignored.contains(&name) {
                    self.split.members.ignored.push(name);
                }
                return Ok(());
            }
            (Op::Replace, None, None) => {
                self.push(Change::Clear);
                Change::Add(named()?)
            }
            (Op::Remove, None, None) => match value {
                None => Change::Clear,
                Some(_) => Change::Remove(named()?),
            },
            (Op::Remove, None, Some(filter)) => {
                let listed = value.map(|_| named()).transpose()?;
                Change::RemoveSelected(filter, listed)
            }
            (Op::Add, None, Some(filter)) => Change::Add(given_or_described(named()?, &filter)),
            (Op::Replace, None, Some(filter)) => {
                let new = given_or_described(named()?, &filter);
                Change::ReplaceSelected(filter, new)
            }
        };
        self.push(change);
        Ok(())
    }

    fn push(&mut self, change: Change) {
        self.split.members.changes.push((self.index, change));
    }

    fn refusal(&self, problem: PatchProblem) -> Refusal {
        PatchError {
            operation: self.index,
            problem,
        }
        .into()
    }
}

/// The members in the value, or else those that the filter names.
fn given_or_described(given: Vec<Named>, filter: &Filter) -> Vec<Named> {
    if given.is_empty() {
        values(filter).map_or(given, |values| {
            values.iter().map(|value| Named::parse(value)).collect()
        })
    } else {
        given
    }
}

/// The values of which an element must have one in order to be selected; none when it may have any.
fn values(filter: &Filter) -> Option<Vec<&str>> {
    match filter {
        Filter::Compare(Comparison {
            attribute,
            operator: Operator::Eq,
            literal: Literal::Text { compared, .. },
        }) if attribute.sub.as_deref() == Some("value") => Some(vec![compared]),
        Filter::And(filters) => filters.iter().find_map(values),
        Filter::Or(filters) => filters
            .iter()
            .map(values)
            .collect::<Option<Vec<_>>>()
            .map(|values| values.concat()),
        _ => None,
    }
}

impl Changes {
    /// All members of a resource anew.
    pub fn replace(named: Vec<Named>) -> Self {
        Self {
            changes: vec![(0, Change::Clear), (0, Change::Add(named))],
            ignored: Vec::new(),
        }
    }

    /// What was passed over.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The ids of which it must be known what stands behind them, each once.
    pub fn ids(&self) -> Vec<Uuid> {
        let named = self.named().filter_map(|named| match named {
            Named::Id(id) => Some(*id),
            Named::Other(_) => None,
        });
        let selected = self.filters().filter_map(values).flatten();
        let selected = selected.filter_map(|value| Uuid::try_parse(value).ok());
        let mut ids: Vec<_> = named.chain(selected).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The filters that may select any member.
    pub fn open_filters(&self) -> impl Iterator<Item = &Filter> {
        self.filters().filter(|filter| values(filter).is_none())
    }

    fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.changes.iter().filter_map(|(_, change)| match change {
            Change::RemoveSelected(filter, _) | Change::ReplaceSelected(filter, _) => Some(filter),
            Change::Add(_) | Change::Remove(_) | Change::Clear => None,
        })
    }

    fn named(&self) -> impl Iterator<Item = &Named> {
        self.changes.iter().flat_map(|(_, change)| match change {
            Change::Add(named)
            | Change::Remove(named)
            | Change::ReplaceSelected(_, named)
            | Change::RemoveSelected(_, Some(named)) => named.as_slice(),
            Change::Clear | Change::RemoveSelected(_, None) => &[],
        })
    }

    /// Makes one difference of all changes, as if they were applied one after the other. `known` are the candidates for [`ids`](Self::ids), and
    /// the members that the [open filters](Self::open_filters) select.
    pub fn fold(
        &self,
        group: Option<GroupId>,
        known: &HashMap<Uuid, Candidate>,
        rules: PatchRules,
    ) -> Result<Folded, Refusal> {
        let mut folding = Folding {
            group: group.map(GroupId::uuid),
            known,
            folded: Folded::default(),
        };
        for (index, change) in &self.changes {
            match change {
                Change::Add(named) => folding.add(named),
                Change::Remove(named) => folding.remove(named),
                Change::Clear => folding.folded.delta.clear(),
                Change::RemoveSelected(filter, listed) => {
                    let listed: Option<HashSet<&Named>> =
                        listed.as_ref().map(|listed| listed.iter().collect());
                    let is_listed = |id| {
                        listed
                            .as_ref()
                            .is_none_or(|listed| listed.contains(&Named::Id(id)))
                    };
                    for id in folding.selected(filter) {
                        if is_listed(id) {
                            folding.folded.delta.remove(id);
                        }
                    }
                }
                Change::ReplaceSelected(filter, new) => {
                    let selected = folding.selected(filter);
                    if selected.is_empty() && !rules.replace_creates {
                        let error = PatchError {
                            operation: *index,
                            problem: PatchProblem::NoTarget(MEMBERS.to_owned()),
                        };
                        return Err(error.into());
                    }
                    for id in selected {
                        folding.folded.delta.remove(id);
                    }
                    folding.add(new);
                }
            }
        }
        Ok(folding.folded)
    }
}

struct Folding<'k> {
    group: Option<Uuid>,
    known: &'k HashMap<Uuid, Candidate>,
    folded: Folded,
}

impl Folding<'_> {
    fn add(&mut self, named: &[Named]) {
        for named in named {
            let unknown = match named {
                Named::Id(id) if Some(*id) != self.group && self.member(id).is_some() => {
                    self.folded.delta.add(*id);
                    continue;
                }
                Named::Id(id) => id.to_string(),
                Named::Other(text) => text.clone(),
            };
            self.folded.unknown.insert(unknown);
        }
    }

    fn remove(&mut self, named: &[Named]) {
        for named in named {
            if let Named::Id(id) = named {
                self.folded.delta.remove(*id);
            }
        }
    }

    fn member(&self, id: &Uuid) -> Option<&Member> {
        self.known.get(id).and_then(|known| known.member.as_ref())
    }

    /// The members at this point that a filter selects, in order of ids.
    fn selected(&self, filter: &Filter) -> Vec<Uuid> {
        let mut selected: Vec<Uuid> = self
            .known
            .values()
            .filter(|known| self.folded.delta.contains(&known.id, known.is_member))
            .filter_map(|known| known.member.as_ref())
            .filter(|member| matches_element(filter, &element(member)))
            .map(|member| member.id)
            .collect();
        selected.sort_unstable();
        selected
    }
}

/// A member as filters compare it.
fn element(member: &Member) -> Map<String, Value> {
    Map::from_iter([
        ("value".to_owned(), Value::String(member.id.to_string())),
        ("type".to_owned(), Value::String(fold(member.kind.as_str()))),
        ("display".to_owned(), Value::String(fold(&member.display))),
    ])
}
