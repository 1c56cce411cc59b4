//! Who signs JWTs, and where the public keys are.

use std::{
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use provisioning_core::{
    clock::{Clock as _, SystemClock},
    grpc::jwt::{JwksError, JwksSource, JwtConfig, JwtKeys},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// `iss` and `aud`.
const PARTY: &str = "provisiond";
/// Until a JWT expires.
const YEARS: Duration = Duration::from_hours(5 * 365 * 24);

/// Somebody whose public key may be trusted.
pub struct Signer {
    kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub fn new(kid: &'static str, algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .unwrap();
                EncodingKey::from_ec_der(pair.as_ref())
            }
            Algorithm::RS256 => {
                let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
                let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
                let text = BASE64_STANDARD.encode(der.as_ref());
                let pem =
                    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
            }
            _ => {
                let pair = Ed25519KeyPair::generate_pkcs8v1(&random).unwrap();
                EncodingKey::from_ed_der(pair.as_ref())
            }
        };
        Self {
            kid,
            algorithm,
            key,
        }
    }

    /// The public half.
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    /// A JWT of an admin of `tenant`.
    pub fn sign(&self, tenant: &str) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        // A world's clock is some years ahead of the system's.
        let until = SystemClock.now().plus(YEARS);
        let claims = json!({
            "iss": PARTY, "aud": PARTY, "sub": "panel", "scope": "provisioning.admin", "tenant": tenant, "exp": until.as_micros() / 1_000_000,
        });
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

/// The keys of a JWKS; none while it is down.
type Published = Arc<Mutex<Option<Vec<Value>>>>;

/// A URL with a JWKS, that can be down.
pub struct Source {
    pub url: String,
    keys: Published,
    asked: Arc<AtomicUsize>,
    /// Ends with the source.
    _tasks: JoinSet<()>,
}

impl Source {
    /// Down at first.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (keys, asked) = (Published::default(), Arc::<AtomicUsize>::default());
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let (keys, asked) = (Arc::clone(&keys), Arc::clone(&asked));
            async move {
                while let Ok((connection, _)) = listener.accept().await {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let keys = keys.lock().unwrap().clone();
                    // Who asks and goes away is no matter.
                    let _ = answer(connection, keys).await;
                }
            }
        });
        Self {
            url,
            keys,
            asked,
            _tasks: tasks,
        }
    }

    pub async fn with(keys: &[&Signer]) -> Self {
        let source = Self::start().await;
        source.publish(keys.iter().map(|signer| signer.jwk()));
        source
    }

    pub fn publish(&self, keys: impl IntoIterator<Item = Value>) {
        *self.keys.lock().unwrap() = Some(keys.into_iter().collect());
    }

    pub fn go_down(&self) {
        *self.keys.lock().unwrap() = None;
    }

    /// How often somebody asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    pub async fn load(&self) -> Result<JwtKeys, JwksError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::aws_lc_rs::default_provider()
                .install_default()
                .unwrap();
        });
        JwtKeys::load(JwtConfig {
            issuer: PARTY.to_owned(),
            audience: PARTY.to_owned(),
            source: JwksSource::Url(self.url.clone()),
        })
        .await
    }
}

async fn answer(mut connection: TcpStream, keys: Option<Vec<Value>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    let (status, body) = match keys {
        Some(keys) => ("200 OK", json!({ "keys": keys }).to_string()),
        None => ("503 Service Unavailable", String::new()),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}
