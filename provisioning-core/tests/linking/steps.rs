//! The steps of a sequence, and the hostile pool that their texts are drawn from.

use proptest::prelude::*;

/// The longest sequence: single steps, and stories of several.
const TURNS_MAX: usize = 40;
/// Rounds of a play in which everybody acts at the same time.
const ROUNDS_MAX: usize = 6;

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

/// What a tenant's admin has settled.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// No two accounts may share an Object ID.
    pub unique: bool,
    /// The `rfc` dialect, not that of Entra.
    pub rfc: bool,
    /// How much deprovisioning passes in an hour; all of it where there is none.
    pub guard: Option<u32>,
}

/// A sequence of steps, one after the other, in two tenants.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub settings: [Settings; 2],
    pub steps: Vec<Step>,
}

/// Rounds in the first of two tenants: in each, everybody acts at the same time.
#[derive(Clone, Debug)]
pub struct Crowd {
    pub settings: [Settings; 2],
    /// Accounts that are there before, by login and Object ID.
    pub people: Vec<(Text, Text)>,
    pub rounds: Vec<Round>,
}

/// What each does in a round, one act after the other.
#[derive(Clone, Debug)]
pub struct Round {
    /// What an admin decides before, alone: what in a round would allow anything.
    pub before: Vec<Act>,
    /// Two of Entra's connections.
    pub directory: [Vec<Act>; 2],
    pub admin: Vec<Act>,
    pub service: Vec<Act>,
}

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
    Directory(Wish),
    /// By SCIM, in one request for all of them.
    Bulk(Vec<Wish>),
    /// By an internal service with a JWT, to accounts alone.
    Service(Wish),
    /// By an admin.
    Link(Who, Text),
    Unlink(Who),
    /// A step of the account's history is taken back, counted from the newest.
    Revert(Who, u8),
    /// Lines of login and Object ID.
    BulkLink {
        lines: Vec<(Text, Text)>,
        dry_run: bool,
    },
    Hold(Who, u8),
    Release(Who),
    Protect(Who),
    Unprotect(Who),
    Restore(Who),
    Purge(Who),
    /// What the guard holds back passes, or stays as it is.
    Decide {
        approve: bool,
    },
    /// By time: two hours, so many days, and what upkeep does then.
    Wait(u8),
}

/// What is asked for of accounts and of the one group.
#[derive(Clone, Debug)]
pub enum Wish {
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
    CreateGroup(Vec<Who>),
    DeleteGroup,
}

impl Wish {
    /// Not about accounts.
    pub const fn is_about_the_group(&self) -> bool {
        matches!(
            self,
            Self::AddMembers(_)
                | Self::RemoveMembers(_)
                | Self::ReplaceMembers(_)
                | Self::ClearMembers
                | Self::CreateGroup(_)
                | Self::DeleteGroup
        )
    }
}

/// A sequence.
pub fn sequence() -> impl Strategy<Value = Sequence> {
    (settings(), prop::collection::vec(turn(), 1..=TURNS_MAX)).prop_map(|(settings, turns)| {
        let steps = turns.into_iter().flatten().collect();
        Sequence { settings, steps }
    })
}

/// A crowd.
pub fn crowd() -> impl Strategy<Value = Crowd> {
    let people = prop::collection::vec((text(), text()), 2..6);
    (
        settings(),
        people,
        prop::collection::vec(round(), 1..=ROUNDS_MAX),
    )
        .prop_map(|(settings, people, rounds)| Crowd {
            settings,
            people,
            rounds,
        })
}

/// Most tenants are as they come; each difference is there often enough to meet all others.
fn settings() -> impl Strategy<Value = [Settings; 2]> {
    let settings = || {
        (any::<bool>(), any::<bool>(), prop::option::of(1..3_u32))
            .prop_map(|(unique, rfc, guard)| Settings { unique, rfc, guard })
    };
    [settings(), settings()]
}

/// One step, or a story: what takes several steps in one order, which chance alone hardly ever puts together.
fn turn() -> impl Strategy<Value = Vec<Step>> {
    let acts = prop_oneof![
        30 => act().prop_map(|act| vec![act]),
        1 => deletion_after_a_held_suspension(),
        1 => revert_to_what_another_has_by_now(),
    ];
    (prop::bool::weighted(0.3), acts, text()).prop_map(|(tenant, acts, probe)| {
        let step = |act| Step {
            tenant,
            act,
            probe: probe.clone(),
        };
        acts.into_iter().map(step).collect()
    })
}

/// More suspensions than pass; when there is room again, one of those who are not suspended is deleted.
fn deletion_after_a_held_suspension() -> impl Strategy<Value = Vec<Act>> {
    let decided = prop::option::of(any::<bool>());
    (0..4_u8, decided).prop_map(|(whom, approve)| {
        let suspend = |index| Act::Directory(Wish::PatchActive(mine(index), false));
        let mut acts: Vec<_> = (0..4).map(suspend).collect();
        acts.extend(approve.map(|approve| Act::Decide { approve }));
        acts.push(Act::Wait(0));
        acts.push(Act::Directory(Wish::Delete(mine(whom))));
        acts
    })
}

/// A link is taken off, another account gets the Object ID, and the admin takes that step back.
fn revert_to_what_another_has_by_now() -> impl Strategy<Value = Vec<Act>> {
    (object_id(), any::<bool>()).prop_map(|(object_id, by_directory)| {
        let other = if by_directory {
            Act::Directory(Wish::PatchObjectId(mine(1), Some(object_id.clone())))
        } else {
            Act::Link(mine(1), object_id.clone())
        };
        vec![
            Act::Link(mine(0), object_id),
            Act::Unlink(mine(0)),
            other,
            Act::Revert(mine(0), 0),
        ]
    })
}

/// One of the tenant's own, the latest first.
const fn mine(index: u8) -> Who {
    Who {
        index,
        foreign: false,
    }
}

fn round() -> impl Strategy<Value = Round> {
    let acts = |count| prop::collection::vec(wish().prop_map(Act::Directory), 1..count);
    (
        prop::collection::vec(leave(), 0..3),
        [acts(4), acts(4)],
        prop::collection::vec(decision(), 0..4),
        prop::collection::vec(write().prop_map(Act::Service), 0..2),
    )
        .prop_map(|(before, directory, admin, service)| Round {
            before,
            directory,
            admin,
            service,
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

/// Mostly one that can be linked, of few, so that several accounts want the same.
fn object_id() -> impl Strategy<Value = Text> {
    let guid = (0..2_u8, spelling()).prop_map(|(which, spelling)| Text::Guid { which, spelling });
    prop_oneof![2 => guid, 1 => text()]
}

fn small(index: usize) -> u8 {
    u8::try_from(index).expect("the pool is small")
}

fn act() -> impl Strategy<Value = Act> {
    let service = prop_oneof![4 => write(), 1 => who().prop_map(Wish::Delete)];
    prop_oneof![
        16 => wish().prop_map(Act::Directory),
        3 => bulk().prop_map(Act::Bulk),
        2 => service.prop_map(Act::Service),
        8 => decision(),
        3 => leave(),
        2 => prop_oneof![Just(0), 1..40_u8].prop_map(Act::Wait),
    ]
}

/// Of several deletions in one instant nobody can tell the last, and of a group that is made in it nobody has the id.
fn bulk() -> impl Strategy<Value = Vec<Wish>> {
    prop::collection::vec(wish(), 1..5).prop_map(|wishes| {
        let (mut deletes, mut creates_group) = (false, false);
        let is_possible = |wish: &Wish| {
            let again = (deletes && matches!(wish, Wish::Delete(_)))
                || (creates_group && wish.is_about_the_group());
            deletes |= matches!(wish, Wish::Delete(_));
            creates_group |= matches!(wish, Wish::CreateGroup(_));
            !again
        };
        wishes.into_iter().filter(is_possible).collect()
    })
}

fn active() -> impl Strategy<Value = Option<bool>> + Clone {
    prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)]
}

/// Of one account that is there.
fn write() -> impl Strategy<Value = Wish> {
    prop_oneof![
        3 => (who(), text(), prop::option::weighted(0.8, text()), active())
            .prop_map(|(who, user_name, object_id, active)| Wish::Replace { who, user_name, object_id, active }),
        3 => (who(), text()).prop_map(|(who, text)| Wish::PatchUserName(who, text)),
        4 => (who(), prop::option::weighted(0.8, object_id())).prop_map(|(who, text)| Wish::PatchObjectId(who, text)),
        4 => (who(), any::<bool>()).prop_map(|(who, active)| Wish::PatchActive(who, active)),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let people = || prop::collection::vec(who(), 1..4);
    prop_oneof![
        6 => (text(), prop::option::weighted(0.8, text()), active())
            .prop_map(|(user_name, object_id, active)| Wish::Create { user_name, object_id, active }),
        8 => (who(), active()).prop_map(|(who, active)| Wish::Repost(who, active)),
        14 => write(),
        6 => who().prop_map(Wish::Delete),
        4 => people().prop_map(Wish::AddMembers),
        2 => people().prop_map(Wish::RemoveMembers),
        1 => people().prop_map(Wish::ReplaceMembers),
        2 => Just(Wish::ClearMembers),
        1 => people().prop_map(Wish::CreateGroup),
        1 => Just(Wish::DeleteGroup),
    ]
}

/// By an admin, without allowing SCIM what it could not do before.
fn decision() -> impl Strategy<Value = Act> {
    let login = prop_oneof![2 => who().prop_map(Text::LoginOf), 1 => text()];
    let lines = prop::collection::vec((login, object_id()), 1..4);
    prop_oneof![
        4 => (who(), object_id()).prop_map(|(who, text)| Act::Link(who, text)),
        4 => (who(), 0..4_u8).prop_map(|(who, step)| Act::Revert(who, step)),
        2 => (lines, any::<bool>()).prop_map(|(lines, dry_run)| Act::BulkLink { lines, dry_run }),
        5 => (who(), 0..3_u8).prop_map(|(who, reason)| Act::Hold(who, reason)),
        3 => who().prop_map(Act::Protect),
        6 => who().prop_map(Act::Restore),
        1 => Just(Act::Decide { approve: false }),
    ]
}

/// By an admin, and SCIM may more than before.
fn leave() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => who().prop_map(Act::Unlink),
        1 => who().prop_map(Act::Release),
        2 => who().prop_map(Act::Unprotect),
        1 => who().prop_map(Act::Purge),
        2 => Just(Act::Decide { approve: true }),
    ]
}
