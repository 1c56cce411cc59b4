//! TLS of both listeners: certificates that are read again when they change, without a restart.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail, ensure};
use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at: orchestrators swap them under a running process.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, the leaf first.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// The certificate in force.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    current: ArcSwap<CertifiedKey>,
}

impl Certificate {
    /// Reads the files.
    pub fn read(files: TlsFiles) -> anyhow::Result<Arc<Self>> {
        let current = ArcSwap::from_pointee(load(&files)?);
        Ok(Arc::new(Self { files, current }))
    }

    /// TLS 1.2 (the version Entra asks for) and 1.3, speaking the protocols named.
    pub fn server_config(self: &Arc<Self>, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// Reads the files again. When they are not good, the old certificate stays.
    pub fn reload(&self) {
        match load(&self.files) {
            Ok(certificate) => {
                self.current.store(Arc::new(certificate));
                tracing::info!(cert = %self.files.cert.display(), "TLS certificate read again");
            }
            Err(error) => {
                tracing::error!(
                    cert = %self.files.cert.display(),
                    error = format!("{error:#}"),
                    "the new TLS certificate is not good; the old one stays"
                );
            }
        }
    }

    /// Reads the files again when they change and on SIGHUP, until cancelled.
    pub async fn watch(self: Arc<Self>, cancel: CancellationToken) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            tracing::warn!("SIGHUP cannot be watched; TLS certificates are not read again");
            return;
        };
        let mut poll = tokio::time::interval(POLL_INTERVAL);
        let mut seen = self.files.modified();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = hangup.recv() => {}
                _ = poll.tick() => {
                    if self.files.modified() == seen {
                        continue;
                    }
                }
            }
            seen = self.files.modified();
            self.reload();
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl TlsFiles {
    fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| {
            fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .ok()
        })
    }
}

/// Reads and checks a certificate and its key.
pub fn load(files: &TlsFiles) -> anyhow::Result<CertifiedKey> {
    let chain = certificates(&files.cert)?;
    check_private(&files.key)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| {
        anyhow::anyhow!(
            "{} holds no private key in PEM: {error}",
            files.key.display()
        )
    })?;
    let provider = CryptoProvider::get_default().context("the process has no crypto provider")?;
    CertifiedKey::from_der(chain, key, provider).with_context(|| {
        format!(
            "{} and {} do not belong together",
            files.cert.display(),
            files.key.display()
        )
    })
}

/// Reads the PEM of an authority and checks that it holds certificates that others can be signed by.
pub fn read_authority(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(path)? {
        authorities.add(certificate).map_err(|error| {
            anyhow::anyhow!("{} holds a bad certificate: {error}", path.display())
        })?;
    }
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| {
            anyhow::anyhow!(
                "cannot read certificates in PEM from {}: {error}",
                path.display()
            )
        })?;
    ensure!(
        !chain.is_empty(),
        "{} holds no certificate in PEM",
        path.display()
    );
    Ok(chain)
}

/// A private key that everyone on the machine can read is no private key.
fn check_private(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .permissions()
        .mode();
    if mode & 0o007 != 0 {
        bail!(
            "{} can be read by every user of the machine; run: chmod o= {}",
            path.display(),
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn files(folder: &Path) -> TlsFiles {
        crate::install_crypto_provider();
        TlsFiles {
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }

    fn write(files: &TlsFiles) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        fs::write(&files.cert, made.cert.pem()).expect("written");
        fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).expect("set");
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files(folder.path());
        write(&files);
        let certificate = Certificate::read(files.clone()).expect("good files");
        let first = certificate.current.load_full();

        write(&files);
        certificate.reload();
        let second = certificate.current.load_full();
        assert_ne!(first.cert, second.cert);

        fs::write(&files.cert, "no certificate").expect("written");
        certificate.reload();
        assert_eq!(second.cert, certificate.current.load_full().cert);
    }

    #[test]
    fn a_key_for_everyone_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files(folder.path());
        write(&files);
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).expect("set");
        let error = load(&files).expect_err("everyone can read it");
        assert!(error.to_string().contains("chmod o="), "{error}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = files(folder.path());
        write(&files);
        let key = fs::read(&files.key).expect("there");
        write(&files);
        fs::write(&files.key, key).expect("written");
        assert!(
            format!("{:#}", load(&files).expect_err("mixed")).contains("do not belong together")
        );
    }
}
