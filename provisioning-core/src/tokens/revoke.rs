//! The end of SCIM tokens before their time.

use super::{
    Token, TokenId, mask,
    use_cases::{token_entry, unexpected},
};
use crate::{
    Core,
    call::{Admitted, Call},
    error::{Error, Reason, Refusal},
    log::Operation,
    receipts::{Answer, Once},
    storage::{Commit, Mutation, Write},
};

/// What the log says of a token that was revoked, after its mask.
const REVOKED: &str = "was revoked and is not accepted any more.";

impl Core {
    /// Kills one token, or every token that is still accepted, and answers with them as they are now. A token that is dead already stays
    /// as it is; so do all of a dry run.
    pub async fn revoke_token(
        &self,
        call: &Call,
        token_id: Option<&TokenId>,
        once: Option<Once<'_, Vec<Token>>>,
    ) -> Result<Answer<Vec<Token>>, Error> {
        let admitted = self.authenticate(call).await?;
        let tenant_id = admitted.tenant.id;
        if let Some(response) = self.replay(tenant_id, once.as_ref()).await? {
            return Ok(Answer::Replayed(response));
        }
        let revoked = match token_id {
            Some(token_id) => vec![self.revoke_named(call, &admitted, token_id).await?],
            None if call.validate_only => self.list_accepted_tokens(tenant_id).await?,
            None => self.revoke_accepted_tokens(call, &admitted).await?,
        };
        let receipt = once
            .as_ref()
            .filter(|_| !call.validate_only)
            .map(|once| once.receipt(&revoked, self.now()));
        if !self.keep_receipt(tenant_id, receipt).await?
            && let Some(response) = self.replay(tenant_id, once.as_ref()).await?
        {
            return Ok(Answer::Replayed(response));
        }
        Ok(Answer::Fresh(revoked))
    }

    async fn revoke_named(
        &self,
        call: &Call,
        admitted: &Admitted,
        token_id: &TokenId,
    ) -> Result<Token, Error> {
        let found = if token_id.is_well_formed() {
            self.find_token(admitted, token_id).await?
        } else {
            None
        };
        match found {
            Some(token) if token.accepted(self.now()) && !call.validate_only => {
                self.revoke_one(call, admitted, &token.id).await
            }
            Some(token) => Ok(token),
            None => {
                let mut entry = token_entry(call, Operation::TokenRevoke, self.now());
                entry.resource_id = token_id.to_string();
                Err(self
                    .log_refusal(admitted, entry, token_not_found().into())
                    .await)
            }
        }
    }

    /// Looks again after each round, so that a token made meanwhile does not survive.
    async fn revoke_accepted_tokens(
        &self,
        call: &Call,
        admitted: &Admitted,
    ) -> Result<Vec<Token>, Error> {
        const ROUNDS: usize = 3;
        let mut revoked = Vec::new();
        for _ in 0..ROUNDS {
            let accepted = self.list_accepted_tokens(admitted.tenant.id).await?;
            if accepted.is_empty() {
                break;
            }
            for token in accepted {
                revoked.push(self.revoke_one(call, admitted, &token.id).await?);
            }
        }
        Ok(revoked)
    }

    async fn revoke_one(
        &self,
        call: &Call,
        admitted: &Admitted,
        id: &TokenId,
    ) -> Result<Token, Error> {
        let at = self.now();
        let mut entry = token_entry(call, Operation::TokenRevoke, at);
        entry.admitted(admitted);
        entry.resource_id = id.to_string();
        entry.detail = format!("The SCIM token {} {REVOKED}", mask(id));
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::RevokeTokens {
                ids: vec![id.clone()],
                at,
            },
            guard: None,
            log: Some(entry),
            change: None,
            receipt: None,
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(self
                .find_token(admitted, id)
                .await?
                .ok_or_else(token_not_found)?),
            other => Err(unexpected(other)),
        }
    }
}

fn token_not_found() -> Refusal {
    Refusal::new(
        Reason::TokenNotFound,
        "There is no such SCIM token. ListTokens shows the ids.",
    )
    .field("token_id")
}
