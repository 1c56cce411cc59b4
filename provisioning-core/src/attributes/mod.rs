//! The attribute language of SCIM (RFC 7643, RFC 7644), pure: no I/O, no clock, no storage, no protobuf.
//!
//! A resource is an *attributes document*: a JSON object with the schema's canonical names, extensions keyed by URN. It holds what
//! a client may write, so not `id`, `schemas` and `meta`, which storage keeps beside it.
//!
//! ```text
//! client's JSON --validate--> document --patch--> document --search--> search document --filter::evaluate--> bool
//!                                           \--diff--> attribute changes            \--storage::filter--> SQL
//! ```

pub mod diff;
pub mod error;
pub mod filter;
pub mod fold;
pub mod open;
pub mod order;
pub mod patch;
pub mod path;
pub mod resolve;
pub mod revise;
pub mod schema;
pub mod search;
pub mod show;
pub mod time;
pub mod validate;

/// A JSON object: an attributes document, a search document or one element of a multi-valued attribute.
pub type Map = serde_json::Map<String, serde_json::Value>;
