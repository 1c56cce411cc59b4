//! Trying again what the server rolled back in favour of another transaction: it has written nothing, and will most likely pass the next time.
//! Nothing else is repeated: whether a write whose connection broke was made is not known.

use std::time::Duration;

use rand::RngExt as _;

/// The first one included.
const TRIES_MAX: u32 = 3;
/// Before the second try, at most; before the third, at most twice this.
const DELAY_MAX_MS: u64 = 20;

/// The tries so far.
#[derive(Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// Whether to try again after this error. Waits before it says yes, each time for another while, so that rivals part.
    pub async fn again(&mut self, error: &sqlx::Error) -> bool {
        self.0 += 1;
        if self.0 == TRIES_MAX || !is_rolled_back(error) {
            return false;
        }
        let delay_ms = rand::rng().random_range(0..=DELAY_MAX_MS * u64::from(self.0));
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        true
    }
}

/// A serialization failure or a deadlock.
fn is_rolled_back(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
