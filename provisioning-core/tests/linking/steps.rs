//! The steps of a sequence, and the hostile pool that their texts are drawn from.

use proptest::prelude::*;

/// The longest sequence.
const STEPS_MAX: usize = 40;

/// Texts that other systems have taken for one of their own ids, or for a number.
pub const FIXED: [&str; 8] = ["0", "1", "-1", "01", "1e0", "null", "true", "admin"];
/// Three Entra objects.
pub const GUIDS: [&str; 3] = [
    "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "3f6c1b2e-6a55-4e0e-9a5b-0c8f4d1f7a10",
    "5d1be7a4-2f0c-4c5e-8a3e-1b2c3d4e5f60",
];
/// Three people.
pub const LOGINS: [&str; 3] = ["alice@contoso.com", "bob@contoso.com", "carol@contoso.com"];

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// In the first tenant or in the second.
    pub tenant: bool,
    /// What is done.
    pub act: Act,
    /// What is looked up afterwards, in every way.
    pub probe: Text,
}

/// Which account: one of those that the tenant ever had, or of those that the other one ever had.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    pub index: u8,
    pub foreign: bool,
}

/// A text from the pool.
#[derive(Clone, Debug)]
pub enum Text {
    Fixed(u8),
    Guid {
        which: u8,
        spelling: Spelling,
    },
    Login {
        which: u8,
        upper: bool,
    },
    /// The internal id of an account, living or not.
    IdOf {
        who: Who,
        spelling: Spelling,
    },
    LoginOf(Who),
    ObjectIdOf(Who),
    /// The name that Entra gives to a deleted user: the Object ID without hyphens before the login.
    TombstoneName(Who),
}

/// How a GUID is written.
#[derive(Clone, Copy, Debug)]
pub enum Spelling {
    Canonical,
    Upper,
    Braces,
    Simple,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// By SCIM.
    Create {
        user_name: Text,
        object_id: Option<Text>,
        active: Option<bool>,
    },
    /// What Entra does with a user whom it does not find: as that account is or was.
    Repost(Who, Option<bool>),
    Replace {
        who: Who,
        user_name: Text,
        object_id: Option<Text>,
        active: Option<bool>,
    },
    PatchUserName(Who, Text),
    PatchObjectId(Who, Option<Text>),
    PatchActive(Who, bool),
    Delete(Who),
    AddMembers(Vec<Who>),
    RemoveMembers(Vec<Who>),
    ReplaceMembers(Vec<Who>),
    ClearMembers,
    /// By an admin.
    Link(Who, Text),
    Unlink(Who),
    Hold(Who, u8),
    Release(Who),
    Protect(Who),
    Unprotect(Who),
    AdminDelete(Who),
    Restore(Who),
    Purge(Who),
    /// By time: days, and what upkeep does then.
    Wait(u8),
}

impl Act {
    /// Whether the directory does it.
    pub const fn is_scim(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Repost(..)
                | Self::Replace { .. }
                | Self::PatchUserName(..)
                | Self::PatchObjectId(..)
                | Self::PatchActive(..)
                | Self::Delete(_)
                | Self::AddMembers(_)
                | Self::RemoveMembers(_)
                | Self::ReplaceMembers(_)
                | Self::ClearMembers
        )
    }
}

/// A sequence.
pub fn sequence() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..=STEPS_MAX)
}

fn step() -> impl Strategy<Value = Step> {
    (prop::bool::weighted(0.3), act(), text()).prop_map(|(tenant, act, probe)| Step {
        tenant,
        act,
        probe,
    })
}

/// Mostly one of the latest two, so that several steps are about the same one.
fn who() -> impl Strategy<Value = Who> {
    let index = prop_oneof![4 => 0..2_u8, 1 => 0..6_u8];
    (index, prop::bool::weighted(0.05)).prop_map(|(index, foreign)| Who { index, foreign })
}

fn spelling() -> impl Strategy<Value = Spelling> {
    prop_oneof![
        3 => Just(Spelling::Canonical),
        1 => Just(Spelling::Upper),
        1 => Just(Spelling::Braces),
        1 => Just(Spelling::Simple),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    let any_who = (0..6_u8, any::<bool>()).prop_map(|(index, foreign)| Who { index, foreign });
    prop_oneof![
        2 => (0..FIXED.len()).prop_map(|index| Text::Fixed(small(index))),
        4 => (0..GUIDS.len(), spelling()).prop_map(|(which, spelling)| Text::Guid { which: small(which), spelling }),
        4 => (0..LOGINS.len(), any::<bool>()).prop_map(|(which, upper)| Text::Login { which: small(which), upper }),
        3 => (any_who.clone(), spelling()).prop_map(|(who, spelling)| Text::IdOf { who, spelling }),
        1 => any_who.clone().prop_map(Text::LoginOf),
        2 => any_who.clone().prop_map(Text::ObjectIdOf),
        1 => any_who.prop_map(Text::TombstoneName),
    ]
}

fn small(index: usize) -> u8 {
    u8::try_from(index).expect("the pool is small")
}

fn act() -> impl Strategy<Value = Act> {
    let active = prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let people = || prop::collection::vec(who(), 1..4);
    let directory = prop_oneof![
        6 => (text(), prop::option::weighted(0.8, text()), active.clone())
            .prop_map(|(user_name, object_id, active)| Act::Create { user_name, object_id, active }),
        3 => (who(), text(), prop::option::weighted(0.8, text()), active.clone())
            .prop_map(|(who, user_name, object_id, active)| Act::Replace { who, user_name, object_id, active }),
        3 => (who(), text()).prop_map(|(who, text)| Act::PatchUserName(who, text)),
        4 => (who(), prop::option::weighted(0.8, text())).prop_map(|(who, text)| Act::PatchObjectId(who, text)),
        3 => (who(), any::<bool>()).prop_map(|(who, active)| Act::PatchActive(who, active)),
        8 => (who(), active.clone()).prop_map(|(who, active)| Act::Repost(who, active)),
        6 => who().prop_map(Act::Delete),
        4 => people().prop_map(Act::AddMembers),
        2 => people().prop_map(Act::RemoveMembers),
        1 => people().prop_map(Act::ReplaceMembers),
        2 => Just(Act::ClearMembers),
    ];
    let admin = prop_oneof![
        4 => (who(), text()).prop_map(|(who, text)| Act::Link(who, text)),
        2 => who().prop_map(Act::Unlink),
        5 => (who(), 0..3_u8).prop_map(|(who, reason)| Act::Hold(who, reason)),
        1 => who().prop_map(Act::Release),
        3 => who().prop_map(Act::Protect),
        2 => who().prop_map(Act::Unprotect),
        1 => who().prop_map(Act::AdminDelete),
        3 => who().prop_map(Act::Restore),
        1 => who().prop_map(Act::Purge),
        1 => (1..40_u8).prop_map(Act::Wait),
    ];
    prop_oneof![2 => directory, 1 => admin]
}
