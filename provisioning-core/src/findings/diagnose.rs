//! Explains one account, login account or Object ID in full, also where there is nothing of the name.

mod summary;

use uuid::Uuid;

use self::summary::summary;
use super::{
    Finding, FindingKey, FindingKind, Presented,
    access::Access,
    forecast::{ExpectedRequest, NotMatchedBy, Scene, expected_requests, first_request},
    use_cases::present,
};
use crate::{
    Core,
    accounts::Account,
    attributes::{
        error::excerpt,
        fold::{NAME_BYTES_MAX, fold},
    },
    call::Call,
    error::{Error, Reason, Refusal},
    guard::{Batch, BatchItem},
    ids::{AccountId, LogEntryId, TenantId},
    links::object_id_key,
    log::{LogEntry, Operation, Outcome, ResourceType},
    storage::Names,
    tenants::Tenant,
};

/// Log entries and link steps that an answer names.
const ENTRIES_MAX: u32 = 20;
/// Tokens of the tenant that are looked at: far more than are accepted at a time.
const TOKENS_MAX: u32 = 20;
/// Requests that the deprovision guard holds back and that an answer tells: an account may be leaving many groups.
const HELD_MAX: u32 = 20;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The account of an id; whatever text it is.
    AccountId(String),
    /// Whoever has or had a login account.
    UserName(String),
    /// Whoever has or had an Object ID.
    ObjectId(String),
}

/// How it stands, what Entra will do next, and what to do.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The whole in a few sentences.
    pub summary: String,
    /// The accounts that the subject names, deleted ones behind the others.
    pub accounts: Vec<Account>,
    /// What Entra sends next, in order.
    pub expected_requests: Vec<ExpectedRequest>,
    /// What is open about the subject.
    pub findings: Vec<Presented>,
    /// The newest log entries about it, newest first.
    pub log_entry_ids: Vec<LogEntryId>,
    /// The log entries of how the accounts came to their Object IDs, newest first.
    pub link_steps: Vec<LogEntry>,
}

/// What Entra meets next.
struct Foreseen {
    /// What is to be said of all requests of the tenant.
    of_all: Option<String>,
    /// In order.
    requests: Vec<ExpectedRequest>,
    /// Whether they get as far as the person.
    lets_in: bool,
}

/// What the directory has of the person, as far as its requests have told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    user_name: Option<String>,
    object_id: Option<String>,
    /// It posted the last time, and was refused with 409: its mapping did not find the account that was in the way.
    posted_in_vain: bool,
    /// The kind of the finding that tells it.
    kind: Option<FindingKind>,
}

impl Core {
    /// Explains a subject.
    pub async fn diagnose_account(
        &self,
        call: &Call,
        subject: &Subject,
    ) -> Result<Diagnosis, Error> {
        let tenant = self.authenticate(call).await?.tenant;
        check(subject)?;
        let named = self
            .storage()
            .find_named_accounts(tenant.id, &subject.names())
            .await?;
        let (findings, entries) = self.find_traces(tenant.id, subject, &named).await?;
        let said = Said::of(subject, &named, &findings, &entries);
        let related = self
            .storage()
            .find_named_accounts(tenant.id, &said.names())
            .await?;
        let mut known = named.clone();
        known.extend(
            related
                .into_iter()
                .filter(|account| named.iter().all(|named| named.id != account.id)),
        );
        let held = self.find_held(&tenant, &known).await?;
        let foreseen = self
            .foresee(Scene {
                tenant: &tenant,
                now: self.now(),
                user_name: said.user_name.as_deref(),
                object_id: said.object_id.as_deref(),
                not_matched_by: said.not_matched_by(&known),
                unknown_id: subject.id_of_nothing(&named),
                accounts: &known,
                held: &held,
            })
            .await?;
        let sides = self.sides_of(tenant.id, &findings).await?;
        let findings: Vec<Presented> = findings
            .into_iter()
            .map(|finding| present(finding, &sides, &tenant))
            .collect();
        let ids: Vec<AccountId> = named.iter().map(|account| account.id).collect();
        let link_steps = self
            .storage()
            .find_link_steps_of(tenant.id, &ids, ENTRIES_MAX)
            .await?;
        let schemas = self.schemas_of(call, &tenant).await?;
        Ok(Diagnosis {
            summary: summary(subject, &named, &foreseen, &findings, &tenant),
            accounts: named
                .into_iter()
                .map(|account| account.shown(&schemas.user))
                .collect(),
            expected_requests: foreseen.requests,
            findings,
            log_entry_ids: entries.iter().map(|entry| entry.id).collect(),
            link_steps,
        })
    }

    /// What Entra meets next: first with whatever it sends, and where that lets it in, with what it sends of the person.
    async fn foresee(&self, scene: Scene<'_>) -> Result<Foreseen, Error> {
        let tenant = scene.tenant.id;
        let tokens = self.find_newest_tokens(tenant, TOKENS_MAX).await?;
        let refused = self.storage().find_refused_authentication(tenant).await?;
        let access = Access {
            tenant: scene.tenant,
            now: scene.now,
            tokens: &tokens,
            refused: refused.as_ref(),
        };
        Ok(match access.refusal(first_request(scene)) {
            Some(refusal) => Foreseen {
                of_all: Some(format!(
                    "Whatever Microsoft Entra sends for this tenant is answered {}. {} {}",
                    refusal.http_status, refusal.because, refusal.outcome
                )),
                requests: vec![refusal],
                lets_in: false,
            },
            None => Foreseen {
                of_all: access.warning(),
                requests: expected_requests(scene),
                lets_in: true,
            },
        })
    }

    /// What the deprovision guard holds back of accounts. One that is switched off holds nothing, whatever has waited before.
    async fn find_held(
        &self,
        tenant: &Tenant,
        accounts: &[Account],
    ) -> Result<Vec<(BatchItem, Batch)>, Error> {
        let live = accounts
            .iter()
            .filter(|account| account.deleted_at.is_none());
        let ids: Vec<Uuid> = live.map(|account| account.id.uuid()).collect();
        if ids.is_empty() || tenant.settings.deprovision_guard.is_none() {
            return Ok(Vec::new());
        }
        Ok(self
            .storage()
            .find_held_items(tenant.id, &ids, HELD_MAX)
            .await?)
    }

    /// The open findings and the newest log entries about the subject and the accounts that it names.
    async fn find_traces(
        &self,
        tenant: TenantId,
        subject: &Subject,
        named: &[Account],
    ) -> Result<(Vec<Finding>, Vec<LogEntry>), Error> {
        let mut keys: Vec<FindingKey> = named.iter().flat_map(FindingKey::of_account).collect();
        keys.push(subject.key());
        let mut findings = self.storage().find_open_findings(tenant, &keys).await?;
        findings.sort_by_key(|finding| {
            std::cmp::Reverse((finding.kind.severity(), finding.last_seen_at))
        });
        let mut user_names: Vec<String> = named
            .iter()
            .map(|account| account.user_name_key.clone())
            .collect();
        let mut object_ids: Vec<String> = named
            .iter()
            .filter_map(|account| account.object_id.clone())
            .collect();
        match subject {
            Subject::AccountId(_) => {}
            Subject::UserName(user_name) => user_names.push(fold(user_name)),
            // As it was asked, and as it is compared: the log has it as it was sent.
            Subject::ObjectId(object_id) => {
                object_ids.extend([object_id.clone(), object_id_key(object_id)]);
            }
        }
        for texts in [&mut user_names, &mut object_ids] {
            texts.sort_unstable();
            texts.dedup();
        }
        let entries = self
            .storage()
            .find_log_entries_about(tenant, &user_names, &object_ids, ENTRIES_MAX)
            .await?;
        Ok((findings, entries))
    }
}

impl Subject {
    fn text(&self) -> &str {
        match self {
            Self::AccountId(text) | Self::UserName(text) | Self::ObjectId(text) => text,
        }
    }

    /// As a sentence names it.
    fn phrase(&self) -> String {
        let text = excerpt(self.text());
        match self {
            Self::AccountId(_) => format!("the id {text}"),
            Self::UserName(_) => format!("the login account {text}"),
            Self::ObjectId(_) => format!("the Object ID {text}"),
        }
    }

    fn names(&self) -> Names {
        match self {
            Self::AccountId(id) => Names {
                id: AccountId::parse(id),
                ..Names::default()
            },
            Self::UserName(user_name) => Names {
                user_name_key: Some(fold(user_name)),
                ..Names::default()
            },
            Self::ObjectId(object_id) => Names {
                object_id_key: Some(object_id_key(object_id)),
                ..Names::default()
            },
        }
    }

    fn key(&self) -> FindingKey {
        match self {
            Self::AccountId(id) => FindingKey::ScimId(id.clone()),
            Self::UserName(user_name) => FindingKey::UserName(fold(user_name)),
            Self::ObjectId(object_id) => FindingKey::ObjectId(object_id_key(object_id)),
        }
    }

    /// The id that was asked for, where it is no account's.
    fn id_of_nothing(&self, named: &[Account]) -> Option<&str> {
        match self {
            Self::AccountId(id) if named.is_empty() => Some(id),
            Self::AccountId(_) | Self::UserName(_) | Self::ObjectId(_) => None,
        }
    }
}

impl Said {
    /// An open finding tells it best, then the last request of Entra; where Entra has not said anything, it is taken to have what DragOnce has.
    fn of(
        subject: &Subject,
        named: &[Account],
        findings: &[Finding],
        entries: &[LogEntry],
    ) -> Self {
        let told = |text: &String| (!text.is_empty()).then(|| text.clone());
        let last = entries
            .iter()
            .find(|entry| !entry.token_id.is_empty() && entry.resource_type == ResourceType::User);
        let finding = findings
            .iter()
            .filter(|finding| finding.kind.is_of_a_person())
            .max_by_key(|finding| finding.last_seen_at);
        let account = named.first();
        let (asked_user_name, asked_object_id) = match subject {
            Subject::AccountId(_) => (None, None),
            Subject::UserName(text) => (Some(text.clone()), None),
            Subject::ObjectId(text) => (None, Some(text.clone())),
        };
        Self {
            user_name: finding
                .and_then(|finding| told(&finding.directory.user_name))
                .or_else(|| last.and_then(|entry| told(&entry.user_name)))
                .or_else(|| account.map(|account| account.user_name.clone()))
                .or(asked_user_name),
            object_id: finding
                .and_then(|finding| told(&finding.directory.object_id))
                .or_else(|| last.and_then(|entry| told(&entry.object_id)))
                .or_else(|| account.and_then(|account| account.object_id.clone()))
                .or(asked_object_id),
            posted_in_vain: last.is_some_and(|entry| {
                entry.operation == Operation::Create
                    && entry.outcome == Outcome::Failure
                    && entry.http_status == Reason::Uniqueness.http_status()
            }),
            kind: finding.map(|finding| finding.kind),
        }
    }

    /// The finding tells it; without one, the account that is in the way of what was posted in vain.
    fn not_matched_by(&self, accounts: &[Account]) -> NotMatchedBy {
        match self.kind {
            Some(
                FindingKind::LoginNotLinked
                | FindingKind::LoginAndObjectIdOnTwoAccounts
                | FindingKind::LoginTakenSinceDeletion,
            ) => NotMatchedBy {
                login: true,
                object_id: false,
            },
            Some(FindingKind::ObjectIdOnAnotherAccount | FindingKind::LoginRenamed) => {
                NotMatchedBy {
                    login: false,
                    object_id: true,
                }
            }
            _ if !self.posted_in_vain => NotMatchedBy::default(),
            _ => {
                let key = self.user_name.as_deref().map(fold);
                let login = accounts.iter().any(|account| {
                    account.deleted_at.is_none() && Some(&account.user_name_key) == key.as_ref()
                });
                NotMatchedBy {
                    login,
                    object_id: !login,
                }
            }
        }
    }

    fn names(&self) -> Names {
        Names {
            id: None,
            user_name_key: self.user_name.as_deref().map(fold),
            object_id_key: self.object_id.as_deref().map(object_id_key),
        }
    }
}

impl FindingKind {
    /// Whether what the directory says in it is said of one person, and not of an example.
    const fn is_of_a_person(self) -> bool {
        match self {
            Self::ObjectIdNotGuid | Self::ObjectIdShared | Self::GroupNameTaken => false,
            Self::ObjectIdOnAnotherAccount
            | Self::LoginNotLinked
            | Self::LoginAndObjectIdOnTwoAccounts
            | Self::ObjectIdMismatch
            | Self::StaleScimId
            | Self::LoginRenamed
            | Self::TombstoneLogin
            | Self::DeletedAndPostedAgain
            | Self::ActiveOnHold
            | Self::LoginTakenSinceDeletion
            | Self::ProtectedAccount => true,
        }
    }
}

/// What can be looked up at all.
fn check(subject: &Subject) -> Result<(), Refusal> {
    let text = subject.text();
    if !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.contains('\0') {
        return Ok(());
    }
    let field = match subject {
        Subject::AccountId(_) => "account_id",
        Subject::UserName(_) => "user_name",
        Subject::ObjectId(_) => "object_id",
    };
    Err(Refusal::new(
        Reason::InvalidRequest,
        format!("Say what is to be explained, in 1 to {NAME_BYTES_MAX} bytes."),
    )
    .field(field))
}
