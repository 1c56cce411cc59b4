//! What Microsoft Entra ID and Microsoft's own test suites need of a SCIM server.

mod beyond;
mod lifecycle;
mod patches;
mod postman;
mod readiness;
