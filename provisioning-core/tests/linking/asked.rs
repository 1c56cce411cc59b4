//! What a step asks for, in the ids and texts of the moment: what is sent, and what the model is told.

use provisioning_core::{accounts, ids::AccountId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    model,
    steps::{FIXED, GUIDS, LOGINS, Spelling, Text, Who, Wish},
};

/// An account by its id, and its place in the model where it is one of the tenant.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub place: Option<usize>,
    pub id: AccountId,
}

/// What the directory says of a user.
#[derive(Clone, Debug)]
pub struct Said {
    pub user_name: String,
    pub object_id: Option<String>,
    pub active: Option<bool>,
}

#[derive(Clone, Debug)]
pub enum Asked {
    Create(Said),
    Replace(Target, Said),
    Patch(Target, Change),
    Delete(Target),
    Members(Members),
    CreateGroup(Vec<Target>),
    DeleteGroup,
}

/// A PATCH of one attribute.
#[derive(Clone, Debug)]
pub enum Change {
    UserName(String),
    ObjectId(Option<String>),
    Active(bool),
}

/// What becomes of the members of the group.
#[derive(Clone, Debug)]
pub enum Members {
    Add(Vec<Target>),
    Remove(Vec<Target>),
    Replace(Vec<Target>),
    Clear,
}

impl Said {
    pub fn attributes(&self) -> Map<String, Value> {
        let mut attributes = Map::new();
        attributes.insert("userName".to_owned(), json!(self.user_name));
        if let Some(object_id) = &self.object_id {
            attributes.insert("externalId".to_owned(), json!(object_id));
        }
        if let Some(active) = self.active {
            attributes.insert("active".to_owned(), json!(active));
        }
        attributes
    }
}

impl Asked {
    /// The account that it is about by its id.
    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Replace(target, _) | Self::Patch(target, _) | Self::Delete(target) => {
                Some(*target)
            }
            Self::Create(_) | Self::Members(_) | Self::CreateGroup(_) | Self::DeleteGroup => None,
        }
    }
}

/// The accounts of a tenant, and those of the other one, from which steps pick.
#[derive(Clone, Copy)]
pub struct Pool<'a> {
    pub mine: &'a [model::Account],
    pub others: &'a [model::Account],
}

impl Pool<'_> {
    /// The latest first: there is more to be done to them.
    pub fn pick(&self, who: Who) -> Target {
        let accounts = self.of(who);
        let index = usize::from(who.index) % accounts.len().max(1);
        let Some(place) = accounts.len().checked_sub(1 + index) else {
            return Target {
                place: None,
                id: AccountId::from_uuid(Uuid::from_u128(1)),
            };
        };
        Target {
            place: (!who.foreign).then_some(place),
            id: accounts[place].id,
        }
    }

    fn pick_all(&self, people: &[Who]) -> Vec<Target> {
        people.iter().map(|who| self.pick(*who)).collect()
    }

    fn of(&self, who: Who) -> &[model::Account] {
        if who.foreign { self.others } else { self.mine }
    }

    pub fn text(&self, text: &Text) -> String {
        let account = |who: Who| {
            let accounts = self.of(who);
            accounts.iter().rev().cycle().nth(usize::from(who.index))
        };
        match text {
            Text::Fixed(index) => FIXED[usize::from(*index)].to_owned(),
            Text::Guid { which, spelling } => spelled(GUIDS[usize::from(*which)], *spelling),
            Text::Login { which, upper: true } => LOGINS[usize::from(*which)].to_ascii_uppercase(),
            Text::Login {
                which,
                upper: false,
            } => LOGINS[usize::from(*which)].to_owned(),
            Text::IdOf { who, spelling } => account(*who).map_or_else(
                || FIXED[0].to_owned(),
                |account| spelled(&account.id.to_string(), *spelling),
            ),
            Text::LoginOf(who) => account(*who)
                .map_or_else(|| LOGINS[0].to_owned(), |account| account.user_name.clone()),
            Text::ObjectIdOf(who) => account(*who)
                .and_then(|account| account.object_id.clone())
                .unwrap_or_else(|| GUIDS[0].to_owned()),
            Text::TombstoneName(who) => account(*who)
                .filter(|account| account.user_name.len() < 64)
                .map_or_else(
                    || LOGINS[1].to_owned(),
                    |account| {
                        let object_id = account.object_id.as_deref().unwrap_or(GUIDS[0]);
                        let digits = object_id.replace(['-', '{', '}'], "");
                        format!("{digits}{}", account.user_name)
                    },
                ),
        }
    }

    fn said(&self, user_name: &Text, object_id: Option<&Text>, active: Option<bool>) -> Said {
        Said {
            user_name: self.text(user_name),
            object_id: object_id.map(|text| self.text(text)),
            active,
        }
    }

    pub fn asked(&self, wish: &Wish) -> Asked {
        match wish {
            Wish::Create {
                user_name,
                object_id,
                active,
            } => Asked::Create(self.said(user_name, object_id.as_ref(), *active)),
            Wish::Repost(who, active) => Asked::Create(match self.pick(*who).place {
                Some(place) => Said {
                    user_name: self.mine[place].user_name.clone(),
                    object_id: self.mine[place].object_id.clone(),
                    active: *active,
                },
                None => self.said(&Text::LoginOf(*who), None, *active),
            }),
            Wish::Replace {
                who,
                user_name,
                object_id,
                active,
            } => {
                let said = self.said(user_name, object_id.as_ref(), *active);
                Asked::Replace(self.pick(*who), said)
            }
            Wish::PatchUserName(who, text) => {
                Asked::Patch(self.pick(*who), Change::UserName(self.text(text)))
            }
            Wish::PatchObjectId(who, text) => {
                let text = text.as_ref().map(|text| self.text(text));
                Asked::Patch(self.pick(*who), Change::ObjectId(text))
            }
            Wish::PatchActive(who, active) => {
                Asked::Patch(self.pick(*who), Change::Active(*active))
            }
            Wish::Delete(who) => Asked::Delete(self.pick(*who)),
            Wish::AddMembers(people) => Asked::Members(Members::Add(self.pick_all(people))),
            Wish::RemoveMembers(people) => Asked::Members(Members::Remove(self.pick_all(people))),
            Wish::ReplaceMembers(people) => Asked::Members(Members::Replace(self.pick_all(people))),
            Wish::ClearMembers => Asked::Members(Members::Clear),
            Wish::CreateGroup(people) => Asked::CreateGroup(self.pick_all(people)),
            Wish::DeleteGroup => Asked::DeleteGroup,
        }
    }
}

fn spelled(guid: &str, spelling: Spelling) -> String {
    match spelling {
        Spelling::Canonical => guid.to_owned(),
        Spelling::Upper => guid.to_ascii_uppercase(),
        Spelling::Braces => format!("{{{guid}}}"),
        Spelling::Simple => guid.replace('-', ""),
    }
}

/// What an account is as storage has it, for steps to pick from.
impl From<&accounts::Account> for model::Account {
    fn from(account: &accounts::Account) -> Self {
        Self {
            id: account.id,
            user_name: account.user_name.clone(),
            object_id: account.object_id.clone(),
            exclusive: account.object_id_exclusive,
            pinned: account.object_id_pinned,
            active: account.directory_active,
            hold: account.hold.as_ref().map(|hold| hold.reason.clone()),
            protected: account.protected,
            deleted_at: account.deleted_at,
            purged: false,
            steps: Vec::new(),
        }
    }
}
