//! The only place for where the requests go: a SCIM base URL and its bearer token.

use http::Uri;
use secrecy::SecretString;

/// The query that Entra takes off a Tenant URL and obeys.
const FLAG: &str = "aadOptscim062020";

/// A SCIM endpoint as it stands in Entra's "Tenant URL" and "Secret Token".
#[derive(Clone, Debug)]
pub struct Target {
    base_url: String,
    token: SecretString,
    has_flag: bool,
    authority_pem: Option<Vec<u8>>,
}

/// Why a Tenant URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not an absolute `http` or `https` URL.
    #[error("the tenant URL is not an absolute http or https URL")]
    NotAbsolute,
    /// A query other than the flag would end up in the middle of every request.
    #[error("the tenant URL may carry no query but ?{FLAG}")]
    UnknownQuery,
    /// The token holds a character that no HTTP header can carry.
    #[error("the token cannot be sent in an HTTP header")]
    TokenNotSendable,
    /// The system's trust store could not be read; only `https` needs it.
    #[error("the system's certificate store cannot be read")]
    TrustStore(#[source] std::io::Error),
    /// What was given as certificates of an authority are none.
    #[error("the authority's file holds no certificate in PEM form that can be trusted")]
    Authority,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl Target {
    /// Reads a Tenant URL, with or without `?aadOptscim062020`, as an admin pastes it.
    pub fn parse(tenant_url: &str, token: SecretString) -> Result<Self, TargetError> {
        let uri: Uri = tenant_url
            .trim()
            .parse()
            .map_err(|_| TargetError::NotAbsolute)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(TargetError::NotAbsolute);
        };
        if !matches!(scheme, "http" | "https") {
            return Err(TargetError::NotAbsolute);
        }
        let has_flag = match uri.query() {
            None | Some("") => false,
            Some(query) if query.trim_end_matches('=') == FLAG => true,
            Some(_) => return Err(TargetError::UnknownQuery),
        };
        let path = uri.path().trim_end_matches('/');
        Ok(Self {
            base_url: format!("{scheme}://{authority}{path}"),
            token,
            has_flag,
            authority_pem: None,
        })
    }

    /// Trusts these certificates (PEM) instead of the system's.
    #[must_use]
    pub fn with_authority(self, pem: Vec<u8>) -> Self {
        Self {
            authority_pem: Some(pem),
            ..self
        }
    }

    /// The base URL without a slash at its end and without the flag.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same endpoint with another token.
    #[must_use]
    pub(crate) fn with_token(self, token: SecretString) -> Self {
        Self { token, ..self }
    }

    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    pub(crate) fn authority_pem(&self) -> Option<&[u8]> {
        self.authority_pem.as_deref()
    }

    pub(crate) fn has_flag(&self) -> bool {
        self.has_flag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, TargetError> {
        Target::parse(url, "secret-value".into())
    }

    #[test]
    fn the_flag_and_the_last_slash_are_taken_off_the_tenant_url() {
        let target = parse("https://host:8443/scim/acme/v2/?aadOptscim062020").unwrap();
        assert_eq!(target.base_url(), "https://host:8443/scim/acme/v2");
        assert!(target.has_flag());
        assert!(!parse("http://host/scim").unwrap().has_flag());
    }

    #[test]
    fn what_is_no_tenant_url_is_refused() {
        for url in ["", "host/scim", "/scim", "ftp://host/scim", "http://"] {
            assert!(matches!(parse(url), Err(TargetError::NotAbsolute)), "{url}");
        }
        assert!(matches!(
            parse("http://host/scim?a=b"),
            Err(TargetError::UnknownQuery)
        ));
    }

    #[test]
    fn the_token_is_never_shown() {
        let shown = format!("{:?}", parse("http://host/scim").unwrap());
        assert!(!shown.contains("secret-value"), "{shown}");
    }
}
