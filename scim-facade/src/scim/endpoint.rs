//! Where a tenant's resources are: the only place that builds a URL.

use crate::scim::resource_type::ResourceType;

/// The SCIM endpoint of a tenant, `{public_base_url}/scim/{identifier}/v2`: from the configuration, never from a header.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    pub(crate) fn new(public_base_url: &str, tenant: &str) -> Self {
        Self(format!(
            "{}/scim/{tenant}/v2",
            public_base_url.trim_end_matches('/')
        ))
    }

    /// A resource, for `Location`, `meta.location` and `$ref`.
    pub(crate) fn resource(&self, resource_type: ResourceType, id: &str) -> String {
        format!("{}/{}/{id}", self.0, resource_type.collection())
    }

    /// Anything else below the endpoint.
    pub(crate) fn of(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}
