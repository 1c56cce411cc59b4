//! The contract: the messages and services of `proto/dragonce`, generated, and the descriptor set that reflection serves.
//!
//! The comments are those of the `.proto` files.

/// Every file of the contract with its imports and comments, encoded as `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contract.binpb"));

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "provisioning.dragonce";

#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    missing_docs,
    unused_qualifications,
    reason = "generated; the contract's own comments are the documentation"
)]
mod generated {
    /// Accounts, schemas, the facade.
    pub mod v1 {
        tonic::include_proto!("dragonce.provisioning.v1");
    }
    /// Tenants, tokens, links, the log.
    pub mod admin {
        /// The first version.
        pub mod v1 {
            tonic::include_proto!("dragonce.provisioning.admin.v1");
        }
    }
    include!(concat!(env!("OUT_DIR"), "/requests.rs"));
}

pub mod json;

pub use generated::{admin, v1};

/// What the message of every RPC tells in the same way. Implemented for each of the contract by the build.
pub trait RequestMessage {
    /// Whether a dry run is asked for; `None` where the contract has no such field, because the RPC reads only.
    fn validate_only(&self) -> Option<bool>;
}

/// The first message of a stream says what the others are for.
impl RequestMessage for admin::v1::BulkLinkOptions {
    fn validate_only(&self) -> Option<bool> {
        Some(self.validate_only)
    }
}

impl v1::ErrorReason {
    /// The `reason` of the `google.rpc.ErrorInfo`: the value's name without its prefix.
    pub fn reason(self) -> &'static str {
        self.as_str_name().trim_start_matches("ERROR_REASON_")
    }

    /// Reads what [`reason`](Self::reason) wrote; `None` for a reason this version does not know.
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::from_str_name(&format!("ERROR_REASON_{reason}"))
    }
}
