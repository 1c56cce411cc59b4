//! Bugs that servers have been seen to have with Microsoft Entra ID: one test a symptom, named by it, in Entra's dialect.
//!
//! Some of what they show is shown elsewhere too, at more length. Here nobody must look for it.

mod creating;
mod finding;
mod groups;
mod living;
mod patching;

use crate::support::{Panel, ScimClient, Service};

/// A client of a tenant with the presets.
async fn scim(service: &Service) -> ScimClient {
    Panel::of(service).await.tenant("acme").await.scim
}
