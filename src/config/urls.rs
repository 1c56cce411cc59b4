//! What the URLs of a configuration may be.

use std::path::Path;

use http::Uri;
use provisioning_core::storage::StorageUrl;
use secrecy::{ExposeSecret as _, SecretString};

use super::{DATABASE_FILE, Faults};

/// Where the database is: in the data folder unless it is said otherwise.
pub(super) fn storage_url(
    url: Option<&SecretString>,
    data_dir: &Path,
    faults: &mut Faults,
) -> StorageUrl {
    let embedded = StorageUrl::Sqlite(data_dir.join(DATABASE_FILE));
    let Some(secret) = url else {
        return embedded;
    };
    let url = secret.expose_secret();
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(':') || path.contains('?') {
            faults.add(
                "database_url: after sqlite: there must be the path of a file, without parameters"
                    .to_owned(),
            );
        }
        return StorageUrl::Sqlite(path.into());
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        // The URL may hold a password, so it is not repeated.
        faults.add("database_url: must start with postgres:// or sqlite:".to_owned());
        return embedded;
    }
    StorageUrl::Postgres(secret.clone())
}

/// An http or https URL without credentials and query; the slash at its end, if any, is dropped.
pub(super) fn web_url(key: &str, text: &str, faults: &mut Faults) -> Option<Uri> {
    let text = text.trim_end_matches('/');
    let fault = match text.parse::<Uri>() {
        Err(error) => error.to_string(),
        Ok(uri) if !matches!(uri.scheme_str(), Some("http" | "https")) => {
            "it must start with http:// or https://".to_owned()
        }
        Ok(uri) if uri.host().is_none_or(str::is_empty) => "it names no host".to_owned(),
        Ok(uri)
            if uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@')) =>
        {
            "it must not hold a user name or password".to_owned()
        }
        Ok(uri) if uri.query().is_some() || text.contains('#') => {
            "it must not have a query or fragment".to_owned()
        }
        Ok(uri) => return Some(uri),
    };
    faults.add(format!("{key}: {fault}"));
    None
}

/// A web URL without a path.
pub(super) fn origin(key: &str, text: &str, faults: &mut Faults) -> Option<Uri> {
    let uri = web_url(key, text, faults)?;
    if uri.path() != "/" {
        faults.add(format!("{key}: it must not have a path"));
        return None;
    }
    Some(uri)
}

/// Where customers reach the facade, without a slash at the end.
pub(super) fn public_base_url(url: &str, faults: &mut Faults) -> Option<String> {
    web_url("public_base_url", url, faults)?;
    Some(url.trim_end_matches('/').to_owned())
}
