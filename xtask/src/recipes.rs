//! What a developer can ask for: one recipe, one file.

pub mod bench;
pub mod bombs;
pub mod deny;
pub mod equivalence;
pub mod fuzz;
pub mod guard;
pub mod linking;
pub mod postgres;
pub mod test;
