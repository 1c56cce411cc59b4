//! Cutting lists into pages: how many items one has, and the opaque page token by which the next one is asked for.
//!
//! A token holds where its page ended, how many items there were in all and when it was issued, sealed under a key that all replicas share: nobody
//! reads it and nobody makes one. It is bound to its query, which is part of what is authenticated: another tenant, method, filter or order cannot
//! open it. It expires, as RFC 9865 section 2.1 wants a server to announce.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{
    clock::Timestamp,
    error::{Reason, Refusal},
    ids::TenantId,
    service_key::ServiceKey,
};

/// For how long a token is good. A SCIM front announces it as `cursorTimeout`.
pub const TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// How many items a page has when the request does not say.
const PAGE_SIZE_DEFAULT: u32 = 100;
/// How many items a page has at most; a larger wish is cut down (AIP-158).
const PAGE_SIZE_MAX: u32 = 200;
/// The same of members of a group.
const MEMBER_PAGE_SIZE_MAX: u32 = 1_000;
/// Longer texts are not ours: a position is a sort key and an id, and sort keys are bounded by the longest indexed value.
const TEXT_LEN_MAX: usize = 16 * 1024;
/// The form of the token; one of another version is refused, and the caller starts again.
const VERSION: u8 = 2;

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

/// Reads the `page_size` of a list of members, which are small: the default is the same, the maximum larger.
pub fn member_page_size(asked: i32) -> Result<u32, Refusal> {
    let size = page_size(asked)?;
    Ok(u32::try_from(asked)
        .unwrap_or(size)
        .clamp(size, MEMBER_PAGE_SIZE_MAX))
}

/// Seals and opens page tokens.
#[derive(Debug)]
pub struct PageTokens(RandomizedNonceKey);

impl PageTokens {
    /// With the key that all replicas share. AES-GCM-SIV, because nonces are random and the key is never changed: it stays safe where AES-GCM would
    /// have to count its tokens.
    pub fn new(key: &ServiceKey) -> Self {
        Self(
            RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_bytes())
                .expect("a service key is as long as the cipher's"),
        )
    }
}

/// A list that is read page by page: of which tenant, and everything that decides what is in it and in which order.
#[derive(Clone, Copy, Debug)]
pub struct Query<'t> {
    tokens: &'t PageTokens,
    now: Timestamp,
    digest: [u8; 32],
}

/// What a page token holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Behind what the next page begins, in the list's own form.
    pub position: Vec<u8>,
    /// How many items there were in all when the first page was read, where the list tells it.
    pub total: Option<i64>,
}

impl<'t> Query<'t> {
    /// The query of `method` with its parameters other than page size and token. `None` as the tenant: the parameters name it, or the list is
    /// that of tenants.
    pub fn new(
        tokens: &'t PageTokens,
        now: Timestamp,
        method: &str,
        tenant_id: Option<TenantId>,
        parameters: &[&str],
    ) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([VERSION]);
        hasher.update(tenant_id.map_or([0; 16], |id| id.uuid().into_bytes()));
        for part in [method].iter().chain(parameters) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self {
            tokens,
            now,
            digest: hasher.finalize().into(),
        }
    }

    /// The page token for the page after `position`, of a list of `total` items, issued now.
    pub fn token(&self, position: &[u8], total: Option<i64>) -> String {
        let mut text = self.now.as_micros().to_be_bytes().to_vec();
        text.extend_from_slice(&total.unwrap_or(NO_TOTAL).to_be_bytes());
        text.extend_from_slice(position);
        let nonce = self
            .tokens
            .0
            .seal_in_place_append_tag(Aad::from(self.digest), &mut text)
            .expect("a position is shorter than what the cipher seals");
        URL_SAFE_NO_PAD.encode([&[VERSION], &nonce.as_ref()[..], &text].concat())
    }

    /// What a page token of this query holds; `None` for an empty text, which asks for the first page.
    pub fn open(&self, token: &str) -> Result<Option<Place>, Refusal> {
        if token.is_empty() {
            return Ok(None);
        }
        let (issued, place) = self.unseal(token).ok_or_else(invalid_page_token)?;
        if issued.plus(TOKEN_LIFETIME) < self.now {
            return Err(expired_page_token());
        }
        Ok(Some(place))
    }

    fn unseal(&self, token: &str) -> Option<(Timestamp, Place)> {
        if token.len() > TEXT_LEN_MAX {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (&mut VERSION, rest) = bytes.split_first_mut()? else {
            return None;
        };
        let (nonce, sealed) = rest.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self
            .tokens
            .0
            .open_in_place(nonce, Aad::from(self.digest), sealed)
            .ok()?;
        let (issued, rest) = text.split_first_chunk()?;
        let (total, position) = rest.split_first_chunk()?;
        let total = i64::from_be_bytes(*total);
        let place = Place {
            position: position.to_vec(),
            total: (total != NO_TOTAL).then_some(total),
        };
        Some((Timestamp::from_micros(i64::from_be_bytes(*issued)), place))
    }
}

/// Stands for the total of a list that does not tell it.
const NO_TOTAL: i64 = -1;

/// The answer to a page token that is not of this query, also when its position cannot be read.
pub fn invalid_page_token() -> Refusal {
    Refusal::new(
        Reason::InvalidPageToken,
        "The page_token is not one that this list returned. Repeat the request that returned it with only the page_token added, or start \
         again without one.",
    )
    .field("page_token")
}

/// The answer to a page token of this query that was issued too long ago.
fn expired_page_token() -> Refusal {
    Refusal::new(
        Reason::ExpiredPageToken,
        "The page_token is more than an hour old. Start again without one.",
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

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn tokens() -> PageTokens {
        PageTokens::new(&ServiceKey::generate())
    }

    fn query<'t>(tokens: &'t PageTokens, tenant: u128, filter: &str) -> Query<'t> {
        let tenant_id = TenantId::from_uuid(Uuid::from_u128(tenant));
        Query::new(tokens, NOW, "ListLogEntries", Some(tenant_id), &[filter])
    }

    fn reason(answer: Result<Option<Place>, Refusal>) -> Reason {
        answer.expect_err("it is refused").reason
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
        assert_eq!(query(&tokens(), 1, "").open(""), Ok(None));
    }

    #[test]
    fn parameters_do_not_run_into_each_other() {
        let tokens = tokens();
        let digest = |parameters: &[&str]| Query::new(&tokens, NOW, "L", None, parameters).digest;
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["", "a"]), digest(&["a"]));
    }

    #[test]
    fn a_token_is_good_for_an_hour_on_every_replica() {
        let key = ServiceKey::generate();
        let (one, other) = (PageTokens::new(&key), PageTokens::new(&key));
        let token = query(&one, 1, "").token(b"x", Some(7));
        let place = Place {
            position: b"x".to_vec(),
            total: Some(7),
        };
        let at = |now| Query {
            now,
            ..query(&other, 1, "")
        };
        let micro = Duration::from_micros(1);
        // A replica whose clock is behind sees a token of the future.
        for now in [NOW.minus(TOKEN_LIFETIME), NOW, NOW.plus(TOKEN_LIFETIME)] {
            assert_eq!(at(now).open(&token), Ok(Some(place.clone())));
        }
        let late = at(NOW.plus(TOKEN_LIFETIME).plus(micro)).open(&token);
        assert_eq!(reason(late), Reason::ExpiredPageToken);
        // Whether it is too old is told only to who may know that it was one.
        let foreign = Query {
            now: NOW.plus(TOKEN_LIFETIME * 2),
            ..query(&other, 2, "")
        };
        assert_eq!(reason(foreign.open(&token)), Reason::InvalidPageToken);
    }

    #[test]
    fn a_token_of_another_service_is_refused() {
        let token = query(&tokens(), 1, "").token(b"x", None);
        let other = tokens();
        assert_eq!(
            reason(query(&other, 1, "").open(&token)),
            Reason::InvalidPageToken
        );
    }

    #[test]
    fn a_token_tells_nothing_and_is_another_each_time() {
        let tokens = tokens();
        let query = query(&tokens, 1, "");
        let position = b"alice@contoso.example";
        let (one, other) = (query.token(position, None), query.token(position, None));
        assert_ne!(one, other);
        let bytes = URL_SAFE_NO_PAD.decode(one).expect("it is base64");
        assert!(!bytes.windows(5).any(|window| window == b"alice"));
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
        fn a_token_is_read_back_by_its_own_query_only(position: Vec<u8>, total in prop::option::of(0..i64::MAX), filter: String) {
            let tokens = tokens();
            let token = query(&tokens, 1, &filter).token(&position, total);
            prop_assert_eq!(query(&tokens, 1, &filter).open(&token), Ok(Some(Place { position, total })));
            prop_assert!(query(&tokens, 2, &filter).open(&token).is_err());
            let longer = format!("{filter} ");
            prop_assert!(query(&tokens, 1, &longer).open(&token).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(position: Vec<u8>, at: prop::sample::Index, flip in 1_u8..=255) {
            let tokens = tokens();
            let query = query(&tokens, 1, "");
            let mut bytes = URL_SAFE_NO_PAD.decode(query.token(&position, None)).expect("it is base64");
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(query.open(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
        }

        #[test]
        fn a_text_that_is_no_token_is_refused(text in ".+") {
            let tokens = tokens();
            prop_assert_eq!(reason(query(&tokens, 1, "").open(&text)), Reason::InvalidPageToken);
        }
    }
}
