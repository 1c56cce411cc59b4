//! What an admin does with the SCIM token of a tenant.

use std::time::Duration;

use secrecy::SecretString;

use super::{NewToken, Token, TokenId, mask};
use crate::{
    Core,
    call::{Admitted, Call, CallerKey},
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    ids::TenantId,
    log::{LogEntry, Operation, ResourceType},
    page_token::{cut, invalid_page_token},
    receipts::{Answer, Once},
    storage::{Commit, Mutation, Write},
};

/// How long an old token may stay valid beside the new one: long enough for a change of shift, too short to be forgotten.
pub const OVERLAP_MAX: Duration = Duration::from_hours(24);
/// Tokens read in one step while looking for those that are still accepted.
const SCAN_SIZE: u32 = 200;
/// The smallest step of time.
const TICK: Duration = Duration::from_micros(1);

/// What the panel shows of a tenant's SCIM connection.
#[derive(Clone, Debug)]
pub struct ScimConnection {
    /// For Entra's "Tenant URL".
    pub endpoint: String,
    /// The tenant's token, when it has one.
    pub token: Option<Token>,
    /// Whether SCIM requests are accepted at all.
    pub provisioning_enabled: bool,
}

/// A token just made, with the text that is shown once.
#[derive(Debug)]
pub struct GeneratedToken {
    /// For Entra's "Tenant URL".
    pub endpoint: String,
    /// For Entra's "Secret Token".
    pub text: SecretString,
    /// As it is kept.
    pub token: Token,
    /// The token whose place it took.
    pub replaced: Option<Token>,
}

/// One page of tokens.
#[derive(Clone, Debug)]
pub struct TokenPage {
    /// Newest first.
    pub tokens: Vec<Token>,
    /// Where the next page begins; absent on the last one.
    pub next_page_token: Option<String>,
}

impl Core {
    /// The SCIM endpoint and the token as they may be shown.
    pub async fn get_scim_connection(&self, call: &Call) -> Result<ScimConnection, Error> {
        let tenant = self.authenticate(call).await?.tenant;
        Ok(ScimConnection {
            endpoint: self.scim_endpoint(&tenant.identifier),
            token: self.find_live_token(tenant.id).await?,
            provisioning_enabled: tenant.provisioning_enabled,
        })
    }

    /// Makes the tenant's token. Refused while there is one: replacing it is an act of its own. The token of a dry run is kept nowhere: nobody may be
    /// shown it.
    pub async fn generate_token(
        &self,
        call: &Call,
        once: Option<Once<'_, GeneratedToken>>,
    ) -> Result<Answer<GeneratedToken>, Error> {
        let admitted = self.authenticate(call).await?;
        match self.try_generate_token(call, &admitted, once).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let entry = token_entry(call, Operation::TokenGenerate, self.now());
                Err(self.log_refusal(&admitted, entry, error).await)
            }
        }
    }

    /// Makes a new token in place of the current one, which dies at once or after `overlap`. At most two tokens are ever accepted: an overlap
    /// still running from an earlier regeneration ends.
    pub async fn regenerate_token(
        &self,
        call: &Call,
        overlap: Duration,
        once: Option<Once<'_, GeneratedToken>>,
    ) -> Result<Answer<GeneratedToken>, Error> {
        let admitted = self.authenticate(call).await?;
        match self
            .try_regenerate_token(call, &admitted, overlap, once)
            .await
        {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let entry = token_entry(call, Operation::TokenRegenerate, self.now());
                Err(self.log_refusal(&admitted, entry, error).await)
            }
        }
    }

    /// The tokens a tenant has and had, newest first.
    pub async fn list_tokens(
        &self,
        call: &Call,
        page_size: u32,
        page_token: &str,
    ) -> Result<TokenPage, Error> {
        let tenant_id = self.authenticate(call).await?.tenant.id;
        let query = self.query("ListTokens", Some(tenant_id), &[]);
        let after = query
            .open(page_token)?
            .map(|place| place_from(&place.position).ok_or_else(invalid_page_token))
            .transpose()?;
        let mut tokens = self
            .storage()
            .list_tokens(tenant_id, page_size + 1, after)
            .await?;
        let next_page_token =
            cut(&mut tokens, page_size).map(|last| query.token(&place_of(last), None));
        Ok(TokenPage {
            tokens,
            next_page_token,
        })
    }

    async fn try_generate_token(
        &self,
        call: &Call,
        admitted: &Admitted,
        once: Option<Once<'_, GeneratedToken>>,
    ) -> Result<Answer<GeneratedToken>, Error> {
        let tenant_id = admitted.tenant.id;
        self.check_not_answered(tenant_id, once.as_ref()).await?;
        let generated = self.new_token(admitted, self.now(), None);
        if call.validate_only {
            return match self.find_live_token(tenant_id).await? {
                Some(_) => Err(self.token_exists(tenant_id).await?.into()),
                None => Ok(Answer::Fresh(generated)),
            };
        }
        let mut entry = token_entry(call, Operation::TokenGenerate, self.now());
        entry.admitted(admitted);
        entry.resource_id = generated.token.id.to_string();
        entry.detail = format!(
            "The SCIM token {} was generated.",
            mask(&generated.token.id)
        );
        let mutation = Mutation {
            tenant_id,
            write: Write::InsertToken(generated.token.clone()),
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once
                .as_ref()
                .map(|once| once.receipt(&generated, generated.token.created_at)),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Answer::Fresh(generated)),
            Commit::RequestIdUsed => Err(self.answered_meanwhile(tenant_id, once.as_ref()).await),
            Commit::TokenExists => Err(self.token_exists(tenant_id).await?.into()),
            other => Err(unexpected(other)),
        }
    }

    async fn try_regenerate_token(
        &self,
        call: &Call,
        admitted: &Admitted,
        overlap: Duration,
        once: Option<Once<'_, GeneratedToken>>,
    ) -> Result<Answer<GeneratedToken>, Error> {
        let tenant_id = admitted.tenant.id;
        self.check_not_answered(tenant_id, once.as_ref()).await?;
        if overlap > OVERLAP_MAX {
            return Err(Refusal::new(
                Reason::InvalidRequest,
                "The overlap can be at most 24 hours.",
            )
            .field("overlap")
            .into());
        }
        let Some(old) = self.find_live_token(tenant_id).await? else {
            return Err(no_live_token().into());
        };
        let accepted = self.list_accepted_tokens(tenant_id).await?;
        let ended: Vec<TokenId> = accepted
            .into_iter()
            .map(|token| token.id)
            .filter(|id| *id != old.id)
            .collect();
        // The order of the list is the order of the making, also when the clock was set back in between.
        let now = self.now().max(old.created_at.plus(TICK));
        let expires_at = now.plus(overlap);
        let generated = self.new_token(admitted, now, Some((old, expires_at)));
        if call.validate_only {
            return Ok(Answer::Fresh(generated));
        }
        let new = &generated.token;
        let old = generated.replaced.as_ref().expect("it was just given");
        let mut entry = token_entry(call, Operation::TokenRegenerate, now);
        entry.admitted(admitted);
        entry.resource_id = new.id.to_string();
        entry.detail = regenerated_detail(old, new, expires_at);
        for id in &ended {
            entry.detail.push_str(" With it has ended the overlap of ");
            entry.detail.push_str(&mask(id));
            entry.detail.push('.');
        }
        let mutation = Mutation {
            tenant_id,
            write: Write::ReplaceToken {
                old: old.id.clone(),
                new: new.clone(),
                expires_at,
                ended,
            },
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once.as_ref().map(|once| once.receipt(&generated, now)),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Answer::Fresh(generated)),
            Commit::RequestIdUsed => Err(self.answered_meanwhile(tenant_id, once.as_ref()).await),
            Commit::NoCurrentToken | Commit::TokenExists => Err(replaced_meanwhile().into()),
            other => Err(unexpected(other)),
        }
    }

    async fn find_live_token(&self, tenant_id: TenantId) -> Result<Option<Token>, Error> {
        let now = self.now();
        Ok(self
            .storage()
            .find_current_token(tenant_id)
            .await?
            .filter(|token| token.accepted(now)))
    }

    pub(super) async fn find_token(
        &self,
        admitted: &Admitted,
        id: &TokenId,
    ) -> Result<Option<Token>, Error> {
        let key = CallerKey {
            tenant: admitted.tenant.identifier.clone(),
            token: Some(id.clone()),
        };
        Ok(self
            .storage()
            .find_caller(&key)
            .await?
            .and_then(|caller| caller.token))
    }

    pub(super) async fn list_accepted_tokens(
        &self,
        tenant_id: TenantId,
    ) -> Result<Vec<Token>, Error> {
        let now = self.now();
        let mut accepted = Vec::new();
        let mut after = None;
        loop {
            let tokens = self
                .storage()
                .list_tokens(tenant_id, SCAN_SIZE, after)
                .await?;
            let Some(last) = tokens.last() else {
                return Ok(accepted);
            };
            after = Some((last.created_at, last.id.clone()));
            accepted.extend(tokens.into_iter().filter(|token| token.accepted(now)));
        }
    }

    fn new_token(
        &self,
        admitted: &Admitted,
        now: Timestamp,
        in_place_of: Option<(Token, Timestamp)>,
    ) -> GeneratedToken {
        let made = NewToken::generate();
        let token = Token {
            id: made.id,
            secret: made.secret,
            current: true,
            created_at: now,
            created_by: admitted.actor.clone(),
            expires_at: None,
            revoked_at: None,
            replaced_by: None,
            replaced_at: None,
            last_used_at: None,
            last_used_from: None,
        };
        let replaced = in_place_of.map(|(old, expires_at)| Token {
            current: false,
            expires_at: Some(expires_at),
            replaced_by: Some(token.id.clone()),
            replaced_at: Some(now),
            ..old
        });
        GeneratedToken {
            endpoint: self.scim_endpoint(&admitted.tenant.identifier),
            text: made.text,
            token,
            replaced,
        }
    }

    /// Refuses a request that was answered before: its answer held a secret, which is not kept. The refusal names the token that was made.
    async fn check_not_answered(
        &self,
        tenant_id: TenantId,
        once: Option<&Once<'_, GeneratedToken>>,
    ) -> Result<(), Error> {
        let (Some(once), Some(_)) = (once, self.replay(tenant_id, once).await?) else {
            return Ok(());
        };
        let refusal = secret_not_kept();
        let Some(receipt) = self.storage().find_receipt(tenant_id, &once.key).await? else {
            return Err(refusal.into());
        };
        // A token and its receipt are of the same time.
        let after = (receipt.at.plus(TICK), TokenId::from_text(""));
        let made = self
            .storage()
            .list_tokens(tenant_id, 1, Some(after))
            .await?
            .pop();
        Err(match made.filter(|token| token.created_at == receipt.at) {
            Some(token) => refusal.with("token_id", token.id).into(),
            None => refusal.into(),
        })
    }

    /// The refusal of a request that was answered by another replica just now.
    async fn answered_meanwhile(
        &self,
        tenant_id: TenantId,
        once: Option<&Once<'_, GeneratedToken>>,
    ) -> Error {
        match self.check_not_answered(tenant_id, once).await {
            Ok(()) => unexpected(Commit::RequestIdUsed),
            Err(error) => error,
        }
    }

    async fn token_exists(&self, tenant_id: TenantId) -> Result<Refusal, Error> {
        let refusal = Refusal::new(
            Reason::TokenExists,
            "There is a SCIM token already. To replace it, regenerate it: the old one is then not accepted any more.",
        );
        Ok(match self.find_live_token(tenant_id).await? {
            Some(token) => refusal.with("token_id", token.id),
            None => refusal,
        })
    }
}

pub(super) fn token_entry(call: &Call, operation: Operation, now: Timestamp) -> LogEntry {
    let mut entry = LogEntry::new(call, operation, now);
    entry.resource_type = ResourceType::Token;
    entry
}

fn regenerated_detail(old: &Token, new: &Token, expires_at: Timestamp) -> String {
    let (old, new, at_once) = (mask(&old.id), mask(&new.id), expires_at <= new.created_at);
    if at_once {
        format!(
            "The SCIM token {old} was replaced by {new} and is not accepted any more. Paste the new one into Secret Token in Microsoft Entra."
        )
    } else {
        format!(
            "The SCIM token {old} was replaced by {new} and is accepted until {expires_at}. Paste the new one into Secret Token in Microsoft \
             Entra before then."
        )
    }
}

fn secret_not_kept() -> Refusal {
    Refusal::new(
        Reason::SecretNotKept,
        "This request was answered before, and the answer held a token, which is not kept. Look the token up with ListTokens and \
         regenerate it.",
    )
    .field("request_id")
}

fn no_live_token() -> Refusal {
    Refusal::new(
        Reason::NoLiveToken,
        "There is no SCIM token to replace. Generate one.",
    )
}

pub(super) fn replaced_meanwhile() -> Refusal {
    Refusal::new(
        Reason::Contention,
        "The SCIM token was replaced or revoked by someone else just now. Look at it again before you go on.",
    )
}

pub(super) fn unexpected(commit: Commit) -> Error {
    Error::Internal(format!("a write of tokens ended as {commit:?}").into())
}

/// Where a page ends: the time, then the id.
fn place_of(token: &Token) -> Vec<u8> {
    let mut bytes = token.created_at.as_micros().to_be_bytes().to_vec();
    bytes.extend_from_slice(token.id.as_str().as_bytes());
    bytes
}

fn place_from(bytes: &[u8]) -> Option<(Timestamp, TokenId)> {
    let (micros, id) = bytes.split_first_chunk::<8>()?;
    let id = std::str::from_utf8(id).ok()?;
    Some((
        Timestamp::from_micros(i64::from_be_bytes(*micros)),
        TokenId::from_text(id),
    ))
}
