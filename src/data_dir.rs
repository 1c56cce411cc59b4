//! The data folder: made private, with the key pair that signs administrative calls and its public half.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::json;

/// Names in the folder: operators' scripts know them.
const KEY_FILE: &str = "jwt-key.pem";
const JWKS_FILE: &str = "jwks.json";
/// Only the owner.
const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// The data folder.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The key pair that signs administrative calls.
pub struct SigningKey {
    /// PKCS#8.
    pkcs8: PrivatePkcs8KeyDer<'static>,
    /// RFC 7638 thumbprint of the public key.
    kid: String,
}

impl DataDir {
    /// Takes the folder, and makes it when it is not there.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_FOLDER)
            .create(path)
            .with_context(|| format!("cannot make the data folder {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Takes a folder that a service has used.
    pub fn open(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The public half of the key pair, as a JWK set.
    pub fn jwks_file(&self) -> PathBuf {
        self.0.join(JWKS_FILE)
    }

    /// Makes the key pair unless it is there, and writes its public half.
    pub fn ensure_signing_key(&self) -> anyhow::Result<SigningKey> {
        match self.make_key() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot write {}", self.0.join(KEY_FILE).display()));
            }
        }
        let key = self.signing_key()?;
        self.write_whole(JWKS_FILE, &key.jwks()?)
            .with_context(|| format!("cannot write {}", self.jwks_file().display()))?;
        Ok(key)
    }

    /// Reads the key pair.
    pub fn signing_key(&self) -> anyhow::Result<SigningKey> {
        let path = self.0.join(KEY_FILE);
        let metadata = fs::metadata(&path).with_context(|| {
            format!("cannot read the signing key {}; --data-dir names the data folder of the service, made by its first start", path.display())
        })?;
        if metadata.permissions().mode() & 0o077 != 0 {
            bail!(
                "{} can be read by others than its owner; run: chmod 600 {}",
                path.display(),
                path.display()
            );
        }
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_file(&path)
            .map_err(|error| anyhow::anyhow!("{} holds no private key: {error}; remove it and start the service to make a new one", path.display()))?;
        SigningKey::new(pkcs8)
    }

    /// Writes a new key pair; never over another, so that two starts at once agree.
    fn make_key(&self) -> std::io::Result<()> {
        if self.0.join(KEY_FILE).exists() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(std::io::Error::other)?;
        let temporary = self.write_temporary(KEY_FILE, &pem(document.as_ref()))?;
        let linked = fs::hard_link(&temporary, self.0.join(KEY_FILE));
        fs::remove_file(&temporary)?;
        linked
    }

    /// Writes a file so that a reader finds the old one or the new one.
    fn write_whole(&self, name: &str, text: &str) -> std::io::Result<()> {
        let temporary = self.write_temporary(name, text)?;
        fs::rename(temporary, self.0.join(name))
    }

    fn write_temporary(&self, name: &str, text: &str) -> std::io::Result<PathBuf> {
        let path = self.0.join(format!(".{name}.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(PRIVATE_FILE)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(path)
    }
}

impl SigningKey {
    fn new(pkcs8: PrivatePkcs8KeyDer<'static>) -> anyhow::Result<Self> {
        let public = public_key(&pkcs8)?;
        // RFC 7638: the required members in lexical order, without white space.
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let kid = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        Ok(Self { pkcs8, kid })
    }

    /// The name of the key in a JWT's header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// PKCS#8.
    pub fn pkcs8(&self) -> &[u8] {
        self.pkcs8.secret_pkcs8_der()
    }

    fn jwks(&self) -> anyhow::Result<String> {
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": public_key(&self.pkcs8)?,
        });
        Ok(format!("{:#}\n", json!({ "keys": [key] })))
    }
}

fn public_key(pkcs8: &PrivatePkcs8KeyDer<'_>) -> anyhow::Result<String> {
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.secret_pkcs8_der())
        .map_err(|error| anyhow::anyhow!("the signing key is not an Ed25519 key: {error}"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(pair.public_key()))
}

fn pem(der: &[u8]) -> String {
    // An Ed25519 key is shorter than one line of RFC 7468 times two; readers take any length.
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64_STANDARD.encode(der)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_keeps_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(&folder.path().join("new")).expect("made");
        let first = data_dir.ensure_signing_key().expect("made");
        let second = data_dir.ensure_signing_key().expect("read");
        assert_eq!((first.kid(), first.pkcs8()), (second.kid(), second.pkcs8()));
        assert!(
            fs::read_to_string(data_dir.jwks_file())
                .expect("written")
                .contains(first.kid())
        );
    }

    #[test]
    fn only_the_owner_can_read_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(&folder.path().join("new")).expect("made");
        data_dir.ensure_signing_key().expect("made");
        let key = folder.path().join("new").join(KEY_FILE);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(
            (mode(&key), mode(&folder.path().join("new"))),
            (PRIVATE_FILE, PRIVATE_FOLDER)
        );

        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("set");
        let error = data_dir.signing_key().err().expect("others can read it");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_missing_key_tells_where_it_comes_from() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = DataDir::open(folder.path())
            .signing_key()
            .err()
            .expect("nothing there");
        assert!(error.to_string().contains("--data-dir"), "{error}");
    }

    /// The example of RFC 8037 appendix A.
    #[test]
    fn the_kid_is_the_thumbprint() {
        let seed = BASE64_URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .expect("base64");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
        let document = pair.to_pkcs8().expect("encoded");
        let key =
            SigningKey::new(PrivatePkcs8KeyDer::from(document.as_ref().to_vec())).expect("a key");
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
