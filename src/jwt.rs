//! Signs the JWTs of administrative calls with the key of the data folder.

use std::time::Duration;

use anyhow::Context as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use provisioning_core::clock::Timestamp;
use secrecy::SecretString;
use serde::Serialize;

use crate::data_dir::SigningKey;

/// Who a JWT speaks for, what it is good for, and until when.
#[derive(Clone, Debug)]
pub struct Grant {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `sub`: what the log shows as the actor.
    pub subject: String,
    /// `scope`.
    pub scopes: Vec<String>,
    /// `tenant`: the only tenant it may act for.
    pub tenant: Option<String>,
    /// From `now`.
    pub lifetime: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    iat: i64,
    exp: i64,
}

/// Makes the token.
pub fn sign(key: &SigningKey, grant: &Grant, now: Timestamp) -> anyhow::Result<SecretString> {
    const MICROS: i64 = 1_000_000;
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.kid().to_owned());
    let claims = Claims {
        iss: &grant.issuer,
        aud: &grant.audience,
        sub: &grant.subject,
        scope: grant.scopes.join(" "),
        tenant: grant.tenant.as_deref(),
        iat: now.as_micros() / MICROS,
        exp: now.plus(grant.lifetime).as_micros() / MICROS,
    };
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(key.pkcs8()))
        .context("cannot sign the JWT")?;
    Ok(SecretString::from(token))
}
