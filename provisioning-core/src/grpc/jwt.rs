//! JWTs of admin and internal callers: verified with the keys of a configured JWKS, cached by `kid` and kept when the source is down.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{JwkSet, PublicKeyUse},
};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    call::{Principal, SCIM_ACTOR, Scope},
    clock::Timestamp,
    tenants::Identifier,
};

/// What a key may be used for. Symmetric keys are not among them: who verifies must not be able to sign.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];
/// A JWKS is a handful of keys.
const JWKS_SIZE_MAX: usize = 256 << 10;
/// An unknown `kid` makes us ask again, but not more often than this: the caller chooses the `kid`.
const REFRESH_INTERVAL_MIN: Duration = Duration::from_secs(30);
/// Keys older than this are read again: a key that was taken out of the JWKS dies within it.
const AGE_MAX: Duration = Duration::from_mins(5);
/// How long a JWKS may take to arrive.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Clocks differ by a little.
const LEEWAY_S: u64 = 30;

/// Where the keys are.
#[derive(Clone, Debug)]
pub enum JwksSource {
    /// A file.
    File(PathBuf),
    /// An http or https URL.
    Url(String),
}

/// Which JWTs are trusted.
#[derive(Clone, Debug)]
pub struct JwtConfig {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// Their keys.
    pub source: JwksSource,
}

/// Why a JWT was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// It is certainly not valid.
    #[error("the JWT is not valid: {0}")]
    Invalid(&'static str),
    /// The key may exist, but its source cannot be read.
    #[error("the keys of JWTs cannot be read")]
    Unknown,
}

/// Why a JWKS could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file.
    #[error("cannot read the JWKS file {0}")]
    File(PathBuf, #[source] std::io::Error),
    /// The URL.
    #[error("cannot fetch the JWKS from {0}")]
    Url(String, #[source] reqwest::Error),
    /// It is too large.
    #[error("the JWKS is larger than {JWKS_SIZE_MAX} bytes")]
    TooLarge,
    /// It is not a JWKS.
    #[error("the JWKS is not valid JSON of RFC 7517")]
    Parse(#[source] serde_json::Error),
    /// No HTTP client.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Verifies JWTs.
pub struct JwtKeys {
    config: JwtConfig,
    http: reqwest::Client,
    keys: ArcSwap<HashMap<String, Key>>,
    refresh: Mutex<Refresh>,
}

#[derive(Clone)]
struct Key {
    decoding: Arc<DecodingKey>,
    algorithm: Algorithm,
}

#[derive(Default)]
struct Refresh {
    /// When the keys in hand were read.
    read: Option<Instant>,
    /// When they were last asked for because of a caller, with or without success.
    tried: Option<Instant>,
    failed: bool,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970; a fraction is allowed (RFC 7519 section 2).
    exp: f64,
    #[serde(default)]
    scope: String,
    tenant: Option<String>,
}

impl Refresh {
    fn is_old(&self) -> bool {
        self.read.is_none_or(|read| read.elapsed() >= AGE_MAX)
    }

    fn may_try(&self) -> bool {
        self.tried
            .is_none_or(|tried| tried.elapsed() >= REFRESH_INTERVAL_MIN)
    }
}

impl JwtKeys {
    /// Reads the keys once. A file must be readable now; a URL that is down is asked again when a JWT comes.
    pub async fn load(config: JwtConfig) -> Result<Self, JwksError> {
        let http = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .build()
            .map_err(JwksError::Client)?;
        let keys = Self {
            config,
            http,
            keys: ArcSwap::default(),
            refresh: Mutex::default(),
        };
        match (keys.read().await, &keys.config.source) {
            (Ok(read), _) => {
                keys.keys.store(Arc::new(read));
                keys.refresh.lock().await.read = Some(Instant::now());
            }
            (Err(error), JwksSource::File(_)) => return Err(error),
            (Err(error), JwksSource::Url(_)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the JWKS is not available yet; it is asked again"
                );
                keys.refresh.lock().await.failed = true;
            }
        }
        Ok(keys)
    }

    /// Who the JWT says the caller is.
    pub async fn verify(&self, jwt: &str) -> Result<Principal, JwtError> {
        let header =
            jsonwebtoken::decode_header(jwt).map_err(|_| JwtError::Invalid("it is malformed"))?;
        let kid = header
            .kid
            .ok_or(JwtError::Invalid("its header has no kid"))?;
        let key = match self.cached(&kid) {
            Some(key) if !self.is_old() => key,
            _ => self.refreshed(&kid).await?,
        };
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        let claims = jsonwebtoken::decode::<Claims>(jwt, &key.decoding, &validation)
            .map_err(|error| reason(&error))?
            .claims;
        let tenant = match claims.tenant.as_deref().map(Identifier::parse) {
            None => None,
            Some(Some(tenant)) => Some(tenant),
            Some(None) => {
                return Err(JwtError::Invalid(
                    "its tenant claim is not a Subscriber Identifier",
                ));
            }
        };
        let scopes: Vec<Scope> = claims
            .scope
            .split_ascii_whitespace()
            .filter_map(Scope::from_text)
            .collect();
        if claims.sub == SCIM_ACTOR {
            return Err(JwtError::Invalid(
                "its sub is what the log calls Microsoft Entra by",
            ));
        }
        if tenant.is_none() && scopes.contains(&Scope::ProvisioningAdmin) {
            return Err(JwtError::Invalid(
                "the scope provisioning.admin needs a tenant claim",
            ));
        }
        Ok(Principal {
            subject: claims.sub,
            scopes,
            tenant,
            expires_at: Some(expiry(claims.exp)),
        })
    }

    fn cached(&self, kid: &str) -> Option<Key> {
        self.keys.load().get(kid).cloned()
    }

    /// While somebody reads them, the keys in hand are good enough.
    fn is_old(&self) -> bool {
        self.refresh
            .try_lock()
            .is_ok_and(|refresh| refresh.is_old())
    }

    /// One refresh at a time; whoever waited for it finds it done. When the source cannot be read the known keys are kept.
    async fn refreshed(&self, kid: &str) -> Result<Key, JwtError> {
        let mut refresh = self.refresh.lock().await;
        if (refresh.is_old() || self.cached(kid).is_none()) && refresh.may_try() {
            refresh.tried = Some(Instant::now());
            match self.read().await {
                Ok(read) => {
                    self.keys.store(Arc::new(read));
                    refresh.read = Some(Instant::now());
                    refresh.failed = false;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the JWKS cannot be read; the known keys are kept"
                    );
                    refresh.failed = true;
                }
            }
        }
        match self.cached(kid) {
            Some(key) => Ok(key),
            None if refresh.failed => Err(JwtError::Unknown),
            None => Err(JwtError::Invalid("its kid is not in the JWKS")),
        }
    }

    async fn read(&self) -> Result<HashMap<String, Key>, JwksError> {
        let bytes = match &self.config.source {
            JwksSource::File(path) => tokio::fs::read(path)
                .await
                .map_err(|error| JwksError::File(path.clone(), error))?,
            JwksSource::Url(url) => self.fetch(url).await?,
        };
        if bytes.len() > JWKS_SIZE_MAX {
            return Err(JwksError::TooLarge);
        }
        // Keys of kinds we do not know are no reason to refuse the others.
        let set: serde_json::Value = serde_json::from_slice(&bytes).map_err(JwksError::Parse)?;
        let set: JwkSet = serde_json::from_value(set).map_err(JwksError::Parse)?;
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
                continue;
            }
            let (Some(kid), Ok(decoding)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) else {
                continue;
            };
            if let Some(algorithm) = ALGORITHMS
                .into_iter()
                .find(|algorithm| algorithm.family() == decoding.family())
            {
                keys.insert(
                    kid.clone(),
                    Key {
                        decoding: Arc::new(decoding),
                        algorithm,
                    },
                );
            }
        }
        Ok(keys)
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, JwksError> {
        let failed = |error| JwksError::Url(url.to_owned(), error);
        let mut response = self
            .http
            .get(url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > JWKS_SIZE_MAX {
                return Err(JwksError::TooLarge);
            }
        }
        Ok(bytes)
    }
}

/// The end of a JWT that was verified with [`LEEWAY_S`].
fn expiry(exp: f64) -> Timestamp {
    let seconds = Duration::try_from_secs_f64(exp).unwrap_or(Duration::MAX);
    Timestamp::from_micros(0)
        .plus(seconds)
        .plus(Duration::from_secs(LEEWAY_S))
}

fn reason(error: &jsonwebtoken::errors::Error) -> JwtError {
    use jsonwebtoken::errors::ErrorKind;
    JwtError::Invalid(match error.kind() {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "its issuer is not the configured one",
        ErrorKind::InvalidAudience => "its audience is not the configured one",
        ErrorKind::InvalidSignature => "its signature does not match",
        ErrorKind::InvalidAlgorithm => "its algorithm does not fit its key",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of exp, iss, aud and sub",
        _ => "it is malformed",
    })
}
