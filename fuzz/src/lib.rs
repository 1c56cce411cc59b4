//! The attribute language, for the fuzz targets.

#[path = "../../provisioning-core/src/attributes/mod.rs"]
pub mod attributes;
