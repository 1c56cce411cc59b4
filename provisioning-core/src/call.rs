//! Who calls and for which tenant: the credential as presented, and what it is worth once the storage has told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::{
    clock::Timestamp,
    error::{Reason, Refusal},
    ids::RequestId,
    tenants::{Identifier, Tenant},
    tokens::{PresentedToken, Token, TokenId},
};

/// Who calls with a SCIM token, in the log. No JWT has it as its subject.
pub const SCIM_ACTOR: &str = "scim";

/// What a JWT may be good for. The texts are in tokens that others hold: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read accounts.
    AccountsRead,
    /// Write accounts.
    AccountsWrite,
    /// Administer provisioning of the tenant in the token's claim.
    ProvisioningAdmin,
    /// Operate the platform: every tenant.
    PlatformOperator,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [
        Self::AccountsRead,
        Self::AccountsWrite,
        Self::ProvisioningAdmin,
        Self::PlatformOperator,
    ];

    /// The text in a JWT's `scope` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountsRead => "accounts.read",
            Self::AccountsWrite => "accounts.write",
            Self::ProvisioningAdmin => "provisioning.admin",
            Self::PlatformOperator => "platform.operator",
        }
    }

    /// Reads [`as_str`](Self::as_str).
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// The holder of a verified JWT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `sub`.
    pub subject: String,
    /// `scope`.
    pub scopes: Vec<Scope>,
    /// `tenant`: the only tenant it may act for; absent: any.
    pub tenant: Option<Identifier>,
    /// `exp`, with what clocks may differ by: from then on it is not accepted; absent: the program speaks for itself.
    pub expires_at: Option<Timestamp>,
}

/// A credential as it was presented.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A SCIM bearer token: only the storage knows whether it holds.
    ScimToken(PresentedToken),
    /// A bearer text that is neither a token nor a JWT that verifies.
    Malformed,
    /// A verified JWT.
    Principal(Principal),
    /// An admin's verified JWT with the question what would become of a request with the SCIM token. Nothing is ever written for it.
    DryRun(Principal),
}

/// One call of a use case.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who.
    pub credential: Credential,
    /// For which tenant, as the request says.
    pub tenant: Identifier,
    /// The inbound request.
    pub request_id: RequestId,
    /// The address of the caller, where known.
    pub remote: Option<String>,
    /// When the call began, for its duration.
    pub started: Instant,
    /// Whether everything is to be checked and nothing written: neither what is asked for nor that it was asked, refused or not.
    pub validate_only: bool,
    /// Whether the log has got what is to be said of a failure.
    pub settled: Settled,
}

/// That the log has an entry of a call that failed, or shall have none: the use case tells it to whoever would write one otherwise.
#[derive(Clone, Debug, Default)]
pub struct Settled(Arc<AtomicBool>);

impl Settled {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// By what the storage finds the tenant and the token of a call.
#[derive(Clone, Debug)]
pub struct CallerKey {
    /// The tenant.
    pub tenant: Identifier,
    /// The token presented, when it was one.
    pub token: Option<TokenId>,
}

/// What the storage knows of a [`CallerKey`].
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant.
    pub tenant: Tenant,
    /// Whether the tenant has open findings, other than the one about all its Object IDs.
    pub open_findings: bool,
    /// The tenant's token of that id, valid or not.
    pub token: Option<Token>,
}

/// A caller that may act for its tenant.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The tenant.
    pub tenant: Tenant,
    /// Whether the tenant has open findings that this request may show to be cured.
    pub open_findings: bool,
    /// The SCIM token presented.
    pub token_id: Option<TokenId>,
    /// "scim" or the subject of the JWT.
    pub actor: String,
    /// Whether this is a dry run of a request with the SCIM token.
    pub as_scim: bool,
    /// That of the call.
    pub validate_only: bool,
    /// That of the call.
    pub settled: Settled,
}

impl Admitted {
    /// Whether the rules for provisioning hold, and not those for admins.
    pub const fn by_scim(&self) -> bool {
        self.token_id.is_some() || self.as_scim
    }
}

/// Why a call was not admitted.
#[derive(Debug)]
pub enum NotAdmitted {
    /// Refused; there is nothing to tell the tenant's admin.
    Refused(Refusal),
    /// The secret is right, but of a token that no longer holds: the admin forgot to paste the new one. Worth a log entry.
    DeadToken {
        /// The tenant.
        tenant: Box<Tenant>,
        /// The token that was presented.
        token: Box<Token>,
    },
    /// The token holds, but the feature is off. Worth a log entry.
    Disabled {
        /// The tenant.
        tenant: Box<Tenant>,
        /// The token that was presented.
        token_id: TokenId,
    },
}

impl Call {
    /// Makes it a dry run, when the message says so. That of a stream is read after the call has begun.
    #[must_use]
    pub fn validating(mut self, validate_only: bool) -> Self {
        if validate_only {
            self.validate_only = true;
            self.settled.set();
        }
        self
    }

    /// Keeps its failure out of the provisioning log: it is about a tenant to be made, and one that has the identifier already is another's.
    #[must_use]
    pub fn for_a_new_tenant(self) -> Self {
        self.settled.set();
        self
    }

    /// By what the storage finds the caller.
    pub fn caller_key(&self) -> CallerKey {
        let token = match &self.credential {
            Credential::ScimToken(token) => Some(token.id.clone()),
            Credential::Malformed | Credential::Principal(_) | Credential::DryRun(_) => None,
        };
        CallerKey {
            tenant: self.tenant.clone(),
            token,
        }
    }

    /// Decides what the storage's answer means at `now`.
    pub fn admit(&self, caller: Option<Caller>, now: Timestamp) -> Result<Admitted, NotAdmitted> {
        match &self.credential {
            Credential::Malformed => Err(NotAdmitted::Refused(invalid_credential())),
            Credential::Principal(principal) => self.admit_principal(principal, caller, now),
            Credential::DryRun(principal) => {
                let admitted = self.admit_principal(principal, caller, now)?;
                if !admitted.tenant.provisioning_enabled {
                    return Err(NotAdmitted::Refused(provisioning_disabled()));
                }
                Ok(Admitted {
                    as_scim: true,
                    validate_only: true,
                    ..admitted
                })
            }
            Credential::ScimToken(presented) => self.admit_token(presented, caller, now),
        }
    }

    fn admit_principal(
        &self,
        principal: &Principal,
        caller: Option<Caller>,
        now: Timestamp,
    ) -> Result<Admitted, NotAdmitted> {
        // It held when the call began; a stream can outlast it.
        if principal.expires_at.is_some_and(|end| end <= now) {
            return Err(NotAdmitted::Refused(expired_jwt()));
        }
        let Some(caller) = caller else {
            return Err(NotAdmitted::Refused(tenant_not_found(&self.tenant)));
        };
        Ok(Admitted {
            tenant: caller.tenant,
            open_findings: caller.open_findings,
            token_id: None,
            actor: principal.subject.clone(),
            as_scim: false,
            validate_only: self.validate_only,
            settled: self.settled.clone(),
        })
    }

    /// An unknown tenant, an unknown token and a wrong secret are one answer: nothing is told to whoever guesses.
    fn admit_token(
        &self,
        presented: &PresentedToken,
        caller: Option<Caller>,
        now: Timestamp,
    ) -> Result<Admitted, NotAdmitted> {
        let Some(Caller {
            tenant,
            open_findings,
            token: Some(token),
        }) = caller
        else {
            return Err(NotAdmitted::Refused(invalid_credential()));
        };
        if !presented.secret.matches(&token.secret) {
            return Err(NotAdmitted::Refused(invalid_credential()));
        }
        if !token.accepted(now) {
            return Err(NotAdmitted::DeadToken {
                tenant: Box::new(tenant),
                token: Box::new(token),
            });
        }
        if !tenant.provisioning_enabled {
            return Err(NotAdmitted::Disabled {
                tenant: Box::new(tenant),
                token_id: token.id,
            });
        }
        Ok(Admitted {
            tenant,
            open_findings,
            token_id: Some(token.id),
            actor: SCIM_ACTOR.to_owned(),
            as_scim: false,
            validate_only: self.validate_only,
            settled: self.settled.clone(),
        })
    }
}

/// The answer to a credential that is certainly not valid.
pub fn invalid_credential() -> Refusal {
    Refusal::new(
        Reason::InvalidCredential,
        "The SCIM token is not valid for this SCIM endpoint. Copy the SCIM endpoint and the SCIM token from User Provisioning in the DragOnce \
         Admin Panel into Tenant URL and Secret Token in Microsoft Entra; if the token was regenerated there, only the newest one works.",
    )
}

/// The answer to a JWT that held when the call began.
fn expired_jwt() -> Refusal {
    Refusal::new(
        Reason::InvalidCredential,
        "The JWT has expired since the call began. Take a new one.",
    )
}

/// The answer while the feature is off.
pub fn provisioning_disabled() -> Refusal {
    Refusal::new(
        Reason::ProvisioningDisabled,
        "User Provisioning is switched off for this DragOnce subscription. Nothing was changed. Ask DragOnce to enable it, or stop \
         provisioning in Microsoft Entra.",
    )
}

/// The answer where the tenant does not exist, or the caller may not know of it.
pub fn tenant_not_found(identifier: &Identifier) -> Refusal {
    Refusal::new(
        Reason::TenantNotFound,
        format!("There is no tenant {identifier}. Check the Subscriber Identifier."),
    )
    .field("tenant")
    .with("tenant", identifier)
}
