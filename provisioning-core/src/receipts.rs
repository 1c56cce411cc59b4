//! Receipts: what was answered to a `request_id`, so that the same request again gets the same answer for 24 hours.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    Core,
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    ids::TenantId,
    storage::{Commit, Mutation, Write},
};

/// How long a receipt is kept at least; until it is purged it goes on being replayed.
pub const RETENTION: Duration = Duration::from_hours(24);

/// What makes two requests the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptKey {
    /// Who called; ids of different callers do not meet.
    pub caller: String,
    /// The RPC's full name.
    pub method: String,
    /// The caller's UUID.
    pub request_id: Uuid,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of which request.
    pub key: ReceiptKey,
    /// SHA-256 of the request message.
    pub body_sha256: [u8; 32],
    /// The encoded response message.
    pub response: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

/// Asks a use case to do its work once: the same request again gets the first answer.
pub struct Once<'a, R> {
    /// Which request.
    pub key: ReceiptKey,
    /// SHA-256 of the request message.
    pub body_sha256: [u8; 32],
    /// Encodes the answer as it will be replayed.
    pub encode: &'a (dyn Fn(&R) -> Vec<u8> + Send + Sync),
}

impl<R> Once<'_, R> {
    /// The receipt of `answer`, to be committed with the mutation.
    pub fn receipt(&self, answer: &R, at: Timestamp) -> Receipt {
        Receipt {
            key: self.key.clone(),
            body_sha256: self.body_sha256,
            response: (self.encode)(answer),
            at,
        }
    }
}

/// What a use case that may be replayed answers.
#[derive(Debug)]
pub enum Answer<R> {
    /// The work was done now.
    Fresh(R),
    /// It was done before; this is the encoded answer.
    Replayed(Vec<u8>),
}

impl Core {
    /// Commits the receipt of a request that changed nothing. False when the same request was answered meanwhile.
    pub(crate) async fn keep_receipt(
        &self,
        tenant_id: TenantId,
        receipt: Option<Receipt>,
    ) -> Result<bool, Error> {
        if receipt.is_none() {
            return Ok(true);
        }
        let mutation = Mutation {
            tenant_id,
            write: Write::Nothing,
            guard: None,
            log: None,
            change: None,
            receipt,
            findings: Vec::new(),
        };
        Ok(self.storage().commit(mutation).await? == Commit::Done)
    }

    /// The stored answer, when the request was answered before. Refuses an id that came with another body.
    pub(crate) async fn replay<R>(
        &self,
        tenant_id: TenantId,
        once: Option<&Once<'_, R>>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(once) = once else { return Ok(None) };
        let Some(receipt) = self.storage().find_receipt(tenant_id, &once.key).await? else {
            return Ok(None);
        };
        if receipt.body_sha256 != once.body_sha256 {
            return Err(Refusal::new(
                Reason::RequestIdReused,
                "This request_id was used before with another body. Use a new UUID for each request, and the same one only to repeat it.",
            )
            .field("request_id")
            .into());
        }
        Ok(Some(receipt.response))
    }
}
