//! The one place where ids are made, and the types that keep them apart.

use std::fmt;

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered by `now`.
            pub fn generate(now: Timestamp) -> Self {
                Self(uuid_v7(now, rand::rng().random()))
            }

            /// The id in storage.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Reads an id from outside; `None` when it cannot be one.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }

            /// The id for storage.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A tenant.
    TenantId
);
id!(
    /// An account; also its SCIM `id`.
    AccountId
);
id!(
    /// A group; also its SCIM `id`.
    GroupId
);
id!(
    /// A batch of the deprovision guard.
    BatchId
);
id!(
    /// A log entry.
    LogEntryId
);
id!(
    /// A change, before it has its number.
    ChangeId
);

impl LogEntryId {
    /// The same id for the same `at` and `seed`.
    pub fn derived(at: Timestamp, seed: [u8; 10]) -> Self {
        Self(uuid_v7(at, seed))
    }

    /// The same id for all that says the same in one minute, so that storage keeps one entry of it.
    pub fn of_minute(now: Timestamp, said: &str) -> Self {
        const MINUTE_US: i64 = 60_000_000;
        let into = now.as_micros().rem_euclid(MINUTE_US);
        let digest = Sha256::digest(said);
        let seed = std::array::from_fn(|index| digest[index]);
        Self::derived(Timestamp::from_micros(now.as_micros() - into), seed)
    }
}

/// The id of a finding, ordered by when it opened.
pub fn finding_id(now: Timestamp) -> Uuid {
    uuid_v7(now, rand::rng().random())
}

/// The twelve bits behind the milliseconds hold their fraction (RFC 9562 section 6.2, method 3): ids are in order to the microsecond.
fn uuid_v7(now: Timestamp, mut random: [u8; 10]) -> Uuid {
    let micros = u64::try_from(now.as_micros()).unwrap_or(0);
    let fraction = u16::try_from((micros % 1_000) * 4_096 / 1_000).expect("less than 4,096");
    random[..2].copy_from_slice(&fraction.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(micros / 1_000, &random).into_uuid()
}

/// The id of one inbound request: the `X-Request-Id` of the HTTP answer, and `request_id` of the log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Takes a caller's id when it is a UUID, and makes one otherwise.
    pub fn from_caller(text: Option<&str>) -> Self {
        match text.and_then(|text| Uuid::try_parse(text).ok()) {
            Some(uuid) => Self(uuid.to_string()),
            None => Self(
                uuid::Builder::from_random_bytes(rand::rng().random())
                    .into_uuid()
                    .to_string(),
            ),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_to_the_microsecond() {
        let at = |micros: i64| {
            LogEntryId::generate(Timestamp::from_micros(1_800_000_000_000_000 + micros))
        };
        let ids: Vec<_> = (0..3_000).map(at).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.uuid().get_version_num() == 7));
        assert_ne!(at(0), at(0));
    }
}
