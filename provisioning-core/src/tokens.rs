//! SCIM tokens: the bearer secret of a tenant. Shown once, masked ever after; only a hash of the secret is stored.

mod revoke;
mod use_cases;

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Mutex, PoisonError},
};

use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use self::use_cases::{GeneratedToken, OVERLAP_MAX, ScimConnection, TokenPage};
use crate::{clock::Timestamp, error::Reason, ids::TenantId, storage::TokenUse};

/// Starts every token, so that leak scanners know it. Never change it.
const PREFIX: &str = "dgo_scim_";
/// 48 bits: enough to name the tokens of one tenant.
const ID_BYTES: usize = 6;
/// 256 bits of randomness need no slow hash.
const SECRET_BYTES: usize = 32;

/// The public part of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// The id in storage, or in a request.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a token can have it; an id from outside may be anything.
    pub fn is_well_formed(&self) -> bool {
        is_hex(&self.0, ID_BYTES)
    }

    /// What tells log entries about this token and reason from others of the same minute.
    pub(crate) fn said(&self, reason: Reason) -> String {
        format!("{}/{}", self.0, reason.as_str())
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a secret.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash in storage.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Compares in time that does not depend on the content.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// A token just made: the only moment its text exists here.
#[derive(Debug)]
pub struct NewToken {
    /// The public part.
    pub id: TokenId,
    /// What is stored.
    pub secret: SecretHash,
    /// What the admin copies.
    pub text: SecretString,
}

impl NewToken {
    /// `dgo_scim_<id>_<secret>_<crc>`.
    pub fn generate() -> Self {
        let id = hex(&rand::rng().random::<[u8; ID_BYTES]>());
        let secret = hex(&rand::rng().random::<[u8; SECRET_BYTES]>());
        let body = format!("{PREFIX}{id}_{secret}");
        let text = format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()));
        Self {
            id: TokenId(id),
            secret: SecretHash::of(secret.as_bytes()),
            text: text.into(),
        }
    }
}

/// A token as a caller presented it: well formed, and not yet known to be valid.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    /// The public part.
    pub id: TokenId,
    /// The hash of the secret part.
    pub secret: SecretHash,
}

impl PresentedToken {
    /// `None` for a text that no token can have: a typo is decided here, without the storage.
    pub fn parse(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret();
        let (body, crc) = text.rsplit_once('_')?;
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let well_formed = is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES) && is_hex(crc, 4);
        let intact = u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(body.as_bytes());
        (well_formed && intact).then(|| Self {
            id: TokenId(id.to_owned()),
            secret: SecretHash::of(secret.as_bytes()),
        })
    }
}

/// What may be shown of a token after it was made.
pub fn mask(id: &TokenId) -> String {
    format!("{PREFIX}{id}_••••••••")
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes every write");
            text
        })
}

/// A token in storage.
#[derive(Clone, Debug)]
pub struct Token {
    /// The public part.
    pub id: TokenId,
    /// What a presented secret is compared with.
    pub secret: SecretHash,
    /// The tenant's token; at most one is.
    pub current: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom: the subject of the caller.
    pub created_by: String,
    /// From when on it is not accepted.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The token that took its place.
    pub replaced_by: Option<TokenId>,
    /// When that was.
    pub replaced_at: Option<Timestamp>,
    /// When it was last accepted, to within a minute.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_used_from: Option<String>,
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// The tenant's token.
    Live,
    /// Replaced, and still accepted for a while.
    Overlap,
    /// Replaced, and no longer accepted.
    Replaced,
    /// Revoked.
    Revoked,
}

impl Token {
    /// What the token is good for at `now`.
    pub fn state(&self, now: Timestamp) -> TokenState {
        // A token that was replaced without an overlap is dead whatever the clock of this replica says.
        let overlapped = self.expires_at > self.replaced_at;
        let expired = !overlapped || self.expires_at.is_some_and(|end| end <= now);
        match (self.revoked_at, &self.replaced_by) {
            (Some(_), _) => TokenState::Revoked,
            (None, Some(_)) if expired => TokenState::Replaced,
            (None, Some(_)) => TokenState::Overlap,
            (None, None) => TokenState::Live,
        }
    }

    /// How it came to its end, as a sentence goes on behind its mask.
    pub(crate) fn end(&self, now: Timestamp) -> String {
        match (&self.replaced_by, self.revoked_at, self.expires_at) {
            (Some(new), None, end) => format!(
                "was replaced by {} on {} and is not accepted since {}",
                mask(new),
                self.replaced_at.unwrap_or(now),
                end.unwrap_or(now)
            ),
            (_, revoked, _) => format!("was revoked on {}", revoked.unwrap_or(now)),
        }
    }

    /// Whether requests with it are accepted at `now`.
    pub fn accepted(&self, now: Timestamp) -> bool {
        matches!(self.state(now), TokenState::Live | TokenState::Overlap)
    }
}

/// The last use of each token since they were last written: one row a token and interval, not one a request.
#[derive(Debug, Default)]
pub(crate) struct TokenUses(Mutex<HashMap<(TenantId, TokenId), LastUse>>);

/// When, and from where.
type LastUse = (Timestamp, Option<String>);

impl TokenUses {
    pub fn record(
        &self,
        tenant_id: TenantId,
        token_id: &TokenId,
        at: Timestamp,
        from: Option<&str>,
    ) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.get_mut(&(tenant_id, token_id.clone())) {
            Some(last) if last.1.as_deref() == from => last.0 = at,
            _ => {
                uses.insert((tenant_id, token_id.clone()), (at, from.map(str::to_owned)));
            }
        }
    }

    /// When the token was last used, as far as it is not written yet.
    pub fn last(&self, tenant_id: TenantId, token_id: &TokenId) -> Option<Timestamp> {
        let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.get(&(tenant_id, token_id.clone())).map(|last| last.0)
    }

    /// Keeps what could not be written for the next time, unless there is something newer.
    pub fn put_back(&self, uses: Vec<TokenUse>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for token in uses {
            kept.entry((token.tenant_id, token.token_id))
                .or_insert((token.at, token.from));
        }
    }

    pub fn take(&self) -> Vec<TokenUse> {
        let uses = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        uses.into_iter()
            .map(|((tenant_id, token_id), (at, from))| TokenUse {
                tenant_id,
                token_id,
                at,
                from,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_is_read_back() {
        let token = NewToken::generate();
        let presented = PresentedToken::parse(&token.text).expect("it is well formed");
        assert_eq!(presented.id, token.id);
        assert!(presented.secret.matches(&token.secret));
    }

    #[test]
    fn a_typo_is_decided_offline() {
        let text = NewToken::generate().text.expose_secret().to_owned();
        for position in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[position] = if bytes[position] == b'0' { b'1' } else { b'0' };
            let typo = SecretString::from(String::from_utf8(bytes).expect("still ASCII"));
            assert!(
                PresentedToken::parse(&typo).is_none(),
                "position {position}"
            );
        }
        for cut in 0..text.len() {
            assert!(PresentedToken::parse(&SecretString::from(text[..cut].to_owned())).is_none());
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let token = NewToken::generate();
        let secret = token
            .text
            .expose_secret()
            .split('_')
            .nth(3)
            .expect("the secret part")
            .to_owned();
        let presented = PresentedToken::parse(&token.text);
        assert!(!format!("{token:?} {presented:?} {}", mask(&token.id)).contains(&secret));
    }
}
