//! Whom the service trusts and speaks to: its certificates, the keys of its callers, a core elsewhere.

use std::path::{Path, PathBuf};

use provisioning_core::grpc::jwt::JwksSource;

use super::{
    CoreEndpoint, Faults, Role,
    urls::{origin, web_url},
};
use crate::tls::{self, TlsFiles};

/// The certificate of a listener, with its key.
pub(super) fn tls_files(
    listener: &str,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    faults: &mut Faults,
) -> Option<TlsFiles> {
    match (cert, key) {
        (None, None) => None,
        (Some(cert), Some(key)) => {
            let files = TlsFiles { cert, key };
            if let Err(error) = tls::load(&files) {
                faults.add(format!(
                    "{listener}_tls_cert, {listener}_tls_key: {error:#}"
                ));
            }
            Some(files)
        }
        (Some(_), None) => {
            faults.add(format!(
                "{listener}_tls_cert is set, {listener}_tls_key is not; TLS needs both"
            ));
            None
        }
        (None, Some(_)) => {
            faults.add(format!(
                "{listener}_tls_key is set, {listener}_tls_cert is not; TLS needs both"
            ));
            None
        }
    }
}

/// The core of a facade.
pub(super) fn core_endpoint(
    role: Role,
    url: Option<String>,
    ca: Option<PathBuf>,
    faults: &mut Faults,
) -> Option<CoreEndpoint> {
    let ca_pem = ca.and_then(|path| match tls::read_authority(&path) {
        Ok(pem) => Some(pem),
        Err(error) => {
            faults.add(format!("core_ca: {error:#}"));
            None
        }
    });
    match (role, url) {
        (Role::Facade, None) => {
            faults.add("core_url is missing: --role facade needs to know where the core is, for example --core-url http://core:50051".to_owned());
            None
        }
        (Role::Facade, Some(url)) => Some(CoreEndpoint {
            url: origin("core_url", &url, faults)?,
            ca_pem,
        }),
        (Role::All | Role::Core, Some(_)) => {
            faults.add(
                "core_url is set, but this role has its own core; drop it, or set role to facade"
                    .to_owned(),
            );
            None
        }
        (Role::All | Role::Core, None) => None,
    }
}

/// Where the keys of JWTs are; absent: in the data folder.
pub(super) fn jwks_source(
    file: Option<PathBuf>,
    url: Option<String>,
    faults: &mut Faults,
) -> Option<JwksSource> {
    match (file, url) {
        (None, None) => None,
        (Some(file), None) => {
            if let Err(error) = read_jwks(&file) {
                faults.add(format!("jwks_file: {}: {error}", file.display()));
            }
            Some(JwksSource::File(file))
        }
        (None, Some(url)) => {
            web_url("jwks_url", &url, faults);
            Some(JwksSource::Url(url))
        }
        (Some(_), Some(_)) => {
            faults.add("jwks_file and jwks_url are both set; keep one".to_owned());
            None
        }
    }
}

fn read_jwks(file: &Path) -> Result<(), String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let set: jsonwebtoken::jwk::JwkSet =
        serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    if set.keys.is_empty() {
        Err("it holds no keys".to_owned())
    } else {
        Ok(())
    }
}
