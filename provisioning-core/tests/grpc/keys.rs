//! The keys of JWTs from a URL: which are read, how often they are asked for, and what holds while the URL is down.

use jsonwebtoken::Algorithm;
use provisioning_core::grpc::jwt::JwtError;
use serde_json::json;

use super::callers::{Signer, Source};
use crate::world::CONTOSO;

#[tokio::test]
async fn each_of_the_three_algorithms_is_verified() {
    let signers = [
        Signer::new("ed", Algorithm::EdDSA),
        Signer::new("ec", Algorithm::ES256),
        Signer::new("rsa", Algorithm::RS256),
    ];
    let source = Source::with(&signers.each_ref()).await;
    let keys = source.load().await.unwrap();
    for signer in &signers {
        let principal = keys.verify(&signer.sign(CONTOSO)).await.unwrap();
        assert_eq!(principal.subject, "panel");
        assert_eq!(principal.tenant.unwrap().as_str(), CONTOSO);
    }
    // A key of the same kid that is another's.
    let stranger = Signer::new("ed", Algorithm::EdDSA);
    let refused = keys.verify(&stranger.sign(CONTOSO)).await;
    assert!(matches!(refused, Err(JwtError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn a_known_kid_asks_nobody_and_unknown_ones_ask_seldom() {
    let known = Signer::new("known", Algorithm::EdDSA);
    let source = Source::with(&[&known]).await;
    let keys = source.load().await.unwrap();
    for _ in 0..5 {
        keys.verify(&known.sign(CONTOSO)).await.unwrap();
    }
    assert_eq!(source.asked(), 1);
    for kid in ["made-up", "made-up-too", "and-another"] {
        let refused = keys
            .verify(&Signer::new(kid, Algorithm::EdDSA).sign(CONTOSO))
            .await;
        assert!(matches!(refused, Err(JwtError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(source.asked(), 2);
}

#[tokio::test]
async fn a_key_that_came_later_is_found() {
    let (old, new) = (
        Signer::new("old", Algorithm::EdDSA),
        Signer::new("new", Algorithm::ES256),
    );
    let source = Source::with(&[&old]).await;
    let keys = source.load().await.unwrap();
    source.publish([old.jwk(), new.jwk()]);
    keys.verify(&new.sign(CONTOSO)).await.unwrap();
    keys.verify(&old.sign(CONTOSO)).await.unwrap();
}

#[tokio::test]
async fn while_the_url_is_down_known_keys_are_kept_and_others_are_uncertain() {
    let (known, unknown) = (
        Signer::new("known", Algorithm::EdDSA),
        Signer::new("unknown", Algorithm::EdDSA),
    );
    let source = Source::with(&[&known]).await;
    let keys = source.load().await.unwrap();
    source.go_down();
    for _ in 0..2 {
        let refused = keys.verify(&unknown.sign(CONTOSO)).await;
        assert!(matches!(refused, Err(JwtError::Unknown)), "{refused:?}");
        keys.verify(&known.sign(CONTOSO)).await.unwrap();
    }
}

#[tokio::test]
async fn a_url_that_is_down_at_the_start_is_asked_when_a_jwt_comes() {
    let source = Source::start().await;
    let keys = source.load().await.unwrap();
    let signer = Signer::new("late", Algorithm::EdDSA);
    source.publish([signer.jwk()]);
    keys.verify(&signer.sign(CONTOSO)).await.unwrap();
}

#[tokio::test]
async fn keys_of_other_kinds_hide_none() {
    let signer = Signer::new("usable", Algorithm::EdDSA);
    let source = Source::start().await;
    source.publish([
        json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "of a later day", "pub": "AA"}),
        json!({"kty": "OKP", "crv": "Ed448", "kid": "another curve", "x": "AA"}),
        json!({"kty": "oct", "kid": "whoever verifies could sign", "k": "AA"}),
        json!({"kid": "nothing else"}),
        signer.jwk(),
    ]);
    let keys = source.load().await.unwrap();
    keys.verify(&signer.sign(CONTOSO)).await.unwrap();
}
