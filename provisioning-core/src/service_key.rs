//! Keys that the service makes for itself, one for each purpose: never shown, the same on all replicas, kept in the database.

use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretSlice};

/// What a key is for. The texts are in the database: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sealing page tokens.
    PageTokens,
}

impl Purpose {
    /// The word in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PageTokens => "page_tokens",
        }
    }
}

/// 256 random bits. Wiped when dropped.
#[derive(Debug)]
pub struct ServiceKey(SecretSlice<u8>);

impl ServiceKey {
    /// The length of every key.
    pub const BYTES: usize = 32;

    /// A new key.
    pub fn generate() -> Self {
        Self(rand::rng().random::<[u8; Self::BYTES]>().to_vec().into())
    }

    /// The key in storage; `None` when it is not as long as one.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let key = Self(bytes.into());
        (key.as_bytes().len() == Self::BYTES).then_some(key)
    }

    /// The key for storage, and for the cipher.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_no_other_length_is_one() {
        let key = ServiceKey::generate();
        let read = ServiceKey::from_bytes(key.as_bytes().to_vec()).expect("it is one");
        assert_eq!(read.as_bytes(), key.as_bytes());
        assert_ne!(ServiceKey::generate().as_bytes(), key.as_bytes());
        for length in [0, 31, 33] {
            assert!(ServiceKey::from_bytes(vec![0; length]).is_none());
        }
    }

    #[test]
    fn debug_output_holds_nothing_of_a_key() {
        let key = ServiceKey::from_bytes(vec![77; ServiceKey::BYTES]).expect("it is one");
        assert!(!format!("{key:?}").contains("77"));
    }
}
