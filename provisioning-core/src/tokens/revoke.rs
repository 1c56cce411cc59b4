//! The end of SCIM tokens before their time. What is revoked, what the log says of it and what is answered are one commit: an answer that is not kept
//! has revoked nothing, and a request that is repeated revokes nothing that was made since.

use super::{
    Token, TokenId, mask,
    use_cases::{replaced_meanwhile, token_entry, unexpected},
};
use crate::{
    Core,
    call::{Admitted, Call},
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    log::{LogEntry, Operation},
    receipts::{Answer, Once},
    storage::{Commit, Mutation, RevokedToken, Write},
};

/// What the log says of a token that was revoked, after its mask.
const REVOKED: &str = "was revoked and is not accepted any more.";
/// How often it is tried when others replace or revoke a token in between: few do at all.
const TRIES_MAX: usize = 5;

impl Core {
    /// Kills one token, or every token that is still accepted, and answers with them as they are then. A token that is dead already stays as it is; so
    /// do all of a dry run.
    pub async fn revoke_token(
        &self,
        call: &Call,
        token_id: Option<&TokenId>,
        once: Option<Once<'_, Vec<Token>>>,
    ) -> Result<Answer<Vec<Token>>, Error> {
        let admitted = self.authenticate(call).await?;
        let tenant_id = admitted.tenant.id;
        for _ in 0..TRIES_MAX {
            if let Some(response) = self.replay(tenant_id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            let found = match token_id {
                Some(token_id) => vec![self.get_token(call, &admitted, token_id).await?],
                None => self.list_accepted_tokens(tenant_id).await?,
            };
            if call.validate_only {
                return Ok(Answer::Fresh(found));
            }
            if let Some(tokens) = self
                .try_revoke(call, &admitted, found, once.as_ref())
                .await?
            {
                return Ok(Answer::Fresh(tokens));
            }
        }
        let entry = token_entry(call, Operation::TokenRevoke, self.now());
        let refusal = replaced_meanwhile();
        Err(self.log_refusal(&admitted, entry, refusal.into()).await)
    }

    async fn get_token(
        &self,
        call: &Call,
        admitted: &Admitted,
        token_id: &TokenId,
    ) -> Result<Token, Error> {
        if token_id.is_well_formed()
            && let Some(token) = self.find_token(admitted, token_id).await?
        {
            return Ok(token);
        }
        let mut entry = token_entry(call, Operation::TokenRevoke, self.now());
        entry.resource_id = token_id.to_string();
        Err(self
            .log_refusal(admitted, entry, token_not_found().into())
            .await)
    }

    /// One try; `None` when a token was replaced or revoked meanwhile, or the same request was answered.
    async fn try_revoke(
        &self,
        call: &Call,
        admitted: &Admitted,
        found: Vec<Token>,
        once: Option<&Once<'_, Vec<Token>>>,
    ) -> Result<Option<Vec<Token>>, Error> {
        let at = self.now();
        let mut revoked = Vec::new();
        let end = |token: Token| {
            if !token.accepted(at) {
                return token;
            }
            revoked.push(RevokedToken {
                id: token.id.clone(),
                current: token.current,
                entry: revoked_entry(call, admitted, &token.id, at),
            });
            Token {
                current: false,
                revoked_at: Some(at),
                ..token
            }
        };
        let tokens: Vec<Token> = found.into_iter().map(end).collect();
        let receipt = once.map(|once| once.receipt(&tokens, at));
        if revoked.is_empty() {
            let kept = self.keep_receipt(admitted.tenant.id, receipt).await?;
            return Ok(kept.then_some(tokens));
        }
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::RevokeTokens { revoked, at },
            guard: None,
            log: None,
            change: None,
            receipt,
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(tokens)),
            Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            other => Err(unexpected(other)),
        }
    }
}

fn revoked_entry(call: &Call, admitted: &Admitted, id: &TokenId, at: Timestamp) -> LogEntry {
    let mut entry = token_entry(call, Operation::TokenRevoke, at);
    entry.admitted(admitted);
    entry.resource_id = id.to_string();
    entry.detail = format!("The SCIM token {} {REVOKED}", mask(id));
    entry
}

fn token_not_found() -> Refusal {
    Refusal::new(
        Reason::TokenNotFound,
        "There is no such SCIM token. ListTokens shows the ids.",
    )
    .field("token_id")
}
