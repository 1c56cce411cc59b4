//! What a developer can ask for: one recipe, one file.

pub mod bench;
pub mod deny;
pub mod postgres;
pub mod test;
