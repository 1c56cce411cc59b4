//! scim-facade
