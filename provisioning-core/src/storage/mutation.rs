//! What is written together: one mutation, its log entry, its change and its receipt, all or nothing.

use uuid::Uuid;

use super::{
    FindingWrite,
    guard::{BatchDecision, GuardPart},
};
use crate::{
    accounts::Account,
    changes::Change,
    clock::Timestamp,
    groups::MemberType,
    guard::Held,
    ids::{AccountId, GroupId, TenantId},
    log::LogEntry,
    receipts::Receipt,
    schemas::ExtensionSchema,
    tenants::Tenant,
    tokens::{Token, TokenId},
};

/// What is written together.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Whose data.
    pub tenant_id: TenantId,
    /// The write itself, which decides whether anything is written.
    pub write: Write,
    /// What it has to do with the tenant's deprovision guard; accounts, groups and what changes nothing only.
    pub guard: Option<GuardPart>,
    /// What the provisioning log says of it. Of a group's members that go with all others, and of those that come then, it says who really did.
    pub log: Option<LogEntry>,
    /// What the followers of changes are told; accounts and groups only.
    pub change: Option<Change>,
    /// What is answered when the same request comes again.
    pub receipt: Option<Receipt>,
    /// What it shows of findings; written when the mutation is.
    pub findings: Vec<FindingWrite>,
}

/// One write.
#[derive(Clone, Debug)]
pub enum Write {
    /// The log entry alone: a refused request.
    Nothing,
    /// An account.
    Account(Box<AccountWrite>),
    /// An account that takes its Object ID for itself alone: refused if another holds it, exclusively or not.
    Link(Box<AccountWrite>),
    /// The end of a deleted account: its row, what it is found by, and its memberships.
    PurgeAccount {
        /// Which.
        id: AccountId,
        /// As it was read.
        expected_version: i64,
    },
    /// A group.
    Group(Box<GroupWrite>),
    /// The tenant's first token.
    InsertToken(Token),
    /// A token in place of the current one.
    ReplaceToken {
        /// The current token.
        old: TokenId,
        /// The new one.
        new: Token,
        /// Until when the old one is accepted.
        expires_at: Timestamp,
        /// Tokens replaced before, whose overlap ends now.
        ended: Vec<TokenId>,
    },
    /// The end of tokens, all or none.
    RevokeTokens {
        /// Which.
        revoked: Vec<RevokedToken>,
        /// When.
        at: Timestamp,
    },
    /// A new tenant.
    InsertTenant(Tenant),
    /// A tenant's extension schema.
    ExtensionSchema(SchemaWrite),
    /// An admin's decision about what the deprovision guard holds.
    DecideBatch(BatchDecision),
    /// A tenant's switch and settings. Where they want Object IDs unique, every linked account's becomes exclusive; the names of groups become
    /// exclusive or cease to be.
    UpdateTenant {
        /// As it shall be, with its new version.
        tenant: Tenant,
        /// As it was read.
        expected_version: i64,
    },
}

/// The end of a token, which is still what it was when it was read.
#[derive(Clone, Debug)]
pub struct RevokedToken {
    /// Which.
    pub id: TokenId,
    /// Whether it was the tenant's current one.
    pub current: bool,
    /// What the provisioning log says of it.
    pub entry: LogEntry,
}

/// A change of the schemas that a tenant defines.
#[derive(Clone, Debug)]
pub struct SchemaWrite {
    /// The tenant's schema version that was read.
    pub expected_version: i64,
    /// The one after it.
    pub version: i64,
    /// What changes.
    pub change: SchemaChange,
}

/// What changes of the schemas that a tenant defines.
#[derive(Clone, Debug)]
pub enum SchemaChange {
    /// The schema is defined, or defined anew.
    Put(ExtensionSchema),
    /// Its definition is deleted.
    Delete(ExtensionSchema),
}

/// An account as it shall be.
#[derive(Clone, Debug)]
pub struct AccountWrite {
    /// The version that was read; `None` for a new account.
    pub expected_version: Option<i64>,
    /// With its new version and times.
    pub account: Account,
    /// What it is found by.
    pub index: AccountIndex,
}

/// What an account is found by, made from its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountIndex {
    /// The JSON that filters and sorting look into.
    pub search: String,
    /// The mail addresses, in order.
    pub emails: Vec<EmailKey>,
    /// The folded `employeeNumber`.
    pub employee_number_key: Option<String>,
    /// The `displayName`, which is shown beside a membership.
    pub display_name: Option<String>,
    /// The folded `displayName`.
    pub display_name_key: Option<String>,
}

/// One mail address, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailKey {
    /// The folded address.
    pub value_key: String,
    /// The folded type: `work`, `home`, ...
    pub type_key: Option<String>,
}

/// What becomes of a group and its members.
#[derive(Clone, Debug)]
pub enum GroupWrite {
    /// A new group.
    Create {
        /// As it shall be, at its first version.
        document: GroupDocument,
        /// Its first members, each id once.
        members: Vec<NewMember>,
        /// Nothing is written where a protected account is named; and where others than those named go, where the membership of a protected one would
        /// change. Then the group is to be read again.
        spares_protected: bool,
    },
    /// Attributes, members or both. Where there is nothing to do by now, nothing is written: then the group is to be read again.
    Change {
        /// Which group.
        id: GroupId,
        /// The version of the whole group that it must still have.
        expected_version: Option<i64>,
        /// Its attributes, with the own version that was read; they have changed.
        document: Option<(GroupDocument, i64)>,
        /// Removes all members that are not added.
        clear: bool,
        /// Who is removed, each id once.
        remove: Vec<Uuid>,
        /// Who is added, each id once and none of those removed.
        add: Vec<NewMember>,
        /// As for a new group.
        spares_protected: bool,
        /// When.
        at: Timestamp,
    },
    /// Its end; what is left of it is purged.
    Delete {
        /// Which group.
        id: GroupId,
        /// The version of the whole group that it must still have.
        expected_version: Option<i64>,
        /// As for a new group.
        spares_protected: bool,
        /// When.
        at: Timestamp,
    },
}

impl GroupWrite {
    /// Which group.
    pub(super) const fn id(&self) -> GroupId {
        match self {
            Self::Create { document, .. } => document.id,
            Self::Change { id, .. } | Self::Delete { id, .. } => *id,
        }
    }

    /// Whether it leaves the membership of protected accounts alone.
    pub(super) const fn spares_protected(&self) -> bool {
        match self {
            Self::Create {
                spares_protected, ..
            }
            | Self::Change {
                spares_protected, ..
            }
            | Self::Delete {
                spares_protected, ..
            } => *spares_protected,
        }
    }

    /// Who goes and is named.
    pub(super) fn named_gone(&self) -> &[Uuid] {
        match self {
            Self::Change { remove, .. } => remove,
            Self::Create { .. } | Self::Delete { .. } => &[],
        }
    }

    /// Who comes, or is to stay.
    pub(super) fn come(&self) -> &[NewMember] {
        match self {
            Self::Create { members, .. } => members,
            Self::Change { add, .. } => add,
            Self::Delete { .. } => &[],
        }
    }

    /// The ids of those who come, or are to stay.
    pub(crate) fn named_come(&self) -> Vec<Uuid> {
        self.come().iter().map(|member| member.id).collect()
    }

    /// When.
    pub(super) const fn at(&self) -> Timestamp {
        match self {
            Self::Create { document, .. } => document.created_at,
            Self::Change { at, .. } | Self::Delete { at, .. } => *at,
        }
    }

    /// The version of the whole group that it must still have.
    pub(super) const fn expected_version(&self) -> Option<i64> {
        match self {
            Self::Create { .. } => None,
            Self::Change {
                expected_version, ..
            }
            | Self::Delete {
                expected_version, ..
            } => *expected_version,
        }
    }

    /// Whether it is a change by which all members go that it does not name.
    pub(super) const fn clears(&self) -> bool {
        matches!(self, Self::Change { clear: true, .. })
    }

    /// Whether members go that it does not name.
    pub(super) const fn takes_out_others(&self) -> bool {
        self.clears() || matches!(self, Self::Delete { .. })
    }
}

/// The attributes of a group as they shall be.
#[derive(Clone, Debug)]
pub struct GroupDocument {
    /// Which group.
    pub id: GroupId,
    /// Its name.
    pub display_name: String,
    /// The folded name.
    pub display_name_key: String,
    /// No other group of the tenant may have the name.
    pub display_name_unique: bool,
    /// SCIM `externalId`.
    pub object_id: Option<String>,
    /// Its new own version.
    pub own_version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it changed.
    pub updated_at: Timestamp,
    /// The attributes as SCIM JSON.
    pub document: String,
    /// The JSON that filters and sorting look into.
    pub search: String,
}

/// A member to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// The id of an account or of a group.
    pub id: Uuid,
    /// Which of the two.
    pub kind: MemberType,
}

/// How a mutation ended. Everything but `Done` and `Held` wrote nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is durable.
    Done,
    /// The deprovision guard holds it: nothing of it was written but that.
    Held(Held),
    /// Another account holds the login.
    UserNameTaken,
    /// Another account holds the Object ID, and one of the two holds it exclusively.
    ObjectIdTaken,
    /// Another group holds the display name.
    DisplayNameTaken,
    /// The account, group, token or tenant is not as it was expected, or is gone; or the group's write has nothing to do any more, or a
    /// protected account in its way.
    VersionMismatch,
    /// The tenant has a current token.
    TokenExists,
    /// There is a tenant of that identifier.
    TenantExists,
    /// The token to be replaced is not the current one any more.
    NoCurrentToken,
    /// There is a receipt of the same request.
    RequestIdUsed,
}
