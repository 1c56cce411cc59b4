//! provisioning-core
