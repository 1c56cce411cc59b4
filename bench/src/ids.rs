//! The one place for the ids and times of the benchmarks' own rows: in the order of their making, as the service's are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rand::RngExt as _;
use uuid::Uuid;

/// Times start here, in microseconds since 1970: rows have to look like rows, not to be of today.
const START_US: i64 = 1_800_000_000_000_000;

/// Version 7, variant RFC 9562, in the form of their bits.
const VERSION_AND_VARIANT: u128 = 0x7000_8000_0000_0000_0000;

/// The id of a preloaded row: SQL can make it from the number, so that pgbench finds it.
pub fn numbered(number: u64) -> Uuid {
    Uuid::from_u128(NUMBERED_PREFIX | VERSION_AND_VARIANT | u128::from(number))
}

/// What the ids of preloaded rows begin with; before all of [`Ids`].
const NUMBERED_PREFIX: u128 = 0x0190_0000_0000 << 80;

/// Makes ids that grow, and times.
pub struct Ids {
    prefix: u128,
    next: AtomicU64,
    started: Instant,
}

impl Ids {
    /// Its ids are unlike those of every other process.
    pub fn new() -> Self {
        let prefix = rand::rng().random_range(0x0200_0000_0000_u64..0x7000_0000_0000);
        Self {
            prefix: u128::from(prefix) << 80,
            next: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// The next id.
    pub fn id(&self) -> Uuid {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(self.prefix | VERSION_AND_VARIANT | u128::from(next))
    }

    /// Now, in microseconds.
    pub fn now_us(&self) -> i64 {
        START_US
            + i64::try_from(self.started.elapsed().as_micros())
                .expect("a benchmark ends within ages")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_are_of_version_7() {
        let ids = Ids::new();
        let (first, second) = (ids.id(), ids.id());
        assert!(numbered(u64::from(u32::MAX)) < first && first < second);
        assert_eq!([numbered(1), first].map(|id| id.get_version_num()), [7, 7]);
    }

    #[test]
    fn a_numbered_id_ends_in_its_number() {
        assert_eq!(
            numbered(0xabc).to_string(),
            "01900000-0000-7000-8000-000000000abc"
        );
    }
}
