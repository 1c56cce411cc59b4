//! Whether a tenant as a whole lets Entra's next request in, before anybody asks whom it is about. Pure: the rules of the admission once more, in words.

use super::forecast::ExpectedRequest;
use crate::{
    clock::Timestamp,
    error::Reason,
    log::LogEntry,
    tenants::Tenant,
    tokens::{Token, TokenState, mask},
};

/// What tells which token Entra will present, and whether that still holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a> {
    pub tenant: &'a Tenant,
    pub now: Timestamp,
    /// The tenant's tokens, the newest first.
    pub tokens: &'a [Token],
    /// The newest log entry of a request that was not let in.
    pub refused: Option<&'a LogEntry>,
}

/// The token that Entra presented last.
#[derive(Clone, Copy)]
struct Presented<'a> {
    token: &'a Token,
    at: Timestamp,
    refused: bool,
}

impl<'a> Access<'a> {
    /// The answer to `request` where no request of the tenant is let in.
    pub fn refusal(self, request: String) -> Option<ExpectedRequest> {
        let switched_off = (!self.tenant.provisioning_enabled).then(|| self.switched_off());
        let (reason, outcome, because) = match (self.dead_token(), switched_off) {
            (Some(dead), switched_off) => {
                let then = switched_off
                    .map(|off| format!(" After that it is answered 403: {off}"))
                    .unwrap_or_default();
                let outcome = "Microsoft Entra is refused with whatever it sends, and puts the whole job into quarantine. Nothing is changed in DragOnce.";
                (Reason::InvalidCredential, outcome, format!("{dead}{then}"))
            }
            (None, Some(off)) => {
                let outcome = "Microsoft Entra is refused with whatever it sends, and tries again in later cycles. Nothing is changed in DragOnce.";
                (Reason::ProvisioningDisabled, outcome, off)
            }
            (None, None) => return None,
        };
        Some(ExpectedRequest {
            request,
            http_status: reason.http_status(),
            outcome: outcome.to_owned(),
            because,
        })
    }

    /// What will keep Entra out before long, when nobody does anything about it.
    pub fn warning(self) -> Option<String> {
        let Presented { token, .. } = self.presented()?;
        let end = token
            .expires_at
            .filter(|_| token.state(self.now) == TokenState::Overlap)?;
        Some(format!(
            "Microsoft Entra still presents the old SCIM token {}, which is accepted until {end} only; from then on it is answered 401. {}",
            mask(&token.id),
            self.paste()
        ))
    }

    /// Why the token that Entra is expected to present does not hold, and what to do.
    fn dead_token(self) -> Option<String> {
        let accepted = self.tokens.iter().any(|token| token.accepted(self.now));
        match self.presented() {
            Some(Presented { token, .. }) if token.accepted(self.now) => None,
            Some(Presented { token, at, refused }) => {
                let refused = if refused { ", refused" } else { "" };
                Some(format!(
                    "As far as its requests have told, Microsoft Entra still presents the SCIM token {} (last seen on {at}{refused}), which {}. {}",
                    mask(&token.id),
                    token.end(self.now),
                    self.paste()
                ))
            }
            None if accepted => None,
            None => Some(match self.tokens.first() {
                None => format!("The tenant has no SCIM token. {}", self.paste()),
                Some(last) => format!(
                    "The tenant has no SCIM token that is valid now: the last one, {}, {}. {}",
                    mask(&last.id),
                    last.end(self.now),
                    self.paste()
                ),
            }),
        }
    }

    /// By its last use or its last refusal, whichever came later; of two at the same time the newer token's.
    fn presented(self) -> Option<Presented<'a>> {
        let used = self.tokens.iter().rev().filter_map(|token| {
            token.last_used_at.map(|at| Presented {
                token,
                at,
                refused: false,
            })
        });
        let refused = self.refused.and_then(|entry| {
            let token = self
                .tokens
                .iter()
                .find(|token| token.id.as_str() == entry.token_id)?;
            Some(Presented {
                token,
                at: entry.at,
                refused: true,
            })
        });
        refused
            .into_iter()
            .chain(used)
            .max_by_key(|presented| presented.at)
    }

    /// How Entra comes to a token that holds.
    fn paste(self) -> String {
        let tenant = self.tenant.identifier.as_str();
        let live = self
            .tokens
            .iter()
            .find(|token| token.state(self.now) == TokenState::Live);
        let get = live.map_or_else(
            || {
                format!(
                    "Generate a new one in the DragOnce Admin Panel (GenerateToken, or provisiond token generate {tenant}) and paste it"
                )
            },
            |live| {
                format!(
                    "Paste the one that is valid, {}, or, if its text is lost, one that is regenerated in the DragOnce Admin Panel (RegenerateToken, \
                     or provisiond token regenerate {tenant}),",
                    mask(&live.id)
                )
            },
        );
        format!(
            "{get} into Secret Token in Microsoft Entra, press Test Connection and save; a job in quarantine goes on with Start provisioning."
        )
    }

    fn switched_off(self) -> String {
        format!(
            "User Provisioning is switched off for this subscription, or not licensed. An operator of DragOnce switches it on \
             (EnableProvisioning, or provisiond tenant enable {}).",
            self.tenant.identifier
        )
    }
}
