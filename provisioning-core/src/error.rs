//! What a use case answers when it does not do what was asked: one error type, its variants by what the caller can do next.

use std::fmt;

use crate::{
    attributes::{
        error::ScimType, filter::FilterError, order::OrderError, patch::PatchError,
        revise::RevisionError, validate::ValueError,
    },
    findings::Sighting,
};

/// Why a use case did not do what was asked. Whatever the variant, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller, or an admin, has to change something.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The storage cannot be reached or cannot write. Try again later; nothing is known about what was asked.
    #[error("storage is unavailable")]
    Unavailable(#[source] BoxError),
    /// A fault in the service or in its data.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

/// The cause of a fault: logged where it is answered, never shown.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A refusal: a stable reason, and a text that tells the reader what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule refused.
    pub reason: Reason,
    /// What is wrong and what to do, for a customer's admin.
    pub detail: String,
    /// The request's field or SCIM attribute at fault.
    pub field: Option<String>,
    /// Further fields at fault, each with what to do about it.
    pub more: Vec<(String, String)>,
    /// Every dynamic part of `detail`, by name.
    pub metadata: Vec<(&'static str, String)>,
    /// The finding that it shows when it is Entra that is refused.
    pub(crate) shows: Option<Box<Sighting>>,
}

impl Refusal {
    /// A refusal without a field or metadata.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            field: None,
            more: Vec::new(),
            metadata: Vec::new(),
            shows: None,
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names a further field at fault, and what to do about it.
    #[must_use]
    pub fn and_field(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.more.push((field.into(), detail.into()));
        self
    }

    /// Adds a dynamic part of the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.metadata.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $http:literal, $scim_type:literal;)*) => {
        /// The rules that refuse. The texts are on the wire and in the log: never change one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The `reason` of the `ErrorInfo`, and of the log entry.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Reads [`as_str`](Self::as_str).
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }

            /// The HTTP status that SCIM answers, for the log entry.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }

            /// The scimType of RFC 7644 section 3.12, or an empty text.
            pub const fn scim_type(self) -> &'static str {
                match self { $(Self::$name => $scim_type,)* }
            }
        }
    };
}

reasons! {
    /// A field of the request is missing or malformed.
    InvalidRequest = "INVALID_REQUEST", 400, "invalidValue";
    /// The filter.
    InvalidFilter = "INVALID_FILTER", 400, "invalidFilter";
    /// The path of a PATCH.
    InvalidPath = "INVALID_PATH", 400, "invalidPath";
    /// The value of an attribute.
    InvalidValue = "INVALID_VALUE", 400, "invalidValue";
    /// The structure of a PATCH or resource.
    InvalidSyntax = "INVALID_SYNTAX", 400, "invalidSyntax";
    /// The PATCH path names nothing.
    NoTarget = "NO_TARGET", 400, "noTarget";
    /// The attribute may not be written.
    Mutability = "MUTABILITY", 400, "mutability";
    /// The answer would be too large.
    TooMany = "TOO_MANY", 400, "tooMany";
    /// The page token is not one of ours, or of another query.
    InvalidPageToken = "INVALID_PAGE_TOKEN", 400, "invalidCursor";
    /// The page token is too old.
    ExpiredPageToken = "EXPIRED_PAGE_TOKEN", 400, "expiredCursor";
    /// A member that the tenant does not have.
    UnknownMember = "UNKNOWN_MEMBER", 400, "invalidValue";
    /// The request id came with another body before.
    RequestIdReused = "REQUEST_ID_REUSED", 400, "invalidValue";
    /// Another account or group holds the value.
    Uniqueness = "UNIQUENESS", 409, "uniqueness";
    /// There is a live token.
    TokenExists = "TOKEN_EXISTS", 409, "";
    /// The first answer held a secret.
    SecretNotKept = "SECRET_NOT_KEPT", 409, "";
    /// There is a tenant of that identifier.
    TenantExists = "TENANT_EXISTS", 409, "";
    /// There is an extension schema of that URN.
    SchemaExists = "SCHEMA_EXISTS", 409, "";
    /// No such account.
    AccountNotFound = "ACCOUNT_NOT_FOUND", 404, "";
    /// No such tenant, as far as the caller may know.
    TenantNotFound = "TENANT_NOT_FOUND", 404, "";
    /// No such token.
    TokenNotFound = "TOKEN_NOT_FOUND", 404, "";
    /// No such log entry.
    LogEntryNotFound = "LOG_ENTRY_NOT_FOUND", 404, "";
    /// No such group.
    GroupNotFound = "GROUP_NOT_FOUND", 404, "";
    /// No such extension schema.
    SchemaNotFound = "SCHEMA_NOT_FOUND", 404, "";
    /// No such step in the link history.
    LinkStepNotFound = "LINK_STEP_NOT_FOUND", 404, "";
    /// No such finding.
    FindingNotFound = "FINDING_NOT_FOUND", 404, "";
    /// No such batch of the deprovision guard.
    DeprovisionBatchNotFound = "DEPROVISION_BATCH_NOT_FOUND", 404, "";
    /// The resource is not at the version asked for.
    EtagMismatch = "ETAG_MISMATCH", 412, "";
    /// Others kept changing the resource.
    Contention = "CONTENTION", 503, "";
    /// The account is protected.
    AccountProtected = "ACCOUNT_PROTECTED", 403, "";
    /// Provisioning is off.
    ProvisioningDisabled = "PROVISIONING_DISABLED", 403, "";
    /// The caller lacks a scope.
    InsufficientScope = "INSUFFICIENT_SCOPE", 403, "";
    /// No valid credential.
    InvalidCredential = "INVALID_CREDENTIAL", 401, "";
    /// The account has no Object ID.
    NotLinked = "NOT_LINKED", 400, "";
    /// There is no live token.
    NoLiveToken = "NO_LIVE_TOKEN", 400, "";
    /// The data contradicts the setting.
    SettingConflict = "SETTING_CONFLICT", 409, "";
    /// The deleted account's retention has ended.
    RetentionEnded = "RETENTION_ENDED", 400, "";
    /// The deprovision guard waits for an admin.
    DeprovisionHeld = "DEPROVISION_HELD", 429, "";
    /// The caller has to wait.
    RateLimited = "RATE_LIMITED", 429, "";
}

/// The attribute language's keyword for a rule is ours for the same rule.
impl From<ScimType> for Reason {
    fn from(scim_type: ScimType) -> Self {
        match scim_type {
            ScimType::InvalidFilter => Self::InvalidFilter,
            ScimType::InvalidPath => Self::InvalidPath,
            ScimType::NoTarget => Self::NoTarget,
            ScimType::Mutability => Self::Mutability,
            ScimType::InvalidValue => Self::InvalidValue,
            ScimType::InvalidSyntax => Self::InvalidSyntax,
            ScimType::TooMany => Self::TooMany,
        }
    }
}

impl From<FilterError> for Refusal {
    fn from(error: FilterError) -> Self {
        Self::new(error.scim_type().into(), error.to_string()).field("filter")
    }
}

impl From<OrderError> for Refusal {
    fn from(error: OrderError) -> Self {
        let detail = format!("The list cannot be ordered like this: {error}.");
        Self::new(Reason::InvalidRequest, detail).field("order_by")
    }
}

impl From<PatchError> for Refusal {
    fn from(error: PatchError) -> Self {
        Self::new(error.scim_type().into(), error.to_string())
            .field(format!("operations[{}]", error.operation))
    }
}

impl From<RevisionError> for Refusal {
    fn from(error: RevisionError) -> Self {
        Self::new(error.scim_type().into(), error.to_string()).field("account")
    }
}

impl From<ValueError> for Refusal {
    fn from(error: ValueError) -> Self {
        Self::new(error.scim_type().into(), error.to_string()).field("account")
    }
}
