//! What the program tells the facade, and every bound of the facade with its reason.

use std::time::Duration;

/// How the facade is set up.
#[derive(Clone, Debug)]
pub struct FacadeConfig {
    /// The URL under which customers reach the service, without `/scim`, for example `https://provisioning.dragonce.example`.
    /// `Location` and `meta.location` are built from it, never from a header of the request.
    pub public_base_url: String,
    /// How long one SCIM request may wait for the core, all its calls and their retries together.
    pub call_timeout: Duration,
    /// How long the operations of one bulk request may take together: what has not begun by then is answered 503.
    pub bulk_timeout: Duration,
    /// Whether a call is tried again when the core cannot be reached. For a core in another process; every mutation carries a
    /// request id, so that a second try does not act twice.
    pub retries_enabled: bool,
}

impl FacadeConfig {
    /// The set-up for a core in this process.
    pub fn new(public_base_url: impl Into<String>) -> Self {
        Self {
            public_base_url: public_base_url.into(),
            call_timeout: CALL_TIMEOUT,
            bulk_timeout: BULK_TIMEOUT,
            retries_enabled: false,
        }
    }
}

/// An outage is answered by 503 within five seconds, so that requests do not pile up behind it; half a second is left for the rest.
const CALL_TIMEOUT: Duration = Duration::from_millis(4_500);

/// The operations of a bulk are done one after the other, each with a deadline of its own. With the last of them, this is less than the half
/// minute after which clients and proxies give up waiting.
const BULK_TIMEOUT: Duration = Duration::from_secs(20);

/// A body is at most this large: a resource with every attribute set is a hundredth of it.
pub(crate) const BODY_SIZE_MAX: usize = 1024 * 1024;

/// The bytes of all bodies together that are larger than [`BODY_SMALL_BYTES`]: bodies come before it is known who sends them, and must not
/// fill the memory.
pub(crate) const BODIES_BYTES_MAX: usize = 32 * BODY_SIZE_MAX;

/// What a body may have without counting for that: almost every request, and no more than its connection's own buffers.
pub(crate) const BODY_SMALL_BYTES: usize = 16 * 1024;

/// How long a client may take to send a body of that size.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Objects and arrays in each other. SCIM needs five; the bound keeps every recursion over a body short.
pub(crate) const JSON_DEPTH_MAX: usize = 32;

/// The greatest whole number, up to which a double tells each from the next.
pub(crate) const WHOLE_NUMBER_MAX: u64 = 1 << 53;

/// Values of one body, those in others counted too: a group of 20,000 members, the most that the core takes, has 40,000.
pub(crate) const JSON_VALUES_MAX: usize = 65_536;

/// Operations of one PATCH, as the client counts them: Entra sends a handful. The contract allows ten times as many, since one
/// operation may become several here.
pub(crate) const OPERATIONS_MAX: usize = 100;

/// Operations of one bulk request: each is a call, and a bulk of this many ends within its time unless the storage is slow.
pub(crate) const BULK_OPERATIONS_MAX: usize = 100;

/// Resources of one page; also `filter.maxResults` of the `ServiceProviderConfig`.
pub(crate) const PAGE_SIZE_MAX: i32 = 200;

/// Resources of a page when the client does not say: the core's own default.
pub(crate) const PAGE_SIZE_DEFAULT: i32 = 100;

/// How many seconds a cursor is good for: the life of the core's page tokens.
pub(crate) const CURSOR_TIMEOUT_S: u32 = 3_600;

/// Answers of the core: a full page of large accounts fits.
pub(crate) const ANSWER_SIZE_MAX: usize = 64 * 1024 * 1024;

/// Tries of one call when retries are on.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

/// How long the readiness probe waits for the core.
pub(crate) const READINESS_TIMEOUT: Duration = Duration::from_secs(2);

/// The least seconds a client is asked to wait when the service cannot answer, and how many more jitter may add.
pub(crate) const RETRY_AFTER_S: u8 = 30;
pub(crate) const RETRY_AFTER_JITTER_S: u8 = 30;

/// Seconds a client is asked to wait when it sends too fast and the core does not say how long.
pub(crate) const RATE_LIMIT_RETRY_AFTER_S: u64 = 2;
