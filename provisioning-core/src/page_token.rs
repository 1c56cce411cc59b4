//! Cutting lists into pages: how many items one has, and the opaque page token by which the next one is asked for.
//!
//! A token holds where its page ended, and a digest over that position and the query: a token that was changed, or that came from another
//! tenant or query, is refused. The digest has no key, because replicas share no secret; that is enough, because a position only says where to
//! go on in a list that the caller may read anyway.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Reason, Refusal},
    ids::TenantId,
};

/// How many items a page has when the request does not say.
const PAGE_SIZE_DEFAULT: u32 = 100;
/// How many items a page has at most; a larger wish is cut down (AIP-158).
const PAGE_SIZE_MAX: u32 = 200;
/// Longer texts are not ours: a position is a sort key and an id, and sort keys are bounded by the longest indexed value.
const TEXT_LEN_MAX: usize = 16 * 1024;
/// The form of the token; one of another version is refused, and the caller starts again.
const VERSION: u8 = 1;
/// 128 bits of a SHA-256.
const DIGEST_BYTES: usize = 16;

/// Reads a `page_size`: 0 means the default, and more than the maximum means the maximum.
pub fn page_size(asked: i32) -> Result<u32, Refusal> {
    match u32::try_from(asked) {
        Ok(0) => Ok(PAGE_SIZE_DEFAULT),
        Ok(asked) => Ok(asked.min(PAGE_SIZE_MAX)),
        Err(_) => Err(
            Refusal::new(Reason::InvalidRequest, "page_size cannot be negative.")
                .field("page_size"),
        ),
    }
}

/// A list that is read page by page: of which tenant, and everything that decides what is in it and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query([u8; 32]);

impl Query {
    /// The query of `method` with its parameters other than page size and token. `None` as the tenant: the parameters name it, or the list is
    /// that of tenants.
    pub fn new(method: &str, tenant_id: Option<TenantId>, parameters: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tenant_id.map_or([0; 16], |id| id.uuid().into_bytes()));
        for part in [method].iter().chain(parameters) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The page token for the page after `position`.
    pub fn token(&self, position: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + DIGEST_BYTES + position.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.digest(position));
        bytes.extend_from_slice(position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a page token of this query; `None` for an empty text, which asks for the first page.
    pub fn position(&self, token: &str) -> Result<Option<Vec<u8>>, Refusal> {
        if token.is_empty() {
            return Ok(None);
        }
        self.open(token).map(Some).ok_or_else(invalid_page_token)
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > TEXT_LEN_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (&VERSION, rest) = bytes.split_first()? else {
            return None;
        };
        let (digest, position) = rest.split_at_checked(DIGEST_BYTES)?;
        (digest == self.digest(position)).then(|| position.to_vec())
    }

    fn digest(&self, position: &[u8]) -> [u8; DIGEST_BYTES] {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(position)
            .finalize();
        std::array::from_fn(|index| digest[index])
    }
}

/// The answer to a page token that is not of this query, also when its position cannot be read.
pub fn invalid_page_token() -> Refusal {
    Refusal::new(
        Reason::InvalidPageToken,
        "The page_token is not one that this list returned. Repeat the request that returned it with only the page_token added, or start \
         again without one.",
    )
    .field("page_token")
}

/// Cuts what was read with one item more than the page holds; `None` as the last item when there is no next page.
pub(crate) fn cut<T>(items: &mut Vec<T>, page_size: u32) -> Option<&T> {
    let page_size = page_size as usize;
    let more = items.len() > page_size;
    items.truncate(page_size);
    if more { items.last() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn query(tenant: u128, filter: &str) -> Query {
        Query::new(
            "ListLogEntries",
            Some(TenantId::from_uuid(Uuid::from_u128(tenant))),
            &[filter],
        )
    }

    #[test]
    fn page_sizes_are_bounded() {
        for (asked, size) in [(0, 100), (1, 1), (200, 200), (201, 200), (i32::MAX, 200)] {
            assert_eq!(page_size(asked), Ok(size));
        }
        for asked in [-1, i32::MIN] {
            assert_eq!(
                page_size(asked).expect_err("negative").reason,
                Reason::InvalidRequest
            );
        }
    }

    #[test]
    fn no_token_asks_for_the_first_page() {
        assert_eq!(query(1, "").position(""), Ok(None));
    }

    #[test]
    fn parameters_do_not_run_into_each_other() {
        assert_ne!(
            Query::new("L", None, &["ab", "c"]),
            Query::new("L", None, &["a", "bc"])
        );
        assert_ne!(
            Query::new("L", None, &["", "a"]),
            Query::new("L", None, &["a"])
        );
    }

    #[test]
    fn a_page_is_cut_before_the_item_that_tells_of_the_next_one() {
        for (read, page_size, kept, last) in [(0, 2, 0, None), (2, 2, 2, None), (3, 2, 2, Some(1))]
        {
            let mut items: Vec<i32> = (0..read).collect();
            assert_eq!(cut(&mut items, page_size).copied(), last);
            assert_eq!(items.len(), kept);
        }
    }

    proptest! {
        #[test]
        fn a_token_is_read_back_by_its_own_query_only(position: Vec<u8>, filter: String) {
            let token = query(1, &filter).token(&position);
            prop_assert_eq!(query(1, &filter).position(&token), Ok(Some(position)));
            prop_assert!(query(2, &filter).position(&token).is_err());
            let longer = format!("{filter} ");
            prop_assert!(query(1, &longer).position(&token).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(position: Vec<u8>, at: prop::sample::Index, flip in 1_u8..=255) {
            let query = query(1, "");
            let mut bytes = URL_SAFE_NO_PAD.decode(query.token(&position)).expect("it is base64");
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(query.position(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
        }

        #[test]
        fn a_text_that_is_no_token_is_refused(text in ".+") {
            let refusal = query(1, "").position(&text).expect_err("it is no token");
            prop_assert_eq!(refusal.reason, Reason::InvalidPageToken);
        }
    }
}
